//! Convolution of `f32` in register tiles, without im2col.
//!
//! A tile is some neighbouring output pixels of one row by some output channels. Its sums run over the kernel rows
//! (segments) and, in one go, over the kernel columns and input channels, which lie next to each other in NHWC. The
//! weights are packed so that they are read straight through. Blocks that touch the padding work on a copy of their part
//! of the input with the zeros written out.
//!
//! The gradient of the input is a convolution too: with the kernel turned round, of the output gradient. With stride `s`
//! the input places fall in `s * s` phases by their remainder; each phase is a convolution of stride 1 with a part of
//! the kernel.

use std::ops::Range;

use half::bf16;

use super::Conv2dGeometry;
use super::filters::{Filters, WeightStrides};
use super::window::Window;
use crate::arch::{Start, Tile, TileIsa, vectorized};
use crate::epilogue::Epilogue;
use crate::memory::Buffer;
use crate::panels::{Panels, Target, for_each_tile};
use crate::threads::parallel_for_scratch;

/// Multiplications one chunk should have at least.
const CHUNK_WORK: usize = 512 * 1024;
/// Chunks to aim at where there are few pixels.
const MIN_CHUNKS: usize = 32;
/// Most pixels of a chunk, unless that is too little work.
const MAX_PIXELS: usize = 96;
/// Weights beyond this leave the second-level cache from one chunk to the next.
const LARGE_WEIGHTS: usize = 128 * 1024;
/// Longest sum in one go: a panel of this depth stays in the second-level cache.
const MAX_DEPTH: usize = 2048;

/// A correlation of NHWC images with packed weights, written anywhere.
struct Correlation {
    isa: TileIsa,
    batch: usize,
    /// Rows and columns of a source image.
    size: [usize; 2],
    /// Channels of a source image.
    channels: usize,
    /// Channels of a result pixel.
    filters: usize,
    groups: usize,
    taps: [usize; 2],
    dilation: [usize; 2],
    stride: [usize; 2],
    /// Source place of result place 0 and tap 0.
    origin: [isize; 2],
    /// Rows and columns of the result.
    out_size: [usize; 2],
    /// Where the result goes: first place, distance between images, rows, pixels.
    out_first: usize,
    out_strides: [usize; 3],
}

/// Where the results go, rounded if to bf16.
#[derive(Clone, Copy)]
pub(super) enum Output {
    F32(Target),
    Bf16(Target<bf16>),
}

impl Correlation {
    fn group_channels(&self) -> usize {
        self.channels / self.groups
    }

    fn group_filters(&self) -> usize {
        self.filters / self.groups
    }

    /// Result pixels of a row for which kernel column `column` is inside the source.
    fn pixels_inside(&self, column: usize) -> Range<usize> {
        let first = self.origin[1] + (column * self.dilation[1]) as isize;
        inside(first, self.stride[1], self.out_size[1], self.size[1])
    }

    /// Whether to sum column by column and leave out what falls in the padding, instead of working on a copy with zeros:
    /// it is when that saves a good part of the products.
    fn skips_padding(&self) -> bool {
        let products: usize = (0..self.taps[1]).map(|column| self.pixels_inside(column).len()).sum();
        self.group_channels() >= 8 && self.out_size[1] * self.taps[1] * 5 > products * 6
    }

    /// Kernel columns whose products are summed in one go: all, when their inputs lie next to each other.
    fn columns_at_once(&self, skips_padding: bool) -> usize {
        if !skips_padding && self.groups == 1 && (self.dilation[1] == 1 || self.taps[1] == 1) {
            self.taps[1]
        } else {
            1
        }
    }

    fn depth(&self) -> usize {
        self.taps[0] * self.taps[1] * self.group_channels()
    }

    /// The part of the source that result rows `rows` look at.
    fn window(&self, rows: Range<usize>) -> Window {
        let span = |i: usize, count: usize| (count - 1) * self.stride[i] + (self.taps[i] - 1) * self.dilation[i] + 1;
        Window {
            origin: [self.origin[0] + (rows.start * self.stride[0]) as isize, self.origin[1]],
            size: [span(0, rows.len()), span(1, self.out_size[1])],
        }
    }

    /// The weights, packed for the tiles.
    fn pack(&self, weight: &[f32], strides: &WeightStrides) -> Buffer {
        let (channels, filters) = (self.group_channels(), self.group_filters());
        Filters { isa: self.isa, groups: self.groups, channels, filters, taps: self.taps }.pack(weight, strides)
    }

    /// Runs the correlation of all images.
    ///
    /// # Safety
    /// `isa` is available and every result place is inside the slice of `output`; no two are the same.
    unsafe fn run(&self, source: &[f32], packed: &[f32], epilogue: &Epilogue<'_>, output: Output) {
        let cut = self.cut();
        let image_len = self.size[0] * self.size[1] * self.channels;
        let whole = self.window(0..self.out_size[0]);
        let skips_padding = !whole.is_inside(self.size) && self.skips_padding();
        let copy_len = match skips_padding || whole.is_inside(self.size) {
            true => 0,
            false => self.window(0..cut.rows).len(self.channels),
        };
        // Sums that are to be rounded wait here.
        let sums_len = match output {
            Output::F32(_) => 0,
            Output::Bf16(_) => cut.rows * self.out_size[1] * self.filters,
        };
        let unit_len = sums_len + copy_len;
        let image = |unit: usize| &source[unit / cut.blocks * image_len..][..image_len];
        let rows = |unit: usize| {
            let first = unit % cut.blocks * cut.rows;
            first..(first + cut.rows).min(self.out_size[0])
        };
        let place = |unit: usize| {
            self.out_first + unit / cut.blocks * self.out_strides[0] + rows(unit).start * self.out_strides[1]
        };
        let copies = |window: &Window| !skips_padding && !window.is_inside(self.size);
        let block = |unit: usize, scratch: *mut f32| {
            let window = self.window(rows(unit));
            let (from, line) = if copies(&window) {
                (scratch.wrapping_add(sums_len).cast_const(), window.size[1] * self.channels)
            } else {
                // May lie outside as long as nothing is read in the padding.
                let first = window.origin[0] * self.size[1] as isize + window.origin[1];
                (image(unit).as_ptr().wrapping_offset(first * self.channels as isize), self.size[1] * self.channels)
            };
            let (to, to_strides) = match output {
                Output::F32(target) => (target.at(place(unit)), [self.out_strides[1], self.out_strides[2]]),
                Output::Bf16(_) => (scratch, [self.out_size[1] * self.filters, self.filters]),
            };
            Block {
                correlation: self,
                rows: rows(unit),
                from,
                line,
                skips_padding,
                packed,
                to,
                to_strides,
                place: place(unit),
            }
        };
        let chunks = (self.batch * cut.blocks).div_ceil(cut.units_per_chunk);
        let scratch_len = cut.units_per_chunk * unit_len;
        parallel_for_scratch::<f32>(chunks * cut.panel_parts, scratch_len, &|chunk, scratch| {
            let _session = self.isa.session();
            let (chunk, part) = (chunk / cut.panel_parts, chunk % cut.panel_parts);
            let first = chunk * cut.units_per_chunk;
            let units = first..(first + cut.units_per_chunk).min(self.batch * cut.blocks);
            for (i, unit) in units.clone().enumerate() {
                let window = self.window(rows(unit));
                if copies(&window) {
                    let to = &mut scratch[i * unit_len + sums_len..][..copy_len];
                    window.copy(image(unit), self.size, self.channels, to);
                }
            }
            let scratch = scratch.as_mut_ptr();
            // A panel of weights stays in the cache for all units.
            for panel in part * cut.panels / cut.panel_parts..(part + 1) * cut.panels / cut.panel_parts {
                for (i, unit) in units.clone().enumerate() {
                    let sums = scratch.wrapping_add(i * unit_len);
                    // SAFETY: the window is inside the image, was copied, or its padding is skipped, so all taps of these
                    // rows may be read; the caller promises the result places, and each unit and panel runs once.
                    unsafe {
                        block(unit, sums).run(panel, epilogue);
                        if let Output::Bf16(target) = output {
                            self.round(rows(unit).len(), self.panel_filters(panel), sums, target.at(place(unit)));
                        }
                    }
                }
            }
        });
    }
}

/// How a correlation is cut for the threads. A unit is some rows of an image.
struct Cut {
    rows: usize,
    /// Units of an image.
    blocks: usize,
    units_per_chunk: usize,
    /// Panels of all groups, and parts they are cut in where there are few pixels.
    panels: usize,
    panel_parts: usize,
}

impl Correlation {
    fn cut(&self) -> Cut {
        let pixels = self.batch * self.out_size[0] * self.out_size[1];
        let weights = self.depth() * self.group_filters() * self.groups;
        // Large weights are read for as many pixels as possible; the small ones are in the cache anyway.
        let wanted = if weights >= LARGE_WEIGHTS { MAX_PIXELS } else { (pixels / MIN_CHUNKS).min(MAX_PIXELS) };
        let wanted = wanted.max(CHUNK_WORK.div_ceil(weights.max(1)));
        let rows = wanted.div_ceil(self.out_size[1]).min(self.out_size[0]);
        let blocks = self.out_size[0].div_ceil(rows);
        // Blocks of equal height.
        let rows = self.out_size[0].div_ceil(blocks);
        let blocks = self.out_size[0].div_ceil(rows);
        let units = self.batch * blocks;
        let units_per_chunk = if blocks > 1 { 1 } else { (wanted / (rows * self.out_size[1])).clamp(1, units) };
        let panels = self.groups * Panels::new(self.isa, self.group_filters()).count();
        let chunks = units.div_ceil(units_per_chunk);
        let panel_parts = MIN_CHUNKS.div_ceil(chunks).min(panels).max(1);
        Cut { rows, blocks, units_per_chunk, panels, panel_parts }
    }

    /// The same correlation in longer rows where that is possible: kernels of one element care for no row's end.
    fn flattened(self) -> Self {
        let dense = self.out_strides[1] == self.out_size[1] * self.out_strides[2]
            && self.out_strides[0] == self.out_size[0] * self.out_strides[1];
        let plain = self.taps == [1, 1] && self.stride == [1, 1] && self.origin == [0, 0] && self.size == self.out_size;
        let area = self.size[0] * self.size[1];
        if !plain || !dense || area > MAX_PIXELS * MAX_PIXELS {
            return self;
        }
        // Rows of whole images, all images below each other: few images stay in rows, to have enough of them.
        let size =
            if self.batch >= MIN_CHUNKS { [self.batch, area] } else { [self.batch * self.size[0], self.size[1]] };
        let out_strides = [0, size[1] * self.out_strides[2], self.out_strides[2]];
        Self { batch: 1, size, out_size: size, out_strides, ..self }
    }
}

impl Correlation {
    /// The filters of a panel of a group.
    fn panel_filters(&self, panel: usize) -> Range<usize> {
        let panels = Panels::new(self.isa, self.group_filters());
        let (group, columns) = (panel / panels.count(), panels.columns(panel % panels.count()));
        let first = group * self.group_filters();
        first + columns.start..first + columns.end
    }

    /// Rounds the sums of some filters of some rows to their places; `sums` and `to` are those of the first pixel.
    ///
    /// # Safety
    /// The sums may be read and the result places written, and nobody else uses them.
    unsafe fn round(&self, rows: usize, filters: Range<usize>, sums: *const f32, to: *mut bf16) {
        // All filters of neighbouring pixels are one run.
        let whole = filters.len() == self.filters && self.out_strides[2] == self.filters;
        let [runs, len] = if whole { [1, self.out_size[1] * self.filters] } else { [self.out_size[1], filters.len()] };
        for (row, run) in (0..rows).flat_map(|row| (0..runs).map(move |run| (row, run))) {
            let from = (row * self.out_size[1] + run) * self.filters + filters.start;
            let place = row * self.out_strides[1] + run * self.out_strides[2] + filters.start;
            // SAFETY: passed on.
            unsafe {
                let sums = std::slice::from_raw_parts(sums.wrapping_add(from), len);
                crate::bf16::round_here(sums, std::slice::from_raw_parts_mut(to.wrapping_add(place), len));
            }
        }
    }
}

/// The `k < count` for which `first + k * step` is a place of `0..size`.
pub(super) fn inside(first: isize, step: usize, count: usize, size: usize) -> Range<usize> {
    let start = (-first).max(0).unsigned_abs().div_ceil(step);
    let end = (size as isize - first).max(0).unsigned_abs().div_ceil(step).min(count);
    start.min(end)..end
}

/// Some result rows of one image.
struct Block<'a> {
    correlation: &'a Correlation,
    rows: Range<usize>,
    /// The source place of the first tap of the first pixel of these rows.
    from: *const f32,
    /// Distance between rows of the source.
    line: usize,
    skips_padding: bool,
    packed: &'a [f32],
    /// The result place of the first pixel, and the distances between rows and pixels there.
    to: *mut f32,
    to_strides: [usize; 2],
    /// Where that place is in the output.
    place: usize,
}

impl Block<'_> {
    /// Computes the results of one panel of filters of a group.
    ///
    /// # Safety
    /// All taps may be read, except those in the padding where it is skipped, and all result places written.
    unsafe fn run(&self, panel: usize, epilogue: &Epilogue<'_>) {
        let c = self.correlation;
        let filters = c.panel_filters(panel);
        let (group, filter) = (filters.start / c.group_filters(), filters.start);
        let columns = filter - group * c.group_filters()..filters.end - group * c.group_filters();
        let at_once = c.columns_at_once(self.skips_padding);
        let segments_at_once = (MAX_DEPTH / (at_once * c.group_channels()).max(1)).max(1);
        let mut start =
            epilogue.first().map_or(Start::Zero, |bias| Start::Bias(bias[filter..][..columns.len()].as_ptr()));
        // SAFETY: passed on, here and below.
        let mut sum = |taps: [Range<usize>; 2]| unsafe {
            self.run_taps(group, columns.clone(), taps, start);
            start = Start::Accumulate;
        };
        if self.skips_padding {
            // No one column reaches all pixels: give them their first value.
            sum([0..0, 0..0]);
        }
        for segment in (0..c.taps[0]).step_by(segments_at_once) {
            let rows = segment..(segment + segments_at_once).min(c.taps[0]);
            for column in (0..c.taps[1]).step_by(at_once) {
                sum([rows.clone(), column..column + at_once]);
            }
        }
        if epilogue.is_left() {
            vectorized(|| {
                for (row, pixel) in (0..self.rows.len()).flat_map(|row| (0..c.out_size[1]).map(move |x| (row, x))) {
                    let offset = row * self.to_strides[0] + pixel * self.to_strides[1] + filter;
                    // SAFETY: these are the results just written, which nobody else uses.
                    let sums = unsafe { std::slice::from_raw_parts_mut(self.to.wrapping_add(offset), columns.len()) };
                    epilogue.finish_here(filter, self.place + offset, sums);
                }
            });
        }
    }

    /// Adds the products with some kernel rows and columns for one panel of filters.
    ///
    /// # Safety
    /// As [`Block::run`].
    unsafe fn run_taps(&self, group: usize, columns: Range<usize>, taps: [Range<usize>; 2], start: Start) {
        let c = self.correlation;
        let (channels, width) = (c.group_channels(), columns.len());
        let filter = group * c.group_filters() + columns.start;
        let weights = &self.packed[filter * c.depth()..][..c.depth() * width];
        let max_rows = c.isa.max_rows(width.div_ceil(c.isa.lanes()));
        let pixels = match self.skips_padding && !taps[1].is_empty() {
            true => c.pixels_inside(taps[1].start),
            false => 0..c.out_size[1],
        };
        for row in self.rows.clone() {
            // Kernel rows in the padding above and below are left out.
            let source_row = c.origin[0] + (row * c.stride[0]) as isize;
            let here = inside(source_row, c.dilation[0], c.taps[0], c.size[0]);
            let first = here.start.max(taps[0].start);
            let segments = here.end.min(taps[0].end).saturating_sub(first);
            if segments == 0 && matches!(start, Start::Accumulate) {
                continue;
            }
            let place = ((row - self.rows.start) * c.stride[0] + first * c.dilation[0]) * self.line
                + taps[1].start * c.dilation[1] * c.channels
                + group * channels;
            let to_row = (row - self.rows.start) * self.to_strides[0];
            for_each_tile(pixels.clone(), max_rows, |pixel, count| {
                let tile = Tile {
                    a: self.from.wrapping_add(place + pixel * c.stride[1] * c.channels),
                    a_row: c.stride[1] * c.channels,
                    a_step: 1,
                    a_segment: c.dilation[0] * self.line,
                    b: weights.as_ptr().wrapping_add((first * c.taps[1] + taps[1].start) * channels * width),
                    b_step: width,
                    b_segment: c.taps[1] * channels * width,
                    segments,
                    depth: taps[1].len() * channels,
                    c: self.to.wrapping_add(to_row + pixel * self.to_strides[1] + filter),
                    c_row: self.to_strides[1],
                    cols: width,
                    start,
                };
                // SAFETY: passed on; the tile is within the limits of the instruction set.
                unsafe { tile.run(c.isa, count) };
            });
        }
    }
}

/// Weights as they come, for the tests.
#[cfg(test)]
pub(super) fn forward(
    isa: TileIsa,
    g: &Conv2dGeometry,
    input: &[f32],
    weight: &[f32],
    bias: Option<&[f32]>,
    output: &mut [f32],
) {
    let epilogue = Epilogue { bias, ..Epilogue::default() };
    let packed = pack(isa, g, weight);
    // SAFETY: the lengths have been checked against the geometry.
    unsafe { forward_packed(isa, g, input, packed.as_slice(), &epilogue, Output::F32(Target::new(output))) };
}

/// The weights as [`forward_packed`] reads them.
pub(super) fn pack(isa: TileIsa, g: &Conv2dGeometry, weight: &[f32]) -> Buffer {
    Correlation::forward(isa, g).pack(weight, &WeightStrides::forward(g))
}

/// The forward pass with weights from [`pack`] for these channels and this kernel; of words, `g` counts them as channels.
///
/// # Safety
/// `isa` is available and the lengths fit the geometry.
pub(super) unsafe fn forward_packed(
    isa: TileIsa,
    g: &Conv2dGeometry,
    input: &[f32],
    packed: &[f32],
    epilogue: &Epilogue<'_>,
    output: Output,
) {
    if g.output_len() > 0 {
        // SAFETY: passed on; these are the output places of the geometry.
        unsafe { Correlation::forward(isa, g).run(input, packed, epilogue, output) };
    }
}

impl Correlation {
    fn forward(isa: TileIsa, g: &Conv2dGeometry) -> Self {
        let out_size = g.output_size();
        Self {
            isa,
            batch: g.batch,
            size: [g.in_height, g.in_width],
            channels: g.in_channels,
            filters: g.out_channels,
            groups: g.groups,
            taps: g.kernel,
            dilation: g.dilation,
            stride: g.stride,
            origin: g.padding.map(|padding| -(padding as isize)),
            out_size,
            out_first: 0,
            out_strides: [out_size[0] * out_size[1], out_size[1], 1].map(|pixels| pixels * g.out_channels),
        }
        .flattened()
    }
}

/// One axis of the gradient of the input: the places with one remainder of `(place + padding) / stride`.
struct Phase {
    /// First such place, and how many there are.
    first: usize,
    count: usize,
    /// First kernel element that reaches them, and how many do.
    tap: usize,
    taps: usize,
    /// Distance of those in the output gradient.
    dilation: usize,
    /// Place in the output gradient of the first place and the last kernel element.
    origin: isize,
}

impl Phase {
    /// The phases along axis `i`. `None` when stride and dilation are both above 1, which these do not cover.
    fn all(g: &Conv2dGeometry, i: usize, size: usize) -> Option<Vec<Phase>> {
        let (stride, padding, kernel, dilation) = (g.stride[i], g.padding[i], g.kernel[i], g.dilation[i]);
        if stride > 1 && dilation > 1 && kernel > 1 {
            return None;
        }
        let phase = |remainder: usize| {
            // The least place with (place + padding) % stride == remainder.
            let first = (remainder + stride - padding % stride) % stride;
            let taps = if remainder < kernel { (kernel - remainder).div_ceil(stride) } else { 0 };
            let step = if stride == 1 { dilation } else { 1 };
            let origin = ((first + padding - remainder) / stride) as isize - ((taps.max(1) - 1) * step) as isize;
            let count = if first < size { (size - first).div_ceil(stride) } else { 0 };
            Phase { first, count, tap: remainder, taps, dilation: step, origin }
        };
        Some((0..stride).map(phase).filter(|phase| phase.count > 0).collect())
    }
}

/// Returns false, having done nothing, for a geometry that is not covered (stride and dilation both above 1).
pub(super) fn backward_input(
    isa: TileIsa,
    g: &Conv2dGeometry,
    grad_output: &[f32],
    weight: &[f32],
    grad_input: &mut [f32],
) -> bool {
    if leaves_places(g) {
        grad_input.fill(0.0);
    }
    // SAFETY: the lengths have been checked against the geometry.
    unsafe { backward_input_to(isa, g, grad_output, weight, Output::F32(Target::new(grad_input))) }
}

/// Whether there are places of the input that no output looks at, whose gradient [`backward_input_to`] leaves alone.
pub(super) fn leaves_places(g: &Conv2dGeometry) -> bool {
    let phases = (0..2).filter_map(|i| Phase::all(g, i, [g.in_height, g.in_width][i]));
    g.output_len() == 0 || phases.flatten().any(|phase| phase.taps == 0)
}

/// As [`backward_input`], in words: `g` counts them as filters.
///
/// # Safety
/// `isa` is available and the lengths fit the geometry.
pub(super) unsafe fn backward_input_to(
    isa: TileIsa,
    g: &Conv2dGeometry,
    grad_output: &[f32],
    weight: &[f32],
    output: Output,
) -> bool {
    let Some((rows, columns)) = Phase::all(g, 0, g.in_height).zip(Phase::all(g, 1, g.in_width)) else { return false };
    if g.output_len() == 0 || g.input_len() == 0 {
        return true;
    }
    let area = (g.kernel[0] * g.kernel[1]) as isize;
    let (filters, channels) = (g.group_out_channels(), g.group_in_channels());
    for (row, column) in rows.iter().flat_map(|row| columns.iter().map(move |column| (row, column))) {
        if row.taps == 0 || column.taps == 0 {
            continue;
        }
        let correlation = Correlation {
            isa,
            batch: g.batch,
            size: g.output_size(),
            channels: g.out_channels,
            filters: g.in_channels,
            groups: g.groups,
            taps: [row.taps, column.taps],
            dilation: [row.dilation, column.dilation],
            stride: [1, 1],
            origin: [row.origin, column.origin],
            out_size: [row.count, column.count],
            out_first: (row.first * g.in_width + column.first) * g.in_channels,
            out_strides: [g.in_height * g.in_width, g.stride[0] * g.in_width, g.stride[1]]
                .map(|pixels| pixels * g.in_channels),
        }
        .flattened();
        // The last kernel element of the phase meets the first place.
        let last = |phase: &Phase, stride: usize| phase.tap + (phase.taps - 1) * stride;
        let strides = WeightStrides {
            first: last(row, g.stride[0]) * g.kernel[1] + last(column, g.stride[1]),
            group: filters * channels * area as usize,
            filter: area as usize,
            channel: channels * area as usize,
            taps: [-((g.stride[0] * g.kernel[1]) as isize), -(g.stride[1] as isize)],
        };
        let packed = correlation.pack(weight, &strides);
        // SAFETY: passed on; the phases cut the input places in disjoint sets.
        unsafe { correlation.run(grad_output, packed.as_slice(), &Epilogue::default(), output) };
    }
    true
}
