//! Pooling layers for sequences: those of images, over images of one row.

use striate_tensor::{Pool2dOptions, Tensor, TensorError};

use crate::{Context, Module, ModuleError};

/// The sequence as an image of one row, pooled, and back.
fn as_row(
    op: &'static str,
    input: &Tensor,
    pool: impl FnOnce(&Tensor) -> Result<Tensor, TensorError>,
) -> Result<Tensor, ModuleError> {
    if input.rank() != 3 {
        let what = format!("the input is {:?}", input.shape());
        return Err(TensorError::shape(op, what, "give a batch of sequences: [n, c, l]").into());
    }
    Ok(pool(&input.try_unsqueeze(2)?)?.try_squeeze(2)?)
}

macro_rules! pool {
    ($(#[$doc:meta])* $name:ident, $op:literal, $method:ident, $($setting:tt)*) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy)]
        pub struct $name {
            options: Pool2dOptions,
        }

        impl $name {
            /// Windows of `kernel` entries that touch but do not overlap.
            pub fn new(kernel: usize) -> Self {
                let row = Pool2dOptions::new(kernel);
                Self { options: Pool2dOptions { kernel: [1, kernel], stride: [1, kernel], ..row } }
            }

            /// The step of the window.
            pub fn stride(mut self, stride: usize) -> Self {
                self.options.stride = [1, stride];
                self
            }

            /// Whether a last window that reaches past the end counts as well
            /// ([`ceil_mode`](striate_tensor::Pool2dOptions::ceil_mode)).
            pub fn ceil_mode(mut self, ceil_mode: bool) -> Self {
                self.options.ceil_mode = ceil_mode;
                self
            }

            /// Entries added at both ends; at most half the kernel.
            pub fn padding(mut self, padding: usize) -> Self {
                self.options.padding = [0, padding];
                self
            }

            $($setting)*
        }

        impl Module for $name {
            fn try_forward(&self, input: &Tensor, _context: &Context) -> Result<Tensor, ModuleError> {
                as_row($op, input, |row| row.$method(self.options))
            }

            fn describe(&self) -> String {
                let Pool2dOptions { kernel, stride, padding, .. } = self.options;
                let sizes = format!("kernel {}, stride {}, padding {}", kernel[1], stride[1], padding[1]);
                format!(concat!(stringify!($name), "({})"), sizes)
            }
        }
    };
}

pool!(
    /// The largest value of each window of `[n, c, l]` (PyTorch's `MaxPool1d`).
    ///
    /// ```
    /// use striate_nn::{Context, MaxPool1d, Module};
    /// use striate_tensor::Tensor;
    ///
    /// let y = MaxPool1d::new(2).forward(&Tensor::from_slice(&[1.0_f32, 3.0, 2.0, 0.0], &[1, 1, 4]), &Context::eval());
    /// assert_eq!(y.to_vec::<f32>(), [3.0, 2.0]);
    /// ```
    MaxPool1d, "max_pool1d", try_max_pool2d,
    /// The spacing of the entries in a window.
    pub fn dilation(mut self, dilation: usize) -> Self {
        self.options.dilation = [1, dilation];
        self
    }
);
pool!(
    /// The mean of each window of `[n, c, l]` (PyTorch's `AvgPool1d`).
    AvgPool1d, "avg_pool1d", try_avg_pool2d,
    /// Whether padding counts as zeros; it does by default.
    pub fn count_include_pad(mut self, count: bool) -> Self {
        self.options.count_include_pad = count;
        self
    }
);

macro_rules! adaptive {
    ($(#[$doc:meta])* $name:ident, $op:literal, $method:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy)]
        pub struct $name {
            size: usize,
        }

        impl $name {
            /// So many entries, whatever the length of the input.
            pub fn new(size: usize) -> Self {
                Self { size }
            }
        }

        impl Module for $name {
            fn try_forward(&self, input: &Tensor, _context: &Context) -> Result<Tensor, ModuleError> {
                as_row($op, input, |row| row.$method([1, self.size]))
            }

            fn describe(&self) -> String {
                format!(concat!(stringify!($name), "({})"), self.size)
            }
        }
    };
}

adaptive!(
    /// The means of `size` parts of `[n, c, l]` (PyTorch's `AdaptiveAvgPool1d`).
    AdaptiveAvgPool1d, "adaptive_avg_pool1d", try_adaptive_avg_pool2d
);
adaptive!(
    /// The largest values of `size` parts of `[n, c, l]` (PyTorch's `AdaptiveMaxPool1d`).
    AdaptiveMaxPool1d, "adaptive_max_pool1d", try_adaptive_max_pool2d
);
