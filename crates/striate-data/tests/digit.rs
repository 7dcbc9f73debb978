//! Pictures of digits as people have them, brought to MNIST's form.

use image::imageops::{self, FilterType};
use image::{DynamicImage, GrayImage, Luma, Rgb, RgbImage};
use striate_data::{DataError, Dataset, digit, mnist};

fn test_digits() -> Dataset {
    mnist::test().unwrap()
}

fn picture(dataset: &Dataset, index: usize) -> GrayImage {
    GrayImage::from_raw(28, 28, dataset.image(index).to_vec()).unwrap()
}

/// Mean absolute difference, of 255, over the ink of `expected`.
fn difference(found: &[u8], expected: &[u8]) -> f64 {
    let ink: f64 = expected.iter().map(|&value| f64::from(value)).sum();
    let off: f64 = found.iter().zip(expected).map(|(&a, &b)| f64::from(a.abs_diff(b))).sum();
    off / ink
}

fn mean_difference(dataset: &Dataset, picture_of: impl Fn(GrayImage) -> DynamicImage) -> f64 {
    let one = |index: usize| {
        let found = digit::preprocess(&picture_of(picture(dataset, index))).unwrap();
        difference(&found, dataset.image(index))
    };
    (0..200).map(one).sum::<f64>() / 200.0
}

#[test]
fn mnist_images_stay_as_they_are() {
    let digits = test_digits();
    assert!(digit::is_mnist_like(&digits));
    let off = mean_difference(&digits, DynamicImage::ImageLuma8);
    assert!(off < 0.03, "{off}");
}

#[test]
fn size_polarity_and_place_do_not_matter() {
    let digits = test_digits();
    let dark_on_light_large = |image: GrayImage| {
        let mut image = imageops::resize(&image, 28 * 7, 28 * 7, FilterType::Nearest);
        imageops::invert(&mut image);
        let mut page = GrayImage::from_pixel(400, 300, Luma([255]));
        imageops::overlay(&mut page, &image, 180, 20);
        DynamicImage::ImageLuma8(page)
    };
    let off = mean_difference(&digits, dark_on_light_large);
    assert!(off < 0.10, "{off}");
}

#[test]
fn uneven_light_noise_and_specks_are_taken_away() {
    let digits = test_digits();
    let photograph = |image: GrayImage| {
        let image = imageops::resize(&image, 28 * 5, 28 * 5, FilterType::Nearest);
        let mut photo = RgbImage::new(220, 200);
        for (x, y, pixel) in photo.enumerate_pixels_mut() {
            let inside = (40..180).contains(&x) && (30..170).contains(&y);
            let ink = if inside { f64::from(image.get_pixel(x - 40, y - 30).0[0]) / 255.0 } else { 0.0 };
            let noise = f64::from((x * 7919 + y * 104_729 + x * y * 31) % 9) - 4.0;
            let paper = 150.0 + 0.35 * f64::from(x) + noise;
            let speck = (x, y) == (12, 15) || (x, y) == (200, 180);
            let value = if speck { 30.0 } else { paper * (1.0 - 0.7 * ink) };
            *pixel = Rgb([value as u8, (value * 0.95) as u8, (value * 0.9) as u8]);
        }
        DynamicImage::ImageRgb8(photo)
    };
    let off = mean_difference(&digits, photograph);
    assert!(off < 0.25, "{off}");
}

#[test]
fn a_hairline_keeps_its_strength() {
    let mut page = GrayImage::from_pixel(500, 500, Luma([255]));
    (100..400).for_each(|y| page.put_pixel(250, y, Luma([0])));
    let one = digit::preprocess(&DynamicImage::ImageLuma8(page)).unwrap();
    let strongest = one.iter().copied().max().unwrap();
    let columns = (0..28).filter(|&x| one[14 * 28 + x] > 100).count();
    assert_eq!(strongest, 255);
    assert!((1..=3).contains(&columns), "{columns} columns");
    let rows = (0..28).filter(|&y| one[y * 28 + 14] > 100).count();
    assert!((19..=20).contains(&rows), "{rows} rows");
}

#[test]
fn a_blank_picture_is_named() {
    for level in [0, 255, 128] {
        let page = DynamicImage::ImageLuma8(GrayImage::from_pixel(50, 40, Luma([level])));
        let error = digit::preprocess(&page).unwrap_err();
        assert!(matches!(error, DataError::Blank(_)), "{error}");
    }
    let single = DynamicImage::ImageLuma8(GrayImage::from_pixel(1, 1, Luma([9])));
    assert!(digit::preprocess(&single).is_err());
}
