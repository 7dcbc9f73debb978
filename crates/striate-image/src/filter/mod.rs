//! Linear filters (correlation and convolution), the kernels for them, and the median filter.
//!
//! | here | OpenCV | SciPy |
//! |---|---|---|
//! | [`correlate2d`] | `filter2D` | `scipy.signal.correlate2d`, `scipy.ndimage.correlate` |
//! | [`convolve2d`] | - | `scipy.signal.convolve2d` |
//! | [`sep_filter2d`] | `sepFilter2D` | `scipy.ndimage.correlate1d` twice |
//! | [`gaussian_filter`] | `GaussianBlur` | `scipy.ndimage.gaussian_filter` |
//! | [`median_filter`] | `medianBlur` | `scipy.ndimage.median_filter` |

mod border;
mod kernel;
mod linear;
mod median;

pub use border::{Border, pad};
pub use kernel::{box_kernel, gaussian_kernel, gaussian_kernel1d, laplacian_kernel, scharr_kernel, sobel_kernel};
pub use linear::{
    FilterOptions, Mode, convolve2d, convolve2d_with, correlate2d, correlate2d_with, flip, gaussian_filter,
    sep_filter2d,
};
pub use median::median_filter;

/// Direction of a derivative.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Axis {
    /// Along a row, from left to right.
    X,
    /// Along a column, from top to bottom.
    Y,
}
