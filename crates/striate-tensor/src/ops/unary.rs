//! Functions of one element: `relu`, `sigmoid`, `tanh`, `exp`, `log`, `sqrt`, `square`, `abs`, `sin`, `cos`.
//!
//! One line of `unary!` per function: forward, and the derivative from the element `x` and the result `y`, of which
//! only the one that is named is kept for the backward pass: `dx = dy · derivative`.

use striate_kernels::Element;
use striate_kernels::activation::Function;
use striate_kernels::bf16::{bf16, from_f32, to_f32};

use super::derivatives;
use super::pointwise::{map, map_function, map_gradient, zip};
use crate::autograd::{Backward, Gradients, Recording, SavedTensor};
use crate::dtype::dispatch_float;
use crate::error::OrPanic;
use crate::{DType, Tensor, TensorError};

/// Defines `name` and `try_name` on [`Tensor`], for float tensors.
macro_rules! unary {
    ($(#[$doc:meta])* $name:ident, $try_name:ident, $backward:ident: |$x:ident| $forward:expr, from $saved:ident: |$v:ident| $derivative:expr) => {
        struct $backward {
            saved: SavedTensor,
        }

        const _: () = {
            /// The gradient is a function of what is saved.
            #[derive(Clone, Copy)]
            struct Formula;

            unary!(@formula f32 |$x| $forward, |$v| $derivative);
            unary!(@formula f64 |$x| $forward, |$v| $derivative);

            impl Backward for $backward {
                fn backward(&self, grad: &Tensor, _needs: &[bool]) -> Result<Vec<Option<Tensor>>, TensorError> {
                    const NAME: &str = stringify!($name);
                    let saved = self.saved.get(NAME)?;
                    if grad.dtype() == DType::BF16 {
                        let dx = zip(NAME, saved, grad, DType::BF16, |v: bf16, grad: bf16| {
                            from_f32(Function::<f32>::gradient(Formula, to_f32(v), to_f32(grad)))
                        });
                        return Ok(vec![Some(dx?)]);
                    }
                    Ok(vec![Some(dispatch_float!(grad.dtype(), NAME, |T| {
                        map_gradient::<T, _>(NAME, saved, grad, Formula)?
                    }))])
                }

                fn differentiable(&self, grad: &Tensor, _needs: &[bool], recording: &Recording) -> Gradients {
                    let saved = unary!(@attach $saved, recording, self.saved.get(stringify!($name))?);
                    Ok(vec![Some(grad.try_mul(&derivatives::$name(&saved)?)?)])
                }
            }

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
                    let y = if self.dtype() == DType::BF16 {
                        map(self, DType::BF16, |x: bf16| from_f32(Function::<f32>::value(Formula, to_f32(x))))
                    } else {
                        dispatch_float!(self.dtype(), NAME, |T| map_function::<T, _>(self, Formula))
                    };
                    let saved = unary!(@saved $saved, self, y);
                    Ok(y.record(NAME, &[self], || $backward { saved: SavedTensor::new(&saved) }))
                }
            }
        };
    };
    (@formula $type:ident |$x:ident| $forward:expr, |$v:ident| $derivative:expr) => {
        impl Function<$type> for Formula {
            #[inline(always)]
            fn value(self, $x: $type) -> $type {
                $forward
            }
            #[inline(always)]
            fn gradient(self, $v: $type, grad: $type) -> $type {
                grad * $derivative
            }
        }
    };
    (@saved input, $input:expr, $output:expr) => { $input.clone() };
    (@saved output, $input:expr, $output:expr) => { $output.clone() };
    (@attach input, $recording:expr, $saved:expr) => { $recording.input(0, $saved) };
    (@attach output, $recording:expr, $saved:expr) => { $recording.output($saved) };
}

unary!(
    /// `max(x, 0)`. The derivative at 0 is 0, as in PyTorch. NaN stays NaN.
    relu, try_relu, ReluBackward: |x| if x < 0.0 { 0.0 } else { x }, from output: |y| if y > 0.0 { 1.0 } else { 0.0 }
);
unary!(
    /// The logistic function `1 / (1 + e⁻ˣ)`; the derivative is `y (1 - y)`.
    sigmoid, try_sigmoid, SigmoidBackward: |x| 1.0 / (1.0 + Element::exp(-x)), from output: |y| y * (1.0 - y)
);
unary!(
    /// Hyperbolic tangent; the derivative is `1 - y²`.
    tanh, try_tanh, TanhBackward: |x| Element::tanh(x), from output: |y| 1.0 - y * y
);
unary!(
    /// e to the power of each element.
    exp, try_exp, ExpBackward: |x| Element::exp(x), from output: |y| y
);
unary!(
    /// Natural logarithm of each element: minus infinity at 0, NaN below.
    log, try_log, LogBackward: |x| Element::ln(x), from input: |x| 1.0 / x
);
unary!(
    /// Square root of each element, NaN below 0. The derivative at 0 is infinite.
    sqrt, try_sqrt, SqrtBackward: |x| x.sqrt(), from output: |y| 0.5 / y
);
unary!(
    /// The square of each element.
    square, try_square, SquareBackward: |x| x * x, from input: |x| 2.0 * x
);
unary!(
    /// Absolute value of each element. The derivative at 0 is 0.
    abs, try_abs, AbsBackward: |x| x.abs(), from input: |x| if x > 0.0 { 1.0 } else if x < 0.0 { -1.0 } else { 0.0 }
);
unary!(
    /// Sine of each element, in radians.
    sin, try_sin, SinBackward: |x| x.sin(), from input: |x| x.cos()
);
unary!(
    /// Cosine of each element, in radians.
    cos, try_cos, CosBackward: |x| x.cos(), from input: |x| -x.sin()
);
