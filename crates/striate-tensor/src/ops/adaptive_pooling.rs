//! Pooling to a given size: the windows adapt to the input.
//!
//! Output `i` of `m` covers the inputs `⌊i n / m⌋ .. ⌈(i + 1) n / m⌉` of `n`; windows overlap when `m` does not divide
//! `n`.
//!
//! ```text
//! avg:  y = mean of the window;   ∂x gets ∂y / count at every element of the window
//! max:  y = max of the window;    ∂x gets ∂y at the window's first maximum (row by row), 0 elsewhere; NaN wins
//! ```

use std::ops::Range;

use super::rearrange::rearrange;
use super::resample::{Taps, resample};
use crate::dtype::dispatch_float;
use crate::error::OrPanic;
use crate::layout::MemoryFormat;
use crate::{DType, Tensor, TensorError};

fn window(i: usize, from: usize, to: usize) -> Range<usize> {
    i * from / to..((i + 1) * from).div_ceil(to)
}

fn check(op: &'static str, x: &Tensor, size: [usize; 2]) -> Result<[usize; 4], TensorError> {
    if !x.dtype().is_float() {
        return Err(TensorError::needs_float(op, x.dtype()));
    }
    match *x.shape() {
        [batch, channels, height, width] if height * width * size[0] * size[1] > 0 => {
            Ok([batch, channels, height, width])
        }
        _ => Err(TensorError::shape(
            op,
            format!("cannot pool a tensor of shape {:?} to {size:?}", x.shape()),
            "the input must be [n, c, h, w], and both sizes at least 1",
        )),
    }
}

/// The place of the first largest element of a window of a row-major image.
fn place_of_maximum<T: PartialOrd + Copy>(
    data: &[T],
    rows: Range<usize>,
    columns: Range<usize>,
    width: usize,
) -> usize {
    let mut best = rows.start * width + columns.start;
    for row in rows {
        for place in row * width + columns.start..row * width + columns.end {
            // NaN is not equal to itself.
            #[expect(clippy::eq_op, reason = "how a generic NaN is told")]
            let nan = |x: T| x != x;
            if data[place] > data[best] || (nan(data[place]) && !nan(data[best])) {
                best = place;
            }
        }
    }
    best
}

impl Tensor {
    /// The means of `size` `[oh, ow]` windows that tile each image of `[n, c, h, w]`: `[n, c, oh, ow]`. Size `[1, 1]` is
    /// the mean of each channel. Channels-last in memory.
    ///
    /// ```
    /// use striate_tensor::Tensor;
    /// let image = Tensor::arange(0.0f32, 6.0, 1.0).reshape(&[1, 1, 2, 3]);
    /// assert_eq!(image.adaptive_avg_pool2d([1, 2]).to_vec::<f32>(), [2.0, 3.0]);
    /// ```
    ///
    /// # Panics
    /// When the input is not a float `[n, c, h, w]`, or a size is 0.
    #[track_caller]
    pub fn adaptive_avg_pool2d(&self, size: [usize; 2]) -> Tensor {
        self.try_adaptive_avg_pool2d(size).or_panic()
    }

    /// Like [`adaptive_avg_pool2d`](Self::adaptive_avg_pool2d), with a mistake as an error.
    pub fn try_adaptive_avg_pool2d(&self, size: [usize; 2]) -> Result<Tensor, TensorError> {
        const OP: &str = "adaptive_avg_pool2d";
        let [.., height, width] = check(OP, self, size)?;
        let taps = [(height, size[0]), (width, size[1])].map(|(from, to)| {
            Taps::new(to, |i| {
                let window = window(i, from, to);
                let weight = 1.0 / window.len() as f64;
                window.map(|place| (place, weight)).collect()
            })
        });
        resample(OP, self, taps.into())
    }

    /// The largest values of `size` `[oh, ow]` windows that tile each image of `[n, c, h, w]`: `[n, c, oh, ow]`.
    ///
    /// ```
    /// use striate_tensor::Tensor;
    /// let image = Tensor::arange(0.0f32, 6.0, 1.0).reshape(&[1, 1, 2, 3]);
    /// assert_eq!(image.adaptive_max_pool2d([1, 2]).to_vec::<f32>(), [4.0, 5.0]);
    /// ```
    ///
    /// # Panics
    /// When the input is not a float `[n, c, h, w]`, or a size is 0.
    #[track_caller]
    pub fn adaptive_max_pool2d(&self, size: [usize; 2]) -> Tensor {
        self.try_adaptive_max_pool2d(size).or_panic()
    }

    /// Like [`adaptive_max_pool2d`](Self::adaptive_max_pool2d), with a mistake as an error.
    pub fn try_adaptive_max_pool2d(&self, size: [usize; 2]) -> Result<Tensor, TensorError> {
        if self.dtype() == DType::BF16 {
            return crate::autocast::rounded(self, |x| x.try_adaptive_max_pool2d(size));
        }
        const OP: &str = "adaptive_max_pool2d";
        let [batch, channels, height, width] = check(OP, self, size)?;
        let mut places = Vec::with_capacity(batch * channels * size[0] * size[1]);
        dispatch_float!(self.dtype(), OP, |T| {
            let data = self.data_in_format::<T>(MemoryFormat::Contiguous);
            for (image, data) in data.chunks_exact(height * width).enumerate() {
                for i in 0..size[0] {
                    for j in 0..size[1] {
                        let (rows, columns) = (window(i, height, size[0]), window(j, width, size[1]));
                        places.push(image * height * width + place_of_maximum(data, rows, columns, width));
                    }
                }
            }
        });
        Ok(rearrange(OP, self, &[batch, channels, size[0], size[1]], places))
    }
}
