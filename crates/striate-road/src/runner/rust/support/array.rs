//! `Array<T>`: a small n-dimensional array for the exercises of Striate, written so that you can read it in ten minutes.
//!
//! ```
//! use striate_array::Array;
//!
//! let image = Array::from_vec(&[2, 3], vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
//! let [rows, columns] = image.dims();
//! let mut transposed = Array::zeros(&[columns, rows]);
//! for i in 0..rows {
//!     for j in 0..columns {
//!         transposed[[j, i]] = image[[i, j]];
//!     }
//! }
//! assert_eq!(transposed.data(), &[1.0, 4.0, 2.0, 5.0, 3.0, 6.0]);
//! ```
//!
//! Elements lie in row-major order, as in NumPy: the last index runs fastest.

use std::fmt;
use std::ops::{Index, IndexMut};

/// An n-dimensional array.
#[derive(Clone, PartialEq)]
pub struct Array<T> {
    shape: Vec<usize>,
    data: Vec<T>,
}

impl<T: Copy> Array<T> {
    /// An array of `shape` filled with `value`.
    pub fn full(shape: &[usize], value: T) -> Self {
        Array { shape: shape.to_vec(), data: vec![value; shape.iter().product()] }
    }

    /// An array of `shape` filled with zeros (`false` for booleans).
    pub fn zeros(shape: &[usize]) -> Self
    where
        T: Default,
    {
        Self::full(shape, T::default())
    }

    /// An array of `shape` from its elements in row-major order. Panics if the number of elements does not fit.
    #[track_caller]
    pub fn from_vec(shape: &[usize], data: Vec<T>) -> Self {
        let expected: usize = shape.iter().product();
        if data.len() != expected {
            panic!("an array of shape {shape:?} has {expected} elements, but the vector has {}", data.len());
        }
        Array { shape: shape.to_vec(), data }
    }

    /// An array whose element at `index` is `f(index)`: `Array::from_fn([3, 4], |[i, j]| (i * j) as f64)`.
    pub fn from_fn<const N: usize>(shape: [usize; N], mut f: impl FnMut([usize; N]) -> T) -> Self {
        let count: usize = shape.iter().product();
        let mut index = [0; N];
        let mut data = Vec::with_capacity(count);
        for _ in 0..count {
            data.push(f(index));
            for axis in (0..N).rev() {
                index[axis] += 1;
                if index[axis] < shape[axis] {
                    break;
                }
                index[axis] = 0;
            }
        }
        Array { shape: shape.to_vec(), data }
    }

    /// Length of every axis.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Length of every axis, by pattern: `let [height, width] = image.dims();`. Panics if there are not `N` axes.
    #[track_caller]
    pub fn dims<const N: usize>(&self) -> [usize; N] {
        match self.shape[..].try_into() {
            Ok(dims) => dims,
            Err(_) => panic!("{N} axes asked for, but the array has shape {:?}", self.shape),
        }
    }

    /// Number of axes.
    pub fn ndim(&self) -> usize {
        self.shape.len()
    }

    /// Number of elements.
    pub fn len(&self) -> usize {
        self.data.len()
    }

    /// Whether there is no element.
    pub fn is_empty(&self) -> bool {
        self.data.is_empty()
    }

    /// The elements in row-major order.
    pub fn data(&self) -> &[T] {
        &self.data
    }

    /// The elements in row-major order, to write.
    pub fn data_mut(&mut self) -> &mut [T] {
        &mut self.data
    }

    /// The elements in row-major order, taken out.
    pub fn into_vec(self) -> Vec<T> {
        self.data
    }

    /// Walks over the elements in row-major order.
    pub fn iter(&self) -> std::slice::Iter<'_, T> {
        self.data.iter()
    }

    /// Walks over the elements in row-major order, to write.
    pub fn iter_mut(&mut self) -> std::slice::IterMut<'_, T> {
        self.data.iter_mut()
    }

    /// `f` of every element.
    pub fn map<U: Copy>(&self, f: impl FnMut(T) -> U) -> Array<U> {
        Array { shape: self.shape.clone(), data: self.data.iter().copied().map(f).collect() }
    }

    /// `f` of every pair of elements of two arrays of the same shape. Panics if the shapes differ.
    #[track_caller]
    pub fn zip_map<U: Copy, V: Copy>(&self, other: &Array<U>, mut f: impl FnMut(T, U) -> V) -> Array<V> {
        if self.shape != other.shape {
            panic!("the shapes differ: {:?} and {:?}", self.shape, other.shape);
        }
        let data = self.data.iter().zip(&other.data).map(|(&a, &b)| f(a, b)).collect();
        Array { shape: self.shape.clone(), data }
    }

    /// The same elements under another shape. Panics if the number of elements differs.
    #[track_caller]
    pub fn reshape(self, shape: &[usize]) -> Self {
        Self::from_vec(shape, self.data)
    }

    /// Where the element at `index` lies in [`Array::data`]. Panics if `index` is outside.
    #[track_caller]
    fn offset(&self, index: &[usize]) -> usize {
        if index.len() != self.shape.len() || index.iter().zip(&self.shape).any(|(i, length)| i >= length) {
            panic!("index {index:?} is outside an array of shape {:?}", self.shape);
        }
        index.iter().zip(&self.shape).fold(0, |offset, (i, length)| offset * length + i)
    }
}

impl<T: Copy, const N: usize> Index<[usize; N]> for Array<T> {
    type Output = T;

    #[track_caller]
    fn index(&self, index: [usize; N]) -> &T {
        let offset = self.offset(&index);
        &self.data[offset]
    }
}

impl<T: Copy, const N: usize> IndexMut<[usize; N]> for Array<T> {
    #[track_caller]
    fn index_mut(&mut self, index: [usize; N]) -> &mut T {
        let offset = self.offset(&index);
        &mut self.data[offset]
    }
}

impl<T: fmt::Debug> fmt::Debug for Array<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Array {:?} {:?}", self.shape, self.data)
    }
}
