//! Picture files: reading them upright, laying transparency on a ground, and grey planes of real numbers.

use std::path::Path;

use image::{DynamicImage, ImageDecoder, ImageReader, RgbImage};
use ndarray::ArrayView2;
use striate_image::resize::{Interpolation, resize};

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

    /// The same as a view for the image toolkit.
    pub fn view(&self) -> ArrayView2<'_, f32> {
        ArrayView2::from_shape((self.height, self.width), &self.data).expect("a plane has height times width pixels")
    }

    /// Another size: each new pixel is the mean of the old area it covers (down), or linear between neighbours (up).
    pub fn resized(&self, width: usize, height: usize) -> Plane {
        let shrinks = width < self.width || height < self.height;
        let interpolation = if shrinks { Interpolation::Area } else { Interpolation::Bilinear };
        let resized = resize(self.view(), [height, width], interpolation).expect("neither size is empty");
        Plane { width, height, data: resized.into_raw_vec_and_offset().0 }
    }
}

#[cfg(test)]
mod tests {
    use image::{Rgba, RgbaImage};

    use super::*;

    #[test]
    fn the_same_size_is_the_identity_and_one_pixel_is_the_mean() {
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
