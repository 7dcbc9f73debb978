//! Attention: each position takes what it needs from all others.

use striate_tensor::random::Generator;
use striate_tensor::{DType, Tensor, TensorError};

use crate::{Context, Linear, Module, ModuleError, Slot, init};

/// `softmax(q kᵀ / sqrt(width) + mask) v` (Vaswani et al. 2017).
///
/// `query` is `[..., l, width]`, `key` `[..., s, width]`, `value` `[..., s, any]`; the result is `[..., l, any]`. `mask`
/// broadcasts to `[..., l, s]`: numbers to add to the scores, minus infinity for what must not be seen
/// ([`causal_mask`]).
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
    attention_weights(query, key, mask)?.try_matmul(value)
}

fn attention_weights(query: &Tensor, key: &Tensor, mask: Option<&Tensor>) -> Result<Tensor, TensorError> {
    let scale = 1.0 / (query.size(-1).max(1) as f64).sqrt();
    let mut scores = query.try_mul_scalar(scale)?.try_matmul(&key.try_transpose(-2, -1)?)?;
    if let Some(mask) = mask {
        scores = scores.try_add(mask)?;
    }
    scores.try_softmax(-1)
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

/// Several attentions side by side on parts of the features (PyTorch's `MultiheadAttention`, with its names:
/// `in_proj_weight` `[3 * width, width]`, `in_proj_bias`, `out_proj.weight`, `out_proj.bias`).
///
/// As a [`Module`] it is self-attention on `[n, l, width]`, or `[l, n, width]` unless `batch_first`.
///
/// ```
/// use striate_nn::{Context, Module, MultiheadAttention, causal_mask};
/// use striate_tensor::{Tensor, random::Generator};
///
/// let mut generator = Generator::new(0);
/// let attention = MultiheadAttention::new(8, 2, &mut generator).batch_first(true);
/// let x = Tensor::randn(&[3, 5, 8], &mut generator);
/// let (output, weights) = attention.attend(&x, &x, &x, Some(&causal_mask(5)), &Context::eval())?;
/// assert_eq!(output.shape(), [3, 5, 8]);
/// assert_eq!(weights.shape(), [3, 2, 5, 5]); // for each head
/// # Ok::<(), striate_nn::ModuleError>(())
/// ```
#[derive(Debug)]
pub struct MultiheadAttention {
    in_proj_weight: Tensor,
    in_proj_bias: Tensor,
    out_proj: Linear,
    heads: usize,
    dropout: f64,
    batch_first: bool,
}

impl MultiheadAttention {
    /// Attention over `width` features in `heads` equal parts, with the sequence as dimension 0. The input projection
    /// starts Xavier-uniform, biases at 0.
    ///
    /// # Panics
    /// If `heads` does not divide `width`.
    #[track_caller]
    pub fn new(width: usize, heads: usize, generator: &mut Generator) -> Self {
        assert!(
            heads > 0 && width.is_multiple_of(heads),
            "MultiheadAttention: heads = {heads} must divide the width {width}"
        );
        let out_proj = Linear::new(width, width, generator);
        out_proj.bias().expect("made with a bias").copy_(&Tensor::zeros(&[width], DType::F32));
        Self {
            in_proj_weight: init::xavier_uniform(&[3 * width, width], 1.0, generator).requires_grad_(true),
            in_proj_bias: Tensor::zeros(&[3 * width], DType::F32).requires_grad_(true),
            out_proj,
            heads,
            dropout: 0.0,
            batch_first: false,
        }
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

    /// The output and the weights of each head, `[n, heads, l, s]`, for a `query` of length l and `key` and `value` of
    /// length s. `mask` as in [`scaled_dot_product_attention`].
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
        let width = self.in_proj_bias.shape()[0] / 3;
        let projected = |x: &Tensor, part: usize| -> Result<Tensor, TensorError> {
            let x = if self.batch_first { x.clone() } else { x.try_transpose(0, 1)? };
            let weight = self.in_proj_weight.try_narrow(0, part * width, width)?;
            let x = x.try_linear(&weight, Some(&self.in_proj_bias.try_narrow(0, part * width, width)?))?;
            let &[n, length, _] = x.shape() else {
                let help = "give three sizes: batch, sequence, features";
                return Err(TensorError::shape("attention", format!("an input is {:?}", x.shape()), help));
            };
            x.try_reshape(&[n, length, self.heads, width / self.heads])?.try_transpose(1, 2)
        };
        let (query, key, value) = (projected(query, 0)?, projected(key, 1)?, projected(value, 2)?);
        let weights = attention_weights(&query, &key, mask)?;
        let mut used = weights.clone();
        if context.training() && self.dropout > 0.0 {
            used = used.try_dropout(self.dropout, &mut context.generator())?;
        }
        let joined = used.try_matmul(&value)?.try_transpose(1, 2)?;
        let [n, length] = [joined.shape()[0], joined.shape()[1]];
        let output = context.call("out_proj", &self.out_proj, &joined.try_reshape(&[n, length, width])?)?;
        Ok((if self.batch_first { output } else { output.try_transpose(0, 1)? }, weights))
    }
}

impl Module for MultiheadAttention {
    fn try_forward(&self, input: &Tensor, context: &Context) -> Result<Tensor, ModuleError> {
        Ok(self.attend(input, input, input, None, context)?.0)
    }

    fn visit<'a>(&'a self, visitor: &mut dyn FnMut(&str, Slot<'a>)) {
        visitor("in_proj_weight", Slot::Parameter(&self.in_proj_weight));
        visitor("in_proj_bias", Slot::Parameter(&self.in_proj_bias));
        visitor("out_proj", Slot::Child(&self.out_proj));
    }

    fn describe(&self) -> String {
        format!("MultiheadAttention({}, {} heads)", self.in_proj_bias.shape()[0] / 3, self.heads)
    }
}
