//! Weights in the order in which the tiles read them, and gradients back in that of the weights.
//!
//! A filter's numbers lie behind each other, and the tiles read one number of many filters. Sixteen filters and a few channels
//! at a time are turned in the cache: read or written one by one, filters of one power of two of numbers would throw each
//! other out of it.

use super::Conv2dGeometry;
use crate::arch::{Isa, TileIsa};
use crate::layout::transpose_block;
use crate::memory::Buffer;
use crate::panels::{Panels, Target};
use crate::threads::{Pieces, parallel_for_scratch};

/// Filters, and channels, that are turned together.
const BLOCK: usize = 16;
/// Fewer weights than this are one chunk.
const MIN_PARALLEL: usize = 4096;

/// Where the weight of `(filter, channel, tap row, tap column)` is found, all within a group.
pub(super) struct WeightStrides {
    pub first: usize,
    pub group: usize,
    pub filter: usize,
    pub channel: usize,
    pub taps: [isize; 2],
}

impl WeightStrides {
    /// Of OIHW weights, for the forward pass.
    pub(super) fn forward(g: &Conv2dGeometry) -> Self {
        let area = g.kernel[0] * g.kernel[1];
        Self {
            first: 0,
            group: g.group_out_channels() * g.group_in_channels() * area,
            filter: g.group_in_channels() * area,
            channel: area,
            taps: [g.kernel[1] as isize, 1],
        }
    }
}

/// The filters of a correlation; channels and filters are those of a group.
pub(super) struct Filters {
    pub isa: TileIsa,
    pub groups: usize,
    pub channels: usize,
    pub filters: usize,
    pub taps: [usize; 2],
}

/// The part of a panel that is packed in one go.
struct Part {
    group: usize,
    panel: std::ops::Range<usize>,
    channels: std::ops::Range<usize>,
}

impl Filters {
    fn area(&self) -> usize {
        self.taps[0] * self.taps[1]
    }

    /// The weights as `[group][panel][tap row][tap column][channel][filter of the panel]`.
    pub(super) fn pack(&self, weight: &[f32], strides: &WeightStrides) -> Buffer {
        let len = self.groups * self.area() * self.channels * self.filters;
        let panels = Panels::new(self.isa, self.filters);
        let mut packed = Buffer::uninit(len * size_of::<f32>());
        let target = Target::new(packed.as_mut_slice::<f32>());
        let blocks = self.channels.div_ceil(BLOCK);
        let parts = self.groups * panels.count() * blocks;
        let (chunks, per_chunk) = if len < MIN_PARALLEL { (1, parts) } else { (parts, 1) };
        parallel_for_scratch(chunks, BLOCK * BLOCK * self.area(), &|chunk, scratch: &mut [f32]| {
            for part in chunk * per_chunk..(chunk + 1) * per_chunk {
                let (block, panel) = (part % blocks, part / blocks % panels.count());
                let channels = block * BLOCK..((block + 1) * BLOCK).min(self.channels);
                let part = Part { group: part / blocks / panels.count(), panel: panels.columns(panel), channels };
                let weight = &weight[part.group * strides.group..];
                if strides.channel < strides.filter {
                    self.pack_turned(weight, strides, &part, scratch, target);
                } else {
                    self.pack_straight(weight, strides, &part, target);
                }
            }
        });
        packed
    }

    /// The place of a number of all filters of a panel.
    fn row<'a>(&self, part: &Part, tap: usize, channel: usize, target: Target) -> &'a mut [f32] {
        let width = part.panel.len();
        let start = (part.group * self.filters + part.panel.start) * self.area() * self.channels;
        let place = start + (tap * self.channels + channel) * width;
        // SAFETY: the place is inside the buffer of `pack`, and each (group, panel, channel) belongs to one part.
        unsafe { std::slice::from_raw_parts_mut(target.at(place), width) }
    }

    /// For weights whose numbers of a filter and neighbouring channels lie behind each other.
    fn pack_turned(&self, weight: &[f32], strides: &WeightStrides, part: &Part, scratch: &mut [f32], target: Target) {
        let area = self.area();
        let height = part.channels.len() * area;
        for first in (0..part.panel.len()).step_by(BLOCK) {
            let count = BLOCK.min(part.panel.len() - first);
            let from = (part.panel.start + first) * strides.filter + part.channels.start * strides.channel;
            let from = (&weight[from..], strides.filter);
            transpose_block(Isa::current(), from, (scratch, BLOCK), [height, count]);
            for (number, values) in scratch[..height * BLOCK].chunks_exact(BLOCK).enumerate() {
                let row = self.row(part, number % area, part.channels.start + number / area, target);
                row[first..first + count].copy_from_slice(&values[..count]);
            }
        }
    }

    /// For weights whose numbers of a channel and neighbouring filters lie near each other.
    fn pack_straight(&self, weight: &[f32], strides: &WeightStrides, part: &Part, target: Target) {
        for channel in part.channels.clone() {
            for tap in 0..self.area() {
                let [row, column] = [tap / self.taps[1], tap % self.taps[1]].map(|place| place as isize);
                let offset = strides.first as isize + row * strides.taps[0] + column * strides.taps[1];
                let from = offset as usize + channel * strides.channel + part.panel.start * strides.filter;
                let from = weight[from..].iter().step_by(strides.filter);
                for (to, &from) in self.row(part, tap, channel, target).iter_mut().zip(from) {
                    *to = from;
                }
            }
        }
    }
}

/// `[group][tap][channel][filter of the group]` to OIHW.
pub(super) fn filters_first(g: &Conv2dGeometry, sums: &[f32], grad_weight: &mut [f32]) {
    let (channels, filters, area) = (g.group_in_channels(), g.group_out_channels(), g.kernel[0] * g.kernel[1]);
    let filter_len = channels * area;
    // Small gradients are one chunk, and no chunk crosses a group.
    let per_chunk = if grad_weight.len() < MIN_PARALLEL && g.groups == 1 { filters } else { BLOCK.min(filters) };
    let per_chunk = if filters.is_multiple_of(per_chunk) || g.groups == 1 { per_chunk } else { 1 };
    let pieces = Pieces::new(grad_weight, per_chunk * filter_len);
    parallel_for_scratch(pieces.count(), BLOCK * BLOCK * area, &|chunk, scratch: &mut [f32]| {
        // SAFETY: each chunk runs once, and takes its own piece.
        let to = unsafe { pieces.get(chunk) };
        let (group, first) = (chunk * per_chunk / filters, chunk * per_chunk % filters);
        for (block, to) in to.chunks_mut(BLOCK * filter_len).enumerate() {
            let (first, count) = (first + block * BLOCK, to.len() / filter_len);
            for start in (0..channels).step_by(BLOCK) {
                let width = BLOCK.min(channels - start) * area;
                for (number, values) in scratch[..width * BLOCK].chunks_exact_mut(BLOCK).enumerate() {
                    let place = (group * area + number % area) * channels + start + number / area;
                    values[..count].copy_from_slice(&sums[place * filters + first..][..count]);
                }
                let to = (&mut to[start * area..], filter_len);
                transpose_block(Isa::current(), (&*scratch, BLOCK), to, [count, width]);
            }
        }
    });
}
