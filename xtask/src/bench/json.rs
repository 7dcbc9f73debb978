//! JSON, as far as the bench writes it.

use std::fmt::{self, Display};

/// A value to write. Objects keep their order.
pub enum Json {
    Null,
    Number(f64),
    Text(String),
    List(Vec<Json>),
    Object(Vec<(String, Json)>),
}

impl Json {
    /// An object of these fields.
    pub fn object<const N: usize>(fields: [(&str, Json); N]) -> Self {
        Self::Object(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    }

    /// A string.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// A number, or null.
    pub fn number(number: Option<f64>) -> Self {
        number.map_or(Self::Null, Self::Number)
    }

    fn write(&self, f: &mut fmt::Formatter<'_>, depth: usize) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Number(value) if value.is_finite() => write!(f, "{value}"),
            Self::Number(_) => f.write_str("null"),
            Self::Text(text) => quoted(f, text),
            // Lists of numbers stay on one line.
            Self::List(items) if items.iter().all(|item| matches!(item, Self::Number(_))) => {
                f.write_str("[")?;
                for (index, item) in items.iter().enumerate() {
                    f.write_str(if index > 0 { ", " } else { "" })?;
                    item.write(f, depth)?;
                }
                f.write_str("]")
            }
            Self::List(items) => block(f, depth, "[", "]", items, |f, item| item.write(f, depth + 1)),
            Self::Object(fields) => block(f, depth, "{", "}", fields, |f, (name, value)| {
                quoted(f, name)?;
                f.write_str(": ")?;
                value.write(f, depth + 1)
            }),
        }
    }
}

fn block<T>(
    f: &mut fmt::Formatter<'_>,
    depth: usize,
    open: &str,
    close: &str,
    items: &[T],
    mut write: impl FnMut(&mut fmt::Formatter<'_>, &T) -> fmt::Result,
) -> fmt::Result {
    f.write_str(open)?;
    for (index, item) in items.iter().enumerate() {
        write!(f, "{}\n{:width$}", if index > 0 { "," } else { "" }, "", width = 2 * (depth + 1))?;
        write(f, item)?;
    }
    write!(f, "\n{:width$}{close}", "", width = 2 * depth)
}

fn quoted(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    f.write_str("\"")?;
    for letter in text.chars() {
        match letter {
            '"' | '\\' => write!(f, "\\{letter}")?,
            control if control < ' ' => write!(f, "\\u{:04x}", u32::from(control))?,
            other => write!(f, "{other}")?,
        }
    }
    f.write_str("\"")
}

impl Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f, 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_what_parsers_read() {
        let numbers = Json::List(vec![Json::Number(1.0), Json::Number(2.5), Json::Number(f64::NAN)]);
        let value = Json::object([("a\"b", numbers), ("c", Json::List(vec![Json::text("x\n"), Json::Null]))]);
        let expected = "{\n  \"a\\\"b\": [1, 2.5, null],\n  \"c\": [\n    \"x\\u000a\",\n    null\n  ]\n}";
        assert_eq!(value.to_string(), expected);
    }
}
