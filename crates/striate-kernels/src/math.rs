//! Elementary functions of `f32` without branches or tables, so that loops over them vectorise, and with the same bits on
//! every system: multiplications and additions are fused where that is written, and nowhere else. Polynomials: S. Moshier, Cephes Mathematical Library (`expf`, `logf`, `tanhf`).

/// ln 2 in two parts, the first short enough that its product with an exponent is exact.
const LN2: [f32; 2] = [0.693_359_4, -2.121_944_4e-4];
/// Adding this rounds a small number to a whole one, which then stands in the last bits.
const ROUND: f32 = 12_582_912.0;

/// `e^x`; error below 2 units in the last place.
#[inline(always)]
pub(crate) fn exp(x: f32) -> f32 {
    // Beyond these the result is 0 or infinite anyway; NaN stays.
    let x = if x < -104.0 { -104.0 } else { x };
    let x = if x > 89.0 { 89.0 } else { x };
    let rounded = x.mul_add(std::f32::consts::LOG2_E, ROUND);
    let exponent = (rounded.to_bits() as i32).wrapping_sub(ROUND.to_bits() as i32);
    let n = rounded - ROUND;
    let r = n.mul_add(-LN2[1], n.mul_add(-LN2[0], x));
    let y = exp_polynomial(r).mul_add(r * r, r) + 1.0;
    // In two steps: 2^exponent alone may be out of range where the result is not.
    let half = exponent >> 1;
    y * power_of_two(half) * power_of_two(exponent.wrapping_sub(half))
}

/// `(e^r - 1 - r) / r²` for `|r| <= ln(2) / 2`.
#[inline(always)]
fn exp_polynomial(r: f32) -> f32 {
    let mut p: f32 = 1.987_569_1e-4;
    for c in [1.398_2e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 0.5] {
        p = p.mul_add(r, c);
    }
    p
}

/// `2^n` for `-126 <= n <= 127`.
#[inline(always)]
fn power_of_two(n: i32) -> f32 {
    f32::from_bits((n.wrapping_add(127) as u32) << 23)
}

/// Natural logarithm; error below 2 units in the last place. NaN below zero.
#[inline(always)]
pub(crate) fn ln(x: f32) -> f32 {
    // Subnormal numbers are scaled to normal ones.
    let tiny = x < f32::MIN_POSITIVE;
    let scaled = if tiny { x * 8_388_608.0 } else { x };
    // x = m * 2^e with m in [sqrt(1/2), sqrt(2)).
    let shifted = (scaled.to_bits() as i32).wrapping_sub(0x3F35_04F3);
    let e = (shifted >> 23) as f32 - if tiny { 23.0 } else { 0.0 };
    let m = f32::from_bits(((shifted & 0x007F_FFFF) + 0x3F35_04F3) as u32);
    let f = m - 1.0;
    let z = f * f;
    let mut p: f32 = 7.037_683_6e-2;
    for c in [
        -0.115_146_1,
        0.116_769_99,
        -0.124_201_41,
        0.142_493_23,
        -0.166_680_58,
        0.200_007_15,
        -0.249_999_94,
        0.333_333_3,
    ] {
        p = p.mul_add(f, c);
    }
    let y = p * f * z + e * LN2[1] - 0.5 * z;
    let value = f + y + e * LN2[0];
    let value = if x == 0.0 { f32::NEG_INFINITY } else { value };
    let value = if x == f32::INFINITY { x } else { value };
    // Also true for NaN.
    if x >= 0.0 { value } else { f32::NAN }
}

/// Hyperbolic tangent; error below 2 units in the last place.
#[inline(always)]
pub(crate) fn tanh(x: f32) -> f32 {
    let a = x.abs();
    let large = 1.0 - 2.0 / (exp(a + a) + 1.0);
    let z = a * a;
    let mut p: f32 = -5.704_988_7e-3;
    for c in [2.063_909e-2, -5.373_971_6e-2, 1.333_144_2e-1, -3.333_328e-1] {
        p = p.mul_add(z, c);
    }
    let small = (p * z).mul_add(a, a);
    (if a < 0.625 { small } else { large }).copysign(x)
}

/// `e^x - 1`, accurate also near 0; error below 2 units in the last place.
#[inline(always)]
pub(crate) fn exp_m1(x: f32) -> f32 {
    // Below, the result is -1; above, that of `exp`.
    let bounded = if x < -30.0 { -30.0 } else { x };
    let bounded = if bounded > 80.0 { 80.0 } else { bounded };
    let rounded = bounded.mul_add(std::f32::consts::LOG2_E, ROUND);
    let exponent = (rounded.to_bits() as i32).wrapping_sub(ROUND.to_bits() as i32);
    let n = rounded - ROUND;
    let r = n.mul_add(-LN2[1], n.mul_add(-LN2[0], bounded));
    let scale = power_of_two(exponent);
    // e^r - 1 scaled, and the scale less 1, which is exact where the two could cancel.
    let near = exp_polynomial(r).mul_add(r * r, r).mul_add(scale, scale - 1.0);
    let near = if x == 0.0 { x } else { near };
    if x > 80.0 { exp(x) } else { near }
}

/// `ln(1 + x)` for `x >= 0`, accurate also near 0.
#[inline(always)]
pub(crate) fn ln_1p(x: f32) -> f32 {
    let sum = 1.0 + x;
    // What the sum lost, to first order.
    let value = ln(sum) + (x - (sum - 1.0)) / sum;
    if x == f32::INFINITY { x } else { value }
}

/// `e^(x + rest)` for `-87 <= x <= 0` and a rest of a few last places.
#[inline(always)]
fn exp_below_one(x: f32, rest: f32) -> f32 {
    let rounded = x.mul_add(std::f32::consts::LOG2_E, ROUND);
    let exponent = (rounded.to_bits() as i32).wrapping_sub(ROUND.to_bits() as i32);
    let n = rounded - ROUND;
    let r = n.mul_add(-LN2[1], n.mul_add(-LN2[0], x)) + rest;
    (exp_polynomial(r).mul_add(r * r, r) + 1.0) * power_of_two(exponent)
}

/// `e^(-x² / 2)` for `0 <= x <= NORMAL_END`: the square is kept in two parts, since an error of its last place would be
/// multiplied by the square itself.
#[inline(always)]
fn gauss(x: f32) -> f32 {
    let square = x * x;
    let rest = x.mul_add(x, -square);
    exp_below_one(-0.5 * square, -0.5 * rest)
}

/// The probability that a standard normal number is above `x`, for `0 <= x <= NORMAL_END`.
///
/// `e^(-x² / 2) / (x + 3.5)` times a polynomial in `1 / (x + 3.5)`, by least squares with weights that level the relative
/// error (0.13 units of the last place).
#[inline(always)]
fn normal_tail(x: f32) -> f32 {
    let inverse = 1.0 / (x + 3.5);
    let u = (x * inverse).mul_add(-2.482_758_6, 1.0);
    let mut p: f32 = -1.581_111_2e-5;
    for c in [
        4.046_355e-5,
        2.202_495e-4,
        -5.802_237_3e-4,
        -3.273_752_8e-3,
        3.982_947_9e-3,
        6.623_144_4e-2,
        2.508_265_4e-1,
        5.653_798_5e-1,
        8.671_883e-1,
    ] {
        p = p.mul_add(u, c);
    }
    gauss(x) * inverse * p
}

/// Where the normal distribution ends: beyond, its tail is below the smallest normal number, and counts as 0.
const NORMAL_END: f32 = 13.0;

/// `f` of the size of `x`, 0 beyond [`NORMAL_END`]; NaN stays.
#[inline(always)]
fn within_normal(x: f32, f: impl Fn(f32) -> f32) -> f32 {
    let size = x.abs();
    let beyond = size > NORMAL_END;
    let value = f(if beyond { NORMAL_END } else { size });
    if beyond { 0.0 } else { value }
}

/// The probability that a standard normal number is below `x`, accurate also where it is tiny: error below 5 units
/// in the last place.
#[inline(always)]
pub(crate) fn normal_cdf(x: f32) -> f32 {
    let tail = within_normal(x, normal_tail);
    if x > 0.0 { 1.0 - tail } else { tail }
}

/// The density of the standard normal distribution.
#[inline(always)]
pub(crate) fn normal_density(x: f32) -> f32 {
    const INVERSE_ROOT_TWO_PI: f32 = 0.398_942_3;
    within_normal(x, gauss) * INVERSE_ROOT_TWO_PI
}

/// The error function; error below 2.5 units in the last place.
#[inline(always)]
pub(crate) fn erf(x: f32) -> f32 {
    let z = x * x;
    let mut p: f32 = 8.185_093e-5;
    for c in [
        -8.097_703e-4,
        5.196_952e-3,
        -2.685_770_5e-2,
        1.128_366_4e-1,
        -3.761_263_2e-1,
        std::f32::consts::FRAC_2_SQRT_PI,
    ] {
        p = p.mul_add(z, c);
    }
    let large = 1.0 - 2.0 * within_normal(x * std::f32::consts::SQRT_2, normal_tail);
    if x.abs() < 0.95 { p * x } else { large.copysign(x) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Distance in units of the last place of `expected`.
    fn ulps(actual: f32, expected: f64) -> f64 {
        let rounded = expected as f32;
        if actual == rounded || (actual.is_nan() && rounded.is_nan()) {
            return 0.0;
        }
        let unit = f64::from(f32::from_bits(rounded.abs().to_bits() + 1)) - f64::from(rounded.abs());
        (f64::from(actual) - expected).abs() / unit
    }

    fn worst(from: f32, to: f32, f: impl Fn(f32) -> f32, exact: impl Fn(f64) -> f64) -> f64 {
        let steps = 300_000;
        let place = |i: i32| from + (to - from) * (i as f32 / steps as f32);
        (0..=steps).map(place).map(|x| ulps(f(x), exact(f64::from(x)))).fold(0.0, f64::max)
    }

    #[test]
    fn errors_are_below_two_units() {
        for (from, to) in [(-1.0, 1.0), (-87.0, 88.72), (-1e-3, 1e-3)] {
            assert!(worst(from, to, exp, f64::exp) < 2.0);
        }
        for (from, to) in [(0.5, 2.0), (1e-38, 1e-30), (1e-3, 1e6), (1e30, 3e38)] {
            assert!(worst(from, to, ln, f64::ln) < 2.0);
        }
        for (from, to) in [(-1.0, 1.0), (-10.0, 10.0), (-1e-3, 1e-3)] {
            assert!(worst(from, to, tanh, f64::tanh) < 2.0);
        }
        for (from, to) in [(-1e-3, 1e-3), (-1.0, 1.0), (-20.0, 88.7)] {
            assert!(worst(from, to, exp_m1, f64::exp_m1) < 2.0);
        }
        for (from, to) in [(1e-9, 1e-3), (0.0, 1.0), (1.0, 1e6)] {
            assert!(worst(from, to, ln_1p, f64::ln_1p) < 2.0);
        }
    }

    #[test]
    fn the_normal_distribution_is_accurate_in_its_tails() {
        use crate::error_function::{erf as exact_erf, normal_cdf as exact_cdf};
        for (from, to) in [(-1e-3, 1e-3), (-1.0, 1.0), (-12.9, 6.0)] {
            let error = worst(from, to, normal_cdf, exact_cdf);
            assert!(error < 5.0, "{from} to {to}: {error}");
        }
        for (from, to) in [(-1e-3, 1e-3), (-1.0, 1.0), (-5.0, 5.0)] {
            let error = worst(from, to, erf, exact_erf);
            assert!(error < 2.5, "{from} to {to}: {error}");
        }
        let density = |x: f64| (-0.5 * x * x).exp() / (2.0 * std::f64::consts::PI).sqrt();
        assert!(worst(-12.9, 12.9, normal_density, density) < 5.0);
    }

    #[test]
    fn special_values() {
        assert_eq!(
            [0.0, -0.0, 89.5, 1e30, f32::INFINITY].map(exp),
            [1.0, 1.0, f32::INFINITY, f32::INFINITY, f32::INFINITY]
        );
        assert_eq!([-105.0, -1e30, f32::NEG_INFINITY].map(exp), [0.0; 3]);
        assert!(exp(-103.0) > 0.0 && exp(-103.0).is_subnormal() && exp(f32::NAN).is_nan());
        assert_eq!([0.0, -0.0, 1.0, f32::INFINITY].map(ln), [f32::NEG_INFINITY, f32::NEG_INFINITY, 0.0, f32::INFINITY]);
        assert!([-1.0, f32::NEG_INFINITY, f32::NAN, -1e-40].map(ln).iter().all(|x| x.is_nan()));
        let least = f32::from_bits(1);
        assert!(ulps(ln(least), f64::from(least).ln()) < 2.0);
        assert_eq!([0.0, 1e30, f32::INFINITY, f32::NEG_INFINITY].map(tanh), [0.0, 1.0, 1.0, -1.0]);
        assert!(tanh(-0.0).is_sign_negative() && tanh(f32::NAN).is_nan());
        let ends = [f32::NEG_INFINITY, -40.0, 40.0, f32::INFINITY];
        assert_eq!(ends.map(normal_cdf), [0.0, 0.0, 1.0, 1.0]);
        assert_eq!(ends.map(normal_density), [0.0; 4]);
        assert_eq!(ends.map(erf), [-1.0, -1.0, 1.0, 1.0]);
        assert_eq!(ends.map(exp_m1), [-1.0, -1.0, exp(40.0), f32::INFINITY]);
        assert!(erf(-0.0).is_sign_negative() && exp_m1(-0.0).is_sign_negative());
        assert!([normal_cdf, normal_density, erf, exp_m1, ln_1p].iter().all(|f| f(f32::NAN).is_nan()));
        assert_eq!(ln_1p(f32::INFINITY), f32::INFINITY);
    }
}
