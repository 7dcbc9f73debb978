//! Muon.

use striate_kernels::Element;
use striate_tensor::{Tensor, TensorError, no_grad};

use super::ParameterGroups;
use super::engine::{Engine, MEMORIES, Rule, Step, optimizer, setting, walk};

/// Coefficients of the quintic iteration that drives all singular values towards 1 (Jordan 2024).
const QUINTIC: [f64; 3] = [3.4445, -4.7750, 2.0315];
/// Keeps the norm of a vanishing gradient from dividing by 0.
const EPSILON: f64 = 1e-7;

/// Momentum, orthogonalised by Newton-Schulz iterations (Jordan 2024; PyTorch's `Muon`): the step of a weight matrix has
/// all its singular values near 1, so no direction dominates.
///
/// ```text
/// b = momentum * b + (1 - momentum) * g        u = nesterov ? (1 - momentum) * g + momentum * b : b
/// X = u / |u|, then 5 times: A = X Xᵀ, X = a X + (b A + c A A) X
/// p = (1 - lr * weight_decay) * p - lr * sqrt(max(1, rows / columns)) * X
/// ```
///
/// For matrices and for convolution kernels, which count as matrices of `[out, everything else]`. Give biases, gains,
/// embeddings and the output layer to [`AdamW`](super::AdamW). The iterations run in the dtype of the parameter, where
/// PyTorch's run in bfloat16.
///
/// ```
/// use striate_nn::optim::{Muon, Optimizer};
/// use striate_tensor::Tensor;
///
/// let w = Tensor::from_slice(&[3.0_f32, 1.0, 0.0, 1.0], &[2, 2]).requires_grad_(true);
/// let mut optimizer = Muon::new(vec![("w".into(), w.clone())], 0.1);
/// let before = w.square().sum_all();
/// before.backward();
/// optimizer.step();
/// assert!(w.square().sum_all().item::<f32>() < before.item::<f32>());
/// ```
#[derive(Debug)]
pub struct Muon(Engine<MuonRule>);

#[derive(Debug)]
struct MuonRule {
    momentum: f64,
    nesterov: bool,
    iterations: usize,
}

impl Muon {
    /// Momentum 0.95 with look-ahead, 5 iterations, weight decay 0.1. PyTorch's rate is 0.001; the author's is 0.02.
    ///
    /// # Panics
    /// If there are no parameters, one is listed twice or has fewer than two dimensions, or the rate is below 0.
    #[track_caller]
    pub fn new(parameters: impl Into<ParameterGroups>, lr: f64) -> Self {
        let rule = MuonRule { momentum: 0.95, nesterov: true, iterations: 5 };
        let engine = Engine::new(parameters.into(), lr, 0.1, rule);
        for (name, parameter) in engine.parameters() {
            let shape = parameter.shape();
            assert!(shape.len() >= 2, "Muon: `{name}` of shape {shape:?} is no matrix; give it to AdamW");
        }
        Self(engine)
    }

    setting!(
        /// Share of the running mean of gradients that is kept.
        momentum: f64
    );

    setting!(
        /// Whether to look ahead along the momentum.
        nesterov: bool
    );

    setting!(
        /// How often the Newton-Schulz iteration runs.
        iterations: usize
    );
}

impl MuonRule {
    /// The direction as a matrix whose singular values are near 1.
    fn orthogonalize(&self, direction: &Tensor) -> Result<Tensor, TensorError> {
        let tall = direction.shape()[0] > direction.shape()[1];
        // The shorter side first: the products X Xᵀ are then the small ones.
        let mut x = if tall { direction.try_transpose(0, 1)? } else { direction.clone() };
        let norm = x.try_square()?.try_sum_all()?.try_sqrt()?.try_clamp(EPSILON, f64::INFINITY)?;
        x = x.try_div(&norm)?;
        let [a, b, c] = QUINTIC;
        for _ in 0..self.iterations {
            let gram = x.try_matmul(&x.try_transpose(0, 1)?)?;
            let polynomial = gram.try_mul_scalar(b)?.try_add(&gram.try_matmul(&gram)?.try_mul_scalar(c)?)?;
            x = x.try_mul_scalar(a)?.try_add(&polynomial.try_matmul(&x)?)?;
        }
        if tall { x.try_transpose(0, 1) } else { Ok(x) }
    }
}

impl Rule for MuonRule {
    const KINDS: &'static [&'static str] = &["momentum_buffer"];
    const COUNTS: bool = false;

    /// The last part, once the direction is orthogonal: decay and step.
    fn update<T: Element>(&self, parameter: &mut [T], direction: &[T], _: [&mut [T]; MEMORIES], step: &Step) {
        let [rate, keep] = [step.lr, 1.0 - step.lr * step.weight_decay].map(T::from_f64);
        for (p, &x) in parameter.iter_mut().zip(direction) {
            *p = keep * *p - rate * x;
        }
    }

    fn update_tensor(
        &self,
        parameter: &Tensor,
        gradient: &Tensor,
        memories: [Option<&Tensor>; MEMORIES],
        step: &Step,
    ) -> Result<(), TensorError> {
        let [Some(buffer), ..] = memories else { return Ok(()) };
        let mix = |old: &Tensor, new: &Tensor| -> Result<Tensor, TensorError> {
            old.try_mul_scalar(self.momentum)?.try_add(&new.try_mul_scalar(1.0 - self.momentum)?)
        };
        let step_direction = no_grad(|| {
            buffer.try_copy_(&mix(buffer, gradient)?)?;
            let direction = if self.nesterov { mix(buffer, gradient)? } else { buffer.clone() };
            let rows = parameter.shape()[0];
            let columns = parameter.numel() / rows.max(1);
            let scale = (rows as f64 / columns.max(1) as f64).max(1.0).sqrt();
            let orthogonal = self.orthogonalize(&direction.try_reshape(&[rows, columns])?)?;
            orthogonal.try_mul_scalar(scale)?.try_reshape(parameter.shape())
        })?;
        walk(self, parameter, &step_direction, [None; MEMORIES], step)
    }
}

optimizer!(Muon);
