//! Instruction sets: which one runs, and the register-tile kernel each provides.
//!
//! [`Tile`] is the one shape of inner loop behind products and convolutions. [`scalar::tile`] says what it computes; the
//! kernels of the other instruction sets do the same with fused multiply-adds.

use std::sync::OnceLock;

#[cfg(target_arch = "aarch64")]
mod aarch64;
#[cfg(any(target_arch = "x86_64", test))]
mod amx;
mod bf16;
#[cfg(test)]
mod properties;
pub(crate) mod scalar;
#[cfg(target_arch = "x86_64")]
mod x86_64;

#[cfg(any(target_arch = "x86_64", test))]
pub(crate) use bf16::Bf16Isa;
pub(crate) use bf16::TileIsa;

/// What `STRIATE_ISA` calls the tiles of AMX, beyond all vectors. They compute bf16 only.
const AMX: &str = "amx";

/// What computes on this machine, in one line: the instruction sets in use for `f32` and for bf16, and whether there is AMX.
///
/// ```
/// assert!(striate_kernels::instruction_sets().starts_with("f32: "));
/// ```
pub fn instruction_sets() -> String {
    format!("f32: {}, bf16: {}", Isa::current().name(), bf16::describe())
}

/// An instruction set with kernels, from plain to wide.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Isa {
    /// What the target always has.
    Scalar,
    /// 128-bit vectors with fused multiply-add.
    #[cfg(target_arch = "aarch64")]
    Neon,
    /// 256-bit vectors with fused multiply-add.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// 512-bit vectors.
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

impl Isa {
    /// The instruction sets of this machine, the best last.
    pub(crate) fn available() -> &'static [Isa] {
        static AVAILABLE: OnceLock<Vec<Isa>> = OnceLock::new();
        AVAILABLE.get_or_init(|| Self::KNOWN.iter().copied().filter(|isa| isa.is_here()).collect())
    }

    /// All that have kernels for this architecture, from plain to wide.
    const KNOWN: &[Isa] = &[
        Isa::Scalar,
        #[cfg(target_arch = "aarch64")]
        Isa::Neon,
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2,
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512,
    ];

    /// Whether this machine has it.
    fn is_here(self) -> bool {
        match self {
            Isa::Scalar => true,
            #[cfg(target_arch = "aarch64")]
            Isa::Neon => std::arch::is_aarch64_feature_detected!("neon"),
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma"),
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 => {
                Isa::Avx2.is_here()
                    && is_x86_feature_detected!("avx512f")
                    && is_x86_feature_detected!("avx512vl")
                    && is_x86_feature_detected!("avx512bw")
                    && is_x86_feature_detected!("avx512dq")
            }
        }
    }

    /// What `STRIATE_ISA` calls it.
    fn name(self) -> &'static str {
        match self {
            Isa::Scalar => "scalar",
            #[cfg(target_arch = "aarch64")]
            Isa::Neon => "neon",
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => "avx2",
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 => "avx512",
        }
    }

    /// The instruction set in use: the best one, or what `STRIATE_ISA` caps it to.
    pub(crate) fn current() -> Isa {
        static CURRENT: OnceLock<Isa> = OnceLock::new();
        *CURRENT.get_or_init(|| {
            let (isa, complaint) = Self::capped(std::env::var("STRIATE_ISA").unwrap_or_default().trim());
            if let Some(complaint) = complaint {
                eprintln!("{complaint}");
            }
            isa
        })
    }

    /// The best instruction set of this machine up to the one called `cap` (no limit if empty), and what is wrong with the
    /// name if it is unknown.
    fn capped(cap: &str) -> (Isa, Option<String>) {
        // AMX comes on top of the rest: see `Bf16Isa`.
        let cap = if cfg!(target_arch = "x86_64") && cap == AMX { "" } else { cap };
        let limit = Self::KNOWN.iter().find(|isa| isa.name() == cap);
        let allowed = |isa: &&Isa| limit.is_none_or(|limit| *isa <= limit);
        let best = *Self::available().iter().rfind(allowed).expect("scalar is always there");
        let known = || {
            Self::KNOWN
                .iter()
                .map(|isa| isa.name())
                .chain(cfg!(target_arch = "x86_64").then_some(AMX))
                .collect::<Vec<_>>()
                .join(", ")
        };
        let unknown = limit.is_none() && !cap.is_empty();
        let complaint = unknown.then(|| format!("STRIATE_ISA={cap} is none of {}: using {}", known(), best.name()));
        (best, complaint)
    }

    /// `f32` values in one vector.
    pub(crate) fn lanes(self) -> usize {
        match self {
            Isa::Scalar => 8,
            #[cfg(target_arch = "aarch64")]
            Isa::Neon => 4,
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => 8,
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 => 16,
        }
    }

    /// Vectors in the widest tile.
    pub(crate) fn max_vectors(self) -> usize {
        match self {
            Isa::Scalar => 2,
            #[cfg(target_arch = "aarch64")]
            Isa::Neon => 4,
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => 2,
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 => 4,
        }
    }

    /// Rows of the tallest tile of `vectors` vectors: the running sums stay in registers.
    pub(crate) fn max_rows(self, vectors: usize) -> usize {
        let _ = vectors;
        match self {
            Isa::Scalar => 4,
            #[cfg(target_arch = "aarch64")]
            Isa::Neon => aarch64::neon::MAX_ROWS[vectors - 1],
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => [12, 6][vectors - 1],
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 => [14, 12, 8, 6][vectors - 1],
        }
    }
}

/// The places of a pooling window inside an image, as pixel numbers: `first + i * row_step + j * column_step`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PoolWindow {
    pub first: usize,
    pub rows: usize,
    pub columns: usize,
    pub row_step: usize,
    pub column_step: usize,
}

impl PoolWindow {
    /// Maximum over the window and where it was, for each of the channels: the first of equal values, the last NaN.
    ///
    /// Does nothing and returns false when the instruction set has no kernel for it.
    #[inline]
    pub(crate) fn max(&self, isa: Isa, image: &[f32], values: &mut [f32], places: &mut [u32]) -> bool {
        assert_eq!(values.len(), places.len());
        let done = !matches!(isa, Isa::Scalar);
        match isa {
            Isa::Scalar => _ = image,
            // SAFETY: `isa` comes from the list of what the machine has.
            #[cfg(target_arch = "aarch64")]
            Isa::Neon => unsafe { aarch64::neon::max_of_window(self, image, values, places) },
            // SAFETY: `isa` comes from the list of what the machine has.
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => unsafe { x86_64::avx2::max_of_window(self, image, values, places) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 => unsafe { x86_64::avx512::max_of_window(self, image, values, places) },
        }
        done
    }
}

/// `to[i * to_row + j] = from[j * from_row + i]` for as many whole tiles of `[height, width]` as the instruction set has a
/// kernel for; returns the height and width that were done.
pub(crate) fn transpose_tiles(
    isa: Isa,
    (from, from_row): (&[f32], usize),
    (to, to_row): (&mut [f32], usize),
    [height, width]: [usize; 2],
) -> [usize; 2] {
    let side = match isa {
        Isa::Scalar => return [0, 0],
        #[cfg(target_arch = "aarch64")]
        Isa::Neon => 4,
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2 | Isa::Avx512 => 8,
    };
    let [height, width] = [height / side * side, width / side * side];
    for (i, j) in (0..height).step_by(side).flat_map(|i| (0..width).step_by(side).map(move |j| (i, j))) {
        let (from, to) = (&from[j * from_row + i..], &mut to[i * to_row + j..]);
        // The first comparison keeps the second from wrapping around.
        let holds = |len: usize, row: usize| row <= len && (side - 1) * row + side <= len;
        assert!(holds(from.len(), from_row) && holds(to.len(), to_row), "transpose: a tile reaches past its slice");
        let (from, to) = (from.as_ptr(), to.as_mut_ptr());
        match isa {
            Isa::Scalar => unreachable!("has no tiles"),
            // SAFETY: `side` rows of `side` values are inside both slices.
            #[cfg(target_arch = "aarch64")]
            Isa::Neon => unsafe { aarch64::neon::transpose(from, from_row, to, to_row) },
            // SAFETY: as above, and both instruction sets have AVX2.
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 | Isa::Avx512 => unsafe { x86_64::avx2::transpose(from, from_row, to, to_row) },
        }
    }
    [height, width]
}

/// Runs `body` compiled for the widest vectors in use: plain loops in it vectorise for them.
///
/// The body is generic code that gets inlined here. Multiplications and additions are not fused, so the results are the
/// same for every instruction set.
#[inline]
pub(crate) fn vectorized<R>(body: impl FnOnce() -> R) -> R {
    // SAFETY: `Isa::current` returns what the machine has.
    unsafe { vectorized_for(Isa::current(), body) }
}

/// As [`vectorized`], for `isa`.
///
/// # Safety
/// `isa` is available.
#[inline]
pub(crate) unsafe fn vectorized_for<R>(isa: Isa, body: impl FnOnce() -> R) -> R {
    match isa {
        Isa::Scalar => body(),
        // Part of every target of this architecture.
        #[cfg(target_arch = "aarch64")]
        Isa::Neon => body(),
        // SAFETY: passed on.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2 => unsafe { x86_64::avx2::vectorized(body) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512 => unsafe { x86_64::avx512::vectorized(body) },
    }
}

/// Defines a function whose body is compiled once for every instruction set, the one in use being chosen at each call:
/// plain loops in it vectorise. The generic parameters stand in brackets.
///
/// Unlike the closure of [`vectorized`], which the compiler may leave outside when it is long, the body is always inside.
macro_rules! vectorize {
    ($(#[$attribute:meta])* $visibility:vis fn $name:ident[$($generics:tt)*]($($argument:ident: $type:ty),* $(,)?) $(-> $result:ty)? $body:block) => {
        $(#[$attribute])*
        $visibility fn $name<$($generics)*>($($argument: $type),*) $(-> $result)? {
            #[inline(always)]
            fn plain<$($generics)*>($($argument: $type),*) $(-> $result)? $body
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma")]
            fn avx2<$($generics)*>($($argument: $type),*) $(-> $result)? {
                plain($($argument),*)
            }
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma,avx512f,avx512vl,avx512bw,avx512dq")]
            fn avx512<$($generics)*>($($argument: $type),*) $(-> $result)? {
                plain($($argument),*)
            }
            match $crate::arch::Isa::current() {
                // SAFETY: `Isa::current` returns what the machine has.
                #[cfg(target_arch = "x86_64")]
                $crate::arch::Isa::Avx2 => unsafe { avx2($($argument),*) },
                // SAFETY: as above.
                #[cfg(target_arch = "x86_64")]
                $crate::arch::Isa::Avx512 => unsafe { avx512($($argument),*) },
                #[allow(unreachable_patterns, reason = "other targets have other instruction sets")]
                _ => plain($($argument),*),
            }
        }
    };
}
pub(crate) use vectorize;

/// Copies whole cache lines past the caches; [`stream_fence`] makes them visible to other threads.
///
/// # Safety
/// AVX2 is available; `to` starts on a multiple of 64, and both have the same length, a multiple of 64.
#[cfg(target_arch = "x86_64")]
pub(crate) unsafe fn stream_lines(from: &[u8], to: &mut [u8]) {
    // SAFETY: passed on.
    unsafe { x86_64::avx2::stream_lines(from, to) };
}

/// Orders the stores of [`stream_lines`] before all that follow.
#[cfg(target_arch = "x86_64")]
pub(crate) fn stream_fence() {
    x86_64::avx2::stream_fence();
}

/// What the running sums of a tile start from.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Start {
    /// Zero.
    Zero,
    /// The same row for all: `cols` values.
    Bias(*const f32),
    /// What is in `c`.
    Accumulate,
}

/// One tile of a batch-reduced product of `f32`, where `s` runs over `segments`, `k` over `depth`:
/// `c[m * c_row + n] = start + sum of a[s * a_segment + k * a_step + m * a_row] * b[s * b_segment + k * b_step + n]`
/// for `m < rows`, `n < cols`.
///
/// With a [`TileIsa::Bf16`], each 32-bit word of `a` and `b` is a pair of bf16, the first in the low half, and the product
/// of two words is the sum of the products of their halves. All else, `c` and the bias among it, is as it is for `f32`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tile {
    pub a: *const f32,
    pub a_row: usize,
    pub a_step: usize,
    pub a_segment: usize,
    pub b: *const f32,
    pub b_step: usize,
    pub b_segment: usize,
    pub segments: usize,
    pub depth: usize,
    pub c: *mut f32,
    pub c_row: usize,
    pub cols: usize,
    pub start: Start,
}

impl Tile {
    /// Computes the tile with `rows` rows.
    ///
    /// # Safety
    /// `isa` is available; `1 <= rows <= isa.max_rows(v)` where `v = cols / lanes`, rounded up, is 1 to
    /// `isa.max_vectors()`; all the places named in the formula may be read (and those of `c` written) and nobody else
    /// uses those of `c`.
    #[inline]
    pub(crate) unsafe fn run(&self, isa: TileIsa, rows: usize) {
        debug_assert!(rows >= 1 && self.cols >= 1 && self.cols <= isa.lanes() * isa.max_vectors());
        debug_assert!(rows <= isa.max_rows(self.cols.div_ceil(isa.lanes())));
        // SAFETY: the promises are passed on.
        unsafe {
            match isa {
                TileIsa::F32(Isa::Scalar) => scalar::tile(self, rows),
                #[cfg(target_arch = "aarch64")]
                TileIsa::F32(Isa::Neon) => aarch64::neon::tile(self, rows),
                #[cfg(target_arch = "x86_64")]
                TileIsa::F32(Isa::Avx2) => x86_64::avx2::tile(self, rows),
                #[cfg(target_arch = "x86_64")]
                TileIsa::F32(Isa::Avx512) => x86_64::avx512::tile(self, rows),
                TileIsa::Bf16(isa) => isa.run(self, rows),
            }
        }
    }
}

/// Asks for the cache lines of `count` values, to be read or written soon. Where the processor cannot be asked, nothing.
#[inline(always)]
pub(crate) fn prefetch<T>(first: *const T, count: usize) {
    #[cfg(target_arch = "x86_64")]
    for line in (0..count * size_of::<T>()).step_by(64) {
        use std::arch::x86_64::{_MM_HINT_T1, _mm_prefetch};
        // SAFETY: a hint, which never faults, whatever the address; SSE is part of every x86-64.
        unsafe { _mm_prefetch::<_MM_HINT_T1>(first.cast::<i8>().wrapping_add(line)) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (first, count);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cap_is_obeyed_and_an_unknown_one_named() {
        let best = *Isa::available().last().expect("scalar is always there");
        assert_eq!(Isa::capped(""), (best, None));
        for &isa in Isa::available() {
            assert_eq!(Isa::capped(isa.name()), (isa, None));
        }
        let (isa, complaint) = Isa::capped("avx9");
        assert_eq!(isa, best);
        assert!(complaint.is_some_and(|text| text.contains("STRIATE_ISA=avx9") && text.contains("scalar")));
    }

    /// Every tile of every instruction set gives what the scalar tile gives, and writes nothing else.
    #[test]
    fn tiles_equal_the_scalar_tile() {
        let value = |i: usize| ((i * 7919 + 13) % 1009) as f32 / 504.0 - 1.0;
        let a: Vec<f32> = (0..4000).map(value).collect();
        let b: Vec<f32> = (0..9000).map(|i| value(i + 5)).collect();
        let bias: Vec<f32> = (0..64).map(|i| value(i + 9)).collect();
        for isa in Isa::available().iter().copied().map(TileIsa::F32) {
            for cols in 1..=isa.lanes() * isa.max_vectors() {
                for rows in 1..=isa.max_rows(cols.div_ceil(isa.lanes())) {
                    for (a_row, a_step, start) in [(1, 40, 0), (31, 1, 1), (2, 33, 2)] {
                        let (mut c, mut expected) = (vec![0.5_f32; 14 * 70], vec![0.5_f32; 14 * 70]);
                        let tile = |c: &mut Vec<f32>| Tile {
                            a: a.as_ptr(),
                            a_row,
                            a_step,
                            a_segment: 301,
                            b: b.as_ptr(),
                            b_step: cols + 2,
                            b_segment: 500,
                            segments: 3,
                            depth: 11,
                            c: c.as_mut_ptr(),
                            c_row: 69,
                            cols,
                            start: [Start::Zero, Start::Bias(bias.as_ptr()), Start::Accumulate][start],
                        };
                        let run = tile(&mut c);
                        // SAFETY: sizes are within the limits; the largest offsets (602 + 10 * 40 + 13 * 31 in `a`,
                        // 1000 + 10 * 66 + 63 in `b`, 13 * 69 + 63 in `c`) are inside the vectors.
                        unsafe { run.run(isa, rows) };
                        let twin = tile(&mut expected);
                        // SAFETY: as above; the specification takes any number of rows and columns.
                        unsafe { scalar::specification(&twin, rows) };
                        for (i, (x, e)) in c.iter().zip(&expected).enumerate() {
                            assert!((x - e).abs() <= 1e-5, "{isa:?} {rows}x{cols} at {i}: {x} instead of {e}");
                        }
                    }
                }
            }
        }
    }
}
