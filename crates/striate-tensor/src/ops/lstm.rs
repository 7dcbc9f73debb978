//! Long short-term memory (Hochreiter and Schmidhuber 1997) over a whole sequence, in one operation.
//!
//! ```text
//! i, f, g, o = the four blocks of W_ih x + b_ih + W_hh h + b_hh
//! c = sigmoid(f) c + sigmoid(i) tanh(g)        h = sigmoid(o) tanh(c)
//! ```
//!
//! Backward goes through the steps from the last to the first, with `dc` and `dh` the gradients that arrive at a step:
//!
//! ```text
//! dc += dh o (1 - tanh(c)²)        di, df, dg = dc g, dc c_before, dc i       do = dh tanh(c)
//! ```
//!
//! each times the derivative of its sigmoid or tanh; `dh` and `dx` of the step before are their products with `W_hh` and
//! `W_ih`, and the gradients of the weights are products over all steps at once.

use striate_kernels::lstm::{self as kernel, LstmForward, LstmSaved, LstmShape, LstmState, LstmWeights};
use striate_kernels::memory::Buffer;

use super::arithmetic::same_dtype;
use crate::autograd::{Backward, Gradients, Recording, SavedTensor};
use crate::dtype::dispatch_float;
use crate::error::OrPanic;
use crate::layout::MemoryFormat::Contiguous;
use crate::{DType, Tensor, TensorError};

const OP: &str = "lstm";

/// What [`Tensor::lstm`], [`Tensor::gru`], [`Tensor::rnn_tanh`] and [`Tensor::rnn_relu`] are applied with.
///
/// The weights have one block of `hidden` rows for each gate, below each other as in PyTorch: of a long short-term memory
/// input, forget, cell and output; of a gated recurrent unit reset, update and new; of a plain layer the only one.
#[derive(Clone, Copy, Debug)]
pub struct RecurrentParameters<'a> {
    /// `W_ih`, `[gates hidden, input]`.
    pub weight_ih: &'a Tensor,
    /// `W_hh`, `[gates hidden, hidden]`.
    pub weight_hh: &'a Tensor,
    /// `b_ih` and `b_hh`, `[gates hidden]` each.
    pub biases: Option<[&'a Tensor; 2]>,
    /// Whether the sequence is read from its end.
    pub reverse: bool,
}

/// The parameters of a long short-term memory.
pub type LstmParameters<'a> = RecurrentParameters<'a>;

impl LstmParameters<'_> {
    /// Checks everything against the input; returns the sizes.
    fn check(&self, input: &Tensor, states: [&Tensor; 2]) -> Result<LstmShape, TensorError> {
        let (&[steps, batch, features], &[rows, hidden]) = (input.shape(), self.weight_hh.shape()) else {
            let what = format!("the input is {:?}, weight_hh {:?}", input.shape(), self.weight_hh.shape());
            return Err(TensorError::shape(OP, what, "give [l, n, input] and [4 hidden, hidden]"));
        };
        let mut expected = vec![("weight_ih", self.weight_ih, vec![4 * hidden, features])];
        expected.push(("weight_hh", self.weight_hh, vec![4 * hidden, hidden]));
        expected.extend(states.map(|state| ("a state", state, vec![batch, hidden])));
        for bias in self.biases.into_iter().flatten() {
            expected.push(("a bias", bias, vec![4 * hidden]));
        }
        for (name, tensor, shape) in expected {
            same_dtype(OP, input, tensor)?;
            if tensor.shape() != shape {
                let what = format!("{name} is {:?}, the input {:?} needs {shape:?}", tensor.shape(), input.shape());
                return Err(TensorError::shape(
                    OP,
                    what,
                    format!("weight_hh {:?} gives the hidden size", [rows, hidden]),
                ));
            }
        }
        if steps * batch * features * hidden == 0 {
            let what = format!("the input is {:?}, the hidden size {hidden}", input.shape());
            return Err(TensorError::shape(OP, what, "no size may be 0"));
        }
        Ok(LstmShape { steps, batch, input: features, hidden, reverse: self.reverse })
    }
}

impl Tensor {
    /// Reads the sequence `self` `[l, n, input]` from the states `[h, c]`, each `[n, hidden]`. Returns the outputs
    /// `[l, n, hidden]` and the last cell `[n, hidden]`; the last output is that of the last step (of the first, in reverse).
    ///
    /// It computes bf16 in f32 and rounds the results. Inside [`autocast`](crate::autocast) it computes in f32 throughout,
    /// and so are its results: what it adds up over the steps is not rounded between them. (PyTorch's LSTM multiplies in
    /// bf16 there.)
    ///
    /// ```
    /// use striate_tensor::{DType, LstmParameters, Tensor};
    /// let x = Tensor::ones(&[5, 2, 1], DType::F32);
    /// let (weight_ih, weight_hh) = (Tensor::ones(&[12, 1], DType::F32), Tensor::zeros(&[12, 3], DType::F32));
    /// let parameters = LstmParameters { weight_ih: &weight_ih, weight_hh: &weight_hh, biases: None, reverse: false };
    /// let zero = Tensor::zeros(&[2, 3], DType::F32);
    /// let (output, cell) = x.lstm([&zero, &zero], parameters);
    /// assert_eq!((output.shape(), cell.shape()), (&[5, 2, 3][..], &[2, 3][..]));
    /// ```
    ///
    /// # Panics
    /// When shapes or dtypes do not fit, or a size is 0.
    #[track_caller]
    pub fn lstm(&self, states: [&Tensor; 2], parameters: LstmParameters<'_>) -> (Tensor, Tensor) {
        self.try_lstm(states, parameters).or_panic()
    }

    /// Like [`lstm`](Self::lstm), with a mistake as an error.
    pub fn try_lstm(&self, states: [&Tensor; 2], p: LstmParameters<'_>) -> Result<(Tensor, Tensor), TensorError> {
        if let Some(results) = in_f32(self, states, p) {
            return results;
        }
        let shape = p.check(self, states)?;
        let [input, output, cell] = [self, states[0], states[1]].map(|tensor| tensor.to_format(Contiguous));
        let size = self.dtype().size();
        let (mut cells, mut gates) =
            (Buffer::uninit(shape.output_len() * size), Buffer::uninit(shape.gates_len() * size));
        // One tensor for both results, so that one node has both gradients: the outputs, then the last cell.
        let results = dispatch_float!(self.dtype(), OP, |T| {
            let weights = Weights::<T>::new(p.weight_ih, p.weight_hh, p.biases);
            let first = LstmState { output: &output.data::<T>(), cell: &cell.data::<T>() };
            Tensor::fill_new::<T>(&[shape.steps + 1, shape.batch, shape.hidden], Contiguous, |results| {
                let (output, last) = results.split_at_mut(shape.output_len());
                let cells = cells.as_mut_slice::<T>();
                let result = LstmForward { output, cells: &mut *cells, gates: gates.as_mut_slice::<T>() };
                kernel::forward(&shape, &input.data::<T>(), first, &weights.slices(), result);
                let at = if shape.reverse { 0 } else { cells.len() - last.len() };
                last.copy_from_slice(&cells[at..at + last.len()]);
            })
        });
        let mut inputs = vec![self, states[0], states[1], p.weight_ih, p.weight_hh];
        inputs.extend(p.biases.into_iter().flatten());
        let saved = results.clone();
        let results = results.record(OP, &inputs, || LstmBackward {
            shape,
            input: SavedTensor::new(&input),
            states: [SavedTensor::new(&output), SavedTensor::new(&cell)],
            weights: [SavedTensor::new(p.weight_ih), SavedTensor::new(p.weight_hh)],
            biases: p.biases.map(|biases| biases.map(SavedTensor::new)),
            results: SavedTensor::new(&saved),
            cells,
            gates,
        });
        Ok((results.try_narrow(0, 0, shape.steps)?, results.try_select(0, -1)?))
    }
}

/// The operation on bf16: `None` if none of the tensors is, or if the types differ outside autocast.
fn in_f32(x: &Tensor, states: [&Tensor; 2], p: LstmParameters<'_>) -> Option<Result<(Tensor, Tensor), TensorError>> {
    let mut inputs = vec![x, states[0], states[1], p.weight_ih, p.weight_hh];
    inputs.extend(p.biases.into_iter().flatten());
    let is_bf16 = |tensor: &&Tensor| tensor.dtype() == DType::BF16;
    let mixed = crate::is_autocast_enabled();
    if !(if mixed { inputs.iter().any(is_bf16) } else { inputs.iter().all(is_bf16) }) {
        return None;
    }
    let wide = |tensor: &Tensor| match tensor.dtype() {
        DType::BF16 => tensor.try_to_dtype(DType::F32),
        _ => Ok(tensor.clone()),
    };
    let compute = || {
        let inputs = inputs.into_iter().map(wide).collect::<Result<Vec<_>, _>>()?;
        let ([x, output, cell, weight_ih, weight_hh], biases) = inputs.split_first_chunk().expect("five at least");
        let biases = p.biases.is_some().then(|| [&biases[0], &biases[1]]);
        let (outputs, cell) =
            x.try_lstm([output, cell], LstmParameters { weight_ih, weight_hh, biases, reverse: p.reverse })?;
        let results = [outputs, cell];
        let [outputs, cell] = if mixed { results } else { results.map(|result| result.to_dtype(DType::BF16)) };
        Ok((outputs, cell))
    };
    Some(compute())
}

/// Row-major parameters.
struct Weights<T> {
    both: [crate::storage::Data<T>; 2],
    biases: Option<[crate::storage::Data<T>; 2]>,
}

impl<T: striate_kernels::Element> Weights<T> {
    fn new(weight_ih: &Tensor, weight_hh: &Tensor, biases: Option<[&Tensor; 2]>) -> Self {
        let both = [weight_ih, weight_hh].map(|weight| weight.data_in_format::<T>(Contiguous));
        Self { both, biases: biases.map(|both| both.map(|bias| bias.data_in_format::<T>(Contiguous))) }
    }

    fn slices(&self) -> LstmWeights<'_, T> {
        let biases = self.biases.as_ref().map(|[a, b]| [&**a, &**b]);
        LstmWeights { input: &self.both[0], hidden: &self.both[1], biases }
    }
}

struct LstmBackward {
    shape: LstmShape,
    /// Row-major, as the states.
    input: SavedTensor,
    states: [SavedTensor; 2],
    weights: [SavedTensor; 2],
    /// For second derivatives only.
    biases: Option<[SavedTensor; 2]>,
    /// Outputs and last cell.
    results: SavedTensor,
    cells: Buffer,
    gates: Buffer,
}

impl Backward for LstmBackward {
    fn backward(&self, grad: &Tensor, needs: &[bool]) -> Result<Vec<Option<Tensor>>, TensorError> {
        let (s, dtype) = (&self.shape, grad.dtype());
        let [input, results] = [self.input.get(OP)?, self.results.get(OP)?];
        let [output, cell] = [self.states[0].get(OP)?, self.states[1].get(OP)?];
        let [weight_ih, weight_hh] = [self.weights[0].get(OP)?, self.weights[1].get(OP)?];
        let mut gradients = vec![None; needs.len()];
        dispatch_float!(dtype, OP, |T| {
            let weights = Weights::<T>::new(weight_ih, weight_hh, None);
            let weights = weights.slices();
            let grad = grad.data_in_format::<T>(Contiguous);
            let (grad_output, grad_cell) = grad.split_at(s.output_len());
            let (cells, gates) = (self.cells.as_slice::<T>(), self.gates.as_slice::<T>());
            let saved = LstmSaved { cells, gates, grad_output, grad_cell };
            let back = kernel::backward(s, &cell.data::<T>(), &weights, &saved);
            let (x, first) = (input.data::<T>(), output.data::<T>());
            let results = results.data::<T>();
            for (i, gradient) in gradients.iter_mut().enumerate().filter(|&(i, _)| needs[i]) {
                let shape = [input, output, cell, weight_ih, weight_hh]
                    .get(i)
                    .map_or(vec![4 * s.hidden], |tensor| tensor.shape().to_vec());
                *gradient = Some(Tensor::fill_new::<T>(&shape, Contiguous, |out| match i {
                    0 => back.input(&weights, out),
                    1 => back.first_output(&weights, out),
                    2 => out.copy_from_slice(back.first_cell()),
                    3 => back.input_weight(&x, out),
                    4 => back.hidden_weight(&first, &results[..s.output_len()], out),
                    _ => back.bias(out),
                }));
            }
        });
        Ok(gradients)
    }

    fn differentiable(&self, grad: &Tensor, needs: &[bool], recording: &Recording) -> Gradients {
        let mut saved = vec![&self.input, &self.states[0], &self.states[1], &self.weights[0], &self.weights[1]];
        saved.extend(self.biases.iter().flatten());
        let inputs: Result<Vec<Tensor>, TensorError> =
            saved.iter().enumerate().map(|(i, saved)| Ok(recording.input(i, saved.get(OP)?))).collect();
        recording.through(grad, needs, &inputs?, |inputs| {
            // As the forward pass, whatever the precision is where this is called.
            crate::autocast::resume(Some(DType::F32), || composed(inputs, &self.shape))
        })
    }
}

/// Outputs and last cell, step by step. The inputs are those of the node.
fn composed(inputs: &[Tensor], shape: &LstmShape) -> Result<Tensor, TensorError> {
    let ([x, hidden, cell, weight_ih, weight_hh], biases) = inputs.split_first_chunk().expect("five inputs at least");
    let from_input = x.try_linear(weight_ih, biases.first())?;
    let (mut hidden, mut cell) = (hidden.clone(), cell.clone());
    let mut outputs = Vec::with_capacity(shape.steps + 1);
    for i in 0..shape.steps {
        let step = if shape.reverse { shape.steps - 1 - i } else { i };
        let gates = from_input.try_select(0, step as isize)?.try_add(&hidden.try_linear(weight_hh, biases.get(1))?)?;
        let gates = gates.try_chunk(4, 1)?;
        let written = gates[0].try_sigmoid()?.try_mul(&gates[2].try_tanh()?)?;
        cell = gates[1].try_sigmoid()?.try_mul(&cell)?.try_add(&written)?;
        hidden = gates[3].try_sigmoid()?.try_mul(&cell.try_tanh()?)?;
        outputs.push(hidden.clone());
    }
    if shape.reverse {
        outputs.reverse();
    }
    outputs.push(cell);
    Tensor::try_stack(&outputs.iter().collect::<Vec<_>>(), 0)
}
