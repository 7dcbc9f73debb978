//! `tril` and `triu`: the lower and the upper triangle of matrices; the rest is 0.
//!
//! `tril`: `y[i, j] = x[i, j]` where `j - i <= diagonal`, else 0; `triu` where `j - i >= diagonal`. Backward: the same
//! triangle of the gradient.

use super::rearrange::{NOWHERE, rearrange};
use crate::error::OrPanic;
use crate::{Tensor, TensorError};

fn triangle(op: &'static str, x: &Tensor, keep: impl Fn(isize, isize) -> bool) -> Result<Tensor, TensorError> {
    let &[.., rows, columns] = x.shape() else {
        return Err(TensorError::shape(
            op,
            format!("needs matrices, got shape {:?}", x.shape()),
            "the last two dimensions are rows and columns: unsqueeze a vector first",
        ));
    };
    let place = |j: usize| {
        let (row, column) = (j / columns % rows, j % columns);
        if keep(row as isize, column as isize) { j } else { NOWHERE }
    };
    Ok(rearrange(op, x, x.shape(), (0..x.numel()).map(place).collect()))
}

impl Tensor {
    /// The lower triangles of the matrices in the last two dimensions: what lies above `diagonal` (0 is the main one,
    /// 1 the one above it) becomes 0.
    ///
    /// ```
    /// use striate_tensor::{DType, Tensor};
    /// let mask = Tensor::ones(&[2, 3], DType::I64).tril(0);
    /// assert_eq!(mask.to_vec::<i64>(), [1, 0, 0, 1, 1, 0]);
    /// ```
    ///
    /// # Panics
    /// When the tensor has fewer than two dimensions.
    #[track_caller]
    pub fn tril(&self, diagonal: isize) -> Tensor {
        self.try_tril(diagonal).or_panic()
    }

    /// Like [`tril`](Self::tril), with a mistake as an error.
    pub fn try_tril(&self, diagonal: isize) -> Result<Tensor, TensorError> {
        triangle("tril", self, |row, column| column - row <= diagonal)
    }

    /// The upper triangles of the matrices in the last two dimensions: what lies below `diagonal` becomes 0.
    ///
    /// ```
    /// use striate_tensor::{DType, Tensor};
    /// let future = Tensor::ones(&[2, 3], DType::I64).triu(1);
    /// assert_eq!(future.to_vec::<i64>(), [0, 1, 1, 0, 0, 1]);
    /// ```
    ///
    /// # Panics
    /// When the tensor has fewer than two dimensions.
    #[track_caller]
    pub fn triu(&self, diagonal: isize) -> Tensor {
        self.try_triu(diagonal).or_panic()
    }

    /// Like [`triu`](Self::triu), with a mistake as an error.
    pub fn try_triu(&self, diagonal: isize) -> Result<Tensor, TensorError> {
        triangle("triu", self, |row, column| column - row >= diagonal)
    }
}
