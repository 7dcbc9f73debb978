//! Channels into pixels.

use striate_tensor::{Tensor, TensorError};

use crate::{Context, Module, ModuleError};

/// `[n, c * r * r, h, w] -> [n, c, h * r, w * r]`: the channels of a pixel become a square of pixels (Shi et al. 2016;
/// PyTorch's `PixelShuffle`).
///
/// ```
/// use striate_nn::{Context, Module, PixelShuffle};
/// use striate_tensor::Tensor;
///
/// let x = Tensor::from_slice(&[1.0_f32, 2.0, 3.0, 4.0], &[1, 4, 1, 1]);
/// let y = PixelShuffle::new(2).forward(&x, &Context::eval());
/// assert_eq!((y.shape(), y.to_vec::<f32>()), (&[1, 1, 2, 2][..], vec![1.0, 2.0, 3.0, 4.0]));
/// ```
#[derive(Debug, Clone, Copy)]
pub struct PixelShuffle {
    upscale_factor: usize,
}

impl PixelShuffle {
    /// Squares of this side.
    pub fn new(upscale_factor: usize) -> Self {
        Self { upscale_factor }
    }
}

impl Module for PixelShuffle {
    fn try_forward(&self, input: &Tensor, _context: &Context) -> Result<Tensor, ModuleError> {
        let r = self.upscale_factor;
        match *input.shape() {
            [n, channels, h, w] if r > 0 && channels.is_multiple_of(r * r) => {
                let squares = input.try_reshape(&[n, channels / (r * r), r, r, h, w])?;
                Ok(squares.try_permute(&[0, 1, 4, 2, 5, 3])?.try_reshape(&[n, channels / (r * r), h * r, w * r])?)
            }
            _ => {
                let what = format!("the input is {:?}, the factor {r}", input.shape());
                let help = "give [n, c, h, w] with a number of channels that the square of the factor divides";
                Err(TensorError::shape("pixel_shuffle", what, help).into())
            }
        }
    }

    fn describe(&self) -> String {
        format!("PixelShuffle({})", self.upscale_factor)
    }
}

/// `[n, c, h * r, w * r] -> [n, c * r * r, h, w]`: squares of pixels become channels, the inverse of [`PixelShuffle`]
/// (PyTorch's `PixelUnshuffle`).
///
/// ```
/// use striate_nn::{Context, Module, PixelUnshuffle};
/// use striate_tensor::Tensor;
///
/// let x = Tensor::from_slice(&[1.0_f32, 2.0, 3.0, 4.0], &[1, 1, 2, 2]);
/// assert_eq!(PixelUnshuffle::new(2).forward(&x, &Context::eval()).shape(), [1, 4, 1, 1]);
/// ```
#[derive(Debug, Clone, Copy)]
pub struct PixelUnshuffle {
    downscale_factor: usize,
}

impl PixelUnshuffle {
    /// Squares of this side.
    pub fn new(downscale_factor: usize) -> Self {
        Self { downscale_factor }
    }
}

impl Module for PixelUnshuffle {
    fn try_forward(&self, input: &Tensor, _context: &Context) -> Result<Tensor, ModuleError> {
        let r = self.downscale_factor;
        match *input.shape() {
            [n, channels, height, width] if r > 0 && height.is_multiple_of(r) && width.is_multiple_of(r) => {
                let [h, w] = [height / r, width / r];
                let squares = input.try_reshape(&[n, channels, h, r, w, r])?;
                Ok(squares.try_permute(&[0, 1, 3, 5, 2, 4])?.try_reshape(&[n, channels * r * r, h, w])?)
            }
            _ => {
                let what = format!("the input is {:?}, the factor {r}", input.shape());
                let help = "give [n, c, h, w] with sizes that the factor divides";
                Err(TensorError::shape("pixel_unshuffle", what, help).into())
            }
        }
    }

    fn describe(&self) -> String {
        format!("PixelUnshuffle({})", self.downscale_factor)
    }
}
