//! The layers, one file for each kind.

mod activation;
mod additive_attention;
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
mod pooling1d;
mod prelu;
mod recurrent;
mod sequential;
mod shrink;
mod tokens;
mod transformer;
mod upsample;
mod window;

pub use activation::{
    CELU, ELU, GELU, GELUTanh, Hardsigmoid, Hardswish, Identity, LeakyReLU, LogSoftmax, Mish, ReLU, SELU, SiLU,
    Sigmoid, Softmax, Softmin, Softplus, Tanh,
};
pub use additive_attention::AdditiveAttention;
pub use attention::{
    MultiheadAttention, MultiheadAttentionConfig, causal_mask, padding_mask, scaled_dot_product_attention,
};
pub use batch_norm::{BatchNorm1d, BatchNorm2d};
pub use checkpoint::Checkpoint;
pub use conv_norm::ConvNorm;
pub use conv_transpose2d::{ConvTranspose2d, ConvTranspose2dConfig};
pub use conv1d::{Conv1d, Conv1dConfig, ConvTranspose1d};
pub use conv2d::{Conv2d, Conv2dConfig};
pub use dropout::{ChannelDropout, Dropout};
pub use embedding::Embedding;
pub use flatten::Flatten;
pub use group_norm::GroupNorm;
pub use instance_norm::{InstanceNorm1d, InstanceNorm2d};
pub use layer_norm::LayerNorm;
pub use linear::Linear;
pub use local_response_norm::LocalResponseNorm;
pub use pixel_shuffle::{PixelShuffle, PixelUnshuffle};
pub use pooling::{AdaptiveAvgPool2d, AdaptiveMaxPool2d, AvgPool2d, MaxPool2d};
pub use pooling1d::{AdaptiveAvgPool1d, AdaptiveMaxPool1d, AvgPool1d, MaxPool1d};
pub use prelu::PReLU;
pub use recurrent::{
    Cell, GRU, GRUCell, GruCell, LSTM, LSTMCell, LstmCell, RNN, RNNCell, Recurrent, RecurrentCell, RecurrentConfig,
    ReluRNN, ReluRnnCell, RnnCell, SequenceFn,
};
pub use sequential::Sequential;
pub use shrink::{GLU, Hardshrink, Hardtanh, LogSigmoid, Maxout, ReLU6, Softshrink, Softsign, Tanhshrink};
pub use tokens::{Positions, patchify, sinusoidal_positions};
pub use transformer::{TransformerConfig, TransformerDecoderLayer, TransformerEncoderLayer};
pub use upsample::Upsample;
pub use window::Pair;
