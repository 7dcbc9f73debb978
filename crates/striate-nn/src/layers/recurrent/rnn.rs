//! The plain recurrent layer.

use striate_tensor::{Tensor, TensorError};

use super::{Cell, Recurrent, SequenceFn};

/// `h = tanh(W_ih x + b_ih + W_hh h + b_hh)` (Elman 1990; PyTorch's `RNN`).
///
/// ```
/// use striate_nn::{Context, Module, RNN};
/// use striate_tensor::{DType, Tensor, random::Generator};
///
/// let rnn = RNN::new(3, 5, &mut Generator::new(0));
/// let outputs = rnn.forward(&Tensor::zeros(&[7, 2, 3], DType::F32), &Context::eval());
/// assert_eq!(outputs.shape(), [7, 2, 5]);
/// ```
pub type RNN = Recurrent<RnnCell>;

/// One step of an [`RNN`].
#[derive(Debug, Clone, Copy, Default)]
pub struct RnnCell;

impl Cell for RnnCell {
    const NAME: &'static str = "RNN";
    const GATES: usize = 1;
    const STATES: usize = 1;
    const SEQUENCE: Option<SequenceFn> =
        Some(|input, states, parameters| Ok((input.try_rnn_tanh(&states[0], parameters)?, Vec::new())));

    fn step(&self, from_input: &Tensor, from_hidden: &Tensor, _: &[Tensor]) -> Result<Vec<Tensor>, TensorError> {
        Ok(vec![from_input.try_add(from_hidden)?.try_tanh()?])
    }
}

/// `h = max(W_ih x + b_ih + W_hh h + b_hh, 0)` (PyTorch's `RNN(nonlinearity="relu")`; Le et al. 2015 start it with the
/// identity as `W_hh`).
pub type ReluRNN = Recurrent<ReluRnnCell>;

/// One step of a [`ReluRNN`].
#[derive(Debug, Clone, Copy, Default)]
pub struct ReluRnnCell;

impl Cell for ReluRnnCell {
    const NAME: &'static str = "ReluRNN";
    const GATES: usize = 1;
    const STATES: usize = 1;
    const SEQUENCE: Option<SequenceFn> =
        Some(|input, states, parameters| Ok((input.try_rnn_relu(&states[0], parameters)?, Vec::new())));

    fn step(&self, from_input: &Tensor, from_hidden: &Tensor, _: &[Tensor]) -> Result<Vec<Tensor>, TensorError> {
        Ok(vec![from_input.try_add(from_hidden)?.try_relu()?])
    }
}
