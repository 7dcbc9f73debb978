//! What the learner can change in a lab, and the values they have chosen. Every value has a text form, which is what the
//! page's address holds, so a link to a page is a link to its state.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

/// One choice of a [`Kind::Choice`]: value in the address, text on the page.
pub type Choice = (&'static str, &'static str);

/// How a control looks and what it accepts.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// A number between two ends.
    Slider {
        /// Smallest.
        min: f64,
        /// Largest.
        max: f64,
        /// Distance of neighbouring values; in decades when `logarithmic`.
        step: f64,
        /// The slider moves in powers of ten; `min` and `max` stay plain numbers.
        logarithmic: bool,
    },
    /// One of a few.
    Choice(&'static [Choice]),
    /// One of the pictures in the binary, or the learner's own.
    Image(&'static [Choice]),
    /// A small matrix of editable numbers, with ready-made ones: value, name, matrix.
    KernelGrid(&'static [(&'static str, &'static str, &'static str)]),
    /// A square sheet to draw on.
    Drawing,
    /// One of the learner's finished runs; empty for the newest.
    Run,
}

/// A control.
#[derive(Clone, Copy, Debug)]
pub struct Control {
    /// Key in the address.
    pub id: &'static str,
    /// Name on the page.
    pub label: &'static str,
    /// What it does, in one line.
    pub help: &'static str,
    /// Text form of the value at the start.
    pub default: &'static str,
    /// What it accepts.
    pub kind: Kind,
}

impl Control {
    /// Whether `text` is a value of this control.
    pub fn accepts(&self, text: &str) -> bool {
        match self.kind {
            Kind::Slider { min, max, .. } => text.parse().is_ok_and(|value: f64| (min..=max).contains(&value)),
            Kind::Choice(choices) => choices.iter().any(|(value, _)| *value == text),
            Kind::Image(choices) => choices.iter().any(|(value, _)| *value == text) || Picture::parse(text).is_ok(),
            Kind::KernelGrid(_) => Kernel::parse(text).is_ok(),
            Kind::Run => text.len() <= 100,
            Kind::Drawing => text.is_empty() || Picture::parse(text).is_ok(),
        }
    }
}

/// The values of a lab's controls.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Values(BTreeMap<String, String>);

impl Values {
    /// The given texts where they are values of their control, the defaults elsewhere.
    pub fn new(controls: &[Control], given: &BTreeMap<String, String>) -> Self {
        let value = |control: &Control| match given.get(control.id) {
            Some(text) if control.accepts(text) => text.clone(),
            _ => control.default.to_owned(),
        };
        Values(controls.iter().map(|control| (control.id.to_owned(), value(control))).collect())
    }

    /// Text form of a value; empty when there is no such control.
    pub fn text(&self, id: &str) -> &str {
        self.0.get(id).map_or("", String::as_str)
    }

    /// A slider's value.
    pub fn number(&self, id: &str) -> f64 {
        self.text(id).parse().unwrap_or(0.0)
    }

    /// A slider's value as a count.
    pub fn count(&self, id: &str) -> usize {
        self.number(id).round().max(0.0) as usize
    }
}

/// A matrix from a kernel grid: rows separated by `;`, numbers by `,`; `1/9` is a number.
#[derive(Clone, Debug, PartialEq)]
pub struct Kernel {
    /// Rows.
    pub rows: usize,
    /// Columns.
    pub columns: usize,
    /// Numbers, row by row.
    pub values: Vec<f64>,
}

impl Kernel {
    /// Largest number of rows and columns.
    pub const MAX_SIDE: usize = 9;

    /// Reads the text form.
    pub fn parse(text: &str) -> Result<Self, String> {
        let rows: Vec<Vec<f64>> = text
            .split(';')
            .map(|row| row.split(',').map(parse_number).collect::<Result<_, _>>())
            .collect::<Result<_, _>>()?;
        let columns = rows[0].len();
        if rows.iter().any(|row| row.len() != columns) {
            return Err("the rows of the kernel differ in length".to_owned());
        }
        if rows.len() > Self::MAX_SIDE || columns > Self::MAX_SIDE {
            return Err(format!("a kernel has at most {0} by {0} numbers", Self::MAX_SIDE));
        }
        Ok(Kernel { rows: rows.len(), columns, values: rows.concat() })
    }
}

fn parse_number(text: &str) -> Result<f64, String> {
    let bad = || format!("{:?} is not a number; write 0.25, -1 or 1/9", text.trim());
    let part = |text: &str| text.trim().parse::<f64>().ok().filter(|value| value.is_finite());
    let value = match text.split_once('/') {
        Some((top, bottom)) => part(top).zip(part(bottom)).map(|(top, bottom)| top / bottom),
        None => part(text),
    };
    value.filter(|value| value.is_finite()).ok_or_else(bad)
}

/// A grey picture the page sent: `WIDTHxHEIGHT:BASE64`.
#[derive(Clone, Debug, PartialEq)]
pub struct Picture {
    /// Pixels across.
    pub width: usize,
    /// Pixels down.
    pub height: usize,
    /// Bytes, row by row.
    pub pixels: Vec<u8>,
}

impl Picture {
    /// Longest side accepted.
    pub const MAX_SIDE: usize = 512;

    /// Reads the text form.
    pub fn parse(text: &str) -> Result<Self, String> {
        let bad = || "not a picture: expected WIDTHxHEIGHT:BASE64 with one byte for each pixel".to_owned();
        let (size, data) = text.split_once(':').ok_or_else(bad)?;
        let (width, height) = size.split_once('x').ok_or_else(bad)?;
        let (width, height): (usize, usize) = width.parse().ok().zip(height.parse().ok()).ok_or_else(bad)?;
        if !(1..=Self::MAX_SIDE).contains(&width) || !(1..=Self::MAX_SIDE).contains(&height) {
            return Err(format!("a picture has between 1 and {} pixels on each side", Self::MAX_SIDE));
        }
        let pixels = STANDARD.decode(data).map_err(|_| bad())?;
        if pixels.len() != width * height { Err(bad()) } else { Ok(Picture { width, height, pixels }) }
    }
}

/// A cell the pointer is on.
#[derive(Clone, Debug, Deserialize, PartialEq)]
pub struct Cell {
    /// Pane.
    pub pane: String,
    /// Row from the top.
    pub row: usize,
    /// Column from the left.
    pub column: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONTROLS: &[Control] = &[
        Control {
            id: "rate",
            label: "",
            help: "",
            default: "0.5",
            kind: Kind::Slider { min: 0.0, max: 1.0, step: 0.1, logarithmic: false },
        },
        Control { id: "mode", label: "", help: "", default: "a", kind: Kind::Choice(&[("a", "A"), ("b", "B")]) },
        Control { id: "kernel", label: "", help: "", default: "1", kind: Kind::KernelGrid(&[]) },
    ];

    #[test]
    fn values_outside_a_control_fall_back_to_its_default() {
        let given = |pairs: &[(&str, &str)]| {
            Values::new(CONTROLS, &pairs.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect())
        };
        assert_eq!(given(&[("rate", "0.25"), ("mode", "b")]).number("rate"), 0.25);
        assert_eq!(given(&[("rate", "7")]).number("rate"), 0.5);
        assert_eq!(given(&[("rate", "NaN")]).number("rate"), 0.5);
        assert_eq!(given(&[("mode", "<script>")]).text("mode"), "a");
        assert_eq!(given(&[("kernel", "1,2;3")]).text("kernel"), "1");
    }

    #[test]
    fn kernels_read_fractions_and_refuse_ragged_rows() {
        let kernel = Kernel::parse("1/4, -1 ;0.5,2").unwrap();
        assert_eq!((kernel.rows, kernel.columns, kernel.values), (2, 2, vec![0.25, -1.0, 0.5, 2.0]));
        for bad in ["", "1,2;3", "1/0", "a", "1;2;3;4;5;6;7;8;9;10", "inf"] {
            assert!(Kernel::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn pictures_need_one_byte_for_each_pixel() {
        assert_eq!(Picture::parse("2x1:AP8=").unwrap().pixels, [0, 255]);
        for bad in ["", "2x2:AP8=", "0x0:", "2x1:###", "9999x9999:"] {
            assert!(Picture::parse(bad).is_err(), "{bad:?}");
        }
    }
}
