//! Tiles of bf16 pairs.
//!
//! One pair is a 32-bit word. `avx2` and `avx512` widen the two halves of each word to `f32` (a shift, a mask) and use fused
//! multiply-adds; `dot` has an instruction for a whole pair. Sums are kept in named registers, the last vector is masked.

use std::arch::x86_64::{
    __m256, __m256i, __m512, __m512bh, __mmask16, _mm256_and_ps, _mm256_castps_si256, _mm256_castsi256_ps,
    _mm256_fmadd_ps, _mm256_loadu_si256, _mm256_maskload_ps, _mm256_maskstore_ps, _mm256_set1_epi32, _mm256_set1_ps,
    _mm256_setzero_ps, _mm256_slli_epi32, _mm512_and_si512, _mm512_castps_si512, _mm512_castsi512_ps, _mm512_dpbf16_ps,
    _mm512_fmadd_ps, _mm512_mask_storeu_ps, _mm512_maskz_loadu_ps, _mm512_set1_epi32, _mm512_set1_ps,
    _mm512_setzero_ps, _mm512_slli_epi32,
};

use crate::arch::{Start, Tile};

/// Whether `vdpbf16ps` is faster than widening. On AMD it does twice the work of a fused multiply-add in the same time; on
/// Intel's servers half as much. A rule, not a measurement: a machine always computes the same bits.
pub(in crate::arch) fn dot_is_fast() -> bool {
    #[allow(unused_unsafe, reason = "safe since Rust 1.94")]
    // SAFETY: every x86-64 processor has the instruction.
    let vendor = unsafe { std::arch::x86_64::__cpuid(0) };
    [vendor.ebx, vendor.edx, vendor.ecx] == [*b"Auth", *b"enti", *b"cAMD"].map(u32::from_le_bytes)
}

/// The tiles of one instruction set, in a module of its own.
///
/// `$vector` holds `$lanes` columns. `$split` prepares a row of `b`, `$multiply` adds the products with a word of `a`.
macro_rules! tiles {
    (
        $(#[$doc:meta])*
        $module:ident, $features:literal, $vector:ty, $mask:ty, $lanes:literal,
        { zero: $zero:expr, load: $load:path, store: $store:path, tail: $tail:path },
        { halves: $halves:literal, split: $split:path, broadcast: $broadcast:path, multiply: $multiply:path },
        [$($name:ident: $($row:ident = $m:literal),+;)+],
        [$($vectors:literal: $($kernel:ident)+;)+]
    ) => {
        $(#[$doc])*
        pub(in crate::arch) mod $module {
            use super::*;

            type Kernel = unsafe fn(&Tile);
            type Vector = $vector;

            /// The first value of the sums of row `m`.
            ///
            /// # Safety
            /// As [`Tile::run`], for this row.
            #[inline]
            #[target_feature(enable = $features)]
            unsafe fn start<const V: usize>(t: &Tile, m: usize, mask: $mask) -> [Vector; V] {
                let from = match t.start {
                    Start::Zero => return [$zero; V],
                    Start::Bias(bias) => bias,
                    Start::Accumulate => t.c.wrapping_add(m * t.c_row).cast_const(),
                };
                // SAFETY: bias and `c` have `cols` readable values.
                unsafe { load::<V>(from, mask) }
            }

            /// # Safety
            /// The unmasked places may be read.
            #[inline]
            #[target_feature(enable = $features)]
            unsafe fn load<const V: usize>(from: *const f32, mask: $mask) -> [Vector; V] {
                let mut row = [$zero; V];
                for (v, vector) in row.iter_mut().enumerate() {
                    // SAFETY: passed on; `wrapping_add` because a masked part may lie outside the allocation.
                    *vector = unsafe { $load(from.wrapping_add(v * $lanes), mask, v + 1 == V) };
                }
                row
            }

            /// # Safety
            /// The unmasked places may be written.
            #[inline]
            #[target_feature(enable = $features)]
            unsafe fn store<const V: usize>(row: [Vector; V], to: *mut f32, mask: $mask) {
                for (v, vector) in row.into_iter().enumerate() {
                    // SAFETY: passed on.
                    unsafe { $store(to.wrapping_add(v * $lanes), mask, v + 1 == V, vector) };
                }
            }

            /// `sums + x * row`.
            #[inline]
            #[target_feature(enable = $features)]
            fn multiply_add<const V: usize>(
                mut sums: [Vector; V],
                x: f32,
                row: &[[Vector; $halves]; V],
            ) -> [Vector; V] {
                let x = $broadcast(x);
                for (sum, &y) in sums.iter_mut().zip(row) {
                    *sum = $multiply(*sum, x, y);
                }
                sums
            }

            $(
            #[target_feature(enable = $features)]
            unsafe fn $name<const V: usize>(t: &Tile) {
                let mask = $tail(t.cols - (V - 1) * $lanes);
                // SAFETY: `Tile::run` promises that the places of the formula may be used, and the table picks a kernel
                // with the right number of rows and vectors.
                unsafe {
                    $(let mut $row = start::<V>(t, $m, mask);)+
                    for s in 0..t.segments {
                        let mut a = t.a.wrapping_add(s * t.a_segment);
                        let mut b = t.b.wrapping_add(s * t.b_segment);
                        for _ in 0..t.depth {
                            let words = load::<V>(b, mask);
                            let mut row = [[$zero; $halves]; V];
                            for (halves, word) in row.iter_mut().zip(words) {
                                *halves = $split(word);
                            }
                            $($row = multiply_add($row, *a.add($m * t.a_row), &row);)+
                            a = a.wrapping_add(t.a_step);
                            b = b.wrapping_add(t.b_step);
                        }
                    }
                    $(store($row, t.c.add($m * t.c_row), mask);)+
                }
            }
            )+

            /// By vectors - 1, then rows - 1.
            static KERNELS: &[&[Kernel]] = &[$(&[$($kernel::<$vectors>),+]),+];

            /// # Safety
            /// As [`Tile::run`] with this instruction set.
            #[inline]
            pub(in crate::arch) unsafe fn tile(t: &Tile, rows: usize) {
                let kernel = KERNELS[(t.cols - 1) / $lanes][rows - 1];
                // SAFETY: passed on.
                unsafe { kernel(t) };
            }
        }
    };
}

/// # Safety
/// The unmasked places may be read.
#[inline]
#[target_feature(enable = "avx512f")]
unsafe fn load_512(from: *const f32, mask: __mmask16, last: bool) -> __m512 {
    // SAFETY: passed on.
    unsafe { _mm512_maskz_loadu_ps(if last { mask } else { !0 }, from) }
}

/// # Safety
/// The unmasked places may be written.
#[inline]
#[target_feature(enable = "avx512f")]
unsafe fn store_512(to: *mut f32, mask: __mmask16, last: bool, vector: __m512) {
    // SAFETY: passed on.
    unsafe { _mm512_mask_storeu_ps(to, if last { mask } else { !0 }, vector) };
}

#[inline]
fn tail_512(columns: usize) -> __mmask16 {
    !0 >> (16 - columns)
}

/// The first and the second halves of words as `f32`.
#[inline]
#[target_feature(enable = "avx512f")]
fn split_512(words: __m512) -> [__m512; 2] {
    let bits = _mm512_castps_si512(words);
    let second = _mm512_and_si512(bits, _mm512_set1_epi32(0xffff_0000_u32 as i32));
    [_mm512_castsi512_ps(_mm512_slli_epi32::<16>(bits)), _mm512_castsi512_ps(second)]
}

#[inline]
#[target_feature(enable = "avx512f")]
fn broadcast_halves_512(word: f32) -> [__m512; 2] {
    split_512(_mm512_set1_ps(word))
}

#[inline]
#[target_feature(enable = "avx512f")]
fn multiply_halves_512(sum: __m512, x: [__m512; 2], y: [__m512; 2]) -> __m512 {
    _mm512_fmadd_ps(x[1], y[1], _mm512_fmadd_ps(x[0], y[0], sum))
}

#[inline(always)]
fn whole(words: __m512) -> [__m512; 1] {
    [words]
}

#[inline]
#[target_feature(enable = "avx512f,avx512bf16")]
fn multiply_pairs(sum: __m512, x: __m512, [y]: [__m512; 1]) -> __m512 {
    // SAFETY: both types are 512 bits without invalid values.
    let (x, y) = unsafe { (std::mem::transmute::<__m512, __m512bh>(x), std::mem::transmute::<__m512, __m512bh>(y)) };
    _mm512_dpbf16_ps(sum, x, y)
}

/// # Safety
/// The unmasked places may be read.
#[inline]
#[target_feature(enable = "avx2,fma")]
unsafe fn load_256(from: *const f32, mask: __m256i, _last: bool) -> __m256 {
    // SAFETY: passed on.
    unsafe { _mm256_maskload_ps(from, if _last { mask } else { _mm256_set1_epi32(-1) }) }
}

/// # Safety
/// The unmasked places may be written.
#[inline]
#[target_feature(enable = "avx2,fma")]
unsafe fn store_256(to: *mut f32, mask: __m256i, last: bool, vector: __m256) {
    // SAFETY: passed on.
    unsafe { _mm256_maskstore_ps(to, if last { mask } else { _mm256_set1_epi32(-1) }, vector) };
}

#[inline]
#[target_feature(enable = "avx2,fma")]
fn tail_256(columns: usize) -> __m256i {
    static ON_THEN_OFF: [i32; 16] = [-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0];
    let window = &ON_THEN_OFF[8 - columns..][..8];
    // SAFETY: the window has 8 values of 32 bits.
    unsafe { _mm256_loadu_si256(window.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx2,fma")]
fn split_256(words: __m256) -> [__m256; 2] {
    let first = _mm256_slli_epi32::<16>(_mm256_castps_si256(words));
    let upper = _mm256_castsi256_ps(_mm256_set1_epi32(0xffff_0000_u32 as i32));
    [_mm256_castsi256_ps(first), _mm256_and_ps(words, upper)]
}

#[inline]
#[target_feature(enable = "avx2,fma")]
fn broadcast_halves_256(word: f32) -> [__m256; 2] {
    split_256(_mm256_set1_ps(word))
}

#[inline]
#[target_feature(enable = "avx2,fma")]
fn multiply_halves_256(sum: __m256, x: [__m256; 2], y: [__m256; 2]) -> __m256 {
    _mm256_fmadd_ps(x[1], y[1], _mm256_fmadd_ps(x[0], y[0], sum))
}

tiles!(
    /// Up to 2 vectors of 8 columns, halves widened.
    avx2, "avx2,fma", __m256, __m256i, 8,
    { zero: _mm256_setzero_ps(), load: load_256, store: store_256, tail: tail_256 },
    { halves: 2, split: split_256, broadcast: broadcast_halves_256, multiply: multiply_halves_256 },
    [
        rows1: c0 = 0;
        rows2: c0 = 0, c1 = 1;
        rows3: c0 = 0, c1 = 1, c2 = 2;
        rows4: c0 = 0, c1 = 1, c2 = 2, c3 = 3;
        rows5: c0 = 0, c1 = 1, c2 = 2, c3 = 3, c4 = 4;
        rows6: c0 = 0, c1 = 1, c2 = 2, c3 = 3, c4 = 4, c5 = 5;
        rows7: c0 = 0, c1 = 1, c2 = 2, c3 = 3, c4 = 4, c5 = 5, c6 = 6;
        rows8: c0 = 0, c1 = 1, c2 = 2, c3 = 3, c4 = 4, c5 = 5, c6 = 6, c7 = 7;
    ],
    [
        1: rows1 rows2 rows3 rows4 rows5 rows6 rows7 rows8;
        2: rows1 rows2 rows3 rows4;
    ]
);

/// The tiles with 512-bit vectors: the same rows for both kinds.
macro_rules! tiles_512 {
    ($(#[$doc:meta])* $module:ident, $features:literal, $kind:tt, $four:tt) => {
        tiles!(
            $(#[$doc])*
            $module, $features, __m512, __mmask16, 16,
            { zero: _mm512_setzero_ps(), load: load_512, store: store_512, tail: tail_512 },
            $kind,
            [
                rows1: c0 = 0;
                rows2: c0 = 0, c1 = 1;
                rows3: c0 = 0, c1 = 1, c2 = 2;
                rows4: c0 = 0, c1 = 1, c2 = 2, c3 = 3;
                rows5: c0 = 0, c1 = 1, c2 = 2, c3 = 3, c4 = 4;
                rows6: c0 = 0, c1 = 1, c2 = 2, c3 = 3, c4 = 4, c5 = 5;
                rows7: c0 = 0, c1 = 1, c2 = 2, c3 = 3, c4 = 4, c5 = 5, c6 = 6;
                rows8: c0 = 0, c1 = 1, c2 = 2, c3 = 3, c4 = 4, c5 = 5, c6 = 6, c7 = 7;
                rows9: c0 = 0, c1 = 1, c2 = 2, c3 = 3, c4 = 4, c5 = 5, c6 = 6, c7 = 7, c8 = 8;
                rows10: c0 = 0, c1 = 1, c2 = 2, c3 = 3, c4 = 4, c5 = 5, c6 = 6, c7 = 7, c8 = 8, c9 = 9;
                rows11: c0 = 0, c1 = 1, c2 = 2, c3 = 3, c4 = 4, c5 = 5, c6 = 6, c7 = 7, c8 = 8, c9 = 9, c10 = 10;
                rows12: c0 = 0, c1 = 1, c2 = 2, c3 = 3, c4 = 4, c5 = 5, c6 = 6, c7 = 7, c8 = 8, c9 = 9, c10 = 10,
                    c11 = 11;
                rows13: c0 = 0, c1 = 1, c2 = 2, c3 = 3, c4 = 4, c5 = 5, c6 = 6, c7 = 7, c8 = 8, c9 = 9, c10 = 10,
                    c11 = 11, c12 = 12;
                rows14: c0 = 0, c1 = 1, c2 = 2, c3 = 3, c4 = 4, c5 = 5, c6 = 6, c7 = 7, c8 = 8, c9 = 9, c10 = 10,
                    c11 = 11, c12 = 12, c13 = 13;
            ],
            $four
        );
    };
}

tiles_512!(
    /// Up to 4 vectors of 16 columns, halves widened.
    avx512, "avx512f",
    { halves: 2, split: split_512, broadcast: broadcast_halves_512, multiply: multiply_halves_512 },
    [
        1: rows1 rows2 rows3 rows4 rows5 rows6 rows7 rows8 rows9 rows10 rows11 rows12 rows13 rows14;
        2: rows1 rows2 rows3 rows4 rows5 rows6 rows7 rows8 rows9 rows10 rows11 rows12;
        3: rows1 rows2 rows3 rows4 rows5 rows6 rows7;
        4: rows1 rows2 rows3 rows4 rows5;
    ]
);

tiles_512!(
    /// Up to 4 vectors of 16 columns, `vdpbf16ps`. It takes subnormal numbers as zero.
    dot, "avx512f,avx512bf16",
    { halves: 1, split: whole, broadcast: _mm512_set1_ps, multiply: multiply_pairs },
    [
        1: rows1 rows2 rows3 rows4 rows5 rows6 rows7 rows8 rows9 rows10 rows11 rows12 rows13 rows14;
        2: rows1 rows2 rows3 rows4 rows5 rows6 rows7 rows8 rows9 rows10 rows11 rows12;
        3: rows1 rows2 rows3 rows4 rows5 rows6 rows7 rows8;
        4: rows1 rows2 rows3 rows4 rows5 rows6;
    ]
);
