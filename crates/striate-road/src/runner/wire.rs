//! The bytes between Striate and a learner's program.
//!
//! Everything is little endian. Striate first writes a nonce of 16 bytes, then frames: a `u64` length and that many
//! bytes. The program answers with frames that start with the nonce; whatever else it writes is its own printing,
//! so that a learner's output can neither be taken for a result nor break one.
//!
//! | first byte | direction | rest |
//! | --- | --- | --- |
//! | `R` | answer | the program is ready; Python adds nothing |
//! | `N` | answer | the program cannot start: text (such as NumPy missing) |
//! | `L` | call | load: path, function name, number of parameters (`u32`) |
//! | `E` | answer | loading failed: kind, message, file, line (`u32`), source line |
//! | `C` | call | strided arrays? a tuple expected? (one byte each, for Python), number of arguments (`u32`), arguments |
//! | `K` | call | as `C`, Python only: the result is kept where it was made |
//! | `A` | call | the kept result as it is now, Python only |
//! | `W` | call | write into the arrays and lists of the kept result, as a caller may, Python only |
//! | `V` | answer | a value, which arrays and lists were changed (`u32` count, `u32` each), seconds (`f64`) |
//! | `T` | both | measure a plain loop; the answer has the seconds of one step (`f64`) |
//! | `X` | answer | raised: message, file, line (`u32`), and for Python: exception type |
//! | `B` | both | call back: id (`u32`) and argument; Striate answers `V` value or `X` text |
//!
//! A text is a `u64` length and UTF-8. A value is a tag byte and a body, see [`put_value`].

use ndarray::ArrayD;

use crate::value::{Array, Value};

/// Length of the nonce in front of every answer.
pub const NONCE_LENGTH: usize = 16;

const NONE: u8 = 0;
const BOOL: u8 = 1;
const INT: u8 = 2;
const FLOAT: u8 = 3;
const TEXT: u8 = 4;
const ARRAY: u8 = 5;
const TUPLE: u8 = 6;
const FUNCTION: u8 = 7;
const FOREIGN: u8 = 8;
// Python only.
const LIST: u8 = 9;
const GENERATOR: u8 = 10;
const DICTIONARY: u8 = 11;

/// Appends a text.
pub fn put_text(out: &mut Vec<u8>, text: &str) {
    out.extend((text.len() as u64).to_le_bytes());
    out.extend(text.as_bytes());
}

/// Appends a value. A callback is written as a fresh id: its position in `functions`, which receives it.
pub fn put_value(out: &mut Vec<u8>, value: &Value, functions: &mut Vec<crate::value::Callback>) {
    match value {
        Value::None => out.push(NONE),
        Value::Bool(x) => out.extend([BOOL, u8::from(*x)]),
        Value::Int(x) => {
            out.push(INT);
            out.extend(x.to_le_bytes());
        }
        Value::Float(x) => {
            out.push(FLOAT);
            out.extend(x.to_le_bytes());
        }
        Value::Text(text) => {
            out.push(TEXT);
            put_text(out, text);
        }
        Value::Array(array) => put_array(out, array),
        Value::Tuple(parts) => put_parts(out, TUPLE, parts, functions),
        Value::List(parts) => put_parts(out, LIST, parts, functions),
        Value::Generator(parts) => put_parts(out, GENERATOR, parts, functions),
        Value::Dictionary(entries) => {
            out.push(DICTIONARY);
            out.extend((entries.len() as u32).to_le_bytes());
            for (key, value) in entries {
                put_text(out, key);
                put_value(out, value, functions);
            }
        }
        Value::Callback(callback) => {
            out.push(FUNCTION);
            out.extend((functions.len() as u32).to_le_bytes());
            put_text(out, &callback.name);
            functions.push(callback.clone());
        }
        Value::Foreign(text) => {
            out.push(FOREIGN);
            put_text(out, text);
        }
    }
}

fn put_parts(out: &mut Vec<u8>, tag: u8, parts: &[Value], functions: &mut Vec<crate::value::Callback>) {
    out.push(tag);
    out.extend((parts.len() as u32).to_le_bytes());
    parts.iter().for_each(|part| put_value(out, part, functions));
}

fn put_array(out: &mut Vec<u8>, array: &Array) {
    out.push(ARRAY);
    out.push(match array {
        Array::F64(_) => 0,
        Array::F32(_) => 1,
        Array::I64(_) => 2,
        Array::U8(_) => 3,
        Array::Bool(_) => 4,
    });
    out.push(array.shape().len() as u8);
    for &length in array.shape() {
        out.extend((length as u64).to_le_bytes());
    }
    match array {
        Array::F64(array) => array.iter().for_each(|x| out.extend(x.to_le_bytes())),
        Array::F32(array) => array.iter().for_each(|x| out.extend(x.to_le_bytes())),
        Array::I64(array) => array.iter().for_each(|x| out.extend(x.to_le_bytes())),
        Array::U8(array) => out.extend(array.iter()),
        Array::Bool(array) => out.extend(array.iter().map(|&x| u8::from(x))),
    }
}

/// Reads what the other side wrote. Every method gives `None` when the bytes do not hold what is asked for: a
/// learner's program may write anything.
pub struct Reader<'a> {
    bytes: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Starts at the front of `bytes`.
    pub fn new(bytes: &'a [u8]) -> Self {
        Reader { bytes }
    }

    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.bytes.split_at_checked(count)?;
        self.bytes = rest;
        Some(taken)
    }

    /// One byte.
    pub fn byte(&mut self) -> Option<u8> {
        self.take(1).map(|bytes| bytes[0])
    }

    /// A `u32`.
    pub fn number(&mut self) -> Option<u32> {
        Some(u32::from_le_bytes(self.take(4)?.try_into().ok()?))
    }

    /// An `f64`.
    pub fn float(&mut self) -> Option<f64> {
        Some(f64::from_le_bytes(self.word()?))
    }

    fn word(&mut self) -> Option<[u8; 8]> {
        self.take(8)?.try_into().ok()
    }

    /// A text.
    pub fn text(&mut self) -> Option<String> {
        let length = usize::try_from(u64::from_le_bytes(self.word()?)).ok()?;
        Some(String::from_utf8_lossy(self.take(length)?).into_owned())
    }

    /// A value.
    pub fn value(&mut self) -> Option<Value> {
        Some(match self.byte()? {
            NONE => Value::None,
            BOOL => Value::Bool(self.byte()? != 0),
            INT => Value::Int(i64::from_le_bytes(self.word()?)),
            FLOAT => Value::Float(f64::from_le_bytes(self.word()?)),
            TEXT => Value::Text(self.text()?),
            ARRAY => Value::Array(self.array()?),
            TUPLE => Value::Tuple(self.parts()?),
            LIST => Value::List(self.parts()?),
            GENERATOR => Value::Generator(self.parts()?),
            DICTIONARY => {
                let count = self.number()?;
                Value::Dictionary((0..count).map(|_| Some((self.text()?, self.value()?))).collect::<Option<_>>()?)
            }
            FOREIGN => Value::Foreign(self.text()?),
            _ => return None,
        })
    }

    fn parts(&mut self) -> Option<Vec<Value>> {
        let count = self.number()?;
        (0..count).map(|_| self.value()).collect()
    }

    fn array(&mut self) -> Option<Array> {
        let code = self.byte()?;
        let axes = self.byte()?;
        let shape: Vec<usize> =
            (0..axes).map(|_| usize::try_from(u64::from_le_bytes(self.word()?)).ok()).collect::<Option<_>>()?;
        let count = shape.iter().try_fold(1usize, |count, &length| count.checked_mul(length))?;
        Some(match code {
            0 => Array::F64(self.elements(&shape, count, f64::from_le_bytes)?),
            1 => Array::F32(self.elements(&shape, count, f32::from_le_bytes)?),
            2 => Array::I64(self.elements(&shape, count, i64::from_le_bytes)?),
            3 => Array::U8(self.elements(&shape, count, |[x]: [u8; 1]| x)?),
            4 => Array::Bool(self.elements(&shape, count, |[x]: [u8; 1]| x != 0)?),
            _ => return None,
        })
    }

    fn elements<T, const N: usize>(
        &mut self,
        shape: &[usize],
        count: usize,
        read: impl Fn([u8; N]) -> T,
    ) -> Option<ArrayD<T>> {
        let bytes = self.take(count.checked_mul(N)?)?;
        let elements = bytes.chunks_exact(N).map(|chunk| read(chunk.try_into().expect("a chunk of N bytes"))).collect();
        ArrayD::from_shape_vec(shape, elements).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_survive_the_trip() {
        let value = Value::Tuple(vec![
            Value::None,
            Value::Bool(true),
            Value::Int(-7),
            Value::Float(f64::NEG_INFINITY),
            Value::Text("é, reflect".into()),
            Value::array(&[2, 0, 3], Vec::<f64>::new()),
            Value::array(&[2, 3], vec![0.5f32, 1.5, -2.5, 3.0, 4.0, 5.0]),
            Value::array(&[], vec![i64::MIN]),
            Value::array(&[2], vec![0u8, 255]),
            Value::array(&[1, 2], vec![true, false]),
            Value::List(vec![Value::Int(3), Value::List(Vec::new())]),
            Value::Generator(vec![Value::List(vec![Value::Float(0.5)])]),
            Value::Dictionary([("the".to_string(), Value::Int(2)), (String::new(), Value::None)].into()),
            Value::Foreign("a set".into()),
        ]);
        let mut bytes = Vec::new();
        put_value(&mut bytes, &value, &mut Vec::new());
        let mut reader = Reader::new(&bytes);
        assert_eq!(reader.value(), Some(value));
        assert!(reader.bytes.is_empty());
    }

    #[test]
    fn bytes_cut_short_are_no_value() {
        let mut bytes = Vec::new();
        put_value(&mut bytes, &Value::array(&[2, 2], vec![1.0, 2.0, 3.0, 4.0]), &mut Vec::new());
        for end in 0..bytes.len() {
            assert_eq!(Reader::new(&bytes[..end]).value(), None, "{end} bytes");
        }
        // A shape whose product overflows is refused before anything is allocated.
        let mut huge = vec![ARRAY, 0, 2];
        huge.extend([0xff; 16]);
        assert_eq!(Reader::new(&huge).value(), None);
    }
}
