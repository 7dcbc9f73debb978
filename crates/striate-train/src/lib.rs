//! The training loop, metrics, checkpoints and the run store
