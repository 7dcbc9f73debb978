//! Every kernel of every instruction set against its scalar twin: any size, stride and start, infinities, NaN and
//! subnormal numbers. The slices end where the last element is, so that a tool that watches memory sees what reaches
//! further.

use proptest::prelude::*;

use super::{Bf16Isa, Isa, PoolWindow, Start, Tile, TileIsa, scalar};
use crate::layout::transpose_block;
use crate::test_values::{Palette, assert_same, palettes};

/// Miri is slow.
const CASES: u32 = if cfg!(miri) { 12 } else { 256 };

fn config() -> ProptestConfig {
    ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(CASES) }
}

fn tile_isas() -> Vec<TileIsa> {
    let f32_isas = Isa::available().iter().copied().map(TileIsa::F32);
    f32_isas.chain(Bf16Isa::available().iter().copied().map(TileIsa::Bf16)).collect()
}

/// Pairs of bf16 in words: the values two by two.
fn words(values: &[f32]) -> Vec<f32> {
    let half = |x: f32| x.to_bits() >> 16;
    values.chunks_exact(2).map(|pair| f32::from_bits(half(pair[0]) | half(pair[1]) << 16)).collect()
}

/// The sizes of a tile whose places are known to be inside the slices.
#[derive(Clone, Copy, Debug)]
struct Sizes {
    a_row: usize,
    a_step: usize,
    a_segment: usize,
    b_gap: usize,
    b_segment: usize,
    segments: usize,
    depth: usize,
    c_gap: usize,
    start: usize,
    skip: usize,
}

fn sizes() -> impl Strategy<Value = Sizes> {
    let a = (prop_oneof![Just(1_usize), 0_usize..40], prop_oneof![Just(1_usize), 0_usize..40], 0_usize..70);
    (a, 0_usize..5, 0_usize..50, 0_usize..4, 0_usize..9, 0_usize..4, 0_usize..3, 0_usize..17).prop_map(
        |((a_row, a_step, a_segment), b_gap, b_segment, segments, depth, c_gap, start, skip)| Sizes {
            a_row,
            a_step,
            a_segment,
            b_gap,
            b_segment,
            segments,
            depth,
            c_gap,
            start,
            skip,
        },
    )
}

fn check_tile(isa: TileIsa, s: Sizes, rows: usize, cols: usize, palette: Palette, seed: usize) {
    let (b_step, c_row) = (cols + s.b_gap, cols + s.c_gap);
    let last = |count: usize| count.saturating_sub(1);
    let used = s.segments.min(1) * s.depth.min(1);
    let a_len = used * (last(s.segments) * s.a_segment + last(s.depth) * s.a_step + last(rows) * s.a_row + 1);
    let b_len = used * (last(s.segments) * s.b_segment + last(s.depth) * b_step + cols);
    let c_len = last(rows) * c_row + cols;
    let (a, b) = match isa {
        TileIsa::F32(_) => (palette.left_values(s.skip + a_len, seed), palette.values(s.skip + b_len, seed ^ 1)),
        TileIsa::Bf16(_) => {
            (words(&palette.values(2 * (s.skip + a_len), seed)), words(&palette.values(2 * (s.skip + b_len), seed ^ 1)))
        }
    };
    let bias = palette.left_values(cols, seed ^ 2);
    let mut c = palette.left_values(s.skip + c_len, seed ^ 3);
    let mut expected = c.clone();
    let tile = |c: &mut Vec<f32>| Tile {
        a: a[s.skip..].as_ptr(),
        a_row: s.a_row,
        a_step: s.a_step,
        a_segment: s.a_segment,
        b: b[s.skip..].as_ptr(),
        b_step,
        b_segment: s.b_segment,
        segments: s.segments,
        depth: s.depth,
        c: c[s.skip..].as_mut_ptr(),
        c_row,
        cols,
        start: [Start::Zero, Start::Bias(bias.as_ptr()), Start::Accumulate][s.start],
    };
    let run = tile(&mut c);
    // SAFETY: the caller keeps to the limits of the instruction set; the slices were made as long as the formula reaches.
    unsafe { run.run(isa, rows) };
    let twin = tile(&mut expected);
    // SAFETY: as above.
    unsafe {
        match isa {
            TileIsa::F32(_) => scalar::specification(&twin, rows),
            TileIsa::Bf16(_) => scalar::pair_specification(&twin, rows),
        }
    }
    assert_same(&c, &expected, format_args!("{isa:?} {rows}x{cols} {s:?}"));
}

/// What [`PoolWindow::max`] says, element by element.
fn max_of_window(w: &PoolWindow, image: &[f32], channels: usize) -> (Vec<f32>, Vec<u32>) {
    let (mut values, mut places) = (vec![f32::NEG_INFINITY; channels], vec![w.first as u32; channels]);
    for (i, j) in (0..w.rows).flat_map(|i| (0..w.columns).map(move |j| (i, j))) {
        let place = w.first + i * w.row_step + j * w.column_step;
        for c in 0..channels {
            let x = image[place * channels + c];
            if x > values[c] || x.is_nan() {
                (values[c], places[c]) = (x, place as u32);
            }
        }
    }
    (values, places)
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn tiles(s in sizes(), palette in palettes(), size: [usize; 2], seed: usize) {
        for isa in tile_isas() {
            // bf16 has as many exponents as f32, but an instruction for pairs that takes subnormal numbers for zero.
            let palette = match isa {
                TileIsa::Bf16(_) if palette == Palette::Subnormal => Palette::Whole,
                _ => palette,
            };
            let cols = 1 + size[0] % (isa.lanes() * isa.max_vectors());
            let rows = 1 + size[1] % isa.max_rows(cols.div_ceil(isa.lanes()));
            check_tile(isa, s, rows, cols, palette, seed);
        }
    }

    #[test]
    fn maximum_of_a_window(
        first in 0_usize..5, counts in [1_usize..5, 1_usize..5], steps in [1_usize..9, 1_usize..4],
        channels in 1_usize..70, skip in 0_usize..17, palette in palettes(), seed: usize,
    ) {
        let [rows, columns] = counts;
        let w = PoolWindow { first, rows, columns, row_step: steps[0], column_step: steps[1] };
        let pixels = first + (rows - 1) * steps[0] + (columns - 1) * steps[1] + 1;
        let image = palette.left_values(skip + pixels * channels, seed);
        let image = &image[skip..];
        let (values, places) = max_of_window(&w, image, channels);
        for &isa in Isa::available() {
            let (mut found, mut at) = (vec![7.0; skip + channels], vec![7; skip + channels]);
            if w.max(isa, image, &mut found[skip..], &mut at[skip..]) {
                let bits = |x: &[f32]| x.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
                prop_assert_eq!(bits(&found[skip..]), bits(&values), "{:?}", isa);
                prop_assert_eq!(&at[skip..], &places, "{:?}", isa);
                prop_assert!(found[..skip].iter().all(|&x| x == 7.0) && at[..skip].iter().all(|&x| x == 7));
            }
        }
    }

    #[test]
    fn transposition(
        height in 0_usize..40, width in 0_usize..40, gaps in [0_usize..9, 0_usize..9], skip in 0_usize..17, seed: usize,
    ) {
        prop_assume!(height > 0 && width > 0);
        let (from_row, to_row) = (height + gaps[0], width + gaps[1]);
        let from = Palette::Special.values(skip + (width - 1) * from_row + height, seed);
        for &isa in Isa::available() {
            let mut to = vec![7.0; skip + (height - 1) * to_row + width];
            let mut expected = to.clone();
            for (i, j) in (0..height).flat_map(|i| (0..width).map(move |j| (i, j))) {
                expected[skip + i * to_row + j] = from[skip + j * from_row + i];
            }
            transpose_block(isa, (&from[skip..], from_row), (&mut to[skip..], to_row), [height, width]);
            assert_same(&to, &expected, format_args!("{isa:?}"));
        }
    }
}

/// A row distance beyond the slice must not wrap around in the check of the places.
#[test]
fn a_transposition_past_its_slice_is_refused() {
    for &isa in Isa::available() {
        for row in [9, usize::MAX / 7, usize::MAX / 4 + 1, usize::MAX] {
            let refused = std::panic::catch_unwind(|| {
                let (from, mut to) = ([0.0_f32; 64], [0.0_f32; 64]);
                super::transpose_tiles(isa, (&from, row), (&mut to, 8), [8, 8])
            });
            assert!(refused.is_err() || refused.is_ok_and(|done| done == [0, 0]), "{isa:?} {row}");
        }
    }
}
