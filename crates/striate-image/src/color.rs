//! Colour spaces.

use ndarray::{Array2, Array3, ArrayView3, Axis, Zip};

use crate::{ImageError, Real, Sample};

/// Weights of red, green and blue in a grey value (Rec. 601), as in OpenCV and Pillow.
pub const GRAY_WEIGHTS: [f64; 3] = [0.299, 0.587, 0.114];

/// Grey from colour with [`GRAY_WEIGHTS`], rounded to nearest for bytes.
///
/// # Errors
/// [`ImageError::Channels`] unless the last axis has length 3.
pub fn rgb_to_gray<T: Sample>(image: ArrayView3<'_, T>) -> Result<Array2<T>, ImageError> {
    require_rgb("rgb_to_gray", image.dim().2)?;
    Ok(image.map_axis(Axis(2), |pixel| {
        T::from_f64(pixel.iter().zip(GRAY_WEIGHTS).map(|(value, weight)| value.to_f64() * weight).sum())
    }))
}

/// Hue, saturation and value, all in 0 to 1, from red, green and blue in 0 to 1; as `skimage.color.rgb2hsv`.
///
/// Hue runs red 0, green 1/3, blue 2/3 and wraps around; it is 0 where the colour is grey.
///
/// # Errors
/// [`ImageError::Channels`] unless the last axis has length 3.
pub fn rgb_to_hsv<T: Real>(image: ArrayView3<'_, T>) -> Result<Array3<T>, ImageError> {
    convert("rgb_to_hsv", image, |rgb| hsv_from_rgb(rgb.map(Sample::to_f64)).map(T::from_f64))
}

/// The inverse of [`rgb_to_hsv`]; as `skimage.color.hsv2rgb`.
///
/// # Errors
/// [`ImageError::Channels`] unless the last axis has length 3.
pub fn hsv_to_rgb<T: Real>(image: ArrayView3<'_, T>) -> Result<Array3<T>, ImageError> {
    convert("hsv_to_rgb", image, |hsv| rgb_from_hsv(hsv.map(Sample::to_f64)).map(T::from_f64))
}

/// OpenCV's 8-bit HSV: hue 0 to 179 (degrees halved), saturation and value 0 to 255. Equal to
/// `cv2.cvtColor(image, cv2.COLOR_RGB2HSV)` in every pixel.
///
/// # Errors
/// [`ImageError::Channels`] unless the last axis has length 3.
///
/// ```
/// use ndarray::arr3;
/// let red_and_blue = arr3(&[[[255u8, 0, 0], [0, 0, 255]]]);
/// let hsv = striate_image::color::rgb_to_hsv_u8(red_and_blue.view()).unwrap();
/// assert_eq!(hsv, arr3(&[[[0, 255, 255], [120, 255, 255]]]));
/// ```
pub fn rgb_to_hsv_u8(image: ArrayView3<'_, u8>) -> Result<Array3<u8>, ImageError> {
    convert("rgb_to_hsv_u8", image, hsv_u8_from_rgb)
}

fn require_rgb(operation: &'static str, channels: usize) -> Result<(), ImageError> {
    if channels == 3 { Ok(()) } else { Err(ImageError::Channels { operation, channels }) }
}

fn convert<T: Copy + Default>(
    operation: &'static str,
    image: ArrayView3<'_, T>,
    pixel: impl Fn([T; 3]) -> [T; 3],
) -> Result<Array3<T>, ImageError> {
    let (height, width, channels) = image.dim();
    require_rgb(operation, channels)?;
    let mut out = Array3::from_elem((height, width, 3), T::default());
    Zip::from(out.lanes_mut(Axis(2))).and(image.lanes(Axis(2))).for_each(|mut to, from| {
        let converted = pixel([from[0], from[1], from[2]]);
        to.iter_mut().zip(converted).for_each(|(slot, value)| *slot = value);
    });
    Ok(out)
}

fn hsv_from_rgb([r, g, b]: [f64; 3]) -> [f64; 3] {
    let value = r.max(g).max(b);
    let chroma = value - r.min(g).min(b);
    if chroma == 0.0 {
        return [0.0, 0.0, value];
    }
    let sextant = if b == value {
        4.0 + (r - g) / chroma
    } else if g == value {
        2.0 + (b - r) / chroma
    } else {
        (g - b) / chroma
    };
    [(sextant / 6.0).rem_euclid(1.0), chroma / value, value]
}

fn rgb_from_hsv([h, s, v]: [f64; 3]) -> [f64; 3] {
    let sextant = (h * 6.0).floor();
    let fraction = h * 6.0 - sextant;
    let p = v * (1.0 - s);
    let q = v * (1.0 - fraction * s);
    let t = v * (1.0 - (1.0 - fraction) * s);
    match (sextant as i64).rem_euclid(6) {
        0 => [v, t, p],
        1 => [q, v, p],
        2 => [p, v, t],
        3 => [p, q, v],
        4 => [t, p, v],
        _ => [v, p, q],
    }
}

/// OpenCV divides by a table of 12-bit fixed-point reciprocals; doing the same gives the same bytes.
fn hsv_u8_from_rgb([r, g, b]: [u8; 3]) -> [u8; 3] {
    const SHIFT: u32 = 12;
    let reciprocal = |numerator: i32, divisor: f64| (f64::from(numerator << SHIFT) / divisor).round_ties_even() as i32;
    let scaled = |value: i32, reciprocal: i32| (value * reciprocal + (1 << (SHIFT - 1))) >> SHIFT;
    let [r, g, b] = [r, g, b].map(i32::from);
    let value = r.max(g).max(b);
    let chroma = value - r.min(g).min(b);
    if chroma == 0 {
        return [0, 0, value as u8];
    }
    let saturation = scaled(chroma, reciprocal(255, f64::from(value)));
    let sextants = if value == r {
        g - b
    } else if value == g {
        b - r + 2 * chroma
    } else {
        r - g + 4 * chroma
    };
    let hue = scaled(sextants, reciprocal(180, 6.0 * f64::from(chroma)));
    let hue = if hue < 0 { hue + 180 } else { hue };
    [hue as u8, saturation as u8, value as u8]
}
