//! Zero mean and unit variance, measured on the training images only.

use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};
use striate_kernels::threads;

use crate::Subset;

/// Images measured by one task.
const IMAGES_PER_TASK: usize = 1024;

/// Per channel: subtract `mean`, divide by `std`, of pixels between 0 and 1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Normalization {
    /// Mean of each channel.
    pub mean: Vec<f32>,
    /// Standard deviation of each channel.
    pub std: Vec<f32>,
}

impl Normalization {
    /// The statistics of `subset` (give the training part: statistics of held-out images would leak into the model).
    pub fn of(subset: &Subset) -> Self {
        let (channels, plane) = (subset.dataset().channels, subset.dataset().height * subset.dataset().width);
        // Whole numbers: the order in which threads add them does not matter.
        let sums: Vec<AtomicU64> = (0..2 * channels).map(|_| AtomicU64::new(0)).collect();
        threads::parallel_for(subset.len().div_ceil(IMAGES_PER_TASK), &|task| {
            let mut own = vec![0u64; 2 * channels];
            for position in task * IMAGES_PER_TASK..subset.len().min((task + 1) * IMAGES_PER_TASK) {
                for (channel, pixels) in subset.image(position).chunks_exact(plane).enumerate() {
                    let (sum, square) = sums_of(pixels);
                    own[2 * channel] += sum;
                    own[2 * channel + 1] += square;
                }
            }
            sums.iter().zip(own).for_each(|(sum, own)| _ = sum.fetch_add(own, Ordering::Relaxed));
        });
        let sums: Vec<u64> = sums.into_iter().map(AtomicU64::into_inner).collect();
        let (squares, sums): (Vec<u64>, Vec<u64>) = sums.chunks_exact(2).map(|pair| (pair[1], pair[0])).unzip();
        let count = (subset.len() * plane) as f64;
        let mean: Vec<f64> = sums.iter().map(|&sum| sum as f64 / count).collect();
        let deviation = |(&square, &mean): (&u64, &f64)| (square as f64 / count - mean * mean).max(0.0).sqrt();
        // A channel that never varies carries nothing; any divisor other than 0 will do.
        let unit = |std: f64| if std < 1e-3 { 1.0 } else { (std / 255.0) as f32 };
        Normalization {
            std: squares.iter().zip(&mean).map(deviation).map(unit).collect(),
            mean: mean.iter().map(|mean| (mean / 255.0) as f32).collect(),
        }
    }

    /// Multiplier and offset that take a byte of `channel` to its normalised value.
    pub fn affine(&self, channel: usize) -> (f32, f32) {
        let scale = 1.0 / (255.0 * self.std[channel]);
        (scale, -self.mean[channel] / self.std[channel])
    }

    /// Normalised values of an image `[channels, height, width]`.
    pub fn apply(&self, image: &[u8]) -> Vec<f32> {
        let plane = image.len() / self.mean.len();
        let channel = |(channel, pixels): (usize, &[u8])| {
            let (scale, offset) = self.affine(channel);
            pixels.iter().map(move |&pixel| f32::from(pixel) * scale + offset).collect::<Vec<_>>()
        };
        image.chunks_exact(plane).enumerate().flat_map(channel).collect()
    }
}

/// Sum and sum of squares.
fn sums_of(pixels: &[u8]) -> (u64, u64) {
    // Pieces so short that 32 bits hold their sums: twice as many at once as with 64.
    pixels.chunks(1 << 16).fold((0, 0), |(sum, square), piece| {
        let piece_sum: u32 = piece.iter().map(|&pixel| u32::from(pixel)).sum();
        let piece_square: u32 = piece.iter().map(|&pixel| u32::from(pixel) * u32::from(pixel)).sum();
        (sum + u64::from(piece_sum), square + u64::from(piece_square))
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::Dataset;

    #[test]
    fn measured_images_come_out_with_mean_0_and_variance_1() {
        let dataset = Dataset {
            images: vec![0, 255, 10, 20, 255, 0, 30, 40, 1, 2, 9, 9],
            labels: vec![0, 1, 0],
            channels: 2,
            height: 1,
            width: 2,
            class_names: vec!["a".into(), "b".into()],
            source: String::new(),
        };
        // The third image is not in the subset and must not count.
        let subset = Subset::new(Arc::new(dataset), vec![0, 1]);
        let normalization = Normalization::of(&subset);
        assert_eq!(normalization.mean[0], 0.5);
        assert_eq!(normalization.std[0], 0.5);
        let values: Vec<f32> = (0..2).flat_map(|i| normalization.apply(subset.image(i))).collect();
        for channel in [0, 2] {
            let pixels = [values[channel], values[channel + 1], values[channel + 4], values[channel + 5]];
            assert!(pixels.iter().sum::<f32>().abs() < 1e-5);
            assert!((pixels.iter().map(|v| v * v).sum::<f32>() / 4.0 - 1.0).abs() < 1e-4);
        }
    }
}
