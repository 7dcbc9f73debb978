//! The MNIST digits, compressed, as one crate
