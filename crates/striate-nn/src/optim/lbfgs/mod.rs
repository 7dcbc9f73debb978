//! L-BFGS.

mod strong_wolfe;

use std::collections::BTreeMap;

use striate_tensor::{DType, Tensor, enable_grad};

use super::StateMismatch;
use super::engine::check_start;
use strong_wolfe::{Point, strong_wolfe};

/// Limited-memory BFGS (Liu and Nocedal 1989; PyTorch's `LBFGS`): steps along `-H g`, where `H` approximates the inverse of
/// the matrix of second derivatives from the last differences of positions and gradients. For smooth losses over all the
/// data: the loss must be the same function each time it is asked for.
///
/// One [`step`](Self::step) makes up to `max_iter` iterations and calls the loss several times, so it takes a closure and
/// is not an [`Optimizer`](super::Optimizer). The vectors are kept in double precision, whatever the parameters are.
///
/// ```
/// use striate_nn::optim::Lbfgs;
/// use striate_tensor::Tensor;
///
/// let x = Tensor::from_slice(&[-1.2_f64, 1.0], &[2]).requires_grad_(true);
/// let mut optimizer = Lbfgs::new(vec![("x".into(), x.clone())], 1.0).strong_wolfe();
/// // Rosenbrock's valley, whose lowest point is (1, 1).
/// let valley = || {
///     let (a, b) = (x.select(0, 0), x.select(0, 1));
///     let loss = (&b - a.square()).square() * 100.0 + (a - 1.0).square();
///     x.zero_grad();
///     loss.backward();
///     loss
/// };
/// for _ in 0..3 {
///     optimizer.step(valley);
/// }
/// assert!(x.to_vec::<f64>().iter().all(|x| (x - 1.0).abs() < 1e-3));
/// ```
#[derive(Debug)]
pub struct Lbfgs {
    parameters: Vec<(String, Tensor)>,
    lr: f64,
    max_iter: usize,
    max_eval: Option<usize>,
    tolerance_grad: f64,
    tolerance_change: f64,
    history_size: usize,
    line_search: bool,
    memory: Memory,
}

/// What is carried from one iteration to the next.
#[derive(Debug, Default, Clone)]
struct Memory {
    iterations: u64,
    /// The last step: its direction, and how far along it.
    direction: Vec<f64>,
    t: f64,
    previous_gradient: Vec<f64>,
    /// Differences of gradients and of positions, oldest first.
    gradients: Vec<Vec<f64>>,
    positions: Vec<Vec<f64>>,
    /// Scale of the first approximation of `H`.
    scale: f64,
}

impl Lbfgs {
    /// 20 iterations a step, at most 25 evaluations, 100 differences kept, no line search: each iteration moves by `lr`
    /// (PyTorch's default is 1) along the direction.
    ///
    /// # Panics
    /// If there are no parameters, one is listed twice, or the rate is below 0.
    #[track_caller]
    pub fn new(parameters: Vec<(String, Tensor)>, lr: f64) -> Self {
        check_start(&parameters, lr);
        Self {
            parameters,
            lr,
            max_iter: 20,
            max_eval: None,
            tolerance_grad: 1e-7,
            tolerance_change: 1e-9,
            history_size: 100,
            line_search: false,
            memory: Memory::default(),
        }
    }

    /// The most iterations of one step; the evaluations follow it, with 5 for every 4, unless set.
    pub fn max_iter(mut self, max_iter: usize) -> Self {
        self.max_iter = max_iter;
        self
    }

    /// The most evaluations of the loss in one step.
    pub fn max_eval(mut self, max_eval: usize) -> Self {
        self.max_eval = Some(max_eval);
        self
    }

    /// Ends a step when no element of the gradient is larger (1e-7).
    pub fn tolerance_grad(mut self, tolerance: f64) -> Self {
        self.tolerance_grad = tolerance;
        self
    }

    /// Ends a step when neither the loss nor a parameter changes by more (1e-9).
    pub fn tolerance_change(mut self, tolerance: f64) -> Self {
        self.tolerance_change = tolerance;
        self
    }

    /// How many differences are kept.
    pub fn history_size(mut self, history_size: usize) -> Self {
        self.history_size = history_size;
        self
    }

    /// Chooses how far to go by a line search for the strong Wolfe conditions.
    pub fn strong_wolfe(mut self) -> Self {
        self.line_search = true;
        self
    }

    /// The parameters with their names.
    pub fn parameters(&self) -> &[(String, Tensor)] {
        &self.parameters
    }

    /// The step length of the next iterations, or where the line search starts.
    pub fn set_lr(&mut self, lr: f64) {
        self.lr = lr;
    }

    /// Moves the parameters to a lower loss. `closure` forgets the gradients, computes the loss, calls
    /// [`backward`](Tensor::backward) and returns it. Returns the loss before the step.
    ///
    /// # Panics
    /// If the loss is not a single float.
    #[track_caller]
    pub fn step(&mut self, mut closure: impl FnMut() -> Tensor) -> f64 {
        let max_eval = self.max_eval.unwrap_or(self.max_iter * 5 / 4);
        let parameters = self.parameters.clone();
        let mut evaluate = || {
            let loss = enable_grad(&mut closure).to_dtype(DType::F64).item::<f64>();
            (loss, flat(&parameters, |parameter| parameter.grad()))
        };
        let (original, mut gradient) = evaluate();
        let (mut loss, mut evaluations) = (original, 1);
        if largest(&gradient) <= self.tolerance_grad {
            return original;
        }
        for iteration in 1..=self.max_iter {
            self.memory.turn(&gradient, self.history_size);
            let first = self.memory.iterations == 1;
            self.memory.t =
                if first { (1.0 / gradient.iter().map(|g| g.abs()).sum::<f64>()).min(1.0) * self.lr } else { self.lr };
            let (previous, slope) = (loss, dot(&gradient, &self.memory.direction));
            if slope > -self.tolerance_change {
                break;
            }
            let origin = flat(&parameters, |parameter| Some(parameter.clone()));
            let direction = &self.memory.direction;
            if self.line_search {
                let start = Point { t: 0.0, loss, gradient: std::mem::take(&mut gradient), slope };
                let at = |t: f64| {
                    place(&parameters, &origin, t, direction);
                    let (loss, gradient) = evaluate();
                    Point { t, loss, slope: dot(&gradient, direction), gradient }
                };
                let budget = max_eval.saturating_sub(evaluations);
                let (found, used) =
                    strong_wolfe(at, self.memory.t, start, largest(direction), self.tolerance_change, budget);
                place(&parameters, &origin, found.t, direction);
                (loss, gradient, self.memory.t) = (found.loss, found.gradient, found.t);
                evaluations += used;
            } else {
                place(&parameters, &origin, self.memory.t, direction);
                if iteration != self.max_iter {
                    (loss, gradient) = evaluate();
                    evaluations += 1;
                }
            }
            let still = largest(&self.memory.direction) * self.memory.t.abs() <= self.tolerance_change;
            if evaluations >= max_eval
                || largest(&gradient) <= self.tolerance_grad
                || still
                || (loss - previous).abs() < self.tolerance_change
            {
                break;
            }
        }
        original
    }

    /// What the optimiser remembers between steps, as flat vectors over all parameters.
    pub fn state(&self) -> BTreeMap<String, Tensor> {
        let memory = &self.memory;
        if memory.iterations == 0 {
            return BTreeMap::new();
        }
        let vector = |values: &[f64]| Tensor::from_slice(values, &[values.len()]);
        let rows = |rows: &[Vec<f64>]| Tensor::from_vec(rows.concat(), &[rows.len(), memory.direction.len()]);
        [
            ("iterations", Tensor::scalar(memory.iterations as i64)),
            ("direction", vector(&memory.direction)),
            ("previous_gradient", vector(&memory.previous_gradient)),
            ("gradients", rows(&memory.gradients)),
            ("positions", rows(&memory.positions)),
            ("t_and_scale", vector(&[memory.t, memory.scale])),
        ]
        .map(|(name, tensor)| (name.to_owned(), tensor))
        .into()
    }

    /// Restores what [`state`](Self::state) gave; an empty state starts anew.
    ///
    /// # Errors
    /// When an entry is missing or of another shape or dtype; the optimiser is then unchanged.
    pub fn load_state(&mut self, state: &BTreeMap<String, Tensor>) -> Result<(), StateMismatch> {
        if state.is_empty() {
            self.memory = Memory::default();
            return Ok(());
        }
        let length: usize = self.parameters.iter().map(|(_, parameter)| parameter.numel()).sum();
        let history = state.get("gradients").filter(|tensor| tensor.rank() == 2).map_or(0, |tensor| tensor.shape()[0]);
        let read = |name: &str, shape: &[usize]| {
            let mismatch = |problem: String| StateMismatch { name: name.to_owned(), problem };
            let tensor = state.get(name).ok_or_else(|| mismatch("is missing".to_owned()))?;
            if tensor.shape() != shape || tensor.dtype() != DType::F64 {
                let found = (tensor.dtype(), tensor.shape());
                return Err(mismatch(format!("is {} {:?}, expected f64 {shape:?}", found.0, found.1)));
            }
            Ok(tensor.to_vec::<f64>())
        };
        let rows = |values: Vec<f64>| values.chunks(length.max(1)).map(<[f64]>::to_vec).collect();
        let scalars = read("t_and_scale", &[2])?;
        let iterations = state.get("iterations").and_then(|tensor| tensor.try_item::<i64>().ok());
        let missing = StateMismatch { name: "iterations".to_owned(), problem: "is missing or no i64".to_owned() };
        self.memory = Memory {
            iterations: iterations.ok_or(missing)?.max(0) as u64,
            direction: read("direction", &[length])?,
            t: scalars[0],
            previous_gradient: read("previous_gradient", &[length])?,
            gradients: rows(read("gradients", &[history, length])?),
            positions: rows(read("positions", &[history, length])?),
            scale: scalars[1],
        };
        Ok(())
    }
}

impl Memory {
    /// The next direction, with the last step taken into the history.
    fn turn(&mut self, gradient: &[f64], history_size: usize) {
        self.iterations += 1;
        if self.iterations == 1 {
            (self.scale, self.gradients, self.positions) = (1.0, Vec::new(), Vec::new());
            self.direction = gradient.iter().map(|g| -g).collect();
        } else {
            let y: Vec<f64> = gradient.iter().zip(&self.previous_gradient).map(|(new, old)| new - old).collect();
            let s: Vec<f64> = self.direction.iter().map(|d| d * self.t).collect();
            let curvature = dot(&y, &s);
            if curvature > 1e-10 {
                if self.gradients.len() >= history_size.max(1) {
                    self.gradients.remove(0);
                    self.positions.remove(0);
                }
                self.scale = curvature / dot(&y, &y);
                self.gradients.push(y);
                self.positions.push(s);
            }
            self.direction = self.two_loops(gradient);
        }
        self.previous_gradient = gradient.to_vec();
    }

    /// `-H g` without the matrix (Nocedal and Wright, *Numerical Optimization*, algorithm 7.4).
    fn two_loops(&self, gradient: &[f64]) -> Vec<f64> {
        let mut q: Vec<f64> = gradient.iter().map(|g| -g).collect();
        let add = |q: &mut [f64], factor: f64, v: &[f64]| q.iter_mut().zip(v).for_each(|(q, v)| *q += factor * v);
        let history: Vec<(&Vec<f64>, &Vec<f64>, f64)> =
            self.gradients.iter().zip(&self.positions).map(|(y, s)| (y, s, 1.0 / dot(y, s))).collect();
        let mut factors = Vec::with_capacity(history.len());
        for (y, s, rho) in history.iter().rev() {
            let factor = dot(s, &q) * rho;
            add(&mut q, -factor, y);
            factors.push(factor);
        }
        q.iter_mut().for_each(|q| *q *= self.scale);
        for ((y, s, rho), factor) in history.iter().zip(factors.into_iter().rev()) {
            let back = dot(y, &q) * rho;
            add(&mut q, factor - back, s);
        }
        q
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// The largest absolute value; NaN when there is one.
fn largest(values: &[f64]) -> f64 {
    values.iter().fold(0.0, |most, value| if value.abs() > most || value.is_nan() { value.abs() } else { most })
}

/// One vector of all elements; zeros where a parameter has none.
fn flat(parameters: &[(String, Tensor)], part: impl Fn(&Tensor) -> Option<Tensor>) -> Vec<f64> {
    let values = |parameter: &Tensor| match part(parameter) {
        Some(tensor) => tensor.detach().to_dtype(DType::F64).to_vec::<f64>(),
        None => vec![0.0; parameter.numel()],
    };
    parameters.iter().flat_map(|(_, parameter)| values(parameter)).collect()
}

/// Sets the parameters to `origin + t direction`.
fn place(parameters: &[(String, Tensor)], origin: &[f64], t: f64, direction: &[f64]) {
    let mut rest = origin.iter().zip(direction).map(|(x, d)| x + t * d);
    for (_, parameter) in parameters {
        let values: Vec<f64> = rest.by_ref().take(parameter.numel()).collect();
        parameter.copy_(&Tensor::from_vec(values, parameter.shape()).to_dtype(parameter.dtype()));
    }
}
