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

use striate_kernels::bf16::bf16;
use striate_kernels::lstm::{self as kernel, LstmElement, LstmForward, LstmSaved, LstmShape, LstmState, LstmWeights};
use striate_kernels::memory::Buffer;

use super::arithmetic::same_dtype;
use crate::autograd::{Backward, Gradients, Recording, SavedTensor};
use crate::error::OrPanic;
use crate::layout::MemoryFormat::Contiguous;
use crate::{DType, Tensor, TensorElement, TensorError};

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
    /// It computes bf16 in f32 and rounds the results. Inside [`autocast`](crate::autocast) it multiplies in bf16 and sums in
    /// f32: the input, the weights and the output of a step are rounded for the products; gates and cells are f32, so that
    /// what is added up over the steps is not rounded between them. Its results are bf16 there.
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
        let mut inputs = vec![self, states[0], states[1], p.weight_ih, p.weight_hh];
        inputs.extend(p.biases.into_iter().flatten());
        if crate::is_autocast_enabled() && inputs.iter().all(|x| matches!(x.dtype(), DType::F32 | DType::BF16)) {
            return in_mixed_precision(&inputs, &p);
        }
        if inputs.iter().all(|x| x.dtype() == DType::BF16) {
            return in_f32(&inputs, &p);
        }
        inputs.iter().try_for_each(|tensor| same_dtype(OP, self, tensor))?;
        match self.dtype() {
            DType::F32 => run::<f32>(&inputs, &p),
            DType::F64 => run::<f64>(&inputs, &p),
            other => Err(TensorError::needs_float(OP, other)),
        }
    }
}

/// The parameters `p` with the tensors of `inputs` (sequence, states, weights, biases) for its own.
fn with_tensors<'a>(inputs: &[&'a Tensor], p: &LstmParameters<'_>) -> LstmParameters<'a> {
    let biases = inputs.get(5..7).map(|biases| [biases[0], biases[1]]);
    LstmParameters { weight_ih: inputs[3], weight_hh: inputs[4], biases, reverse: p.reverse }
}

/// The operation on bf16 outside autocast.
fn in_f32(inputs: &[&Tensor], p: &LstmParameters<'_>) -> Result<(Tensor, Tensor), TensorError> {
    let wide = inputs.iter().map(|tensor| tensor.try_to_dtype(DType::F32)).collect::<Result<Vec<_>, _>>()?;
    let (outputs, cell) = run::<f32>(&wide.iter().collect::<Vec<_>>(), p)?;
    Ok((outputs.try_to_dtype(DType::BF16)?, cell.try_to_dtype(DType::BF16)?))
}

/// The operation inside autocast: input and output in bf16, all else in f32.
fn in_mixed_precision(inputs: &[&Tensor], p: &LstmParameters<'_>) -> Result<(Tensor, Tensor), TensorError> {
    let cast = |(i, tensor): (usize, &&Tensor)| match (i < 2, tensor.dtype()) {
        (true, _) => crate::autocast::activation(OP, tensor),
        (false, DType::BF16) => tensor.try_to_dtype(DType::F32),
        (false, _) => Ok((*tensor).clone()),
    };
    let inputs = inputs.iter().enumerate().map(cast).collect::<Result<Vec<_>, _>>()?;
    run::<bf16>(&inputs.iter().collect::<Vec<_>>(), p)
}

/// The recorded operation on `inputs`: sequence, output and cell before it, weights, biases. Sequence and output are of `S`,
/// all others of its sums.
fn run<S: Stored>(inputs: &[&Tensor], p: &LstmParameters<'_>) -> Result<(Tensor, Tensor), TensorError>
where
    S::Sum: TensorElement<Stored = S::Sum>,
{
    let p = with_tensors(inputs, p);
    let shape = p.check(inputs[0], [inputs[1], inputs[2]])?;
    let [input, output, cell] = [0, 1, 2].map(|i| inputs[i].to_format(Contiguous));
    let buffer = |len: usize| Buffer::uninit(len * size_of::<S::Sum>());
    let (mut cells, mut gates) = (buffer(shape.output_len()), buffer(shape.gates_len()));
    let mut last_cell = buffer(shape.batch * shape.hidden);
    let weights = Weights::<S::Sum>::new(p.weight_ih, p.weight_hh, p.biases);
    // One tensor for both results, so that one node has both gradients: the outputs, then the last cell.
    let results = Tensor::fill_new::<S>(&[shape.steps + 1, shape.batch, shape.hidden], Contiguous, |results| {
        let (outputs, last) = results.split_at_mut(shape.output_len());
        let result = LstmForward {
            output: outputs,
            last_cell: last_cell.as_mut_slice(),
            cells: cells.as_mut_slice(),
            gates: gates.as_mut_slice(),
        };
        let first = LstmState { output: &output.data::<S>(), cell: &cell.data::<S::Sum>() };
        kernel::forward(&shape, &input.data::<S>(), first, &weights.slices(), result);
        for (last, &cell) in last.iter_mut().zip(last_cell.as_slice::<S::Sum>()) {
            *last = S::narrow(cell);
        }
    });
    let saved = results.clone();
    let results = results.record(OP, inputs, || LstmBackward {
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

/// What input and output are stored in.
trait Stored: LstmElement + TensorElement<Stored = Self> {}
impl<S: LstmElement + TensorElement<Stored = S>> Stored for S {}

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
        match grad.dtype() {
            DType::F32 => self.gradients::<f32>(grad, needs),
            DType::F64 => self.gradients::<f64>(grad, needs),
            DType::BF16 => self.gradients::<bf16>(grad, needs),
            other => Err(TensorError::needs_float(OP, other)),
        }
    }

    fn differentiable(&self, grad: &Tensor, needs: &[bool], recording: &Recording) -> Gradients {
        let mut saved = vec![&self.input, &self.states[0], &self.states[1], &self.weights[0], &self.weights[1]];
        saved.extend(self.biases.iter().flatten());
        let inputs: Result<Vec<Tensor>, TensorError> =
            saved.iter().enumerate().map(|(i, saved)| Ok(recording.input(i, saved.get(OP)?))).collect();
        recording.through(grad, needs, &inputs?, |inputs| {
            // As the forward pass, whatever the precision is where this is called.
            crate::autocast::resume(Some(DType::F32), || composed(inputs, &self.shape, grad.dtype()))
        })
    }
}

impl LstmBackward {
    fn gradients<S: Stored>(&self, grad: &Tensor, needs: &[bool]) -> Result<Vec<Option<Tensor>>, TensorError>
    where
        S::Sum: TensorElement<Stored = S::Sum>,
    {
        let s = &self.shape;
        let [input, results] = [self.input.get(OP)?, self.results.get(OP)?];
        let [output, cell] = [self.states[0].get(OP)?, self.states[1].get(OP)?];
        let [weight_ih, weight_hh] = [self.weights[0].get(OP)?, self.weights[1].get(OP)?];
        let weights = Weights::<S::Sum>::new(weight_ih, weight_hh, None);
        let weights = weights.slices();
        let grad = grad.data_in_format::<S>(Contiguous);
        let (grad_output, grad_cell) = grad.split_at(s.output_len());
        let saved = LstmSaved { cells: self.cells.as_slice(), gates: self.gates.as_slice(), grad_output, grad_cell };
        let back = kernel::backward(s, &cell.data::<S::Sum>(), &weights, &saved);
        let mut gradients = vec![None; needs.len()];
        if needs[0] {
            gradients[0] = Some(new::<S>(input.shape(), |out| back.input(&weights, out)));
        }
        if needs[1] {
            gradients[1] = Some(new::<S>(output.shape(), |out| back.first_output(&weights, out)));
        }
        if needs[2] {
            gradients[2] = Some(new::<S::Sum>(cell.shape(), |out| back.first_cell(out)));
        }
        if needs[3] || needs[4] {
            let mut hidden = None;
            let input = new::<S::Sum>(weight_ih.shape(), |grad_input| {
                hidden = Some(new::<S::Sum>(weight_hh.shape(), |grad_hidden| {
                    let (x, first, results) = (input.data::<S>(), output.data::<S>(), results.data::<S>());
                    back.weights(&x, &first, &results[..s.output_len()], [&mut *grad_input, grad_hidden]);
                }));
            });
            (gradients[3], gradients[4]) = (needs[3].then_some(input), hidden.filter(|_| needs[4]));
        }
        for (gradient, _) in gradients.iter_mut().zip(needs).skip(5).filter(|(_, needed)| **needed) {
            *gradient = Some(new::<S::Sum>(&[4 * s.hidden], |out| back.bias(out)));
        }
        Ok(gradients)
    }
}

/// A contiguous tensor that `fill` writes.
fn new<T: TensorElement>(shape: &[usize], fill: impl FnOnce(&mut [T::Stored])) -> Tensor {
    Tensor::fill_new::<T>(shape, Contiguous, fill)
}

/// Outputs and last cell, step by step, in the node's dtype. The inputs are those of the node.
fn composed(inputs: &[Tensor], shape: &LstmShape, dtype: DType) -> Result<Tensor, TensorError> {
    let ([x, hidden, cell, weight_ih, weight_hh], biases) = inputs.split_first_chunk().expect("five inputs at least");
    let wide = weight_ih.dtype();
    let from_input = x.try_to_dtype(wide)?.try_linear(weight_ih, biases.first())?;
    let (mut hidden, mut cell) = (hidden.try_to_dtype(wide)?, cell.clone());
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
    Tensor::try_stack(&outputs.iter().collect::<Vec<_>>(), 0)?.try_to_dtype(dtype)
}
