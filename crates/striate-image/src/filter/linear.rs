use ndarray::{Array2, ArrayView1, ArrayView2, Axis as NdAxis, s};

use super::{Border, gaussian_kernel1d, pad};
use crate::{ImageError, Real};

/// Which part of the result to keep, with the meaning of `scipy.signal`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Every position at which image and kernel overlap: `H + kh - 1` by `W + kw - 1`.
    Full,
    /// As large as the image; the kernel's centre is element `[kh / 2, kw / 2]`.
    Same,
    /// Only positions at which the kernel lies inside the image: `H - kh + 1` by `W - kw + 1`.
    Valid,
}

/// How a kernel moves over an image, in the terms of a convolution layer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FilterOptions {
    /// Step of the window along rows and columns, at least 1.
    pub stride: [usize; 2],
    /// Pixels added on each side: above and below, left and right.
    pub padding: [usize; 2],
    /// What the added pixels are.
    pub border: Border,
}

impl Default for FilterOptions {
    /// Stride 1, no padding.
    fn default() -> Self {
        FilterOptions { stride: [1, 1], padding: [0, 0], border: Border::Constant(0.0) }
    }
}

impl FilterOptions {
    /// Rows and columns of the result, `(H + 2 p - kh) / s + 1` rounded down, or `None` if the kernel does not fit.
    ///
    /// ```
    /// use striate_image::filter::FilterOptions;
    /// let options = FilterOptions { stride: [2, 2], padding: [1, 1], ..Default::default() };
    /// assert_eq!(options.output_size([5, 8], [3, 3]), Some([3, 4]));
    /// ```
    pub fn output_size(&self, image: [usize; 2], kernel: [usize; 2]) -> Option<[usize; 2]> {
        let along = |axis: usize| {
            let padded = image[axis] + 2 * self.padding[axis];
            padded.checked_sub(kernel[axis]).map(|room| room / self.stride[axis].max(1) + 1)
        };
        Some([along(0)?, along(1)?])
    }
}

/// The kernel turned by 180 degrees: what separates convolution from correlation.
pub fn flip<T: Real>(kernel: ArrayView2<'_, T>) -> ArrayView2<'_, T> {
    kernel.slice_move(s![..;-1, ..;-1])
}

/// Correlation, the moving weighted sum: `out[i, j] = sum over u, v of image[i + u - kh/2, j + v - kw/2] * kernel[u, v]`
/// for [`Mode::Same`].
///
/// As OpenCV's `filter2D` and `scipy.ndimage.correlate` (`Same`), `scipy.signal.correlate2d` (all modes).
///
/// # Errors
/// [`ImageError::Empty`] if an argument is empty; [`ImageError::KernelTooLarge`] for `Valid` if no position is left.
pub fn correlate2d<T: Real>(
    image: ArrayView2<'_, T>,
    kernel: ArrayView2<'_, T>,
    mode: Mode,
    border: Border,
) -> Result<Array2<T>, ImageError> {
    filter("correlate2d", image, kernel, mode, border)
}

/// Convolution, that is correlation with the kernel turned by 180 degrees: an impulse gives back the kernel.
///
/// As `scipy.signal.convolve2d`.
///
/// # Errors
/// As [`correlate2d`].
///
/// ```
/// use ndarray::array;
/// use striate_image::filter::{Border, Mode, convolve2d};
///
/// let impulse = array![[1.0]];
/// let kernel = array![[1.0, 2.0], [3.0, 4.0]];
/// let out = convolve2d(impulse.view(), kernel.view(), Mode::Full, Border::Constant(0.0)).unwrap();
/// assert_eq!(out, kernel);
/// ```
pub fn convolve2d<T: Real>(
    image: ArrayView2<'_, T>,
    kernel: ArrayView2<'_, T>,
    mode: Mode,
    border: Border,
) -> Result<Array2<T>, ImageError> {
    filter("convolve2d", image, flip(kernel), mode, border)
}

/// Correlation with stride and explicit padding, as the convolution layer of a network does it.
///
/// # Errors
/// [`ImageError::Empty`], [`ImageError::KernelTooLarge`], or [`ImageError::Parameter`] for a stride of zero.
pub fn correlate2d_with<T: Real>(
    image: ArrayView2<'_, T>,
    kernel: ArrayView2<'_, T>,
    options: FilterOptions,
) -> Result<Array2<T>, ImageError> {
    filter_with("correlate2d_with", image, kernel, options)
}

/// Convolution (kernel turned by 180 degrees) with stride and explicit padding.
///
/// # Errors
/// As [`correlate2d_with`].
pub fn convolve2d_with<T: Real>(
    image: ArrayView2<'_, T>,
    kernel: ArrayView2<'_, T>,
    options: FilterOptions,
) -> Result<Array2<T>, ImageError> {
    filter_with("convolve2d_with", image, flip(kernel), options)
}

/// Filters columns with `along_y` and then rows with `along_x` (correlation, same size): a separable kernel
/// costs `kh + kw` products per pixel where the full one costs `kh * kw`.
///
/// # Errors
/// [`ImageError::Empty`] if an argument is empty.
pub fn sep_filter2d<T: Real>(
    image: ArrayView2<'_, T>,
    along_y: ArrayView1<'_, T>,
    along_x: ArrayView1<'_, T>,
    border: Border,
) -> Result<Array2<T>, ImageError> {
    let columns = filter("sep_filter2d", image, along_y.insert_axis(NdAxis(1)), Mode::Same, border)?;
    filter("sep_filter2d", columns.view(), along_x.insert_axis(NdAxis(0)), Mode::Same, border)
}

/// Gaussian smoothing with a kernel of radius `4 sigma` rounded, as `scipy.ndimage.gaussian_filter`.
///
/// # Errors
/// [`ImageError::Empty`]; [`ImageError::Parameter`] unless `sigma` is finite and positive.
pub fn gaussian_filter<T: Real>(image: ArrayView2<'_, T>, sigma: f64, border: Border) -> Result<Array2<T>, ImageError> {
    let radius = (4.0 * sigma + 0.5).max(0.0) as usize;
    let kernel = gaussian_kernel1d(sigma, radius)?.mapv(T::from_f64);
    sep_filter2d(image, kernel.view(), kernel.view(), border)
}

fn filter<T: Real>(
    operation: &'static str,
    image: ArrayView2<'_, T>,
    kernel: ArrayView2<'_, T>,
    mode: Mode,
    border: Border,
) -> Result<Array2<T>, ImageError> {
    let (kh, kw) = kernel.dim();
    ImageError::require_nonempty(operation, "kernel", [kh, kw])?;
    let margin = |k: usize| match mode {
        Mode::Full => [k - 1, k - 1],
        Mode::Same => [k / 2, (k - 1) / 2],
        Mode::Valid => [0, 0],
    };
    slide(operation, image, kernel, [margin(kh), margin(kw)], [1, 1], border)
}

fn filter_with<T: Real>(
    operation: &'static str,
    image: ArrayView2<'_, T>,
    kernel: ArrayView2<'_, T>,
    options: FilterOptions,
) -> Result<Array2<T>, ImageError> {
    if options.stride.contains(&0) {
        return Err(ImageError::Parameter { operation, parameter: "stride", value: 0.0, expected: "at least 1" });
    }
    let [rows, columns] = options.padding.map(|p| [p, p]);
    slide(operation, image, kernel, [rows, columns], options.stride, options.border)
}

/// Pads once, then adds one scaled, shifted copy of the image per kernel element: the inner loop runs along a row.
fn slide<T: Real>(
    operation: &'static str,
    image: ArrayView2<'_, T>,
    kernel: ArrayView2<'_, T>,
    padding: [[usize; 2]; 2],
    stride: [usize; 2],
    border: Border,
) -> Result<Array2<T>, ImageError> {
    let (height, width) = image.dim();
    let (kernel_height, kernel_width) = kernel.dim();
    ImageError::require_nonempty(operation, "image", [height, width])?;
    ImageError::require_nonempty(operation, "kernel", [kernel_height, kernel_width])?;
    let padded = pad(image, padding[0], padding[1], border)?;
    let (height, width) = padded.dim();
    if kernel_height > height || kernel_width > width {
        return Err(ImageError::KernelTooLarge { operation, kernel_height, kernel_width, height, width });
    }
    let out_height = (height - kernel_height) / stride[0] + 1;
    let out_width = (width - kernel_width) / stride[1] + 1;
    let mut out = Array2::zeros((out_height, out_width));
    for (i, mut out_row) in out.outer_iter_mut().enumerate() {
        for u in 0..kernel_height {
            let source = padded.row(i * stride[0] + u);
            for v in 0..kernel_width {
                let last = v + (out_width - 1) * stride[1];
                out_row.scaled_add(kernel[[u, v]], &source.slice(s![v..=last;stride[1]]));
            }
        }
    }
    Ok(out)
}
