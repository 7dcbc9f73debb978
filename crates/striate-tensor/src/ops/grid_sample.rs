//! Sampling images at given positions, as warps and spatial transformers do (Jaderberg et al. 2015).
//!
//! `y[n, c, i, j] = Σ_k w_k(p) x[n, c, place_k(p)]` at `p = grid[n, i, j]`, over the four pixels around `p` (bilinear), the
//! sixteen around it with Keys' kernel (bicubic, see `interpolate.rs`), or the one nearest to it. Positions outside are
//! brought inside before the pixels are chosen; for bicubic each pixel is. Backward:
//!
//! ```text
//! ∂x[n, c, place_k] += w_k ∂y[n, c, i, j]
//! ∂grid[n, i, j]     = Σ_c ∂y[n, c, i, j] Σ_k x[n, c, place_k] ∂w_k/∂p        0 for nearest
//! ```

use striate_kernels::Element;
use striate_kernels::threads::parallel_chunks_mut;

use super::interpolate::keys;
use crate::autograd::{Backward, SavedTensor};
use crate::dtype::dispatch_float;
use crate::error::OrPanic;
use crate::layout::MemoryFormat;
use crate::{Tensor, TensorError};

const OP: &str = "grid_sample";

/// What [`Tensor::grid_sample`] takes for positions outside the image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutsideImage {
    /// 0.
    Zeros,
    /// The nearest pixel of the border.
    Border,
    /// The image mirrored at its border.
    Reflection,
}

/// How [`Tensor::grid_sample`] finds values between pixels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SampleMode {
    /// Linear in both directions, from the four pixels around the position.
    #[default]
    Bilinear,
    /// The one nearest pixel.
    Nearest,
    /// Cubic in both directions, from the sixteen pixels around the position.
    Bicubic,
}

/// Settings of [`Tensor::grid_sample`]; the default is PyTorch's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GridSampleOptions {
    /// How values between pixels are found.
    pub mode: SampleMode,
    /// What lies outside the image.
    pub outside: OutsideImage,
    /// Whether -1 and 1 are the centres of the corner pixels, instead of their outer edges.
    pub align_corners: bool,
}

impl Default for GridSampleOptions {
    fn default() -> Self {
        Self { mode: SampleMode::Bilinear, outside: OutsideImage::Zeros, align_corners: false }
    }
}

/// One pixel of a sample: where it is, its weight, and the weight's derivative by the position across and down.
struct Tap {
    place: usize,
    weight: f64,
    slopes: [f64; 2],
}

impl GridSampleOptions {
    /// From -1..1 to pixels, and the derivative of that.
    fn to_pixels(self, position: f64, size: usize) -> (f64, f64) {
        let size = size as f64;
        if self.align_corners {
            ((position + 1.0) / 2.0 * (size - 1.0), (size - 1.0) / 2.0)
        } else {
            (((position + 1.0) * size - 1.0) / 2.0, size / 2.0)
        }
    }

    /// A place outside the image brought inside, and the derivative of that.
    fn bring_inside(self, mut pixel: f64, size: usize) -> (f64, f64) {
        let (size, mut slope) = (size as f64, 1.0);
        if self.outside == OutsideImage::Reflection {
            let (low, span) = if self.align_corners { (0.0, size - 1.0) } else { (-0.5, size) };
            if span == 0.0 {
                return (0.0, 0.0);
            }
            let distance = pixel - low;
            slope *= if distance < 0.0 { -1.0 } else { 1.0 };
            let (turns, rest) = ((distance.abs() / span).floor(), distance.abs() % span);
            let back = turns % 2.0 != 0.0;
            pixel = low + if back { span - rest } else { rest };
            slope *= if back { -1.0 } else { 1.0 };
        }
        if self.outside != OutsideImage::Zeros && !(pixel > 0.0 && pixel < size - 1.0) {
            // NaN stays NaN.
            return (pixel.clamp(0.0, size - 1.0), 0.0);
        }
        (pixel, slope)
    }

    /// The pixels along one axis that make up a sample at `position`: their places, which may be outside, with weights
    /// and the derivatives of the weights by the position. How many of the four count comes second.
    fn along(self, position: f64, size: usize) -> ([(f64, f64, f64); 4], usize) {
        let (pixel, slope) = self.to_pixels(position, size);
        if self.mode == SampleMode::Bicubic {
            let first = pixel.floor();
            let tap = |k: f64| {
                let distance = first + k - pixel;
                (self.bring_inside(first + k, size).0, keys(distance), -keys_slope(distance) * slope)
            };
            return ([-1.0, 0.0, 1.0, 2.0].map(tap), 4);
        }
        let none = (0.0, 0.0, 0.0);
        let (pixel, inside_slope) = self.bring_inside(pixel, size);
        if self.mode == SampleMode::Nearest {
            return ([(pixel.round_ties_even(), 1.0, 0.0), none, none, none], 1);
        }
        let (first, slope) = (pixel.floor(), slope * inside_slope);
        ([(first, first + 1.0 - pixel, -slope), (first + 1.0, pixel - first, slope), none, none], 2)
    }

    /// The pixels inside the image that make up the sample at `position` (across, down).
    fn taps(self, position: [f64; 2], [height, width]: [usize; 2]) -> Vec<Tap> {
        let (across, columns) = self.along(position[0], width);
        let (down, rows) = self.along(position[1], height);
        let mut taps = Vec::with_capacity(16);
        for &(row, wy, sy) in &down[..rows] {
            for &(column, wx, sx) in &across[..columns] {
                if row >= 0.0 && row < height as f64 && column >= 0.0 && column < width as f64 {
                    let place = row as usize * width + column as usize;
                    taps.push(Tap { place, weight: wx * wy, slopes: [sx * wy, sy * wx] });
                }
            }
        }
        taps
    }
}

/// The derivative of [`keys`].
fn keys_slope(x: f64) -> f64 {
    const A: f64 = -0.75;
    let size = x.abs();
    let slope = if size <= 1.0 {
        (3.0 * (A + 2.0) * size - 2.0 * (A + 3.0)) * size
    } else {
        ((3.0 * size - 10.0) * size + 8.0) * A
    };
    slope * x.signum()
}

/// Samples that one thread takes at a time.
const PIECE: usize = 256;

struct GridSampleBackward {
    x: SavedTensor,
    grid: SavedTensor,
    options: GridSampleOptions,
}

impl Backward for GridSampleBackward {
    fn backward(&self, grad: &Tensor, needs: &[bool]) -> Result<Vec<Option<Tensor>>, TensorError> {
        let (x, grid, options) = (self.x.get(OP)?, self.grid.get(OP)?, self.options);
        let &[_, channels, height, width] = x.shape() else { unreachable!("checked in the forward pass") };
        let samples = grid.shape()[1] * grid.shape()[2];
        dispatch_float!(grad.dtype(), OP, |T| {
            let (dy, x_data) = (
                grad.data_in_format::<T>(MemoryFormat::ChannelsLast),
                x.data_in_format::<T>(MemoryFormat::ChannelsLast),
            );
            let positions = grid.data_in_format::<T>(MemoryFormat::Contiguous);
            let taps =
                |i: usize| options.taps([0, 1].map(|axis| Element::to_f64(positions[2 * i + axis])), [height, width]);
            // What samples of one image share is added up by one thread, in order.
            let add = |image: usize, dx: &mut [T]| {
                dx.fill(0.0);
                for i in image * samples..(image + 1) * samples {
                    let dy = &dy[i * channels..(i + 1) * channels];
                    for tap in taps(i) {
                        let weight = tap.weight as T;
                        let dx = &mut dx[tap.place * channels..][..channels];
                        dx.iter_mut().zip(dy).for_each(|(dx, dy)| *dx += weight * dy);
                    }
                }
            };
            let slopes = |i: usize, dgrid: &mut [T]| {
                let dy = &dy[i * channels..(i + 1) * channels];
                dgrid.fill(0.0);
                for tap in taps(i) {
                    let at = (i / samples * height * width + tap.place) * channels;
                    let along: T = x_data[at..at + channels].iter().zip(dy).map(|(x, dy)| x * dy).sum();
                    dgrid[0] += along * tap.slopes[0] as T;
                    dgrid[1] += along * tap.slopes[1] as T;
                }
            };
            let dx = needs[0].then(|| {
                Tensor::fill_new::<T>(x.shape(), MemoryFormat::ChannelsLast, |dx| {
                    parallel_chunks_mut(dx, (height * width * channels).max(1), &add);
                })
            });
            let dgrid = needs[1].then(|| {
                Tensor::fill_new::<T>(grid.shape(), MemoryFormat::Contiguous, |dgrid| {
                    parallel_chunks_mut(dgrid, 2 * PIECE, &|piece, dgrid: &mut [T]| {
                        for (k, dgrid) in dgrid.chunks_exact_mut(2).enumerate() {
                            slopes(piece * PIECE + k, dgrid);
                        }
                    });
                })
            });
            Ok(vec![dx, dgrid])
        })
    }
}

impl Tensor {
    /// Samples images `[n, c, h, w]` at the positions in `grid` `[n, oh, ow, 2]`: `[n, c, oh, ow]`, channels-last in
    /// memory. A position is `(across, down)`, each from -1 to 1 over the image.
    ///
    /// ```
    /// use striate_tensor::{GridSampleOptions, Tensor};
    /// let image = Tensor::from_slice(&[1.0f32, 2.0, 3.0, 4.0], &[1, 1, 2, 2]);
    /// let centre = Tensor::from_slice(&[0.0f32, 0.0], &[1, 1, 1, 2]);
    /// assert_eq!(image.grid_sample(&centre, GridSampleOptions::default()).item::<f32>(), 2.5);
    /// ```
    ///
    /// # Panics
    /// When shapes or dtypes do not fit, or an image is empty.
    #[track_caller]
    pub fn grid_sample(&self, grid: &Tensor, options: GridSampleOptions) -> Tensor {
        self.try_grid_sample(grid, options).or_panic()
    }

    /// Like [`grid_sample`](Self::grid_sample), with a mistake as an error.
    pub fn try_grid_sample(&self, grid: &Tensor, options: GridSampleOptions) -> Result<Tensor, TensorError> {
        super::arithmetic::same_dtype(OP, self, grid)?;
        let (batch, channels, size, out) = match (self.shape(), grid.shape()) {
            (&[n, c, h, w], &[m, oh, ow, 2]) if n == m && h * w > 0 => (n, c, [h, w], [oh, ow]),
            _ => {
                return Err(TensorError::shape(
                    OP,
                    format!("cannot sample images {:?} at positions {:?}", self.shape(), grid.shape()),
                    "images are [n, c, h, w] and not empty, positions [n, oh, ow, 2]: one (across, down) per sample",
                ));
            }
        };
        let shape = [batch, channels, out[0], out[1]];
        let y = dispatch_float!(self.dtype(), OP, |T| {
            let data = self.data_in_format::<T>(MemoryFormat::ChannelsLast);
            let positions = grid.data_in_format::<T>(MemoryFormat::Contiguous);
            Tensor::fill_new::<T>(&shape, MemoryFormat::ChannelsLast, |output| {
                parallel_chunks_mut(output, (PIECE * channels).max(1), &|piece, output: &mut [T]| {
                    output.fill(0.0);
                    for (k, y) in output.chunks_exact_mut(channels.max(1)).enumerate() {
                        let i = piece * PIECE + k;
                        let image = i / (out[0] * out[1]) * size[0] * size[1];
                        for tap in options.taps([0, 1].map(|axis| Element::to_f64(positions[2 * i + axis])), size) {
                            let at = (image + tap.place) * channels;
                            let weight = tap.weight as T;
                            y.iter_mut().zip(&data[at..at + channels]).for_each(|(y, x)| *y += weight * x);
                        }
                    }
                });
            })
        });
        Ok(y.record(OP, &[self, grid], || GridSampleBackward {
            x: SavedTensor::new(self),
            grid: SavedTensor::new(grid),
            options,
        }))
    }
}
