//! The layers, one file for each kind.

mod activation;
mod attention;
mod batch_norm;
mod checkpoint;
mod conv1d;
mod conv2d;
mod conv_norm;
mod conv_transpose2d;
mod dropout;
mod embedding;
mod flatten;
mod group_norm;
mod instance_norm;
mod layer_norm;
mod linear;
mod local_response_norm;
mod norm;
mod pixel_shuffle;
mod pooling;
mod prelu;
mod recurrent;
mod sequential;
mod transformer;
mod upsample;

pub use activation::{
    ELU, GELU, Hardsigmoid, Hardswish, Hardtanh, Identity, LeakyReLU, LogSoftmax, Mish, ReLU, SELU, SiLU, Sigmoid,
    Softmax, Softplus, Tanh,
};
pub use attention::{MultiheadAttention, causal_mask, scaled_dot_product_attention};
pub use batch_norm::{BatchNorm1d, BatchNorm2d};
pub use checkpoint::Checkpoint;
pub use conv_norm::ConvNorm;
pub use conv_transpose2d::{ConvTranspose2d, ConvTranspose2dConfig};
pub use conv1d::{Conv1d, Conv1dConfig, ConvTranspose1d};
pub use conv2d::{Conv2d, Conv2dConfig};
pub use dropout::Dropout;
pub use embedding::Embedding;
pub use flatten::Flatten;
pub use group_norm::GroupNorm;
pub use instance_norm::InstanceNorm2d;
pub use layer_norm::LayerNorm;
pub use linear::Linear;
pub use local_response_norm::LocalResponseNorm;
pub use pixel_shuffle::PixelShuffle;
pub use pooling::{AdaptiveAvgPool2d, AdaptiveMaxPool2d, AvgPool2d, MaxPool2d};
pub use prelu::PReLU;
pub use recurrent::{Cell, GRU, GruCell, LSTM, LstmCell, RNN, Recurrent, RecurrentConfig, RnnCell};
pub use sequential::Sequential;
pub use transformer::{TransformerConfig, TransformerDecoderLayer, TransformerEncoderLayer};
pub use upsample::Upsample;
