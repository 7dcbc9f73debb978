//! What the pooling exercises share: windows over the planes of a batch, and the sizes that probes try.

use ndarray::{Array4, ArrayView2, ArrayView4, s};

use crate::exercises::numbers::Numbers;

/// Windows of a pooling layer without padding.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Windows {
    /// Rows and columns of a window.
    pub(crate) kernel: [usize; 2],
    /// Rows and columns from one window to the next.
    pub(crate) step: [usize; 2],
}

impl Windows {
    /// Square steps.
    pub(crate) fn new(kernel: [usize; 2], stride: usize) -> Self {
        Windows { kernel, step: [stride; 2] }
    }

    /// Rows and columns of the output, or `None` if no window fits.
    pub(crate) fn output_size(&self, image: [usize; 2]) -> Option<[usize; 2]> {
        let along = |axis: usize| Some(image[axis].checked_sub(self.kernel[axis])? / self.step[axis] + 1);
        Some([along(0)?, along(1)?])
    }

    /// The window of output pixel `(i, j)`, cut off where the plane ends, and the place of its corner.
    pub(crate) fn window<'a>(
        &self,
        plane: ArrayView2<'a, f64>,
        [i, j]: [usize; 2],
    ) -> (ArrayView2<'a, f64>, [usize; 2]) {
        let (height, width) = plane.dim();
        let (top, left) = ((i * self.step[0]).min(height), (j * self.step[1]).min(width));
        let (bottom, right) = ((top + self.kernel[0]).min(height), (left + self.kernel[1]).min(width));
        (plane.slice_move(s![top..bottom, left..right]), [top, left])
    }
}

/// Place in the window of its largest number: the first of equals, or the last.
pub(crate) fn largest(window: ArrayView2<'_, f64>, last_of_equals: bool) -> [usize; 2] {
    let mut best = [0, 0];
    for ((u, v), &x) in window.indexed_iter() {
        if x > window[best] || (last_of_equals && x == window[best]) {
            best = [u, v];
        }
    }
    best
}

/// A size for probes: batch, channels, height, width; rows and columns of the window; stride.
pub(super) type Size = ([usize; 4], [usize; 2], usize);

/// Ordinary sizes: tiny ones first, then axes that all differ, windows that overlap, leave gaps and do not divide.
pub(super) const SIZES: &[Size] = &[
    ([1, 1, 4, 4], [2, 2], 2),
    ([1, 1, 3, 4], [2, 3], 1),
    ([1, 2, 3, 5], [2, 2], 1),
    ([2, 3, 5, 7], [2, 3], 2),
    ([2, 3, 7, 5], [3, 2], 2),
    ([3, 2, 8, 7], [3, 3], 2),
    ([2, 3, 7, 8], [2, 2], 3),
];

/// What a size is, in words.
pub(super) fn label((x, [kh, kw], stride): Size) -> String {
    let [n, c, h, w] = x;
    format!("x of [{n}, {c}, {h}, {w}], windows of {kh} by {kw}, stride {stride}")
}

/// Numbers of both signs without equals in one window: a shuffled ramp with small steps.
pub(super) fn distinct(numbers: &mut Numbers, shape: [usize; 4]) -> Array4<f64> {
    let count: usize = shape.iter().product();
    let mut ramp: Vec<f64> = (0..count).map(|at| at as f64 - (count / 2) as f64).collect();
    for at in (1..count).rev() {
        ramp.swap(at, numbers.integer(0, at as i64) as usize);
    }
    Array4::from_shape_vec(shape, ramp).expect("as many numbers as the shape says")
}

/// Rows and columns of the planes.
pub(super) fn image(x: ArrayView4<'_, f64>) -> [usize; 2] {
    [x.shape()[2], x.shape()[3]]
}
