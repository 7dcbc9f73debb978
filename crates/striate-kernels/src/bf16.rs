//! bf16: the upper half of an `f32`, so its range at 8 bits of precision. A storage type: kernels multiply bf16 and add in
//! `f32`.
//!
//! Products of matrices are in [`gemm`](crate::gemm::gemm_bf16), convolutions in [`conv2d`](crate::conv2d::forward_bf16).

pub use half::bf16;

use crate::Element;
use crate::arch::vectorized;
use crate::memory::Buffer;

/// The nearest bf16, of two equally near the one whose last bit is 0; NaN stays NaN, what is too large becomes infinite.
///
/// The same bits as everywhere (PyTorch, `vcvtneps2bf16` but for its treatment of subnormal numbers), and loops over it
/// vectorise.
#[inline(always)]
pub fn from_f32(x: f32) -> bf16 {
    let bits = x.to_bits();
    let rounded = bits.wrapping_add(0x7fff + (bits >> 16 & 1)) >> 16;
    let quiet_nan = bits >> 16 | 0x40;
    let is_nan = bits & 0x7fff_ffff > 0x7f80_0000;
    bf16::from_bits(if is_nan { quiet_nan } else { rounded } as u16)
}

/// The value as `f32`, exactly.
#[inline(always)]
pub fn to_f32(x: bf16) -> f32 {
    f32::from_bits(u32::from(x.to_bits()) << 16)
}

/// A number as it is stored, where it is computed with as a `T`: itself, or of bf16 an `f32`.
pub trait Widen<T>: bytemuck::Pod + Send + Sync {
    /// The value, exactly.
    fn widen(self) -> T;
    /// The nearest stored number.
    fn narrow(value: T) -> Self;
}

impl<T: Element> Widen<T> for T {
    #[inline(always)]
    fn widen(self) -> T {
        self
    }
    #[inline(always)]
    fn narrow(value: T) -> Self {
        value
    }
}

impl Widen<f32> for bf16 {
    #[inline(always)]
    fn widen(self) -> f32 {
        to_f32(self)
    }
    #[inline(always)]
    fn narrow(value: f32) -> Self {
        from_f32(value)
    }
}

/// [`from_f32`] of every element.
///
/// # Panics
/// If the lengths differ.
pub fn round(x: &[f32], out: &mut [bf16]) {
    crate::pointwise::map(x, out, from_f32);
}

/// [`to_f32`] of every element.
///
/// # Panics
/// If the lengths differ.
pub fn widen(x: &[bf16], out: &mut [f32]) {
    crate::pointwise::map(x, out, to_f32);
}

/// [`to_f32`] of every element, on the calling thread.
pub(crate) fn widen_here(x: &[bf16], out: &mut [f32]) {
    crate::pointwise::apply(x, out, &to_f32);
}

/// [`round`] on the calling thread.
pub(crate) fn round_here(x: &[f32], out: &mut [bf16]) {
    vectorized(|| {
        for (out, &x) in out.iter_mut().zip(x) {
            *out = from_f32(x);
        }
    });
}

/// The elements as `f32`, in memory of their own.
pub(crate) fn widened(x: &[bf16]) -> Buffer {
    let mut buffer = Buffer::uninit(size_of_val(x) * 2);
    widen(x, buffer.as_mut_slice());
    buffer
}

/// Words of neighbouring pairs, read in place when they lie as such in memory.
pub(crate) enum Words<'a> {
    InPlace(&'a [f32]),
    Copied(Buffer),
}

impl Words<'_> {
    pub(crate) fn get(&self) -> &[f32] {
        match self {
            Self::InPlace(words) => words,
            Self::Copied(words) => words.as_slice::<f32>(),
        }
    }
}

/// The elements in pairs, if they begin at the place of a word. A last one without a partner is left out.
pub(crate) fn as_words(x: &[bf16]) -> Option<&[f32]> {
    bytemuck::try_cast_slice(&x[..x.len() / 2 * 2]).ok()
}

/// Rows of `len` elements as rows of `len.div_ceil(2)` words, an odd end filled up with zero.
pub(crate) fn row_words(x: &[bf16], len: usize) -> Words<'_> {
    if len.is_multiple_of(2)
        && let Some(words) = as_words(x)
    {
        return Words::InPlace(words);
    }
    let (rows, words) = (x.len() / len.max(1), len.div_ceil(2));
    let mut buffer = Buffer::uninit(rows * words * size_of::<f32>());
    let rows_per_chunk = (crate::pointwise::GRAIN / words.max(1)).max(1);
    let out = buffer.as_mut_slice::<bf16>();
    crate::threads::parallel_chunks_mut(out, rows_per_chunk * words.max(1) * 2, &|chunk, out| {
        let x = &x[chunk * rows_per_chunk * len..];
        for (out, x) in out.chunks_exact_mut(words * 2).zip(x.chunks_exact(len)) {
            out[len..].fill(bf16::ZERO);
            out[..len].copy_from_slice(x);
        }
    });
    Words::Copied(buffer)
}

/// The word of two elements, the first in the low half.
#[inline(always)]
fn word(first: bf16, second: bf16) -> f32 {
    f32::from_bits(u32::from(first.to_bits()) | u32::from(second.to_bits()) << 16)
}

/// Words of row `2 r` and row `2 r + 1`, element by element: `[rows.div_ceil(2), len]`. A last row without a partner is
/// paired with zeros. Rows begin `stride` elements apart.
pub(crate) fn interleave_rows(x: &[bf16], rows: usize, len: usize, stride: usize) -> Buffer {
    let pairs = rows.div_ceil(2);
    let mut buffer = Buffer::uninit(pairs * len * size_of::<f32>());
    let out = buffer.as_mut_slice::<f32>();
    // Long rows are cut, short ones taken together.
    let piece = len.clamp(1, crate::pointwise::GRAIN);
    let pieces = len.div_ceil(piece).max(1);
    let target = crate::panels::Target::new(out);
    let rows_per_chunk = (crate::pointwise::GRAIN / piece).max(1);
    crate::threads::parallel_for(pairs.div_ceil(rows_per_chunk) * pieces, &|chunk| {
        let first = chunk / pieces * rows_per_chunk;
        let columns = chunk % pieces * piece..(chunk % pieces * piece + piece).min(len);
        for pair in first..(first + rows_per_chunk).min(pairs) {
            // SAFETY: each (pair, columns) has a place of its own in the buffer and belongs to one chunk.
            let out = unsafe { std::slice::from_raw_parts_mut(target.at(pair * len + columns.start), columns.len()) };
            let upper = &x[2 * pair * stride..][columns.clone()];
            let lower = (2 * pair + 1 < rows).then(|| &x[(2 * pair + 1) * stride..][columns.clone()]);
            vectorized(|| match lower {
                Some(lower) => {
                    for ((out, &first), &second) in out.iter_mut().zip(upper).zip(lower) {
                        *out = word(first, second);
                    }
                }
                None => {
                    for (out, &first) in out.iter_mut().zip(upper) {
                        *out = word(first, bf16::ZERO);
                    }
                }
            });
        }
    });
    buffer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_to_nearest_even_and_keeps_nan() {
        let one = 1.0_f32.to_bits();
        // Half a unit in the last place goes to the even neighbour, a bit more or less to the nearer one.
        for (bits, expected) in [
            (one + 0x8000, 0x3f80),
            (one + 0x8001, 0x3f81),
            (one + 0x7fff, 0x3f80),
            (one + 0x1_8000, 0x3f82),
            (f32::MAX.to_bits(), 0x7f80),
            (1, 0),
            (0x8000_0001, 0x8000),
            (0x0000_c000, 1),
        ] {
            assert_eq!(from_f32(f32::from_bits(bits)).to_bits(), expected, "{bits:x}");
        }
        assert!(to_f32(from_f32(f32::NAN)).is_nan());
        assert!(to_f32(from_f32(f32::from_bits(0x7f80_0001))).is_nan());
        // Every bf16 comes back from f32, and the crate that brings the type agrees on what lies between.
        for bits in 0..=u16::MAX {
            let x = bf16::from_bits(bits);
            assert!(from_f32(to_f32(x)) == x || to_f32(x).is_nan());
            let between = f32::from_bits(u32::from(bits) << 16 | u32::from(bits.wrapping_mul(40503)));
            let (ours, theirs) = (from_f32(between), bf16::from_f32(between));
            assert!(ours.to_bits() == theirs.to_bits() || (ours.is_nan() && theirs.is_nan()), "{between:e}");
        }
    }

    #[test]
    fn pairs_rows_and_columns() {
        let x: Vec<bf16> = (0..15).map(|i| bf16::from_f32(i as f32)).collect();
        let values = |words: &[f32]| -> Vec<f32> {
            bytemuck::cast_slice::<f32, bf16>(words).iter().map(|x| x.to_f32()).collect()
        };
        let rows = interleave_rows(&x, 3, 5, 5);
        let (zero, paired) = (0.0, values(rows.as_slice()));
        assert_eq!(paired[..10], [0.0, 5.0, 1.0, 6.0, 2.0, 7.0, 3.0, 8.0, 4.0, 9.0]);
        assert_eq!(paired[10..], [10.0, zero, 11.0, zero, 12.0, zero, 13.0, zero, 14.0, zero]);
        let columns = values(row_words(&x, 5).get());
        assert_eq!(columns[..12], [0.0, 1.0, 2.0, 3.0, 4.0, zero, 5.0, 6.0, 7.0, 8.0, 9.0, zero]);
    }
}
