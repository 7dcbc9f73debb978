//! The recurrent cells of both courses: a step of the plain cell and of the LSTM, forwards and backwards, and both over a
//! sequence. Rows are examples; a sequence is a list with an array per step.

use std::marker::PhantomData;

use ndarray::{Array1, Array2, Axis, concatenate, s};

use super::mistakes as m;
use crate::exercise::{Misconception, Outcome};
use crate::value::Value;

/// Weights of the input and of the state, and the bias.
pub(super) struct Weights {
    pub x: Array2<f64>,
    pub h: Array2<f64>,
    pub b: Array1<f64>,
}

impl Weights {
    fn sums(&self, x: &Array2<f64>, h: &Array2<f64>) -> Array2<f64> {
        x.dot(&self.x) + h.dot(&self.h) + &self.b
    }

    /// The gradients with respect to these weights, from that with respect to their sums.
    fn gradients(x: &Array2<f64>, h: &Array2<f64>, sums: &Array2<f64>) -> Weights {
        Weights { x: x.t().dot(sums), h: h.t().dot(sums), b: sums.sum_axis(Axis(0)) }
    }

    fn add(self, other: &Weights) -> Weights {
        Weights { x: self.x + &other.x, h: self.h + &other.h, b: self.b + &other.b }
    }
}

pub(super) fn sigmoid(a: f64) -> f64 {
    1.0 / (1.0 + (-a).exp())
}

/// The plain cell, tanh of a weighted sum of input and state: each part free to be wrong.
#[derive(Clone, Copy)]
pub(super) struct Cell {
    pub squash: fn(f64) -> f64,
    pub recurrent: bool,
    pub bias: bool,
    /// Derivative of the activation from h.
    pub slope: fn(f64) -> f64,
    pub sum_features: bool,
    pub weights_from_next: bool,
}

/// What a step backwards gives: gradients of the input, the state before, and the weights.
pub(super) struct Back {
    pub x: Array2<f64>,
    pub h: Array2<f64>,
    pub weights: Weights,
}

impl Cell {
    pub(super) const RIGHT: Cell = Cell {
        squash: f64::tanh,
        recurrent: true,
        bias: true,
        slope: |h| 1.0 - h * h,
        sum_features: false,
        weights_from_next: false,
    };

    pub(super) fn step(&self, x: &Array2<f64>, h: &Array2<f64>, w: &Weights) -> Array2<f64> {
        let past = if self.recurrent { 1.0 } else { 0.0 };
        let bias = if self.bias { 1.0 } else { 0.0 };
        (x.dot(&w.x) + h.dot(&w.h) * past + &w.b * bias).mapv(self.squash)
    }

    pub(super) fn back(&self, upstream: &Array2<f64>, x: &Array2<f64>, h: &Array2<f64>, w: &Weights) -> Back {
        let next = Cell::RIGHT.step(x, h, w);
        let sums = upstream * &next.mapv(self.slope);
        let mut weights = Weights::gradients(x, if self.weights_from_next { &next } else { h }, &sums);
        if self.sum_features {
            weights.b = sums.sum_axis(Axis(1));
        }
        Back { x: sums.dot(&w.x.t()), h: sums.dot(&w.h.t()), weights }
    }
}

/// The LSTM's step, each part free to be wrong.
#[derive(Clone, Copy)]
pub(super) struct Lstm {
    /// Which quarter of the columns is the input, forget, output gate and the candidate.
    pub order: [usize; 4],
    pub candidate: fn(f64) -> f64,
    pub squash: fn(f64) -> f64,
    pub bias: bool,
    pub forget: bool,
    pub cell_path: bool,
    pub upstream_cell: bool,
    pub cell_slope: bool,
    pub gate_slopes: bool,
    /// Derivative of the candidate's activation from the candidate.
    pub candidate_slope: fn(f64) -> f64,
    /// Of which gate, as in `order`, each quarter of the gradient's columns is.
    pub joined: [usize; 4],
}

/// Which gates (0 the input, 1 the forget, 2 the output gate, 3 the candidate) the blocks of columns are of, in an order
/// such as `"f i o g"`.
pub(super) const fn gates(order: &str) -> [usize; 4] {
    let mut gates = [0; 4];
    let mut block = 0;
    while block < 4 {
        gates[block] = match order.as_bytes()[2 * block] {
            b'i' => 0,
            b'f' => 1,
            b'o' => 2,
            _ => 3,
        };
        block += 1;
    }
    gates
}

/// Which block of columns each gate has in such an order.
pub(super) const fn blocks(order: &str) -> [usize; 4] {
    let gates = gates(order);
    let mut blocks = [0; 4];
    let mut block = 0;
    while block < 4 {
        blocks[gates[block]] = block;
        block += 1;
    }
    blocks
}

/// Calls the macro `$each` with every order of the four blocks but the right one.
macro_rules! wrong_orders {
    ($each:ident) => {
        $each!(
            "i f g o", "i o f g", "i o g f", "i g f o", "i g o f", "f i o g", "f i g o", "f o i g", "f o g i",
            "f g i o", "f g o i", "o i f g", "o i g f", "o f i g", "o f g i", "o g i f", "o g f i", "g i f o",
            "g i o f", "g f i o", "g f o i", "g o i f", "g o f i"
        )
    };
}
pub(super) use wrong_orders;

/// A course's function that steps back through the LSTM.
pub(super) trait LstmStepBack {
    /// What it gives, from its own arguments.
    fn gradients(arguments: &[Value], how: Lstm) -> Outcome;
}

/// The mistakes of a step back through the LSTM, whatever the course.
pub(super) struct LstmStepBackMistakes<F>(PhantomData<F>);

impl<F: LstmStepBack> LstmStepBackMistakes<F> {
    pub(super) const ALL: [Misconception; 8] = [
        m::CELL_PATH_MISSING.when(|arguments| F::gradients(arguments, Lstm { cell_path: false, ..Lstm::RIGHT })),
        m::CELL_UPSTREAM_IGNORED
            .when(|arguments| F::gradients(arguments, Lstm { upstream_cell: false, ..Lstm::RIGHT })),
        m::FORGET_GRADIENT_MISSING.when(|arguments| F::gradients(arguments, Lstm { forget: false, ..Lstm::RIGHT })),
        m::TANH_DERIVATIVE_MISSING.when(|arguments| F::gradients(arguments, Lstm { cell_slope: false, ..Lstm::RIGHT })),
        m::TANH_DERIVATIVE_MISSING
            .when(|arguments| F::gradients(arguments, Lstm { candidate_slope: |_| 1.0, ..Lstm::RIGHT })),
        m::TANH_OF_ACTIVATION.when(|arguments| {
            F::gradients(arguments, Lstm { candidate_slope: |g| 1.0 - g.tanh().powi(2), ..Lstm::RIGHT })
        }),
        m::TANH_NOT_SQUARED
            .when(|arguments| F::gradients(arguments, Lstm { candidate_slope: |g| 1.0 - g, ..Lstm::RIGHT })),
        m::GATE_SLOPES_MISSING.when(|arguments| F::gradients(arguments, Lstm { gate_slopes: false, ..Lstm::RIGHT })),
    ];
}

/// Gates i, f, o and the candidate; the cell and the state.
pub(super) struct Stepped {
    gates: [Array2<f64>; 4],
    pub cell: Array2<f64>,
    pub hidden: Array2<f64>,
}

impl Lstm {
    pub(super) const RIGHT: Lstm = Lstm {
        order: [0, 1, 2, 3],
        candidate: f64::tanh,
        squash: f64::tanh,
        bias: true,
        forget: true,
        cell_path: true,
        upstream_cell: true,
        cell_slope: true,
        gate_slopes: true,
        candidate_slope: |g| 1.0 - g * g,
        joined: [0, 1, 2, 3],
    };

    pub(super) fn step(&self, x: &Array2<f64>, [h, c]: [&Array2<f64>; 2], w: &Weights) -> Stepped {
        let mut sums = w.sums(x, h);
        if !self.bias {
            sums -= &w.b;
        }
        let width = h.ncols();
        let quarter = |at: usize| sums.slice(s![.., self.order[at] * width..(self.order[at] + 1) * width]).to_owned();
        let gates = [
            quarter(0).mapv(sigmoid),
            quarter(1).mapv(sigmoid),
            quarter(2).mapv(sigmoid),
            quarter(3).mapv(self.candidate),
        ];
        let kept = if self.forget { &gates[1] * c } else { c.clone() };
        let cell = kept + &gates[0] * &gates[3];
        let hidden = &gates[2] * &cell.mapv(self.squash);
        Stepped { gates, cell, hidden }
    }

    /// The gradients from those of state and cell, and that of the cell before.
    pub(super) fn back(
        &self,
        [dh, dc]: [&Array2<f64>; 2],
        x: &Array2<f64>,
        [h, c]: [&Array2<f64>; 2],
        w: &Weights,
    ) -> (Back, Array2<f64>) {
        let Stepped { gates: [i, f, o, g], cell, .. } = Lstm::RIGHT.step(x, [h, c], w);
        let squashed = cell.mapv(f64::tanh);
        let slope = squashed.mapv(|t| if self.cell_slope { 1.0 - t * t } else { 1.0 });
        let mut dcell = if self.upstream_cell { dc.clone() } else { dc * 0.0 };
        if self.cell_path {
            dcell += &(dh * &o * slope);
        }
        let gate = |gate: &Array2<f64>| gate.mapv(|s| if self.gate_slopes { s * (1.0 - s) } else { 1.0 });
        let parts = [
            &dcell * &g * gate(&i),
            &dcell * c * gate(&f),
            dh * &squashed * gate(&o),
            &dcell * &i * g.mapv(self.candidate_slope),
        ];
        let [a, b, c, d] = self.joined.map(|gate| &parts[gate]);
        let sums = concatenate![Axis(1), a.view(), b.view(), c.view(), d.view()];
        let before = if self.forget { dcell * f } else { dcell };
        (Back { x: sums.dot(&w.x.t()), h: sums.dot(&w.h.t()), weights: Weights::gradients(x, h, &sums) }, before)
    }
}

/// How the steps of a sequence are joined, each part free to be wrong.
#[derive(Clone, Copy)]
pub(super) struct Steps {
    pub state_carried: bool,
    pub cell_carried: bool,
    pub reversed: bool,
}

impl Steps {
    pub(super) const RIGHT: Steps = Steps { state_carried: true, cell_carried: true, reversed: false };

    /// The places of the sequence in the order in which they are visited.
    fn order(self, count: usize) -> impl Iterator<Item = usize> {
        (0..count).map(move |at| if self.reversed { count - 1 - at } else { at })
    }

    /// What was made step by step, each at its place of the sequence.
    fn in_place<T>(self, mut steps: Vec<T>) -> Vec<T> {
        if self.reversed {
            steps.reverse();
        }
        steps
    }

    /// The states of the plain cell.
    pub(super) fn plain(self, xs: &[Array2<f64>], h0: &Array2<f64>, w: &Weights) -> Vec<Array2<f64>> {
        let mut states: Vec<Array2<f64>> = Vec::new();
        for t in self.order(xs.len()) {
            let before = states.last().filter(|_| self.state_carried).unwrap_or(h0);
            states.push(Cell::RIGHT.step(&xs[t], before, w));
        }
        self.in_place(states)
    }

    /// The states and cells of the LSTM.
    pub(super) fn lstm(self, xs: &[Array2<f64>], h0: &Array2<f64>, w: &Weights) -> Vec<Stepped> {
        let zeros = Array2::zeros(h0.dim());
        let mut steps: Vec<Stepped> = Vec::new();
        for t in self.order(xs.len()) {
            let last = steps.last();
            let h = last.filter(|_| self.state_carried).map_or(h0, |step| &step.hidden);
            let c = last.filter(|_| self.cell_carried).map_or(&zeros, |step| &step.cell);
            steps.push(Lstm::RIGHT.step(&xs[t], [h, c], w));
        }
        self.in_place(steps)
    }
}

/// How the gradients go back through time, each part free to be wrong.
#[derive(Clone, Copy)]
pub(super) struct Through {
    pub carried: bool,
    pub cell_carried: bool,
    pub every_upstream: bool,
    pub weights_add: bool,
    pub backwards: bool,
}

/// Gradients of a sequence: the inputs, the first state, the weights.
pub(super) struct SequenceGradients {
    pub xs: Vec<Array2<f64>>,
    pub h0: Array2<f64>,
    pub weights: Weights,
}

impl Through {
    pub(super) const RIGHT: Through =
        Through { carried: true, cell_carried: true, every_upstream: true, weights_add: true, backwards: true };

    /// Walks the steps in the order of the backward pass; `back` takes the place and what arrives there.
    fn walk(self, upstream: &[Array2<f64>], mut back: impl FnMut(usize, &Array2<f64>) -> Back) -> SequenceGradients {
        let count = upstream.len();
        let mut xs = vec![Array2::zeros((0, 0)); count];
        let mut state: Array2<f64> = Array2::zeros(upstream[0].dim());
        let mut sum: Option<Weights> = None;
        for at in 0..count {
            let t = if self.backwards { count - 1 - at } else { at };
            let mut arrived = &upstream[t] * if self.every_upstream || t == count - 1 { 1.0 } else { 0.0 };
            if self.carried {
                arrived += &state;
            }
            let Back { x, h, weights } = back(t, &arrived);
            (xs[t], state) = (x, h);
            sum = Some(match sum {
                Some(sum) if self.weights_add => sum.add(&weights),
                _ => weights,
            });
        }
        SequenceGradients { xs, h0: state, weights: sum.expect("a sequence has steps") }
    }

    pub(super) fn plain(
        self,
        upstream: &[Array2<f64>],
        xs: &[Array2<f64>],
        h0: &Array2<f64>,
        w: &Weights,
    ) -> SequenceGradients {
        let states = Steps::RIGHT.plain(xs, h0, w);
        let before = |t: usize| if t == 0 { h0 } else { &states[t - 1] };
        self.walk(upstream, |t, arrived| Cell::RIGHT.back(arrived, &xs[t], before(t), w))
    }

    pub(super) fn lstm(
        self,
        upstream: &[Array2<f64>],
        xs: &[Array2<f64>],
        h0: &Array2<f64>,
        w: &Weights,
    ) -> SequenceGradients {
        let steps = Steps::RIGHT.lstm(xs, h0, w);
        let zeros: Array2<f64> = Array2::zeros(h0.dim());
        let before = |t: usize| if t == 0 { [h0, &zeros] } else { [&steps[t - 1].hidden, &steps[t - 1].cell] };
        let mut dc = zeros.clone();
        self.walk(upstream, |t, arrived| {
            let (back, cell) = Lstm::RIGHT.back([arrived, &dc], &xs[t], before(t), w);
            dc = if self.cell_carried { cell } else { zeros.clone() };
            back
        })
    }
}
