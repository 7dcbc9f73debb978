//! Automatic differentiation, define-by-run.
//!
//! An operation on tensors that require gradients is recorded as a [`Node`]: its name, what its [`Backward`] needs
//! (saved values), and edges to whatever made its inputs. [`Tensor::backward`] walks the nodes from the newest to the
//! oldest, each exactly once and after everything that used its output, and frees each as soon as it is done with.
//! Neither the walk nor dropping a graph recurses: a chain of any length is fine.
//!
//! Gradients are recorded in turn where that is asked for ([`GradOptions::create_graph`]) and the rules allow it.

mod checkpoint;
mod engine;
mod graph;
mod hook;
mod jacobian;
mod mode;
mod recording;
mod saved;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

pub use checkpoint::{checkpoint, try_checkpoint};
pub use engine::{GradOptions, grad, grad_with};
pub use graph::RecordedOperation;
pub use jacobian::{hessian, jacobian};
pub use mode::{enable_grad, is_grad_enabled, no_grad};
pub(crate) use recording::Recording;
pub(crate) use saved::SavedTensor;

use crate::error::OrPanic;
use crate::tensor::Inner;
use crate::{Tensor, TensorError};

/// One gradient per input of an operation; `None` where it is not wanted.
pub(crate) type Gradients = Result<Vec<Option<Tensor>>, TensorError>;

/// The second half of a differentiable operation: from the gradient of its output to the gradients of its inputs.
pub(crate) trait Backward: Send + Sync {
    /// `grad` has the shape and dtype of the output. Returns one entry per input, in the order given to
    /// [`Tensor::record`]: the gradient in the shape of that input, or `None` where `needs` is false.
    fn backward(&self, grad: &Tensor, needs: &[bool]) -> Result<Vec<Option<Tensor>>, TensorError>;

    /// The same gradients, computed by recorded operations from values that `recording` attaches to the graph, so that
    /// they can be differentiated again. Refused by name where a rule does not provide it.
    fn differentiable(&self, _grad: &Tensor, _needs: &[bool], recording: &Recording) -> Gradients {
        Err(recording.refuse())
    }

    /// For a stretch of operations that was not recorded: computes it again, recorded, from its attached inputs. The walk
    /// then goes on at the result instead of calling [`backward`](Self::backward).
    fn recompute(&self, _recording: &Recording) -> Option<Result<Tensor, TensorError>> {
        None
    }
}

/// Where the gradient of an input goes.
#[derive(Clone)]
pub(crate) enum Edge {
    Node(Arc<Node>),
    Leaf(Arc<Leaf>),
}

/// A recorded operation.
pub(crate) struct Node {
    /// Later operations have larger numbers, so descending order is an order in which gradients can be computed.
    id: u64,
    pub(crate) name: &'static str,
    /// The type that computes the gradient.
    rule: &'static str,
    /// Taken by the backward pass that uses it, unless that retains the graph.
    recorded: Mutex<Option<Recorded>>,
}

#[derive(Clone)]
struct Recorded {
    edges: Vec<Option<Edge>>,
    backward: Arc<dyn Backward>,
}

/// A tensor whose gradient is kept: a parameter.
pub(crate) struct Leaf {
    requires_grad: AtomicBool,
    grad: Mutex<Option<Tensor>>,
}

impl Node {
    fn new<B: Backward + 'static>(name: &'static str, edges: Vec<Option<Edge>>, backward: B) -> Arc<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        let recorded = Recorded { edges, backward: Arc::new(backward) };
        Arc::new(Self { id, name, rule: std::any::type_name::<B>(), recorded: Mutex::new(Some(recorded)) })
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Recorded>> {
        self.recorded.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Node {
    /// Frees the nodes only this one kept alive, with a list instead of recursion: the chain may be long.
    fn drop(&mut self) {
        let recorded = |node: &mut Node| node.recorded.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        let mut pending: Vec<Recorded> = recorded(self).into_iter().collect();
        while let Some(Recorded { edges, .. }) = pending.pop() {
            for edge in edges.into_iter().flatten() {
                if let Edge::Node(node) = edge
                    && let Some(mut node) = Arc::into_inner(node)
                {
                    pending.extend(recorded(&mut node));
                }
            }
        }
    }
}

impl Leaf {
    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Tensor>> {
        self.grad.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tensor {
    /// Records that `self`, just computed, came out of the operation `name` applied to `inputs`.
    ///
    /// Nothing is recorded, and `backward` is not called, when no input requires gradients or inside [`no_grad`].
    pub(crate) fn record<B: Backward + 'static>(
        self,
        name: &'static str,
        inputs: &[&Tensor],
        backward: impl FnOnce() -> B,
    ) -> Tensor {
        if !is_grad_enabled() || !inputs.iter().any(|input| input.requires_grad()) {
            return self;
        }
        self.record_always(name, inputs, backward())
    }

    /// Like [`record`](Self::record), whatever the inputs require.
    fn record_always<B: Backward + 'static>(self, name: &'static str, inputs: &[&Tensor], backward: B) -> Tensor {
        let edges = inputs.iter().map(|input| input.edge()).collect();
        let node = Some(Node::new(name, edges, backward));
        let inner = Arc::try_unwrap(self.0).unwrap_or_else(|shared| Inner {
            storage: Arc::clone(&shared.storage),
            layout: shared.layout.clone(),
            dtype: shared.dtype,
            node: None,
            leaf: OnceLock::new(),
        });
        Self(Arc::new(Inner { node, ..inner }))
    }

    fn edge(&self) -> Option<Edge> {
        match (&self.0.node, self.0.leaf.get()) {
            (Some(node), _) => Some(Edge::Node(Arc::clone(node))),
            (None, Some(leaf)) if leaf.requires_grad.load(Ordering::Relaxed) => Some(Edge::Leaf(Arc::clone(leaf))),
            _ => None,
        }
    }

    /// Whether operations on this tensor are recorded, so that gradients reach it.
    pub fn requires_grad(&self) -> bool {
        self.0.node.is_some() || self.0.leaf.get().is_some_and(|leaf| leaf.requires_grad.load(Ordering::Relaxed))
    }

    /// Marks this tensor (all clones of it) as one whose gradient is wanted, or no longer; returns it.
    ///
    /// # Panics
    /// When the dtype is not a float, or when the tensor is the result of a recorded operation and `false` is given.
    #[track_caller]
    pub fn requires_grad_(&self, requires_grad: bool) -> Tensor {
        self.try_requires_grad_(requires_grad).or_panic()
    }

    /// Like [`requires_grad_`](Self::requires_grad_), with a mistake as an error.
    pub fn try_requires_grad_(&self, requires_grad: bool) -> Result<Tensor, TensorError> {
        if requires_grad && !self.dtype().is_float() {
            return Err(TensorError::needs_float("requires_grad_", self.dtype()));
        }
        if let Some(node) = &self.0.node {
            if !requires_grad {
                return Err(TensorError::autograd(
                    "requires_grad_",
                    format!("the tensor is the result of {}, only a leaf can stop requiring gradients", node.name),
                    "use detach() for a tensor outside the graph",
                ));
            }
            return Ok(self.clone());
        }
        let leaf = self
            .0
            .leaf
            .get_or_init(|| Arc::new(Leaf { requires_grad: AtomicBool::new(false), grad: Mutex::new(None) }));
        leaf.requires_grad.store(requires_grad, Ordering::Relaxed);
        Ok(self.clone())
    }

    /// The gradient accumulated by [`backward`](Self::backward): `None` before the first one, and always for the
    /// result of an operation.
    pub fn grad(&self) -> Option<Tensor> {
        self.0.leaf.get().and_then(|leaf| leaf.lock().clone())
    }

    /// Forgets the accumulated gradient.
    pub fn zero_grad(&self) {
        if let Some(leaf) = self.0.leaf.get() {
            *leaf.lock() = None;
        }
    }

    /// Replaces the accumulated gradient, as gradient clipping and averaging over machines need.
    ///
    /// # Panics
    /// When this tensor is not a leaf that requires gradients, or `grad` has another shape or dtype.
    #[track_caller]
    pub fn set_grad(&self, grad: &Tensor) {
        self.try_set_grad(grad).or_panic();
    }

    /// Like [`set_grad`](Self::set_grad), with a mistake as an error.
    pub fn try_set_grad(&self, grad: &Tensor) -> Result<(), TensorError> {
        let Some(leaf) = self.0.leaf.get().filter(|_| self.requires_grad()) else {
            return Err(TensorError::autograd(
                "set_grad",
                "the tensor is not a leaf that requires gradients",
                "call requires_grad_(true) on it first",
            ));
        };
        engine::check_gradient("set_grad", self, grad)?;
        *leaf.lock() = Some(grad.detach());
        Ok(())
    }

    /// The same elements outside the graph: no gradient flows through. Shares memory.
    pub fn detach(&self) -> Tensor {
        Self::from_parts(Arc::clone(&self.0.storage), self.0.layout.clone(), self.0.dtype)
    }
}
