//! Weights of a convolution arranged once for many uses.

use super::{Conv2dGeometry, tiled, winograd};
use crate::arch::TileIsa;
use crate::epilogue::Epilogue;
use crate::memory::Buffer;

/// The weights of a convolution of `f32` as its forward kernel reads them.
///
/// Arranging is a pass over the weights, which is most of the work for a single small image. Who uses the same weights
/// again may keep them arranged.
#[derive(Debug)]
pub struct PackedWeight {
    packed: Buffer,
    key: Key,
}

/// What the arrangement depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Key {
    channels: [usize; 2],
    kernel: [usize; 2],
    groups: usize,
    transformed: bool,
}

impl Key {
    fn new(g: &Conv2dGeometry) -> Self {
        let transformed = winograd::suits(TileIsa::f32(), g);
        Self { channels: [g.in_channels, g.out_channels], kernel: g.kernel, groups: g.groups, transformed }
    }
}

impl PackedWeight {
    /// Arranges OIHW weights. `None` where the kernel reads them as they are: depthwise or empty.
    ///
    /// # Panics
    /// If the length does not fit the geometry.
    pub fn new(g: &Conv2dGeometry, weight: &[f32]) -> Option<Self> {
        g.check();
        assert_eq!(weight.len(), g.weight_len(), "conv2d: length of the weight for {g:?}");
        if weight.is_empty() || g.is_depthwise() {
            return None;
        }
        let (isa, key) = (TileIsa::f32(), Key::new(g));
        let arrange = if key.transformed { winograd::pack_forward::<f32> } else { tiled::pack };
        Some(Self { packed: arrange(isa, g, weight), key })
    }

    /// Whether these weights are arranged as this convolution needs them. That may change with the size of the batch.
    pub fn fits(&self, g: &Conv2dGeometry) -> bool {
        self.key == Key::new(g)
    }

    /// [`forward_fused`](super::forward_fused) with these weights, given beside the input as they were before they were
    /// arranged.
    ///
    /// # Panics
    /// If a length does not fit the geometry, or the weights do not [fit](PackedWeight::fits).
    pub fn forward(
        &self,
        g: &Conv2dGeometry,
        [input, weight]: [&[f32]; 2],
        epilogue: &Epilogue<'_>,
        output: &mut [f32],
    ) {
        g.check_lengths(input.len(), weight.len(), output.len());
        assert!(self.fits(g), "conv2d: weights arranged for {:?} used for {g:?}", self.key);
        epilogue.check(g.out_channels, output.len());
        let (isa, packed) = (TileIsa::f32(), self.packed.as_slice::<f32>());
        let direct = |packed: &[f32], output: &mut [f32]| {
            // SAFETY: the lengths have been checked, and the instruction set is the one in use.
            unsafe { tiled::forward_packed(isa, g, input, packed, epilogue, output) };
        };
        if !self.key.transformed {
            direct(packed, output);
        } else if !winograd::forward(isa, g, input, packed, epilogue, output) {
            direct(tiled::pack(isa, g, weight).as_slice(), output);
        }
    }
}
