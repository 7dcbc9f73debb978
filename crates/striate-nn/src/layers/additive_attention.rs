//! Attention whose scores come from a small network.

use striate_tensor::random::Generator;
use striate_tensor::{Tensor, TensorError};

use super::Linear;
use crate::{Context, Module, ModuleError, Slot};

/// `softmax(v tanh(W q + U k) + mask) k` (Bahdanau et al. 2015): each query takes what it needs from the keys. Queries and
/// keys may have other widths, and the scores no scale.
///
/// Self-attention as a [`Module`]; [`AdditiveAttention::attend`] takes queries and keys, in the decoder of a translator its
/// state and the encoder's outputs.
///
/// ```
/// use striate_nn::{AdditiveAttention, Context};
/// use striate_tensor::{Tensor, random::Generator};
///
/// let mut generator = Generator::new(0);
/// let attention = AdditiveAttention::new(6, 8, 5, &mut generator);
/// let (state, words) = (Tensor::randn(&[3, 1, 6], &mut generator), Tensor::randn(&[3, 7, 8], &mut generator));
/// let (output, weights) = attention.attend(&state, &words, None, &Context::eval())?;
/// assert_eq!((output.shape(), weights.shape()), (&[3, 1, 8][..], &[3, 1, 7][..]));
/// # Ok::<(), striate_nn::ModuleError>(())
/// ```
#[derive(Debug)]
pub struct AdditiveAttention {
    query: Linear,
    key: Linear,
    score: Linear,
}

impl AdditiveAttention {
    /// For queries and keys of these widths, compared in `hidden` units.
    pub fn new(query_width: usize, key_width: usize, hidden: usize, generator: &mut Generator) -> Self {
        Self {
            query: Linear::with_bias(query_width, hidden, false, generator),
            key: Linear::new(key_width, hidden, generator),
            score: Linear::with_bias(hidden, 1, false, generator),
        }
    }

    /// The mean of the keys `[n, s, key_width]` that each query of `[n, l, query_width]` takes, and the weights
    /// `[n, l, s]`. `mask` broadcasts to the weights: numbers to add to the scores, minus infinity for what must not be
    /// seen.
    ///
    /// # Errors
    /// When shapes do not fit.
    pub fn attend(
        &self,
        query: &Tensor,
        keys: &Tensor,
        mask: Option<&Tensor>,
        context: &Context,
    ) -> Result<(Tensor, Tensor), ModuleError> {
        if query.rank() != 3 || keys.rank() != 3 {
            let what = format!("queries are {:?}, keys {:?}", query.shape(), keys.shape());
            let help = "give three sizes each: batch, sequence, features";
            return Err(TensorError::shape("additive_attention", what, help).into());
        }
        let from_query = context.call("query", &self.query, query)?.try_unsqueeze(2)?;
        let from_keys = context.call("key", &self.key, keys)?.try_unsqueeze(1)?;
        let met = from_query.try_add(&from_keys)?.try_tanh()?;
        let mut scores = context.call("score", &self.score, &met)?.try_squeeze(-1)?;
        if let Some(mask) = mask {
            scores = scores.try_add(mask)?;
        }
        let weights = scores.try_softmax(-1)?;
        Ok((weights.try_matmul(keys)?, weights))
    }
}

impl Module for AdditiveAttention {
    fn try_forward(&self, input: &Tensor, context: &Context) -> Result<Tensor, ModuleError> {
        Ok(self.attend(input, input, None, context)?.0)
    }

    fn visit<'a>(&'a self, visitor: &mut dyn FnMut(&str, Slot<'a>)) {
        visitor("query", Slot::Child(&self.query));
        visitor("key", Slot::Child(&self.key));
        visitor("score", Slot::Child(&self.score));
    }

    fn describe(&self) -> String {
        let width = |linear: &Linear| linear.weight().shape()[1];
        let [query, key, hidden] = [&self.query, &self.key, &self.score].map(width);
        format!("AdditiveAttention({query} and {key}, {hidden} units)")
    }
}
