//! Weights of a convolution arranged once for many uses.

use std::ops::Deref;

use super::{Conv2dGeometry, bf16 as pairs, tiled, winograd};
use crate::arch::TileIsa;
use crate::bf16::{bf16, widened};
use crate::epilogue::Epilogue;
use crate::memory::Buffer;
use crate::panels::Target;

/// The weights of a convolution as its forward kernel reads them: for images of `f32` or of bf16.
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
    isa: TileIsa,
    channels: [usize; 2],
    kernel: [usize; 2],
    groups: usize,
    /// Of Winograd's algorithm, where the weights are transformed.
    tiling: Option<winograd::Tiling>,
}

impl Key {
    fn new(isa: TileIsa, g: &Conv2dGeometry) -> Self {
        let tiling = winograd::tiling(isa, g, g.output_size());
        Self { isa, channels: [g.in_channels, g.out_channels], kernel: g.kernel, groups: g.groups, tiling }
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
        let key = Key::new(TileIsa::f32(), g);
        let packed = match key.tiling {
            Some(tiling) => winograd::pack_forward::<f32>(tiling, key.isa, g, weight),
            None => tiled::pack(key.isa, g, weight),
        };
        Some(Self { packed, key })
    }

    /// [`PackedWeight::new`] for bf16. `None` also where the channels of a group have no pairs.
    ///
    /// # Panics
    /// If the length does not fit the geometry.
    pub fn new_bf16(g: &Conv2dGeometry, weight: &[bf16]) -> Option<Self> {
        Self::new_bf16_for(TileIsa::bf16(), g, weight)
    }

    pub(super) fn new_bf16_for(isa: TileIsa, g: &Conv2dGeometry, weight: &[bf16]) -> Option<Self> {
        g.check();
        assert_eq!(weight.len(), g.weight_len(), "conv2d: length of the weight for {g:?}");
        if weight.is_empty() || !pairs::has_pairs(g) {
            return None;
        }
        let key = Key::new(isa, g);
        let packed = match key.tiling {
            Some(tiling) => winograd::pack_forward::<bf16>(tiling, isa, g, widened(weight).as_slice()),
            None => pairs::pack(isa, g, weight),
        };
        Some(Self { packed, key })
    }

    /// Whether these weights are arranged as this convolution of `f32` needs them. That may change with the size of the batch.
    pub fn fits(&self, g: &Conv2dGeometry) -> bool {
        self.key == Key::new(TileIsa::f32(), g)
    }

    /// [`PackedWeight::fits`] for bf16.
    pub fn fits_bf16(&self, g: &Conv2dGeometry) -> bool {
        self.key == Key::new(TileIsa::bf16(), g)
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
        let (isa, packed) = (self.key.isa, self.packed.as_slice::<f32>());
        let direct = |packed: &[f32], output: &mut [f32]| {
            // SAFETY: the lengths have been checked, and the instruction set is the one in use.
            unsafe { tiled::forward_packed(isa, g, input, packed, epilogue, tiled::Output::F32(Target::new(output))) };
        };
        let Some(tiling) = self.key.tiling else {
            return direct(packed, output);
        };
        if !winograd::forward(tiling, isa, g, input, packed, epilogue, output) {
            direct(tiled::pack(isa, g, weight).as_slice(), output);
        }
    }

    /// [`forward_bf16`](super::forward_bf16) with these weights, and more steps before the results are rounded; `weight` gives
    /// them as they were before they were arranged, and is called where infinities are met.
    ///
    /// # Panics
    /// If a length does not fit the geometry, the weights do not [fit](PackedWeight::fits_bf16), or there is a residual.
    pub fn forward_bf16<W: Deref<Target = [bf16]>>(
        &self,
        g: &Conv2dGeometry,
        input: &[bf16],
        weight: impl FnOnce() -> W,
        epilogue: &Epilogue<'_>,
        output: &mut [bf16],
    ) {
        g.check_lengths(input.len(), g.weight_len(), output.len());
        assert!(self.key == Key::new(self.key.isa, g), "conv2d: weights arranged for {:?} used for {g:?}", self.key);
        epilogue.check(g.out_channels, output.len());
        assert!(epilogue.residual.is_none(), "conv2d: a residual of f32 beside bf16");
        let (isa, packed) = (self.key.isa, self.packed.as_slice::<f32>());
        let Some(tiling) = self.key.tiling else {
            return pairs::forward_packed(isa, g, input, packed, epilogue, output);
        };
        if !winograd::forward(tiling, isa, g, input, packed, epilogue, output) {
            pairs::forward_packed(isa, g, input, pairs::pack(isa, g, &weight()).as_slice(), epilogue, output);
        }
    }
}
