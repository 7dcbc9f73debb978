//! The floating-point types kernels work on.

use std::fmt::{Debug, Display};
use std::iter::Sum;
use std::ops::{Add, AddAssign, Div, DivAssign, Mul, MulAssign, Neg, Sub, SubAssign};

use bytemuck::Pod;

use crate::{error_function, math};

mod sealed {
    pub trait Sealed {}
    impl Sealed for f32 {}
    impl Sealed for f64 {}
}

/// A floating-point type with kernels: `f32` (fast paths) and `f64` (gradient checks). Sealed.
pub trait Element:
    sealed::Sealed
    + Pod
    + Send
    + Sync
    + PartialOrd
    + Default
    + Debug
    + Display
    + Sum
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
    + AddAssign
    + SubAssign
    + MulAssign
    + DivAssign
{
    /// Zero.
    const ZERO: Self;
    /// One.
    const ONE: Self;
    /// Positive infinity.
    const INFINITY: Self;
    /// Negative infinity.
    const NEG_INFINITY: Self;
    /// Not a number.
    const NAN: Self;

    /// The nearest value to `value`.
    fn from_f64(value: f64) -> Self;
    /// This value as `f64` (exact).
    fn to_f64(self) -> f64;
    /// `e` to the power `self`. For `f32`, as [`Element::ln`] and [`Element::tanh`], written so that loops vectorise, with an
    /// error below 2 units in the last place and the same bits on every system.
    fn exp(self) -> Self;
    /// Natural logarithm.
    fn ln(self) -> Self;
    /// Square root.
    fn sqrt(self) -> Self;
    /// Absolute value.
    fn abs(self) -> Self;
    /// Hyperbolic tangent.
    fn tanh(self) -> Self;
    /// `e` to the power `self`, less 1: accurate also near 0.
    fn exp_m1(self) -> Self;
    /// Natural logarithm of 1 plus `self`, for `self` from 0 on: accurate also near 0.
    fn ln_1p(self) -> Self;
    /// The error function.
    fn erf(self) -> Self;
    /// The probability that a standard normal number is below `self`, accurate also where it is tiny.
    fn normal_cdf(self) -> Self;
    /// The density of the standard normal distribution.
    fn normal_density(self) -> Self;
    /// `self` to the power `exponent`.
    fn powf(self, exponent: Self) -> Self;
    /// Whether this is NaN.
    fn is_nan(self) -> bool;
    /// The greater of the two; NaN if either is NaN.
    #[inline(always)]
    fn maximum(self, other: Self) -> Self {
        if (self > other) | self.is_nan() { self } else { other }
    }
    /// The smaller of the two; NaN if either is NaN.
    #[inline(always)]
    fn minimum(self, other: Self) -> Self {
        if (self < other) | self.is_nan() { self } else { other }
    }
    /// The slice as `f32`, when it is one: how generic code finds the `f32` fast path.
    fn as_f32(slice: &[Self]) -> Option<&[f32]>;
    /// The slice as `f32`, when it is one.
    fn as_f32_mut(slice: &mut [Self]) -> Option<&mut [f32]>;
}

macro_rules! element {
    ($type:ident, $math:ident::{$exp:ident, $ln:ident, $tanh:ident, $exp_m1:ident, $ln_1p:ident}, $normal:ident, |$slice:ident| $as_f32:expr) => {
        impl Element for $type {
            const ZERO: Self = 0.0;
            const ONE: Self = 1.0;
            const INFINITY: Self = $type::INFINITY;
            const NEG_INFINITY: Self = $type::NEG_INFINITY;
            const NAN: Self = $type::NAN;
            #[inline(always)]
            fn from_f64(value: f64) -> Self {
                value as $type
            }
            #[inline(always)]
            fn to_f64(self) -> f64 {
                f64::from(self)
            }
            #[inline(always)]
            fn exp(self) -> Self {
                $math::$exp(self)
            }
            #[inline(always)]
            fn ln(self) -> Self {
                $math::$ln(self)
            }
            #[inline(always)]
            fn sqrt(self) -> Self {
                $type::sqrt(self)
            }
            #[inline(always)]
            fn abs(self) -> Self {
                $type::abs(self)
            }
            #[inline(always)]
            fn tanh(self) -> Self {
                $math::$tanh(self)
            }
            #[inline(always)]
            fn exp_m1(self) -> Self {
                $math::$exp_m1(self)
            }
            #[inline(always)]
            fn ln_1p(self) -> Self {
                $math::$ln_1p(self)
            }
            #[inline(always)]
            fn erf(self) -> Self {
                $normal::erf(self)
            }
            #[inline(always)]
            fn normal_cdf(self) -> Self {
                $normal::normal_cdf(self)
            }
            #[inline(always)]
            fn normal_density(self) -> Self {
                $normal::normal_density(self)
            }
            #[inline(always)]
            fn powf(self, exponent: Self) -> Self {
                $type::powf(self, exponent)
            }
            #[inline(always)]
            fn is_nan(self) -> bool {
                $type::is_nan(self)
            }
            #[inline(always)]
            fn as_f32($slice: &[Self]) -> Option<&[f32]> {
                $as_f32
            }
            #[inline(always)]
            fn as_f32_mut($slice: &mut [Self]) -> Option<&mut [f32]> {
                $as_f32
            }
        }
    };
}

element!(f32, math::{exp, ln, tanh, exp_m1, ln_1p}, math, |slice| Some(slice));
element!(f64, f64::{exp, ln, tanh, exp_m1, ln_1p}, error_function, |_slice| None);
