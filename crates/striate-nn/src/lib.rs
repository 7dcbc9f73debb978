//! Neural-network modules, losses, initialisers, optimisers and schedules.
//!
//! Names and defaults are PyTorch's, so that what you know and the weights you have carry over. Nothing here touches a
//! file: state goes in and out as bytes ([`state`]).
//!
//! ```text
//! Context ──► Module::forward ──► loss ──► backward ──► Optimizer::step
//!  (mode,       (layers,          (cross     (striate-      (Sgd, Adam, ..; lr from
//!   random       Sequential)       entropy)   tensor)        a Schedule)
//!   streams)
//! ```
//!
//! One training step:
//!
//! ```
//! use striate_nn::optim::{Optimizer, Sgd};
//! use striate_nn::{Context, Linear, Module, ReLU, Sequential, loss};
//! use striate_tensor::{DType, Tensor, random::Generator};
//!
//! let mut generator = Generator::new(0);
//! let model = Sequential::new()
//!     .with("fc1", Linear::new(4, 8, &mut generator))
//!     .with("relu1", ReLU)
//!     .with("fc2", Linear::new(8, 3, &mut generator));
//! let mut optimizer = Sgd::new(model.named_parameters(), 0.1).momentum(0.9);
//!
//! let (x, y) = (Tensor::randn(&[5, 4], &mut generator), Tensor::from_slice(&[0_i64, 1, 2, 1, 0], &[5]));
//! let before = loss::cross_entropy(&model.forward(&x, &Context::train(0, 0)), &y);
//! optimizer.zero_grad();
//! before.backward();
//! optimizer.step();
//! let after = loss::cross_entropy(&model.forward(&x, &Context::eval()), &y);
//! assert!(after.item::<f32>() < before.item::<f32>());
//! ```

mod context;
mod ema;
mod error;
mod hooks;
pub mod init;
mod layers;
pub mod loss;
mod module;
pub mod optim;
mod pattern;
pub mod schedule;
pub mod state;

pub use context::{Context, ContextPlace};
pub use ema::Ema;
pub use error::ModuleError;
pub use hooks::{HookId, Hooks};
pub use layers::{
    AdaptiveAvgPool1d, AdaptiveAvgPool2d, AdaptiveMaxPool1d, AdaptiveMaxPool2d, AdditiveAttention, AvgPool1d,
    AvgPool2d, BatchNorm1d, BatchNorm2d, CELU, Cell, ChannelDropout, Checkpoint, Conv1d, Conv1dConfig, Conv2d,
    Conv2dConfig, ConvNorm, ConvTranspose1d, ConvTranspose2d, ConvTranspose2dConfig, Dropout, ELU, Embedding, Flatten,
    GELU, GELUTanh, GLU, GRU, GRUCell, GroupNorm, GruCell, Hardshrink, Hardsigmoid, Hardswish, Hardtanh, Identity,
    InstanceNorm1d, InstanceNorm2d, LSTM, LSTMCell, LayerNorm, LeakyReLU, Linear, LocalResponseNorm, LogSigmoid,
    LogSoftmax, LstmCell, MaxPool1d, MaxPool2d, Maxout, Mish, MultiheadAttention, MultiheadAttentionConfig, PReLU,
    Pair, PixelShuffle, PixelUnshuffle, Positions, RNN, RNNCell, ReLU, ReLU6, Recurrent, RecurrentCell,
    RecurrentConfig, ReluRNN, ReluRnnCell, RnnCell, SELU, SequenceFn, Sequential, SiLU, Sigmoid, Softmax, Softmin,
    Softplus, Softshrink, Softsign, Tanh, Tanhshrink, TransformerConfig, TransformerDecoderLayer,
    TransformerEncoderLayer, Upsample, causal_mask, padding_mask, patchify, scaled_dot_product_attention,
    sinusoidal_positions,
};
pub use module::{Fusible, Kind, Module, Slot};
pub use pattern::PathPattern;
