//! Tiles with 512-bit vectors: up to 4 vectors of 16 columns, sums in named registers.
//!
//! The last vector is always masked: on this hardware a masked load or store costs no more than a plain one.

use std::arch::x86_64::{
    __m512, __mmask16, _CMP_GT_OQ, _CMP_UNORD_Q, _mm512_cmp_ps_mask, _mm512_fmadd_ps, _mm512_mask_mov_epi32,
    _mm512_mask_mov_ps, _mm512_mask_storeu_epi32, _mm512_mask_storeu_ps, _mm512_maskz_loadu_ps, _mm512_set1_epi32,
    _mm512_set1_ps, _mm512_setzero_ps,
};

use crate::arch::{PoolWindow, Start, Tile};

type Kernel = unsafe fn(&Tile);

const LANES: usize = 16;
/// Rows of the tallest tile.
const MAX_ROWS: usize = 14;

/// `V` vectors, of which the last is masked.
///
/// # Safety
/// The unmasked places may be read; AVX-512F is available.
#[inline]
#[target_feature(enable = "avx512f")]
unsafe fn load<const V: usize>(from: *const f32, mask: __mmask16) -> [__m512; V] {
    let mut row = [_mm512_setzero_ps(); V];
    for (v, vector) in row.iter_mut().enumerate() {
        let mask = if v + 1 == V { mask } else { !0 };
        // SAFETY: passed on; `wrapping_add` because a masked part may lie outside the allocation.
        *vector = unsafe { _mm512_maskz_loadu_ps(mask, from.wrapping_add(v * LANES)) };
    }
    row
}

/// # Safety
/// The unmasked places may be written; AVX-512F is available.
#[inline]
#[target_feature(enable = "avx512f")]
unsafe fn store<const V: usize>(row: [__m512; V], to: *mut f32, mask: __mmask16) {
    for (v, vector) in row.into_iter().enumerate() {
        let mask = if v + 1 == V { mask } else { !0 };
        // SAFETY: passed on.
        unsafe { _mm512_mask_storeu_ps(to.wrapping_add(v * LANES), mask, vector) };
    }
}

/// The first value of the sums of row `m`.
///
/// # Safety
/// As [`Tile::run`], for this row.
#[inline]
#[target_feature(enable = "avx512f")]
unsafe fn start<const V: usize>(t: &Tile, m: usize, mask: __mmask16) -> [__m512; V] {
    // SAFETY: bias and `c` have `cols` readable values.
    unsafe {
        match t.start {
            Start::Zero => [_mm512_setzero_ps(); V],
            Start::Bias(bias) => load::<V>(bias, mask),
            Start::Accumulate => load::<V>(t.c.add(m * t.c_row), mask),
        }
    }
}

/// `sums + x * row`.
#[inline]
#[target_feature(enable = "avx512f")]
fn multiply_add<const V: usize>(mut sums: [__m512; V], x: f32, row: &[__m512; V]) -> [__m512; V] {
    let x = _mm512_set1_ps(x);
    for (sum, &y) in sums.iter_mut().zip(row) {
        *sum = _mm512_fmadd_ps(x, y, *sum);
    }
    sums
}

/// A kernel of as many rows as names are given. `ADJACENT` fixes `a_row` to 1.
macro_rules! kernel {
    ($name:ident: $($row:ident = $m:literal),+) => {
        #[target_feature(enable = "avx512f")]
        unsafe fn $name<const V: usize, const ADJACENT: bool>(t: &Tile) {
            let mask = tail_mask(t.cols - (V - 1) * LANES);
            let a_row = if ADJACENT { 1 } else { t.a_row };
            // SAFETY: `Tile::run` promises that the places of the formula may be used, and the table picks a kernel
            // with the right number of rows and vectors.
            unsafe {
                $(let mut $row = start::<V>(t, $m, mask);)+
                for s in 0..t.segments {
                    let mut a = t.a.wrapping_add(s * t.a_segment);
                    let mut b = t.b.wrapping_add(s * t.b_segment);
                    for _ in 0..t.depth {
                        let row = load::<V>(b, mask);
                        $($row = multiply_add($row, *a.add($m * a_row), &row);)+
                        a = a.wrapping_add(t.a_step);
                        b = b.wrapping_add(t.b_step);
                    }
                }
                $(store($row, t.c.add($m * t.c_row), mask);)+
            }
        }
    };
}

fn tail_mask(columns: usize) -> __mmask16 {
    !0 >> (LANES - columns)
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
kernel!(rows13: c0 = 0, c1 = 1, c2 = 2, c3 = 3, c4 = 4, c5 = 5, c6 = 6, c7 = 7, c8 = 8, c9 = 9, c10 = 10, c11 = 11,
    c12 = 12);
kernel!(rows14: c0 = 0, c1 = 1, c2 = 2, c3 = 3, c4 = 4, c5 = 5, c6 = 6, c7 = 7, c8 = 8, c9 = 9, c10 = 10, c11 = 11,
    c12 = 12, c13 = 13);

/// The kernels of `V` vectors by rows - 1, each for any `a_row` and for `a_row == 1`; `$last` fills the places above the
/// limit of the register file.
macro_rules! table {
    ($vectors:literal, $($name:ident),+) => {
        [$([$name::<$vectors, false> as Kernel, $name::<$vectors, true> as Kernel]),+]
    };
}

static ONE: [[Kernel; 2]; MAX_ROWS] =
    table!(1, rows1, rows2, rows3, rows4, rows5, rows6, rows7, rows8, rows9, rows10, rows11, rows12, rows13, rows14);
static TWO: [[Kernel; 2]; 12] =
    table!(2, rows1, rows2, rows3, rows4, rows5, rows6, rows7, rows8, rows9, rows10, rows11, rows12);
static THREE: [[Kernel; 2]; 8] = table!(3, rows1, rows2, rows3, rows4, rows5, rows6, rows7, rows8);
static FOUR: [[Kernel; 2]; 6] = table!(4, rows1, rows2, rows3, rows4, rows5, rows6);

/// # Safety
/// As [`Tile::run`] with this instruction set.
#[inline]
pub(in crate::arch) unsafe fn tile(t: &Tile, rows: usize) {
    let adjacent = usize::from(t.a_row == 1);
    let kernel = match t.cols.div_ceil(LANES) {
        1 => ONE[rows - 1],
        2 => TWO[rows - 1],
        3 => THREE[rows - 1],
        _ => FOUR[rows - 1],
    };
    // SAFETY: passed on.
    unsafe { kernel[adjacent](t) };
}

/// Runs `body`, inlined and so compiled for this instruction set.
#[inline(never)]
#[target_feature(enable = "avx2,fma,avx512f,avx512vl,avx512bw,avx512dq")]
pub(in crate::arch) fn vectorized<R>(body: impl FnOnce() -> R) -> R {
    body()
}

/// [`PoolWindow::max`] for 16 channels at a time.
#[inline]
#[target_feature(enable = "avx512f")]
pub(in crate::arch) fn max_of_window(w: &PoolWindow, image: &[f32], values: &mut [f32], places: &mut [u32]) {
    let channels = values.len();
    for channel in (0..channels).step_by(LANES) {
        let mask = tail_mask(LANES.min(channels - channel));
        let mut best = _mm512_set1_ps(f32::NEG_INFINITY);
        let mut at = _mm512_set1_epi32(w.first as i32);
        for i in 0..w.rows {
            for j in 0..w.columns {
                let place = w.first + i * w.row_step + j * w.column_step;
                let pixel = &image[place * channels..][..channels];
                // SAFETY: the mask keeps to the channels from `channel` on.
                let x = unsafe { _mm512_maskz_loadu_ps(mask, pixel.as_ptr().add(channel)) };
                let wins = _mm512_cmp_ps_mask::<_CMP_GT_OQ>(x, best) | _mm512_cmp_ps_mask::<_CMP_UNORD_Q>(x, x);
                best = _mm512_mask_mov_ps(best, wins, x);
                at = _mm512_mask_mov_epi32(at, wins, _mm512_set1_epi32(place as i32));
            }
        }
        // SAFETY: as above; `values` and `places` have one value per channel.
        unsafe {
            _mm512_mask_storeu_ps(values.as_mut_ptr().add(channel), mask, best);
            _mm512_mask_storeu_epi32(places.as_mut_ptr().add(channel).cast(), mask, at);
        }
    }
}
