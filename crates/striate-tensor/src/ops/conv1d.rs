//! One-dimensional convolution and its transpose: [`conv2d`](Tensor::conv2d) and
//! [`conv_transpose2d`](Tensor::conv_transpose2d) over images of one row, whose maths and gradients they have.
//!
//! ```text
//! conv1d:            y[n, o, i] = b[o] + Σ_{c, u} x[n, c, i s - p + u d] w[o, c, u]
//! conv_transpose1d:  y[n, o, r] = b[o] + Σ_{c, u with i s - p + u d = r} x[n, c, i] w[c, o, u]
//! ```

use crate::error::OrPanic;
use crate::{Conv2dOptions, Tensor, TensorError};

const OP: &str = "conv1d";

/// How a one-dimensional convolution window moves; see [`Conv2dOptions`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conv1dOptions {
    /// Step of the window; at least 1.
    pub stride: usize,
    /// Zeros added on each side.
    pub padding: usize,
    /// Spacing of the kernel's taps; at least 1.
    pub dilation: usize,
    /// Independent convolutions side by side in the channels.
    pub groups: usize,
}

impl Default for Conv1dOptions {
    fn default() -> Self {
        Self { stride: 1, padding: 0, dilation: 1, groups: 1 }
    }
}

impl Tensor {
    /// Convolves sequences `[n, c, l]` with `weight` `[out, c / groups, k]` and adds `bias` `[out]`: `[n, out, ol]` with
    /// `ol = (l + 2 padding - dilation (k - 1) - 1) / stride + 1`, rounded down.
    ///
    /// ```
    /// use striate_tensor::{Conv1dOptions, Tensor};
    /// let x = Tensor::from_slice(&[1.0f32, 4.0, 9.0, 16.0], &[1, 1, 4]);
    /// let differences = Tensor::from_slice(&[-1.0f32, 1.0], &[1, 1, 2]);
    /// assert_eq!(x.conv1d(&differences, None, Conv1dOptions::default()).to_vec::<f32>(), [3.0, 5.0, 7.0]);
    /// ```
    ///
    /// # Panics
    /// When shapes or dtypes do not fit, or an option is out of range.
    #[track_caller]
    pub fn conv1d(&self, weight: &Tensor, bias: Option<&Tensor>, options: Conv1dOptions) -> Tensor {
        self.try_conv1d(weight, bias, options).or_panic()
    }

    /// Like [`conv1d`](Self::conv1d), with a mistake as an error. Mistakes in sizes are reported by the convolution of
    /// images `[n, c, 1, l]` that does the work.
    pub fn try_conv1d(
        &self,
        weight: &Tensor,
        bias: Option<&Tensor>,
        options: Conv1dOptions,
    ) -> Result<Tensor, TensorError> {
        check_ranks(OP, self, weight)?;
        self.try_unsqueeze(2)?.try_conv2d(&weight.try_unsqueeze(2)?, bias, options.of_rows())?.try_squeeze(2)
    }

    /// Spreads each element of `[n, c, l]` over a window weighted by `weight` `[c, out / groups, k]`, adds where windows
    /// overlap, and adds `bias` `[out]`: `[n, out, ol]` with
    /// `ol = (l - 1) stride - 2 padding + dilation (k - 1) + 1 + output_padding`.
    ///
    /// `output_padding`, less than the stride, chooses among the lengths that a [`conv1d`](Self::conv1d) with these options
    /// would bring to `l`.
    ///
    /// ```
    /// use striate_tensor::{Conv1dOptions, DType, Tensor};
    /// let x = Tensor::from_slice(&[1.0f32, 2.0], &[1, 1, 2]);
    /// let options = Conv1dOptions { stride: 2, ..Conv1dOptions::default() };
    /// let y = x.conv_transpose1d(&Tensor::ones(&[1, 1, 3], DType::F32), None, options, 0);
    /// assert_eq!(y.to_vec::<f32>(), [1.0, 1.0, 3.0, 2.0, 2.0]);
    /// ```
    ///
    /// # Panics
    /// When shapes or dtypes do not fit, or an option is out of range.
    #[track_caller]
    pub fn conv_transpose1d(
        &self,
        weight: &Tensor,
        bias: Option<&Tensor>,
        options: Conv1dOptions,
        output_padding: usize,
    ) -> Tensor {
        self.try_conv_transpose1d(weight, bias, options, output_padding).or_panic()
    }

    /// Like [`conv_transpose1d`](Self::conv_transpose1d), with a mistake as an error. Mistakes in sizes are reported by the
    /// transposed convolution of images `[n, c, 1, l]` that does the work.
    pub fn try_conv_transpose1d(
        &self,
        weight: &Tensor,
        bias: Option<&Tensor>,
        options: Conv1dOptions,
        output_padding: usize,
    ) -> Result<Tensor, TensorError> {
        check_ranks("conv_transpose1d", self, weight)?;
        let (x, weight) = (self.try_unsqueeze(2)?, weight.try_unsqueeze(2)?);
        x.try_conv_transpose2d(&weight, bias, options.of_rows(), [0, output_padding])?.try_squeeze(2)
    }
}

impl Conv1dOptions {
    /// The same over images of one row.
    fn of_rows(self) -> Conv2dOptions {
        let Self { stride, padding, dilation, groups } = self;
        Conv2dOptions { stride: [1, stride], padding: [0, padding], dilation: [1, dilation], groups }
    }
}

fn check_ranks(op: &'static str, input: &Tensor, weight: &Tensor) -> Result<(), TensorError> {
    if input.rank() == 3 && weight.rank() == 3 {
        return Ok(());
    }
    Err(TensorError::shape(
        op,
        format!(
            "the input must be [n, c, l] and the weight three-dimensional, got {:?} and {:?}",
            input.shape(),
            weight.shape()
        ),
        "add the missing dimensions: unsqueeze(0) makes a batch of one",
    ))
}
