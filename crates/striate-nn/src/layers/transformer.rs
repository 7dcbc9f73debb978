//! The two layers of a transformer (Vaswani et al. 2017), with PyTorch's names and defaults.

use striate_tensor::random::Generator;
use striate_tensor::{Tensor, TensorError};

use super::{Dropout, LayerNorm, Linear, MultiheadAttention, MultiheadAttentionConfig};
use crate::{Context, Module, ModuleError, Slot};

/// What a transformer layer looks like, before it has weights.
#[derive(Debug, Clone, Copy)]
pub struct TransformerConfig {
    width: usize,
    heads: usize,
    feedforward: usize,
    dropout: f64,
    norm_first: bool,
    batch_first: bool,
    gelu: bool,
}

impl TransformerConfig {
    /// `width` features in `heads` heads, 2048 hidden units, dropout 0.1, normalisation after each part, ReLU, the
    /// sequence as dimension 0: PyTorch's defaults.
    pub fn new(width: usize, heads: usize) -> Self {
        Self { width, heads, feedforward: 2048, dropout: 0.1, norm_first: false, batch_first: false, gelu: false }
    }

    /// Hidden units of the feed-forward part.
    pub fn feedforward(mut self, feedforward: usize) -> Self {
        self.feedforward = feedforward;
        self
    }

    /// Probability of dropout, in all places.
    pub fn dropout(mut self, dropout: f64) -> Self {
        self.dropout = dropout;
        self
    }

    /// Whether to normalise before each part, which trains more easily, instead of after it.
    pub fn norm_first(mut self, norm_first: bool) -> Self {
        self.norm_first = norm_first;
        self
    }

    /// Whether the batch is dimension 0 and the sequence dimension 1, instead of the other way round.
    pub fn batch_first(mut self, batch_first: bool) -> Self {
        self.batch_first = batch_first;
        self
    }

    /// Whether the feed-forward part has GELU instead of ReLU.
    pub fn gelu(mut self, gelu: bool) -> Self {
        self.gelu = gelu;
        self
    }

    fn attention(&self, generator: &mut Generator) -> MultiheadAttention {
        let config = MultiheadAttentionConfig::new(self.width, self.heads).dropout(self.dropout);
        config.batch_first(self.batch_first).build(generator)
    }

    fn feed_forward(&self, generator: &mut Generator) -> FeedForward {
        let linear1 = Linear::new(self.width, self.feedforward, generator);
        FeedForward { linear1, linear2: Linear::new(self.feedforward, self.width, generator), gelu: self.gelu }
    }

    /// `x + part(norm(x))`, or `norm(x + part(x))`.
    fn residual(
        &self,
        x: &Tensor,
        (norm_name, norm): (&str, &LayerNorm),
        context: &Context,
        part: impl FnOnce(&Tensor) -> Result<Tensor, ModuleError>,
    ) -> Result<Tensor, ModuleError> {
        let drop = |y: Tensor| Dropout::new(self.dropout).try_forward(&y, context);
        if self.norm_first {
            return Ok(x.try_add(&drop(part(&context.call(norm_name, norm, x)?)?)?)?);
        }
        context.call(norm_name, norm, &x.try_add(&drop(part(x)?)?)?)
    }
}

/// Two linear layers with ReLU or GELU and dropout between them.
#[derive(Debug)]
struct FeedForward {
    linear1: Linear,
    linear2: Linear,
    gelu: bool,
}

impl FeedForward {
    fn run(&self, x: &Tensor, dropout: f64, context: &Context) -> Result<Tensor, ModuleError> {
        let hidden = context.call("linear1", &self.linear1, x)?;
        let hidden = if self.gelu { hidden.try_gelu()? } else { hidden.try_relu()? };
        context.call("linear2", &self.linear2, &Dropout::new(dropout).try_forward(&hidden, context)?)
    }
}

/// Self-attention and a feed-forward part, each with a residual connection (PyTorch's `TransformerEncoderLayer`).
///
/// ```
/// use striate_nn::{Context, Module, TransformerConfig, TransformerEncoderLayer};
/// use striate_tensor::{Tensor, random::Generator};
///
/// let mut generator = Generator::new(0);
/// let config = TransformerConfig::new(8, 2).feedforward(16).batch_first(true);
/// let layer = TransformerEncoderLayer::new(config, &mut generator);
/// let x = Tensor::randn(&[3, 5, 8], &mut generator);
/// assert_eq!(layer.forward(&x, &Context::eval()).shape(), [3, 5, 8]);
/// ```
#[derive(Debug)]
pub struct TransformerEncoderLayer {
    config: TransformerConfig,
    self_attn: MultiheadAttention,
    feed_forward: FeedForward,
    norm1: LayerNorm,
    norm2: LayerNorm,
}

impl TransformerEncoderLayer {
    /// A layer with random weights.
    #[track_caller]
    pub fn new(config: TransformerConfig, generator: &mut Generator) -> Self {
        let [norm1, norm2] = [(); 2].map(|()| LayerNorm::new(&[config.width]));
        let (self_attn, feed_forward) = (config.attention(generator), config.feed_forward(generator));
        Self { config, self_attn, feed_forward, norm1, norm2 }
    }

    /// The layer on `[l, n, width]` (`[n, l, width]` with `batch_first`). `mask` broadcasts to `[n, heads, l, l]` and is
    /// added to the scores.
    ///
    /// # Errors
    /// When shapes do not fit.
    pub fn encode(&self, input: &Tensor, mask: Option<&Tensor>, context: &Context) -> Result<Tensor, ModuleError> {
        let config = &self.config;
        let x = config.residual(input, ("norm1", &self.norm1), context, |x| {
            context.call_with("self_attn", |context| self.self_attn.attend_without_weights(x, x, x, mask, context))
        })?;
        config.residual(&x, ("norm2", &self.norm2), context, |x| self.feed_forward.run(x, config.dropout, context))
    }
}

impl Module for TransformerEncoderLayer {
    fn try_forward(&self, input: &Tensor, context: &Context) -> Result<Tensor, ModuleError> {
        self.encode(input, None, context)
    }

    fn visit<'a>(&'a self, visitor: &mut dyn FnMut(&str, Slot<'a>)) {
        visitor("self_attn", Slot::Child(&self.self_attn));
        visitor("linear1", Slot::Child(&self.feed_forward.linear1));
        visitor("linear2", Slot::Child(&self.feed_forward.linear2));
        visitor("norm1", Slot::Child(&self.norm1));
        visitor("norm2", Slot::Child(&self.norm2));
    }

    fn describe(&self) -> String {
        format!("TransformerEncoderLayer({}, {} heads)", self.config.width, self.config.heads)
    }
}

/// Self-attention, attention to the encoder's output (the memory) and a feed-forward part, each with a residual
/// connection (PyTorch's `TransformerDecoderLayer`).
///
/// It reads two sequences, so [`Module::try_forward`] refuses: call [`TransformerDecoderLayer::decode`].
///
/// ```
/// use striate_nn::{Context, TransformerConfig, TransformerDecoderLayer, causal_mask};
/// use striate_tensor::{Tensor, random::Generator};
///
/// let mut generator = Generator::new(0);
/// let config = TransformerConfig::new(8, 2).feedforward(16).batch_first(true);
/// let layer = TransformerDecoderLayer::new(config, &mut generator);
/// let (x, memory) = (Tensor::randn(&[3, 4, 8], &mut generator), Tensor::randn(&[3, 6, 8], &mut generator));
/// let output = layer.decode(&x, &memory, Some(&causal_mask(4)), &Context::eval())?;
/// assert_eq!(output.shape(), [3, 4, 8]);
/// # Ok::<(), striate_nn::ModuleError>(())
/// ```
#[derive(Debug)]
pub struct TransformerDecoderLayer {
    config: TransformerConfig,
    self_attn: MultiheadAttention,
    multihead_attn: MultiheadAttention,
    feed_forward: FeedForward,
    norm1: LayerNorm,
    norm2: LayerNorm,
    norm3: LayerNorm,
}

impl TransformerDecoderLayer {
    /// A layer with random weights.
    #[track_caller]
    pub fn new(config: TransformerConfig, generator: &mut Generator) -> Self {
        let [norm1, norm2, norm3] = [(); 3].map(|()| LayerNorm::new(&[config.width]));
        let [self_attn, multihead_attn] = [(); 2].map(|()| config.attention(generator));
        let feed_forward = config.feed_forward(generator);
        Self { config, self_attn, multihead_attn, feed_forward, norm1, norm2, norm3 }
    }

    /// The layer on `[l, n, width]` with the memory `[s, n, width]` (batch first if so configured). `mask`, usually the
    /// [`causal_mask`](crate::causal_mask), is for the self-attention.
    ///
    /// # Errors
    /// When shapes do not fit.
    pub fn decode(
        &self,
        input: &Tensor,
        memory: &Tensor,
        mask: Option<&Tensor>,
        context: &Context,
    ) -> Result<Tensor, ModuleError> {
        let config = &self.config;
        let x = config.residual(input, ("norm1", &self.norm1), context, |x| {
            context.call_with("self_attn", |context| self.self_attn.attend_without_weights(x, x, x, mask, context))
        })?;
        let x = config.residual(&x, ("norm2", &self.norm2), context, |x| {
            context.call_with("multihead_attn", |context| {
                self.multihead_attn.attend_without_weights(x, memory, memory, None, context)
            })
        })?;
        config.residual(&x, ("norm3", &self.norm3), context, |x| self.feed_forward.run(x, config.dropout, context))
    }
}

impl Module for TransformerDecoderLayer {
    fn try_forward(&self, _input: &Tensor, _context: &Context) -> Result<Tensor, ModuleError> {
        let what = "a decoder layer reads two sequences, forward has one";
        Err(TensorError::argument("transformer_decoder_layer", what, "call decode(input, memory, ..)").into())
    }

    fn visit<'a>(&'a self, visitor: &mut dyn FnMut(&str, Slot<'a>)) {
        visitor("self_attn", Slot::Child(&self.self_attn));
        visitor("multihead_attn", Slot::Child(&self.multihead_attn));
        visitor("linear1", Slot::Child(&self.feed_forward.linear1));
        visitor("linear2", Slot::Child(&self.feed_forward.linear2));
        for (name, norm) in [("norm1", &self.norm1), ("norm2", &self.norm2), ("norm3", &self.norm3)] {
            visitor(name, Slot::Child(norm));
        }
    }

    fn describe(&self) -> String {
        format!("TransformerDecoderLayer({}, {} heads)", self.config.width, self.config.heads)
    }
}
