//! The error function and the normal distribution in `f64`.

const SMALL_LIMIT: f64 = 0.46875;
/// `erf(x) / x` as a function of `x²`, up to `SMALL_LIMIT`.
const SMALL: ([f64; 5], [f64; 4]) = (
    [
        1.857_777_061_846_031_5e-1,
        3.161_123_743_870_565_5,
        1.138_641_541_510_501_6e2,
        3.774_852_376_853_02e2,
        3.209_377_589_138_469_4e3,
    ],
    [2.360_129_095_234_412_2e1, 2.440_246_379_344_441_7e2, 1.282_616_526_077_372_3e3, 2.844_236_833_439_171e3],
);

/// The probability that a standard normal number is below `x`, accurate also where it is tiny.
pub(crate) fn normal_cdf(x: f64) -> f64 {
    0.5 * complementary_error_function(-x * std::f64::consts::FRAC_1_SQRT_2)
}

/// The density of the standard normal distribution.
pub(crate) fn normal_density(x: f64) -> f64 {
    (-0.5 * x * x).exp() / (2.0 * std::f64::consts::PI).sqrt()
}

/// `erf(x)`, accurate also near 0, where `1 - erfc(x)` would lose digits.
pub(crate) fn erf(x: f64) -> f64 {
    if x.abs() <= SMALL_LIMIT { x * ratio(x * x, SMALL) } else { 1.0 - complementary_error_function(x) }
}

/// `erfc(x)` by the rational approximations of W. J. Cody, *Rational Chebyshev approximations for the error function*,
/// Mathematics of Computation 23 (1969).
fn complementary_error_function(x: f64) -> f64 {
    const MIDDLE: ([f64; 9], [f64; 8]) = (
        [
            2.153_115_354_744_038_3e-8,
            5.641_884_969_886_701e-1,
            8.883_149_794_388_377,
            6.611_919_063_714_163e1,
            2.986_351_381_974_001e2,
            8.819_522_212_417_69e2,
            1.712_047_612_634_070_7e3,
            2.051_078_377_826_071_6e3,
            1.230_339_354_797_997_2e3,
        ],
        [
            1.574_492_611_070_983_5e1,
            1.176_939_508_913_125e2,
            5.371_811_018_620_099e2,
            1.621_389_574_566_690_3e3,
            3.290_799_235_733_459_7e3,
            4.362_619_090_143_247e3,
            3.439_367_674_143_721_6e3,
            1.230_339_354_803_749_3e3,
        ],
    );
    const LARGE: ([f64; 6], [f64; 5]) = (
        [
            1.631_538_713_730_209_7e-2,
            3.053_266_349_612_323_6e-1,
            3.603_448_999_498_044_5e-1,
            1.257_817_261_112_292_6e-1,
            1.608_378_514_874_228e-2,
            6.587_491_615_298_378e-4,
        ],
        [
            2.568_520_192_289_822,
            1.872_952_849_923_467_1,
            5.279_051_029_514_285e-1,
            6.051_834_131_244_132e-2,
            2.335_204_976_268_691_8e-3,
        ],
    );
    let size = x.abs();
    if size <= SMALL_LIMIT {
        return 1.0 - x * ratio(x * x, SMALL);
    }
    let tail = if size <= 4.0 {
        ratio(size, MIDDLE)
    } else {
        let inverse = 1.0 / (size * size);
        (std::f64::consts::FRAC_2_SQRT_PI / 2.0 - inverse * ratio(inverse, LARGE)) / size
    };
    let tail = tail * (-size * size).exp();
    if x < 0.0 { 2.0 - tail } else { tail }
}

/// The quotient of two polynomials, coefficients from the highest power down; the lower one starts with an unwritten 1.
fn ratio<const N: usize, const D: usize>(x: f64, (above, below): ([f64; N], [f64; D])) -> f64 {
    let above = above.into_iter().fold(0.0, |sum, coefficient| sum * x + coefficient);
    above / below.into_iter().fold(1.0, |sum, coefficient| sum * x + coefficient)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The series `erf(x) = 2/√π e^(-x²) Σ 2ⁿ x^(2n+1) / (2n+1)!!`, all of whose terms have one sign.
    fn series(x: f64) -> f64 {
        let (mut term, mut sum) = (x, x);
        for n in 1..400 {
            term *= 2.0 * x * x / f64::from(2 * n + 1);
            sum += term;
        }
        std::f64::consts::FRAC_2_SQRT_PI * (-x * x).exp() * sum
    }

    #[test]
    fn the_approximation_agrees_with_the_series() {
        for i in -500..=500 {
            let x = f64::from(i) / 80.0;
            let difference = complementary_error_function(x) - (1.0 - series(x));
            assert!(difference.abs() < 4e-15, "{x}: {difference}");
        }
        // Far out, where 1 - erf(x) keeps no digit: erfc(5), from tables.
        let relative = complementary_error_function(5.0) / 1.537_459_794_428_035e-12 - 1.0;
        assert!(relative.abs() < 1e-13, "{relative}");
    }
}
