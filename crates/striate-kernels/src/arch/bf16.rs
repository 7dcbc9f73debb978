//! Tiles of bf16 pairs: which instruction set runs them.
//!
//! A bf16 is the upper half of an `f32`. Kernels never add bf16: two of them that are neighbours in the sum lie in one
//! 32-bit word, products of words are summed in `f32`. So the code that cuts products and convolutions in tiles is the same
//! for both types, it only moves words.

use std::sync::OnceLock;

use super::{Isa, Tile, scalar};
#[cfg(target_arch = "x86_64")]
use super::{
    amx::{self, Availability},
    x86_64,
};

/// What computes tiles: an instruction set and what it multiplies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TileIsa {
    /// Words are `f32`.
    F32(Isa),
    /// Words are pairs of bf16.
    Bf16(Bf16Isa),
}

impl TileIsa {
    /// The one in use for `f32`.
    pub(crate) fn f32() -> Self {
        Self::F32(Isa::current())
    }

    /// The one in use for bf16.
    pub(crate) fn bf16() -> Self {
        Self::Bf16(Bf16Isa::current())
    }

    /// To be kept while a thread runs tiles: registers that belong to a thread are released at its end.
    pub(crate) fn session(self) -> Session {
        Session(self)
    }

    /// The instruction set of what is not done in tiles.
    pub(crate) fn vectors(self) -> Isa {
        match self {
            Self::F32(isa) => isa,
            Self::Bf16(Bf16Isa::Scalar) => Isa::Scalar,
            #[cfg(target_arch = "x86_64")]
            Self::Bf16(Bf16Isa::Avx2) => Isa::Avx2,
            #[cfg(target_arch = "x86_64")]
            Self::Bf16(Bf16Isa::Avx512 | Bf16Isa::Avx512Dot | Bf16Isa::Amx) => Isa::Avx512,
        }
    }

    /// Columns in one vector.
    pub(crate) fn lanes(self) -> usize {
        match self {
            Self::F32(isa) => isa.lanes(),
            Self::Bf16(isa) => isa.lanes(),
        }
    }

    /// Vectors in the widest tile.
    pub(crate) fn max_vectors(self) -> usize {
        match self {
            Self::F32(isa) => isa.max_vectors(),
            Self::Bf16(isa) => isa.max_vectors(),
        }
    }

    /// Rows of the tallest tile of `vectors` vectors.
    pub(crate) fn max_rows(self, vectors: usize) -> usize {
        match self {
            Self::F32(isa) => isa.max_rows(vectors),
            Self::Bf16(isa) => isa.max_rows(vectors),
        }
    }
}

/// See [`TileIsa::session`].
pub(crate) struct Session(
    #[cfg_attr(not(target_arch = "x86_64"), expect(dead_code, reason = "only AMX ends"))] TileIsa,
);

impl Drop for Session {
    fn drop(&mut self) {
        #[cfg(target_arch = "x86_64")]
        if self.0 == TileIsa::Bf16(Bf16Isa::Amx) {
            x86_64::amx::release();
        }
    }
}

/// The instruction set in use, and what there is to say about AMX.
pub(super) fn describe() -> String {
    let name = match Bf16Isa::current() {
        Bf16Isa::Scalar => "scalar",
        #[cfg(target_arch = "x86_64")]
        Bf16Isa::Avx2 => "avx2",
        #[cfg(target_arch = "x86_64")]
        Bf16Isa::Avx512 => "avx512",
        #[cfg(target_arch = "x86_64")]
        Bf16Isa::Avx512Dot => "avx512 with vdpbf16ps",
        #[cfg(target_arch = "x86_64")]
        Bf16Isa::Amx => "amx",
    };
    #[cfg(target_arch = "x86_64")]
    if let Availability::Refused(reason) = x86_64::amx::availability() {
        return format!("{name} (amx is there but not used: {reason})");
    }
    name.to_owned()
}

/// An instruction set with kernels for bf16 pairs, from plain to fast.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Bf16Isa {
    /// What the target always has.
    Scalar,
    /// 256-bit vectors: halves are widened to `f32`.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// 512-bit vectors: halves are widened to `f32`.
    #[cfg(target_arch = "x86_64")]
    Avx512,
    /// 512-bit vectors with `vdpbf16ps`, the product of pairs in one instruction.
    #[cfg(target_arch = "x86_64")]
    Avx512Dot,
    /// Tile registers; short sums run as [`Bf16Isa::Avx512`].
    #[cfg(target_arch = "x86_64")]
    Amx,
}

impl Bf16Isa {
    /// The instruction sets of this machine.
    #[cfg_attr(not(target_arch = "x86_64"), allow(dead_code, reason = "only tests look for the scalar one"))]
    pub(crate) fn available() -> &'static [Self] {
        static AVAILABLE: OnceLock<Vec<Bf16Isa>> = OnceLock::new();
        AVAILABLE.get_or_init(|| {
            #[cfg_attr(not(target_arch = "x86_64"), expect(unused_mut, reason = "more is found on x86-64"))]
            let mut found = vec![Self::Scalar];
            #[cfg(target_arch = "x86_64")]
            {
                let has = |isa| Isa::available().contains(&isa);
                found.extend(has(Isa::Avx2).then_some(Self::Avx2));
                found.extend(has(Isa::Avx512).then_some(Self::Avx512));
                let dot = has(Isa::Avx512) && is_x86_feature_detected!("avx512bf16");
                found.extend(dot.then_some(Self::Avx512Dot));
                let tiles = has(Isa::Avx512) && *x86_64::amx::availability() == Availability::Works;
                found.extend(tiles.then_some(Self::Amx));
            }
            found
        })
    }

    /// The instruction set in use: the best one, within what `STRIATE_ISA` allows.
    pub(crate) fn current() -> Self {
        static CURRENT: OnceLock<Bf16Isa> = OnceLock::new();
        *CURRENT.get_or_init(|| match Isa::current() {
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => Self::Avx2,
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 if Self::allows_amx() && Self::available().contains(&Self::Amx) => Self::Amx,
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 if Self::available().contains(&Self::Avx512Dot) && x86_64::bf16::dot_is_fast() => {
                Self::Avx512Dot
            }
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 => Self::Avx512,
            _ => Self::Scalar,
        })
    }

    /// Whether `STRIATE_ISA` does not cap below AMX.
    #[cfg(target_arch = "x86_64")]
    fn allows_amx() -> bool {
        std::env::var("STRIATE_ISA").map_or(true, |cap| !Isa::KNOWN.iter().any(|isa| isa.name() == cap.trim()))
    }

    fn lanes(self) -> usize {
        match self {
            Self::Scalar => 8,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => 8,
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 | Self::Avx512Dot | Self::Amx => 16,
        }
    }

    fn max_vectors(self) -> usize {
        match self {
            Self::Scalar => 2,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => 2,
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 | Self::Avx512Dot => 4,
            #[cfg(target_arch = "x86_64")]
            Self::Amx => amx::MAX_COLUMNS / amx::SIZE,
        }
    }

    fn max_rows(self, vectors: usize) -> usize {
        let _ = vectors;
        match self {
            Self::Scalar => 4,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => [8, 4][vectors - 1],
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => [14, 12, 7, 5][vectors - 1],
            #[cfg(target_arch = "x86_64")]
            Self::Avx512Dot => [14, 12, 8, 6][vectors - 1],
            #[cfg(target_arch = "x86_64")]
            Self::Amx => amx::MAX_ROWS,
        }
    }

    /// Computes a tile of pairs.
    ///
    /// # Safety
    /// As [`Tile::run`].
    #[inline]
    pub(super) unsafe fn run(self, tile: &Tile, rows: usize) {
        // SAFETY: the promises are passed on.
        unsafe {
            match self {
                Self::Scalar => scalar::pair_tile(tile, rows),
                #[cfg(target_arch = "x86_64")]
                Self::Avx2 => x86_64::bf16::avx2::tile(tile, rows),
                #[cfg(target_arch = "x86_64")]
                Self::Avx512 => x86_64::bf16::avx512::tile(tile, rows),
                #[cfg(target_arch = "x86_64")]
                Self::Avx512Dot => x86_64::bf16::dot::tile(tile, rows),
                #[cfg(target_arch = "x86_64")]
                Self::Amx if tile.depth >= amx::LEAST_DEPTH => x86_64::amx::tile(tile, rows),
                #[cfg(target_arch = "x86_64")]
                Self::Amx => {
                    let max_rows = Self::Avx512.max_rows(tile.cols.div_ceil(self.lanes()));
                    crate::panels::for_each_tile(0..rows, max_rows, |first, count| {
                        let a = tile.a.wrapping_add(first * tile.a_row);
                        let c = tile.c.wrapping_add(first * tile.c_row);
                        x86_64::bf16::avx512::tile(&Tile { a, c, ..*tile }, count);
                    });
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arch::Start;

    /// Every tile of every instruction set gives what the scalar tile gives, and writes nothing else.
    #[test]
    fn tiles_equal_the_scalar_tile() {
        // Halves are small whole numbers: products and sums are exact in any order.
        let half = |i: usize| f32::to_bits(((i * 7919 + 13) % 9) as f32 - 4.0) >> 16;
        let word = |i: usize| f32::from_bits(half(2 * i) | half(2 * i + 1) << 16);
        let a: Vec<f32> = (0..4000).map(word).collect();
        let b: Vec<f32> = (0..9000).map(|i| word(i + 5)).collect();
        let bias: Vec<f32> = (0..64).map(|i| (i % 7) as f32).collect();
        for isa in Bf16Isa::available().iter().copied().map(TileIsa::Bf16) {
            for cols in 1..=isa.lanes() * isa.max_vectors() {
                for rows in 1..=isa.max_rows(cols.div_ceil(isa.lanes())) {
                    for (a_row, a_step, start) in [(1, 40, 0), (31, 1, 1), (2, 33, 2)] {
                        let (mut c, mut expected) = (vec![0.5_f32; 32 * 70], vec![0.5_f32; 32 * 70]);
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
                        // SAFETY: sizes are within the limits; the largest offsets (602 + 10 * 40 + 31 * 31 in `a`,
                        // 1000 + 10 * 66 + 63 in `b`, 31 * 69 + 63 in `c`) are inside the vectors.
                        unsafe { run.run(isa, rows) };
                        let twin = tile(&mut expected);
                        // SAFETY: as above; the specification takes any number of rows and columns.
                        unsafe { scalar::pair_specification(&twin, rows) };
                        assert!(c == expected, "{isa:?} {rows}x{cols} {a_row} {a_step}");
                    }
                }
            }
        }
    }
}
