//! Values that travel between Striate and a learner's program: scalars, arrays, tuples, callbacks and Python's containers.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use ndarray::{ArrayD, IxDyn};

use crate::exercise::Element;

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
    /// A Python list.
    List(Vec<Value>),
    /// What a Python generator yields.
    Generator(Vec<Value>),
    /// A Python dictionary whose keys are texts.
    Dictionary(BTreeMap<String, Value>),
    /// A function the learner's code may call; it runs in Striate, one call at a time.
    Callback(Callback),
    /// Something a learner returned that no exercise asks for, in words: "a dict", "an array of complex128".
    Foreign(String),
}

/// What a [`Callback`] runs.
pub type Function = Arc<dyn Fn(&[Value]) -> Value + Send + Sync>;

/// A function of Striate's that a learner's code receives as an argument, such as the filter to be tested for linearity.
#[derive(Clone)]
pub struct Callback {
    /// What the learner is told it is.
    pub name: String,
    /// The function itself.
    pub call: Function,
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

/// A type an [`Array`] may hold.
pub trait Item: Copy + 'static {
    /// Wraps an array of this type.
    fn wrap(array: ArrayD<Self>) -> Array;
}

macro_rules! item {
    ($type:ty, $variant:ident) => {
        impl Item for $type {
            fn wrap(array: ArrayD<Self>) -> Array {
                Array::$variant(array)
            }
        }
    };
}

item!(f64, F64);
item!(f32, F32);
item!(i64, I64);
item!(u8, U8);
item!(bool, Bool);

/// Runs `$body` with `$array` bound to the `ArrayD` inside, whatever its element type.
macro_rules! each_array {
    ($value:expr, $array:ident => $body:expr) => {
        match $value {
            Array::F64($array) => $body,
            Array::F32($array) => $body,
            Array::I64($array) => $body,
            Array::U8($array) => $body,
            Array::Bool($array) => $body,
        }
    };
}

impl Array {
    /// An array of `shape` from its elements in row-major order.
    ///
    /// # Panics
    /// If the number of elements does not fit the shape.
    #[track_caller]
    pub fn from_vec<T: Item>(shape: &[usize], elements: Vec<T>) -> Array {
        let count = elements.len();
        match ArrayD::from_shape_vec(IxDyn(shape), elements) {
            Ok(array) => T::wrap(array),
            Err(_) => panic!("{count} elements do not fill an array of shape {shape:?}"),
        }
    }

    /// Length of every axis.
    pub fn shape(&self) -> &[usize] {
        each_array!(self, array => array.shape())
    }

    /// Number of elements.
    pub fn len(&self) -> usize {
        each_array!(self, array => array.len())
    }

    /// Whether there is no element.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Element type.
    pub fn element(&self) -> Element {
        match self {
            Array::F64(_) => Element::F64,
            Array::F32(_) => Element::F32,
            Array::I64(_) => Element::I64,
            Array::U8(_) => Element::U8,
            Array::Bool(_) => Element::Bool,
        }
    }

    /// The elements as numbers, in row-major order; `true` is 1.
    pub fn to_f64(&self) -> Vec<f64> {
        match self {
            Array::F64(array) => array.iter().copied().collect(),
            Array::F32(array) => array.iter().map(|&x| f64::from(x)).collect(),
            Array::I64(array) => array.iter().map(|&x| x as f64).collect(),
            Array::U8(array) => array.iter().map(|&x| f64::from(x)).collect(),
            Array::Bool(array) => array.iter().map(|&x| f64::from(u8::from(x))).collect(),
        }
    }

    /// The elements as an `f64` array of the same shape.
    pub fn to_f64_array(&self) -> ArrayD<f64> {
        match self {
            Array::F64(array) => array.clone(),
            _ => ArrayD::from_shape_vec(self.shape(), self.to_f64()).expect("as many elements as the shape says"),
        }
    }
}

impl Value {
    /// An array value of `shape` from its elements in row-major order.
    ///
    /// # Panics
    /// If the number of elements does not fit the shape.
    #[track_caller]
    pub fn array<T: Item>(shape: &[usize], elements: Vec<T>) -> Value {
        Value::Array(Array::from_vec(shape, elements))
    }

    /// A function value that maps one `f64` array to another.
    pub fn function(name: &str, f: impl Fn(&ArrayD<f64>) -> ArrayD<f64> + Send + Sync + 'static) -> Value {
        let call = Arc::new(move |arguments: &[Value]| match arguments {
            [Value::Array(array)] => Value::from(f(&array.to_f64_array())),
            _ => Value::None,
        });
        Value::Callback(Callback { name: name.to_string(), call })
    }

    /// The array inside, if it is one.
    pub fn as_array(&self) -> Option<&Array> {
        match self {
            Value::Array(array) => Some(array),
            _ => None,
        }
    }

    /// How many numbers travel in it; what "smallest failing input" is measured by.
    pub fn size(&self) -> usize {
        match self {
            Value::Array(array) => array.len(),
            Value::Tuple(parts) | Value::List(parts) | Value::Generator(parts) => parts.iter().map(Value::size).sum(),
            Value::Dictionary(entries) => entries.values().map(Value::size).sum(),
            Value::Text(text) => text.len(),
            _ => 1,
        }
    }
}

impl<T: Item, D: ndarray::Dimension> From<ndarray::Array<T, D>> for Value {
    fn from(array: ndarray::Array<T, D>) -> Self {
        let array = array.into_dyn();
        let array = if array.is_standard_layout() { array } else { array.as_standard_layout().into_owned() };
        Value::Array(T::wrap(array))
    }
}
