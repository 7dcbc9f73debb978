//! Looking at a gradient on its way back, and changing it.

use super::{Backward, Gradients, Recording};
use crate::{Tensor, TensorError};

struct GradientHook<F> {
    hook: F,
}

impl<F: Fn(&Tensor) -> Option<Tensor> + Send + Sync> GradientHook<F> {
    fn call(&self, grad: &Tensor) -> Gradients {
        let Some(other) = (self.hook)(grad) else { return Ok(vec![Some(grad.clone())]) };
        if other.shape() != grad.shape() || other.dtype() != grad.dtype() {
            return Err(TensorError::autograd(
                "on_gradient",
                format!(
                    "the hook made a gradient of {:?} ({}) out of one of {:?} ({})",
                    other.shape(),
                    other.dtype(),
                    grad.shape(),
                    grad.dtype()
                ),
                "give a gradient of the same shape and dtype, or None to leave it",
            ));
        }
        Ok(vec![Some(other)])
    }
}

impl<F: Fn(&Tensor) -> Option<Tensor> + Send + Sync> Backward for GradientHook<F> {
    fn backward(&self, grad: &Tensor, _needs: &[bool]) -> Gradients {
        self.call(grad)
    }

    fn differentiable(&self, grad: &Tensor, _needs: &[bool], _recording: &Recording) -> Gradients {
        self.call(grad)
    }
}

impl Tensor {
    /// The same tensor, whose gradient passes through `hook` when the backward pass reaches it: `None` leaves the
    /// gradient as it is, `Some` puts another in its place. Use what is returned in what follows; the tensor it is called on
    /// stays as it is. The hook lives as long as the graph.
    ///
    /// ```
    /// use striate_tensor::Tensor;
    /// let x = Tensor::from_slice(&[1.0f32, 2.0], &[2]).requires_grad_(true);
    /// let y = x.square().on_gradient(|grad| Some(grad.mul_scalar(10.0)));
    /// y.sum_all().backward();
    /// assert_eq!(x.grad().unwrap().to_vec::<f32>(), [20.0, 40.0]);
    /// ```
    ///
    /// Nothing happens to a tensor that no gradient flows to. A hook that gives another shape or dtype makes `backward` fail.
    pub fn on_gradient(&self, hook: impl Fn(&Tensor) -> Option<Tensor> + Send + Sync + 'static) -> Tensor {
        self.view_as(self.layout().clone()).record("on_gradient", &[self], || GradientHook { hook })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use crate::{DType, GradOptions, Tensor, grad, grad_with, no_grad};

    #[test]
    fn a_hook_sees_the_whole_gradient_once() {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let x = Tensor::from_slice(&[1.0f64, 2.0], &[2]).requires_grad_(true);
        let keep = Arc::clone(&seen);
        let y = x.mul_scalar(2.0).on_gradient(move |grad| {
            keep.lock().unwrap().push(grad.to_vec::<f64>());
            None
        });
        // Two uses: the hook sees their sum.
        y.mul_scalar(3.0).add(&y.square()).sum_all().backward();
        assert_eq!(*seen.lock().unwrap(), [vec![7.0, 11.0]]);
        assert_eq!(x.grad().unwrap().to_vec::<f64>(), [14.0, 22.0]);
    }

    #[test]
    fn nothing_is_recorded_where_no_gradient_flows() {
        let hook = |_: &Tensor| -> Option<Tensor> { panic!("never called") };
        assert!(!Tensor::zeros(&[2], DType::F32).on_gradient(hook).requires_grad());
        let x = Tensor::zeros(&[2], DType::F32).requires_grad_(true);
        assert!(!no_grad(|| x.on_gradient(hook)).requires_grad());
    }

    #[test]
    fn another_shape_is_refused_and_second_derivatives_pass() {
        let x = Tensor::from_slice(&[3.0f64], &[1]).requires_grad_(true);
        let wrong = x.square().on_gradient(|_| Some(Tensor::zeros(&[2], DType::F64)));
        let text = wrong.sum_all().try_backward().unwrap_err().to_string();
        assert!(text.contains("made a gradient of [2] (f64) out of one of [1] (f64)"), "{text}");

        let y = x.pow(3.0).on_gradient(|_| None);
        let options = GradOptions { create_graph: true, ..GradOptions::default() };
        let first = grad_with(&[&y], &[&x], options).unwrap()[0].clone().unwrap();
        assert_eq!(grad(&[&first], &[&x]).unwrap()[0].as_ref().unwrap().to_vec::<f64>(), [18.0]);
    }
}
