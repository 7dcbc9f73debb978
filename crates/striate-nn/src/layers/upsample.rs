//! Larger images.

use striate_tensor::{Interpolation, Tensor};

use crate::{Context, Module, ModuleError};

/// Images `[n, c, h, w]` enlarged by a whole factor (PyTorch's `Upsample`; nearest neighbour unless set).
///
/// ```
/// use striate_nn::{Context, Module, Upsample};
/// use striate_tensor::Tensor;
///
/// let y = Upsample::new(2).forward(&Tensor::from_slice(&[1.0_f32, 2.0], &[1, 1, 1, 2]), &Context::eval());
/// assert_eq!(y.to_vec::<f32>(), [1.0, 1.0, 2.0, 2.0, 1.0, 1.0, 2.0, 2.0]);
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Upsample {
    scale_factor: usize,
    mode: Interpolation,
}

impl Upsample {
    /// Nearest neighbours, `scale_factor` times as high and wide.
    pub fn new(scale_factor: usize) -> Self {
        Self { scale_factor, mode: Interpolation::Nearest }
    }

    /// How values between pixels come about.
    pub fn mode(mut self, mode: Interpolation) -> Self {
        self.mode = mode;
        self
    }
}

impl Module for Upsample {
    fn try_forward(&self, input: &Tensor, _context: &Context) -> Result<Tensor, ModuleError> {
        let size: Vec<usize> = input.shape().iter().skip(2).map(|size| size * self.scale_factor).collect();
        Ok(input.try_interpolate(&size, self.mode)?)
    }

    fn describe(&self) -> String {
        format!("Upsample({}x, {:?})", self.scale_factor, self.mode)
    }
}
