//! OpenCV's sheet of handwritten digits: 5000 of 20 × 20 pixels, light on black, by other hands than MNIST's. Carried by
//! the program, as a second source to measure on.

use std::path::Path;

use crate::{DataError, Dataset};

static SHEET: &[u8] = include_bytes!("../../../data/opencv/digits.png");

/// Pixels of a digit's side.
const SIDE: usize = 20;
/// Digits in a row of the sheet.
const COLUMNS: usize = 100;
/// Rows of the sheet per class.
const ROWS_PER_CLASS: usize = 5;

/// The 5000 digits as they are on the sheet, 500 of each class in the order of the classes.
pub fn read() -> Result<Dataset, DataError> {
    let damaged = |reason: String| DataError::Damaged { path: Path::new("opencv/digits.png").into(), reason };
    let sheet = image::load_from_memory(SHEET).map_err(|error| damaged(error.to_string()))?.into_luma8();
    let rows = 10 * ROWS_PER_CLASS;
    if (sheet.width() as usize, sheet.height() as usize) != (COLUMNS * SIDE, rows * SIDE) {
        return Err(damaged(format!("it is {} by {} pixels", sheet.width(), sheet.height())));
    }
    let pixels = sheet.as_raw();
    let mut images = Vec::with_capacity(pixels.len());
    for (row, column) in (0..rows).flat_map(|row| (0..COLUMNS).map(move |column| (row, column))) {
        for y in 0..SIDE {
            let start = (row * SIDE + y) * COLUMNS * SIDE + column * SIDE;
            images.extend_from_slice(&pixels[start..start + SIDE]);
        }
    }
    let labels = (0..rows * COLUMNS).map(|index| (index / (COLUMNS * ROWS_PER_CLASS)) as i64).collect();
    let class_names = (0..10).map(|digit| digit.to_string()).collect();
    Ok(Dataset {
        images,
        labels,
        channels: 1,
        height: SIDE,
        width: SIDE,
        class_names,
        source: "OpenCV's digit sheet".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn has_five_hundred_of_each_digit_cut_where_they_meet() {
        let sheet = super::read().unwrap();
        assert_eq!((sheet.len(), sheet.channels, sheet.height, sheet.width), (5000, 1, 20, 20));
        assert!((0..10).all(|digit| sheet.labels.iter().filter(|&&label| label == digit).count() == 500));
        // Hardly any ink lies on the border of a cell, and each has some in its middle.
        let (mut border, mut middle) = (0u64, 0u64);
        for index in 0..sheet.len() {
            let image = sheet.image(index);
            border += (0..20).map(|x| u64::from(image[x]) + u64::from(image[380 + x])).sum::<u64>();
            middle += (0..20).map(|x| u64::from(image[180 + x]) + u64::from(image[200 + x])).sum::<u64>();
        }
        assert!(border * 10 < middle, "{border} on the border, {middle} in the middle");
    }
}
