//! Any picture of one digit, brought into the form of the MNIST images.
//!
//! MNIST's own recipe: light strokes on black, the longest side of the ink scaled to 20 pixels, placed in 28 × 28 so
//! that the centre of mass lies in the middle. A model trained on such images fails on others, however clear they are.
//! Before that the picture needs what a scanner did for MNIST: the background's level, its polarity and the shadow over
//! the page taken away.

use image::DynamicImage;
use striate_image::components::{Connectivity, label};

use crate::picture::{self, Plane};
use crate::{DataError, Dataset};

/// Rows and columns of a prepared digit.
pub const SIZE: usize = 28;
/// Longest side of the ink within it.
const INK: usize = 20;
/// Least difference between ink and background, of 255.
const LEAST_CONTRAST: f32 = 24.0;
/// Share of the ink's strength below which a pixel is taken for background.
const FLOOR: f32 = 0.04;
/// Pieces of ink with less than this share of the largest piece's are specks.
const SPECK: f32 = 0.03;
/// Least stroke width relative to the longest side; MNIST's strokes are a tenth of it or more.
const THINNEST: f32 = 0.08;

/// Brings a picture of one digit, of any size, colour and polarity, to 28 × 28 bytes as in MNIST (row-major, 0 is
/// background, 255 full ink).
///
/// # Errors
/// [`DataError::Blank`] if nothing stands out from the background.
pub fn preprocess(image: &DynamicImage) -> Result<Vec<u8>, DataError> {
    let ink = thickened(cropped_ink(image)?);
    Ok(centred(&scaled(&ink, INK), Centre::Mass))
}

/// Brings a picture of one object on an even background to the form of Fashion-MNIST: 28 × 28 bytes, light on black,
/// the longest side filling the frame, centred.
///
/// # Errors
/// [`DataError::Blank`] if nothing stands out from the background.
pub fn preprocess_object(image: &DynamicImage) -> Result<Vec<u8>, DataError> {
    Ok(centred(&scaled(&cropped_ink(image)?, SIZE), Centre::Frame))
}

/// How much each pixel stands out, 0 to 1, cropped to where something does.
fn cropped_ink(image: &DynamicImage) -> Result<Plane, DataError> {
    let flat = picture::flatten(image);
    let luma = |pixel: &image::Rgb<u8>| {
        let [r, g, b] = pixel.0.map(f32::from);
        0.299 * r + 0.587 * g + 0.114 * b
    };
    let (width, height) = (flat.width() as usize, flat.height() as usize);
    if width == 0 || height == 0 {
        return Err(DataError::Blank("it has no pixels".to_owned()));
    }
    let grey = Plane { width, height, data: flat.pixels().map(luma).collect() };
    let ink = largest_pieces(ink(grey)?);
    let (left, top, width, height) = bounds(&ink);
    Ok(ink.crop(left, top, width, height))
}

/// Scaled so that the longest side is `size`, and the strongest ink 1.
fn scaled(ink: &Plane, size: usize) -> Plane {
    let longest = ink.width.max(ink.height) as f64;
    let side = |length: usize| ((length as f64 * size as f64 / longest).round() as usize).clamp(1, size);
    let mut small = ink.resized(side(ink.width), side(ink.height));
    let strongest = small.data.iter().copied().fold(0.0f32, f32::max);
    small.data.iter_mut().for_each(|value| *value /= strongest);
    small
}

/// Whether the images of a dataset are in MNIST's form, so that pictures must be [`preprocess`]ed for its models: grey,
/// 28 × 28, ink on black whose longest side is 20 (within two pixels) in nine of ten images.
pub fn is_mnist_like(dataset: &Dataset) -> bool {
    if (dataset.channels, dataset.height, dataset.width) != (1, SIZE, SIZE) {
        return false;
    }
    let sample = dataset.len().min(500);
    let fits = |index: &usize| {
        let data = dataset.image(index * (dataset.len() / sample)).iter().map(|&value| f32::from(value)).collect();
        let (_, _, width, height) = bounds(&Plane { width: SIZE, height: SIZE, data });
        (INK - 2..=INK).contains(&width.max(height))
    };
    (0..sample).filter(fits).count() * 10 >= sample * 9
}

/// How much each pixel stands out from the background, 0 to 1.
fn ink(grey: Plane) -> Result<Plane, DataError> {
    let background = Background::of(&grey);
    let mut difference = grey;
    for y in 0..difference.height {
        for x in 0..difference.width {
            difference.data[y * difference.width + x] -= background.at(x, y);
        }
    }
    let noise = 4.0 * background.noise;
    let beyond = |sign: f32| difference.data.iter().map(|value| (sign * value - noise).max(0.0)).sum::<f32>();
    let sign = if beyond(1.0) >= beyond(-1.0) { 1.0 } else { -1.0 };
    difference.data.iter_mut().for_each(|value| *value = (*value * sign).max(0.0));
    let strongest = difference.data.iter().copied().fold(0.0f32, f32::max);
    if strongest < LEAST_CONTRAST || strongest <= 2.0 * noise {
        return Err(DataError::Blank(format!(
            "nothing stands out from the background (the largest difference is {strongest:.0} of 255)"
        )));
    }
    // Full ink is what the stronger half of the ink reaches nearly everywhere, not one glaring pixel.
    let mut strong: Vec<f32> = difference.data.iter().copied().filter(|&value| value > strongest / 2.0).collect();
    strong.sort_by(f32::total_cmp);
    let full = strong[(strong.len() - 1) * 9 / 10];
    let floor = noise.max(FLOOR * full);
    difference.data.iter_mut().for_each(|value| *value = if *value < floor { 0.0 } else { (*value / full).min(1.0) });
    Ok(difference)
}

/// The level of the ground: a plane through the border, so that light falling in from one side is followed.
struct Background {
    constant: f32,
    slope: [f32; 2],
    centre: [f32; 2],
    /// Standard deviation of the border around the plane, by its median absolute deviation.
    noise: f32,
}

impl Background {
    fn of(grey: &Plane) -> Self {
        let ring = 1 + grey.width.min(grey.height) / 50;
        let is_border = |x: usize, y: usize| x < ring || y < ring || x + ring >= grey.width || y + ring >= grey.height;
        let mut border: Vec<[f32; 3]> = Vec::new();
        for y in 0..grey.height {
            let inside = y >= ring && y + ring < grey.height;
            for x in (0..grey.width).filter(|&x| !inside || is_border(x, y)) {
                border.push([x as f32, y as f32, grey.at(x, y)]);
            }
        }
        let level = median(border.iter().map(|point| point[2]).collect());
        let centre = [grey.width as f32 / 2.0, grey.height as f32 / 2.0];
        let mut background = Background { constant: level, slope: [0.0; 2], centre, noise: 0.0 };
        // Ink that runs over the border must not tilt the plane: fit, drop the far points, fit again.
        for _ in 0..4 {
            let off = |point: &[f32; 3]| (point[2] - background.at(point[0] as usize, point[1] as usize)).abs();
            let spread = 1.4826 * median(border.iter().map(off).collect());
            let near: Vec<[f32; 3]> = border.iter().copied().filter(|point| off(point) <= 2.5 * spread + 1.0).collect();
            background.noise = spread;
            if let Some((constant, slope)) = least_squares(&near, centre) {
                (background.constant, background.slope) = (constant, slope);
            }
        }
        background
    }

    fn at(&self, x: usize, y: usize) -> f32 {
        self.constant + self.slope[0] * (x as f32 - self.centre[0]) + self.slope[1] * (y as f32 - self.centre[1])
    }
}

/// The plane `c + a (x - x0) + b (y - y0)` nearest to the points (x, y, value), by the normal equations.
fn least_squares(points: &[[f32; 3]], centre: [f32; 2]) -> Option<(f32, [f32; 2])> {
    let mut m = [[0.0f64; 4]; 3];
    for point in points {
        let row = [1.0, f64::from(point[0] - centre[0]), f64::from(point[1] - centre[1]), f64::from(point[2])];
        for i in 0..3 {
            (0..4).for_each(|j| m[i][j] += row[i] * row[j]);
        }
    }
    for i in 0..3 {
        // The matrix is positive semi-definite: a pivot near 0 means the points lie on a line.
        if m[i][i] < 1e-6 {
            return None;
        }
        for k in 0..3 {
            if k != i {
                let factor = m[k][i] / m[i][i];
                (i..4).for_each(|j| m[k][j] -= factor * m[i][j]);
            }
        }
    }
    let solution = |i: usize| (m[i][3] / m[i][i]) as f32;
    Some((solution(0), [solution(1), solution(2)]))
}

fn median(mut values: Vec<f32>) -> f32 {
    let middle = values.len() / 2;
    *values.select_nth_unstable_by(middle, f32::total_cmp).1
}

/// The ink without specks: connected pieces (8 neighbours) with too little ink beside the largest are removed.
fn largest_pieces(mut ink: Plane) -> Plane {
    let (piece_of, pieces) = label(ink.view().mapv(|value| value > 0.0).view(), Connectivity::Eight);
    let mut masses = vec![0.0f32; pieces + 1];
    piece_of.iter().zip(&ink.data).for_each(|(&piece, value)| masses[piece as usize] += value);
    let largest = masses.iter().copied().fold(0.0f32, f32::max);
    for (value, &piece) in ink.data.iter_mut().zip(&piece_of) {
        if masses[piece as usize] < SPECK * largest {
            *value = 0.0;
        }
    }
    ink
}

/// Left, top, width and height of what is not 0; at least one pixel.
fn bounds(ink: &Plane) -> (usize, usize, usize, usize) {
    let row = |y: usize| ink.data[y * ink.width..][..ink.width].iter().any(|&value| value > 0.0);
    let column = |x: usize| (0..ink.height).any(|y| ink.at(x, y) > 0.0);
    let top = (0..ink.height).find(|&y| row(y)).unwrap_or(0);
    let bottom = (0..ink.height).rev().find(|&y| row(y)).unwrap_or(top);
    let left = (0..ink.width).find(|&x| column(x)).unwrap_or(0);
    let right = (0..ink.width).rev().find(|&x| column(x)).unwrap_or(left);
    (left, top, right - left + 1, bottom - top + 1)
}

/// Hairlines, which down-sampling would fade to nothing, made as wide as a pen's stroke by a maximum filter.
fn thickened(ink: Plane) -> Plane {
    let mass: f32 = ink.data.iter().sum();
    let is_ink = |x: isize, y: isize| {
        let inside = x >= 0 && y >= 0 && (x as usize) < ink.width && (y as usize) < ink.height;
        inside && ink.at(x as usize, y as usize) > 0.5
    };
    let mut edges = 0usize;
    for y in 0..ink.height as isize {
        for x in 0..ink.width as isize {
            let neighbours = [(x - 1, y), (x + 1, y), (x, y - 1), (x, y + 1)];
            edges += if is_ink(x, y) { neighbours.iter().filter(|(x, y)| !is_ink(*x, *y)).count() } else { 0 };
        }
    }
    // A stroke of width w and length l has area w l and outline 2 l.
    let stroke = if edges == 0 { 1.0 } else { 2.0 * mass / edges as f32 };
    let wanted = THINNEST * ink.width.max(ink.height) as f32;
    let radius = ((wanted - stroke) / 2.0).round().max(0.0) as usize;
    if radius == 0 {
        return ink;
    }
    let (width, height) = (ink.width + 2 * radius, ink.height + 2 * radius);
    let mut wide = Plane { width, height, data: vec![0.0; width * height] };
    let reach = (radius * radius + radius) as isize;
    for y in 0..ink.height {
        for x in (0..ink.width).filter(|&x| ink.at(x, y) > 0.0) {
            for dy in -(radius as isize)..=radius as isize {
                let half = ((reach - dy * dy).max(0) as usize).isqrt().min(radius);
                let start = ((y + radius) as isize + dy) as usize * width + x + radius - half;
                wide.data[start..=start + 2 * half].iter_mut().for_each(|value| *value = value.max(ink.at(x, y)));
            }
        }
    }
    wide
}

/// What is put in the middle of the frame.
#[derive(Clone, Copy, PartialEq)]
enum Centre {
    /// The centre of mass, as far as the frame allows.
    Mass,
    /// The middle of the bounding box.
    Frame,
}

/// `ink` on black.
fn centred(ink: &Plane, centre: Centre) -> Vec<u8> {
    let (mut mass, mut x_moment, mut y_moment) = (0.0, 0.0, 0.0);
    for y in 0..ink.height {
        for x in 0..ink.width {
            mass += ink.at(x, y);
            x_moment += ink.at(x, y) * x as f32;
            y_moment += ink.at(x, y) * y as f32;
        }
    }
    let offset = |moment: f32, side: usize| match centre {
        // In MNIST the centre of mass lies on pixel 14 of 0 to 27.
        Centre::Mass => ((SIZE / 2) as f32 - moment / mass).round().clamp(0.0, (SIZE - side) as f32) as usize,
        Centre::Frame => (SIZE - side) / 2,
    };
    let (left, top) = (offset(x_moment, ink.width), offset(y_moment, ink.height));
    let mut out = vec![0; SIZE * SIZE];
    for y in 0..ink.height {
        for x in 0..ink.width {
            out[(top + y) * SIZE + left + x] = (ink.at(x, y) * 255.0).round() as u8;
        }
    }
    out
}
