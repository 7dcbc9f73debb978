//! Normalisation by neighbouring channels.

use striate_tensor::{Tensor, TensorError};

use crate::{Context, Module, ModuleError};

/// Divides each value of `[n, c, ...]` by `(k + alpha * s)^beta`, `s` being the mean square over `size` neighbouring
/// channels, with zeros beyond the first and last (Krizhevsky et al. 2012; PyTorch's `LocalResponseNorm`).
///
/// ```
/// use striate_nn::{Context, LocalResponseNorm, Module};
/// use striate_tensor::{DType, Tensor};
///
/// let y = LocalResponseNorm::new(5).alpha(1.0).beta(1.0).forward(&Tensor::ones(&[1, 1, 1, 1], DType::F32), &Context::eval());
/// assert!((y.item::<f32>() - 1.0 / 1.2).abs() < 1e-6);
/// ```
#[derive(Debug, Clone, Copy)]
pub struct LocalResponseNorm {
    size: usize,
    alpha: f64,
    beta: f64,
    k: f64,
}

impl LocalResponseNorm {
    /// Over `size` channels, with `alpha` 1e-4, `beta` 0.75 and `k` 1.
    ///
    /// # Panics
    /// If `size` is 0.
    #[track_caller]
    pub fn new(size: usize) -> Self {
        assert!(size > 0, "LocalResponseNorm: size must be at least 1");
        Self { size, alpha: 1e-4, beta: 0.75, k: 1.0 }
    }

    /// Weight of the squares.
    pub fn alpha(mut self, alpha: f64) -> Self {
        self.alpha = alpha;
        self
    }

    /// The exponent.
    pub fn beta(mut self, beta: f64) -> Self {
        self.beta = beta;
        self
    }

    /// Added to the squares.
    pub fn k(mut self, k: f64) -> Self {
        self.k = k;
        self
    }
}

impl Module for LocalResponseNorm {
    fn try_forward(&self, input: &Tensor, _context: &Context) -> Result<Tensor, ModuleError> {
        if input.rank() < 2 {
            let what = format!("the input is {:?}", input.shape());
            return Err(TensorError::shape("local_response_norm", what, "give [n, c, ...]").into());
        }
        let mut border = vec![(0, 0); input.rank()];
        border[1] = (self.size / 2, (self.size - 1) / 2);
        let squares = input.try_square()?.try_pad(&border, 0.0)?;
        let mut sum = squares.try_narrow(1, 0, input.shape()[1])?;
        for start in 1..self.size {
            sum = sum.try_add(&squares.try_narrow(1, start, input.shape()[1])?)?;
        }
        let scaled = sum.try_mul_scalar(self.alpha / self.size as f64)?.try_add_scalar(self.k)?;
        Ok(input.try_div(&scaled.try_pow(self.beta)?)?)
    }

    fn describe(&self) -> String {
        format!("LocalResponseNorm({})", self.size)
    }
}
