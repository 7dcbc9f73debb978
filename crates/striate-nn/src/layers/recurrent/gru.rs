//! The gated recurrent unit.

use striate_tensor::{Tensor, TensorError};

use super::{Cell, Recurrent, SequenceFn};

/// The gated recurrent unit (Cho et al. 2014; PyTorch's `GRU`).
///
/// ```text
/// r, z, n = the three blocks of W_ih x + b_ih, and of W_hh h + b_hh
/// n = tanh(n_input + sigmoid(r_input + r_hidden) * n_hidden)
/// z = sigmoid(z_input + z_hidden)        h = (1 - z) * n + z * h
/// ```
///
/// ```
/// use striate_nn::{Context, GRU, Module};
/// use striate_tensor::{DType, Tensor, random::Generator};
///
/// let gru = GRU::new(3, 5, &mut Generator::new(0));
/// let outputs = gru.forward(&Tensor::zeros(&[7, 2, 3], DType::F32), &Context::eval());
/// assert_eq!(outputs.shape(), [7, 2, 5]);
/// ```
pub type GRU = Recurrent<GruCell>;

/// One step of a [`GRU`].
#[derive(Debug, Clone, Copy, Default)]
pub struct GruCell;

impl Cell for GruCell {
    const NAME: &'static str = "GRU";
    const GATES: usize = 3;
    const STATES: usize = 1;
    const SEQUENCE: Option<SequenceFn> =
        Some(|input, states, parameters| Ok((input.try_gru(&states[0], parameters)?, Vec::new())));

    fn step(&self, from_input: &Tensor, from_hidden: &Tensor, states: &[Tensor]) -> Result<Vec<Tensor>, TensorError> {
        let (input, hidden) = (from_input.try_chunk(3, 1)?, from_hidden.try_chunk(3, 1)?);
        let reset = input[0].try_add(&hidden[0])?.try_sigmoid()?;
        let update = input[1].try_add(&hidden[1])?.try_sigmoid()?;
        let new = input[2].try_add(&reset.try_mul(&hidden[2])?)?.try_tanh()?;
        // (1 - z) n + z h, with z used once.
        Ok(vec![new.try_add(&update.try_mul(&states[0].try_sub(&new)?)?)?])
    }
}
