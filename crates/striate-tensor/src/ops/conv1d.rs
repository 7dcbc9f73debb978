//! One-dimensional convolution: a [`conv2d`](Tensor::conv2d) over images of one row, whose maths and gradients it has.
//!
//! ```text
//! y[n, o, i] = b[o] + Σ_{c, u} x[n, c, i s - p + u d] w[o, c, u]
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
        if self.rank() != 3 || weight.rank() != 3 {
            return Err(TensorError::shape(
                OP,
                format!(
                    "the input must be [n, c, l] and the weight [out, in / groups, k], got {:?} and {:?}",
                    self.shape(),
                    weight.shape()
                ),
                "add the missing dimensions: unsqueeze(0) makes a batch of one",
            ));
        }
        let Conv1dOptions { stride, padding, dilation, groups } = options;
        let options = Conv2dOptions { stride: [1, stride], padding: [0, padding], dilation: [1, dilation], groups };
        self.try_unsqueeze(2)?.try_conv2d(&weight.try_unsqueeze(2)?, bias, options)?.try_squeeze(2)
    }
}
