//! The mean squared error of a linear model and its gradient, which two exercises share.

use ndarray::{Array1, ArrayView1, ArrayView2};

/// A loss with its gradient.
pub(super) struct SquaredError {
    /// Mean of the squared residuals.
    pub(super) loss: f64,
    /// Gradient with respect to the weights.
    pub(super) dw: Array1<f64>,
    /// Gradient with respect to the bias.
    pub(super) db: f64,
}

impl SquaredError {
    /// Of the model `x @ w + b` on the targets `y`.
    pub(super) fn of(x: ArrayView2<'_, f64>, y: ArrayView1<'_, f64>, w: &Array1<f64>, b: f64) -> Self {
        let n = y.len() as f64;
        let residuals = x.dot(w) + b - y;
        SquaredError {
            loss: residuals.dot(&residuals) / n,
            dw: x.t().dot(&residuals) * (2.0 / n),
            db: 2.0 * residuals.sum() / n,
        }
    }
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;
    use striate_nn::loss::mse_loss;
    use striate_tensor::Tensor;

    use super::*;
    use crate::exercises::numbers::Numbers;

    /// The same on the toolkit's tensors, whose gradients come from its tape.
    #[test]
    fn loss_and_gradient_equal_those_of_the_toolkit() {
        let mut numbers = Numbers::stream(9);
        let x: Array2<f64> = numbers.reals([5, 3], -2.0, 2.0);
        let y: Array1<f64> = numbers.reals(5, -2.0, 2.0);
        let w: Array1<f64> = numbers.reals(3, -1.0, 1.0);
        let ours = SquaredError::of(x.view(), y.view(), &w, 0.3);

        let column = |array: &Array1<f64>| Tensor::from_vec(array.to_vec(), &[array.len(), 1]);
        let weights = column(&w).requires_grad_(true);
        let bias = Tensor::from_vec(vec![0.3], &[1]).requires_grad_(true);
        let inputs = Tensor::from_vec(x.iter().copied().collect(), &[5, 3]);
        let loss = mse_loss(&(&inputs.matmul(&weights) + &bias), &column(&y));
        loss.backward();
        let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-12, "{a} and {b}");
        close(ours.loss, loss.item::<f64>());
        close(ours.db, bias.grad().expect("a gradient").item::<f64>());
        for (a, b) in ours.dw.iter().zip(weights.grad().expect("a gradient").to_vec::<f64>()) {
            close(*a, b);
        }
    }
}
