//! Every operation against SciPy, scikit-image or OpenCV; `golden/make.py` writes the values.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use ndarray::{Array, Array2, Array3, ArrayD, Dimension, IxDyn, arr1};
use serde_json::Value;
use striate_image::color::{hsv_to_rgb, rgb_to_gray, rgb_to_hsv, rgb_to_hsv_u8};
use striate_image::components::{Connectivity, label};
use striate_image::filter::{
    Border, Mode, convolve2d, correlate2d, gaussian_filter, gaussian_kernel, median_filter, pad, sep_filter2d,
};
use striate_image::moments::{centroid, moments, moments_central};
use striate_image::resize::{Interpolation, resize};

static GOLDEN: LazyLock<BTreeMap<String, Value>> =
    LazyLock::new(|| serde_json::from_str(include_str!("golden/golden.json")).unwrap());

fn golden(name: &str) -> ArrayD<f64> {
    let entry = GOLDEN.get(name).unwrap_or_else(|| panic!("golden.json has no `{name}`"));
    let shape: Vec<usize> = entry["shape"].as_array().unwrap().iter().map(|n| n.as_u64().unwrap() as usize).collect();
    let data = entry["data"].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect();
    ArrayD::from_shape_vec(IxDyn(&shape), data).unwrap()
}

fn golden2(name: &str) -> Array2<f64> {
    golden(name).into_dimensionality().unwrap()
}

#[track_caller]
fn assert_close<D: Dimension>(what: &str, got: &Array<f64, D>, tolerance: f64) {
    let want = golden(what);
    assert_eq!(got.shape(), want.shape(), "{what}: shape");
    for (index, (got, want)) in got.iter().zip(&want).enumerate() {
        assert!((got - want).abs() <= tolerance, "{what}: element {index} is {got}, expected {want}");
    }
}

const KERNELS: [&str; 5] = ["3x3", "2x3", "3x5", "4x2", "1x1"];

#[test]
fn filters_equal_scipy_signal() {
    let image = golden2("image");
    for kernel_name in KERNELS {
        let kernel = golden2(&format!("kernel {kernel_name}"));
        for (mode, mode_name) in [(Mode::Full, "full"), (Mode::Same, "same"), (Mode::Valid, "valid")] {
            let zero = Border::Constant(0.0);
            let convolved = convolve2d(image.view(), kernel.view(), mode, zero).unwrap();
            assert_close(&format!("convolve2d {kernel_name} {mode_name}"), &convolved, 0.0);
            // For even sizes `scipy.signal.correlate2d(mode="same")` stands alone: it is shifted by one against both
            // `scipy.signal.correlate` and `scipy.ndimage.correlate`, which are the ones followed here.
            let odd = kernel.nrows() % 2 == 1 && kernel.ncols() % 2 == 1;
            if mode == Mode::Same && !odd {
                continue;
            }
            let correlated = correlate2d(image.view(), kernel.view(), mode, zero).unwrap();
            assert_close(&format!("correlate2d {kernel_name} {mode_name}"), &correlated, 0.0);
        }
    }
}

#[test]
fn borders_equal_scipy_ndimage() {
    let image = golden2("image");
    let borders = [
        (Border::Constant(2.5), "constant"),
        (Border::Reflect, "reflect"),
        (Border::Mirror, "mirror"),
        (Border::Replicate, "nearest"),
        (Border::Wrap, "wrap"),
    ];
    for kernel_name in KERNELS {
        let kernel = golden2(&format!("kernel {kernel_name}"));
        for (border, name) in borders {
            let got = correlate2d(image.view(), kernel.view(), Mode::Same, border).unwrap();
            assert_close(&format!("ndimage.correlate {kernel_name} {name}"), &got, 1e-12);
        }
    }
}

#[test]
fn padding_wider_than_the_image_equals_numpy() {
    let image = golden2("image");
    let corner = image.slice(ndarray::s![..3, ..2]);
    let borders = [
        (Border::Reflect, "symmetric"),
        (Border::Mirror, "reflect"),
        (Border::Replicate, "edge"),
        (Border::Wrap, "wrap"),
    ];
    for (border, name) in borders {
        assert_close(&format!("pad {name}"), &pad(corner, [4, 5], [3, 7], border).unwrap(), 0.0);
    }
}

#[test]
fn smoothing_equals_scipy() {
    let image = golden2("smooth");
    for sigma in [0.5, 1.3] {
        let got = gaussian_filter(image.view(), sigma, Border::Reflect).unwrap();
        assert_close(&format!("gaussian_filter {sigma}"), &got, 1e-12);
    }
    assert_close("median 3", &median_filter(image.view(), 3, Border::Replicate).unwrap(), 0.0);
    assert_close("gaussian 5", &gaussian_kernel(1.2, 2).unwrap(), 1e-12);
}

#[test]
fn a_separable_filter_equals_the_full_one() {
    let image = golden2("smooth");
    let (y, x) = (arr1(&[1.0, 2.0, 5.0]), arr1(&[-1.0, 3.0, 0.5, 2.0, 7.0]));
    let kernel = Array2::from_shape_fn((3, 5), |(i, j)| y[i] * x[j]);
    let full = correlate2d(image.view(), kernel.view(), Mode::Same, Border::Mirror).unwrap();
    let separable = sep_filter2d(image.view(), y.view(), x.view(), Border::Mirror).unwrap();
    assert!((full - separable).iter().all(|difference| difference.abs() < 1e-12));
}

#[test]
fn resizing_equals_opencv_and_skimage() {
    let image = golden2("smooth");
    for (interpolation, name, sizes) in [
        (Interpolation::Area, "area", vec![[4, 5], [3, 11], [1, 1], [9, 2]]),
        (Interpolation::Bilinear, "bilinear", vec![[4, 5], [20, 13], [1, 23]]),
        (Interpolation::Nearest, "nearest", vec![[4, 5], [20, 13], [1, 23]]),
    ] {
        for size in sizes {
            let got = resize(image.view(), size, interpolation).unwrap();
            assert_close(&format!("{name} {}x{}", size[0], size[1]), &got, 1e-6);
        }
    }
}

#[test]
fn bytes_are_rounded_when_resized() {
    let image = ndarray::array![[0u8, 255], [255, 255]];
    let mean = resize(image.view(), [1, 1], Interpolation::Area).unwrap();
    assert_eq!(mean[[0, 0]], 191);
}

#[test]
fn colors_equal_opencv_and_skimage() {
    let levels = [0u8, 1, 2, 37, 64, 90, 128, 200, 254, 255];
    let colors =
        Array3::from_shape_fn((10, 100, 3), |(r, gb, channel)| [levels[r], levels[gb / 10], levels[gb % 10]][channel]);
    assert_close("hsv u8", &rgb_to_hsv_u8(colors.view()).unwrap().mapv(f64::from), 0.0);
    // OpenCV's fixed-point weights round some values that lie half-way between two levels the other way.
    assert_close("gray u8", &rgb_to_gray(colors.view()).unwrap().mapv(f64::from), 1.0);
    let unit = colors.slice(ndarray::s![.., ..;3, ..]).mapv(|v| f64::from(v) / 255.0);
    let hsv = rgb_to_hsv(unit.view()).unwrap();
    assert_close("hsv", &hsv, 1e-12);
    let back = hsv_to_rgb(hsv.view()).unwrap();
    assert!((back - unit).iter().all(|difference| difference.abs() < 1e-12));
}

#[test]
fn moments_equal_skimage() {
    let image = golden2("bumps");
    let central = moments_central(image.view(), 3).unwrap();
    assert_close("moments", &moments(image.view(), 3), 1e-9);
    // scikit-image fills in the moments up to the total order only.
    let central = Array2::from_shape_fn((4, 4), |(p, q)| if p + q <= 3 { central[[p, q]] } else { 0.0 });
    assert_close("moments central", &central, 1e-9);
    assert_close("center_of_mass", &arr1(&centroid(image.view()).unwrap()), 1e-12);
}

#[test]
fn labels_equal_skimage() {
    let mask = golden2("mask").mapv(|v| v != 0.0);
    for (connectivity, name) in [(Connectivity::Four, "label 4"), (Connectivity::Eight, "label 8")] {
        let (labels, count) = label(mask.view(), connectivity);
        assert_close(name, &labels.mapv(f64::from), 0.0);
        assert_eq!(count as u32, labels.iter().copied().max().unwrap());
    }
}
