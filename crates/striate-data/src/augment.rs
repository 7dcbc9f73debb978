//! Augmentation: each time an image is shown it is moved, turned and scaled a little, so that the model cannot learn its
//! exact pixels by heart.

use serde::{Deserialize, Serialize};
use striate_tensor::random::Generator;

/// How far an image may be changed. Each amount is drawn evenly from minus to plus its limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Augmentation {
    /// Shift along each axis, in pixels (whole pixels if nothing else is changed).
    pub shift: f32,
    /// Rotation about the centre, in degrees.
    pub rotation: f32,
    /// Relative change of size: 0.1 means between 0.9 and 1.1 times.
    pub scale: f32,
}

impl Augmentation {
    /// Leaves the image as it is.
    pub const NONE: Augmentation = Augmentation { shift: 0.0, rotation: 0.0, scale: 0.0 };
    /// Shifts by up to two pixels.
    pub const SHIFT: Augmentation = Augmentation { shift: 2.0, rotation: 0.0, scale: 0.0 };
    /// Shifts by up to two pixels, turns by up to 10 degrees, scales by up to a tenth.
    pub const AFFINE: Augmentation = Augmentation { shift: 2.0, rotation: 10.0, scale: 0.1 };

    /// [`AFFINE`](Self::AFFINE) with shifts of at most one pixel: for images that are centred already.
    pub const CENTRED: Augmentation = Augmentation { shift: 1.0, ..Augmentation::AFFINE };

    /// Whether images stay as they are.
    pub fn is_none(&self) -> bool {
        *self == Augmentation::NONE
    }

    /// Writes a changed copy of `image` (`[channels, height, width]`, values 0 to 255) to `out`. What falls outside the
    /// image takes the value of the nearest border pixel.
    pub fn apply(&self, image: &[u8], height: usize, width: usize, generator: &mut Generator, out: &mut [f32]) {
        let mut draw = |limit: f32| (2.0 * generator.uniform() as f32 - 1.0) * limit;
        if self.rotation == 0.0 && self.scale == 0.0 {
            let whole = |amount: f32| (amount + amount.signum() * 0.5).trunc() as isize;
            let (dx, dy) = (whole(draw(self.shift)), whole(draw(self.shift)));
            return shift(image, height, width, (dx, dy), out);
        }
        let (dx, dy, angle) = (draw(self.shift), draw(self.shift), draw(self.rotation).to_radians());
        let size = 1.0 + draw(self.scale);
        // Seen from the new pixel: undo the shift, then turn and scale back about the centre.
        let (sin, cos) = (angle.sin() / size, angle.cos() / size);
        let (centre_x, centre_y) = ((width - 1) as f32 / 2.0, (height - 1) as f32 / 2.0);
        for (image, out) in image.chunks_exact(height * width).zip(out.chunks_exact_mut(height * width)) {
            for (y, row) in out.chunks_exact_mut(width).enumerate() {
                for (x, value) in row.iter_mut().enumerate() {
                    let (u, v) = (x as f32 - centre_x - dx, y as f32 - centre_y - dy);
                    let (from_x, from_y) = (cos * u + sin * v + centre_x, cos * v - sin * u + centre_y);
                    *value = bilinear(image, height, width, from_x, from_y);
                }
            }
        }
    }
}

fn shift(image: &[u8], height: usize, width: usize, (dx, dy): (isize, isize), out: &mut [f32]) {
    let source = |at: usize, by: isize, size: usize| (at as isize - by).clamp(0, size as isize - 1) as usize;
    for (image, out) in image.chunks_exact(height * width).zip(out.chunks_exact_mut(height * width)) {
        for (y, row) in out.chunks_exact_mut(width).enumerate() {
            let from = &image[source(y, dy, height) * width..][..width];
            row.iter_mut().enumerate().for_each(|(x, value)| *value = f32::from(from[source(x, dx, width)]));
        }
    }
}

fn bilinear(image: &[u8], height: usize, width: usize, x: f32, y: f32) -> f32 {
    let (x, y) = (x.clamp(0.0, (width - 1) as f32), y.clamp(0.0, (height - 1) as f32));
    let (left, top) = (x as usize, y as usize);
    let (right, bottom) = ((left + 1).min(width - 1), (top + 1).min(height - 1));
    let (fx, fy) = (x - left as f32, y - top as f32);
    let at = |x: usize, y: usize| f32::from(image[y * width + x]);
    let upper = at(left, top) + fx * (at(right, top) - at(left, top));
    let lower = at(left, bottom) + fx * (at(right, bottom) - at(left, bottom));
    upper + fy * (lower - upper)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applied(augmentation: Augmentation, image: &[u8], seed: u64) -> Vec<f32> {
        let mut out = vec![-1.0; image.len()];
        let side = image.len().isqrt();
        augmentation.apply(image, side, side, &mut Generator::new(seed), &mut out);
        out
    }

    fn dot(x: usize, y: usize) -> Vec<u8> {
        let mut image = vec![0; 81];
        image[y * 9 + x] = 255;
        image
    }

    #[test]
    fn shifts_by_whole_pixels_within_the_limit_and_reaches_each_of_them() {
        let mut seen = std::collections::BTreeSet::new();
        for seed in 0..400 {
            let out = applied(Augmentation::SHIFT, &dot(4, 4), seed);
            let hits: Vec<usize> = (0..81).filter(|&i| out[i] == 255.0).collect();
            assert_eq!(hits.len(), 1);
            seen.insert((hits[0] % 9, hits[0] / 9));
        }
        assert_eq!(seen.len(), 25, "{seen:?}");
        assert!(seen.iter().all(|&(x, y)| (2..=6).contains(&x) && (2..=6).contains(&y)));
    }

    #[test]
    fn turning_keeps_the_centre_and_moves_the_rim() {
        let turn = Augmentation { shift: 0.0, rotation: 30.0, scale: 0.0 };
        for seed in 0..20 {
            assert_eq!(applied(turn, &dot(4, 4), seed)[4 * 9 + 4], 255.0);
        }
        let moved = (0..20).filter(|&seed| applied(turn, &dot(8, 4), seed)[4 * 9 + 8] < 200.0).count();
        assert!(moved > 10, "{moved}");
        assert_eq!(applied(Augmentation::AFFINE, &[9; 81], 3), vec![9.0; 81]);
    }

    #[test]
    fn is_a_function_of_the_generator() {
        let image = dot(3, 5);
        assert_eq!(applied(Augmentation::AFFINE, &image, 1), applied(Augmentation::AFFINE, &image, 1));
        assert_ne!(applied(Augmentation::AFFINE, &image, 1), applied(Augmentation::AFFINE, &image, 2));
    }
}
