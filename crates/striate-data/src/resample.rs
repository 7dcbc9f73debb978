//! Flattening transparency and changing the size of pictures.

use std::path::Path;

use image::{DynamicImage, ImageDecoder, ImageReader, RgbImage};

use crate::DataError;

/// Reads a PNG or JPEG, turned upright as its camera says.
pub(crate) fn open(path: &Path) -> Result<DynamicImage, DataError> {
    let unreadable = |reason: String| DataError::UnreadableImage { path: path.to_path_buf(), reason };
    let reader = ImageReader::open(path).map_err(DataError::io(path))?;
    let reader = reader.with_guessed_format().map_err(DataError::io(path))?;
    if reader.format().is_none() {
        return Err(unreadable("it is neither PNG nor JPEG".to_owned()));
    }
    let mut decoder = reader.into_decoder().map_err(|error| unreadable(error.to_string()))?;
    let orientation = decoder.orientation().map_err(|error| unreadable(error.to_string()))?;
    let mut image = DynamicImage::from_decoder(decoder).map_err(|error| unreadable(error.to_string()))?;
    image.apply_orientation(orientation);
    Ok(image)
}

/// The picture without transparency: laid on white, or on black if what is opaque is light (white strokes on a
/// transparent ground would vanish on white).
pub(crate) fn flatten(image: &DynamicImage) -> RgbImage {
    if !image.color().has_alpha() {
        return image.to_rgb8();
    }
    let image = image.to_rgba8();
    let (mut weight, mut weighted) = (0u64, 0u64);
    for pixel in image.pixels() {
        let [r, g, b, alpha] = pixel.0.map(u64::from);
        weight += alpha;
        weighted += alpha * (299 * r + 587 * g + 114 * b) / 1000;
    }
    let transparent = weight < 255 * image.pixels().len() as u64;
    let ground: u32 = if transparent && weighted > 128 * weight { 0 } else { 255 };
    let mut flat = RgbImage::new(image.width(), image.height());
    for (out, pixel) in flat.pixels_mut().zip(image.pixels()) {
        let alpha = u32::from(pixel.0[3]);
        out.0 = std::array::from_fn(|c| ((u32::from(pixel.0[c]) * alpha + ground * (255 - alpha) + 127) / 255) as u8);
    }
    flat
}

/// A grey picture of real numbers, row-major.
#[derive(Clone, Debug)]
pub(crate) struct Plane {
    pub width: usize,
    pub height: usize,
    pub data: Vec<f32>,
}

impl Plane {
    pub fn at(&self, x: usize, y: usize) -> f32 {
        self.data[y * self.width + x]
    }

    /// The rectangle of `width` × `height` at (`left`, `top`).
    pub fn crop(&self, left: usize, top: usize, width: usize, height: usize) -> Plane {
        let rows = (top..top + height).flat_map(|y| &self.data[y * self.width + left..][..width]);
        Plane { width, height, data: rows.copied().collect() }
    }

    /// Another size: each new pixel is the mean of the old area it covers (down), or linear between neighbours (up).
    pub fn resized(&self, width: usize, height: usize) -> Plane {
        let (columns, rows) = (weights(self.width, width), weights(self.height, height));
        let mut narrow = vec![0.0f32; width * self.height];
        for y in 0..self.height {
            let row = &self.data[y * self.width..][..self.width];
            for (x, (start, taps)) in columns.iter().enumerate() {
                narrow[y * width + x] = taps.iter().zip(&row[*start..]).map(|(tap, value)| tap * value).sum();
            }
        }
        let mut data = vec![0.0f32; width * height];
        for (y, (start, taps)) in rows.iter().enumerate() {
            let out = &mut data[y * width..][..width];
            for (offset, tap) in taps.iter().enumerate() {
                let row = &narrow[(start + offset) * width..][..width];
                out.iter_mut().zip(row).for_each(|(out, value)| *out += tap * value);
            }
        }
        Plane { width, height, data }
    }
}

/// For each of `to` new samples: the first of `from` old samples it draws on, and their weights (which sum to 1).
fn weights(from: usize, to: usize) -> Vec<(usize, Vec<f32>)> {
    let ratio = from as f64 / to as f64;
    let interval = |i: usize| {
        if to >= from {
            // Linear interpolation at the sample's centre; outside the centres the border sample counts.
            let centre = ((i as f64 + 0.5) * ratio - 0.5).clamp(0.0, (from - 1) as f64);
            let start = (centre as usize).min(from.saturating_sub(2));
            let fraction = (centre - start as f64) as f32;
            return if from == 1 { (0, vec![1.0]) } else { (start, vec![1.0 - fraction, fraction]) };
        }
        let (left, right) = (i as f64 * ratio, (i + 1) as f64 * ratio);
        let (first, last) = (left as usize, (right.ceil() as usize).min(from));
        let overlap = |j: usize| (right.min((j + 1) as f64) - left.max(j as f64)).max(0.0);
        (first, (first..last).map(|j| (overlap(j) / ratio) as f32).collect())
    };
    (0..to).map(interval).collect()
}

#[cfg(test)]
mod tests {
    use image::{Rgba, RgbaImage};

    use super::*;

    #[test]
    fn weights_sum_to_one_and_the_same_size_is_the_identity() {
        for (from, to) in [(7, 3), (3, 7), (1, 4), (4, 1), (100, 28), (28, 28)] {
            for (start, taps) in weights(from, to) {
                assert!(start + taps.len() <= from, "{from} -> {to}");
                assert!((taps.iter().sum::<f32>() - 1.0).abs() < 1e-5, "{from} -> {to}: {taps:?}");
            }
        }
        let plane = Plane { width: 3, height: 2, data: vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0] };
        assert_eq!(plane.resized(3, 2).data, plane.data);
        assert_eq!(plane.resized(1, 1).data, [3.5]);
        assert_eq!(plane.crop(1, 0, 2, 2).data, [2.0, 3.0, 5.0, 6.0]);
    }

    #[test]
    fn transparency_is_laid_on_the_ground_that_keeps_the_strokes_visible() {
        let drawn = |ink: u8| {
            let mut image = RgbaImage::from_pixel(4, 4, Rgba([0, 0, 0, 0]));
            image.put_pixel(1, 1, Rgba([ink, ink, ink, 255]));
            flatten(&DynamicImage::ImageRgba8(image))
        };
        assert_eq!((drawn(0).get_pixel(1, 1).0, drawn(0).get_pixel(0, 0).0), ([0; 3], [255; 3]));
        assert_eq!((drawn(250).get_pixel(1, 1).0, drawn(250).get_pixel(0, 0).0), ([250; 3], [0; 3]));
    }
}
