//! Two outputs: the points 0, 1, -1 and infinity. The result is about as exact as the sum of the products.

use super::{Axis, Line, Transform};
use crate::conv2d::lanes::Lanes;

pub(in crate::conv2d::winograd) struct Two;

impl Axis for Two {
    const OUT: usize = 2;
    type Input = Input;
    type Kernel = Kernel;
    type Output = Output;
    type OutputAdjoint = OutputAdjoint;
    type KernelAdjoint = KernelAdjoint;
}

pub(in crate::conv2d::winograd) struct Input;

impl Transform for Input {
    const FROM: usize = 4;
    const TO: usize = 4;
    #[inline(always)]
    fn of<L: Lanes>([d0, d1, d2, d3, ..]: Line<L>) -> Line<L> {
        [d0.minus(d2), d1.plus(d2), d2.minus(d1), d1.minus(d3), d0, d0]
    }
}

pub(in crate::conv2d::winograd) struct Kernel;

impl Transform for Kernel {
    const FROM: usize = 3;
    const TO: usize = 4;
    #[inline(always)]
    fn of<L: Lanes>([g0, g1, g2, ..]: Line<L>) -> Line<L> {
        let sum = g0.plus(g2);
        [g0, sum.plus(g1).times(0.5), sum.minus(g1).times(0.5), g2, g0, g0]
    }
}

pub(in crate::conv2d::winograd) struct Output;

impl Transform for Output {
    const FROM: usize = 4;
    const TO: usize = 2;
    #[inline(always)]
    fn of<L: Lanes>([m0, m1, m2, m3, ..]: Line<L>) -> Line<L> {
        [m0.plus(m1).plus(m2), m1.minus(m2).minus(m3), m0, m0, m0, m0]
    }
}

pub(in crate::conv2d::winograd) struct OutputAdjoint;

impl Transform for OutputAdjoint {
    const FROM: usize = 2;
    const TO: usize = 4;
    #[inline(always)]
    fn of<L: Lanes>([y0, y1, ..]: Line<L>) -> Line<L> {
        [y0, y0.plus(y1), y0.minus(y1), y1.times(-1.0), y0, y0]
    }
}

pub(in crate::conv2d::winograd) struct KernelAdjoint;

impl Transform for KernelAdjoint {
    const FROM: usize = 4;
    const TO: usize = 3;
    #[inline(always)]
    fn of<L: Lanes>([u0, u1, u2, u3, ..]: Line<L>) -> Line<L> {
        let sum = u1.plus(u2).times(0.5);
        [u0.plus(sum), u1.minus(u2).times(0.5), sum.plus(u3), u0, u0, u0]
    }
}
