//! Tiles of bf16 pairs on AMX: a product of 16 by 16 results and 16 pairs in one instruction.
//!
//! Written against [`TileRegisters`], what the hardware offers. It has two implementations: [`Model`], in plain Rust, which
//! says what the instructions do and is tested everywhere, and the hardware in `x86_64/amx.rs`. On a machine that has
//! AMX, the first use compares the two on the shapes that occur ([`self_test`]); if anything differs, or the system refuses
//! the registers, the vector kernels run instead and [`Availability`] says why.
//!
//! A tile of up to 32 by 32 results has four registers of sums, `[upper, lower] x [left, right]`; two hold rows of `a`,
//! two columns of `b`. Registers are given the sizes of the problem, so nothing outside of it is touched: the rest of a
//! depth that is no multiple of 16 pairs is a second pass with smaller registers, between which the sums wait in `c`.

use super::{Start, Tile};

/// Rows of a register, and 32-bit words in each.
pub(super) const SIZE: usize = 16;
/// Results of the widest and tallest tile.
pub(super) const MAX_ROWS: usize = 2 * SIZE;
pub(super) const MAX_COLUMNS: usize = 2 * SIZE;
/// Fewer pairs than this in one go are left to the vector kernels: registers would be mostly empty.
pub(super) const LEAST_DEPTH: usize = 8;

/// Rows and words per row of the eight registers. A size of 0 means that the register is not used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Shapes(pub [(usize, usize); 8]);

/// Registers: sums upper left, upper right, lower left, lower right; rows of `a` upper, lower; columns of `b` left, right.
const SUMS: [[usize; 2]; 2] = [[0, 1], [2, 3]];
const A: [usize; 2] = [4, 5];
const B: [usize; 2] = [6, 7];

/// The instructions on the tile registers of a thread. Strides are in words.
pub(super) trait TileRegisters {
    /// Gives the registers their sizes, and zeros; nothing if they have these sizes.
    fn configure(&mut self, shapes: &Shapes);
    /// Fills a register with zeros.
    fn zero(&mut self, register: usize);
    /// Reads a register from memory.
    ///
    /// # Safety
    /// The rows of the register's size may be read.
    unsafe fn load(&mut self, register: usize, from: *const f32, stride: usize);
    /// Writes a register to memory.
    ///
    /// # Safety
    /// The rows of the register's size may be written.
    unsafe fn store(&mut self, register: usize, to: *mut f32, stride: usize);
    /// `sums[m, n] += sum over pairs p of a[m, p] . b[p, n]`.
    fn multiply(&mut self, sums: usize, a: usize, b: usize);
}

/// Computes a tile of pairs.
///
/// # Safety
/// As [`Tile::run`], with at most [`MAX_ROWS`] rows and [`MAX_COLUMNS`] columns.
pub(super) unsafe fn tile<R: TileRegisters>(registers: &mut R, t: &Tile, rows: usize) {
    let heights = [rows.min(SIZE), rows.saturating_sub(SIZE)];
    let widths = [t.cols.min(SIZE), t.cols.saturating_sub(SIZE)];
    let (whole, rest) = (t.depth / SIZE * SIZE, t.depth % SIZE);
    if let Start::Bias(bias) = t.start {
        // The sums begin in `c`.
        for m in 0..rows {
            // SAFETY: the bias has a value per column, and `c` a place for each result.
            unsafe { std::ptr::copy_nonoverlapping(bias, t.c.add(m * t.c_row), t.cols) };
        }
    }
    let mut from_c = !matches!(t.start, Start::Zero);
    for (first, depth, step) in [(0, whole, SIZE), (whole, rest, rest)] {
        let nothing = depth == 0 || t.segments == 0;
        // The first pass writes `c` even when there is nothing to add.
        if nothing && (from_c || first > 0 || rest > 0 && t.segments > 0) {
            continue;
        }
        let pass = Pass { t, heights, widths, step: step.max(1), from_c };
        // SAFETY: passed on.
        unsafe { pass.run(registers, first..first + depth) };
        from_c = true;
    }
}

/// A part of the depth in steps of one size.
struct Pass<'a> {
    t: &'a Tile,
    heights: [usize; 2],
    widths: [usize; 2],
    step: usize,
    from_c: bool,
}

impl Pass<'_> {
    /// # Safety
    /// As [`tile`].
    unsafe fn run<R: TileRegisters>(&self, registers: &mut R, depth: std::ops::Range<usize>) {
        let (t, heights, widths, step) = (self.t, self.heights, self.widths, self.step);
        let mut shapes = Shapes::default();
        let used = |sizes: [usize; 2]| (0..2).filter(move |&i| sizes[i] > 0);
        for (i, j) in used(heights).flat_map(|i| used(widths).map(move |j| (i, j))) {
            shapes.0[SUMS[i][j]] = (heights[i], widths[j]);
            shapes.0[A[i]] = (heights[i], step);
            shapes.0[B[j]] = (step, widths[j]);
        }
        registers.configure(&shapes);
        // SAFETY: the places of the formula of `Tile` may be used, of which these are the parts; the copy has room for a
        // register.
        unsafe {
            for (i, j) in used(heights).flat_map(|i| used(widths).map(move |j| (i, j))) {
                let c = t.c.add(i * SIZE * t.c_row + j * SIZE);
                if self.from_c { registers.load(SUMS[i][j], c, t.c_row) } else { registers.zero(SUMS[i][j]) }
            }
            let mut copy = [0.0_f32; SIZE * SIZE];
            for s in 0..t.segments {
                for k in depth.clone().step_by(step) {
                    for j in used(widths) {
                        let b = t.b.wrapping_add(s * t.b_segment + k * t.b_step + j * SIZE);
                        registers.load(B[j], b, t.b_step);
                    }
                    for i in used(heights) {
                        let a = t.a.wrapping_add(s * t.a_segment + k * t.a_step + i * SIZE * t.a_row);
                        if t.a_step == 1 {
                            registers.load(A[i], a, t.a_row);
                        } else {
                            gather(a, [t.a_row, t.a_step], [heights[i], step], &mut copy);
                            registers.load(A[i], copy.as_ptr(), SIZE);
                        }
                        used(widths).for_each(|j| registers.multiply(SUMS[i][j], A[i], B[j]));
                    }
                }
            }
            for (i, j) in used(heights).flat_map(|i| used(widths).map(move |j| (i, j))) {
                registers.store(SUMS[i][j], t.c.add(i * SIZE * t.c_row + j * SIZE), t.c_row);
            }
        }
    }
}

/// `to[m, p] = from[m * strides[0] + p * strides[1]]`: the registers want the pairs of a row side by side.
///
/// # Safety
/// These places may be read.
unsafe fn gather(from: *const f32, strides: [usize; 2], [rows, pairs]: [usize; 2], to: &mut [f32; SIZE * SIZE]) {
    for p in 0..pairs {
        for m in 0..rows {
            // SAFETY: passed on.
            to[m * SIZE + p] = unsafe { *from.add(m * strides[0] + p * strides[1]) };
        }
    }
}

/// The registers in plain Rust.
#[derive(Debug)]
pub(super) struct Model {
    shapes: Shapes,
    registers: [[f32; SIZE * SIZE]; 8],
}

impl Model {
    pub(super) fn new() -> Self {
        Self { shapes: Shapes::default(), registers: [[0.0; SIZE * SIZE]; 8] }
    }
}

impl TileRegisters for Model {
    fn configure(&mut self, shapes: &Shapes) {
        if self.shapes != *shapes {
            assert!(shapes.0.iter().all(|&(rows, words)| rows <= SIZE && words <= SIZE), "{shapes:?}");
            *self = Self { shapes: *shapes, ..Self::new() };
        }
    }

    fn zero(&mut self, register: usize) {
        self.registers[register].fill(0.0);
    }

    unsafe fn load(&mut self, register: usize, from: *const f32, stride: usize) {
        let (rows, words) = self.shapes.0[register];
        assert!(rows > 0 && words > 0, "register {register} is not in use");
        self.registers[register].fill(0.0);
        for (m, p) in (0..rows).flat_map(|m| (0..words).map(move |p| (m, p))) {
            // SAFETY: passed on.
            self.registers[register][m * SIZE + p] = unsafe { *from.add(m * stride + p) };
        }
    }

    unsafe fn store(&mut self, register: usize, to: *mut f32, stride: usize) {
        let (rows, words) = self.shapes.0[register];
        for (m, p) in (0..rows).flat_map(|m| (0..words).map(move |p| (m, p))) {
            // SAFETY: passed on.
            unsafe { *to.add(m * stride + p) = self.registers[register][m * SIZE + p] };
        }
    }

    fn multiply(&mut self, sums: usize, a: usize, b: usize) {
        let ((rows, columns), (a_rows, pairs), (b_rows, b_columns)) =
            (self.shapes.0[sums], self.shapes.0[a], self.shapes.0[b]);
        // Anything else is an exception on the hardware.
        assert!(rows == a_rows && pairs == b_rows && columns == b_columns, "{:?}", self.shapes);
        for (m, p) in (0..rows).flat_map(|m| (0..pairs).map(move |p| (m, p))) {
            for n in 0..columns {
                let (x, y) = (self.registers[a][m * SIZE + p], self.registers[b][p * SIZE + n]);
                let sum = &mut self.registers[sums][m * SIZE + n];
                *sum = super::scalar::multiply_add_pair(x, y, *sum);
            }
        }
    }
}

/// Whether AMX is used, and why not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Availability {
    /// It gave the results of the model.
    Works,
    /// The processor does not have it.
    Absent,
    /// It is there, but something is wrong.
    Refused(String),
}

/// Compares `registers` with the [`Model`] on tiles of all sizes, strides and beginnings that occur: whole numbers, whose
/// sums are exact in any order, so every bit must agree. Returns what differed.
pub(super) fn self_test<R: TileRegisters>(registers: &mut R) -> Result<(), String> {
    let half = |i: usize| f32::to_bits(((i * 7919 + 13) % 9) as f32 - 4.0) >> 16;
    let word = |i: usize| f32::from_bits(half(2 * i) | half(2 * i + 1) << 16);
    let a: Vec<f32> = (0..6000).map(word).collect();
    let b: Vec<f32> = (0..6000).map(|i| word(i + 5)).collect();
    let bias: Vec<f32> = (0..MAX_COLUMNS).map(|i| (i % 7) as f32).collect();
    for (rows, cols) in [(1, 1), (16, 16), (32, 32), (7, 5), (17, 16), (16, 31), (29, 18), (32, 9), (3, 32)] {
        for (depth, segments) in [(16, 1), (32, 3), (9, 2), (41, 2), (16, 0), (0, 1)] {
            for (a_row, a_step, start) in [(100, 1, 0), (1, 33, 1), (100, 1, 2), (2, 64, 0), (48, 1, 1)] {
                let run = |registers: &mut dyn FnMut(&Tile)| {
                    let mut c = vec![0.5_f32; MAX_ROWS * 40];
                    registers(&Tile {
                        a: a.as_ptr(),
                        a_row,
                        a_step,
                        a_segment: 43,
                        b: b.as_ptr(),
                        b_step: cols + 2,
                        b_segment: 50,
                        segments,
                        depth,
                        c: c.as_mut_ptr(),
                        c_row: 39,
                        cols,
                        start: [Start::Zero, Start::Bias(bias.as_ptr()), Start::Accumulate][start],
                    });
                    c
                };
                // SAFETY: the largest offsets (2 * 43 + 40 * 64 + 31 * 100 in `a`, 2 * 50 + 40 * 34 + 31 in `b`,
                // 31 * 39 + 31 in `c`) are inside the vectors.
                let found = run(&mut |t| unsafe { tile(registers, t, rows) });
                // SAFETY: as above.
                let expected = run(&mut |t| unsafe { tile(&mut Model::new(), t, rows) });
                if found != expected {
                    return Err(format!("wrong sums for {rows} x {cols} results of {segments} x {depth} pairs"));
                }
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arch::scalar;

    /// The model of the registers against the definition of a tile, over all sizes.
    #[test]
    fn the_model_gives_the_scalar_tile() {
        let half = |i: usize| f32::to_bits(((i * 7919 + 13) % 9) as f32 - 4.0) >> 16;
        let word = |i: usize| f32::from_bits(half(2 * i) | half(2 * i + 1) << 16);
        let a: Vec<f32> = (0..6000).map(word).collect();
        let b: Vec<f32> = (0..6000).map(|i| word(i + 5)).collect();
        let bias: Vec<f32> = (0..MAX_COLUMNS).map(|i| (i % 7) as f32).collect();
        let mut model = Model::new();
        for (rows, cols) in (1..=MAX_ROWS).flat_map(|rows| (1..=MAX_COLUMNS).map(move |cols| (rows, cols))) {
            // One of the depths for each size, all of them over all sizes.
            let depths = [(16, 1), (33, 3), (9, 2), (31, 2), (17, 0), (0, 1), (48, 1)];
            let (depth, segments) = depths[(rows * 5 + cols) % depths.len()];
            for (a_row, a_step, start) in [(100, 1, 0), (1, 33, 1), (2, 40, 2)] {
                let (mut c, mut expected) = (vec![0.5_f32; MAX_ROWS * 40], vec![0.5_f32; MAX_ROWS * 40]);
                let make = |c: &mut Vec<f32>| Tile {
                    a: a.as_ptr(),
                    a_row,
                    a_step,
                    a_segment: 43,
                    b: b.as_ptr(),
                    b_step: cols + 2,
                    b_segment: 50,
                    segments,
                    depth,
                    c: c.as_mut_ptr(),
                    c_row: 39,
                    cols,
                    start: [Start::Zero, Start::Bias(bias.as_ptr()), Start::Accumulate][start],
                };
                // SAFETY: the largest offsets (2 * 43 + 47 * 40 + 31 * 100 in `a`, 2 * 50 + 47 * 34 + 31 in `b`,
                // 31 * 39 + 31 in `c`) are inside the vectors.
                unsafe { tile(&mut model, &make(&mut c), rows) };
                // SAFETY: as above.
                unsafe { scalar::pair_specification(&make(&mut expected), rows) };
                assert!(c == expected, "{rows}x{cols}, {segments} x {depth} pairs, {a_row} {a_step} {start}");
            }
        }
    }

    #[test]
    fn the_self_test_notices_a_wrong_bit() {
        struct Wrong(Model);
        impl TileRegisters for Wrong {
            fn configure(&mut self, shapes: &Shapes) {
                self.0.configure(shapes);
            }
            fn zero(&mut self, register: usize) {
                self.0.zero(register);
            }
            unsafe fn load(&mut self, register: usize, from: *const f32, stride: usize) {
                // SAFETY: passed on.
                unsafe { self.0.load(register, from, stride) };
            }
            unsafe fn store(&mut self, register: usize, to: *mut f32, stride: usize) {
                // SAFETY: passed on.
                unsafe { self.0.store(register, to, stride) };
            }
            fn multiply(&mut self, sums: usize, a: usize, b: usize) {
                self.0.multiply(sums, a, b);
                self.0.registers[3][17] += 1.0;
            }
        }
        assert_eq!(self_test(&mut Model::new()), Ok(()));
        assert!(self_test(&mut Wrong(Model::new())).is_err());
    }
}
