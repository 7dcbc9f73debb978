//! Long short-term memory over a whole sequence, forward and backward.
//!
//! The input's part of the gates is one product for all steps; each step then adds the product with the last output and
//! goes through the gates, block of units by block of units, so that what a thread has just computed is still in its cache.
//! Backward collects the gradients of the gates of all steps, from which the gradients of the weights are one product each.
//!
//! Inside, the gates lie in blocks of [`UNITS`] units: for each block input, forget, cell and output gate behind each other.

mod units;

use std::ops::Range;

use crate::Element;
use crate::arch::{Isa, prefetch};
use crate::gemm::{MatrixMut, MatrixRef, gemm, multiply_block};
use crate::layout::transpose_block;
use crate::memory::Buffer;
use crate::panels::Target;
use crate::threads::{Pieces, parallel_for, parallel_for_scratch};
use units::{backward_units, forward_units};

/// Units of a block.
const UNITS: usize = 16;
/// Input, forget, cell and output.
const GATES: usize = 4;
/// Units one chunk of a backward step works on.
const BACKWARD_UNITS: usize = 2 * UNITS;

/// Unused values behind the gates of a sequence at one step: rows at steps of 4 KB would share one set of the first-level
/// cache, and they are read side by side.
const GAP: usize = 16;

/// The sizes of a layer and its input.
#[derive(Clone, Copy, Debug)]
pub struct LstmShape {
    /// Length of the sequences.
    pub steps: usize,
    /// Number of sequences.
    pub batch: usize,
    /// Features of the input.
    pub input: usize,
    /// Features of the output.
    pub hidden: usize,
    /// Whether the last step is read first.
    pub reverse: bool,
}

impl LstmShape {
    /// Rows of the weights.
    fn gates(&self) -> usize {
        GATES * self.hidden
    }

    /// The number of gate values of a sequence: what `gates` of [`forward`] holds.
    pub fn gates_len(&self) -> usize {
        self.steps * self.batch * self.pitch()
    }

    /// From the gates of a sequence at one step to those of the next.
    fn pitch(&self) -> usize {
        self.gates() + GAP
    }

    /// Rows of gates as a matrix.
    fn gate_rows<'a, T>(&self, data: &'a [T]) -> MatrixRef<'a, T> {
        let (rows, row_stride) = (data.len() / self.pitch(), self.pitch());
        MatrixRef { data, rows, cols: self.gates(), row_stride, col_stride: 1 }
    }

    /// The number of values of a sequence of outputs, or of cells.
    pub fn output_len(&self) -> usize {
        self.steps * self.batch * self.hidden
    }

    /// The place in the sequence of the step that is computed as number `step`.
    fn time(&self, step: usize) -> usize {
        if self.reverse { self.steps - 1 - step } else { step }
    }

    /// The values of place `time` in a sequence with `width` values per row.
    fn rows(&self, time: usize, width: usize) -> Range<usize> {
        time * self.batch * width..(time + 1) * self.batch * width
    }

    fn blocks(&self) -> usize {
        self.hidden.div_ceil(UNITS)
    }

    /// The units of a block.
    fn units(&self, block: usize) -> Range<usize> {
        block * UNITS..((block + 1) * UNITS).min(self.hidden)
    }

    /// Calls `visit(blocked, usual)` with the first of neighbouring rows of gates in both orders, and how many.
    fn for_each_run(&self, mut visit: impl FnMut(usize, usize, usize)) {
        for block in 0..self.blocks() {
            let units = self.units(block);
            for gate in 0..GATES {
                visit(GATES * units.start + gate * units.len(), gate * self.hidden + units.start, units.len());
            }
        }
    }

    /// Rows of weights in the order of blocks.
    fn in_blocks<T: Element>(&self, usual: &[T], columns: usize) -> Buffer {
        let mut blocked = Buffer::uninit(size_of_val(usual));
        let to = blocked.as_mut_slice::<T>();
        self.for_each_run(|at, from, count| {
            to[at * columns..(at + count) * columns].copy_from_slice(&usual[from * columns..(from + count) * columns]);
        });
        blocked
    }

    /// Turns weights `[columns, 4 hidden]` in the order of blocks into `[4 hidden, columns]` in the usual one.
    fn turned_to_usual_order<T: Element>(&self, blocked: &[T], columns: usize, usual: &mut [T]) {
        self.for_each_run(|at, to, count| {
            let to = &mut usual[to * columns..];
            transpose_block(Isa::current(), (&blocked[at..], self.gates()), (to, columns), [count, columns]);
        });
    }

    /// The way back of [`LstmShape::in_blocks`].
    fn in_usual_order<T: Element>(&self, blocked: &[T], columns: usize, usual: &mut [T]) {
        self.for_each_run(|at, to, count| {
            usual[to * columns..(to + count) * columns].copy_from_slice(&blocked[at * columns..(at + count) * columns]);
        });
    }
}

/// The parameters: `input` `[4 hidden, input]`, `hidden` `[4 hidden, hidden]`, biases `[4 hidden]`, with the gates in the
/// order input, forget, cell, output.
#[derive(Clone, Copy, Debug)]
pub struct LstmWeights<'a, T> {
    /// Of the input.
    pub input: &'a [T],
    /// Of the last output.
    pub hidden: &'a [T],
    /// Both biases.
    pub biases: Option<[&'a [T]; 2]>,
}

impl<T: Element> LstmWeights<'_, T> {
    fn check(&self, s: &LstmShape) {
        let rows = s.gates();
        assert!(
            self.input.len() == rows * s.input && self.hidden.len() == rows * s.hidden,
            "lstm: length of the weights"
        );
        assert!(self.biases.is_none_or(|both| both.iter().all(|bias| bias.len() == rows)), "lstm: length of a bias");
    }
}

/// Where a sequence starts from: output and cell, `[batch, hidden]` each.
#[derive(Clone, Copy, Debug)]
pub struct LstmState<'a, T> {
    /// The output.
    pub output: &'a [T],
    /// The cell.
    pub cell: &'a [T],
}

impl<T> LstmState<'_, T> {
    fn check(&self, s: &LstmShape) {
        let len = s.batch * s.hidden;
        assert!(self.output.len() == len && self.cell.len() == len, "lstm: length of the first state");
    }
}

/// What [`forward`] computes, all overwritten.
#[derive(Debug)]
pub struct LstmForward<'a, T> {
    /// `[steps, batch, hidden]`
    pub output: &'a mut [T],
    /// The cells, `[steps, batch, hidden]`.
    pub cells: &'a mut [T],
    /// The gates, [`LstmShape::gates_len`] values in an order of their own.
    pub gates: &'a mut [T],
}

/// `[i, f, g, o] = W_input x + b + W_hidden h + b`, then `c = sigmoid(f) c + sigmoid(i) tanh(g)` and
/// `h = sigmoid(o) tanh(c)`, for the input `x` `[steps, batch, input]`.
///
/// # Panics
/// If a length does not fit.
pub fn forward<T: Element>(
    s: &LstmShape,
    x: &[T],
    first: LstmState<'_, T>,
    weights: &LstmWeights<'_, T>,
    result: LstmForward<'_, T>,
) {
    weights.check(s);
    first.check(s);
    assert_eq!(x.len(), s.steps * s.batch * s.input, "lstm: length of the input");
    let LstmForward { output, cells, gates } = result;
    assert!(output.len() == s.output_len() && cells.len() == output.len(), "lstm: length of the output");
    assert_eq!(gates.len(), s.gates_len(), "lstm: length of the gates");
    let columns = s.gates();
    let from_input = s.in_blocks(weights.input, s.input);
    let rows = s.steps * s.batch;
    let from_input = MatrixRef::row_major(from_input.as_slice::<T>(), columns, s.input).transposed();
    let row_stride = s.pitch();
    let all = MatrixMut { data: &mut *gates, rows, cols: columns, row_stride, col_stride: 1 };
    gemm(MatrixRef::row_major(x, rows, s.input), from_input, all, false);
    let bias = summed_bias(s, weights.biases);
    let (bias, packed) = (bias.as_slice::<T>(), pack_forward(s, weights.hidden));
    for step in 0..s.steps {
        let time = s.time(step);
        let (h, c) = if step == 0 {
            (first.output, Cells::Apart(first.cell))
        } else {
            let before = s.rows(s.time(step - 1), s.hidden);
            (&output[before.clone()], Cells::At(before.start))
        };
        // What the chunks read is what former steps wrote; an address of its own for what this step writes.
        let h = Buffer::from_slice(h);
        let places = Places {
            gates: Target::new(&mut gates[s.rows(time, s.pitch())]),
            output: Target::new(&mut output[s.rows(time, s.hidden)]),
        };
        let (new_cells, old_cells) = split_cells(s, cells, time, c);
        forward_step(s, [h.as_slice::<T>(), old_cells, bias], packed.as_slice::<T>(), &places, Target::new(new_cells));
    }
}

/// Where the cells of the step before are.
enum Cells<'a, T> {
    Apart(&'a [T]),
    /// In the sequence, from this place on.
    At(usize),
}

/// The cells of place `time`, to write, and those before.
fn split_cells<'a, T>(s: &LstmShape, cells: &'a mut [T], time: usize, before: Cells<'a, T>) -> (&'a mut [T], &'a [T]) {
    let now = s.rows(time, s.hidden);
    match before {
        Cells::Apart(before) => (&mut cells[now], before),
        Cells::At(at) if at < now.start => {
            let (left, right) = cells.split_at_mut(now.start);
            (&mut right[..now.len()], &left[at..at + now.len()])
        }
        Cells::At(at) => {
            let (left, right) = cells.split_at_mut(at);
            (&mut left[now.clone()], &right[..now.len()])
        }
    }
}

/// What a forward step writes, besides the cells.
struct Places<T> {
    gates: Target<T>,
    output: Target<T>,
}

fn forward_step<T: Element>(
    s: &LstmShape,
    [h, old_cells, bias]: [&[T]; 3],
    packed: &[T],
    places: &Places<T>,
    cells: Target<T>,
) {
    let pitch = s.pitch();
    parallel_for_scratch(s.blocks(), s.batch * GATES * UNITS, &|block, scratch: &mut [T]| {
        let units = s.units(block);
        let (width, start) = (GATES * units.len(), GATES * units.start);
        let product = &mut scratch[..s.batch * width];
        // Far apart in memory: they come while the product is computed.
        for row in 0..s.batch {
            prefetch(places.gates.at(row * pitch + start), width);
            prefetch(&old_cells[row * s.hidden + units.start], units.len());
        }
        let h = MatrixRef::row_major(h, s.batch, s.hidden);
        multiply_block(h, &packed[start * s.hidden..(start + width) * s.hidden], product);
        for (row, product) in product.chunks_exact(width).enumerate() {
            let at = row * s.hidden + units.start;
            // SAFETY: the columns of different blocks are disjoint, every block is run once, and all places are inside the
            // slices, whose lengths `forward` checked.
            let (gates, output, cells) = unsafe {
                (
                    std::slice::from_raw_parts_mut(places.gates.at(row * pitch + start), width),
                    std::slice::from_raw_parts_mut(places.output.at(at), units.len()),
                    std::slice::from_raw_parts_mut(cells.at(at), units.len()),
                )
            };
            forward_units(gates, product, &bias[start..start + width], &old_cells[at..], (cells, output));
        }
    });
}

/// The sum of the biases, in the order of blocks.
fn summed_bias<T: Element>(s: &LstmShape, biases: Option<[&[T]; 2]>) -> Buffer {
    let Some([a, b]) = biases else { return Buffer::zeroed(s.gates() * size_of::<T>()) };
    let sum: Vec<T> = a.iter().zip(b).map(|(&a, &b)| a + b).collect();
    s.in_blocks(&sum, 1)
}

/// For each block `[hidden, 4 units]`: what [`forward_step`] multiplies the last output with.
fn pack_forward<T: Element>(s: &LstmShape, weight: &[T]) -> Buffer {
    let mut packed = Buffer::uninit(size_of_val(weight));
    let pieces = Pieces::new(packed.as_mut_slice::<T>(), GATES * UNITS * s.hidden);
    parallel_for(s.blocks(), &|block| {
        // SAFETY: each block runs once, and takes its own piece.
        let piece = unsafe { pieces.get(block) };
        let units = s.units(block);
        for gate in 0..GATES {
            let rows = &weight[(gate * s.hidden + units.start) * s.hidden..];
            let to = &mut piece[gate * units.len()..];
            transpose_block(Isa::current(), (rows, s.hidden), (to, GATES * units.len()), [s.hidden, units.len()]);
        }
    });
    packed
}

/// What a forward pass has left, and the gradients that come in.
#[derive(Clone, Copy, Debug)]
pub struct LstmSaved<'a, T> {
    /// The cells of [`forward`].
    pub cells: &'a [T],
    /// The gates of [`forward`].
    pub gates: &'a [T],
    /// The gradient of the output, `[steps, batch, hidden]`.
    pub grad_output: &'a [T],
    /// The gradient of the last cell, `[batch, hidden]`.
    pub grad_cell: &'a [T],
}

/// The gradients of the gates of all steps, which [`LstmGradients`] turns into those of inputs and parameters.
#[derive(Debug)]
pub struct LstmGradients<T> {
    shape: LstmShape,
    gates: Buffer,
    cell: Buffer,
    element: std::marker::PhantomData<T>,
}

/// Goes back through the steps of [`forward`].
///
/// # Panics
/// If a length does not fit.
pub fn backward<T: Element>(
    s: &LstmShape,
    first_cell: &[T],
    weights: &LstmWeights<'_, T>,
    saved: &LstmSaved<'_, T>,
) -> LstmGradients<T> {
    weights.check(s);
    let LstmSaved { cells, gates, grad_output, grad_cell } = *saved;
    let (pitch, state) = (s.pitch(), s.batch * s.hidden);
    assert!(cells.len() == s.output_len() && grad_output.len() == cells.len(), "lstm: length of the output's gradient");
    assert!(
        gates.len() == s.gates_len() && first_cell.len() == state,
        "lstm: length of the gates or of the first cell"
    );
    assert_eq!(grad_cell.len(), state, "lstm: length of the cell's gradient");
    let packed = pack_backward(s, weights.hidden);
    let mut grad_gates = Buffer::uninit(size_of_val(gates));
    let mut cell = Buffer::from_slice(grad_cell);
    let carried = Target::new(cell.as_mut_slice::<T>());
    for step in (0..s.steps).rev() {
        let time = s.time(step);
        let all = grad_gates.as_mut_slice::<T>();
        let (target, later) = if step + 1 == s.steps {
            (&mut all[s.rows(time, pitch)], None)
        } else {
            let (before, after) = all.split_at_mut(s.rows(time.max(s.time(step + 1)), pitch).start);
            let count = s.batch * pitch;
            if s.reverse {
                (&mut after[..count], Some(&before[before.len() - count..]))
            } else {
                let now = before.len() - count;
                (&mut before[now..], Some(&after[..count]))
            }
        };
        let target = Target::new(target);
        let now = StepBackward {
            later: later.map(|later| s.gate_rows(later)),
            gates: &gates[s.rows(time, pitch)],
            cells: &cells[s.rows(time, s.hidden)],
            old_cells: if step == 0 { first_cell } else { &cells[s.rows(s.time(step - 1), s.hidden)] },
            grad_output: &grad_output[s.rows(time, s.hidden)],
        };
        now.run(s, packed.as_slice::<T>(), target, carried);
    }
    LstmGradients { shape: *s, gates: grad_gates, cell, element: std::marker::PhantomData }
}

/// For each chunk of [`BACKWARD_UNITS`] units `[4 hidden in the order of blocks, units]`.
fn pack_backward<T: Element>(s: &LstmShape, weight: &[T]) -> Buffer {
    let mut packed = Buffer::uninit(size_of_val(weight));
    let pieces = Pieces::new(packed.as_mut_slice::<T>(), BACKWARD_UNITS * s.gates());
    parallel_for(pieces.count(), &|chunk| {
        // SAFETY: each chunk runs once, and takes its own piece.
        let piece = unsafe { pieces.get(chunk) };
        let (first, width) = (chunk * BACKWARD_UNITS, piece.len() / s.gates());
        s.for_each_run(|blocked, usual, count| {
            for i in 0..count {
                let row = &weight[(usual + i) * s.hidden + first..][..width];
                piece[(blocked + i) * width..][..width].copy_from_slice(row);
            }
        });
    });
    packed
}

/// One step back.
struct StepBackward<'a, T> {
    /// The gradients of the gates of the step after.
    later: Option<MatrixRef<'a, T>>,
    gates: &'a [T],
    cells: &'a [T],
    old_cells: &'a [T],
    grad_output: &'a [T],
}

impl<T: Element> StepBackward<'_, T> {
    fn run(&self, s: &LstmShape, packed: &[T], grad_gates: Target<T>, carried: Target<T>) {
        let (columns, pitch) = (s.gates(), s.pitch());
        let chunks = s.hidden.div_ceil(BACKWARD_UNITS);
        parallel_for_scratch(chunks, s.batch * BACKWARD_UNITS, &|chunk, scratch: &mut [T]| {
            let first = chunk * BACKWARD_UNITS;
            let width = BACKWARD_UNITS.min(s.hidden - first);
            let product = &mut scratch[..s.batch * width];
            // Far apart in memory: they come while the product is computed.
            for row in 0..s.batch {
                prefetch(&self.gates[row * pitch + GATES * first], GATES * width);
                for values in [self.cells, self.old_cells, self.grad_output] {
                    prefetch(&values[row * s.hidden + first], width);
                }
                prefetch(grad_gates.at(row * pitch + GATES * first), GATES * width);
            }
            match self.later {
                Some(later) => {
                    multiply_block(later, &packed[first * columns..(first + width) * columns], product);
                }
                None => product.fill(T::ZERO),
            }
            for block in first / UNITS..(first + width).div_ceil(UNITS) {
                let units = s.units(block);
                let start = GATES * units.start;
                for row in 0..s.batch {
                    let at = row * s.hidden + units.start;
                    let within = row * width + units.start - first;
                    // SAFETY: the columns of different chunks are disjoint, every chunk is run once, and all places are
                    // inside the slices, whose lengths `backward` checked.
                    let (grad_gates, carried) = unsafe {
                        (
                            std::slice::from_raw_parts_mut(grad_gates.at(row * pitch + start), GATES * units.len()),
                            std::slice::from_raw_parts_mut(carried.at(at), units.len()),
                        )
                    };
                    let gates = &self.gates[row * pitch + start..];
                    let grads = [&self.grad_output[at..], &product[within..]];
                    backward_units(gates, [&self.cells[at..], &self.old_cells[at..]], grads, (grad_gates, carried));
                }
            }
        });
    }
}

impl<T: Element> LstmGradients<T> {
    /// Rows of all steps, and values in each.
    fn sizes(&self) -> [usize; 2] {
        [self.shape.steps * self.shape.batch, self.shape.gates()]
    }

    /// The gradient of the input, `[steps, batch, input]`.
    ///
    /// # Panics
    /// If a length does not fit.
    pub fn input(&self, weights: &LstmWeights<'_, T>, grad_input: &mut [T]) {
        let ([rows, columns], s) = (self.sizes(), &self.shape);
        let weight = s.in_blocks(weights.input, s.input);
        gemm(
            s.gate_rows(self.gates.as_slice::<T>()),
            MatrixRef::row_major(weight.as_slice::<T>(), columns, s.input),
            MatrixMut::row_major(grad_input, rows, s.input),
            false,
        );
    }

    /// The gradient of the output before the first step, `[batch, hidden]`.
    ///
    /// # Panics
    /// If a length does not fit.
    pub fn first_output(&self, weights: &LstmWeights<'_, T>, grad: &mut [T]) {
        let s = &self.shape;
        let weight = s.in_blocks(weights.hidden, s.hidden);
        let gates = &self.gates.as_slice::<T>()[s.rows(s.time(0), s.pitch())];
        gemm(
            s.gate_rows(gates),
            MatrixRef::row_major(weight.as_slice::<T>(), s.gates(), s.hidden),
            MatrixMut::row_major(grad, s.batch, s.hidden),
            false,
        );
    }

    /// The gradient of the cell before the first step, `[batch, hidden]`.
    pub fn first_cell(&self) -> &[T] {
        self.cell.as_slice::<T>()
    }

    /// The gradient of the weights of the input `x`, `[4 hidden, input]`.
    ///
    /// # Panics
    /// If a length does not fit.
    pub fn input_weight(&self, x: &[T], grad: &mut [T]) {
        let s = &self.shape;
        let mut turned = Buffer::uninit(size_of_val(grad));
        self.add_weight(x, 0..s.steps, turned.as_mut_slice::<T>(), false);
        s.turned_to_usual_order(turned.as_slice::<T>(), s.input, grad);
    }

    /// The gradient of the weights of the last output, `[4 hidden, hidden]`, from the outputs of the forward pass.
    ///
    /// # Panics
    /// If a length does not fit.
    pub fn hidden_weight(&self, first_output: &[T], output: &[T], grad: &mut [T]) {
        let s = &self.shape;
        let mut turned = Buffer::uninit(size_of_val(grad));
        let to = turned.as_mut_slice::<T>();
        let rest = (s.steps - 1) * s.batch * s.hidden;
        // The output one step before, for all steps but the first.
        if s.reverse {
            self.add_weight(&output[output.len() - rest..], 0..s.steps - 1, to, false);
        } else {
            self.add_weight(&output[..rest], 1..s.steps, to, false);
        }
        self.add_weight(first_output, s.time(0)..s.time(0) + 1, to, true);
        s.turned_to_usual_order(turned.as_slice::<T>(), s.hidden, grad);
    }

    /// `inputs` transposed times the gradients of the gates at `times`: the gradient of weights, `[width, 4 hidden]`. Turned
    /// like this it reads the gates along their rows.
    fn add_weight(&self, inputs: &[T], times: Range<usize>, turned: &mut [T], accumulate: bool) {
        let s = &self.shape;
        let width = turned.len() / s.gates();
        let gates = &self.gates.as_slice::<T>()[times.start * s.batch * s.pitch()..times.end * s.batch * s.pitch()];
        gemm(
            MatrixRef::row_major(inputs, times.len() * s.batch, width).transposed(),
            s.gate_rows(gates),
            MatrixMut::row_major(turned, width, s.gates()),
            accumulate,
        );
    }

    /// The gradient of either bias, `[4 hidden]`.
    ///
    /// # Panics
    /// If a length does not fit.
    pub fn bias(&self, grad: &mut [T]) {
        let mut blocked = Buffer::uninit(self.shape.pitch() * size_of::<T>());
        crate::pointwise::sum_rows(self.gates.as_slice::<T>(), blocked.as_mut_slice::<T>());
        self.shape.in_usual_order(&blocked.as_slice::<T>()[..grad.len()], 1, grad);
    }
}
