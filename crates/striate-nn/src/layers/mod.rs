//! The layers, one file for each kind.

mod activation;
mod batch_norm;
mod conv2d;
mod dropout;
mod flatten;
mod linear;
mod pooling;
mod sequential;

pub use activation::{GELU, LogSoftmax, ReLU, Sigmoid, Tanh};
pub use batch_norm::BatchNorm2d;
pub use conv2d::{Conv2d, Conv2dConfig};
pub use dropout::Dropout;
pub use flatten::Flatten;
pub use linear::Linear;
pub use pooling::{AvgPool2d, MaxPool2d};
pub use sequential::Sequential;
