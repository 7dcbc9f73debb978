//! The numbers that probes are made of: the same on every machine and in every version, since stored results of
//! checks and review cards refer to them.

use ndarray::{Array, Dimension, ShapeBuilder};

/// A fixed stream of numbers (SplitMix64, Steele, Lea and Flood 2014).
pub(crate) struct Numbers(u64);

impl Numbers {
    /// The stream with this number.
    pub(crate) fn stream(number: u64) -> Self {
        Numbers(number.wrapping_mul(0x9E37_79B9_7F4A_7C15))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number in `[low, high)`.
    pub(crate) fn real(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// A whole number from `low` to `high`, both included.
    pub(crate) fn integer(&mut self, low: i64, high: i64) -> i64 {
        low + (self.next() % (high - low + 1) as u64) as i64
    }

    /// An array of numbers in `[low, high)`.
    pub(crate) fn reals<D: Dimension, Sh: ShapeBuilder<Dim = D>>(
        &mut self,
        shape: Sh,
        low: f64,
        high: f64,
    ) -> Array<f64, D> {
        Array::from_shape_simple_fn(shape, || self.real(low, high))
    }

    /// An array of whole numbers from `low` to `high`, both included.
    pub(crate) fn integers<D: Dimension, Sh: ShapeBuilder<Dim = D>>(
        &mut self,
        shape: Sh,
        low: i64,
        high: i64,
    ) -> Array<f64, D> {
        Array::from_shape_simple_fn(shape, || self.integer(low, high) as f64)
    }
}
