//! `einsum`: sums of products by Einstein's convention, as products of matrices.
//!
//! `"ij,jk->ik"` means `y[i, k] = Σ_j a[i, j] b[j, k]`: every label not in the output is summed over. Operands are joined
//! from left to right: labels both have and that are still needed become batches, labels both have and nobody else
//! needs are contracted, and one batched [`matmul`](Tensor::matmul) does the work. It is composed of differentiable
//! operations, so gradients need nothing of their own.

use super::rearrange::rearrange;
use crate::error::OrPanic;
use crate::{Tensor, TensorError};

const OP: &str = "einsum";

/// A tensor whose dimensions have names, each once.
struct Labelled {
    tensor: Tensor,
    labels: Vec<char>,
}

impl Labelled {
    fn new(tensor: &Tensor, labels: &str) -> Result<Self, TensorError> {
        let labels: Vec<char> = labels.chars().collect();
        if labels.len() != tensor.rank() {
            return Err(TensorError::shape(
                OP,
                format!("{labels:?} names {} dimensions of a tensor of shape {:?}", labels.len(), tensor.shape()),
                "write one letter per dimension",
            ));
        }
        let mut distinct = labels.clone();
        distinct.sort_unstable();
        distinct.dedup();
        if distinct.len() == labels.len() {
            return Ok(Self { tensor: tensor.clone(), labels });
        }
        diagonal(tensor, &labels, distinct)
    }

    fn size(&self, label: char) -> Option<usize> {
        self.labels.iter().position(|&own| own == label).map(|d| self.tensor.shape()[d])
    }

    /// Sums over the labels that are not to stay.
    fn sum_except(self, keep: &impl Fn(char) -> bool) -> Result<Self, TensorError> {
        let gone: Vec<isize> = (0..self.labels.len()).filter(|&d| !keep(self.labels[d])).map(|d| d as isize).collect();
        if gone.is_empty() {
            return Ok(self);
        }
        let labels = self.labels.into_iter().filter(|&label| keep(label)).collect();
        Ok(Self { tensor: self.tensor.try_sum(&gone, false)?, labels })
    }

    /// The dimensions in the order of `labels`, which are its own in another order.
    fn ordered(&self, labels: &[char]) -> Result<Tensor, TensorError> {
        let place = |label| self.labels.iter().position(|own| own == label).map(|d| d as isize);
        self.tensor.try_permute(&labels.iter().filter_map(place).collect::<Vec<_>>())
    }
}

/// The elements whose indices agree wherever a label repeats.
fn diagonal(tensor: &Tensor, labels: &[char], distinct: Vec<char>) -> Result<Labelled, TensorError> {
    let strides = crate::layout::contiguous_strides(tensor.shape());
    let mut places = vec![0];
    let mut shape = Vec::new();
    for &label in &distinct {
        let dims: Vec<usize> = (0..labels.len()).filter(|&d| labels[d] == label).collect();
        let size = tensor.shape()[dims[0]];
        check_sizes(label, size, dims.iter().map(|&d| tensor.shape()[d]))?;
        let stride: usize = dims.iter().map(|&d| strides[d]).sum();
        places = places.iter().flat_map(|&place: &usize| (0..size).map(move |i| place + i * stride)).collect();
        shape.push(size);
    }
    Ok(Labelled { tensor: rearrange("einsum diagonal", tensor, &shape, places), labels: distinct })
}

fn check_sizes(label: char, size: usize, others: impl IntoIterator<Item = usize>) -> Result<(), TensorError> {
    match others.into_iter().find(|&other| other != size) {
        None => Ok(()),
        Some(other) => Err(TensorError::shape(
            OP,
            format!("`{label}` stands for sizes {size} and {other}"),
            "one letter is one size: use another letter, or fit the tensors",
        )),
    }
}

/// The sum of products of two operands over the labels that are not to stay.
fn join(a: Labelled, b: Labelled, keep: &impl Fn(char) -> bool) -> Result<Labelled, TensorError> {
    for &label in &a.labels {
        if let (Some(left), Some(right)) = (a.size(label), b.size(label)) {
            check_sizes(label, left, [right])?;
        }
    }
    let (in_a, in_b) = (a.labels.clone(), b.labels.clone());
    let a = a.sum_except(&|label| keep(label) || in_b.contains(&label))?;
    let b = b.sum_except(&|label| keep(label) || in_a.contains(&label))?;
    let shared = |label: &char| in_a.contains(label) && in_b.contains(label);
    let (batch, inner): (Vec<char>, Vec<char>) =
        a.labels.iter().filter(|&label| shared(label)).partition(|&&label| keep(label));
    let rows: Vec<char> = a.labels.iter().copied().filter(|label| !shared(label)).collect();
    let columns: Vec<char> = b.labels.iter().copied().filter(|label| !shared(label)).collect();
    let sizes = |of: &Labelled, labels: &[char]| labels.iter().filter_map(|&l| of.size(l)).collect::<Vec<usize>>();
    let count = |of: &Labelled, labels: &[char]| sizes(of, labels).iter().product::<usize>();
    let (n, m, k) = (count(&a, &batch), count(&a, &rows), count(&a, &inner));
    let left = a.ordered(&[&batch[..], &rows, &inner].concat())?.try_reshape(&[n, m, k])?;
    let right = b.ordered(&[&batch[..], &inner, &columns].concat())?.try_reshape(&[n, k, count(&b, &columns)])?;
    let shape = [sizes(&a, &batch), sizes(&a, &rows), sizes(&b, &columns)].concat();
    let tensor = left.try_matmul(&right)?.try_reshape(&shape)?;
    Ok(Labelled { tensor, labels: [batch, rows, columns].concat() })
}

/// The labels of each operand, and those of the output: given, or those that occur once, in alphabetical order.
fn parse(equation: &str) -> Result<(Vec<String>, Vec<char>), TensorError> {
    let equation: String = equation.chars().filter(|c| !c.is_whitespace()).collect();
    let (inputs, output) = equation.split_once("->").map_or((equation.as_str(), None), |(i, o)| (i, Some(o)));
    if let Some(wrong) = inputs.chars().chain(output.unwrap_or("").chars()).find(|c| !c.is_alphabetic() && *c != ',') {
        return Err(TensorError::argument(
            OP,
            format!("`{wrong}` in `{equation}` is not a label"),
            "labels are single letters, as in \"bij,bjk->bik\"; write out what `...` would stand for",
        ));
    }
    let letters: Vec<char> = inputs.chars().filter(|&c| c != ',').collect();
    let times = |label: char, among: &[char]| among.iter().filter(|&&other| other == label).count();
    let output: Vec<char> = match output {
        Some(output) => output.chars().collect(),
        None => {
            let mut once: Vec<char> = letters.iter().copied().filter(|&label| times(label, &letters) == 1).collect();
            once.sort_unstable();
            once
        }
    };
    if let Some(wrong) = output.iter().find(|&&label| times(label, &output) > 1 || !letters.contains(&label)) {
        return Err(TensorError::argument(
            OP,
            format!("`{wrong}` in the output of `{equation}` is given twice or is in no input"),
            "each output label is one of the inputs', once",
        ));
    }
    Ok((inputs.split(',').map(str::to_owned).collect(), output))
}

impl Tensor {
    /// The sum of products that `equation` describes: one letter per dimension of each operand, then the letters of the
    /// result. Letters that are not in the result are summed over; a letter twice in one operand takes its diagonal.
    /// Without `->` the result has the letters that occur once, in alphabetical order.
    ///
    /// ```
    /// use striate_tensor::Tensor;
    /// let a = Tensor::from_slice(&[1.0f32, 2.0, 3.0, 4.0], &[2, 2]);
    /// assert_eq!(Tensor::einsum("ij,kj->ik", &[&a, &a]).to_vec::<f32>(), [5.0, 11.0, 11.0, 25.0]);
    /// assert_eq!(Tensor::einsum("ii", &[&a]).item::<f32>(), 5.0);
    /// ```
    ///
    /// # Panics
    /// When the equation does not fit the operands, a letter stands for two sizes, or the operands are not float tensors
    /// of one dtype.
    #[track_caller]
    pub fn einsum(equation: &str, operands: &[&Tensor]) -> Tensor {
        Self::try_einsum(equation, operands).or_panic()
    }

    /// Like [`einsum`](Self::einsum), with a mistake as an error.
    pub fn try_einsum(equation: &str, operands: &[&Tensor]) -> Result<Tensor, TensorError> {
        let (inputs, output) = parse(equation)?;
        if inputs.len() != operands.len() {
            return Err(TensorError::argument(
                OP,
                format!("`{equation}` has {} operands, {} given", inputs.len(), operands.len()),
                "separate the labels of the operands by commas",
            ));
        }
        let mut joined: Option<Labelled> = None;
        for (i, (operand, labels)) in operands.iter().zip(&inputs).enumerate() {
            let next = Labelled::new(operand, labels)?;
            let keep =
                |label: char| output.contains(&label) || inputs[i + 1..].iter().any(|labels| labels.contains(label));
            joined = Some(match joined {
                None => next.sum_except(&keep)?,
                Some(joined) => join(joined, next, &keep)?,
            });
        }
        joined.map_or_else(|| unreachable!("splitting gives at least one operand"), |joined| joined.ordered(&output))
    }
}
