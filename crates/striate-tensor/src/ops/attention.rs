//! Scaled dot-product attention: each position takes what it needs from all others (Vaswani et al. 2017).
//!
//! ```text
//! y = softmax(scale q kᵀ + mask) v          scale = 1 / sqrt(width) unless given
//! p = softmax(..)        ∂v = pᵀ ∂y        ∂p = ∂y vᵀ        ∂s = scale p (∂p - Σ_keys p ∂p)        ∂q = ∂s k        ∂k = ∂sᵀ q
//! ```
//!
//! The weights `p` are the square of the length of the sequence. Where they would take much memory they are computed block
//! by block and never kept, and the gradients compute them again. The formula above, operation by operation, is what short
//! sequences, second derivatives, bf16 and masks that learn go through.

use std::sync::Arc;

use striate_kernels::attention::{self as kernel, AttentionGeometry, AttentionInputs, Heads};
use striate_kernels::memory::Buffer;

use crate::autograd::{Backward, Gradients, Recording, SavedTensor};
use crate::dtype::dispatch_float;
use crate::error::OrPanic;
use crate::layout::{Layout, broadcast_shapes};
use crate::storage::Storage;
use crate::{DType, Tensor, TensorError, is_grad_enabled};

const OP: &str = "scaled_dot_product_attention";

/// What the queries of an attention see.
///
/// ```
/// use striate_tensor::AttentionOptions;
/// let options = AttentionOptions { causal: true, ..AttentionOptions::default() };
/// assert!(options.mask.is_none());
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct AttentionOptions<'a> {
    /// Broadcasts to `[.., l, s]`. Numbers are added to the scores, minus infinity for what must not be seen; of a `Bool`
    /// mask, what is `true` is seen, as in PyTorch's function of this name.
    pub mask: Option<&'a Tensor>,
    /// Whether query `i` sees keys 0 to `i` only, as in text that is being written.
    pub causal: bool,
    /// What the scores are multiplied by; `1 / sqrt(width)` if `None`.
    pub scale: Option<f64>,
    /// Whether the weights are kept as a whole for the backward pass, rather than computed block by block, twice. `None`:
    /// if they take less than 32 MiB, where that is faster.
    pub keep_weights: Option<bool>,
}

/// Weights of so many bytes are not kept unless asked for.
const LARGE: usize = 32 << 20;

impl Tensor {
    /// `softmax(scale q kᵀ + mask) v` for these queries `[.., l, width]`, keys `[.., s, width]` and values `[.., s, any]`:
    /// `[.., l, any]`. Leading dimensions (batch, heads) broadcast. The weights `[.., l, s]` of long sequences are never held as a
    /// whole ([`AttentionOptions::keep_weights`]); [`attention_weights`](Self::attention_weights) gives them to look at.
    ///
    /// ```
    /// use striate_tensor::{AttentionOptions, Tensor};
    /// let (q, k) = (Tensor::from_slice(&[0.0f32], &[1, 1]), Tensor::from_slice(&[1.0f32, 2.0], &[2, 1]));
    /// let v = Tensor::from_slice(&[3.0f32, 5.0], &[2, 1]);
    /// let y = q.scaled_dot_product_attention(&k, &v, AttentionOptions::default());
    /// assert_eq!(y.item::<f32>(), 4.0); // a query of 0 weighs all alike
    /// ```
    ///
    /// # Panics
    /// When shapes or dtypes do not fit.
    #[track_caller]
    pub fn scaled_dot_product_attention(&self, key: &Tensor, value: &Tensor, options: AttentionOptions<'_>) -> Tensor {
        self.try_scaled_dot_product_attention(key, value, options).or_panic()
    }

    /// Like [`scaled_dot_product_attention`](Self::scaled_dot_product_attention), with a mistake as an error.
    pub fn try_scaled_dot_product_attention(
        &self,
        key: &Tensor,
        value: &Tensor,
        options: AttentionOptions<'_>,
    ) -> Result<Tensor, TensorError> {
        let leading = check(self, key, Some(value), options)?;
        let mask = options.mask.map(|mask| as_numbers(mask, self.dtype())).transpose()?;
        let options = AttentionOptions { mask: mask.as_ref(), ..options };
        let inputs = [self, key, value];
        let kernel_has_it = matches!(self.dtype(), DType::F32 | DType::F64)
            && inputs.iter().chain(&options.mask).all(|x| x.dtype() == self.dtype())
            && inputs.iter().all(|x| x.numel() > 0)
            && leading.len() <= 2
            && !crate::autocast::lowers(self);
        let count = leading.iter().product::<usize>() * self.size(-2) * key.size(-2);
        let kept = options.keep_weights.unwrap_or(count * self.dtype().size() < LARGE);
        let learns = options.mask.is_some_and(|mask| is_grad_enabled() && mask.requires_grad());
        if kept || !kernel_has_it || learns {
            return self.try_attention_weights(key, options)?.try_matmul(value);
        }
        let expanded = |x: &Tensor| {
            let shape = [&leading[..], &x.shape()[x.rank() - 2..]].concat();
            if x.shape() == shape { Ok(x.clone()) } else { x.try_broadcast_to(&shape) }
        };
        attention(&[expanded(self)?, expanded(key)?, expanded(value)?], options)
    }

    /// The weights `softmax(scale q kᵀ + mask)` of [`scaled_dot_product_attention`](Self::scaled_dot_product_attention):
    /// `[.., l, s]`, each row summing to 1.
    ///
    /// # Panics
    /// When shapes or dtypes do not fit.
    #[track_caller]
    pub fn attention_weights(&self, key: &Tensor, options: AttentionOptions<'_>) -> Tensor {
        self.try_attention_weights(key, options).or_panic()
    }

    /// Like [`attention_weights`](Self::attention_weights), with a mistake as an error.
    pub fn try_attention_weights(&self, key: &Tensor, options: AttentionOptions<'_>) -> Result<Tensor, TensorError> {
        check(self, key, None, options)?;
        let scale = scale(self, options);
        let mut scores = self.try_mul_scalar(scale)?.try_matmul(&key.try_transpose(-2, -1)?)?;
        if let Some(mask) = options.mask {
            scores = scores.try_add(&as_numbers(mask, self.dtype())?)?;
        }
        if options.causal {
            let positions = |length: usize| Tensor::arange(0_i64, length as i64, 1);
            let later = positions(key.size(-2)).try_gt(&positions(self.size(-2)).try_unsqueeze(1)?)?;
            scores = scores.try_masked_fill(&later, f64::NEG_INFINITY)?;
        }
        scores.try_softmax(-1)
    }
}

fn scale(query: &Tensor, options: AttentionOptions<'_>) -> f64 {
    options.scale.unwrap_or_else(|| 1.0 / (query.size(-1).max(1) as f64).sqrt())
}

/// A mask as numbers to add: of a `Bool` mask 0 for what is seen, minus infinity for what is not.
fn as_numbers(mask: &Tensor, dtype: DType) -> Result<Tensor, TensorError> {
    if mask.dtype() != DType::Bool {
        return Ok(mask.clone());
    }
    let zeros = Tensor::zeros(&[], dtype);
    mask.try_where_(&zeros, &zeros.full_like(f64::NEG_INFINITY))
}

/// The leading dimensions of the result.
fn check(
    query: &Tensor,
    key: &Tensor,
    value: Option<&Tensor>,
    options: AttentionOptions<'_>,
) -> Result<Vec<usize>, TensorError> {
    let shapes = || {
        let value = value.map(|value| format!(" and values {:?}", value.shape())).unwrap_or_default();
        format!("queries {:?}, keys {:?}{value}", query.shape(), key.shape())
    };
    let all = [Some(query), Some(key), value];
    if all.iter().flatten().any(|x| x.rank() < 2) {
        return Err(TensorError::shape(OP, shapes(), "each is [.., positions, features]"));
    }
    if query.size(-1) != key.size(-1) {
        return Err(TensorError::shape(OP, shapes(), "queries and keys need equally many features: their last size"));
    }
    if value.is_some_and(|value| value.size(-2) != key.size(-2)) {
        return Err(TensorError::shape(OP, shapes(), "each key needs a value: their size before the last is the same"));
    }
    let mut leading = Vec::new();
    for x in all.into_iter().flatten() {
        leading = broadcast_shapes(OP, &leading, &x.shape()[..x.rank() - 2])?;
    }
    let scores = [&leading[..], &[query.size(-2), key.size(-2)]].concat();
    match options.mask {
        Some(mask) if broadcast_shapes(OP, &scores, mask.shape()).ok().as_ref() != Some(&scores) => {
            let what = format!("the mask is {:?}, the scores are {scores:?}", mask.shape());
            Err(TensorError::shape(OP, what, "it must broadcast to [.., queries, keys]"))
        }
        _ => Ok(leading),
    }
}

/// The kernel, on queries, keys and values with the same leading dimensions, two at most.
fn attention(inputs: &[Tensor; 3], options: AttentionOptions<'_>) -> Result<Tensor, TensorError> {
    let [query, key, value] = inputs;
    let leading = &query.shape()[..query.rank() - 2];
    let geometry = AttentionGeometry {
        batch: leading.first().copied().unwrap_or(1),
        heads: leading.get(1).copied().unwrap_or(1),
        queries: query.size(-2),
        keys: key.size(-2),
        width: query.size(-1),
        value_width: value.size(-1),
        scale: scale(query, options),
        causal: options.causal,
    };
    let scores = [leading, &[geometry.queries, geometry.keys]].concat();
    let mask = options.mask.map(|mask| mask.detach().view_as(mask.layout().expanded(&scores)));
    let shape = [leading, &[geometry.queries, geometry.value_width]].concat();
    let mut log_sums = Buffer::uninit(geometry.batch * geometry.heads * geometry.queries * query.dtype().size());
    let output = dispatch_float!(query.dtype(), OP, |T| {
        let data = inputs.each_ref().map(|x| x.data::<T>());
        let mask_data = mask.as_ref().map(|mask| mask.data::<T>());
        Tensor::fill_layout::<T>(heads_inside(&shape), query.dtype(), |output| {
            let [query, key, value] = [0, 1, 2].map(|i| heads(&data[i], &inputs[i]));
            let mask = mask_data.as_deref().zip(mask.as_ref()).map(|(data, mask)| heads(data, mask));
            let inputs = AttentionInputs { query, key, value, mask };
            kernel::forward(&geometry, &inputs, output, log_sums.as_mut_slice::<T>());
        })
    });
    Ok(output.record(OP, &[query, key, value], || AttentionBackward {
        geometry,
        inputs: inputs.each_ref().map(SavedTensor::new),
        mask: mask.as_ref().map(SavedTensor::new),
        log_sums,
    }))
}

/// Each row of `[batch, heads, rows, columns]` after that of the last head: so that the heads of a position lie side by
/// side, and joining them copies nothing.
fn heads_inside(shape: &[usize]) -> Layout {
    let mut layout = Layout::contiguous(shape);
    if let &[_, heads, rows, columns] = shape {
        layout.strides = vec![rows * heads * columns, columns, heads * columns, 1];
    }
    layout
}

/// The matrices of a tensor of two to four dimensions, of which `data` is the memory.
fn heads<'a, T>(data: &'a [T], tensor: &Tensor) -> Heads<'a, T> {
    let (leading, &[row, column]) = tensor.strides().split_last_chunk().expect("checked: two dimensions or more");
    let at = |i: usize| leading.get(i).copied().unwrap_or(0);
    Heads { data, strides: [at(0), at(1), row, column] }
}

struct AttentionBackward {
    geometry: AttentionGeometry,
    inputs: [SavedTensor; 3],
    mask: Option<SavedTensor>,
    /// Of each query the logarithm of the sum of its exponentials.
    log_sums: Buffer,
}

impl AttentionBackward {
    fn inputs(&self) -> Result<[&Tensor; 3], TensorError> {
        let [query, key, value] = &self.inputs;
        Ok([query.get(OP)?, key.get(OP)?, value.get(OP)?])
    }
}

impl Backward for AttentionBackward {
    fn backward(&self, grad: &Tensor, _needs: &[bool]) -> Result<Vec<Option<Tensor>>, TensorError> {
        let tensors = self.inputs()?;
        let mask = self.mask.as_ref().map(|mask| mask.get(OP)).transpose()?;
        dispatch_float!(grad.dtype(), OP, |T| {
            let data = tensors.map(|x| x.data::<T>());
            let mask_data = mask.map(|mask| mask.data::<T>());
            let grad_data = grad.data::<T>();
            let [query, key, value] = [0, 1, 2].map(|i| heads(&data[i], tensors[i]));
            let mask = mask_data.as_deref().zip(mask).map(|(data, mask)| heads(data, mask));
            let inputs = AttentionInputs { query, key, value, mask };
            let mut grads = tensors.map(|x| Buffer::uninit(x.numel() * size_of::<T>()));
            let slices = grads.each_mut().map(|grad| grad.as_mut_slice::<T>());
            kernel::backward(&self.geometry, &inputs, self.log_sums.as_slice::<T>(), heads(&grad_data, grad), slices);
            let gradient = |(buffer, x): (Buffer, &Tensor)| {
                Some(Tensor::from_parts(Arc::new(Storage::new(buffer)), heads_inside(x.shape()), x.dtype()))
            };
            Ok(grads.into_iter().zip(tensors).map(gradient).collect())
        })
    }

    fn differentiable(&self, grad: &Tensor, needs: &[bool], recording: &Recording) -> Gradients {
        let tensors = self.inputs()?;
        let mask = self.mask.as_ref().map(|mask| mask.get(OP)).transpose()?;
        let inputs: Vec<Tensor> = (0..3).map(|i| recording.input(i, tensors[i])).collect();
        let AttentionGeometry { causal, scale, .. } = self.geometry;
        let options = AttentionOptions { mask, causal, scale: Some(scale), keep_weights: None };
        recording.through(grad, needs, &inputs, |x| x[0].try_attention_weights(&x[1], options)?.try_matmul(&x[2]))
    }
}
