//! Stores that go past the caches, for results too large to be found there again.
//!
//! A plain store reads the line it writes to first, and pushes out what is worth keeping. Results are computed in small
//! blocks and copied out from there.

use bytemuck::Pod;

use crate::threads::{Pieces, parallel_chunks_mut, parallel_for_scratch};

#[cfg(target_arch = "x86_64")]
use crate::arch::Isa;

/// Work that reads and writes this many bytes in all leaves little of its result in the caches anyway.
pub const LARGE: usize = 40 << 20;

/// Elements of a block that is computed before it is copied out, about.
const BLOCK: usize = 256;

/// The longest unit that is computed apart: two of them lie in the second-level cache.
const LONGEST_UNIT: usize = 16 * 1024;

/// Fills `out` in parallel: `fill(first, piece)` writes the elements from number `first` on. Pieces are whole `unit`s (but for
/// the last, when the length is no multiple), about `chunk_len` elements in all per chunk; what a piece holds before is
/// unspecified. `read` is how many bytes the work reads: the results of large work go past the caches.
///
/// # Panics
/// If `unit` is 0 while `out` is not empty.
pub fn fill_pieces<T: Pod + Send>(
    out: &mut [T],
    unit: usize,
    chunk_len: usize,
    read: usize,
    fill: &(dyn Fn(usize, &mut [T]) + Sync),
) {
    if out.is_empty() {
        return;
    }
    assert!(unit > 0, "fill_pieces: the unit is 0");
    let chunk_len = (chunk_len / unit).max(1) * unit;
    if size_of_val(out) + read < LARGE || unit > LONGEST_UNIT {
        return parallel_chunks_mut(out, chunk_len, &|chunk, piece| fill(chunk * chunk_len, piece));
    }
    let block = (BLOCK / unit).max(1) * unit;
    let pieces = Pieces::new(out, chunk_len);
    parallel_for_scratch(pieces.count(), block, &|chunk, scratch: &mut [T]| {
        let streaming = Streaming::new();
        // SAFETY: each chunk runs once, and takes its own piece.
        let piece = unsafe { pieces.get(chunk) };
        for (i, piece) in piece.chunks_mut(block).enumerate() {
            let scratch = &mut scratch[..piece.len()];
            fill(chunk * chunk_len + i * block, scratch);
            streaming.copy(scratch, piece);
        }
    });
}

/// A thread's right to store past the caches. When it is dropped, everything stored is visible to other threads that
/// synchronise with this one; it must not be forgotten, and so stays in this module.
struct Streaming {
    _private: (),
}

impl Streaming {
    /// Begins.
    fn new() -> Self {
        Self { _private: () }
    }

    /// Copies `from` to `to`, past the caches where the machine can and `to` lies on a whole vector.
    ///
    /// # Panics
    /// If the lengths differ.
    fn copy<T: Pod>(&self, from: &[T], to: &mut [T]) {
        assert_eq!(from.len(), to.len(), "stream: lengths differ");
        #[cfg(target_arch = "x86_64")]
        if Isa::current() >= Isa::Avx2 {
            let (from, to): (&[u8], &mut [u8]) = (bytemuck::cast_slice(from), bytemuck::cast_slice_mut(to));
            let lead = to.as_ptr().align_offset(64).min(to.len());
            let whole = (to.len() - lead) / 64 * 64;
            to[..lead].copy_from_slice(&from[..lead]);
            let (middle, rest) = to[lead..].split_at_mut(whole);
            let (from, from_rest) = from[lead..].split_at(whole);
            rest.copy_from_slice(from_rest);
            if whole > 0 {
                // SAFETY: the instruction set has AVX2; the target starts on a multiple of 64 and has a multiple of 64 bytes.
                unsafe { crate::arch::stream_lines(from, middle) };
            }
            return;
        }
        to.copy_from_slice(from);
    }
}

impl Drop for Streaming {
    fn drop(&mut self) {
        #[cfg(target_arch = "x86_64")]
        if Isa::current() >= Isa::Avx2 {
            crate::arch::stream_fence();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_and_small_results_are_filled_alike() {
        for (len, unit, chunk_len) in
            [(0, 1, 10), (1000, 7, 100), (LARGE / 4 + 3, 1, 40_000), (LARGE / 4 + 13, 37, 5000)]
        {
            let mut out = vec![0_u32; len];
            fill_pieces(&mut out, unit, chunk_len, 0, &|first, piece| {
                assert!(first.is_multiple_of(unit));
                piece.iter_mut().enumerate().for_each(|(i, x)| *x = (first + i) as u32);
            });
            assert!(out.iter().enumerate().all(|(i, &x)| x == i as u32));
        }
    }

    #[test]
    fn copies_whatever_the_place_and_length() {
        let from: Vec<f32> = (0..300).map(|i| i as f32).collect();
        for start in 0..20 {
            for len in [0, 1, 5, 15, 16, 17, 31, 32, 33, 64, 100, 250] {
                let mut to = vec![-1.0_f32; 300];
                Streaming::new().copy(&from[3..3 + len], &mut to[start..start + len]);
                for (i, &value) in to.iter().enumerate() {
                    let inside = (start..start + len).contains(&i);
                    assert_eq!(value, if inside { from[3 + i - start] } else { -1.0 });
                }
            }
        }
    }
}
