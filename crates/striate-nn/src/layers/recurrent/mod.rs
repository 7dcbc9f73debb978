//! Layers that read a sequence step by step.

mod cell;
mod gru;
mod lstm;
mod rnn;

use striate_tensor::random::Generator;
use striate_tensor::{DType, RecurrentParameters, Tensor, TensorError};

pub use cell::{GRUCell, LSTMCell, RNNCell, RecurrentCell};
pub use gru::{GRU, GruCell};
pub use lstm::{LSTM, LstmCell};
pub use rnn::{RNN, ReluRNN, ReluRnnCell, RnnCell};

use crate::{Context, Module, ModuleError, Slot};

/// What happens at one step of a sequence: the difference between [`RNN`], [`LSTM`] and [`GRU`].
pub trait Cell: Default + Send + Sync {
    /// The layer's name.
    const NAME: &'static str;
    /// How many blocks of `hidden` rows the weights have.
    const GATES: usize;
    /// How many tensors are carried from step to step; the first is the output.
    const STATES: usize;
    /// The operation that takes all steps at once, where there is one. Without it they are taken one by one.
    const SEQUENCE: Option<SequenceFn> = None;

    /// From what the input and the last output give, both `[n, GATES * hidden]`, and the last states, each `[n, hidden]`,
    /// the next states.
    ///
    /// # Errors
    /// When shapes do not fit.
    fn step(&self, from_input: &Tensor, from_hidden: &Tensor, states: &[Tensor]) -> Result<Vec<Tensor>, TensorError>;
}

/// All steps of [`Cell::step`] along a sequence `[l, n, input]` in one operation, from the first states: the outputs
/// `[l, n, hidden]`, and what the states other than the output are after the last step.
pub type SequenceFn = fn(&Tensor, &[Tensor], RecurrentParameters<'_>) -> Result<(Tensor, Vec<Tensor>), TensorError>;

/// What a recurrent layer looks like, before it has weights.
///
/// ```
/// use striate_nn::{Module, RecurrentConfig};
/// use striate_tensor::random::Generator;
///
/// let config = RecurrentConfig::new(10, 20).layers(2).bidirectional(true).batch_first(true);
/// let lstm: striate_nn::LSTM = config.build(&mut Generator::new(0));
/// assert_eq!(lstm.state_dict()["weight_ih_l1_reverse"].shape(), [80, 40]);
/// ```
#[derive(Debug, Clone, Copy)]
pub struct RecurrentConfig {
    input: usize,
    hidden: usize,
    layers: usize,
    bias: bool,
    batch_first: bool,
    dropout: f64,
    bidirectional: bool,
}

impl RecurrentConfig {
    /// One layer with biases from `input` to `hidden` features that reads forwards; the sequence is dimension 0.
    pub fn new(input: usize, hidden: usize) -> Self {
        Self { input, hidden, layers: 1, bias: true, batch_first: false, dropout: 0.0, bidirectional: false }
    }

    /// Layers on top of each other; each reads the outputs of the one below.
    pub fn layers(mut self, layers: usize) -> Self {
        self.layers = layers;
        self
    }

    /// Whether biases are added.
    pub fn bias(mut self, bias: bool) -> Self {
        self.bias = bias;
        self
    }

    /// Whether the batch is dimension 0 and the sequence dimension 1, instead of the other way round.
    pub fn batch_first(mut self, batch_first: bool) -> Self {
        self.batch_first = batch_first;
        self
    }

    /// Probability of dropout between the layers.
    pub fn dropout(mut self, dropout: f64) -> Self {
        self.dropout = dropout;
        self
    }

    /// Whether a second set of weights reads backwards; its outputs are put beside the others.
    pub fn bidirectional(mut self, bidirectional: bool) -> Self {
        self.bidirectional = bidirectional;
        self
    }

    /// The layer with random weights, uniform in `±1 / sqrt(hidden)`.
    pub fn build<C: Cell>(self, generator: &mut Generator) -> Recurrent<C> {
        let bound = 1.0 / (self.hidden.max(1) as f64).sqrt();
        let directions = if self.bidirectional { 2 } else { 1 };
        let rows = C::GATES * self.hidden;
        let mut draw = |shape: &[usize]| Tensor::uniform(shape, -bound, bound, generator).requires_grad_(true);
        let mut passes = Vec::new();
        for layer in 0..self.layers {
            let input = if layer == 0 { self.input } else { self.hidden * directions };
            for direction in 0..directions {
                let (weight_ih, weight_hh) = (draw(&[rows, input]), draw(&[rows, self.hidden]));
                let bias = self.bias.then(|| [draw(&[rows]), draw(&[rows])]);
                let suffix = format!("_l{layer}{}", if direction == 1 { "_reverse" } else { "" });
                passes.push(Pass { weight_ih, weight_hh, bias, suffix, backwards: direction == 1 });
            }
        }
        Recurrent { cell: C::default(), config: self, passes }
    }
}

/// One reading of the sequence, in one direction.
#[derive(Debug)]
struct Pass {
    weight_ih: Tensor,
    weight_hh: Tensor,
    /// Of the input and of the hidden state.
    bias: Option<[Tensor; 2]>,
    /// `_l0`, `_l0_reverse`, ...
    suffix: String,
    backwards: bool,
}

impl Pass {
    /// Outputs `[l, n, hidden]` and last states of the sequence `[l, n, features]`.
    fn run<C: Cell>(
        &self,
        cell: &C,
        input: &Tensor,
        mut states: Vec<Tensor>,
    ) -> Result<(Tensor, Vec<Tensor>), TensorError> {
        if let Some(sequence) = C::SEQUENCE {
            let biases = self.bias.as_ref().map(|[input, hidden]| [input, hidden]);
            let (weight_ih, weight_hh, reverse) = (&self.weight_ih, &self.weight_hh, self.backwards);
            let parameters = RecurrentParameters { weight_ih, weight_hh, biases, reverse };
            let (outputs, others) = sequence(input, &states, parameters)?;
            let last = outputs.try_select(0, if reverse { 0 } else { -1 })?;
            return Ok((outputs, [vec![last], others].concat()));
        }
        let [input_bias, hidden_bias] = [0, 1].map(|side| self.bias.as_ref().map(|bias| &bias[side]));
        // The input's part does not depend on the states: one product for all steps.
        let from_input = input.try_linear(&self.weight_ih, input_bias)?;
        let length = input.shape()[0];
        let mut outputs = Vec::with_capacity(length);
        for step in 0..length {
            let at = if self.backwards { length - 1 - step } else { step };
            let from_hidden = states[0].try_linear(&self.weight_hh, hidden_bias)?;
            states = cell.step(&from_input.try_select(0, at as isize)?, &from_hidden, &states)?;
            outputs.push(states[0].clone());
        }
        if self.backwards {
            outputs.reverse();
        }
        Ok((Tensor::try_stack(&outputs.iter().collect::<Vec<_>>(), 0)?, states))
    }
}

/// A recurrent layer: an [`RNN`], [`LSTM`] or [`GRU`], with PyTorch's weight names and gate orders (`weight_ih_l0`,
/// `weight_hh_l0`, `bias_ih_l0`, `bias_hh_l0`, then `_l0_reverse`, `_l1`, ...).
///
/// As a [`Module`] it maps the sequence `[l, n, input]` to the outputs `[l, n, hidden]` (`[n, l, ...]` with
/// `batch_first`, `2 * hidden` if bidirectional), starting from states of 0. [`Recurrent::run`] takes and gives states.
#[derive(Debug)]
pub struct Recurrent<C> {
    cell: C,
    config: RecurrentConfig,
    /// By layer, then by direction.
    passes: Vec<Pass>,
}

impl<C: Cell> Recurrent<C> {
    /// One layer that reads forwards; [`RecurrentConfig`] for the rest.
    pub fn new(input: usize, hidden: usize, generator: &mut Generator) -> Self {
        RecurrentConfig::new(input, hidden).build(generator)
    }

    /// The outputs, and the states after the last step (for the backward direction: after the first). States are one tensor
    /// (`h`) or two (LSTM: `h` and `c`) of `[layers * directions, n, hidden]`; without any they start at 0.
    ///
    /// # Errors
    /// When shapes do not fit.
    pub fn run(
        &self,
        input: &Tensor,
        initial: Option<&[Tensor]>,
        context: &Context,
    ) -> Result<(Tensor, Vec<Tensor>), ModuleError> {
        if input.rank() != 3 || input.shape()[0] == 0 || input.shape()[1] == 0 {
            let help = "give a batch of sequences: three sizes, none of them 0";
            return Err(TensorError::shape("recurrent", format!("the input is {:?}", input.shape()), help).into());
        }
        let directions = if self.config.bidirectional { 2 } else { 1 };
        let mut value = if self.config.batch_first { input.try_transpose(0, 1)? } else { input.clone() };
        let shape = [self.passes.len(), value.shape()[1], self.config.hidden];
        let zeros = vec![Tensor::zeros(&shape, DType::F32).try_to_dtype(input.dtype())?; C::STATES];
        let initial = initial.unwrap_or(&zeros);
        if initial.len() != C::STATES || initial.iter().any(|state| state.shape() != shape) {
            let what = format!("states are {:?}", initial.iter().map(Tensor::shape).collect::<Vec<_>>());
            let help = format!("{} needs {} of shape {shape:?}", C::NAME, C::STATES);
            return Err(TensorError::shape("recurrent", what, help).into());
        }
        let mut last = vec![Vec::new(); C::STATES];
        for (layer, passes) in self.passes.chunks(directions).enumerate() {
            if layer > 0 && context.training() && self.config.dropout > 0.0 {
                value = value.try_dropout(self.config.dropout, &mut context.generator())?;
            }
            let mut outputs = Vec::new();
            for (direction, pass) in passes.iter().enumerate() {
                let index = (layer * directions + direction) as isize;
                let states = initial.iter().map(|state| state.try_select(0, index)).collect::<Result<_, _>>()?;
                let (output, states) = pass.run(&self.cell, &value, states)?;
                outputs.push(output);
                last.iter_mut().zip(states).for_each(|(all, state)| all.push(state));
            }
            value = match &outputs[..] {
                [output] => output.clone(),
                _ => Tensor::try_cat(&outputs.iter().collect::<Vec<_>>(), -1)?,
            };
        }
        if self.config.batch_first {
            value = value.try_transpose(0, 1)?;
        }
        let stack = |states: &Vec<Tensor>| Tensor::try_stack(&states.iter().collect::<Vec<_>>(), 0);
        Ok((value, last.iter().map(stack).collect::<Result<_, _>>()?))
    }
}

impl<C: Cell> Module for Recurrent<C> {
    fn try_forward(&self, input: &Tensor, context: &Context) -> Result<Tensor, ModuleError> {
        Ok(self.run(input, None, context)?.0)
    }

    fn visit<'a>(&'a self, visitor: &mut dyn FnMut(&str, Slot<'a>)) {
        for Pass { weight_ih, weight_hh, bias, suffix, .. } in &self.passes {
            visitor(&format!("weight_ih{suffix}"), Slot::Parameter(weight_ih));
            visitor(&format!("weight_hh{suffix}"), Slot::Parameter(weight_hh));
            if let Some([input, hidden]) = bias {
                visitor(&format!("bias_ih{suffix}"), Slot::Parameter(input));
                visitor(&format!("bias_hh{suffix}"), Slot::Parameter(hidden));
            }
        }
    }

    fn describe(&self) -> String {
        let RecurrentConfig { input, hidden, layers, bidirectional, .. } = self.config;
        let mut text = format!("{}({input} -> {hidden}", C::NAME);
        if layers != 1 {
            text += &format!(", {layers} layers");
        }
        text + if bidirectional { ", bidirectional)" } else { ")" }
    }
}
