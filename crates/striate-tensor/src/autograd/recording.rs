//! Gradients that are recorded themselves, for second derivatives.
//!
//! The ordinary backward pass runs kernels on detached values. To be differentiated again, a rule computes the same
//! gradients with recorded operations, from values attached to the graph: an input to whatever made it, an output to the
//! node at hand. Nothing is stored for this; the ordinary pass does not know about it.

use std::sync::{Arc, OnceLock};

use super::{Backward, Edge, GradOptions, Gradients, Node, grad_with};
use crate::tensor::Inner;
use crate::{Tensor, TensorError};

/// The node whose gradient is being recorded.
pub(crate) struct Recording<'a> {
    pub(super) node: &'a Arc<Node>,
    pub(super) edges: &'a [Option<Edge>],
}

impl Recording<'_> {
    /// `value`, which the rule saved of input number `i`, attached to what that came from.
    pub(crate) fn input(&self, i: usize, value: &Tensor) -> Tensor {
        attach(value, self.edges[i].clone())
    }

    /// `value`, which the rule saved of the output, attached to this node.
    pub(crate) fn output(&self, value: &Tensor) -> Tensor {
        attach(value, Some(Edge::Node(Arc::clone(self.node))))
    }

    /// The gradients of a long formula: `forward`, the operation composed of recorded ones, applied to `inputs` (made by
    /// [`input`](Self::input)) and differentiated.
    pub(crate) fn through(
        &self,
        grad: &Tensor,
        needs: &[bool],
        inputs: &[Tensor],
        forward: impl FnOnce(&[Tensor]) -> Result<Tensor, TensorError>,
    ) -> Gradients {
        // Behind nodes of their own, which end the walk back.
        let inputs: Vec<Tensor> =
            inputs.iter().map(|input| input.detach().record("input", &[input], || Input)).collect();
        let output = forward(&inputs)?;
        let wanted: Vec<&Tensor> = inputs.iter().zip(needs).filter(|&(_, &needed)| needed).map(|(x, _)| x).collect();
        let options = GradOptions { grad_outputs: Some(&[grad]), create_graph: true, ..GradOptions::default() };
        let mut gradients = grad_with(&[&output], &wanted, options)?.into_iter();
        let gradient = |(input, &needed): (&Tensor, &bool)| {
            needed.then(|| gradients.next().flatten().unwrap_or_else(|| input.zeros_like()))
        };
        Ok(inputs.iter().zip(needs).map(gradient).collect())
    }

    /// The error of a rule that cannot be recorded.
    pub(crate) fn refuse(&self) -> TensorError {
        TensorError::autograd(
            self.node.name,
            "it has no second derivative: its gradient is computed by a kernel that is not recorded",
            "compose the function of operations that have one (docs/engine-ops.md lists them), or ask for first \
             derivatives only",
        )
    }
}

fn attach(value: &Tensor, edge: Option<Edge>) -> Tensor {
    let (node, leaf) = match edge {
        None => (None, OnceLock::new()),
        Some(Edge::Node(node)) => (Some(node), OnceLock::new()),
        Some(Edge::Leaf(leaf)) => (None, OnceLock::from(leaf)),
    };
    let Inner { storage, layout, dtype, .. } = &*value.0;
    Tensor(Arc::new(Inner { storage: Arc::clone(storage), layout: layout.clone(), dtype: *dtype, node, leaf }))
}

/// The identity.
struct Input;

impl Backward for Input {
    fn backward(&self, grad: &Tensor, _needs: &[bool]) -> Gradients {
        Ok(vec![Some(grad.clone())])
    }

    fn differentiable(&self, grad: &Tensor, needs: &[bool], _recording: &Recording) -> Gradients {
        self.backward(grad, needs)
    }
}
