//! Brings weights, inputs and gradients to the order in which products read them: neighbours in a sum in one word.

use super::product::LstmElement;
use super::{GATES, LstmShape, UNITS};
use crate::arch::Isa;
use crate::layout::transpose_block;
use crate::memory::Buffer;
use crate::threads::{Pieces, parallel_chunks_mut, parallel_for_scratch};

/// `to[i * to_row + j] = from[j * from_row + i]` for words of `S`.
fn turn<S: LstmElement>((from, from_row): (&[S], usize), (to, to_row): (&mut [S], usize), [height, width]: [usize; 2]) {
    if let (Some(from), Some(to)) = (S::as_words(from), S::as_words_mut(to)) {
        return transpose_block(Isa::current(), (from, from_row), (to, to_row), [height, width]);
    }
    for (i, j) in (0..height).flat_map(|i| (0..width).map(move |j| (i, j))) {
        let from = &from[(j * from_row + i) * S::PAIR..][..S::PAIR];
        to[(i * to_row + j) * S::PAIR..][..S::PAIR].copy_from_slice(from);
    }
}

/// Of weights `[4 hidden, columns]`, for each block `[columns, 4 units]`: what states and inputs are multiplied with.
pub(super) fn turned_weight<S: LstmElement>(s: &LstmShape, weight: &[S::Sum], columns: usize) -> Buffer {
    let padded = columns.next_multiple_of(S::PAIR);
    let mut packed = Buffer::uninit(GATES * s.hidden * padded * size_of::<S>());
    let pieces = Pieces::new(packed.as_mut_slice::<S>(), GATES * UNITS * padded);
    parallel_for_scratch(s.blocks(), UNITS * padded, &|block, rows: &mut [S]| {
        // SAFETY: each block runs once, and takes its own piece.
        let piece = unsafe { pieces.get(block) };
        let units = s.units(block);
        for gate in 0..GATES {
            let weight = &weight[(gate * s.hidden + units.start) * columns..][..units.len() * columns];
            for (row, weight) in rows.chunks_exact_mut(padded).zip(weight.chunks_exact(columns)) {
                narrow_row(weight, row);
            }
            let (words, to) = (padded / S::PAIR, &mut piece[gate * units.len() * S::PAIR..]);
            turn((rows, words), (to, GATES * units.len()), [words, units.len()]);
        }
    });
    packed
}

/// Rounds a row; what it is shorter by becomes zero.
fn narrow_row<S: LstmElement>(from: &[S::Sum], to: &mut [S]) {
    let (values, rest) = to.split_at_mut(from.len());
    crate::arch::vectorized(|| values.iter_mut().zip(from).for_each(|(to, &from)| *to = S::narrow(from)));
    rest.fill(S::zeroed());
}

/// Of weights `[4 hidden, columns]`, for each panel of `width` columns `[4 hidden in the order of blocks, width]`: what the
/// gradients of gates are multiplied with.
pub(super) fn weight_panels<S: LstmElement>(s: &LstmShape, weight: &[S::Sum], columns: usize, width: usize) -> Buffer {
    let rows = GATES * s.hidden;
    let mut packed = Buffer::uninit(rows * columns * size_of::<S>());
    parallel_chunks_mut(packed.as_mut_slice::<S>(), width * rows, &|panel, piece| {
        let (first, width) = (panel * width, piece.len() / rows);
        for (k, to) in piece.chunks_exact_mut(width * S::PAIR).enumerate() {
            for half in 0..S::PAIR {
                let from = &weight[s.usual(k * S::PAIR + half) * columns + first..][..width];
                narrow_strided(from, &mut to[half..]);
            }
        }
    });
    packed
}

/// Rounds a row to every `PAIR`th place.
fn narrow_strided<S: LstmElement>(from: &[S::Sum], to: &mut [S]) {
    for (to, &from) in to.chunks_mut(S::PAIR).zip(from) {
        to[0] = S::narrow(from);
    }
}

/// Rows in words: where they lie as such already, or a copy.
pub(super) enum Rows<'a, S> {
    InPlace(&'a [S]),
    Copied(Buffer),
}

impl<S: LstmElement> Rows<'_, S> {
    pub fn get(&self) -> &[S] {
        match self {
            Self::InPlace(rows) => rows,
            Self::Copied(rows) => rows.as_slice(),
        }
    }
}

/// Rows of `len` values, each filled up to whole words.
pub(super) fn whole_words<S: LstmElement>(rows: &[S], len: usize) -> Rows<'_, S> {
    if S::PAIR == 1 || (len.is_multiple_of(S::PAIR) && S::as_words(rows).is_some()) {
        return Rows::InPlace(rows);
    }
    let padded = len.next_multiple_of(S::PAIR);
    let mut copy = Buffer::zeroed(rows.len() / len * padded * size_of::<S>());
    for (to, from) in copy.as_mut_slice::<S>().chunks_exact_mut(padded).zip(rows.chunks_exact(len)) {
        to[..len].copy_from_slice(from);
    }
    Rows::Copied(copy)
}

crate::arch::vectorize! {
    /// Of the first `len` values of `count` rows, `stride` apart, the words of neighbouring rows; the last may go without a
    /// partner.
    pub(super) fn pair_rows[S: LstmElement](rows: &[S], stride: usize, count: usize, len: usize, to: &mut [S]) {
        for (pair, to) in (0..count).step_by(S::PAIR).zip(to.chunks_exact_mut(S::PAIR * len)) {
            let first = &rows[pair * stride..][..len];
            if S::PAIR == 1 {
                to.copy_from_slice(first);
            } else if pair + 1 < count {
                let second = &rows[(pair + 1) * stride..][..len];
                for ((to, &first), &second) in to.chunks_exact_mut(2).zip(first).zip(second) {
                    to[0] = first;
                    to[1] = second;
                }
            } else {
                for (to, &first) in to.chunks_exact_mut(2).zip(first) {
                    to[0] = first;
                    to[1] = S::zeroed();
                }
            }
        }
    }
}

/// The way back of [`pair_rows`].
pub(super) fn unpair_rows<S: LstmElement>(words: &[S], len: usize, rows: &mut [S]) {
    for (row, to) in rows.chunks_exact_mut(len).enumerate() {
        let words = &words[row / S::PAIR * S::PAIR * len + row % S::PAIR..];
        for (to, word) in to.iter_mut().zip(words.chunks(S::PAIR)) {
            *to = word[0];
        }
    }
}
