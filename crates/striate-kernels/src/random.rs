//! Random words by Philox4x32-10 (Salmon, Moraes, Dror, Shaw: *Parallel random numbers: as easy as 1, 2, 3*, SC 2011): block
//! number `i` of a stream is a function of the key, the stream and `i` alone, the same on every machine.

use crate::arch::vectorize;

const MULTIPLIERS: [u32; 2] = [0xD251_1F53, 0xCD9E_8D57];
const WEYL: [u32; 2] = [0x9E37_79B9, 0xBB67_AE85];
const ROUNDS: usize = 10;
/// Words of a block.
const WORDS: usize = 4;
/// Blocks that are computed side by side.
const LANES: usize = 16;

/// A block of four random words from a counter and a key.
///
/// ```
/// // The known answers of the authors' `kat_vectors`.
/// assert_eq!(striate_kernels::random::philox([0; 4], [0; 2]), [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]);
/// ```
pub fn philox(counter: [u32; WORDS], key: [u32; 2]) -> [u32; WORDS] {
    philox_lanes(counter.map(|word| [word]), key).map(|[word]| word)
}

/// `N` blocks at once; the first index is that of the word.
#[inline(always)]
fn philox_lanes<const N: usize>(mut counter: [[u32; N]; WORDS], mut key: [u32; 2]) -> [[u32; N]; WORDS] {
    for _ in 0..ROUNDS {
        let [c0, c1, c2, c3] = &mut counter;
        for lane in 0..N {
            let a = u64::from(MULTIPLIERS[0]) * u64::from(c0[lane]);
            let b = u64::from(MULTIPLIERS[1]) * u64::from(c2[lane]);
            c0[lane] = (b >> 32) as u32 ^ c1[lane] ^ key[0];
            c1[lane] = b as u32;
            c2[lane] = (a >> 32) as u32 ^ c3[lane] ^ key[1];
            c3[lane] = a as u32;
        }
        key = [key[0].wrapping_add(WEYL[0]), key[1].wrapping_add(WEYL[1])];
    }
    counter
}

/// A stream of words: its key, and the upper half of its counters.
#[derive(Clone, Copy, Debug)]
pub struct Stream {
    /// The key of all blocks.
    pub key: [u32; 2],
    /// The third and fourth word of all counters.
    pub number: [u32; 2],
}

impl Stream {
    /// Block number `index`.
    pub fn block(&self, index: u64) -> [u32; WORDS] {
        philox([index as u32, (index >> 32) as u32, self.number[0], self.number[1]], self.key)
    }
}

/// Fills with uniform numbers in `[0, 1)`, 24 random bits each, from the words of the stream from number `first` on. On the
/// calling thread.
pub fn fill_uniform(stream: Stream, first: u64, out: &mut [f32]) {
    // Up to the first whole block.
    let lead = (first.next_multiple_of(WORDS as u64) - first).min(out.len() as u64) as usize;
    let (lead, whole) = out.split_at_mut(lead);
    fill_words(stream, first, lead);
    let first_block = first.div_ceil(WORDS as u64);
    fill_lanes(stream, first_block, whole);
    let done = whole.len() / (WORDS * LANES) * (WORDS * LANES);
    fill_words(stream, first_block * WORDS as u64 + done as u64, &mut whole[done..]);
}

#[inline(always)]
fn uniform(word: u32) -> f32 {
    // 24 bits are exact in an f32, and a signed conversion has an instruction everywhere.
    (word >> 8) as i32 as f32 / (1 << 24) as f32
}

/// One word after the other.
fn fill_words(stream: Stream, first: u64, out: &mut [f32]) {
    let mut block = [0; WORDS];
    for (i, out) in out.iter_mut().enumerate() {
        let (index, within) = ((first + i as u64) / WORDS as u64, ((first + i as u64) % WORDS as u64) as usize);
        if i == 0 || within == 0 {
            block = stream.block(index);
        }
        *out = uniform(block[within]);
    }
}

vectorize! {
    /// All groups of [`LANES`] whole blocks.
    fn fill_lanes[](stream: Stream, first_block: u64, out: &mut [f32]) {
        let groups = out.as_chunks_mut::<{ WORDS * LANES }>().0;
        for (group, out) in groups.iter_mut().enumerate() {
            let first = first_block + (group * LANES) as u64;
            let (mut low, mut high) = ([0; LANES], [0; LANES]);
            for (lane, (low, high)) in low.iter_mut().zip(&mut high).enumerate() {
                let index = first + lane as u64;
                *low = index as u32;
                *high = (index >> 32) as u32;
            }
            let counter = [low, high, [stream.number[0]; LANES], [stream.number[1]; LANES]];
            let words = philox_lanes(counter, stream.key);
            for (lane, out) in out.as_chunks_mut::<WORDS>().0.iter_mut().enumerate() {
                for (out, words) in out.iter_mut().zip(&words) {
                    *out = uniform(words[lane]);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arch::Isa;

    /// Known-answer vectors of Random123 (`kat_vectors`, philox 4x32 10).
    #[test]
    fn philox_matches_the_known_answers() {
        let pi = ([0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344], [0xa409_3822, 0x299f_31d0]);
        for ((counter, key), expected) in [
            (([0; 4], [0; 2]), [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]),
            (([u32::MAX; 4], [u32::MAX; 2]), [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]),
            (pi, [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1]),
        ] {
            assert_eq!(philox(counter, key), expected);
        }
    }

    /// Also where the lower half of the block's number wraps around.
    #[test]
    fn numbers_filled_in_lanes_are_those_of_the_words() {
        let stream = Stream { key: [3, 5], number: [7, u32::MAX] };
        for (first, len) in [(0, 0), (1, 2), (3, 64), (2, 500), (4 * 0xffff_fff0, 1000), (4 * 0xffff_ffff + 1, 129)] {
            let expected: Vec<f32> = (first..first + len as u64)
                .map(|word| (stream.block(word / 4)[(word % 4) as usize] >> 8) as f32 / 16_777_216.0)
                .collect();
            let mut filled = vec![-1.0; len];
            fill_uniform(stream, first, &mut filled);
            assert_eq!(filled, expected, "{first} {len} on {:?}", Isa::current());
        }
    }
}
