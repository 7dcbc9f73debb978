//! Random numbers that are the same on every machine.
//!
//! [`Generator`] is counter based: number `i` of a stream is a function of (seed, stream, `i`) alone, by Philox4x32-10
//! (Salmon, Moraes, Dror, Shaw: *Parallel random numbers: as easy as 1, 2, 3*, SC 2011). Its state is three integers, a
//! stream can be left and entered at any place, and streams with different numbers are independent. Everything above
//! the integers is computed with exactly rounded operations only (no `sin` or `ln` of the system's library), so
//! floating-point samples are the same bits everywhere too.

use std::f64::consts::{FRAC_PI_2, LN_2};

use striate_kernels::random::{self, Stream, philox};
use striate_kernels::threads::parallel_chunks_mut;

fn halves(word: u64) -> [u32; 2] {
    [word as u32, (word >> 32) as u32]
}

/// A stream of random numbers.
///
/// ```
/// use striate_tensor::random::Generator;
/// let mut generator = Generator::new(42);
/// let first = generator.next_u32();
/// generator.seek(0);
/// assert_eq!(generator.next_u32(), first);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Generator {
    seed: u64,
    stream: u64,
    /// How many words were drawn.
    position: u64,
    /// The block that holds the word at `position`, except at its start.
    block: [u32; 4],
}

impl Generator {
    /// The stream 0 of a seed, from its start.
    pub fn new(seed: u64) -> Self {
        Self { seed, stream: 0, position: 0, block: [0; 4] }
    }

    /// An independent generator, number `stream` of those that can be forked from this one. It depends on the seed and
    /// stream of this one and on `stream`, not on what was drawn.
    pub fn fork(&self, stream: u64) -> Self {
        // The counter blocks with the highest bit set are never reached by drawing, so children differ from draws.
        let [low, high] = halves(stream);
        let [own_low, own_high] = halves(self.stream);
        let words = philox([low, high ^ 0x8000_0000, own_low, own_high], halves(self.seed));
        let join = |low: u32, high: u32| u64::from(low) | u64::from(high) << 32;
        Self { seed: join(words[0], words[1]), stream: join(words[2], words[3]), position: 0, block: [0; 4] }
    }

    /// How many 32-bit words were drawn from the stream.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Goes to a place in the stream, as returned by [`position`](Self::position).
    pub fn seek(&mut self, position: u64) {
        self.position = position;
        self.load_block();
    }

    fn words(&self) -> Stream {
        Stream { key: halves(self.seed), number: halves(self.stream) }
    }

    fn load_block(&mut self) {
        self.block = self.words().block(self.position / 4);
    }

    /// 32 random bits.
    pub fn next_u32(&mut self) -> u32 {
        let within = (self.position % 4) as usize;
        if within == 0 {
            self.load_block();
        }
        self.position += 1;
        self.block[within]
    }

    /// 64 random bits.
    pub fn next_u64(&mut self) -> u64 {
        u64::from(self.next_u32()) | u64::from(self.next_u32()) << 32
    }

    /// Uniform in `[0, 1)`, with 53 random bits.
    pub fn uniform(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Uniform integer in `0..end`, every value equally likely.
    ///
    /// # Panics
    /// When `end` is 0.
    #[track_caller]
    pub fn below(&mut self, end: u64) -> u64 {
        assert!(end > 0, "below: there is no number below 0");
        // Lemire: the high half of a 64x64-bit product, rejecting the few low halves that would make it uneven.
        let threshold = end.wrapping_neg() % end;
        loop {
            let product = u128::from(self.next_u64()) * u128::from(end);
            if product as u64 >= threshold {
                return (product >> 64) as u64;
            }
        }
    }

    /// From the standard normal distribution (Box and Muller).
    pub fn normal(&mut self) -> f64 {
        // In (0, 1], so that the logarithm is finite.
        let radius = 1.0 - self.uniform();
        let turn = self.uniform();
        (-2.0 * ln(radius)).sqrt() * cos_turns(turn)
    }

    /// The numbers `0..n` in random order (Fisher and Yates).
    pub fn permutation(&mut self, n: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..n).collect();
        self.shuffle(&mut order);
        order
    }

    /// Puts the items in random order.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            items.swap(i, self.below(i as u64 + 1) as usize);
        }
    }

    /// Fills with uniform numbers in `[0, 1)`, 24 random bits each: one word of the stream per number.
    pub fn fill_uniform(&mut self, output: &mut [f32]) {
        /// Numbers one chunk draws.
        const CHUNK: usize = 16 * 1024;
        let Some(last) = output.len().checked_sub(1) else { return };
        // Counter based: each chunk enters the stream at its own place.
        let (words, start) = (self.words(), self.position);
        parallel_chunks_mut(output, CHUNK, &|chunk, part: &mut [f32]| {
            random::fill_uniform(words, start + (chunk * CHUNK) as u64, part);
        });
        self.seek(start + last as u64);
        self.next_u32();
    }
}

/// Natural logarithm of a normal number in (0, 1], from exactly rounded operations.
fn ln(x: f64) -> f64 {
    // x = m · 2^e with m in [√½, √2); ln m = 2 artanh((m - 1) / (m + 1)) as a series in a number below 0.172.
    let bits = x.to_bits();
    let mut exponent = (bits >> 52) as i64 - 1023;
    let mut m = f64::from_bits((bits & ((1 << 52) - 1)) | 1023 << 52);
    if m > std::f64::consts::SQRT_2 {
        m *= 0.5;
        exponent += 1;
    }
    let s = (m - 1.0) / (m + 1.0);
    let square = s * s;
    let series = ARTANH.iter().rev().fold(0.0, |sum, term| sum * square + term);
    exponent as f64 * LN_2 + 2.0 * s * series
}

/// Cosine of `turns` whole turns, for `turns` in [0, 1), from exactly rounded operations.
fn cos_turns(turns: f64) -> f64 {
    let quarters = turns * 4.0;
    let nearest = (quarters + 0.5).floor();
    let angle = (quarters - nearest) * FRAC_PI_2;
    let square = angle * angle;
    // Taylor series for an angle of at most an eighth of a turn.
    let series = |terms: &[f64; TERMS]| terms.iter().rev().fold(0.0, |sum, term| sum * square + term);
    match nearest as i64 % 4 {
        0 => series(&COSINE),
        1 => -angle * series(&SINE),
        2 => -series(&COSINE),
        _ => angle * series(&SINE),
    }
}

/// Terms of the series: enough for the last bit of an `f64`.
const TERMS: usize = 12;
/// artanh x / x by powers of x²: 1, 1/3, 1/5, ...
const ARTANH: [f64; TERMS] = {
    let mut terms = [0.0; TERMS];
    let mut k = 0;
    while k < TERMS {
        terms[k] = 1.0 / (2 * k + 1) as f64;
        k += 1;
    }
    terms
};
/// cos x by powers of x²: 1, -1/2!, 1/4!, ...
const COSINE: [f64; TERMS] = alternating_factorials(0);
/// sin x / x by powers of x²: 1, -1/3!, 1/5!, ...
const SINE: [f64; TERMS] = alternating_factorials(1);

const fn alternating_factorials(first: usize) -> [f64; TERMS] {
    let mut terms = [1.0; TERMS];
    let mut k = 1;
    while k < TERMS {
        let n = first + 2 * k;
        terms[k] = -terms[k - 1] / (n * (n - 1)) as f64;
        k += 1;
    }
    terms
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_filled_in_parallel_are_those_drawn_one_by_one() {
        for (skip, len) in [(0, 0), (1, 1), (3, 5), (2, 16 * 1024), (7, 50_001)] {
            let mut one = Generator::new(9).fork(4);
            (0..skip).for_each(|_| _ = one.next_u32());
            let mut many = one.clone();
            let mut filled = vec![0.0; len];
            many.fill_uniform(&mut filled);
            let drawn: Vec<f32> = (0..len).map(|_| (one.next_u32() >> 8) as f32 / (1u32 << 24) as f32).collect();
            assert_eq!(filled, drawn);
            assert_eq!(many, one);
        }
    }

    #[test]
    fn the_first_words_are_fixed() {
        let mut generator = Generator::new(0);
        let words: Vec<u32> = (0..4).map(|_| generator.next_u32()).collect();
        assert_eq!(words, [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]);
    }

    #[test]
    fn seek_returns_to_any_place() {
        let mut generator = Generator::new(7);
        let words: Vec<u32> = (0..23).map(|_| generator.next_u32()).collect();
        for (position, &word) in words.iter().enumerate() {
            generator.seek(position as u64);
            assert_eq!(generator.next_u32(), word);
        }
    }

    #[test]
    fn forks_differ_from_each_other_and_from_their_parent() {
        let parent = Generator::new(1);
        let first = |mut generator: Generator| generator.next_u64();
        let mut seen: Vec<u64> = (0..100).map(|stream| first(parent.fork(stream))).collect();
        seen.push(first(parent.clone()));
        seen.push(first(parent.fork(0).fork(0)));
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), 102);
    }

    #[test]
    fn own_functions_agree_with_the_system() {
        for i in 1..=1000 {
            let x = f64::from(i) / 1000.0;
            assert!((ln(x) - x.ln()).abs() <= 1e-15 * x.ln().abs().max(1.0), "ln {x}");
            let turn = f64::from(i - 1) / 1000.0;
            assert!((cos_turns(turn) - (turn * std::f64::consts::TAU).cos()).abs() < 1e-15, "cos {turn}");
        }
        assert!((ln(f64::MIN_POSITIVE) - f64::MIN_POSITIVE.ln()).abs() < 1e-12);
    }

    #[test]
    fn normal_numbers_have_the_moments_of_the_distribution() {
        let mut generator = Generator::new(3);
        let n = 100_000;
        let mut moments = [0.0; 4];
        for _ in 0..n {
            let x = generator.normal();
            for (power, moment) in moments.iter_mut().enumerate() {
                *moment += x.powi(power as i32 + 1) / f64::from(n);
            }
        }
        for (moment, (expected, tolerance)) in moments.iter().zip([(0.0, 0.02), (1.0, 0.03), (0.0, 0.06), (3.0, 0.15)])
        {
            assert!((moment - expected).abs() < tolerance, "{moments:?}");
        }
    }

    #[test]
    fn a_permutation_has_every_number_once_and_depends_on_the_seed() {
        let order = Generator::new(5).permutation(50);
        let mut sorted = order.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, (0..50).collect::<Vec<_>>());
        assert_eq!(order, Generator::new(5).permutation(50));
        assert_ne!(order, Generator::new(6).permutation(50));
    }
}
