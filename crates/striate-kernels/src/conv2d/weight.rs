//! The gradient of the weights of a convolution of `f32` in register tiles.
//!
//! For each kernel element it is a product over pixels, `input^T * grad_output`. In NHWC both are read along their
//! channels, so no transposition is needed: a tile is some neighbouring (kernel column, input channel) rows by some output
//! channels, its sums run over the pixels of a block of output rows.
//!
//! The blocks are dealt out to a fixed number of parts, each with sums of its own; these are added pairwise at the end.

use std::ops::Range;

use super::Conv2dGeometry;
use super::filters::filters_first;
use super::window::Window;
use crate::arch::{Start, Tile, TileIsa};
use crate::memory::Buffer;
use crate::panels::{Panels, Target, for_each_tile};
use crate::threads::parallel_for_scratch;

/// Most parts the pixels are dealt out to.
const MAX_PARTS: usize = 16;
/// Fewer pixels than this are not worth a part: it has to be added to the others.
const PART_PIXELS: usize = 512;
/// Values of input and output gradient one block looks at, about: half of a small second-level cache.
const BLOCK_LEN: usize = 32 * 1024;

struct WeightGradient<'a> {
    isa: TileIsa,
    g: &'a Conv2dGeometry,
    input: &'a [f32],
    grad_output: &'a [f32],
    out_size: [usize; 2],
    /// Output rows of one block, blocks of one image.
    rows: usize,
    blocks: usize,
}

/// Sizes and lengths have been checked; nothing is empty.
pub(super) fn backward_weight(
    isa: TileIsa,
    g: &Conv2dGeometry,
    input: &[f32],
    grad_output: &[f32],
    grad_weight: &mut [f32],
) {
    let out_size = g.output_size();
    let row_len = g.stride[0] * g.in_width * g.in_channels + out_size[1] * g.out_channels;
    let rows = (BLOCK_LEN / row_len).clamp(1, out_size[0]);
    let blocks = out_size[0].div_ceil(rows);
    let job = WeightGradient { isa, g, input, grad_output, out_size, rows, blocks };

    let units = g.batch * blocks;
    let parts = (g.batch * out_size[0] * out_size[1] / PART_PIXELS).clamp(1, MAX_PARTS.min(units));
    let len = grad_weight.len();
    let mut sums = Buffer::uninit(parts * size_of_val(grad_weight));
    let sums = sums.as_mut_slice::<f32>();
    let target = Target::new(sums);
    // Few parts are cut further, by kernel row and by panel.
    let panels = Panels::new(isa, g.group_out_channels()).count();
    let cuts = if parts == MAX_PARTS { 1 } else { g.kernel[0] * panels };
    let scratch_len = match job.window(0..out_size[0]).is_inside([g.in_height, g.in_width]) {
        true => 0,
        false => job.window(0..rows).len(g.in_channels),
    };
    parallel_for_scratch::<f32>(parts * cuts, scratch_len, &|chunk, scratch| {
        let _session = isa.session();
        let (part, cut) = (chunk / cuts, chunk % cuts);
        let (taps, panels) = match cuts {
            1 => (0..g.kernel[0], 0..panels),
            _ => (cut / panels..cut / panels + 1, cut % panels..cut % panels + 1),
        };
        let mine = part * units / parts..(part + 1) * units / parts;
        for unit in mine.clone() {
            let start = if unit == mine.start { Start::Zero } else { Start::Accumulate };
            // SAFETY: each part has a piece of `sums` of its own, each cut some kernel rows and panels of it.
            unsafe { job.add_unit(unit, scratch, [taps.clone(), panels.clone()], start, target.at(part * len)) };
        }
    });
    crate::pointwise::add_pairwise(sums, len);
    filters_first(g, sums, grad_weight);
}

impl WeightGradient<'_> {
    /// The part of the input that output rows `rows` look at.
    fn window(&self, rows: Range<usize>) -> Window {
        let g = self.g;
        let span = |i: usize, count: usize| (count - 1) * g.stride[i] + (g.kernel[i] - 1) * g.dilation[i] + 1;
        Window {
            origin: [(rows.start * g.stride[0]) as isize - g.padding[0] as isize, -(g.padding[1] as isize)],
            size: [span(0, rows.len()), span(1, self.out_size[1])],
        }
    }

    /// Adds the products of one block of output rows to the sums at `to`, `[group][kernel row][kernel column][channel]
    /// [filter of the group]`, for some kernel rows and panels of filters.
    ///
    /// # Safety
    /// `isa` is available; `to` has a place for each weight, and nobody else uses those of these kernel rows and panels.
    unsafe fn add_unit(
        &self,
        unit: usize,
        scratch: &mut [f32],
        [taps, panel_range]: [Range<usize>; 2],
        start: Start,
        to: *mut f32,
    ) {
        let g = self.g;
        let (channels, filters) = (g.group_in_channels(), g.group_out_channels());
        let first = unit % self.blocks * self.rows;
        let rows = first..(first + self.rows).min(self.out_size[0]);
        let image_len = g.in_height * g.in_width * g.in_channels;
        let image = &self.input[unit / self.blocks * image_len..][..image_len];
        let window = self.window(rows.clone());
        let (from, line) = if window.is_inside([g.in_height, g.in_width]) {
            let first = window.origin[0] as usize * g.in_width + window.origin[1] as usize;
            (&image[first * g.in_channels..], g.in_width * g.in_channels)
        } else {
            window.copy(image, [g.in_height, g.in_width], g.in_channels, scratch);
            (&*scratch, window.size[1] * g.in_channels)
        };
        let grad = (unit / self.blocks * self.out_size[0] + first) * self.out_size[1] * g.out_channels;
        let grad = &self.grad_output[grad..][..rows.len() * self.out_size[1] * g.out_channels];
        // Kernel columns whose inputs lie next to each other are rows of one run of tiles.
        let at_once = if g.groups == 1 && (g.dilation[1] == 1 || g.kernel[1] == 1) { g.kernel[1] } else { 1 };
        let panels = Panels::new(self.isa, filters);
        let runs = taps.flat_map(|tap| (0..g.kernel[1]).step_by(at_once).map(move |column| (tap, column)));
        for ((tap, column), group) in runs.flat_map(|run| (0..g.groups).map(move |group| (run, group))) {
            let a = tap * g.dilation[0] * line + column * g.dilation[1] * g.in_channels + group * channels;
            let c = ((group * g.kernel[0] + tap) * g.kernel[1] + column) * channels * filters;
            for columns in panel_range.clone().map(|panel| panels.columns(panel)) {
                let max_rows = self.isa.max_rows(columns.len().div_ceil(self.isa.lanes()));
                for_each_tile(0..at_once * channels, max_rows, |row, count| {
                    let tile = Tile {
                        a: from.as_ptr().wrapping_add(a + row),
                        a_row: 1,
                        a_step: g.stride[1] * g.in_channels,
                        a_segment: g.stride[0] * line,
                        b: grad.as_ptr().wrapping_add(group * filters + columns.start),
                        b_step: g.out_channels,
                        b_segment: self.out_size[1] * g.out_channels,
                        segments: rows.len(),
                        depth: self.out_size[1],
                        c: to.wrapping_add(c + row * filters + columns.start),
                        c_row: filters,
                        cols: columns.len(),
                        start,
                    };
                    // SAFETY: the window is inside the image or was copied, and the gradient rows are whole, so all
                    // places may be read; the caller promises those of `c`. The tile is within the limits.
                    unsafe { tile.run(self.isa, count) };
                });
            }
        }
    }
}
