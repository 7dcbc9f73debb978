//! Resizing by interpolation: nearest, bilinear and bicubic, with PyTorch's two conventions for where pixels lie.
//!
//! Output position `i` of `m` lies at input position `p` of `n`:
//!
//! ```text
//! corners aligned:      p = i (n - 1) / (m - 1)                the centres of the corner pixels coincide
//! not aligned:          p = (i + 1/2) n / m - 1/2              the outer edges of the corner pixels coincide
//! nearest:   y = x[⌊i n / m⌋]
//! linear:    y = (1 - t) x[⌊p⌋] + t x[⌊p⌋ + 1],   t = p - ⌊p⌋, p not below 0
//! cubic:     y = Σ_{k = -1..2} K(k - t) x[⌊p⌋ + k],   Keys' kernel K with a = -3/4
//! ```
//!
//! with positions outside the image replaced by the edge, first over rows, then over columns. Backward: each gradient is
//! spread with the same weights. Source of the kernel: R. Keys, *Cubic convolution interpolation for digital image
//! processing*, 1981.

use super::resample::{Taps, resample};
use crate::error::OrPanic;
use crate::{Tensor, TensorError};

const OP: &str = "interpolate";

/// How [`Tensor::interpolate`] finds values between pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interpolation {
    /// The pixel whose area the position falls in.
    Nearest,
    /// Linear along each dimension. `align_corners`: whether the centres of the corner pixels coincide.
    Linear {
        /// Whether the centres of the corner pixels coincide, instead of their outer edges.
        align_corners: bool,
    },
    /// Cubic along each dimension (bicubic for images); may overshoot the range of the input.
    Cubic {
        /// Whether the centres of the corner pixels coincide, instead of their outer edges.
        align_corners: bool,
    },
}

impl Interpolation {
    fn taps(self, from: usize, to: usize) -> Taps {
        Taps::new(to, |i| match self {
            Self::Nearest => vec![(i * from / to, 1.0)],
            Self::Linear { align_corners } => {
                let position = position(i, from, to, align_corners).max(0.0);
                let t = position.fract();
                let first = (position as usize).min(from - 1);
                vec![(first, 1.0 - t), ((first + 1).min(from - 1), t)]
            }
            Self::Cubic { align_corners } => {
                let position = position(i, from, to, align_corners);
                let t = position - position.floor();
                let tap = |k: isize| {
                    let place = (position.floor() as isize + k).clamp(0, from as isize - 1);
                    (place as usize, keys(k as f64 - t))
                };
                (-1..=2).map(tap).collect()
            }
        })
    }
}

fn position(i: usize, from: usize, to: usize, align_corners: bool) -> f64 {
    match (align_corners, to) {
        (true, 1) => 0.0,
        (true, _) => i as f64 * (from - 1) as f64 / (to - 1) as f64,
        (false, _) => (i as f64 + 0.5) * from as f64 / to as f64 - 0.5,
    }
}

/// Keys' cubic kernel with `a = -3/4`.
pub(super) fn keys(x: f64) -> f64 {
    const A: f64 = -0.75;
    let x = x.abs();
    if x <= 1.0 { ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0 } else { (((x - 5.0) * x + 8.0) * x - 4.0) * A }
}

impl Tensor {
    /// Resizes images `[n, c, h, w]` to `size` `[h, w]`, or sequences `[n, c, l]` to `[l]`. Channels-last in memory.
    ///
    /// ```
    /// use striate_tensor::{Interpolation, Tensor};
    /// let x = Tensor::from_slice(&[0.0f32, 3.0], &[1, 1, 2]);
    /// let y = x.interpolate(&[4], Interpolation::Linear { align_corners: true });
    /// assert_eq!(y.to_vec::<f32>(), [0.0, 1.0, 2.0, 3.0]);
    /// ```
    ///
    /// # Panics
    /// When the shape and `size` do not fit each other, a size is 0, or the tensor is not a float tensor.
    #[track_caller]
    pub fn interpolate(&self, size: &[usize], mode: Interpolation) -> Tensor {
        self.try_interpolate(size, mode).or_panic()
    }

    /// Like [`interpolate`](Self::interpolate), with a mistake as an error.
    pub fn try_interpolate(&self, size: &[usize], mode: Interpolation) -> Result<Tensor, TensorError> {
        if !matches!(size.len(), 1 | 2) || self.rank() != size.len() + 2 {
            return Err(TensorError::shape(
                OP,
                format!("a tensor of shape {:?} cannot be resized to {size:?}", self.shape()),
                "give [h, w] for images [n, c, h, w], [l] for sequences [n, c, l]",
            ));
        }
        if size.contains(&0) || self.shape()[2..].contains(&0) {
            return Err(TensorError::shape(
                OP,
                format!("from {:?} to {size:?}: there is nothing to interpolate", &self.shape()[2..]),
                "both sizes must be at least 1",
            ));
        }
        let taps = self.shape()[2..].iter().zip(size).map(|(&from, &to)| mode.taps(from, to)).collect();
        resample(OP, self, taps)
    }
}
