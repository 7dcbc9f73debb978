//! Attention: each position takes what it needs from all others.

use striate_tensor::random::Generator;
use striate_tensor::{AttentionOptions, DType, Tensor, TensorError};

use crate::{Context, Linear, Module, ModuleError, Slot, init};

/// `softmax(q kᵀ / sqrt(width) + mask) v` (Vaswani et al. 2017); with more settings
/// [`Tensor::scaled_dot_product_attention`].
///
/// `query` is `[..., l, width]`, `key` `[..., s, width]`, `value` `[..., s, any]`; the result is `[..., l, any]`. `mask`
/// broadcasts to `[..., l, s]`: numbers to add to the scores, minus infinity for what must not be seen
/// ([`causal_mask`], [`padding_mask`]), or `Bool`, `true` for what is seen.
///
/// ```
/// use striate_nn::scaled_dot_product_attention;
/// use striate_tensor::Tensor;
///
/// let (q, k) = (Tensor::from_slice(&[0.0_f32], &[1, 1]), Tensor::from_slice(&[1.0_f32, 2.0], &[2, 1]));
/// let v = Tensor::from_slice(&[3.0_f32, 5.0], &[2, 1]);
/// let output = scaled_dot_product_attention(&q, &k, &v, None)?;
/// assert_eq!(output.item::<f32>(), 4.0); // a query of 0 weighs all alike
/// # Ok::<(), striate_tensor::TensorError>(())
/// ```
///
/// # Errors
/// When shapes do not fit.
pub fn scaled_dot_product_attention(
    query: &Tensor,
    key: &Tensor,
    value: &Tensor,
    mask: Option<&Tensor>,
) -> Result<Tensor, TensorError> {
    query.try_scaled_dot_product_attention(key, value, AttentionOptions { mask, ..AttentionOptions::default() })
}

/// The mask `[length, length]` that lets each position see itself and what is before it.
///
/// ```
/// let mask = striate_nn::causal_mask(2).to_vec::<f32>();
/// assert_eq!(mask, [0.0, f32::NEG_INFINITY, 0.0, 0.0]);
/// ```
pub fn causal_mask(length: usize) -> Tensor {
    let positions = Tensor::arange(0_i64, length as i64, 1);
    let later = positions.gt(&positions.unsqueeze(1));
    let zeros = Tensor::zeros(&[length, length], DType::F32);
    later.where_(&zeros.full_like(f64::NEG_INFINITY), &zeros)
}

/// The mask `[n, 1, 1, longest]` that hides what comes after the end of each of n sequences of these lengths (PyTorch's
/// `key_padding_mask`). Added to a [`causal_mask`] it hides what either hides.
///
/// ```
/// let mask = striate_nn::padding_mask(&[2, 1], 2).to_vec::<f32>();
/// assert_eq!(mask, [0.0, 0.0, 0.0, f32::NEG_INFINITY]);
/// ```
pub fn padding_mask(lengths: &[usize], longest: usize) -> Tensor {
    let hidden = |&length: &usize| (0..longest).map(move |i| if i < length { 0.0 } else { f32::NEG_INFINITY });
    Tensor::from_vec(lengths.iter().flat_map(hidden).collect(), &[lengths.len(), 1, 1, longest])
}

/// What a [`MultiheadAttention`] looks like, before it has weights.
///
/// ```
/// use striate_nn::{Module, MultiheadAttentionConfig};
/// use striate_tensor::random::Generator;
///
/// // Queries of 8 features look into what has 12.
/// let config = MultiheadAttentionConfig::new(8, 2).kdim(12).vdim(12).batch_first(true);
/// let attention = config.build(&mut Generator::new(0));
/// assert_eq!(attention.state_dict()["k_proj_weight"].shape(), [8, 12]);
/// ```
#[derive(Debug, Clone, Copy)]
pub struct MultiheadAttentionConfig {
    width: usize,
    heads: usize,
    kdim: usize,
    vdim: usize,
    bias: bool,
    add_bias_kv: bool,
    add_zero_attn: bool,
    dropout: f64,
    batch_first: bool,
}

impl MultiheadAttentionConfig {
    /// `width` features in `heads` equal parts, keys and values of as many features, with biases, the sequence as
    /// dimension 0: PyTorch's defaults.
    pub fn new(width: usize, heads: usize) -> Self {
        let (bias, add_bias_kv, add_zero_attn, batch_first) = (true, false, false, false);
        Self { width, heads, kdim: width, vdim: width, bias, add_bias_kv, add_zero_attn, dropout: 0.0, batch_first }
    }

    /// Features of the keys.
    pub fn kdim(mut self, kdim: usize) -> Self {
        self.kdim = kdim;
        self
    }

    /// Features of the values.
    pub fn vdim(mut self, vdim: usize) -> Self {
        self.vdim = vdim;
        self
    }

    /// Whether the projections have biases.
    pub fn bias(mut self, bias: bool) -> Self {
        self.bias = bias;
        self
    }

    /// Whether a learned key and value are put behind those of each sequence (`bias_k`, `bias_v`).
    pub fn add_bias_kv(mut self, add: bool) -> Self {
        self.add_bias_kv = add;
        self
    }

    /// Whether a key and value of zeros are put behind those of each sequence: a query can then look at nothing.
    pub fn add_zero_attn(mut self, add: bool) -> Self {
        self.add_zero_attn = add;
        self
    }

    /// Probability with which a weight is dropped in training.
    pub fn dropout(mut self, dropout: f64) -> Self {
        self.dropout = dropout;
        self
    }

    /// Whether the batch is dimension 0 and the sequence dimension 1, instead of the other way round.
    pub fn batch_first(mut self, batch_first: bool) -> Self {
        self.batch_first = batch_first;
        self
    }

    /// The attention with random weights: input projections Xavier-uniform, biases at 0.
    ///
    /// # Panics
    /// If the heads do not divide the width.
    #[track_caller]
    pub fn build(self, generator: &mut Generator) -> MultiheadAttention {
        let Self { width, heads, .. } = self;
        assert!(
            heads > 0 && width.is_multiple_of(heads),
            "MultiheadAttention: heads = {heads} must divide the width {width}"
        );
        let mut weight = |rows, columns| init::xavier_uniform(&[rows, columns], 1.0, generator).requires_grad_(true);
        let in_proj = if self.kdim == width && self.vdim == width {
            InputProjection::Joint(weight(3 * width, width))
        } else {
            InputProjection::Apart([weight(width, width), weight(width, self.kdim), weight(width, self.vdim)])
        };
        let mut row = || init::xavier_normal(&[1, 1, width], 1.0, generator).requires_grad_(true);
        let bias_kv = self.add_bias_kv.then(|| [row(), row()]);
        let out_proj = Linear::with_bias(width, width, self.bias, generator);
        let zeros = |size: usize| Tensor::zeros(&[size], DType::F32);
        if let Some(bias) = out_proj.bias() {
            bias.copy_(&zeros(width));
        }
        let in_proj_bias = self.bias.then(|| zeros(3 * width).requires_grad_(true));
        MultiheadAttention { config: self, in_proj, in_proj_bias, bias_kv, out_proj }
    }
}

/// Several attentions side by side on parts of the features (PyTorch's `MultiheadAttention`, with its names:
/// `in_proj_weight` `[3 * width, width]`, `in_proj_bias`, `out_proj.weight`, `out_proj.bias`; where keys or values have
/// another width than queries, `q_proj_weight`, `k_proj_weight` and `v_proj_weight`).
///
/// As a [`Module`] it is self-attention on `[l, n, width]`, or `[n, l, width]` with `batch_first`.
///
/// ```
/// use striate_nn::{Context, Module, MultiheadAttentionConfig, causal_mask};
/// use striate_tensor::{Tensor, random::Generator};
///
/// let mut generator = Generator::new(0);
/// let attention = MultiheadAttentionConfig::new(8, 2).batch_first(true).build(&mut generator);
/// let x = Tensor::randn(&[3, 5, 8], &mut generator);
/// let (output, weights) = attention.attend(&x, &x, &x, Some(&causal_mask(5)), &Context::eval())?;
/// assert_eq!(output.shape(), [3, 5, 8]);
/// assert_eq!(weights.shape(), [3, 2, 5, 5]); // for each head
/// # Ok::<(), striate_nn::ModuleError>(())
/// ```
#[derive(Debug)]
pub struct MultiheadAttention {
    config: MultiheadAttentionConfig,
    in_proj: InputProjection,
    in_proj_bias: Option<Tensor>,
    /// A learned key and value, each `[1, 1, width]`.
    bias_kv: Option<[Tensor; 2]>,
    out_proj: Linear,
}

/// The weights of queries, keys and values.
#[derive(Debug)]
enum InputProjection {
    /// Below each other in one tensor.
    Joint(Tensor),
    Apart([Tensor; 3]),
}

impl MultiheadAttention {
    /// Attention over `width` features in `heads` equal parts; [`MultiheadAttentionConfig`] for the rest.
    ///
    /// # Panics
    /// If `heads` does not divide `width`.
    #[track_caller]
    pub fn new(width: usize, heads: usize, generator: &mut Generator) -> Self {
        MultiheadAttentionConfig::new(width, heads).build(generator)
    }

    /// The output and the weights of each head, `[n, heads, l, s]`, for a `query` of length l and `key` and `value` of
    /// length s (and more columns for what `add_bias_kv` and `add_zero_attn` put behind them). `mask` broadcasts to
    /// `[n, heads, l, s]`: numbers as in [`scaled_dot_product_attention`].
    ///
    /// # Errors
    /// When shapes do not fit.
    pub fn attend(
        &self,
        query: &Tensor,
        key: &Tensor,
        value: &Tensor,
        mask: Option<&Tensor>,
        context: &Context,
    ) -> Result<(Tensor, Tensor), ModuleError> {
        let Projected { query, key, value, mask } = self.project([query, key, value], mask)?;
        let options = AttentionOptions { mask: mask.as_ref(), ..AttentionOptions::default() };
        let weights = query.try_attention_weights(&key, options)?;
        let mut used = weights.clone();
        if self.drops(context) {
            used = used.try_dropout(self.config.dropout, &mut context.generator())?;
        }
        Ok((self.join(&used.try_matmul(&value)?, context)?, weights))
    }

    /// The output of [`attend`](Self::attend) without the weights (PyTorch's `need_weights=False`). These are the square of
    /// the length of the sequence; those of long ones are never held as a whole here, unless dropout needs them.
    ///
    /// # Errors
    /// When shapes do not fit.
    pub fn attend_without_weights(
        &self,
        query: &Tensor,
        key: &Tensor,
        value: &Tensor,
        mask: Option<&Tensor>,
        context: &Context,
    ) -> Result<Tensor, ModuleError> {
        if self.drops(context) {
            return Ok(self.attend(query, key, value, mask, context)?.0);
        }
        let Projected { query, key, value, mask } = self.project([query, key, value], mask)?;
        let options = AttentionOptions { mask: mask.as_ref(), ..AttentionOptions::default() };
        self.join(&query.try_scaled_dot_product_attention(&key, &value, options)?, context)
    }

    fn drops(&self, context: &Context) -> bool {
        context.training() && self.config.dropout > 0.0
    }

    /// Queries, keys and values of each head, from the inputs.
    fn project(&self, inputs: [&Tensor; 3], mask: Option<&Tensor>) -> Result<Projected, TensorError> {
        let MultiheadAttentionConfig { width, heads, add_zero_attn, .. } = self.config;
        let [query, key, value] = [0, 1, 2].map(|part| self.project_part(part, inputs[part]));
        let (query, mut key, mut value) = (query?, key?, value?);
        let (length, mut behind) = (key.shape()[1], 0);
        let row = |x: &Tensor| x.try_broadcast_to(&[key.shape()[0], 1, width]);
        let zeros = Tensor::zeros(&[1, 1, 1], DType::F32).try_to_dtype(key.dtype())?;
        let rows = [
            self.bias_kv.as_ref().map(|[key, value]| [row(key), row(value)]),
            add_zero_attn.then(|| [row(&zeros), row(&zeros)]),
        ];
        for [more_keys, more_values] in rows.into_iter().flatten() {
            key = Tensor::try_cat(&[&key, &more_keys?], 1)?;
            value = Tensor::try_cat(&[&value, &more_values?], 1)?;
            behind += 1;
        }
        let split = |x: Tensor| {
            let [n, length] = [x.shape()[0], x.shape()[1]];
            x.try_reshape(&[n, length, heads, width / heads])?.try_transpose(1, 2)
        };
        let mask = mask.map(|mask| extend_mask(mask, length, behind)).transpose()?;
        Ok(Projected { query: split(query)?, key: split(key)?, value: split(value)?, mask })
    }

    /// Queries (part 0), keys or values `[n, l, width]` of an input.
    fn project_part(&self, part: usize, x: &Tensor) -> Result<Tensor, TensorError> {
        let MultiheadAttentionConfig { width, batch_first, .. } = self.config;
        if x.rank() != 3 {
            let what = format!("the {} {:?}", ["query is", "key is", "value is"][part], x.shape());
            return Err(TensorError::shape("attention", what, "give three sizes: batch, sequence, features"));
        }
        let x = if batch_first { x.clone() } else { x.try_transpose(0, 1)? };
        let rows = |x: &Tensor| x.try_narrow(0, part * width, width);
        let bias = self.in_proj_bias.as_ref().map(rows).transpose()?;
        match &self.in_proj {
            InputProjection::Joint(weight) => x.try_linear(&rows(weight)?, bias.as_ref()),
            InputProjection::Apart(weights) => x.try_linear(&weights[part], bias.as_ref()),
        }
    }

    /// The heads side by side, projected.
    fn join(&self, heads: &Tensor, context: &Context) -> Result<Tensor, ModuleError> {
        let joined = heads.try_transpose(1, 2)?;
        let [n, length] = [joined.shape()[0], joined.shape()[1]];
        let joined = joined.try_reshape(&[n, length, self.config.width])?;
        let output = context.call("out_proj", &self.out_proj, &joined)?;
        Ok(if self.config.batch_first { output } else { output.try_transpose(0, 1)? })
    }
}

/// What the heads of an attention work on: `[n, heads, l or s, width / heads]` each, and the mask of the scores.
struct Projected {
    query: Tensor,
    key: Tensor,
    value: Tensor,
    mask: Option<Tensor>,
}

/// A mask of `length` keys, with columns of 0 for those that were put behind.
fn extend_mask(mask: &Tensor, length: usize, behind: usize) -> Result<Tensor, TensorError> {
    if mask.dtype() == DType::Bool {
        return Err(TensorError::dtype(
            "attention",
            "a bool mask can be meant either way: PyTorch's MultiheadAttention hides what is true, its \
             scaled_dot_product_attention shows it",
            "give numbers to add: hidden.where_(&minus_infinity, &zero), causal_mask or padding_mask",
        ));
    }
    if behind == 0 || mask.rank() == 0 {
        return Ok(mask.clone());
    }
    let (last, leading) = mask.shape().split_last().expect("checked: a dimension or more");
    let whole = if *last == length { mask.clone() } else { mask.try_broadcast_to(&[leading, &[length]].concat())? };
    let mut sides = vec![(0, 0); mask.rank()];
    sides[mask.rank() - 1].1 = behind;
    whole.try_pad(&sides, 0.0)
}

impl Module for MultiheadAttention {
    fn try_forward(&self, input: &Tensor, context: &Context) -> Result<Tensor, ModuleError> {
        self.attend_without_weights(input, input, input, None, context)
    }

    fn visit<'a>(&'a self, visitor: &mut dyn FnMut(&str, Slot<'a>)) {
        match &self.in_proj {
            InputProjection::Joint(weight) => visitor("in_proj_weight", Slot::Parameter(weight)),
            InputProjection::Apart(weights) => {
                for (name, weight) in ["q_proj_weight", "k_proj_weight", "v_proj_weight"].into_iter().zip(weights) {
                    visitor(name, Slot::Parameter(weight));
                }
            }
        }
        if let Some(bias) = &self.in_proj_bias {
            visitor("in_proj_bias", Slot::Parameter(bias));
        }
        if let Some([key, value]) = &self.bias_kv {
            visitor("bias_k", Slot::Parameter(key));
            visitor("bias_v", Slot::Parameter(value));
        }
        visitor("out_proj", Slot::Child(&self.out_proj));
    }

    fn describe(&self) -> String {
        format!("MultiheadAttention({}, {} heads)", self.config.width, self.config.heads)
    }
}
