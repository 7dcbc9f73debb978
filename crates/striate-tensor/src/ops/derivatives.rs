//! The derivatives of the functions in `unary.rs` as recorded operations, for second derivatives: from the element `x` or
//! the result `y`, whichever `unary.rs` names.

use crate::{Tensor, TensorError};

type Derivative = Result<Tensor, TensorError>;

/// 1 where `y` is positive, else 0: a constant.
pub(super) fn relu(y: &Tensor) -> Derivative {
    y.try_gt(&y.zeros_like())?.try_to_dtype(y.dtype())
}

/// `y (1 - y)`.
pub(super) fn sigmoid(y: &Tensor) -> Derivative {
    y.try_mul(&y.try_neg()?.try_add_scalar(1.0)?)
}

/// `1 - y²`.
pub(super) fn tanh(y: &Tensor) -> Derivative {
    y.try_square()?.try_neg()?.try_add_scalar(1.0)
}

/// `s (1 + x (1 - s))` with the sigmoid `s`.
pub(super) fn silu(x: &Tensor) -> Derivative {
    let s = x.try_sigmoid()?;
    s.try_mul(&x.try_mul(&s.try_neg()?.try_add_scalar(1.0)?)?.try_add_scalar(1.0)?)
}

/// `y`.
pub(super) fn exp(y: &Tensor) -> Derivative {
    Ok(y.clone())
}

/// `1 / x`.
pub(super) fn log(x: &Tensor) -> Derivative {
    x.ones_like().try_div(x)
}

/// `1 / (2 y)`.
pub(super) fn sqrt(y: &Tensor) -> Derivative {
    y.ones_like().try_mul_scalar(0.5)?.try_div(y)
}

/// `2 x`.
pub(super) fn square(x: &Tensor) -> Derivative {
    x.try_mul_scalar(2.0)
}

/// The sign: a constant.
pub(super) fn abs(x: &Tensor) -> Derivative {
    let zero = x.zeros_like();
    let positive = x.try_gt(&zero)?.try_to_dtype(x.dtype())?;
    positive.try_sub(&x.try_lt(&zero)?.try_to_dtype(x.dtype())?)
}

/// `cos x`.
pub(super) fn sin(x: &Tensor) -> Derivative {
    x.try_cos()
}

/// `-sin x`.
pub(super) fn cos(x: &Tensor) -> Derivative {
    x.try_sin()?.try_neg()
}
