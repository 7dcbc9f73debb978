//! The part of an image a block of output rows looks at, with its padding written out.

use crate::layout::element_count;

/// A rectangle of an NHWC image, which may reach over its border: zeros there.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    /// First row and column in the image.
    pub origin: [isize; 2],
    /// Rows and columns.
    pub size: [usize; 2],
}

impl Window {
    /// The number of values of a copy.
    ///
    /// # Panics
    /// If it is beyond `usize`: large steps and paddings can make a window far larger than the image and the result.
    pub(super) fn len(&self, channels: usize) -> usize {
        element_count(&[self.size[0], self.size[1], channels])
    }

    /// Whether no part reaches over the border of an image of this size.
    pub(super) fn is_inside(&self, size: [usize; 2]) -> bool {
        (0..2).all(|i| self.origin[i] >= 0 && self.origin[i] as usize + self.size[i] <= size[i])
    }

    /// Copies the window of `image` (`size` by `channels`) to `to`, row by row without gaps.
    pub(super) fn copy(&self, image: &[f32], size: [usize; 2], channels: usize, to: &mut [f32]) {
        let line = self.size[1] * channels;
        // Columns of the window that lie in the image.
        let left = (-self.origin[1]).clamp(0, self.size[1] as isize) as usize;
        let right = (size[1] as isize - self.origin[1]).clamp(left as isize, self.size[1] as isize) as usize;
        for (row, to) in to.chunks_exact_mut(line.max(1)).enumerate().take(self.size[0]) {
            let row = self.origin[0] + row as isize;
            if row < 0 || row >= size[0] as isize || left == right {
                to.fill(0.0);
                continue;
            }
            let first = (row as usize * size[1]) as isize + self.origin[1] + left as isize;
            let from = &image[first as usize * channels..][..(right - left) * channels];
            to[..left * channels].fill(0.0);
            to[left * channels..right * channels].copy_from_slice(from);
            to[right * channels..].fill(0.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_the_image_and_zeros_around_it() {
        let (size, channels) = ([3_usize, 4_usize], 2);
        let image: Vec<f32> = (1..=24).map(|i| i as f32).collect();
        for (y, x) in (-5..6_isize).flat_map(|y| (-6..7_isize).map(move |x| (y, x))) {
            for (height, width) in [(1, 1), (2, 3), (9, 12)] {
                let window = Window { origin: [y, x], size: [height, width] };
                let mut to = vec![7.0; height * width * channels];
                window.copy(&image, size, channels, &mut to);
                for (i, &value) in to.iter().enumerate() {
                    let (row, column) = (y + (i / channels / width) as isize, x + (i / channels % width) as isize);
                    let inside = row >= 0 && column >= 0 && row < 3 && column < 4;
                    let expected = if inside {
                        image[(row as usize * 4 + column as usize) * channels + i % channels]
                    } else {
                        0.0
                    };
                    assert_eq!(value, expected);
                }
                let inside = y >= 0 && x >= 0 && y as usize + height <= 3 && x as usize + width <= 4;
                assert_eq!(window.is_inside(size), inside);
            }
        }
    }
}
