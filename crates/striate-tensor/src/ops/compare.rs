//! Comparisons, with a boolean result, and the logic of booleans. Without gradients: they are piecewise constant.

use super::arithmetic::same_dtype;
use super::pointwise::{map, zip};
use crate::dtype::dispatch_stored;
use crate::error::OrPanic;
use crate::{DType, Tensor, TensorError};

macro_rules! comparison {
    ($(#[$doc:meta])* $name:ident, $try_name:ident, $operator:tt) => {
        impl Tensor {
            $(#[$doc])*
            ///
            /// # Panics
            /// When the shapes do not broadcast or the dtypes differ.
            #[track_caller]
            pub fn $name(&self, other: &Tensor) -> Tensor {
                self.$try_name(other).or_panic()
            }

            #[doc = concat!("Like [`", stringify!($name), "`](Self::", stringify!($name), "), with a mistake as an error.")]
            pub fn $try_name(&self, other: &Tensor) -> Result<Tensor, TensorError> {
                const NAME: &str = stringify!($name);
                same_dtype(NAME, self, other)?;
                dispatch_stored!(self.dtype(), |S| {
                    zip(NAME, self, other, DType::Bool, |a: S, b: S| u8::from(a $operator b))
                })
            }
        }
    };
}
comparison!(
    /// Where elements are equal, as a boolean tensor, with broadcasting. NaN equals nothing.
    eq, try_eq, ==
);
comparison!(
    /// Where elements differ, with broadcasting. NaN differs from everything.
    ne, try_ne, !=
);
comparison!(
    /// Where elements are less than the other's, with broadcasting.
    lt, try_lt, <
);
comparison!(
    /// Where elements are at most the other's, with broadcasting.
    le, try_le, <=
);
comparison!(
    /// Where elements are greater than the other's, with broadcasting.
    gt, try_gt, >
);
comparison!(
    /// Where elements are at least the other's, with broadcasting.
    ge, try_ge, >=
);

fn check_bool(op: &'static str, x: &Tensor) -> Result<(), TensorError> {
    if x.dtype() == DType::Bool {
        return Ok(());
    }
    Err(TensorError::dtype(
        op,
        format!("needs booleans, got {}", x.dtype()),
        "compare first (x.gt(&y)), or convert: x.to_dtype(DType::Bool)",
    ))
}

impl Tensor {
    /// Where this boolean tensor is false.
    ///
    /// # Panics
    /// When the tensor is not boolean.
    #[track_caller]
    pub fn logical_not(&self) -> Tensor {
        self.try_logical_not().or_panic()
    }

    /// Like [`logical_not`](Self::logical_not), with a mistake as an error.
    pub fn try_logical_not(&self) -> Result<Tensor, TensorError> {
        check_bool("logical_not", self)?;
        Ok(map(self, DType::Bool, |x: u8| x ^ 1))
    }

    /// Where both boolean tensors are true, with broadcasting.
    ///
    /// # Panics
    /// When a tensor is not boolean or the shapes do not broadcast.
    #[track_caller]
    pub fn logical_and(&self, other: &Tensor) -> Tensor {
        self.try_logical_and(other).or_panic()
    }

    /// Like [`logical_and`](Self::logical_and), with a mistake as an error.
    pub fn try_logical_and(&self, other: &Tensor) -> Result<Tensor, TensorError> {
        check_bool("logical_and", self)?;
        check_bool("logical_and", other)?;
        zip("logical_and", self, other, DType::Bool, |a: u8, b: u8| a & b)
    }

    /// Where at least one of two boolean tensors is true, with broadcasting.
    ///
    /// # Panics
    /// When a tensor is not boolean or the shapes do not broadcast.
    #[track_caller]
    pub fn logical_or(&self, other: &Tensor) -> Tensor {
        self.try_logical_or(other).or_panic()
    }

    /// Like [`logical_or`](Self::logical_or), with a mistake as an error.
    pub fn try_logical_or(&self, other: &Tensor) -> Result<Tensor, TensorError> {
        check_bool("logical_or", self)?;
        check_bool("logical_or", other)?;
        zip("logical_or", self, other, DType::Bool, |a: u8, b: u8| a | b)
    }
}
