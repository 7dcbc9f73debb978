//! Laws that hold for every image, and what is refused.

use ndarray::{Array2, array};
use proptest::prelude::*;
use striate_image::ImageError;
use striate_image::components::{Connectivity, bounding_box, largest};
use striate_image::filter::{
    Axis, Border, FilterOptions, Mode, box_kernel, convolve2d, convolve2d_with, correlate2d, correlate2d_with, flip,
    gaussian_kernel, laplacian_kernel, median_filter, scharr_kernel, sobel_kernel,
};
use striate_image::moments::centroid;
use striate_image::resize::{Interpolation, resize};

/// Small integers, so that sums are exact in any order.
fn grid(rows: std::ops::Range<usize>, columns: std::ops::Range<usize>) -> impl Strategy<Value = Array2<f64>> {
    (rows, columns).prop_flat_map(|(h, w)| {
        proptest::collection::vec(-8i32..9, h * w)
            .prop_map(move |data| Array2::from_shape_vec((h, w), data.into_iter().map(f64::from).collect()).unwrap())
    })
}

proptest! {
    #[test]
    fn full_convolution_commutes(a in grid(1..7, 1..6), b in grid(1..5, 1..7)) {
        let zero = Border::Constant(0.0);
        let ab = convolve2d(a.view(), b.view(), Mode::Full, zero).unwrap();
        let ba = convolve2d(b.view(), a.view(), Mode::Full, zero).unwrap();
        prop_assert_eq!(ab, ba);
    }

    #[test]
    fn strided_results_are_every_nth_of_the_dense_ones(
        image in grid(3..9, 3..9), kernel in grid(1..4, 1..4), stride in (1usize..4, 1usize..4), padding in (0usize..3, 0usize..3),
    ) {
        let border = Border::Mirror;
        let dense = FilterOptions { stride: [1, 1], padding: [padding.0, padding.1], border };
        let sparse = FilterOptions { stride: [stride.0, stride.1], ..dense };
        let all = correlate2d_with(image.view(), kernel.view(), dense).unwrap();
        let some = correlate2d_with(image.view(), kernel.view(), sparse).unwrap();
        prop_assert_eq!(&some, &all.slice(ndarray::s![..;stride.0, ..;stride.1]));
        let size = sparse.output_size([image.nrows(), image.ncols()], [kernel.nrows(), kernel.ncols()]).unwrap();
        prop_assert_eq!([some.nrows(), some.ncols()], size);
        let flipped = convolve2d_with(image.view(), flip(kernel.view()), sparse).unwrap();
        prop_assert_eq!(some, flipped);
    }

    #[test]
    fn area_resizing_keeps_the_mean(image in grid(1..12, 1..12), h in 1usize..15, w in 1usize..15) {
        let resized = resize(image.view(), [h, w], Interpolation::Area).unwrap();
        prop_assert!((resized.mean().unwrap() - image.mean().unwrap()).abs() < 1e-9);
    }

    #[test]
    fn resizing_to_the_same_size_changes_nothing(image in grid(1..9, 1..9)) {
        for interpolation in [Interpolation::Nearest, Interpolation::Bilinear, Interpolation::Area] {
            prop_assert_eq!(&resize(image.view(), [image.nrows(), image.ncols()], interpolation).unwrap(), &image);
        }
    }
}

#[test]
fn single_precision_works_too() {
    let image = array![[1.0f32, 2.0], [3.0, 4.0]];
    let kernel = array![[0.0f32, 1.0, 0.0]];
    assert_eq!(correlate2d(image.view(), kernel.view(), Mode::Same, Border::Wrap).unwrap(), image);
}

#[test]
fn derivatives_are_positive_where_brightness_grows() {
    let ramp = Array2::from_shape_fn((5, 6), |(i, j)| 10.0 * i as f64 + j as f64);
    let at_center = |kernel: Array2<f64>| {
        correlate2d(ramp.view(), kernel.view(), Mode::Valid, Border::Constant(0.0)).unwrap()[[1, 1]]
    };
    assert_eq!(at_center(sobel_kernel(Axis::X)) / 8.0, 1.0);
    assert_eq!(at_center(sobel_kernel(Axis::Y)) / 8.0, 10.0);
    assert_eq!(at_center(scharr_kernel(Axis::X)) / 32.0, 1.0);
    assert_eq!(at_center(laplacian_kernel()), 0.0);
    assert_eq!(at_center(box_kernel(3, 3).unwrap()).round(), ramp[[2, 2]]);
}

#[test]
fn the_largest_blob_wins_and_the_first_among_equals() {
    let mask = array![[true, false, true, true], [false, false, false, false], [true, true, false, true]];
    let blob = largest(mask.view(), Connectivity::Four).unwrap();
    assert_eq!(bounding_box(blob.view()), Some((0..1, 2..4)));
    let empty = Array2::from_elem((3, 4), false);
    assert_eq!(largest(empty.view(), Connectivity::Eight), None);
    assert_eq!(bounding_box(empty.view()), None);
}

#[test]
fn an_image_without_mass_has_no_centroid() {
    assert_eq!(centroid(Array2::<u8>::zeros((4, 4)).view()), None);
}

#[test]
fn refusals_say_what_and_where() {
    let image = Array2::<f64>::ones((3, 4));
    let kernel = Array2::<f64>::ones((4, 2));
    let zero = Border::Constant(0.0);
    let error = correlate2d(image.view(), kernel.view(), Mode::Valid, zero).unwrap_err();
    assert_eq!(
        error.to_string(),
        "correlate2d: a 4 by 2 kernel does not fit into the 3 by 4 (padded) image; use a smaller kernel or more padding"
    );
    let nothing = Array2::<f64>::zeros((0, 4));
    assert!(matches!(convolve2d(nothing.view(), kernel.view(), Mode::Full, zero), Err(ImageError::Empty { .. })));
    assert!(matches!(convolve2d(image.view(), nothing.view(), Mode::Same, zero), Err(ImageError::Empty { .. })));
    let options = FilterOptions { stride: [1, 0], ..Default::default() };
    assert!(correlate2d_with(image.view(), kernel.view(), options).is_err());
    assert!(gaussian_kernel(0.0, 2).is_err());
    assert!(gaussian_kernel(f64::NAN, 2).is_err());
    assert!(median_filter(image.view(), 4, zero).is_err());
    assert!(resize(image.view(), [0, 3], Interpolation::Area).is_err());
}
