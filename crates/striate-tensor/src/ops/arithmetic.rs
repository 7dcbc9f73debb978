//! `add`, `sub`, `mul`, `div`, between tensors and with numbers, and the operators `+ - * /`.
//!
//! Tensors broadcast to a common shape. With `dy` the gradient of the result, before summing over what was broadcast:
//!
//! | `y` | `da` | `db` |
//! | --- | --- | --- |
//! | `a + b` | `dy` | `dy` |
//! | `a - b` | `dy` | `-dy` |
//! | `a * b` | `dy * b` | `dy * a` |
//! | `a / b` | `dy / b` | `-dy * a / b²` |

use striate_kernels::bf16::{bf16, from_f32, to_f32};
use striate_kernels::pointwise::zip_in_place;

use super::pointwise::{map, zip, zip3};
use super::sum::sum_to_shape;
use crate::autocast::{promoted, rounded};
use crate::autograd::{Backward, Gradients, Recording, SavedTensor};
use crate::dtype::{Number, dispatch_float, dispatch_number};
use crate::error::OrPanic;
use crate::layout::Layout;
use crate::{DType, Tensor, TensorError};

/// Checks that two operands have one dtype.
pub(crate) fn same_dtype(op: &'static str, a: &Tensor, b: &Tensor) -> Result<(), TensorError> {
    if a.dtype() == b.dtype() { Ok(()) } else { Err(TensorError::dtypes_differ(op, a.dtype(), b.dtype())) }
}

/// Of `a + b` and `a - b`.
struct AddBackward {
    shapes: [Vec<usize>; 2],
    subtract: bool,
}

impl Backward for AddBackward {
    fn backward(&self, grad: &Tensor, needs: &[bool]) -> Result<Vec<Option<Tensor>>, TensorError> {
        let a = needs[0].then(|| sum_to_shape(grad, &self.shapes[0])).transpose()?;
        let b = needs[1].then(|| sum_to_shape(grad, &self.shapes[1])).transpose()?;
        let b = if self.subtract { b.map(|b| b.try_neg()).transpose()? } else { b };
        Ok(vec![a, b])
    }

    fn differentiable(&self, grad: &Tensor, needs: &[bool], _recording: &Recording) -> Gradients {
        self.backward(grad, needs)
    }
}

struct MulBackward {
    a: SavedTensor,
    b: SavedTensor,
}

impl Backward for MulBackward {
    fn backward(&self, grad: &Tensor, needs: &[bool]) -> Result<Vec<Option<Tensor>>, TensorError> {
        let (a, b) = (self.a.get("mul")?, self.b.get("mul")?);
        let da = needs[0].then(|| sum_to_shape(&grad.try_mul(b)?, a.shape())).transpose()?;
        let db = needs[1].then(|| sum_to_shape(&grad.try_mul(a)?, b.shape())).transpose()?;
        Ok(vec![da, db])
    }

    fn differentiable(&self, grad: &Tensor, needs: &[bool], recording: &Recording) -> Gradients {
        let a = recording.input(0, self.a.get("mul")?);
        let b = recording.input(1, self.b.get("mul")?);
        let da = needs[0].then(|| sum_to_shape(&grad.try_mul(&b)?, a.shape())).transpose()?;
        let db = needs[1].then(|| sum_to_shape(&grad.try_mul(&a)?, b.shape())).transpose()?;
        Ok(vec![da, db])
    }
}

struct DivBackward {
    a: SavedTensor,
    b: SavedTensor,
}

impl Backward for DivBackward {
    fn backward(&self, grad: &Tensor, needs: &[bool]) -> Result<Vec<Option<Tensor>>, TensorError> {
        let (a, b) = (self.a.get("div")?, self.b.get("div")?);
        let da = needs[0].then(|| sum_to_shape(&grad.try_div(b)?, a.shape())).transpose()?;
        let db = needs[1].then(|| {
            if grad.dtype() == DType::BF16 {
                let [grad, a, b] = [grad, a, b].map(|x| x.try_to_dtype(DType::F32));
                let (b, ratio) = (b?, grad?.try_mul(&a?)?);
                let db = ratio.try_div(&b.try_square()?)?.try_neg()?;
                return sum_to_shape(&db, b.shape())?.try_to_dtype(DType::BF16);
            }
            let db = dispatch_float!(grad.dtype(), "div", |T| zip3(
                grad.shape(),
                (grad, a, b),
                grad.dtype(),
                |g: T, a: T, b: T| -(g * a) / (b * b)
            ));
            sum_to_shape(&db, b.shape())
        });
        Ok(vec![da, db.transpose()?])
    }

    fn differentiable(&self, grad: &Tensor, needs: &[bool], recording: &Recording) -> Gradients {
        let a = recording.input(0, self.a.get("div")?);
        let b = recording.input(1, self.b.get("div")?);
        let part = grad.try_div(&b)?;
        let da = needs[0].then(|| sum_to_shape(&part, a.shape())).transpose()?;
        let db = needs[1].then(|| sum_to_shape(&part.try_mul(&a.try_div(&b)?)?.try_neg()?, b.shape())).transpose()?;
        Ok(vec![da, db])
    }
}

/// `y = scale * x + shift`, for all operations with one number.
struct ScaleBackward {
    scale: f64,
}

impl Backward for ScaleBackward {
    fn backward(&self, grad: &Tensor, _needs: &[bool]) -> Result<Vec<Option<Tensor>>, TensorError> {
        Ok(vec![Some(if self.scale == 1.0 { grad.clone() } else { grad.try_mul_scalar(self.scale)? })])
    }

    fn differentiable(&self, grad: &Tensor, needs: &[bool], _recording: &Recording) -> Gradients {
        self.backward(grad, needs)
    }
}

/// Adds `gradient` to `sum`: in place when nothing else sees the memory of `sum`, else into a new tensor.
pub(crate) fn add_into(sum: Tensor, gradient: &Tensor) -> Result<Tensor, TensorError> {
    if !(sum.layout().is_dense() && sum.is_unshared()) {
        return sum.try_add(gradient);
    }
    let layout = Layout { offset: 0, ..sum.layout().clone() };
    dispatch_number!(sum.dtype(), "backward", |T| {
        let gradient = gradient.data_in_layout::<T>(&layout);
        let gradient: &[T] = &gradient;
        sum.0.storage.write(sum.layout().offset, sum.numel(), |data: &mut [T]| {
            zip_in_place(data, gradient, |sum, g| sum.plus(g));
        });
    });
    Ok(sum)
}

/// A number given for an integer tensor must be an integer.
fn check_scalar(op: &'static str, x: &Tensor, number: f64) -> Result<(), TensorError> {
    if x.dtype().is_float() || number.fract() == 0.0 {
        return Ok(());
    }
    Err(TensorError::dtype(
        op,
        format!("the number {number} does not fit a tensor of {}", x.dtype()),
        "convert the tensor first: x.to_dtype(DType::F32)",
    ))
}

/// The number in the type of the elements. Towards an integer by way of `i64`, so that -1 wraps around for `u8`.
fn scalar<T: Number>(number: f64) -> T {
    if T::DTYPE.is_float() { T::from_f64(number) } else { T::from_i64(number as i64) }
}

impl Tensor {
    /// Sum, with broadcasting; also `&a + &b`.
    ///
    /// ```
    /// use striate_tensor::Tensor;
    /// let rows = Tensor::from_slice(&[1.0f32, 2.0], &[2, 1]);
    /// let columns = Tensor::from_slice(&[10.0f32, 20.0, 30.0], &[3]);
    /// assert_eq!((&rows + &columns).to_vec::<f32>(), [11.0, 21.0, 31.0, 12.0, 22.0, 32.0]);
    /// ```
    ///
    /// # Panics
    /// When the shapes do not broadcast or the dtypes differ.
    #[track_caller]
    pub fn add(&self, other: &Tensor) -> Tensor {
        self.try_add(other).or_panic()
    }

    /// Like [`add`](Self::add), with a mistake as an error.
    pub fn try_add(&self, other: &Tensor) -> Result<Tensor, TensorError> {
        if let Some([a, b]) = promoted(self, other)? {
            return a.try_add(&b);
        }
        same_dtype("add", self, other)?;
        let sum =
            dispatch_number!(self.dtype(), "add", |T| zip("add", self, other, self.dtype(), |a: T, b: T| a.plus(b))?);
        let shapes = || [self.shape().to_vec(), other.shape().to_vec()];
        Ok(sum.record("add", &[self, other], || AddBackward { shapes: shapes(), subtract: false }))
    }

    /// Difference, with broadcasting; also `&a - &b`.
    ///
    /// # Panics
    /// When the shapes do not broadcast or the dtypes differ.
    #[track_caller]
    pub fn sub(&self, other: &Tensor) -> Tensor {
        self.try_sub(other).or_panic()
    }

    /// Like [`sub`](Self::sub), with a mistake as an error.
    pub fn try_sub(&self, other: &Tensor) -> Result<Tensor, TensorError> {
        if let Some([a, b]) = promoted(self, other)? {
            return a.try_sub(&b);
        }
        same_dtype("sub", self, other)?;
        let difference =
            dispatch_number!(self.dtype(), "sub", |T| zip("sub", self, other, self.dtype(), |a: T, b: T| a.minus(b))?);
        let shapes = || [self.shape().to_vec(), other.shape().to_vec()];
        Ok(difference.record("sub", &[self, other], || AddBackward { shapes: shapes(), subtract: true }))
    }

    /// Element-by-element product, with broadcasting; also `&a * &b`. The matrix product is [`matmul`](Self::matmul).
    ///
    /// # Panics
    /// When the shapes do not broadcast or the dtypes differ.
    #[track_caller]
    pub fn mul(&self, other: &Tensor) -> Tensor {
        self.try_mul(other).or_panic()
    }

    /// Like [`mul`](Self::mul), with a mistake as an error.
    pub fn try_mul(&self, other: &Tensor) -> Result<Tensor, TensorError> {
        if let Some([a, b]) = promoted(self, other)? {
            return a.try_mul(&b);
        }
        same_dtype("mul", self, other)?;
        let product =
            dispatch_number!(self.dtype(), "mul", |T| zip("mul", self, other, self.dtype(), |a: T, b: T| a.times(b))?);
        Ok(product
            .record("mul", &[self, other], || MulBackward { a: SavedTensor::new(self), b: SavedTensor::new(other) }))
    }

    /// Quotient of floats, with broadcasting; also `&a / &b`.
    ///
    /// # Panics
    /// When the shapes do not broadcast, the dtypes differ or are not floats.
    #[track_caller]
    pub fn div(&self, other: &Tensor) -> Tensor {
        self.try_div(other).or_panic()
    }

    /// Like [`div`](Self::div), with a mistake as an error.
    pub fn try_div(&self, other: &Tensor) -> Result<Tensor, TensorError> {
        if let Some([a, b]) = promoted(self, other)? {
            return a.try_div(&b);
        }
        same_dtype("div", self, other)?;
        let quotient = match self.dtype() {
            DType::BF16 => zip("div", self, other, DType::BF16, |a: bf16, b: bf16| from_f32(to_f32(a) / to_f32(b)))?,
            dtype => dispatch_float!(dtype, "div", |T| zip("div", self, other, dtype, |a: T, b: T| a / b)?),
        };
        Ok(quotient
            .record("div", &[self, other], || DivBackward { a: SavedTensor::new(self), b: SavedTensor::new(other) }))
    }

    /// Adds a number; also `&a + 1.0`.
    ///
    /// # Panics
    /// When the tensor is boolean, or holds integers and the number is not one.
    #[track_caller]
    pub fn add_scalar(&self, number: f64) -> Tensor {
        self.try_add_scalar(number).or_panic()
    }

    /// Like [`add_scalar`](Self::add_scalar), with a mistake as an error.
    pub fn try_add_scalar(&self, number: f64) -> Result<Tensor, TensorError> {
        check_scalar("add_scalar", self, number)?;
        let sum = dispatch_number!(self.dtype(), "add_scalar", |T| {
            let number = scalar::<T>(number);
            map(self, self.dtype(), |x: T| x.plus(number))
        });
        Ok(sum.record("add_scalar", &[self], || ScaleBackward { scale: 1.0 }))
    }

    /// Multiplies by a number; also `&a * 2.0`.
    ///
    /// # Panics
    /// When the tensor is boolean, or holds integers and the number is not one.
    #[track_caller]
    pub fn mul_scalar(&self, number: f64) -> Tensor {
        self.try_mul_scalar(number).or_panic()
    }

    /// Like [`mul_scalar`](Self::mul_scalar), with a mistake as an error.
    pub fn try_mul_scalar(&self, number: f64) -> Result<Tensor, TensorError> {
        check_scalar("mul_scalar", self, number)?;
        let product = dispatch_number!(self.dtype(), "mul_scalar", |T| {
            let number = scalar::<T>(number);
            map(self, self.dtype(), |x: T| x.times(number))
        });
        Ok(product.record("mul_scalar", &[self], || ScaleBackward { scale: number }))
    }

    /// Divides floats by a number; also `&a / 2.0`.
    ///
    /// # Panics
    /// When the tensor is not a float tensor.
    #[track_caller]
    pub fn div_scalar(&self, number: f64) -> Tensor {
        self.try_div_scalar(number).or_panic()
    }

    /// Like [`div_scalar`](Self::div_scalar), with a mistake as an error.
    pub fn try_div_scalar(&self, number: f64) -> Result<Tensor, TensorError> {
        if self.dtype() == DType::BF16 {
            return rounded(self, |x| x.try_div_scalar(number));
        }
        let quotient = dispatch_float!(self.dtype(), "div_scalar", |T| {
            let number = T::from_f64(number);
            map(self, self.dtype(), |x: T| x / number)
        });
        Ok(quotient.record("div_scalar", &[self], || ScaleBackward { scale: 1.0 / number }))
    }

    /// The negative; also `-&a`.
    ///
    /// # Panics
    /// When the tensor is boolean.
    #[track_caller]
    pub fn neg(&self) -> Tensor {
        self.try_neg().or_panic()
    }

    /// Like [`neg`](Self::neg), with a mistake as an error.
    pub fn try_neg(&self) -> Result<Tensor, TensorError> {
        let negative =
            dispatch_number!(self.dtype(), "neg", |T| map(self, self.dtype(), |x: T| x.times(T::from_i64(-1))));
        Ok(negative.record("neg", &[self], || ScaleBackward { scale: -1.0 }))
    }
}
