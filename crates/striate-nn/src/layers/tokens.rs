//! What a transformer reads: pieces of an image, and where they are.

use striate_tensor::random::Generator;
use striate_tensor::{DType, Tensor, TensorError, UnfoldOptions};

use crate::{Context, Module, ModuleError, Slot};

/// Cuts images `[n, c, h, w]` into squares of `size`: `[n, (h / size) (w / size), c size size]`, row by row, each square
/// channel by channel (Dosovitskiy et al. 2021).
///
/// ```
/// use striate_nn::patchify;
/// use striate_tensor::Tensor;
///
/// let image = Tensor::arange(0.0_f32, 16.0, 1.0).reshape(&[1, 1, 4, 4]);
/// let patches = patchify(&image, 2)?;
/// assert_eq!(patches.shape(), [1, 4, 4]);
/// assert_eq!(patches.select(1, 1).to_vec::<f32>(), [2.0, 3.0, 6.0, 7.0]);
/// # Ok::<(), striate_tensor::TensorError>(())
/// ```
///
/// # Errors
/// When `size` does not divide height and width.
pub fn patchify(images: &Tensor, size: usize) -> Result<Tensor, TensorError> {
    let divides =
        matches!(*images.shape(), [_, _, h, w] if size > 0 && h.is_multiple_of(size) && w.is_multiple_of(size));
    if !divides {
        let what = format!("squares of {size} do not cover images {:?}", images.shape());
        return Err(TensorError::shape("patchify", what, "give [n, c, h, w] with sizes that it divides"));
    }
    images.try_unfold(UnfoldOptions { stride: [size; 2], ..UnfoldOptions::new([size; 2]) })?.try_transpose(1, 2)
}

/// The positions `[length, width]` of Vaswani et al. (2017): in column `2 i` the sine, in column `2 i + 1` the cosine of
/// `position / 10000^(2 i / width)`.
///
/// ```
/// let positions = striate_nn::sinusoidal_positions(3, 4);
/// assert_eq!(positions.select(0, 0).to_vec::<f32>(), [0.0, 1.0, 0.0, 1.0]);
/// ```
pub fn sinusoidal_positions(length: usize, width: usize) -> Tensor {
    let value = |index: usize| {
        let (position, column) = (index / width, index % width);
        let angle = position as f64 / 10_000_f64.powf((column - column % 2) as f64 / width as f64);
        (if column % 2 == 0 { angle.sin() } else { angle.cos() }) as f32
    };
    Tensor::from_vec((0..length * width).map(value).collect(), &[length, width])
}

/// Adds its position to each element of a sequence `[n, l, width]`: [sinusoids](sinusoidal_positions), or learned numbers
/// (`weight` `[longest, width]`).
///
/// ```
/// use striate_nn::{Context, Module, Positions};
/// use striate_tensor::{DType, Tensor, random::Generator};
///
/// let x = Tensor::zeros(&[2, 5, 8], DType::F32);
/// assert_eq!(Positions::sinusoidal(10, 8).forward(&x, &Context::eval()).shape(), [2, 5, 8]);
/// assert_eq!(Positions::learned(10, 8, &mut Generator::new(0)).num_parameters(), 80);
/// ```
#[derive(Debug)]
pub struct Positions {
    weight: Tensor,
    learned: bool,
}

impl Positions {
    /// Fixed sinusoids for sequences of up to `longest` elements.
    pub fn sinusoidal(longest: usize, width: usize) -> Self {
        Self { weight: sinusoidal_positions(longest, width), learned: false }
    }

    /// Learned numbers for sequences of up to `longest` elements; they start normal with standard deviation 0.02.
    pub fn learned(longest: usize, width: usize, generator: &mut Generator) -> Self {
        let weight = Tensor::randn(&[longest, width], generator).mul_scalar(0.02);
        Self { weight: weight.requires_grad_(true), learned: true }
    }
}

impl Module for Positions {
    fn try_forward(&self, input: &Tensor, _context: &Context) -> Result<Tensor, ModuleError> {
        let &[longest, width] = self.weight.shape() else { unreachable!("made with two dimensions") };
        match *input.shape() {
            [_, length, own] if length <= longest && own == width => {
                let positions = self.weight.try_narrow(0, 0, length)?;
                let positions =
                    if input.dtype() == DType::F32 { positions } else { positions.try_to_dtype(input.dtype())? };
                Ok(input.try_add(&positions)?)
            }
            _ => {
                let what = format!("the input is {:?}", input.shape());
                let help = format!("give [n, l, {width}] with l up to {longest}");
                Err(TensorError::shape("positions", what, help).into())
            }
        }
    }

    fn visit<'a>(&'a self, visitor: &mut dyn FnMut(&str, Slot<'a>)) {
        if self.learned {
            visitor("weight", Slot::Parameter(&self.weight));
        }
    }

    fn describe(&self) -> String {
        let kind = if self.learned { "learned" } else { "sinusoidal" };
        format!("Positions({kind}, {} of {})", self.weight.shape()[0], self.weight.shape()[1])
    }
}
