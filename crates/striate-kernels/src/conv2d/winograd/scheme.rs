//! The transforms of Winograd's algorithm, along one axis.
//!
//! Two outputs of a kernel of 3 elements look at 4 inputs. Inputs and kernel are brought to 4 numbers each, multiplied one
//! by one, and the products brought to the outputs: 4 multiplications instead of 6 (Lavin and Gray, "Fast Algorithms for
//! Convolutional Neural Networks", 2015). Along both axes that is 16 instead of 36. The points are 0, 1, -1 and infinity:
//! with them the result is about as exact as the sum of the products. Larger tiles save more and are less exact.
//!
//! The adjoints, which the gradient of the weights needs, are the same matrices transposed.

use crate::conv2d::lanes::Lanes;

/// Outputs of a tile.
pub(super) const OUT: usize = 2;
/// Inputs of a tile, and numbers of its transform.
pub(super) const SIZE: usize = OUT + 2;

/// The inputs of a tile.
#[inline(always)]
pub(super) fn input<L: Lanes>(d: [L; SIZE]) -> [L; SIZE] {
    [d[0].minus(d[2]), d[1].plus(d[2]), d[2].minus(d[1]), d[1].minus(d[3])]
}

/// The elements of a kernel.
#[inline(always)]
pub(super) fn kernel<L: Lanes>(g: [L; 3]) -> [L; SIZE] {
    let sum = g[0].plus(g[2]);
    [g[0], sum.plus(g[1]).times(0.5), sum.minus(g[1]).times(0.5), g[2]]
}

/// From products to the outputs of a tile.
#[inline(always)]
pub(super) fn output<L: Lanes>(m: [L; SIZE]) -> [L; OUT] {
    [m[0].plus(m[1]).plus(m[2]), m[1].minus(m[2]).minus(m[3])]
}

/// From gradients of the outputs of a tile to those of the products.
#[inline(always)]
pub(super) fn output_adjoint<L: Lanes>(y: [L; OUT]) -> [L; SIZE] {
    [y[0], y[0].plus(y[1]), y[0].minus(y[1]), y[1].times(-1.0)]
}

/// From gradients of the transformed kernel to those of its elements.
#[inline(always)]
pub(super) fn kernel_adjoint<L: Lanes>(u: [L; SIZE]) -> [L; 3] {
    let sum = u[1].plus(u[2]).times(0.5);
    [u[0].plus(sum), u[1].minus(u[2]).times(0.5), sum.plus(u[3])]
}

/// Applies `transform` along both axes of a square.
#[inline(always)]
pub(super) fn along_both<L: Lanes, const FROM: usize, const TO: usize>(
    load: impl Fn(usize, usize) -> L,
    transform: impl Fn([L; FROM]) -> [L; TO],
    mut store: impl FnMut(usize, usize, L),
) {
    let columns: [[L; TO]; FROM] = std::array::from_fn(|j| transform(std::array::from_fn(|i| load(i, j))));
    for i in 0..TO {
        for (j, value) in transform(columns.map(|column| column[i])).into_iter().enumerate() {
            store(i, j, value);
        }
    }
}
