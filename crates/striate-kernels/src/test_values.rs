//! Values for tests that compare kernels with their scalar twins: sums of products of them are exact in any order, fused
//! or not, so that results must be equal, not only close.

use proptest::prelude::*;

/// What the values of a test case are made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Palette {
    /// Whole numbers from -4 to 4.
    Whole,
    /// Left factors and sums are subnormal, right factors whole.
    Subnormal,
    /// Whole numbers, here and there infinity, NaN or -0.
    Special,
}

pub(crate) fn palettes() -> impl Strategy<Value = Palette> {
    prop_oneof![Just(Palette::Whole), Just(Palette::Subnormal), Just(Palette::Special)]
}

impl Palette {
    /// `len` right factors.
    pub(crate) fn values(self, len: usize, seed: usize) -> Vec<f32> {
        let value = |i: usize| {
            let bits = (i ^ seed.rotate_left(17)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
            let bits = (bits ^ (bits >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9) >> 24;
            match (self, bits % 61) {
                (Self::Special, special @ 0..=3) => [f32::INFINITY, f32::NEG_INFINITY, f32::NAN, -0.0][special],
                _ => ((bits >> 8) % 9) as f32 - 4.0,
            }
        };
        (0..len).map(value).collect()
    }

    /// `len` left factors or sums.
    pub(crate) fn left_values(self, len: usize, seed: usize) -> Vec<f32> {
        let mut values = self.values(len, seed ^ 0x5555);
        if self == Self::Subnormal {
            values.iter_mut().for_each(|x| *x *= f32::from_bits(3));
        }
        values
    }
}

/// Checks that all are equal, NaN being equal to NaN.
#[track_caller]
pub(crate) fn assert_same(actual: &[f32], expected: &[f32], what: std::fmt::Arguments<'_>) {
    assert_eq!(actual.len(), expected.len(), "{what}");
    for (i, (a, e)) in actual.iter().zip(expected).enumerate() {
        assert!(a == e || (a.is_nan() && e.is_nan()), "{what} at {i}: {a:e} instead of {e:e}");
    }
}
