//! More functions of one element, with the derivatives
//!
//! ```text
//! log1p  log(1 + x)   1 / (1 + x)          reciprocal  1 / x       -1 / x²
//! expm1  eˣ - 1       eˣ                   rsqrt       1 / √x      -1 / (2 x √x)
//! tan    sin x/cos x  1 + tan² x           atan        atan x      1 / (1 + x²)
//! asin   asin x       1 / √(1 - x²)        acos        acos x      -1 / √(1 - x²)
//! ```
//!
//! The derivative is written once, as operations on tensors, and serves the ordinary backward pass and the recorded one.

use super::pointwise::map;
use crate::autograd::{Backward, Gradients, Recording, SavedTensor};
use crate::dtype::dispatch_float;
use crate::error::OrPanic;
use crate::{Tensor, TensorError};

struct ElementaryBackward {
    op: &'static str,
    x: SavedTensor,
    derivative: fn(&Tensor) -> Result<Tensor, TensorError>,
}

impl Backward for ElementaryBackward {
    fn backward(&self, grad: &Tensor, _needs: &[bool]) -> Result<Vec<Option<Tensor>>, TensorError> {
        let slope = (self.derivative)(&self.x.get(self.op)?.detach())?;
        Ok(vec![Some(grad.try_mul(&slope)?)])
    }

    fn differentiable(&self, grad: &Tensor, _needs: &[bool], recording: &Recording) -> Gradients {
        let slope = (self.derivative)(&recording.input(0, self.x.get(self.op)?))?;
        Ok(vec![Some(grad.try_mul(&slope)?)])
    }
}

macro_rules! elementary {
    ($(#[$doc:meta])* $name:ident, $try_name:ident, |$x:ident| $forward:expr, |$t:ident| $derivative:expr) => {
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
                const NAME: &str = stringify!($name);
                let y = dispatch_float!(self.dtype(), NAME, |T| map(self, self.dtype(), |$x: T| -> T { $forward }));
                let derivative: fn(&Tensor) -> Result<Tensor, TensorError> = |$t| $derivative;
                Ok(y.record(NAME, &[self], || ElementaryBackward { op: NAME, x: SavedTensor::new(self), derivative }))
            }
        }
    };
}

/// `1 / x`, recorded as a division.
fn inverse(x: &Tensor) -> Result<Tensor, TensorError> {
    x.ones_like().try_div(x)
}

/// `1 - x²`.
fn one_minus_square(x: &Tensor) -> Result<Tensor, TensorError> {
    x.try_square()?.try_neg()?.try_add_scalar(1.0)
}

elementary!(
    /// `log(1 + x)`, accurate near 0.
    log1p, try_log1p, |x| x.ln_1p(), |x| inverse(&x.try_add_scalar(1.0)?)
);
elementary!(
    /// `eˣ - 1`, accurate near 0.
    expm1, try_expm1, |x| x.exp_m1(), |x| x.try_exp()
);
elementary!(
    /// `1 / x`.
    reciprocal, try_reciprocal, |x| 1.0 / x, |x| inverse(&x.try_square()?)?.try_neg()
);
elementary!(
    /// `1 / √x`.
    rsqrt, try_rsqrt, |x| 1.0 / x.sqrt(), |x| inverse(&x.try_mul(&x.try_sqrt()?)?)?.try_mul_scalar(-0.5)
);
elementary!(
    /// Tangent, of radians.
    tan, try_tan, |x| x.tan(), |x| x.try_tan()?.try_square()?.try_add_scalar(1.0)
);
elementary!(
    /// The angle, in radians, whose sine this is.
    asin, try_asin, |x| x.asin(), |x| inverse(&one_minus_square(x)?.try_sqrt()?)
);
elementary!(
    /// The angle, in radians, whose cosine this is.
    acos, try_acos, |x| x.acos(), |x| inverse(&one_minus_square(x)?.try_sqrt()?)?.try_neg()
);
elementary!(
    /// The angle, in radians, whose tangent this is.
    atan, try_atan, |x| x.atan(), |x| inverse(&x.try_square()?.try_add_scalar(1.0)?)
);
