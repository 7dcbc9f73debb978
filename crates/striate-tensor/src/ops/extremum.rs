//! `maximum` and `minimum` of two tensors, element by element.
//!
//! The gradient goes to the operand that won; where both are equal each gets half, as in PyTorch. NaN wins over
//! everything.

use super::arithmetic::same_dtype;
use super::pointwise::{zip, zip3};
use super::sum::sum_to_shape;
use crate::autocast::backward_in_f32;
use crate::autograd::{Backward, Gradients, Recording, SavedTensor};
use crate::dtype::{Number, dispatch_float, dispatch_number};
use crate::error::OrPanic;
use crate::{DType, Tensor, TensorError};

#[derive(Clone, Copy)]
enum Extremum {
    Maximum,
    Minimum,
}

impl Extremum {
    fn name(self) -> &'static str {
        match self {
            Self::Maximum => "maximum",
            Self::Minimum => "minimum",
        }
    }
}

/// The larger of two; NaN when either is.
#[inline(always)]
pub(crate) fn larger<T: Number>(a: T, b: T) -> T {
    if a > b || a.is_nan() { a } else { b }
}

/// The smaller of two; NaN when either is.
#[inline(always)]
pub(crate) fn smaller<T: Number>(a: T, b: T) -> T {
    if a < b || a.is_nan() { a } else { b }
}

struct ExtremumBackward {
    kind: Extremum,
    a: SavedTensor,
    b: SavedTensor,
}

impl Backward for ExtremumBackward {
    fn backward(&self, grad: &Tensor, needs: &[bool]) -> Result<Vec<Option<Tensor>>, TensorError> {
        let op = self.kind.name();
        let (a, b) = (self.a.get(op)?, self.b.get(op)?);
        if grad.dtype() == DType::BF16 {
            let [a, b] = [a, b].map(|x| x.try_to_dtype(DType::F32));
            let wide = Self { kind: self.kind, a: SavedTensor::new(&a?), b: SavedTensor::new(&b?) };
            return backward_in_f32(&wide, grad, needs);
        }
        let share = |own: &Tensor, other: &Tensor| -> Result<Tensor, TensorError> {
            let maximum = matches!(self.kind, Extremum::Maximum);
            let share = dispatch_float!(grad.dtype(), op, |T| {
                let inputs = (grad, own, other);
                zip3(grad.shape(), inputs, grad.dtype(), |g: T, own: T, other: T| {
                    let won = if maximum { own > other } else { own < other };
                    if won || own.is_nan() {
                        g
                    } else if own == other {
                        0.5 * g
                    } else {
                        0.0
                    }
                })
            });
            sum_to_shape(&share, own.shape())
        };
        let da = needs[0].then(|| share(a, b)).transpose()?;
        let db = needs[1].then(|| share(b, a)).transpose()?;
        Ok(vec![da, db])
    }

    fn differentiable(&self, grad: &Tensor, needs: &[bool], _recording: &Recording) -> Gradients {
        // The share of each operand is a constant; its gradient for ones is that share before any sum.
        let op = self.kind.name();
        let (a, b) = (self.a.get(op)?.try_broadcast_to(grad.shape())?, self.b.get(op)?.try_broadcast_to(grad.shape())?);
        let whole = Self { kind: self.kind, a: SavedTensor::new(&a), b: SavedTensor::new(&b) };
        let shares = crate::no_grad(|| whole.backward(&grad.ones_like(), &[true, true]))?;
        let operands = [&self.a, &self.b].into_iter().zip(shares).zip(needs);
        operands
            .map(|((operand, share), &needed)| {
                let share = share.filter(|_| needed);
                share.map(|share| sum_to_shape(&grad.try_mul(&share)?, operand.get(op)?.shape())).transpose()
            })
            .collect()
    }
}

fn extremum(kind: Extremum, a: &Tensor, b: &Tensor) -> Result<Tensor, TensorError> {
    let op = kind.name();
    same_dtype(op, a, b)?;
    let y = dispatch_number!(a.dtype(), op, |T| match kind {
        Extremum::Maximum => zip(op, a, b, a.dtype(), larger::<T>)?,
        Extremum::Minimum => zip(op, a, b, a.dtype(), smaller::<T>)?,
    });
    Ok(y.record(op, &[a, b], || ExtremumBackward { kind, a: SavedTensor::new(a), b: SavedTensor::new(b) }))
}

impl Tensor {
    /// The larger of two elements, with broadcasting. For the largest of a tensor see [`max`](Self::max).
    ///
    /// # Panics
    /// When the shapes do not broadcast, the dtypes differ or are `Bool`.
    #[track_caller]
    pub fn maximum(&self, other: &Tensor) -> Tensor {
        self.try_maximum(other).or_panic()
    }

    /// Like [`maximum`](Self::maximum), with a mistake as an error.
    pub fn try_maximum(&self, other: &Tensor) -> Result<Tensor, TensorError> {
        extremum(Extremum::Maximum, self, other)
    }

    /// The smaller of two elements, with broadcasting. For the smallest of a tensor see [`min`](Self::min).
    ///
    /// # Panics
    /// When the shapes do not broadcast, the dtypes differ or are `Bool`.
    #[track_caller]
    pub fn minimum(&self, other: &Tensor) -> Tensor {
        self.try_minimum(other).or_panic()
    }

    /// Like [`minimum`](Self::minimum), with a mistake as an error.
    pub fn try_minimum(&self, other: &Tensor) -> Result<Tensor, TensorError> {
        extremum(Extremum::Minimum, self, other)
    }
}
