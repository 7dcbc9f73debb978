//! Activation functions that cut off, squash or choose.

use striate_tensor::{Tensor, TensorError};

use super::activation::{activation_with, along};
use crate::{Context, Module, ModuleError};

/// `x` within limits: -1 and 1, unless set.
///
/// ```
/// use striate_nn::{Context, Hardtanh, Module};
/// use striate_tensor::Tensor;
///
/// let y = Hardtanh::default().forward(&Tensor::from_slice(&[-2.0_f32, 0.5, 9.0], &[3]), &Context::eval());
/// assert_eq!(y.to_vec::<f32>(), [-1.0, 0.5, 1.0]);
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Hardtanh {
    low: f64,
    high: f64,
}

impl Hardtanh {
    /// With these limits.
    ///
    /// # Panics
    /// If `low` is not below `high`.
    #[track_caller]
    pub fn new(low: f64, high: f64) -> Self {
        assert!(low < high, "Hardtanh: the limits are {low} and {high}; give the lower one first");
        Self { low, high }
    }
}

impl Default for Hardtanh {
    fn default() -> Self {
        Self::new(-1.0, 1.0)
    }
}

impl Module for Hardtanh {
    fn try_forward(&self, input: &Tensor, _context: &Context) -> Result<Tensor, ModuleError> {
        Ok(input.try_clamp(self.low, self.high)?)
    }

    fn describe(&self) -> String {
        format!("Hardtanh({}, {})", self.low, self.high)
    }
}

macro_rules! formula {
    ($(#[$doc:meta])* $name:ident, |$x:ident| $value:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, Default)]
        pub struct $name;

        impl Module for $name {
            fn try_forward(&self, $x: &Tensor, _context: &Context) -> Result<Tensor, ModuleError> {
                Ok($value)
            }

            fn describe(&self) -> String {
                stringify!($name).into()
            }
        }
    };
}

formula!(
    /// `x` between 0 and 6 (Howard et al. 2017).
    ReLU6, |x| x.try_clamp(0.0, 6.0)?
);
formula!(
    /// `log(sigmoid(x))`, finite for every finite `x`.
    LogSigmoid, |x| x.try_neg()?.try_softplus(1.0)?.try_neg()?
);
formula!(
    /// `x / (1 + |x|)`: a sigmoid that approaches its limits slowly.
    Softsign, |x| x.try_div(&x.try_abs()?.try_add_scalar(1.0)?)?
);
formula!(
    /// `x - tanh(x)`
    Tanhshrink, |x| x.try_sub(&x.try_tanh()?)?
);

activation_with!(
    /// `x` moved towards 0 by `lambd`, and 0 within it.
    ///
    /// ```
    /// use striate_nn::{Context, Module, Softshrink};
    /// use striate_tensor::Tensor;
    ///
    /// let y = Softshrink::default().forward(&Tensor::from_slice(&[-2.0_f32, 0.25, 2.0], &[3]), &Context::eval());
    /// assert_eq!(y.to_vec::<f32>(), [-1.5, 0.0, 1.5]);
    /// ```
    Softshrink, lambd = 0.5, |x| x.try_clamp(-lambd, lambd).and_then(|inside| x.try_sub(&inside))
);
activation_with!(
    /// `x`, and 0 where `|x| <= lambd`.
    Hardshrink, lambd = 0.5, |x| outside(x, lambd)
);

fn outside(x: &Tensor, limit: f64) -> Result<Tensor, TensorError> {
    let zeros = x.zeros_like();
    // Asked the other way round NaN would become 0.
    let inside = x.detach().try_abs()?.try_le(&zeros.full_like(limit))?;
    inside.try_where_(&zeros, x)
}

along!(
    /// The first half of one dimension times the sigmoid of the second (Dauphin et al. 2017).
    ///
    /// ```
    /// use striate_nn::{Context, GLU, Module};
    /// use striate_tensor::Tensor;
    ///
    /// let y = GLU::new(-1).forward(&Tensor::from_slice(&[3.0_f32, 0.0], &[1, 2]), &Context::eval());
    /// assert_eq!((y.shape(), y.item::<f32>()), (&[1, 1][..], 1.5));
    /// ```
    GLU, |x, dim| gated(x, dim)
);

fn gated(x: &Tensor, dim: isize) -> Result<Tensor, TensorError> {
    match &x.try_chunk(2, dim)?[..] {
        [values, gates] if values.shape() == gates.shape() => values.try_mul(&gates.try_sigmoid()?),
        _ => {
            let what = format!("dimension {dim} of {:?} has no two equal halves", x.shape());
            Err(TensorError::shape("glu", what, "give an even number of entries there"))
        }
    }
}

/// The largest of each `pieces` neighbouring features of `[n, features, ...]`: `[n, features / pieces, ...]` (Goodfellow et
/// al. 2013). After a linear layer: a function of straight pieces that is learned.
///
/// ```
/// use striate_nn::{Context, Maxout, Module};
/// use striate_tensor::Tensor;
///
/// let y = Maxout::new(2).forward(&Tensor::from_slice(&[1.0_f32, 4.0, 3.0, 2.0], &[1, 4]), &Context::eval());
/// assert_eq!(y.to_vec::<f32>(), [4.0, 3.0]);
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Maxout {
    pieces: usize,
}

impl Maxout {
    /// The largest of this many features each.
    pub fn new(pieces: usize) -> Self {
        Self { pieces }
    }
}

impl Module for Maxout {
    fn try_forward(&self, input: &Tensor, _context: &Context) -> Result<Tensor, ModuleError> {
        let pieces = self.pieces;
        let features = input.shape().get(1).copied().unwrap_or(0);
        if pieces == 0 || features == 0 || !features.is_multiple_of(pieces) {
            let what = format!("the input is {:?}", input.shape());
            let help = format!("give [n, features, ...] with a number of features that {pieces} divides");
            return Err(TensorError::shape("maxout", what, help).into());
        }
        let mut shape = input.shape().to_vec();
        shape.splice(1..2, [features / pieces, pieces]);
        Ok(input.try_reshape(&shape)?.try_max_with_indices(2, false)?.0)
    }

    fn describe(&self) -> String {
        format!("Maxout({})", self.pieces)
    }
}
