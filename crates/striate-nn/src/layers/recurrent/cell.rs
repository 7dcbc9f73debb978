//! One step of a recurrent layer, as a layer.

use striate_tensor::random::Generator;
use striate_tensor::{DType, Tensor, TensorError};

use super::{Cell, GruCell, LstmCell, RnnCell};
use crate::{Context, Module, ModuleError, Slot};

/// One step of an [`RNN`](crate::RNN) (PyTorch's `RNNCell`).
pub type RNNCell = RecurrentCell<RnnCell>;
/// One step of an [`LSTM`](crate::LSTM) (PyTorch's `LSTMCell`).
pub type LSTMCell = RecurrentCell<LstmCell>;
/// One step of a [`GRU`](crate::GRU) (PyTorch's `GRUCell`).
pub type GRUCell = RecurrentCell<GruCell>;

/// A step of a sequence with weights of its own, for loops that are written out: an [`RNNCell`], [`LSTMCell`] or
/// [`GRUCell`], with PyTorch's names (`weight_ih`, `weight_hh`, `bias_ih`, `bias_hh`).
///
/// As a [`Module`] it is the output of one step from states of 0.
///
/// ```
/// use striate_nn::LSTMCell;
/// use striate_tensor::{DType, Tensor, random::Generator};
///
/// let cell = LSTMCell::new(3, 5, &mut Generator::new(0));
/// let mut states = cell.zero_states(2);
/// for _ in 0..4 {
///     states = cell.step(&Tensor::ones(&[2, 3], DType::F32), &states)?;
/// }
/// assert_eq!(states[0].shape(), [2, 5]); // h; c is states[1]
/// # Ok::<(), striate_tensor::TensorError>(())
/// ```
#[derive(Debug)]
pub struct RecurrentCell<C> {
    cell: C,
    weight_ih: Tensor,
    weight_hh: Tensor,
    bias: Option<[Tensor; 2]>,
}

impl<C: Cell> RecurrentCell<C> {
    /// A cell with biases and random weights, uniform in `±1 / sqrt(hidden)`.
    pub fn new(input: usize, hidden: usize, generator: &mut Generator) -> Self {
        Self::with_bias(input, hidden, true, generator)
    }

    /// A cell with or without biases.
    pub fn with_bias(input: usize, hidden: usize, bias: bool, generator: &mut Generator) -> Self {
        let (bound, rows) = (1.0 / (hidden.max(1) as f64).sqrt(), C::GATES * hidden);
        let mut draw = |shape: &[usize]| Tensor::uniform(shape, -bound, bound, generator).requires_grad_(true);
        let (weight_ih, weight_hh) = (draw(&[rows, input]), draw(&[rows, hidden]));
        let bias = bias.then(|| [draw(&[rows]), draw(&[rows])]);
        Self { cell: C::default(), weight_ih, weight_hh, bias }
    }

    /// States of 0 for a batch of `n`.
    pub fn zero_states(&self, n: usize) -> Vec<Tensor> {
        vec![Tensor::zeros(&[n, self.weight_hh.shape()[1]], DType::F32); C::STATES]
    }

    /// The next states, from an input `[n, input]` and the last states, each `[n, hidden]`: one tensor (the output), for
    /// an LSTM two (output and cell).
    ///
    /// # Errors
    /// When shapes do not fit.
    pub fn step(&self, input: &Tensor, states: &[Tensor]) -> Result<Vec<Tensor>, TensorError> {
        if states.len() != C::STATES {
            let help = format!("{} needs {}, each [n, hidden]", C::NAME, C::STATES);
            return Err(TensorError::shape("recurrent cell", format!("{} states given", states.len()), help));
        }
        let [input_bias, hidden_bias] = [0, 1].map(|side| self.bias.as_ref().map(|bias| &bias[side]));
        let from_input = input.try_linear(&self.weight_ih, input_bias)?;
        let from_hidden = states[0].try_linear(&self.weight_hh, hidden_bias)?;
        self.cell.step(&from_input, &from_hidden, states)
    }
}

impl<C: Cell> Module for RecurrentCell<C> {
    fn try_forward(&self, input: &Tensor, _context: &Context) -> Result<Tensor, ModuleError> {
        let states = self.zero_states(input.shape().first().copied().unwrap_or(0));
        Ok(self.step(input, &states)?.swap_remove(0))
    }

    fn visit<'a>(&'a self, visitor: &mut dyn FnMut(&str, Slot<'a>)) {
        visitor("weight_ih", Slot::Parameter(&self.weight_ih));
        visitor("weight_hh", Slot::Parameter(&self.weight_hh));
        if let Some([input, hidden]) = &self.bias {
            visitor("bias_ih", Slot::Parameter(input));
            visitor("bias_hh", Slot::Parameter(hidden));
        }
    }

    fn describe(&self) -> String {
        format!("{}Cell({} -> {})", C::NAME, self.weight_ih.shape()[1], self.weight_hh.shape()[1])
    }
}
