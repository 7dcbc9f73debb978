//! Tiles with 128-bit vectors: up to 4 vectors of 4 columns, sums in named registers.
//!
//! There are no masked loads: the last 1 to 3 columns are read and written one part at a time.

use std::arch::aarch64::{
    float32x4_t, uint32x4_t, vbslq_f32, vbslq_u32, vceqq_f32, vcgtq_f32, vcombine_f32, vdup_n_f32, vdupq_n_f32,
    vdupq_n_u32, vfmaq_n_f32, vget_low_f32, vld1_f32, vld1q_f32, vld1q_lane_f32, vmvnq_u32, vorrq_u32,
    vreinterpretq_f32_f64, vreinterpretq_f64_f32, vst1_f32, vst1q_f32, vst1q_lane_f32, vst1q_u32, vtrn1q_f32,
    vtrn1q_f64, vtrn2q_f32, vtrn2q_f64,
};

use crate::arch::{PoolWindow, Start, Tile};

type Kernel = unsafe fn(&Tile);

const LANES: usize = 4;

/// The first `columns` (1 to 3) values, then zeros.
///
/// # Safety
/// So many values may be read.
#[inline]
#[target_feature(enable = "neon")]
unsafe fn load_part(from: *const f32, columns: usize) -> float32x4_t {
    // SAFETY: no more than `columns` values are read.
    unsafe {
        match columns {
            1 => vld1q_lane_f32::<0>(from, vdupq_n_f32(0.0)),
            2 => vcombine_f32(vld1_f32(from), vdup_n_f32(0.0)),
            _ => vld1q_lane_f32::<2>(from.add(2), vcombine_f32(vld1_f32(from), vdup_n_f32(0.0))),
        }
    }
}

/// Writes the first `columns` (1 to 3) values.
///
/// # Safety
/// So many places may be written.
#[inline]
#[target_feature(enable = "neon")]
unsafe fn store_part(vector: float32x4_t, to: *mut f32, columns: usize) {
    // SAFETY: no more than `columns` values are written.
    unsafe {
        match columns {
            1 => vst1q_lane_f32::<0>(to, vector),
            2 => vst1_f32(to, vget_low_f32(vector)),
            _ => {
                vst1_f32(to, vget_low_f32(vector));
                vst1q_lane_f32::<2>(to.add(2), vector);
            }
        }
    }
}

/// `V` vectors, the last of which has only `rest` columns if `TAIL`.
///
/// # Safety
/// The columns may be read.
#[inline]
#[target_feature(enable = "neon")]
unsafe fn load<const V: usize, const TAIL: bool>(from: *const f32, rest: usize) -> [float32x4_t; V] {
    let mut row = [vdupq_n_f32(0.0); V];
    for (v, vector) in row.iter_mut().enumerate() {
        // SAFETY: passed on; vector `v` starts inside.
        *vector = unsafe {
            let from = from.add(v * LANES);
            if TAIL && v + 1 == V { load_part(from, rest) } else { vld1q_f32(from) }
        };
    }
    row
}

/// # Safety
/// The columns may be written.
#[inline]
#[target_feature(enable = "neon")]
unsafe fn store<const V: usize, const TAIL: bool>(row: [float32x4_t; V], to: *mut f32, rest: usize) {
    for (v, vector) in row.into_iter().enumerate() {
        // SAFETY: passed on; vector `v` starts inside.
        unsafe {
            let to = to.add(v * LANES);
            if TAIL && v + 1 == V { store_part(vector, to, rest) } else { vst1q_f32(to, vector) }
        }
    }
}

/// The first value of the sums of row `m`.
///
/// # Safety
/// As [`Tile::run`], for this row.
#[inline]
#[target_feature(enable = "neon")]
unsafe fn start<const V: usize, const TAIL: bool>(t: &Tile, m: usize, rest: usize) -> [float32x4_t; V] {
    // SAFETY: bias and `c` have `cols` readable values.
    unsafe {
        match t.start {
            Start::Zero => [vdupq_n_f32(0.0); V],
            Start::Bias(bias) => load::<V, TAIL>(bias, rest),
            Start::Accumulate => load::<V, TAIL>(t.c.add(m * t.c_row), rest),
        }
    }
}

/// `sums + x * row`.
#[inline]
#[target_feature(enable = "neon")]
fn multiply_add<const V: usize>(mut sums: [float32x4_t; V], x: f32, row: &[float32x4_t; V]) -> [float32x4_t; V] {
    for (sum, &y) in sums.iter_mut().zip(row) {
        *sum = vfmaq_n_f32(*sum, y, x);
    }
    sums
}

/// A kernel of as many rows as names are given. `ADJACENT` fixes `a_row` to 1, `TAIL` cuts the last vector short.
macro_rules! kernel {
    ($name:ident: $($row:ident = $m:literal),+) => {
        #[target_feature(enable = "neon")]
        unsafe fn $name<const V: usize, const ADJACENT: bool, const TAIL: bool>(t: &Tile) {
            let rest = t.cols - (V - 1) * LANES;
            let a_row = if ADJACENT { 1 } else { t.a_row };
            // SAFETY: `Tile::run` promises that the places of the formula may be used, and the table picks a kernel
            // with the right number of rows and vectors.
            unsafe {
                $(let mut $row = start::<V, TAIL>(t, $m, rest);)+
                for s in 0..t.segments {
                    let mut a = t.a.wrapping_add(s * t.a_segment);
                    let mut b = t.b.wrapping_add(s * t.b_segment);
                    for _ in 0..t.depth {
                        let row = load::<V, TAIL>(b, rest);
                        $($row = multiply_add($row, *a.add($m * a_row), &row);)+
                        a = a.wrapping_add(t.a_step);
                        b = b.wrapping_add(t.b_step);
                    }
                }
                $(store::<V, TAIL>($row, t.c.add($m * t.c_row), rest);)+
            }
        }
    };
}

kernel!(rows1: c0 = 0);
kernel!(rows2: c0 = 0, c1 = 1);
kernel!(rows3: c0 = 0, c1 = 1, c2 = 2);
kernel!(rows4: c0 = 0, c1 = 1, c2 = 2, c3 = 3);
kernel!(rows5: c0 = 0, c1 = 1, c2 = 2, c3 = 3, c4 = 4);
kernel!(rows6: c0 = 0, c1 = 1, c2 = 2, c3 = 3, c4 = 4, c5 = 5);
kernel!(rows7: c0 = 0, c1 = 1, c2 = 2, c3 = 3, c4 = 4, c5 = 5, c6 = 6);
kernel!(rows8: c0 = 0, c1 = 1, c2 = 2, c3 = 3, c4 = 4, c5 = 5, c6 = 6, c7 = 7);
kernel!(rows9: c0 = 0, c1 = 1, c2 = 2, c3 = 3, c4 = 4, c5 = 5, c6 = 6, c7 = 7, c8 = 8);
kernel!(rows10: c0 = 0, c1 = 1, c2 = 2, c3 = 3, c4 = 4, c5 = 5, c6 = 6, c7 = 7, c8 = 8, c9 = 9);
kernel!(rows11: c0 = 0, c1 = 1, c2 = 2, c3 = 3, c4 = 4, c5 = 5, c6 = 6, c7 = 7, c8 = 8, c9 = 9, c10 = 10);
kernel!(rows12: c0 = 0, c1 = 1, c2 = 2, c3 = 3, c4 = 4, c5 = 5, c6 = 6, c7 = 7, c8 = 8, c9 = 9, c10 = 10, c11 = 11);

/// The kernels of `V` vectors by rows - 1: `[any a_row, a_row == 1]`, each `[whole, cut short]`.
macro_rules! table {
    ($vectors:literal, $($name:ident),+) => {
        [$([
            [$name::<$vectors, false, false> as Kernel, $name::<$vectors, false, true> as Kernel],
            [$name::<$vectors, true, false> as Kernel, $name::<$vectors, true, true> as Kernel],
        ]),+]
    };
}

/// Rows of the tallest tile by vectors - 1: with those of `b` and one of `a` they fit in 32 registers.
pub(in crate::arch) const MAX_ROWS: [usize; 4] = [12, 12, 8, 6];

static ONE: [[[Kernel; 2]; 2]; MAX_ROWS[0]] =
    table!(1, rows1, rows2, rows3, rows4, rows5, rows6, rows7, rows8, rows9, rows10, rows11, rows12);
static TWO: [[[Kernel; 2]; 2]; MAX_ROWS[1]] =
    table!(2, rows1, rows2, rows3, rows4, rows5, rows6, rows7, rows8, rows9, rows10, rows11, rows12);
static THREE: [[[Kernel; 2]; 2]; MAX_ROWS[2]] = table!(3, rows1, rows2, rows3, rows4, rows5, rows6, rows7, rows8);
static FOUR: [[[Kernel; 2]; 2]; MAX_ROWS[3]] = table!(4, rows1, rows2, rows3, rows4, rows5, rows6);

/// # Safety
/// As [`Tile::run`] with this instruction set.
#[inline]
pub(in crate::arch) unsafe fn tile(t: &Tile, rows: usize) {
    let kernels = match t.cols.div_ceil(LANES) {
        1 => &ONE[rows - 1],
        2 => &TWO[rows - 1],
        3 => &THREE[rows - 1],
        _ => &FOUR[rows - 1],
    };
    let kernel = kernels[usize::from(t.a_row == 1)][usize::from(!t.cols.is_multiple_of(LANES))];
    // SAFETY: passed on.
    unsafe { kernel(t) };
}

/// [`PoolWindow::max`] for 4 channels at a time.
#[inline]
#[target_feature(enable = "neon")]
pub(in crate::arch) fn max_of_window(w: &PoolWindow, image: &[f32], values: &mut [f32], places: &mut [u32]) {
    let channels = values.len();
    for (c, (values, places)) in values.chunks_mut(LANES).zip(places.chunks_mut(LANES)).enumerate() {
        let mut best = vdupq_n_f32(f32::NEG_INFINITY);
        let mut at = vdupq_n_u32(w.first as u32);
        for i in 0..w.rows {
            for j in 0..w.columns {
                let place = w.first + i * w.row_step + j * w.column_step;
                let pixel = &image[place * channels..][..channels][c * LANES..][..values.len()];
                // SAFETY: the slice has 4 values, or as many as are asked for.
                let x = unsafe {
                    match pixel.len() {
                        LANES => vld1q_f32(pixel.as_ptr()),
                        rest => load_part(pixel.as_ptr(), rest),
                    }
                };
                let wins: uint32x4_t = vorrq_u32(vcgtq_f32(x, best), vmvnq_u32(vceqq_f32(x, x)));
                best = vbslq_f32(wins, x, best);
                at = vbslq_u32(wins, vdupq_n_u32(place as u32), at);
            }
        }
        let (mut all_best, mut all_at) = ([0.0_f32; LANES], [0_u32; LANES]);
        // SAFETY: the arrays have 4 places.
        unsafe {
            vst1q_f32(all_best.as_mut_ptr(), best);
            vst1q_u32(all_at.as_mut_ptr(), at);
        }
        values.copy_from_slice(&all_best[..values.len()]);
        places.copy_from_slice(&all_at[..places.len()]);
    }
}

/// Transposes a tile of 4 by 4.
///
/// # Safety
/// Four rows of four values may be read from `from` and written to `to`.
#[inline]
#[target_feature(enable = "neon")]
pub(in crate::arch) unsafe fn transpose(from: *const f32, from_row: usize, to: *mut f32, to_row: usize) {
    // SAFETY: passed on.
    let [a, b, c, d] = unsafe { [0, 1, 2, 3].map(|j| vld1q_f32(from.add(j * from_row))) };
    // Pairs of neighbours, then the pairs as one value each.
    let pairs = |x, y| [vtrn1q_f32(x, y), vtrn2q_f32(x, y)].map(|pairs| vreinterpretq_f64_f32(pairs));
    let ([ab0, ab1], [cd0, cd1]) = (pairs(a, b), pairs(c, d));
    let rows = [vtrn1q_f64(ab0, cd0), vtrn1q_f64(ab1, cd1), vtrn2q_f64(ab0, cd0), vtrn2q_f64(ab1, cd1)];
    for (i, row) in rows.into_iter().enumerate() {
        // SAFETY: passed on.
        unsafe { vst1q_f32(to.add(i * to_row), vreinterpretq_f32_f64(row)) };
    }
}
