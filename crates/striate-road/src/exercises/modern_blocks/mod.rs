//! Exercises of the station `modern-blocks`.

use crate::exercise::Exercise;

mod block;

mod depthwise;
mod fold_bn;
mod residual_backward;
mod residual_block;

/// In the order of the station.
pub(super) static EXERCISES: &[&Exercise] =
    &[&residual_block::RESIDUAL_BLOCK, &residual_backward::RESIDUAL_BACKWARD, &depthwise::DEPTHWISE, &fold_bn::FOLD_BN];
