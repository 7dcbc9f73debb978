//! In what a layer computes, and the products of its numbers.

use crate::Element;
use crate::arch::{Start, Tile, TileIsa};
use crate::bf16::{Widen, bf16};
use crate::panels::for_each_tile;

/// Words of the right factor that are used for all rows before the next: about the size of a first-level cache, so that most
/// of them stay in it.
const BLOCK_WORDS: usize = 16 * 1024;

mod sealed {
    pub trait Sealed {}
    impl Sealed for f32 {}
    impl Sealed for f64 {}
    impl Sealed for half::bf16 {}
}

/// What the factors of a layer's products are stored in: `f32`, `f64`, or bf16, whose products are summed in `f32`. Sealed.
pub trait LstmElement: sealed::Sealed + Widen<Self::Sum> {
    /// What sums, gates and cells are computed and kept in.
    type Sum: Element;
    /// Neighbours in a sum that lie in one word.
    const PAIR: usize;
    /// As words of 32 bits, where tiles multiply them and they begin at the place of a word.
    fn as_words(slice: &[Self]) -> Option<&[f32]>;
    /// As [`LstmElement::as_words`], to write.
    fn as_words_mut(slice: &mut [Self]) -> Option<&mut [f32]>;
}

macro_rules! element {
    ($type:ty, $sum:ty, $pair:literal, |$slice:ident| $words:expr, $words_mut:expr) => {
        impl LstmElement for $type {
            type Sum = $sum;
            const PAIR: usize = $pair;
            fn as_words($slice: &[Self]) -> Option<&[f32]> {
                $words
            }
            fn as_words_mut($slice: &mut [Self]) -> Option<&mut [f32]> {
                $words_mut
            }
        }
    };
}

element!(f32, f32, 1, |slice| Some(slice), Some(slice));
element!(f64, f64, 1, |_slice| None, None);
element!(bf16, f32, 2, |slice| bytemuck::try_cast_slice(slice).ok(), bytemuck::try_cast_slice_mut(slice).ok());

/// A product that reads its left factor through strides, all in words: element `(m, s, k)` is at
/// `m * row + s * segment + k * step`. The sum goes over `s` and `k`. The right factor has `[depth, columns]` for each `s`,
/// which begin `b_segment` words apart.
pub(super) struct Product<'a, S> {
    pub a: &'a [S],
    pub rows: usize,
    pub row: usize,
    pub step: usize,
    pub segment: usize,
    pub segments: usize,
    pub depth: usize,
    pub b: &'a [S],
    pub b_segment: usize,
    pub columns: usize,
}

impl<S: LstmElement> Product<'_, S> {
    /// Writes the product to `c` `[rows, columns]`, or adds it to what is there.
    pub fn run(&self, c: &mut [S::Sum], accumulate: bool) {
        self.run_with(if S::PAIR == 1 { TileIsa::f32() } else { TileIsa::bf16() }, c, accumulate);
    }

    fn run_with(&self, isa: TileIsa, c: &mut [S::Sum], accumulate: bool) {
        assert!(self.rows * self.depth * self.segments * self.columns > 0, "lstm: a product without terms");
        assert_eq!(c.len(), self.rows * self.columns, "lstm: length of a product");
        let end = (self.segments - 1) * self.b_segment + self.depth * self.columns;
        assert!(end <= self.b.len() / S::PAIR, "lstm: a product reaches past its right factor");
        let last = (self.rows - 1) * self.row + (self.segments - 1) * self.segment + (self.depth - 1) * self.step;
        assert!(last < self.a.len() / S::PAIR, "lstm: a product reaches past its left factor");
        match (S::as_words(self.a), S::as_words(self.b), S::Sum::as_f32_mut(c)) {
            (Some(a), Some(b), Some(c)) => self.run_tiles(isa, [a, b], c, accumulate),
            _ => self.run_plain(c, accumulate),
        }
    }

    /// The definition of the product, and how types without tiles compute it.
    fn run_plain(&self, c: &mut [S::Sum], accumulate: bool) {
        if !accumulate {
            c.fill(S::Sum::ZERO);
        }
        for (m, c) in c.chunks_exact_mut(self.columns).enumerate() {
            for (s, k) in (0..self.segments).flat_map(|s| (0..self.depth).map(move |k| (s, k))) {
                let a = &self.a[(m * self.row + s * self.segment + k * self.step) * S::PAIR..][..S::PAIR];
                let b = self.b[(s * self.b_segment + k * self.columns) * S::PAIR..].chunks_exact(S::PAIR);
                for (c, b) in c.iter_mut().zip(b) {
                    for (a, b) in a.iter().zip(b) {
                        *c += a.widen() * b.widen();
                    }
                }
            }
        }
    }

    /// The caller has checked the lengths.
    fn run_tiles(&self, isa: TileIsa, [a, b]: [&[f32]; 2], c: &mut [f32], accumulate: bool) {
        let _session = isa.session();
        let width = isa.lanes() * isa.max_vectors();
        let most = (BLOCK_WORDS / width.min(self.columns)).max(1);
        for first in (0..self.columns).step_by(width) {
            let cols = width.min(self.columns - first);
            let max_rows = isa.max_rows(cols.div_ceil(isa.lanes()));
            let mut block = |segments: [usize; 2], depth: [usize; 2]| {
                let at = segments[0] * self.b_segment + depth[0] * self.columns + first;
                let continued = accumulate || segments[0] + depth[0] > 0;
                for_each_tile(0..self.rows, max_rows, |row, height| {
                    let tile = Tile {
                        a: a[row * self.row + segments[0] * self.segment + depth[0] * self.step..].as_ptr(),
                        a_row: self.row,
                        a_step: self.step,
                        a_segment: self.segment,
                        b: b[at..].as_ptr(),
                        b_step: self.columns,
                        b_segment: self.b_segment,
                        segments: segments[1],
                        depth: depth[1],
                        c: c[row * self.columns + first..].as_mut_ptr(),
                        c_row: self.columns,
                        cols,
                        start: if continued { Start::Accumulate } else { Start::Zero },
                    };
                    // SAFETY: `run_with` checked that the last element of each factor is inside its slice, and that `c`,
                    // borrowed alone, holds all rows and columns; the height is within the limit and `isa` comes from the
                    // list of available ones.
                    unsafe { tile.run(isa, height) };
                });
            };
            if self.segments == 1 {
                for_each_tile(0..self.depth, most, |k, count| block([0, 1], [k, count]));
            } else {
                let most = (most / self.depth).max(1);
                for_each_tile(0..self.segments, most, |s, count| block([s, count], [0, self.depth]));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arch::{Bf16Isa, Isa};

    fn check<S: LstmElement>(isas: &[TileIsa]) {
        // Small whole numbers: exact in any order.
        let values = |len: usize, modulus: usize| -> Vec<S> {
            (0..len * S::PAIR).map(|i| S::narrow(S::Sum::from_f64(((i * 31) % modulus) as f64 - 6.0))).collect()
        };
        for &isa in isas {
            for (rows, segments, depth, columns) in [(1, 1, 1, 1), (32, 1, 300, 64), (33, 5, 64, 32), (7, 3, 20, 65)] {
                for turned in [false, true] {
                    let (row, step) = if turned { (1, rows) } else { (depth, 1) };
                    let b_segment = depth * columns + 3;
                    let (a, b) = (values(segments * rows * depth, 17), values(segments * b_segment, 13));
                    let segment = rows * depth;
                    let b = &b[..];
                    let product = Product { a: &a, rows, row, step, segment, segments, depth, b, b_segment, columns };
                    for accumulate in [false, true] {
                        let mut c = vec![S::Sum::ONE; rows * columns];
                        let mut expected = c.clone();
                        product.run_with(isa, &mut c, accumulate);
                        product.run_plain(&mut expected, accumulate);
                        assert!(c == expected, "{isa:?} {rows} {segments} {depth} {columns} {turned} {accumulate}");
                    }
                }
            }
        }
    }

    #[test]
    fn every_instruction_set_gives_the_product() {
        check::<f32>(&Isa::available().iter().copied().map(TileIsa::F32).collect::<Vec<_>>());
        check::<f64>(&[TileIsa::f32()]);
        check::<bf16>(&Bf16Isa::available().iter().copied().map(TileIsa::Bf16).collect::<Vec<_>>());
    }
}
