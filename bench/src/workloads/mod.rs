//! The workloads, one file each.
//!
//! Each is timed in every [`Precision`](crate::precision::Precision) that the engine has.

mod cold;
mod w1_gemm;
mod w2_conv2d;
mod w3_mnist;
mod w4_resnet;
mod w5_mlp;
mod w6_sequences;
mod w7_pointwise;

use std::error::Error;

use crate::{Settings, limits};

type Workload = fn(&Settings) -> Result<(), Box<dyn Error>>;

/// Every workload by name.
pub const ALL: [(&str, Workload); 9] = [
    ("w1", w1_gemm::run),
    ("w2", w2_conv2d::run),
    ("w3", w3_mnist::run),
    ("w4", w4_resnet::run),
    ("w5", w5_mlp::run),
    ("w6", w6_sequences::run),
    ("w7", w7_pointwise::run),
    ("cold", cold::run),
    ("limits", limits::run),
];
