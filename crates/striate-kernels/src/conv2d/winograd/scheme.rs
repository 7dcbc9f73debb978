//! The transforms of Winograd's algorithm, along one axis.
//!
//! Two outputs of a kernel of 3 elements look at 4 inputs. Inputs and kernel are brought to 4 numbers each, multiplied one
//! by one, and the products brought to the outputs: 4 multiplications instead of 6 (Lavin and Gray, "Fast Algorithms for
//! Convolutional Neural Networks", 2015). Along both axes that is 16 instead of 36. The points are 0, 1, -1 and infinity:
//! with them the result is about as exact as the sum of the products. Larger tiles save more and are less exact.
//!
//! The adjoints, which the gradient of the weights needs, are the same matrices transposed.

use crate::conv2d::lanes::{Lanes, Stored};

/// Outputs of a tile.
pub(super) const OUT: usize = 2;
/// Inputs of a tile, and numbers of its transform.
pub(super) const SIZE: usize = OUT + 2;

/// A transform along one axis. A type and not a function value, whose calls the compiler may leave outside.
pub(super) trait Transform<const FROM: usize, const TO: usize> {
    /// Marked `#[inline(always)]`.
    fn of<L: Lanes>(values: [L; FROM]) -> [L; TO];
}

/// The inputs of a tile.
pub(super) struct Input;

impl Transform<SIZE, SIZE> for Input {
    #[inline(always)]
    fn of<L: Lanes>(d: [L; SIZE]) -> [L; SIZE] {
        [d[0].minus(d[2]), d[1].plus(d[2]), d[2].minus(d[1]), d[1].minus(d[3])]
    }
}

/// The elements of a kernel.
pub(super) struct Kernel;

impl Transform<3, SIZE> for Kernel {
    #[inline(always)]
    fn of<L: Lanes>(g: [L; 3]) -> [L; SIZE] {
        let sum = g[0].plus(g[2]);
        [g[0], sum.plus(g[1]).times(0.5), sum.minus(g[1]).times(0.5), g[2]]
    }
}

/// From products to the outputs of a tile.
pub(super) struct Output;

impl Transform<SIZE, OUT> for Output {
    #[inline(always)]
    fn of<L: Lanes>(m: [L; SIZE]) -> [L; OUT] {
        [m[0].plus(m[1]).plus(m[2]), m[1].minus(m[2]).minus(m[3])]
    }
}

/// From gradients of the outputs of a tile to those of the products.
pub(super) struct OutputAdjoint;

impl Transform<OUT, SIZE> for OutputAdjoint {
    #[inline(always)]
    fn of<L: Lanes>(y: [L; OUT]) -> [L; SIZE] {
        [y[0], y[0].plus(y[1]), y[0].minus(y[1]), y[1].times(-1.0)]
    }
}

/// From gradients of the transformed kernel to those of its elements.
pub(super) struct KernelAdjoint;

impl Transform<SIZE, 3> for KernelAdjoint {
    #[inline(always)]
    fn of<L: Lanes>(u: [L; SIZE]) -> [L; 3] {
        let sum = u[1].plus(u[2]).times(0.5);
        [u[0].plus(sum), u[1].minus(u[2]).times(0.5), sum.plus(u[3])]
    }
}

/// Applies a transform along both axes of a square. Loops instead of closures, which would be compiled without the
/// instruction set.
#[inline(always)]
pub(super) fn along_both<T: Transform<FROM, TO>, L: Lanes, const FROM: usize, const TO: usize>(
    square: [[L; FROM]; FROM],
) -> [[L; TO]; TO] {
    let any = square[0][0];
    let mut columns = [[any; TO]; FROM];
    for j in 0..FROM {
        let mut column = [any; FROM];
        for i in 0..FROM {
            column[i] = square[i][j];
        }
        columns[j] = T::of(column);
    }
    let mut result = [[any; TO]; TO];
    for i in 0..TO {
        let mut row = [any; FROM];
        for j in 0..FROM {
            row[j] = columns[j][i];
        }
        result[i] = T::of(row);
    }
    result
}

/// Words of bf16, the numbers of one square in the lower halves, those of the other in the upper ones.
#[inline(always)]
pub(super) fn paired<L: Lanes, const N: usize>(mut square: [[L; N]; N], other: [[L; N]; N]) -> [[L; N]; N] {
    for (values, others) in square.iter_mut().zip(other) {
        for (value, other) in values.iter_mut().zip(others) {
            *value = value.paired(other);
        }
    }
    square
}

/// `N` by `N` values: `[i][j]` at `place[i * row + j * column]`.
///
/// # Safety
/// Sixteen values at each place may be read, and the instruction set is available.
#[inline(always)]
pub(super) unsafe fn load_square<L: Lanes, const N: usize>(
    place: *const f32,
    row: usize,
    column: usize,
) -> [[L; N]; N] {
    // SAFETY: passed on.
    let mut square = [[unsafe { L::splat(0.0) }; N]; N];
    for (i, values) in square.iter_mut().enumerate() {
        for (j, value) in values.iter_mut().enumerate() {
            // SAFETY: passed on.
            *value = unsafe { L::load(place.wrapping_add(i * row + j * column)) };
        }
    }
    square
}

/// The other way round.
///
/// # Safety
/// Sixteen values at each place may be written.
#[inline(always)]
pub(super) unsafe fn store_square<T: Stored, L: Lanes, const N: usize>(
    square: [[L; N]; N],
    place: *mut T,
    row: usize,
    column: usize,
) {
    for (i, values) in square.into_iter().enumerate() {
        for (j, value) in values.into_iter().enumerate() {
            // SAFETY: passed on.
            unsafe { T::store(value, place.wrapping_add(i * row + j * column)) };
        }
    }
}
