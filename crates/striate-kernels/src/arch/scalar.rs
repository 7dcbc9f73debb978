//! Tiles in plain Rust.

use super::{Start, Tile};

const ROWS: usize = 4;
const COLS: usize = 16;

/// The definition of a tile, element by element.
///
/// # Safety
/// The places named in the formula of [`Tile`] may be read, and those of `c` written.
#[cfg(test)]
pub(crate) unsafe fn specification(t: &Tile, rows: usize) {
    // SAFETY: passed on.
    unsafe { specification_of(t, rows, |x, y, sum| x * y + sum) };
}

/// The definition of a tile of bf16 pairs, element by element.
///
/// # Safety
/// As [`specification`].
#[cfg(test)]
pub(crate) unsafe fn pair_specification(t: &Tile, rows: usize) {
    // SAFETY: passed on.
    unsafe { specification_of(t, rows, multiply_add_pair) };
}

#[cfg(test)]
unsafe fn specification_of(t: &Tile, rows: usize, multiply_add: impl Fn(f32, f32, f32) -> f32) {
    for (m, n) in (0..rows).flat_map(|m| (0..t.cols).map(move |n| (m, n))) {
        // SAFETY: these are the places of the formula.
        unsafe {
            let place = t.c.add(m * t.c_row + n);
            let mut sum = match t.start {
                Start::Zero => 0.0,
                Start::Bias(bias) => *bias.add(n),
                Start::Accumulate => *place,
            };
            for (s, k) in (0..t.segments).flat_map(|s| (0..t.depth).map(move |k| (s, k))) {
                let x = *t.a.add(s * t.a_segment + k * t.a_step + m * t.a_row);
                sum = multiply_add(x, *t.b.add(s * t.b_segment + k * t.b_step + n), sum);
            }
            *place = sum;
        }
    }
}

/// A tile of at most 4 rows and 16 columns.
///
/// # Safety
/// As [`Tile::run`].
pub(super) unsafe fn tile(t: &Tile, rows: usize) {
    // SAFETY: passed on.
    unsafe { tile_of(t, rows, multiply_add) };
}

/// A tile of bf16 pairs, of at most 4 rows and 16 columns.
///
/// # Safety
/// As [`Tile::run`].
pub(super) unsafe fn pair_tile(t: &Tile, rows: usize) {
    // SAFETY: passed on.
    unsafe { tile_of(t, rows, multiply_add_pair) };
}

#[inline(always)]
unsafe fn tile_of(t: &Tile, rows: usize, multiply_add: impl Fn(f32, f32, f32) -> f32) {
    // Whole tiles have loops of fixed length, which stay in vector registers.
    // SAFETY: passed on; `R` and `C` are at least the rows and columns.
    unsafe {
        match (rows, t.cols) {
            (1, COLS) => block::<1, COLS, _>(t, 1, COLS, &multiply_add),
            (2, COLS) => block::<2, COLS, _>(t, 2, COLS, &multiply_add),
            (3, COLS) => block::<3, COLS, _>(t, 3, COLS, &multiply_add),
            (4, COLS) => block::<4, COLS, _>(t, 4, COLS, &multiply_add),
            (_, 1..=4) => block::<ROWS, 4, _>(t, rows, t.cols, &multiply_add),
            (_, 5..=8) => block::<ROWS, 8, _>(t, rows, t.cols, &multiply_add),
            _ => block::<ROWS, COLS, _>(t, rows, t.cols, &multiply_add),
        }
    }
}

/// `x * y + sum`, fused where the target always can.
#[inline(always)]
fn multiply_add(x: f32, y: f32, sum: f32) -> f32 {
    if cfg!(target_arch = "aarch64") { x.mul_add(y, sum) } else { x * y + sum }
}

/// The sum of the products of the halves of two words, each a pair of bf16, and of `sum`.
#[inline(always)]
pub(super) fn multiply_add_pair(x: f32, y: f32, sum: f32) -> f32 {
    let halves = |word: f32| [f32::from_bits(word.to_bits() << 16), f32::from_bits(word.to_bits() & 0xffff_0000)];
    let ([x0, x1], [y0, y1]) = (halves(x), halves(y));
    multiply_add(x1, y1, multiply_add(x0, y0, sum))
}

/// `rows <= R` and `cols <= C`.
#[inline(always)]
unsafe fn block<const R: usize, const C: usize, F>(t: &Tile, rows: usize, cols: usize, multiply_add: &F)
where
    F: Fn(f32, f32, f32) -> f32,
{
    let mut sums = [[0.0_f32; C]; R];
    // SAFETY: `Tile::run` promises that the places of the formula may be used; `m < rows` and `n < cols` here.
    unsafe {
        for (m, sums) in sums.iter_mut().enumerate().take(rows) {
            for (n, sum) in sums.iter_mut().enumerate().take(cols) {
                *sum = match t.start {
                    Start::Zero => 0.0,
                    Start::Bias(bias) => *bias.add(n),
                    Start::Accumulate => *t.c.add(m * t.c_row + n),
                };
            }
        }
        for s in 0..t.segments {
            let (mut a, mut b) = (t.a.wrapping_add(s * t.a_segment), t.b.wrapping_add(s * t.b_segment));
            for _ in 0..t.depth {
                let mut row = [0.0_f32; C];
                if cols == C {
                    row = *b.cast::<[f32; C]>();
                } else {
                    std::ptr::copy_nonoverlapping(b, row.as_mut_ptr(), cols);
                }
                for (m, sums) in sums.iter_mut().enumerate().take(rows) {
                    let x = *a.add(m * t.a_row);
                    for (sum, &y) in sums.iter_mut().zip(&row) {
                        *sum = multiply_add(x, y, *sum);
                    }
                }
                a = a.wrapping_add(t.a_step);
                b = b.wrapping_add(t.b_step);
            }
        }
        for (m, sums) in sums.iter().enumerate().take(rows) {
            for (n, &sum) in sums.iter().enumerate().take(cols) {
                *t.c.add(m * t.c_row + n) = sum;
            }
        }
    }
}
