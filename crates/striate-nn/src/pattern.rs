//! Patterns of module paths.

/// A dotted path in which `*` stands for any characters, dots too: `layer1.*` is all that is inside `layer1`, `*.conv1`
/// every module of that name below the top, `*` everything.
///
/// ```
/// use striate_nn::PathPattern;
///
/// assert!(PathPattern::new("layer1.*").matches("layer1.0.conv1"));
/// assert!(!PathPattern::new("layer1.*").matches("layer10.conv1"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathPattern(String);

impl PathPattern {
    /// The pattern written so.
    pub fn new(pattern: impl Into<String>) -> Self {
        Self(pattern.into())
    }

    /// Whether it fits the whole path.
    pub fn matches(&self, path: &str) -> bool {
        let mut parts = self.0.split('*');
        let first = parts.next().unwrap_or_default();
        let Some(mut rest) = path.strip_prefix(first) else { return false };
        let Some(last) = parts.next_back() else { return rest.is_empty() };
        for part in parts {
            // The earliest place leaves the most room for what follows.
            let Some(at) = rest.find(part) else { return false };
            rest = &rest[at + part.len()..];
        }
        rest.ends_with(last)
    }
}

impl From<&str> for PathPattern {
    fn from(pattern: &str) -> Self {
        Self::new(pattern)
    }
}

impl From<String> for PathPattern {
    fn from(pattern: String) -> Self {
        Self::new(pattern)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        let table = [
            ("a.b", "a.b", true),
            ("a.b", "a.bc", false),
            ("", "", true),
            ("", "a", false),
            ("*", "a.b.c", true),
            ("*", "", true),
            ("a.*", "a", false),
            ("*.conv1", "layer1.0.conv1", true),
            ("*.conv1", "conv1", false),
            ("layer*.conv*", "layer1.0.conv2", true),
            ("layer*.conv*.x", "layer1.0.conv2", false),
            ("a*a", "a", false),
            ("a*b*c", "abcbc", true),
        ];
        for (pattern, path, expected) in table {
            assert_eq!(PathPattern::new(pattern).matches(path), expected, "{pattern} {path}");
        }
    }
}
