//! The linear scores of many classes, and softmax, which the exercises of this station share.

use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis};

use crate::exercise::Outcome;
use crate::exercises::arguments::{float, floats, returns, whole_numbers};
use crate::exercises::numbers::Numbers;
use crate::value::Value;

/// Examples, their classes and a matrix of weights: what both losses are computed from.
pub(super) struct Problem<'a> {
    /// Weights `[D, C]`.
    pub(super) w: ArrayView2<'a, f64>,
    /// Examples `[N, D]`.
    pub(super) x: ArrayView2<'a, f64>,
    /// Class of each example.
    pub(super) y: Vec<usize>,
    /// Weight of the penalty.
    pub(super) reg: f64,
}

impl Problem<'_> {
    /// From the arguments w, x, y, reg.
    pub(super) fn new(arguments: &[Value]) -> Problem<'_> {
        let y = classes(whole_numbers(arguments, 2));
        Problem { w: floats(arguments, 0), x: floats(arguments, 1), y, reg: float(arguments, 3) }
    }

    /// One row per example, one column per class.
    pub(super) fn scores(&self) -> Array2<f64> {
        self.x.dot(&self.w)
    }

    /// The number of examples.
    pub(super) fn examples(&self) -> f64 {
        self.y.len() as f64
    }

    /// Loss and gradient: of the data, given by loss and gradient of the scores, plus `of_loss * sum(w^2)` and
    /// `of_gradient * w`.
    pub(super) fn penalised(&self, loss: f64, dscores: &Array2<f64>, (of_loss, of_gradient): (f64, f64)) -> Outcome {
        let dw = self.x.t().dot(dscores) + of_gradient * &self.w;
        let loss = loss + of_loss * self.w.mapv(|w| w * w).sum();
        returns(Value::Tuple(vec![Value::Float(loss), dw.into()]))
    }
}

/// Class numbers as indices.
pub(super) fn classes(y: ArrayView1<'_, i64>) -> Vec<usize> {
    y.iter().map(|&class| usize::try_from(class).expect("a class number is not negative")).collect()
}

/// Logarithms of the softmax of every row.
pub(super) fn log_softmax(scores: &Array2<f64>) -> Array2<f64> {
    let largest = scores.map_axis(Axis(1), |row| row.fold(f64::NEG_INFINITY, |a, &b| a.max(b)));
    let shifted = scores - &largest.insert_axis(Axis(1));
    let sums = shifted.mapv(f64::exp).sum_axis(Axis(1)).mapv(f64::ln);
    shifted - &sums.insert_axis(Axis(1))
}

/// The classes as rows with a one.
pub(super) fn one_hot(y: &[usize], classes: usize) -> Array2<f64> {
    Array2::from_shape_fn((y.len(), classes), |(i, class)| if y[i] == class { 1.0 } else { 0.0 })
}

/// The arguments w, x, y, reg of a random problem with `n` examples of `d` numbers in `c` classes.
pub(super) fn random(numbers: &mut Numbers, [n, d, c]: [usize; 3], reg: f64) -> Vec<Value> {
    let w: Array2<f64> = numbers.reals([d, c], -1.0, 1.0);
    let x: Array2<f64> = numbers.reals([n, d], -2.0, 2.0);
    let y: Array1<i64> = Array1::from_shape_fn(n, |_| numbers.integer(0, c as i64 - 1));
    vec![w.into(), x.into(), y.into(), Value::Float(reg)]
}

#[cfg(test)]
mod tests {
    use striate_tensor::{Reduction, Tensor};

    use super::*;

    /// The same on the toolkit's tensors.
    #[test]
    fn log_softmax_gives_the_loss_of_the_toolkit() {
        let mut numbers = Numbers::stream(11);
        let scores: Array2<f64> = numbers.reals([5, 3], -4.0, 4.0);
        let y = [2usize, 0, 1, 1, 2];
        let ours = -log_softmax(&scores).iter().zip(&one_hot(&y, 3)).map(|(log, hot)| log * hot).sum::<f64>() / 5.0;
        let logits = Tensor::from_vec(scores.iter().copied().collect(), &[5, 3]);
        let targets = Tensor::from_vec(y.map(|class| class as i64).to_vec(), &[5]);
        let theirs = logits.cross_entropy(&targets, Reduction::Mean).item::<f64>();
        assert!((ours - theirs).abs() < 1e-12, "{ours} and {theirs}");
    }
}
