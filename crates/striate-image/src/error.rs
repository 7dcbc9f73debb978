use thiserror::Error;

/// What a caller asked for that an image operation cannot do.
#[derive(Clone, Debug, Error, PartialEq)]
#[non_exhaustive]
pub enum ImageError {
    /// An image, a kernel or a target size has no elements.
    #[error("{operation}: the {what} is empty ({height} by {width}); give it at least one row and one column")]
    Empty {
        /// The function that was called.
        operation: &'static str,
        /// Which argument.
        what: &'static str,
        /// Its rows.
        height: usize,
        /// Its columns.
        width: usize,
    },
    /// The kernel does not fit into the (padded) image, so there is no position to put it.
    #[error(
        "{operation}: a {kernel_height} by {kernel_width} kernel does not fit into the {height} by {width} \
         (padded) image; use a smaller kernel or more padding"
    )]
    KernelTooLarge {
        /// The function that was called.
        operation: &'static str,
        /// Rows of the kernel.
        kernel_height: usize,
        /// Columns of the kernel.
        kernel_width: usize,
        /// Rows of the padded image.
        height: usize,
        /// Columns of the padded image.
        width: usize,
    },
    /// A parameter is outside its range.
    #[error("{operation}: {parameter} is {value}, it must be {expected}")]
    Parameter {
        /// The function that was called.
        operation: &'static str,
        /// Name of the parameter.
        parameter: &'static str,
        /// The value that was given.
        value: f64,
        /// What is allowed.
        expected: &'static str,
    },
    /// A colour image must have three channels on its last axis.
    #[error("{operation}: the last axis has length {channels}, a colour image [height, width, 3] has 3")]
    Channels {
        /// The function that was called.
        operation: &'static str,
        /// Length of the last axis.
        channels: usize,
    },
}

impl ImageError {
    pub(crate) fn require_nonempty(
        operation: &'static str,
        what: &'static str,
        [height, width]: [usize; 2],
    ) -> Result<(), ImageError> {
        if height == 0 || width == 0 {
            return Err(ImageError::Empty { operation, what, height, width });
        }
        Ok(())
    }
}
