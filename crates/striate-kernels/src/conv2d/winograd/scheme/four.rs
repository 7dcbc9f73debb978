//! Four outputs: the points 0, 3/2, -3/2, 2/3, -2/3 and infinity.
//!
//! Where the points are decides how exact the result is. A number of the transform is rounded to a part of itself, so the
//! mean square of the error is that part times the sum, over the numbers, of the squares of their factors in the three
//! matrices: 4.75 for these points, 10.8 for the usual 0, 1, -1, 2, -2 and infinity, 1.67 for two outputs. Of all places of
//! the points none gives less than 4.74 (a search over all five, and over six without infinity).

use super::{Axis, Line, Transform};
use crate::conv2d::lanes::Lanes;

/// The points, whose product is 1.
const A: f32 = 3.0 / 2.0;
const B: f32 = 2.0 / 3.0;
const A2: f32 = 9.0 / 4.0;
const B2: f32 = 4.0 / 9.0;
const SQUARES: f32 = A2 + B2;
/// The products of the differences between a point and the others.
const AT_A: f32 = 2.0 * A2 * (A2 - B2);
const AT_B: f32 = 2.0 * B2 * (B2 - A2);

pub(in crate::conv2d::winograd) struct Four;

impl Axis for Four {
    const OUT: usize = 4;
    type Input = Input;
    type Kernel = Kernel;
    type Output = Output;
    type OutputAdjoint = OutputAdjoint;
    type KernelAdjoint = KernelAdjoint;
}

pub(in crate::conv2d::winograd) struct Input;

impl Transform for Input {
    const FROM: usize = 6;
    const TO: usize = 6;
    /// At a point, the coefficients of the product of `x - q` over the other points `q`.
    #[inline(always)]
    fn of<L: Lanes>([d0, d1, d2, d3, d4, d5]: Line<L>) -> Line<L> {
        let [even_a, odd_a] = [d4.plus_times(d2, -B2), d3.plus_times(d1, -B2)];
        let [even_b, odd_b] = [d4.plus_times(d2, -A2), d3.plus_times(d1, -A2)];
        [
            d0.plus(d4).plus_times(d2, -SQUARES),
            even_a.plus_times(odd_a, A),
            even_a.plus_times(odd_a, -A),
            even_b.plus_times(odd_b, B),
            even_b.plus_times(odd_b, -B),
            d1.plus(d5).plus_times(d3, -SQUARES),
        ]
    }
}

pub(in crate::conv2d::winograd) struct Kernel;

impl Transform for Kernel {
    const FROM: usize = 3;
    const TO: usize = 6;
    /// The value of the polynomial with these coefficients at a point, divided by the product of the differences.
    #[inline(always)]
    fn of<L: Lanes>([g0, g1, g2, ..]: Line<L>) -> Line<L> {
        let even_a = g0.times(1.0 / AT_A).plus_times(g2, A2 / AT_A);
        let even_b = g0.times(1.0 / AT_B).plus_times(g2, B2 / AT_B);
        [
            g0,
            even_a.plus_times(g1, A / AT_A),
            even_a.plus_times(g1, -A / AT_A),
            even_b.plus_times(g1, B / AT_B),
            even_b.plus_times(g1, -B / AT_B),
            g2,
        ]
    }
}

pub(in crate::conv2d::winograd) struct Output;

impl Transform for Output {
    const FROM: usize = 6;
    const TO: usize = 4;
    /// The sums of the products times the powers of their points.
    #[inline(always)]
    fn of<L: Lanes>([m0, m1, m2, m3, m4, m5]: Line<L>) -> Line<L> {
        let [even_a, odd_a, even_b, odd_b] = [m1.plus(m2), m1.minus(m2), m3.plus(m4), m3.minus(m4)];
        [
            m0.plus(even_a).plus(even_b),
            odd_a.times(A).plus_times(odd_b, B),
            even_a.times(A2).plus_times(even_b, B2),
            m5.plus_times(odd_a, A2 * A).plus_times(odd_b, B2 * B),
            m0,
            m0,
        ]
    }
}

pub(in crate::conv2d::winograd) struct OutputAdjoint;

impl Transform for OutputAdjoint {
    const FROM: usize = 4;
    const TO: usize = 6;
    #[inline(always)]
    fn of<L: Lanes>([y0, y1, y2, y3, ..]: Line<L>) -> Line<L> {
        let [even_a, odd_a] = [y0.plus_times(y2, A2), y1.plus_times(y3, A2)];
        let [even_b, odd_b] = [y0.plus_times(y2, B2), y1.plus_times(y3, B2)];
        [
            y0,
            even_a.plus_times(odd_a, A),
            even_a.plus_times(odd_a, -A),
            even_b.plus_times(odd_b, B),
            even_b.plus_times(odd_b, -B),
            y3,
        ]
    }
}

pub(in crate::conv2d::winograd) struct KernelAdjoint;

impl Transform for KernelAdjoint {
    const FROM: usize = 6;
    const TO: usize = 3;
    #[inline(always)]
    fn of<L: Lanes>([u0, u1, u2, u3, u4, u5]: Line<L>) -> Line<L> {
        let [even_a, odd_a, even_b, odd_b] = [u1.plus(u2), u1.minus(u2), u3.plus(u4), u3.minus(u4)];
        [
            u0.plus_times(even_a, 1.0 / AT_A).plus_times(even_b, 1.0 / AT_B),
            odd_a.times(A / AT_A).plus_times(odd_b, B / AT_B),
            u5.plus_times(even_a, A2 / AT_A).plus_times(even_b, B2 / AT_B),
            u0,
            u0,
            u0,
        ]
    }
}
