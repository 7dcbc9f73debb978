//! Vision models built from `striate-nn`.
//!
//! Every model is an ordinary [`Module`](striate_nn::Module) with named layers, initialised from a seed: the same seed
//! gives the same weights on every machine.

pub mod digits;
pub mod resnet;
