//! Normally distributed numbers for probes.

use ndarray::{Array, Dimension, ShapeBuilder};

use crate::exercises::numbers::Numbers;

/// Numbers with mean 0 and deviation 1: sums of twelve evenly spread ones, which need no function whose last digit
/// differs from machine to machine.
pub(super) fn normals<D: Dimension, Sh: ShapeBuilder<Dim = D>>(numbers: &mut Numbers, shape: Sh) -> Array<f64, D> {
    Array::from_shape_simple_fn(shape, || (0..12).map(|_| numbers.real(0.0, 1.0)).sum::<f64>() - 6.0)
}
