//! Questions about elements: `isnan`, `isinf`, `isfinite`; `any` and `all` over dimensions; `nonzero`, where they are.

use super::pointwise::map;
use super::reduce::{Reduction, fold};
use crate::dtype::dispatch_float;
use crate::error::OrPanic;
use crate::{DType, Tensor, TensorError};

macro_rules! question {
    ($(#[$doc:meta])* $name:ident, $try_name:ident, |$x:ident| $answer:expr) => {
        impl Tensor {
            $(#[$doc])*
            ///
            /// # Panics
            /// When the tensor is not a float tensor.
            #[track_caller]
            pub fn $name(&self) -> Tensor {
                self.$try_name().or_panic()
            }

            #[doc = concat!("Like [`", stringify!($name), "`](Self::", stringify!($name), "), with a mistake as an error.")]
            pub fn $try_name(&self) -> Result<Tensor, TensorError> {
                Ok(dispatch_float!(self.dtype(), stringify!($name), |T| {
                    map(self, DType::Bool, |$x: T| u8::from($answer))
                }))
            }
        }
    };
}
question!(
    /// Where elements are NaN, as a boolean tensor.
    isnan, try_isnan, |x| x.is_nan()
);
question!(
    /// Where elements are infinite.
    isinf, try_isinf, |x| x.is_infinite()
);
question!(
    /// Where elements are neither infinite nor NaN.
    isfinite, try_isfinite, |x| x.is_finite()
);

impl Tensor {
    /// Whether any element over `dims` (all of them when empty) is true, or other than zero.
    ///
    /// ```
    /// use striate_tensor::Tensor;
    /// let x = Tensor::from_slice(&[1.0f32, f32::NAN, 2.0, 3.0], &[2, 2]);
    /// assert_eq!(x.isnan().any(&[1], false).to_vec::<bool>(), [true, false]);
    /// ```
    ///
    /// # Panics
    /// When a dimension is out of range or given twice.
    #[track_caller]
    pub fn any(&self, dims: &[isize], keepdim: bool) -> Tensor {
        self.try_any(dims, keepdim).or_panic()
    }

    /// Like [`any`](Self::any), with a mistake as an error.
    pub fn try_any(&self, dims: &[isize], keepdim: bool) -> Result<Tensor, TensorError> {
        let x = self.detach().try_to_dtype(DType::Bool)?;
        Ok(fold::<u8>(&x, &Reduction::new("any", &x, dims, keepdim)?, 0, |a, b| a | b))
    }

    /// Whether all elements over `dims` (all of them when empty) are true, or other than zero. Of no elements: yes.
    ///
    /// # Panics
    /// When a dimension is out of range or given twice.
    #[track_caller]
    pub fn all(&self, dims: &[isize], keepdim: bool) -> Tensor {
        self.try_all(dims, keepdim).or_panic()
    }

    /// Like [`all`](Self::all), with a mistake as an error.
    pub fn try_all(&self, dims: &[isize], keepdim: bool) -> Result<Tensor, TensorError> {
        let x = self.detach().try_to_dtype(DType::Bool)?;
        Ok(fold::<u8>(&x, &Reduction::new("all", &x, dims, keepdim)?, 1, |a, b| a & b))
    }

    /// The places of the elements that are true, or other than zero, in row-major order: `i64` `[places, dimensions]`.
    ///
    /// ```
    /// use striate_tensor::Tensor;
    /// let x = Tensor::from_slice(&[0i64, 4, 0, 5], &[2, 2]);
    /// assert_eq!(x.nonzero().to_vec::<i64>(), [0, 1, 1, 1]);
    /// ```
    pub fn nonzero(&self) -> Tensor {
        let chosen = self.detach().to_dtype(DType::Bool).to_vec::<bool>();
        let places: Vec<usize> = chosen.iter().enumerate().filter(|&(_, &chosen)| chosen).map(|(i, _)| i).collect();
        let strides = crate::layout::contiguous_strides(self.shape());
        let index = |&place: &usize| {
            let along = strides.iter().zip(self.shape());
            along.map(move |(&stride, &size)| (place / stride.max(1) % size.max(1)) as i64).collect::<Vec<_>>()
        };
        Tensor::from_vec(places.iter().flat_map(index).collect(), &[places.len(), self.rank()])
    }
}
