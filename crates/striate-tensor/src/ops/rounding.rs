//! `floor`, `ceil`, `round`, `trunc` and `sign`: functions made of flat pieces. Their gradient is 0 everywhere, as in
//! PyTorch.

use super::pointwise::map;
use crate::autograd::{Backward, Gradients, Recording};
use crate::dtype::dispatch_float;
use crate::error::OrPanic;
use crate::{Tensor, TensorError};

struct FlatBackward;

impl Backward for FlatBackward {
    fn backward(&self, grad: &Tensor, _needs: &[bool]) -> Result<Vec<Option<Tensor>>, TensorError> {
        Ok(vec![Some(grad.zeros_like())])
    }

    fn differentiable(&self, grad: &Tensor, needs: &[bool], _recording: &Recording) -> Gradients {
        self.backward(grad, needs)
    }
}

macro_rules! flat {
    ($(#[$doc:meta])* $name:ident, $try_name:ident, |$x:ident| $forward:expr) => {
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
                Ok(y.record(NAME, &[self], || FlatBackward))
            }
        }
    };
}
flat!(
    /// The largest whole number that is not above each element.
    floor, try_floor, |x| x.floor()
);
flat!(
    /// The smallest whole number that is not below each element.
    ceil, try_ceil, |x| x.ceil()
);
flat!(
    /// The nearest whole number, of two the even one.
    ///
    /// ```
    /// use striate_tensor::Tensor;
    /// assert_eq!(Tensor::from_slice(&[0.5f32, 1.5, -2.6], &[3]).round().to_vec::<f32>(), [0.0, 2.0, -3.0]);
    /// ```
    round, try_round, |x| x.round_ties_even()
);
flat!(
    /// Each element without its fraction.
    trunc, try_trunc, |x| x.trunc()
);
flat!(
    /// 1 above 0, -1 below, 0 at 0. NaN stays NaN, where PyTorch gives 0.
    sign, try_sign, |x| if x == 0.0 { 0.0 } else { x.signum() }
);
