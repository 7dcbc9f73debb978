//! Cross-entropy from logits, and the negative log-likelihood from log-probabilities.
//!
//! For each position with logits `x` and target class `t`:
//!
//! ```text
//! cross_entropy:  l = log Σ_j exp(x_j) - x_t        ∂x_j = ∂l (softmax(x)_j - [j = t])
//! nll_loss:       l = -x_t                          ∂x_j = -∂l [j = t]
//! ```
//!
//! With label smoothing `s` over `c` classes the target `[j = t]` becomes `(1 - s) [j = t] + s / c`:
//!
//! ```text
//! l = log Σ_j exp(x_j) - (1 - s) x_t - s / c Σ_j x_j        ∂x_j = ∂l (softmax(x)_j - (1 - s) [j = t] - s / c)
//! ```
//!
//! Computed from logits in one go, so that a probability that rounds to 0 does not become an infinite loss.

use striate_kernels::Element;
use striate_kernels::pointwise::sum;
use striate_kernels::softmax::{cross_entropy_backward_rows, log_softmax_rows};

use super::softmax::{dense_along, dim_to_last};
use crate::autograd::{Backward, Gradients, Recording, SavedTensor};
use crate::dtype::dispatch_float;
use crate::error::OrPanic;
use crate::layout::{Layout, MemoryFormat};
use crate::{DType, Tensor, TensorError};

/// How the losses of the positions become one number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reduction {
    /// Their mean.
    #[default]
    Mean,
    /// Their sum.
    Sum,
    /// Not at all: one loss for each position.
    None,
}

impl Tensor {
    /// The cross-entropy between these logits and the target classes.
    ///
    /// Logits are `[n, classes]`, `[n, classes, ...]` with a decision per position, or `[classes]` for a single one.
    /// `targets` are `i64` class numbers in `0..classes`, with the shape of the logits without the class dimension.
    ///
    /// ```
    /// use striate_tensor::{Reduction, Tensor};
    /// let logits = Tensor::from_slice(&[0.0f32, 1e4, 0.0, 0.0], &[2, 2]);
    /// let targets = Tensor::from_slice(&[0i64, 1], &[2]);
    /// let losses = logits.cross_entropy(&targets, Reduction::None).to_vec::<f32>();
    /// assert_eq!(losses, [1e4, 2f32.ln()]);
    /// ```
    ///
    /// # Panics
    /// When shapes or dtypes do not fit, or a target is not a class.
    #[track_caller]
    pub fn cross_entropy(&self, targets: &Tensor, reduction: Reduction) -> Tensor {
        self.try_cross_entropy(targets, reduction).or_panic()
    }

    /// Like [`cross_entropy`](Self::cross_entropy), with a mistake as an error.
    pub fn try_cross_entropy(&self, targets: &Tensor, reduction: Reduction) -> Result<Tensor, TensorError> {
        try_kind(self, targets, reduction, Kind::CrossEntropy { smoothing: 0.0 })
    }

    /// [`cross_entropy`](Self::cross_entropy) with the part `smoothing` of each target spread evenly over all classes
    /// (Szegedy et al. 2016).
    ///
    /// # Panics
    /// As `cross_entropy`, and when `smoothing` is not in `0..=1`.
    #[track_caller]
    pub fn cross_entropy_smoothed(&self, targets: &Tensor, smoothing: f64, reduction: Reduction) -> Tensor {
        self.try_cross_entropy_smoothed(targets, smoothing, reduction).or_panic()
    }

    /// Like [`cross_entropy_smoothed`](Self::cross_entropy_smoothed), with a mistake as an error.
    pub fn try_cross_entropy_smoothed(
        &self,
        targets: &Tensor,
        smoothing: f64,
        reduction: Reduction,
    ) -> Result<Tensor, TensorError> {
        if !(0.0..=1.0).contains(&smoothing) {
            let problem = format!("smoothing = {smoothing} is no part of a target");
            return Err(TensorError::argument("cross_entropy", problem, "choose it from 0 to 1"));
        }
        try_kind(self, targets, reduction, Kind::CrossEntropy { smoothing })
    }

    /// The negative log-likelihood of the target classes under these log-probabilities; shapes as in
    /// [`cross_entropy`](Self::cross_entropy).
    ///
    /// # Panics
    /// When shapes or dtypes do not fit, or a target is not a class.
    #[track_caller]
    pub fn nll_loss(&self, targets: &Tensor, reduction: Reduction) -> Tensor {
        self.try_nll_loss(targets, reduction).or_panic()
    }

    /// Like [`nll_loss`](Self::nll_loss), with a mistake as an error.
    pub fn try_nll_loss(&self, targets: &Tensor, reduction: Reduction) -> Result<Tensor, TensorError> {
        try_kind(self, targets, reduction, Kind::NllLoss)
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    CrossEntropy {
        /// Part of the target spread over all classes.
        smoothing: f64,
    },
    NllLoss,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::CrossEntropy { .. } => "cross_entropy",
            Self::NllLoss => "nll_loss",
        }
    }

    /// What the target class gets beyond the others, and what every class gets.
    fn shares<T: Element>(self, classes: usize) -> (T, T) {
        let smoothing = if let Self::CrossEntropy { smoothing } = self { smoothing } else { 0.0 };
        (T::from_f64(1.0 - smoothing), T::from_f64(smoothing / classes as f64))
    }
}

fn try_kind(input: &Tensor, targets: &Tensor, reduction: Reduction, kind: Kind) -> Result<Tensor, TensorError> {
    if input.dtype() == DType::BF16 {
        return crate::autocast::in_f32(input, |x| try_kind(x, targets, reduction, kind));
    }
    let dim = check(kind.name(), input, targets)?;
    let classes = input.shape()[dim];
    let targets = targets.to_format(MemoryFormat::Contiguous);
    let rows = input.view_as(dim_to_last(input.layout(), dim)).to_format(MemoryFormat::Contiguous);
    let (output, log_probabilities) = dispatch_float!(input.dtype(), kind.name(), |T| {
        let log_probabilities = match kind {
            Kind::NllLoss => rows,
            Kind::CrossEntropy { .. } => Tensor::fill_layout::<T>(rows.layout().fresh(), rows.dtype(), |out| {
                log_softmax_rows(&rows.data::<T>(), classes, out);
            }),
        };
        let (log_p, indices) = (log_probabilities.data::<T>(), targets.data::<i64>());
        let (chosen, every) = kind.shares::<T>(classes);
        let losses = Tensor::fill_layout::<T>(Layout::contiguous(targets.shape()), input.dtype(), |out| {
            for (row, (loss, &target)) in out.iter_mut().zip(indices.iter()).enumerate() {
                let row = &log_p[row * classes..][..classes];
                *loss = -chosen * row[target as usize];
                if every != 0.0 {
                    *loss -= every * row.iter().copied().sum::<T>();
                }
            }
        });
        (reduce::<T>(losses, reduction), log_probabilities)
    });
    Ok(output.record(kind.name(), &[input], || CrossEntropyBackward {
        kind,
        reduction,
        dim,
        // Not needed when the gradient is the target's alone.
        log_probabilities: (kind != Kind::NllLoss).then(|| SavedTensor::new(&log_probabilities)),
        targets: SavedTensor::new(&targets),
        shape: input.shape().to_vec(),
    }))
}

fn reduce<T: Element>(losses: Tensor, reduction: Reduction) -> Tensor {
    if reduction == Reduction::None {
        return losses;
    }
    let total = sum(&losses.data::<T>());
    let count = if reduction == Reduction::Mean { losses.numel() as f64 } else { 1.0 };
    let count = T::from_f64(count);
    Tensor::fill_layout::<T>(Layout::contiguous(&[]), losses.dtype(), |out| out[0] = total / count)
}

struct CrossEntropyBackward {
    kind: Kind,
    reduction: Reduction,
    /// The class dimension of the input.
    dim: usize,
    /// `[..., classes]`, row-major; for cross-entropy only.
    log_probabilities: Option<SavedTensor>,
    /// Row-major.
    targets: SavedTensor,
    /// Of the input.
    shape: Vec<usize>,
}

impl Backward for CrossEntropyBackward {
    fn backward(&self, grad: &Tensor, _needs: &[bool]) -> Result<Vec<Option<Tensor>>, TensorError> {
        let op = self.kind.name();
        let (targets, classes) = (self.targets.get(op)?, self.shape[self.dim]);
        let log_probabilities = self.log_probabilities.as_ref().map(|saved| saved.get(op)).transpose()?;
        let layout = dense_along(&self.shape, self.dim);
        let grad_input = dispatch_float!(grad.dtype(), op, |T| {
            let (grad_data, indices) = (grad.data_in_format::<T>(MemoryFormat::Contiguous), targets.data::<i64>());
            let log_p = log_probabilities.map(|tensor| tensor.data::<T>());
            // One gradient for all rows, or one for each.
            let grad_data = match self.reduction {
                Reduction::None => grad_data.to_vec(),
                Reduction::Sum => vec![grad_data[0]],
                Reduction::Mean => vec![grad_data[0] / indices.len() as T],
            };
            Tensor::fill_layout::<T>(layout, grad.dtype(), |out| match log_p {
                Some(log_p) => {
                    let shares = self.kind.shares(classes);
                    cross_entropy_backward_rows(&log_p, &indices, shares, &grad_data, classes, out);
                }
                None => nll_gradient(out, classes, &indices, &grad_data),
            })
        });
        Ok(vec![Some(grad_input)])
    }

    fn differentiable(&self, grad: &Tensor, _needs: &[bool], recording: &Recording) -> Gradients {
        let op = self.kind.name();
        let (targets, classes) = (self.targets.get(op)?, self.shape[self.dim]);
        let mut positions = self.shape.clone();
        positions.remove(self.dim);
        let mut grad = grad.clone();
        if self.reduction == Reduction::Mean {
            grad = grad.try_div_scalar(targets.numel() as f64)?;
        }
        // One gradient per position, then along the classes.
        let grad = grad.try_broadcast_to(&positions)?.try_unsqueeze(self.dim as isize)?;
        let chosen = targets.try_one_hot(classes)?.try_to_dtype(grad.dtype())?;
        let chosen = chosen.try_permute(&classes_to(self.dim, self.shape.len()))?;
        let slope = match &self.log_probabilities {
            None => chosen.try_neg()?,
            // Recomputed from the input, whose value is the log-probabilities up to a constant per position.
            Some(log_probabilities) => {
                let rows = log_probabilities.get(op)?;
                let value = rows.try_permute(&classes_to(self.dim, self.shape.len()))?;
                let (share, every) = self.kind.shares::<f64>(classes);
                let target = chosen.try_mul_scalar(share)?.try_add_scalar(every)?;
                recording.input(0, &value).try_softmax(self.dim as isize)?.try_sub(&target)?
            }
        };
        Ok(vec![Some(slope.try_mul(&grad)?)])
    }
}

/// The order of dimensions that moves the classes from the end to `dim`.
fn classes_to(dim: usize, rank: usize) -> Vec<isize> {
    let mut order: Vec<isize> = (0..rank as isize - 1).collect();
    order.insert(dim, rank as isize - 1);
    order
}

/// `out[r, j] = -grad[r] [j = target]`, `grad` being one number for all rows or one for each.
fn nll_gradient<T: Element>(out: &mut [T], classes: usize, targets: &[i64], grad: &[T]) {
    out.fill(T::ZERO);
    for (row, &target) in targets.iter().enumerate() {
        out[row * classes + target as usize] = -grad[if grad.len() > 1 { row } else { 0 }];
    }
}

/// Checks the arguments; returns the class dimension.
fn check(op: &'static str, input: &Tensor, targets: &Tensor) -> Result<usize, TensorError> {
    if !input.dtype().is_float() {
        return Err(TensorError::needs_float(op, input.dtype()));
    }
    if targets.dtype() != DType::I64 {
        return Err(TensorError::dtype(
            op,
            format!("targets are class numbers in i64, got {}", targets.dtype()),
            "convert them: targets.to_dtype(DType::I64)",
        ));
    }
    if input.rank() == 0 {
        return Err(TensorError::shape(
            op,
            "the input has no dimensions, it needs one for the classes",
            "logits are [n, classes]: one row for each example",
        ));
    }
    let dim = usize::from(input.rank() > 1);
    let classes = input.shape()[dim];
    let mut expected = input.shape().to_vec();
    expected.remove(dim);
    if targets.shape() != expected {
        let help = if targets.shape() == input.shape() {
            "the targets look one-hot: give class numbers instead, for example with argmax over the classes"
        } else if targets.shape() == &input.shape()[..input.rank() - 1] {
            "the classes are dimension 1 of the input, here they look like the last: transpose(1, -1), or flatten both to \
             [positions, classes] and [positions]"
        } else {
            "the targets' shape is the input's without the class dimension"
        };
        return Err(TensorError::shape(
            op,
            format!("the input is {:?}, so the targets must be {expected:?}, got {:?}", input.shape(), targets.shape()),
            help,
        ));
    }
    let indices = targets.data_in_format::<i64>(MemoryFormat::Contiguous);
    if let Some((position, target)) = indices.iter().enumerate().find(|&(_, &t)| t < 0 || t as usize >= classes) {
        return Err(TensorError::index(
            op,
            format!("target {target} at position {position} is not one of the {classes} classes"),
            format!("classes are numbered from 0 to {}", classes.max(1) - 1),
        ));
    }
    Ok(dim)
}
