//! Connectionist temporal classification (Graves et al. 2006): the negative logarithm of the probability that a sequence
//! of labels is read out of `T` steps, over all ways of aligning it.
//!
//! The labels are written with blanks around each, `z = ∅ l₁ ∅ l₂ ∅ .. ∅`, and a path through `z` stays, moves on by one,
//! or skips the blank between two different labels. With `y_t(c)` the log-probabilities, all sums in the log domain:
//!
//! ```text
//! α_t(s) = y_t(z_s) + log Σ exp α_{t-1}(s, s - 1, s - 2 where a skip is allowed)
//! β_t(s) = log Σ exp (β_{t+1}(s') + y_{t+1}(z_s')),    s' = s, s + 1, s + 2 where a skip is allowed
//! loss   = -log Σ exp α_T(last two)
//! ∂loss/∂y_t(c) = -Σ_{s with z_s = c} exp(α_t(s) + β_t(s) + loss)
//! ```
//!
//! PyTorch returns `exp(y_t(c))` more than this, which is the gradient by the logits of the `log_softmax` that made `y`.
//! Through a `log_softmax` both give the same; this one is the derivative for any input.

use striate_kernels::Element;
use striate_kernels::threads::parallel_chunks_mut;

use super::cross_entropy::Reduction;
use crate::autograd::{Backward, SavedTensor};
use crate::dtype::dispatch_float;
use crate::error::OrPanic;
use crate::layout::{Layout, MemoryFormat};
use crate::{DType, Tensor, TensorError};

const OP: &str = "ctc_loss";
const NEVER: f64 = f64::NEG_INFINITY;

/// Settings of [`Tensor::ctc_loss`]; the default is PyTorch's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CtcOptions {
    /// The class that stands for no label.
    pub blank: usize,
    /// The mean divides each loss by the number of its labels (at least 1) first.
    pub reduction: Reduction,
    /// Makes the loss and gradient of sequences that cannot be read out, being longer than the input, 0. Otherwise the
    /// loss is infinite and the gradient NaN.
    pub zero_infinity: bool,
}

/// What is to be read out of one element of the batch.
struct Sample {
    steps: usize,
    labels: Vec<usize>,
}

impl Sample {
    /// The class at place `s` of the labels with blanks around each.
    fn class(&self, s: usize, blank: usize) -> usize {
        if s.is_multiple_of(2) { blank } else { self.labels[s / 2] }
    }

    /// Whether a path may come to `s` from `s - 2`.
    fn skips_to(&self, s: usize) -> bool {
        s % 2 == 1 && s >= 3 && self.labels[s / 2] != self.labels[s / 2 - 1]
    }

    fn places(&self) -> usize {
        2 * self.labels.len() + 1
    }

    /// α of all steps, `[steps, places]`; `y(t, c)` are the log-probabilities.
    fn forward(&self, blank: usize, y: &impl Fn(usize, usize) -> f64) -> Vec<f64> {
        let places = self.places();
        let mut alpha = vec![NEVER; self.steps * places];
        for t in 0..self.steps {
            for s in 0..places {
                let before = |back: usize| if s >= back { alpha[(t - 1) * places + s - back] } else { NEVER };
                let arriving = match t {
                    0 if s < 2 => 0.0,
                    0 => NEVER,
                    _ => log_sum([before(0), before(1), if self.skips_to(s) { before(2) } else { NEVER }]),
                };
                alpha[t * places + s] = arriving + if arriving == NEVER { 0.0 } else { y(t, self.class(s, blank)) };
            }
        }
        alpha
    }

    /// The loss, from α.
    fn loss(&self, alpha: &[f64]) -> f64 {
        let places = self.places();
        if self.steps == 0 {
            return if self.labels.is_empty() { 0.0 } else { f64::INFINITY };
        }
        let last = &alpha[(self.steps - 1) * places..];
        -log_sum([last[places - 1], if places > 1 { last[places - 2] } else { NEVER }, NEVER])
    }

    /// Adds `scale` times the gradient to `gradient`, `[T, classes]`.
    fn backward<T: Element>(
        &self,
        blank: usize,
        y: &impl Fn(usize, usize) -> f64,
        scale: f64,
        (gradient, classes): (&mut [T], usize),
    ) {
        let (alpha, places) = (self.forward(blank, y), self.places());
        let loss = self.loss(&alpha);
        let mut beta: Vec<f64> = (0..places).map(|s| if s + 2 >= places { 0.0 } else { NEVER }).collect();
        for t in (0..self.steps).rev() {
            if t + 1 < self.steps {
                let leaving = |s: usize| {
                    if s < places && beta[s] > NEVER { beta[s] + y(t + 1, self.class(s, blank)) } else { NEVER }
                };
                let skip = |s: usize| if s + 2 < places && self.skips_to(s + 2) { leaving(s + 2) } else { NEVER };
                beta = (0..places).map(|s| log_sum([leaving(s), leaving(s + 1), skip(s)])).collect();
            }
            let row = &mut gradient[t * classes..(t + 1) * classes];
            for s in 0..places {
                let share = (alpha[t * places + s] + beta[s] + loss).exp();
                row[self.class(s, blank)] -= T::from_f64(share * scale);
            }
        }
    }
}

/// `log Σ exp`, without overflow; NaN stays NaN.
fn log_sum(terms: [f64; 3]) -> f64 {
    let largest = terms.into_iter().fold(NEVER, |a, b| if b > a || b.is_nan() { b } else { a });
    if largest == NEVER || largest.is_nan() {
        return largest;
    }
    largest + terms.into_iter().map(|term| (term - largest).exp()).sum::<f64>().ln()
}

struct CtcBackward {
    /// `[T, n, classes]`.
    log_probabilities: SavedTensor,
    samples: Vec<Sample>,
    /// Of each sample.
    losses: Vec<f64>,
    options: CtcOptions,
}

impl CtcOptions {
    /// By how much the loss of `sample` counts.
    fn weight(&self, sample: &Sample, count: usize) -> f64 {
        match self.reduction {
            Reduction::Mean => 1.0 / (sample.labels.len().max(1) * count) as f64,
            Reduction::Sum | Reduction::None => 1.0,
        }
    }
}

impl Backward for CtcBackward {
    fn backward(&self, grad: &Tensor, _needs: &[bool]) -> Result<Vec<Option<Tensor>>, TensorError> {
        let log_probabilities = self.log_probabilities.get(OP)?;
        let &[steps, batch, classes] = log_probabilities.shape() else { unreachable!("checked in the forward pass") };
        // Samples one after the other in memory, so that each thread writes a stretch of its own.
        let (shape, strides) = (vec![steps, batch, classes], vec![classes, steps * classes, 1]);
        let dtype = grad.dtype();
        let gradient = dispatch_float!(dtype, OP, |T| {
            let y = log_probabilities.data_in_format::<T>(MemoryFormat::Contiguous);
            let grad = grad.data_in_format::<T>(MemoryFormat::Contiguous);
            let per_sample = self.options.reduction == Reduction::None;
            Tensor::fill_layout::<T>(Layout { shape, strides, offset: 0 }, dtype, |out| {
                out.fill(0.0);
                if out.is_empty() {
                    return;
                }
                parallel_chunks_mut(out, steps * classes, &|i, out: &mut [T]| {
                    if self.options.zero_infinity && self.losses[i] == f64::INFINITY {
                        return;
                    }
                    let y = |t: usize, c: usize| Element::to_f64(y[(t * batch + i) * classes + c]);
                    let sample = &self.samples[i];
                    let scale =
                        self.options.weight(sample, batch) * Element::to_f64(grad[if per_sample { i } else { 0 }]);
                    sample.backward(self.options.blank, &y, scale, (out, classes));
                });
            })
        });
        Ok(vec![Some(gradient)])
    }
}

impl Tensor {
    /// How improbable it is, under these log-probabilities `[steps, n, classes]`, to read the `targets` out of the steps,
    /// over all alignments (Graves et al. 2006). Make them by `log_softmax(2)`.
    ///
    /// `targets` are `i64` class numbers other than the blank: `[n, longest]`, of which the first `target_lengths[i]`
    /// count, or all of them one after the other in a vector. Of sample `i` the first `input_lengths[i]` steps count.
    ///
    /// ```
    /// use striate_tensor::{CtcOptions, Tensor};
    /// // Two steps, classes blank and `a`, each as probable: "a" can be read as aa, a∅ and ∅a, three of four ways.
    /// let y = Tensor::full(&[2, 1, 2], 0.5f64.ln());
    /// let targets = Tensor::from_slice(&[1i64], &[1, 1]);
    /// let loss = y.ctc_loss(&targets, &[2], &[1], CtcOptions::default());
    /// assert!((loss.item::<f64>() + 0.75f64.ln()).abs() < 1e-12);
    /// ```
    ///
    /// # Panics
    /// When shapes, dtypes or lengths do not fit, or a target is the blank or no class.
    #[track_caller]
    pub fn ctc_loss(
        &self,
        targets: &Tensor,
        input_lengths: &[usize],
        target_lengths: &[usize],
        options: CtcOptions,
    ) -> Tensor {
        self.try_ctc_loss(targets, input_lengths, target_lengths, options).or_panic()
    }

    /// Like [`ctc_loss`](Self::ctc_loss), with a mistake as an error.
    pub fn try_ctc_loss(
        &self,
        targets: &Tensor,
        input_lengths: &[usize],
        target_lengths: &[usize],
        options: CtcOptions,
    ) -> Result<Tensor, TensorError> {
        let samples = samples(self, targets, input_lengths, target_lengths, options.blank)?;
        let (batch, classes) = (samples.len(), self.shape()[2]);
        let (losses, output) = dispatch_float!(self.dtype(), OP, |T| {
            let data = self.data_in_format::<T>(MemoryFormat::Contiguous);
            let mut losses = vec![0.0; batch];
            parallel_chunks_mut(&mut losses, 1, &|i, loss: &mut [f64]| {
                let y = |t: usize, c: usize| Element::to_f64(data[(t * batch + i) * classes + c]);
                loss[0] = samples[i].loss(&samples[i].forward(options.blank, &y));
            });
            let counted = losses.iter().zip(&samples).map(|(&loss, sample)| {
                let ignored = options.zero_infinity && loss == f64::INFINITY;
                if ignored { 0.0 } else { loss * options.weight(sample, batch) }
            });
            let output = if options.reduction == Reduction::None {
                Tensor::try_from_slice(&counted.map(|loss| loss as T).collect::<Vec<T>>(), &[batch])?
            } else {
                Tensor::scalar(counted.sum::<f64>() as T)
            };
            (losses, output)
        });
        let log_probabilities = SavedTensor::new(self);
        Ok(output.record(OP, &[self], || CtcBackward { log_probabilities, samples, losses, options }))
    }
}

/// Checks the arguments and takes the targets apart.
fn samples(
    x: &Tensor,
    targets: &Tensor,
    input_lengths: &[usize],
    target_lengths: &[usize],
    blank: usize,
) -> Result<Vec<Sample>, TensorError> {
    let &[steps, batch, classes] = x.shape() else {
        return Err(TensorError::shape(
            OP,
            format!("the log-probabilities must be [steps, n, classes], got {:?}", x.shape()),
            "the sequence comes first: permute(&[1, 0, 2]) turns [n, steps, classes] around",
        ));
    };
    if !x.dtype().is_float() {
        return Err(TensorError::needs_float(OP, x.dtype()));
    }
    if blank >= classes {
        return Err(TensorError::argument(
            OP,
            format!("the blank is class {blank}, there are {classes} classes"),
            "the blank is one of the classes: give the network one more output than there are labels",
        ));
    }
    for (name, lengths) in [("input_lengths", input_lengths), ("target_lengths", target_lengths)] {
        if lengths.len() != batch {
            return Err(TensorError::argument(
                OP,
                format!("{name} has {} entries, the batch {batch}", lengths.len()),
                "give one length per sample",
            ));
        }
    }
    if let Some(i) = input_lengths.iter().position(|&length| length > steps) {
        return Err(TensorError::argument(
            OP,
            format!("input_lengths[{i}] is {}, there are {steps} steps", input_lengths[i]),
            "a length is at most the first size of the log-probabilities",
        ));
    }
    let starts = starts(targets, batch, target_lengths)?;
    let labels = targets.try_to_vec::<i64>()?;
    (0..batch)
        .map(|i| {
            let labels = labels[starts[i]..starts[i] + target_lengths[i]].iter().enumerate();
            let labels = labels.map(|(position, &label)| check_label(label, classes, blank, (i, position)));
            Ok(Sample { steps: input_lengths[i], labels: labels.collect::<Result<_, _>>()? })
        })
        .collect()
}

/// Where the labels of each sample begin among all of `targets`, row-major.
fn starts(targets: &Tensor, batch: usize, lengths: &[usize]) -> Result<Vec<usize>, TensorError> {
    if targets.dtype() != DType::I64 {
        return Err(TensorError::dtype(
            OP,
            format!("targets are class numbers in i64, got {}", targets.dtype()),
            "convert them: targets.to_dtype(DType::I64)",
        ));
    }
    match *targets.shape() {
        [rows, longest] if rows == batch => match lengths.iter().position(|&length| length > longest) {
            None => Ok((0..batch).map(|i| i * longest).collect()),
            Some(i) => Err(TensorError::argument(
                OP,
                format!("target_lengths[{i}] is {}, the targets have room for {longest}", lengths[i]),
                "a length is at most the second size of the targets",
            )),
        },
        [total] if total == lengths.iter().sum::<usize>() => {
            Ok(lengths.iter().scan(0, |next, &length| Some(std::mem::replace(next, *next + length))).collect())
        }
        _ => Err(TensorError::shape(
            OP,
            format!(
                "targets of shape {:?} do not fit {batch} samples with {} labels together",
                targets.shape(),
                lengths.iter().sum::<usize>()
            ),
            "give them as [n, longest], or all in one vector",
        )),
    }
}

fn check_label(label: i64, classes: usize, blank: usize, (i, position): (usize, usize)) -> Result<usize, TensorError> {
    let problem = match usize::try_from(label) {
        Ok(class) if class == blank => "is the blank".to_owned(),
        Ok(class) if class < classes => return Ok(class),
        _ => format!("is not one of the {classes} classes"),
    };
    Err(TensorError::index(
        OP,
        format!("label {label} at position {position} of target {i} {problem}"),
        "labels are class numbers from 0 on, without the blank, which the loss puts between them itself",
    ))
}
