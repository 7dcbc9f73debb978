//! The plain recurrent layer (Elman 1990) and the gated recurrent unit (Cho et al. 2014) over a whole sequence: the input's
//! part for all steps in one product, and one operation for what goes from step to step.
//!
//! ```text
//! plain:  h = f(a + u)               with a = W_ih x + b_ih, u = W_hh h + b_hh, and f the hyperbolic tangent or max(., 0)
//! gated:  r, z, n the three blocks of a, and of u
//!         r = sigmoid(a_r + u_r)     z = sigmoid(a_z + u_z)     n = tanh(a_n + r u_n)     h = (1 - z) n + z h
//! ```
//!
//! Backward goes through the steps from the last to the first, with `dh` the gradient that arrives at a step:
//!
//! ```text
//! plain:  da = du = dh f'            dh = W_hhᵀ du
//! gated:  da_n = dh (1 - z) (1 - n²)     du_n = da_n r     da_r = du_r = da_n u_n r (1 - r)
//!         da_z = du_z = dh (h - n) z (1 - z)               dh = dh z + W_hhᵀ du
//! ```
//!
//! The gradient of `W_hh` is a product over all steps at once.

use striate_kernels::Element;
use striate_kernels::activation::sigmoid;
use striate_kernels::gemm::{MatrixMut, MatrixRef, gemm};
use striate_kernels::memory::Buffer;
use striate_kernels::pointwise::{sum_rows, zip, zip3};

use super::arithmetic::same_dtype;
use super::lstm::RecurrentParameters;
use crate::autograd::{Backward, Gradients, Recording, SavedTensor};
use crate::dtype::dispatch_float;
use crate::error::OrPanic;
use crate::layout::MemoryFormat::Contiguous;
use crate::{DType, Tensor, TensorError};

/// What happens at a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    Tanh,
    Relu,
    Gated,
}

impl Unit {
    fn op(self) -> &'static str {
        match self {
            Unit::Tanh => "rnn_tanh",
            Unit::Relu => "rnn_relu",
            Unit::Gated => "gru",
        }
    }

    /// Blocks of rows of the weights.
    fn gates(self) -> usize {
        if self == Unit::Gated { 3 } else { 1 }
    }
}

#[derive(Clone, Copy, Debug)]
struct Sizes {
    unit: Unit,
    steps: usize,
    batch: usize,
    hidden: usize,
    reverse: bool,
}

impl Sizes {
    /// Numbers of one step.
    fn block(&self) -> usize {
        self.batch * self.hidden
    }

    /// Numbers of all steps.
    fn plane(&self) -> usize {
        self.steps * self.block()
    }

    /// The place of the step that is done as number `i`.
    fn place(&self, i: usize) -> usize {
        if self.reverse { self.steps - 1 - i } else { i }
    }

    /// Where in the outputs, or in the first state (`None`), the state before the step at `place` is.
    fn before(&self, place: usize) -> Option<usize> {
        if self.reverse { (place + 1 < self.steps).then_some(place + 1) } else { place.checked_sub(1) }
    }

    /// The weights of gate `gate`, `[hidden, hidden]`.
    fn weight<'a, T>(&self, weight: &'a [T], gate: usize) -> MatrixRef<'a, T> {
        let size = self.hidden * self.hidden;
        MatrixRef::row_major(&weight[gate * size..][..size], self.hidden, self.hidden)
    }
}

/// What the backward pass needs beside inputs and outputs: gates `[gates, l, n, hidden]` after their functions, and of
/// the gated unit `u_n`, `[l, n, hidden]`. Empty for a plain unit, whose output says all.
struct Saved {
    gates: Buffer,
    candidate: Buffer,
}

/// The outputs, from `a` `[gates, l, n, hidden]`.
fn run<T: Element>(
    s: &Sizes,
    from_input: &[T],
    first: &[T],
    (weight, bias): (&[T], Option<&[T]>),
    outputs: &mut [T],
    saved: &mut Saved,
) {
    let (block, plane) = (s.block(), s.plane());
    let mut from_hidden = Buffer::uninit(s.unit.gates() * block * size_of::<T>());
    for i in 0..s.steps {
        let place = s.place(i);
        let (low, high) = outputs.split_at_mut(place.max(s.before(place).unwrap_or(0)) * block);
        // The step before lies on the other side of the cut.
        let (before, output) = match s.before(place) {
            None => (first, &mut high[..block]),
            Some(at) if at < place => (&low[at * block..][..block], &mut high[..block]),
            Some(_) => (&high[..block], &mut low[place * block..][..block]),
        };
        let from_hidden = from_hidden.as_mut_slice::<T>();
        for (gate, rows) in from_hidden.chunks_exact_mut(block).enumerate() {
            if let Some(bias) = bias {
                let bias = &bias[gate * s.hidden..][..s.hidden];
                rows.chunks_exact_mut(s.hidden).for_each(|row| row.copy_from_slice(bias));
            }
            let state = MatrixRef::row_major(before, s.batch, s.hidden);
            let rows = MatrixMut::row_major(rows, s.batch, s.hidden);
            gemm(state, s.weight(weight, gate).transposed(), rows, bias.is_some());
        }
        let step = |gate: usize| &from_input[gate * plane + place * block..][..block];
        match s.unit {
            Unit::Tanh => zip(step(0), from_hidden, output, |a: T, u: T| (a + u).tanh()),
            // Not the maximum with 0, which could drop NaN.
            Unit::Relu => {
                zip(step(0), from_hidden, output, |a: T, u: T| if a + u <= T::ZERO { T::ZERO } else { a + u })
            }
            Unit::Gated => {
                let gates = saved.gates.as_mut_slice::<T>();
                let mut gates = gates.chunks_exact_mut(plane).map(|gate| &mut gate[place * block..][..block]);
                let [reset, update, new] = [(); 3].map(|()| gates.next().expect("three gates"));
                let (u_r, rest) = from_hidden.split_at(block);
                let (u_z, u_n) = rest.split_at(block);
                zip(step(0), u_r, reset, |a: T, u: T| sigmoid(a + u));
                zip(step(1), u_z, update, |a: T, u: T| sigmoid(a + u));
                zip3(step(2), reset, u_n, new, |a: T, r: T, u: T| (a + r * u).tanh());
                zip3(new, update, before, output, |n: T, z: T, h: T| n + z * (h - n));
                saved.candidate.as_mut_slice::<T>()[place * block..][..block].copy_from_slice(u_n);
            }
        }
    }
}

/// The gradients of `a`, and of `u` where they differ (the last block of a gated unit), and of the first state.
struct Back {
    from_input: Buffer,
    candidate: Buffer,
    state: Buffer,
}

fn run_back<T: Element>(s: &Sizes, first: &[T], weight: &[T], outputs: &[T], saved: &Saved, grad: &[T]) -> Back {
    let (block, plane, bytes) = (s.block(), s.plane(), size_of::<T>());
    let gated = s.unit == Unit::Gated;
    let mut back = Back {
        from_input: Buffer::uninit(s.unit.gates() * plane * bytes),
        candidate: Buffer::uninit(if gated { plane * bytes } else { 0 }),
        state: Buffer::zeroed(block * bytes),
    };
    for i in (0..s.steps).rev() {
        let place = s.place(i);
        let at = place * block..(place + 1) * block;
        let before = s.before(place).map_or(first, |place| &outputs[place * block..][..block]);
        let (output, grad) = (&outputs[at.clone()], &grad[at.clone()]);
        let carried = back.state.as_mut_slice::<T>();
        let from_input = back.from_input.as_mut_slice::<T>();
        match s.unit {
            Unit::Tanh => zip3(grad, carried, output, &mut from_input[at.clone()], |grad: T, carried: T, h: T| {
                (grad + carried) * (T::ONE - h * h)
            }),
            Unit::Relu => zip3(grad, carried, output, &mut from_input[at.clone()], |grad: T, carried: T, h: T| {
                if h <= T::ZERO { T::ZERO } else { grad + carried }
            }),
            Unit::Gated => {
                let gates = saved.gates.as_slice::<T>();
                let [reset, update, new] = [0, 1, 2].map(|gate| &gates[gate * plane..][at.clone()]);
                let u_n = &saved.candidate.as_slice::<T>()[at.clone()];
                let (da_r, rest) = from_input.split_at_mut(plane);
                let (da_z, da_n) = rest.split_at_mut(plane);
                let [da_r, da_z, da_n] = [da_r, da_z, da_n].map(|plane| &mut plane[at.clone()]);
                let du_n = &mut back.candidate.as_mut_slice::<T>()[at.clone()];
                for k in 0..block {
                    let (r, z, n) = (reset[k], update[k], new[k]);
                    let dh = grad[k] + carried[k];
                    let candidate = dh * (T::ONE - z) * (T::ONE - n * n);
                    da_n[k] = candidate;
                    du_n[k] = candidate * r;
                    da_r[k] = candidate * u_n[k] * r * (T::ONE - r);
                    da_z[k] = dh * (before[k] - n) * z * (T::ONE - z);
                    carried[k] = dh * z;
                }
            }
        }
        for gate in 0..s.unit.gates() {
            let rows = match gate {
                2 => &back.candidate.as_slice::<T>()[at.clone()],
                _ => &back.from_input.as_slice::<T>()[gate * plane..][at.clone()],
            };
            let rows = MatrixRef::row_major(rows, s.batch, s.hidden);
            let carried = MatrixMut::row_major(back.state.as_mut_slice::<T>(), s.batch, s.hidden);
            gemm(rows, s.weight(weight, gate), carried, gated);
        }
    }
    back
}

impl Back {
    /// The gradient of `u` of a gate, `[l, n, hidden]`.
    fn hidden<T: Element>(&self, s: &Sizes, gate: usize) -> &[T] {
        match gate {
            2 => self.candidate.as_slice::<T>(),
            _ => &self.from_input.as_slice::<T>()[gate * s.plane()..][..s.plane()],
        }
    }

    /// The gradient of the weights `[gates hidden, hidden]`.
    fn weight<T: Element>(&self, s: &Sizes, first: &[T], outputs: &[T], out: &mut [T]) {
        let (block, plane) = (s.block(), s.plane());
        // The first step saw the first state, each other the output of the one before it.
        let others = if s.reverse { (0..plane - block, block..plane) } else { (block..plane, 0..plane - block) };
        let start = s.place(0) * block;
        for (gate, out) in out.chunks_exact_mut(s.hidden * s.hidden).enumerate() {
            let grad = self.hidden::<T>(s, gate);
            for (grad, states, accumulate) in [
                (&grad[start..start + block], first, false),
                (&grad[others.0.clone()], &outputs[others.1.clone()], true),
            ] {
                let rows = grad.len() / s.hidden;
                let grad = MatrixRef::row_major(grad, rows, s.hidden).transposed();
                let states = MatrixRef::row_major(states, rows, s.hidden);
                gemm(grad, states, MatrixMut::row_major(&mut *out, s.hidden, s.hidden), accumulate);
            }
        }
    }

    fn bias<T: Element>(&self, s: &Sizes, out: &mut [T]) {
        for (gate, out) in out.chunks_exact_mut(s.hidden).enumerate() {
            sum_rows(self.hidden::<T>(s, gate), out);
        }
    }
}

struct RecurrentBackward {
    sizes: Sizes,
    /// `a`, for second derivatives only.
    from_input: SavedTensor,
    state: SavedTensor,
    weight: SavedTensor,
    /// For second derivatives only.
    bias: Option<SavedTensor>,
    outputs: SavedTensor,
    saved: Saved,
}

impl Backward for RecurrentBackward {
    fn backward(&self, grad: &Tensor, needs: &[bool]) -> Result<Vec<Option<Tensor>>, TensorError> {
        let (s, op) = (&self.sizes, self.sizes.unit.op());
        let (state, weight, outputs) = (self.state.get(op)?, self.weight.get(op)?, self.outputs.get(op)?);
        let rows = s.unit.gates() * s.hidden;
        let shapes: [&[usize]; 4] =
            [&[s.unit.gates(), s.steps, s.batch, s.hidden], &[s.batch, s.hidden], &[rows, s.hidden], &[rows]];
        let mut gradients = vec![None; needs.len()];
        dispatch_float!(grad.dtype(), op, |T| {
            let (first, weight) = (state.data_in_format::<T>(Contiguous), weight.data_in_format::<T>(Contiguous));
            let (outputs, grad) = (outputs.data_in_format::<T>(Contiguous), grad.data_in_format::<T>(Contiguous));
            let back = run_back::<T>(s, &first, &weight, &outputs, &self.saved, &grad);
            for (i, gradient) in gradients.iter_mut().enumerate().filter(|&(i, _)| needs[i]) {
                *gradient = Some(Tensor::fill_new::<T>(shapes[i], Contiguous, |out| match i {
                    0 => out.copy_from_slice(back.from_input.as_slice::<T>()),
                    1 => out.copy_from_slice(back.state.as_slice::<T>()),
                    2 => back.weight(s, &first, &outputs, out),
                    _ => back.bias(s, out),
                }));
            }
        });
        Ok(gradients)
    }

    fn differentiable(&self, grad: &Tensor, needs: &[bool], recording: &Recording) -> Gradients {
        let op = self.sizes.unit.op();
        let mut saved = vec![&self.from_input, &self.state, &self.weight];
        saved.extend(&self.bias);
        let inputs: Result<Vec<Tensor>, TensorError> =
            saved.iter().enumerate().map(|(i, saved)| Ok(recording.input(i, saved.get(op)?))).collect();
        recording.through(grad, needs, &inputs?, |inputs| {
            // As the forward pass, whatever the precision is where this is called.
            crate::autocast::resume(Some(DType::F32), || composed(inputs, &self.sizes))
        })
    }
}

/// The outputs, step by step. The inputs are those of the node.
fn composed(inputs: &[Tensor], s: &Sizes) -> Result<Tensor, TensorError> {
    let ([from_input, state, weight], bias) = inputs.split_first_chunk().expect("three inputs at least");
    let mut state = state.clone();
    let mut outputs = vec![None; s.steps];
    for i in 0..s.steps {
        let place = s.place(i);
        let a = from_input.try_select(1, place as isize)?;
        let u = state.try_linear(weight, bias.first())?.try_reshape(&[s.batch, s.unit.gates(), s.hidden])?;
        let gate =
            |gate: isize| -> Result<[Tensor; 2], TensorError> { Ok([a.try_select(0, gate)?, u.try_select(1, gate)?]) };
        let [a_0, u_0] = gate(0)?;
        state = match s.unit {
            Unit::Tanh => a_0.try_add(&u_0)?.try_tanh()?,
            Unit::Relu => a_0.try_add(&u_0)?.try_relu()?,
            Unit::Gated => {
                let ([a_z, u_z], [a_n, u_n]) = (gate(1)?, gate(2)?);
                let (reset, update) = (a_0.try_add(&u_0)?.try_sigmoid()?, a_z.try_add(&u_z)?.try_sigmoid()?);
                let new = a_n.try_add(&reset.try_mul(&u_n)?)?.try_tanh()?;
                new.try_add(&update.try_mul(&state.try_sub(&new)?)?)?
            }
        };
        outputs[place] = Some(state.clone());
    }
    let outputs: Vec<&Tensor> = outputs.iter().flatten().collect();
    Tensor::try_stack(&outputs, 0)
}

/// Reads a sequence; see [`Tensor::gru`].
fn recurrent(unit: Unit, x: &Tensor, state: &Tensor, p: RecurrentParameters<'_>) -> Result<Tensor, TensorError> {
    let mut inputs = vec![x, state, p.weight_ih, p.weight_hh];
    inputs.extend(p.biases.into_iter().flatten());
    if !crate::is_autocast_enabled() && inputs.iter().all(|tensor| tensor.dtype() == DType::BF16) {
        let wide = inputs.iter().map(|tensor| tensor.try_to_dtype(DType::F32)).collect::<Result<Vec<_>, _>>()?;
        let ([x, state, weight_ih, weight_hh], biases) = wide.split_first_chunk().expect("four at least");
        let biases = p.biases.is_some().then(|| [&biases[0], &biases[1]]);
        let parameters = RecurrentParameters { weight_ih, weight_hh, biases, reverse: p.reverse };
        return recurrent(unit, x, state, parameters)?.try_to_dtype(DType::BF16);
    }
    let sizes = check(unit, x, state, &p)?;
    // Inside autocast this product is in bf16; what is carried from step to step is not rounded.
    let from_input = widened(&x.try_linear(p.weight_ih, p.biases.map(|[input, _]| input))?)?;
    let blocks = from_input.try_reshape(&[sizes.steps, sizes.batch, unit.gates(), sizes.hidden])?;
    let from_input = blocks.try_permute(&[2, 0, 1, 3])?.contiguous();
    let (state, weight) = (widened(state)?, widened(p.weight_hh)?);
    let bias = p.biases.map(|[_, hidden]| widened(hidden)).transpose()?;
    for tensor in [Some(&state), Some(&weight), bias.as_ref()].into_iter().flatten() {
        same_dtype(unit.op(), &from_input, tensor)?;
    }
    Ok(record_steps(&sizes, &from_input, &state, &weight, bias.as_ref()))
}

/// Bf16 in f32 inside autocast, which mixes them.
fn widened(x: &Tensor) -> Result<Tensor, TensorError> {
    if crate::is_autocast_enabled() && x.dtype() == DType::BF16 { x.try_to_dtype(DType::F32) } else { Ok(x.clone()) }
}

/// The steps, recorded; everything fits.
fn record_steps(s: &Sizes, from_input: &Tensor, state: &Tensor, weight: &Tensor, bias: Option<&Tensor>) -> Tensor {
    let (op, size) = (s.unit.op(), from_input.dtype().size());
    let gated = if s.unit == Unit::Gated { s.plane() * size } else { 0 };
    let mut saved = Saved { gates: Buffer::uninit(3 * gated), candidate: Buffer::uninit(gated) };
    let outputs = match from_input.dtype() {
        DType::F64 => steps::<f64>(s, from_input, state, weight, bias, &mut saved),
        _ => steps::<f32>(s, from_input, state, weight, bias, &mut saved),
    };
    let mut inputs = vec![from_input, state, weight];
    inputs.extend(bias);
    let kept = outputs.clone();
    outputs.record(op, &inputs, || RecurrentBackward {
        sizes: *s,
        from_input: SavedTensor::new(from_input),
        state: SavedTensor::new(state),
        weight: SavedTensor::new(weight),
        bias: bias.map(SavedTensor::new),
        outputs: SavedTensor::new(&kept),
        saved,
    })
}

fn steps<T: Element + crate::TensorElement<Stored = T>>(
    s: &Sizes,
    from_input: &Tensor,
    state: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
    saved: &mut Saved,
) -> Tensor {
    let [from_input, state, weight] = [from_input, state, weight].map(|tensor| tensor.data_in_format::<T>(Contiguous));
    let bias = bias.map(|bias| bias.data_in_format::<T>(Contiguous));
    Tensor::fill_new::<T>(&[s.steps, s.batch, s.hidden], Contiguous, |outputs| {
        run::<T>(s, &from_input, &state, (&weight, bias.as_deref()), outputs, saved);
    })
}

/// Checks the shapes; the dtypes are left to the product and to the caller.
fn check(unit: Unit, x: &Tensor, state: &Tensor, p: &RecurrentParameters<'_>) -> Result<Sizes, TensorError> {
    let (op, gates) = (unit.op(), unit.gates());
    let (&[steps, batch, features], &[_, hidden]) = (x.shape(), p.weight_hh.shape()) else {
        let what = format!("the input is {:?}, weight_hh {:?}", x.shape(), p.weight_hh.shape());
        return Err(TensorError::shape(op, what, format!("give [l, n, input] and [{gates} hidden, hidden]")));
    };
    let rows = gates * hidden;
    let mut expected = vec![
        ("weight_ih", p.weight_ih, vec![rows, features]),
        ("weight_hh", p.weight_hh, vec![rows, hidden]),
        ("the state", state, vec![batch, hidden]),
    ];
    expected.extend(p.biases.into_iter().flatten().map(|bias| ("a bias", bias, vec![rows])));
    if let Some((name, tensor, shape)) = expected.iter().find(|(_, tensor, shape)| tensor.shape() != shape) {
        let what = format!("{name} is {:?}, the input {:?} needs {shape:?}", tensor.shape(), x.shape());
        let help = format!("weight_hh {:?} gives the hidden size", p.weight_hh.shape());
        return Err(TensorError::shape(op, what, help));
    }
    if steps * batch * features * hidden == 0 {
        let what = format!("the input is {:?}, the hidden size {hidden}", x.shape());
        return Err(TensorError::shape(op, what, "no size may be 0"));
    }
    Ok(Sizes { unit, steps, batch, hidden, reverse: p.reverse })
}

macro_rules! recurrent {
    ($(#[$doc:meta])* $name:ident, $try_name:ident, $unit:ident) => {
        impl Tensor {
            $(#[$doc])*
            ///
            /// The sequence is `[l, n, input]`, the state before it `[n, hidden]`; the outputs are `[l, n, hidden]`, of which
            /// the last (in reverse the first) is the state after it. It computes bf16 in f32 and rounds the results. Inside
            /// [`autocast`](crate::autocast) the product with the input is in bf16, all else in f32, and so are the results.
            ///
            /// # Panics
            /// When shapes or dtypes do not fit, or a size is 0.
            #[track_caller]
            pub fn $name(&self, state: &Tensor, parameters: RecurrentParameters<'_>) -> Tensor {
                self.$try_name(state, parameters).or_panic()
            }

            #[doc = concat!("Like [`", stringify!($name), "`](Self::", stringify!($name), "), with a mistake as an error.")]
            pub fn $try_name(&self, state: &Tensor, parameters: RecurrentParameters<'_>) -> Result<Tensor, TensorError> {
                recurrent(Unit::$unit, self, state, parameters)
            }
        }
    };
}

recurrent!(
    /// The gated recurrent unit. The weights have three blocks: reset, update and new (PyTorch's order).
    ///
    /// ```
    /// use striate_tensor::{DType, RecurrentParameters, Tensor};
    /// let x = Tensor::ones(&[5, 2, 1], DType::F32);
    /// let (weight_ih, weight_hh) = (Tensor::ones(&[9, 1], DType::F32), Tensor::zeros(&[9, 3], DType::F32));
    /// let parameters = RecurrentParameters { weight_ih: &weight_ih, weight_hh: &weight_hh, biases: None, reverse: false };
    /// assert_eq!(x.gru(&Tensor::zeros(&[2, 3], DType::F32), parameters).shape(), [5, 2, 3]);
    /// ```
    gru, try_gru, Gated
);
recurrent!(
    /// The plain recurrent layer with a hyperbolic tangent. The weights have one block.
    rnn_tanh, try_rnn_tanh, Tanh
);
recurrent!(
    /// The plain recurrent layer with `max(., 0)`. The weights have one block.
    rnn_relu, try_rnn_relu, Relu
);
