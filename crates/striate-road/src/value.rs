//! Values that travel between Striate and a learner's program: scalars, arrays, tuples and callbacks.

use std::fmt;
use std::sync::Arc;

use ndarray::ArrayD;

/// An n-dimensional array of one of the element types an exercise may use. Always standard (row-major) layout.
#[derive(Clone, Debug, PartialEq)]
pub enum Array {
    /// 64-bit floats.
    F64(ArrayD<f64>),
    /// 32-bit floats.
    F32(ArrayD<f32>),
    /// 64-bit integers.
    I64(ArrayD<i64>),
    /// Bytes: images.
    U8(ArrayD<u8>),
    /// Booleans: masks.
    Bool(ArrayD<bool>),
}

/// One argument or result of an exercise function.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Nothing was returned (Python's `None`).
    None,
    /// A boolean.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// A float.
    Float(f64),
    /// A string, such as a border mode.
    Text(String),
    /// An array.
    Array(Array),
    /// Several values.
    Tuple(Vec<Value>),
    /// A function the learner's code may call; it runs in Striate, one call at a time.
    Callback(Callback),
}

/// A function of Striate's that a learner's code receives as an argument, such as the filter to be tested for linearity.
#[derive(Clone)]
pub struct Callback {
    /// What the learner is told it is.
    pub name: String,
    /// The function itself.
    pub call: Arc<dyn Fn(&[Value]) -> Value + Send + Sync>,
}

impl PartialEq for Callback {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.call, &other.call)
    }
}

impl fmt::Debug for Callback {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "<function {}>", self.name)
    }
}
