//! Tiles with 256-bit vectors: up to 2 vectors of 8 columns, sums in named registers.

use std::arch::x86_64::{
    __m256, __m256i, _CMP_GT_OQ, _CMP_UNORD_Q, _mm256_blendv_ps, _mm256_castps_si256, _mm256_castsi256_ps,
    _mm256_cmp_ps, _mm256_fmadd_ps, _mm256_loadu_ps, _mm256_loadu_si256, _mm256_maskload_ps, _mm256_maskstore_epi32,
    _mm256_maskstore_ps, _mm256_or_ps, _mm256_permute2f128_ps, _mm256_set1_epi32, _mm256_set1_ps, _mm256_setzero_ps,
    _mm256_shuffle_ps, _mm256_storeu_ps, _mm256_unpackhi_ps, _mm256_unpacklo_ps,
};

use crate::arch::{PoolWindow, Start, Tile};

type Kernel = unsafe fn(&Tile);

const LANES: usize = 8;

/// `V` vectors, of which the last is masked if `TAIL`.
///
/// # Safety
/// The unmasked places may be read; AVX2 is available.
#[inline]
#[target_feature(enable = "avx2,fma")]
unsafe fn load<const V: usize, const TAIL: bool>(from: *const f32, mask: __m256i) -> [__m256; V] {
    let mut row = [_mm256_setzero_ps(); V];
    for (v, vector) in row.iter_mut().enumerate() {
        let from = from.wrapping_add(v * LANES);
        // SAFETY: passed on; masked places are not touched.
        *vector = unsafe { if TAIL && v + 1 == V { _mm256_maskload_ps(from, mask) } else { _mm256_loadu_ps(from) } };
    }
    row
}

/// # Safety
/// The unmasked places may be written; AVX2 is available.
#[inline]
#[target_feature(enable = "avx2,fma")]
unsafe fn store<const V: usize, const TAIL: bool>(row: [__m256; V], to: *mut f32, mask: __m256i) {
    for (v, vector) in row.into_iter().enumerate() {
        let to = to.wrapping_add(v * LANES);
        // SAFETY: passed on.
        unsafe { if TAIL && v + 1 == V { _mm256_maskstore_ps(to, mask, vector) } else { _mm256_storeu_ps(to, vector) } }
    }
}

/// The first value of the sums of row `m`.
///
/// # Safety
/// As [`Tile::run`], for this row.
#[inline]
#[target_feature(enable = "avx2,fma")]
unsafe fn start<const V: usize, const TAIL: bool>(t: &Tile, m: usize, mask: __m256i) -> [__m256; V] {
    // SAFETY: bias and `c` have `cols` readable values.
    unsafe {
        match t.start {
            Start::Zero => [_mm256_setzero_ps(); V],
            Start::Bias(bias) => load::<V, TAIL>(bias, mask),
            Start::Accumulate => load::<V, TAIL>(t.c.add(m * t.c_row), mask),
        }
    }
}

/// `sums + x * row`.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn multiply_add<const V: usize>(mut sums: [__m256; V], x: f32, row: &[__m256; V]) -> [__m256; V] {
    let x = _mm256_set1_ps(x);
    for (sum, &y) in sums.iter_mut().zip(row) {
        *sum = _mm256_fmadd_ps(x, y, *sum);
    }
    sums
}

/// A mask whose first `columns` lanes are on.
#[inline]
#[target_feature(enable = "avx2")]
fn tail_mask(columns: usize) -> __m256i {
    static ON_THEN_OFF: [i32; 16] = [-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0];
    let window = &ON_THEN_OFF[LANES - columns..][..LANES];
    // SAFETY: the window has 8 values of 32 bits.
    unsafe { _mm256_loadu_si256(window.as_ptr().cast()) }
}

/// A kernel of as many rows as names are given. `ADJACENT` fixes `a_row` to 1, `TAIL` masks the last vector.
macro_rules! kernel {
    ($name:ident: $($row:ident = $m:literal),+) => {
        #[target_feature(enable = "avx2,fma")]
        unsafe fn $name<const V: usize, const ADJACENT: bool, const TAIL: bool>(t: &Tile) {
            let mask = tail_mask(t.cols - (V - 1) * LANES);
            let a_row = if ADJACENT { 1 } else { t.a_row };
            // SAFETY: `Tile::run` promises that the places of the formula may be used, and the table picks a kernel
            // with the right number of rows and vectors.
            unsafe {
                $(let mut $row = start::<V, TAIL>(t, $m, mask);)+
                for s in 0..t.segments {
                    let mut a = t.a.wrapping_add(s * t.a_segment);
                    let mut b = t.b.wrapping_add(s * t.b_segment);
                    for _ in 0..t.depth {
                        let row = load::<V, TAIL>(b, mask);
                        $($row = multiply_add($row, *a.add($m * a_row), &row);)+
                        a = a.wrapping_add(t.a_step);
                        b = b.wrapping_add(t.b_step);
                    }
                }
                $(store::<V, TAIL>($row, t.c.add($m * t.c_row), mask);)+
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

/// The kernels of `V` vectors by rows - 1: `[any a_row, a_row == 1]`, each `[whole, masked]`.
macro_rules! table {
    ($vectors:literal, $($name:ident),+) => {
        [$([
            [$name::<$vectors, false, false> as Kernel, $name::<$vectors, false, true> as Kernel],
            [$name::<$vectors, true, false> as Kernel, $name::<$vectors, true, true> as Kernel],
        ]),+]
    };
}

static ONE: [[[Kernel; 2]; 2]; 12] =
    table!(1, rows1, rows2, rows3, rows4, rows5, rows6, rows7, rows8, rows9, rows10, rows11, rows12);
static TWO: [[[Kernel; 2]; 2]; 6] = table!(2, rows1, rows2, rows3, rows4, rows5, rows6);

/// # Safety
/// As [`Tile::run`] with this instruction set.
#[inline]
pub(in crate::arch) unsafe fn tile(t: &Tile, rows: usize) {
    let kernels = if t.cols <= LANES { &ONE[rows - 1] } else { &TWO[rows - 1] };
    let kernel = kernels[usize::from(t.a_row == 1)][usize::from(!t.cols.is_multiple_of(LANES))];
    // SAFETY: passed on.
    unsafe { kernel(t) };
}

/// Runs `body`, inlined and so compiled for this instruction set.
#[inline(never)]
#[target_feature(enable = "avx2,fma")]
pub(in crate::arch) fn vectorized<R>(body: impl FnOnce() -> R) -> R {
    body()
}

/// [`PoolWindow::max`] for 8 channels at a time.
#[inline]
#[target_feature(enable = "avx2,fma")]
pub(in crate::arch) fn max_of_window(w: &PoolWindow, image: &[f32], values: &mut [f32], places: &mut [u32]) {
    let channels = values.len();
    for channel in (0..channels).step_by(LANES) {
        let mask = tail_mask(LANES.min(channels - channel));
        let mut best = _mm256_set1_ps(f32::NEG_INFINITY);
        let mut at = _mm256_castsi256_ps(_mm256_set1_epi32(w.first as i32));
        for i in 0..w.rows {
            for j in 0..w.columns {
                let place = w.first + i * w.row_step + j * w.column_step;
                let pixel = &image[place * channels..][..channels];
                // SAFETY: the mask keeps to the channels from `channel` on.
                let x = unsafe { _mm256_maskload_ps(pixel.as_ptr().add(channel), mask) };
                let greater = _mm256_cmp_ps::<_CMP_GT_OQ>(x, best);
                let wins = _mm256_or_ps(greater, _mm256_cmp_ps::<_CMP_UNORD_Q>(x, x));
                best = _mm256_blendv_ps(best, x, wins);
                at = _mm256_blendv_ps(at, _mm256_castsi256_ps(_mm256_set1_epi32(place as i32)), wins);
            }
        }
        // SAFETY: as above; `values` and `places` have one value per channel.
        unsafe {
            _mm256_maskstore_ps(values.as_mut_ptr().add(channel), mask, best);
            _mm256_maskstore_epi32(places.as_mut_ptr().add(channel).cast(), mask, _mm256_castps_si256(at));
        }
    }
}

/// Transposes a tile of 8 by 8.
///
/// # Safety
/// AVX2 is available; eight rows of eight values may be read from `from` and written to `to`.
#[inline]
#[target_feature(enable = "avx2")]
pub(in crate::arch) unsafe fn transpose(from: *const f32, from_row: usize, to: *mut f32, to_row: usize) {
    let mut rows = [_mm256_setzero_ps(); 8];
    for (j, row) in rows.iter_mut().enumerate() {
        // SAFETY: passed on.
        *row = unsafe { _mm256_loadu_ps(from.add(j * from_row)) };
    }
    let [a, b, c, d, e, f, g, h] = rows;
    // Pairs, then quads of neighbours within each 128-bit half, then the halves.
    let pairs = [
        [_mm256_unpacklo_ps(a, b), _mm256_unpacklo_ps(c, d), _mm256_unpacklo_ps(e, f), _mm256_unpacklo_ps(g, h)],
        [_mm256_unpackhi_ps(a, b), _mm256_unpackhi_ps(c, d), _mm256_unpackhi_ps(e, f), _mm256_unpackhi_ps(g, h)],
    ];
    for (i, [ab, cd, ef, gh]) in pairs.into_iter().enumerate() {
        let quads = [
            [_mm256_shuffle_ps::<0x44>(ab, cd), _mm256_shuffle_ps::<0x44>(ef, gh)],
            [_mm256_shuffle_ps::<0xEE>(ab, cd), _mm256_shuffle_ps::<0xEE>(ef, gh)],
        ];
        for (j, [upper, lower]) in quads.into_iter().enumerate() {
            let row = 2 * i + j;
            // SAFETY: passed on.
            unsafe {
                _mm256_storeu_ps(to.add(row * to_row), _mm256_permute2f128_ps::<0x20>(upper, lower));
                _mm256_storeu_ps(to.add((row + 4) * to_row), _mm256_permute2f128_ps::<0x31>(upper, lower));
            }
        }
    }
}

/// # Safety
/// As [`super::super::stream_lines`].
#[target_feature(enable = "avx2")]
pub(in crate::arch) unsafe fn stream_lines(from: &[u8], to: &mut [u8]) {
    use std::arch::x86_64::{__m256i, _mm256_loadu_si256, _mm256_stream_si256};
    debug_assert!(from.len() == to.len() && to.len().is_multiple_of(64) && to.as_ptr().addr().is_multiple_of(64));
    for (from, to) in from.chunks_exact(32).zip(to.chunks_exact_mut(32)) {
        // SAFETY: both pieces have 32 bytes, and that of the target is aligned.
        unsafe {
            let line = _mm256_loadu_si256(from.as_ptr().cast::<__m256i>());
            _mm256_stream_si256(to.as_mut_ptr().cast::<__m256i>(), line);
        }
    }
}

pub(in crate::arch) fn stream_fence() {
    // SAFETY: every x86-64 has it.
    unsafe { std::arch::x86_64::_mm_sfence() };
}
