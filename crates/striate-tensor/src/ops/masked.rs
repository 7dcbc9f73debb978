//! `masked_select` and `masked_fill`: elements chosen by a boolean tensor.
//!
//! `masked_select`: `y` lists the `x[i]` where `mask[i]`, row-major; the gradients go back to those places.
//! `masked_fill`: `y[i] = value` where `mask[i]`, else `x[i]`; `dx[i] = 0` where `mask[i]`, else `dy[i]`.

use super::rearrange::rearrange;
use crate::error::OrPanic;
use crate::layout::{Layout, broadcasts_to};
use crate::{DType, Tensor, TensorError};

fn check(op: &'static str, x: &Tensor, mask: &Tensor) -> Result<(), TensorError> {
    if mask.dtype() != DType::Bool {
        return Err(TensorError::dtype(
            op,
            format!("the mask must be bool, got {}", mask.dtype()),
            "make one by a comparison: x.gt(&y)",
        ));
    }
    if !broadcasts_to(mask.shape(), x.shape()) {
        return Err(TensorError::shape(
            op,
            format!("a mask {:?} does not broadcast to a tensor {:?}", mask.shape(), x.shape()),
            "shapes are aligned at the right; sizes of the mask must be equal or 1",
        ));
    }
    Ok(())
}

impl Tensor {
    /// The elements where `mask` (boolean, broadcast to this shape) is true, as a vector in row-major order.
    ///
    /// ```
    /// use striate_tensor::Tensor;
    /// let x = Tensor::from_slice(&[3.0f32, -1.0, 2.0], &[3]);
    /// let positive = Tensor::from_slice(&[true, false, true], &[3]);
    /// assert_eq!(x.masked_select(&positive).to_vec::<f32>(), [3.0, 2.0]);
    /// ```
    ///
    /// # Panics
    /// When the mask is not boolean or does not broadcast to this shape.
    #[track_caller]
    pub fn masked_select(&self, mask: &Tensor) -> Tensor {
        self.try_masked_select(mask).or_panic()
    }

    /// Like [`masked_select`](Self::masked_select), with a mistake as an error.
    pub fn try_masked_select(&self, mask: &Tensor) -> Result<Tensor, TensorError> {
        const OP: &str = "masked_select";
        check(OP, self, mask)?;
        let chosen = mask.try_broadcast_to(self.shape())?.try_to_vec::<bool>()?;
        let places: Vec<usize> = chosen.iter().enumerate().filter(|&(_, &chosen)| chosen).map(|(i, _)| i).collect();
        Ok(rearrange(OP, self, &[places.len()], places))
    }

    /// This tensor with `value` where `mask` (boolean, broadcast to this shape) is true.
    ///
    /// ```
    /// use striate_tensor::Tensor;
    /// let scores = Tensor::from_slice(&[1.0f32, 2.0], &[2]);
    /// let hidden = Tensor::from_slice(&[false, true], &[2]);
    /// assert_eq!(scores.masked_fill(&hidden, f64::NEG_INFINITY).softmax(0).to_vec::<f32>(), [1.0, 0.0]);
    /// ```
    ///
    /// # Panics
    /// When the mask is not boolean or does not broadcast to this shape.
    #[track_caller]
    pub fn masked_fill(&self, mask: &Tensor, value: f64) -> Tensor {
        self.try_masked_fill(mask, value).or_panic()
    }

    /// Like [`masked_fill`](Self::masked_fill), with a mistake as an error.
    pub fn try_masked_fill(&self, mask: &Tensor, value: f64) -> Result<Tensor, TensorError> {
        check("masked_fill", self, mask)?;
        let value = Tensor::full_in(Layout::contiguous(&[]), self.dtype(), value);
        mask.try_where_(&value, self)
    }
}
