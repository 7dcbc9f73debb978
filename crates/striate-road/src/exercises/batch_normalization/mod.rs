//! Exercises of the station `batch-normalization`.

use crate::exercise::Exercise;

pub(crate) mod normalization;

mod bn_backward;
mod bn_forward;
mod layernorm;
mod spatial_bn_backward;

/// In the order of the station.
pub(super) static EXERCISES: &[&Exercise] = &[
    &bn_forward::BN_FORWARD,
    &bn_backward::BN_BACKWARD,
    &layernorm::LAYERNORM,
    &spatial_bn_backward::SPATIAL_BN_BACKWARD,
];
