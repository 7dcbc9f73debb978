//! The transforms of Winograd's algorithm, and how large its tiles are.
//!
//! Two outputs of a kernel of 3 elements look at 4 inputs. Inputs and kernel are brought to 4 numbers each, multiplied one
//! by one, and the products brought to the outputs: 4 multiplications instead of 6 (Lavin and Gray, "Fast Algorithms for
//! Convolutional Neural Networks", 2015); for four outputs 6 instead of 12. Along both axes that is 16 instead of 36 for
//! [two by two](Tiling::TwoByTwo) outputs, 24 instead of 72 for two by four, 36 instead of 144 for four by four. Larger
//! tiles save more and are less exact: each number is rounded, and the way back adds some that are larger than the result.
//!
//! The adjoints, which the gradient of the weights needs, are the same matrices transposed.

mod four;
mod two;

pub(super) use four::Four;
pub(super) use two::Two;

use crate::conv2d::lanes::{Lanes, Stored};

/// Outputs of a tile, rows by columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::conv2d) enum Tiling {
    TwoByTwo,
    TwoByFour,
    FourByFour,
}

impl Tiling {
    /// Rows and columns of outputs.
    fn outputs(self) -> [usize; 2] {
        match self {
            Self::TwoByTwo => [2, 2],
            Self::TwoByFour => [2, 4],
            Self::FourByFour => [4, 4],
        }
    }

    /// Tiles of an image.
    pub(super) fn tiles(self, size: [usize; 2]) -> usize {
        let [rows, columns] = self.outputs();
        size[0].div_ceil(rows) * size[1].div_ceil(columns)
    }

    /// Numbers of a transform.
    pub(super) fn numbers(self) -> usize {
        self.outputs().map(|outputs| outputs + 2).iter().product()
    }
}

/// Runs a body with the type `S` standing for the scheme of a tiling.
macro_rules! with_scheme {
    ($tiling:expr, $body:expr) => {
        match $tiling {
            $crate::conv2d::winograd::scheme::Tiling::TwoByTwo => {
                type S = ($crate::conv2d::winograd::scheme::Two, $crate::conv2d::winograd::scheme::Two);
                $body
            }
            $crate::conv2d::winograd::scheme::Tiling::TwoByFour => {
                type S = ($crate::conv2d::winograd::scheme::Two, $crate::conv2d::winograd::scheme::Four);
                $body
            }
            $crate::conv2d::winograd::scheme::Tiling::FourByFour => {
                type S = ($crate::conv2d::winograd::scheme::Four, $crate::conv2d::winograd::scheme::Four);
                $body
            }
        }
    };
}
pub(super) use with_scheme;

/// Most numbers of a transform along an axis.
pub(super) const MOST: usize = 6;

/// Values along an axis, of which the first ones are used.
pub(in crate::conv2d) type Line<L> = [L; MOST];

/// Values of a tile, of which the first rows and columns are used.
pub(super) type Square<T> = [[T; MOST]; MOST];

/// A transform along one axis. A type and not a function value, whose calls the compiler may leave outside.
pub(in crate::conv2d) trait Transform {
    /// Values before and after it.
    const FROM: usize;
    const TO: usize;
    /// Marked `#[inline(always)]`. What stands behind the values is not looked at.
    fn of<L: Lanes>(values: Line<L>) -> Line<L>;
}

/// The algorithm along one axis.
pub(in crate::conv2d) trait Axis {
    /// Outputs of a tile.
    const OUT: usize;
    /// Inputs of a tile, and numbers of its transform.
    const SIZE: usize = Self::OUT + 2;
    /// The inputs of a tile.
    type Input: Transform;
    /// The elements of a kernel.
    type Kernel: Transform;
    /// From products to the outputs of a tile.
    type Output: Transform;
    /// From gradients of the outputs of a tile to those of the products.
    type OutputAdjoint: Transform;
    /// From gradients of the transformed kernel to those of its elements.
    type KernelAdjoint: Transform;
}

/// The algorithm along rows and columns.
pub(in crate::conv2d) trait Scheme {
    type Rows: Axis;
    type Columns: Axis;
    /// Numbers of a transform.
    const NUMBERS: usize = Self::Rows::SIZE * Self::Columns::SIZE;
    /// Rows and columns of outputs.
    const OUT: [usize; 2] = [Self::Rows::OUT, Self::Columns::OUT];
    /// Rows and columns of numbers.
    const SIZE: [usize; 2] = [Self::Rows::SIZE, Self::Columns::SIZE];
}

impl<Rows: Axis, Columns: Axis> Scheme for (Rows, Columns) {
    type Rows = Rows;
    type Columns = Columns;
}

/// Applies transforms down the columns of a square and along its rows. Loops instead of closures, which would be compiled
/// without the instruction set.
#[inline(always)]
pub(super) fn along_both<Rows: Transform, Columns: Transform, L: Lanes>(mut square: Square<L>) -> Square<L> {
    for j in 0..Columns::FROM {
        let mut column = [square[0][j]; MOST];
        for (value, row) in column.iter_mut().zip(&square[..Rows::FROM]) {
            *value = row[j];
        }
        for (row, value) in square[..Rows::TO].iter_mut().zip(Rows::of(column)) {
            row[j] = value;
        }
    }
    for row in &mut square[..Rows::TO] {
        *row = Columns::of(*row);
    }
    square
}

/// Words of bf16, the numbers of one square in the lower halves, those of the other in the upper ones.
#[inline(always)]
pub(super) fn paired<S: Scheme, L: Lanes>(mut square: Square<L>, other: Square<L>) -> Square<L> {
    let [rows, columns] = S::SIZE;
    for (values, others) in square[..rows].iter_mut().zip(other) {
        for (value, other) in values[..columns].iter_mut().zip(others) {
            *value = value.paired(other);
        }
    }
    square
}

/// The numbers of a tile: `[i][j]` at `place[(i * columns + j) * stride]`.
///
/// # Safety
/// Sixteen values at each place may be read, and the instruction set is available.
#[inline(always)]
pub(super) unsafe fn load_numbers<S: Scheme, L: Lanes>(place: *const f32, stride: usize) -> Square<L> {
    // SAFETY: passed on.
    let mut square = [[unsafe { L::splat(0.0) }; MOST]; MOST];
    let [rows, columns] = S::SIZE;
    for (i, values) in square[..rows].iter_mut().enumerate() {
        for (j, value) in values[..columns].iter_mut().enumerate() {
            // SAFETY: passed on.
            *value = unsafe { L::load(place.wrapping_add((i * columns + j) * stride)) };
        }
    }
    square
}

/// The other way round.
///
/// # Safety
/// Sixteen values at each place may be written.
#[inline(always)]
pub(super) unsafe fn store_numbers<S: Scheme, T: Stored, L: Lanes>(square: Square<L>, place: *mut T, stride: usize) {
    let [rows, columns] = S::SIZE;
    for (i, values) in square[..rows].iter().enumerate() {
        for (j, &value) in values[..columns].iter().enumerate() {
            // SAFETY: passed on.
            unsafe { T::store(value, place.wrapping_add((i * columns + j) * stride)) };
        }
    }
}
