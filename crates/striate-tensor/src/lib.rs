//! Tensors with automatic differentiation
