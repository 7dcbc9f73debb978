//! The backward pass.

use std::collections::{BinaryHeap, HashMap};
use std::sync::Arc;

use super::{Edge, Leaf, Node, Recorded, Recording, enable_grad, no_grad};
use crate::error::OrPanic;
use crate::{Tensor, TensorError};

impl Tensor {
    /// Computes the gradient of this one-element tensor with respect to every leaf that requires gradients, and adds it
    /// to what the leaves have in [`grad`](Self::grad). The graph is freed on the way.
    ///
    /// # Panics
    /// When the tensor has more than one element, does not require gradients, its graph was freed by an earlier
    /// backward, or a value the gradient needs was modified in place.
    #[track_caller]
    pub fn backward(&self) {
        self.try_backward().or_panic();
    }

    /// Like [`backward`](Self::backward), with a mistake as an error.
    pub fn try_backward(&self) -> Result<(), TensorError> {
        check_single(self)?;
        self.try_backward_with(&self.ones_like())
    }

    /// Like [`backward`](Self::backward) for a tensor of any shape, given `gradient`, the gradient of the final number
    /// with respect to it.
    #[track_caller]
    pub fn backward_with(&self, gradient: &Tensor) {
        self.try_backward_with(gradient).or_panic();
    }

    /// Like [`backward_with`](Self::backward_with), with a mistake as an error.
    pub fn try_backward_with(&self, gradient: &Tensor) -> Result<(), TensorError> {
        check_gradient("backward", self, gradient)?;
        let edge = self.edge().ok_or_else(|| no_graph("backward"))?;
        run(vec![(edge, gradient.detach())], None, Keep::Nothing)
    }

    /// Like [`backward`](Self::backward), but keeps the graph and what it saved, so that backward can be called again:
    /// gradients add up. The last call should be the plain one, which frees.
    ///
    /// ```
    /// use striate_tensor::Tensor;
    /// let x = Tensor::scalar(3.0f32).requires_grad_(true);
    /// let y = x.square();
    /// y.backward_retain_graph();
    /// y.backward();
    /// assert_eq!(x.grad().unwrap().item::<f32>(), 12.0);
    /// ```
    ///
    /// # Panics
    /// As [`backward`](Self::backward).
    #[track_caller]
    pub fn backward_retain_graph(&self) {
        self.try_backward_retain_graph().or_panic();
    }

    /// Like [`backward_retain_graph`](Self::backward_retain_graph), with a mistake as an error.
    pub fn try_backward_retain_graph(&self) -> Result<(), TensorError> {
        check_single(self)?;
        let edge = self.edge().ok_or_else(|| no_graph("backward"))?;
        run(vec![(edge, self.ones_like())], None, Keep::Graph)
    }
}

/// Backward starts from one number, unless a gradient is given.
fn check_single(tensor: &Tensor) -> Result<(), TensorError> {
    if tensor.numel() == 1 {
        return Ok(());
    }
    Err(TensorError::autograd(
        "backward",
        format!("starts from a single number, got shape {:?}", tensor.shape()),
        "reduce the loss first (mean_all or sum_all), or say what the gradient of this tensor is: \
         backward_with(&gradient)",
    ))
}

/// The gradients of the sum of all elements of `outputs` with respect to each of `inputs`, without touching what leaves
/// have accumulated. `None` for an input that no output depends on. The graph is freed on the way.
///
/// Inputs may be leaves or results of operations.
///
/// ```
/// use striate_tensor::{Tensor, grad};
/// let x = Tensor::from_slice(&[3.0f64], &[1]).requires_grad_(true);
/// let gradients = grad(&[&x.square()], &[&x])?;
/// assert_eq!(gradients[0].as_ref().unwrap().to_vec::<f64>(), [6.0]);
/// # Ok::<(), striate_tensor::TensorError>(())
/// ```
///
/// # Errors
/// When an input or every output does not require gradients, the graph was freed, or a value the gradient needs was
/// modified in place.
pub fn grad(outputs: &[&Tensor], inputs: &[&Tensor]) -> Result<Vec<Option<Tensor>>, TensorError> {
    grad_with(outputs, inputs, GradOptions::default())
}

/// Settings of [`grad_with`]; the default is that of [`grad`].
#[derive(Clone, Copy, Debug, Default)]
pub struct GradOptions<'a> {
    /// For each output the gradient of the final number with respect to it, in its shape; ones where not given.
    pub grad_outputs: Option<&'a [&'a Tensor]>,
    /// Keeps the graph and what it saved, so that it can be walked again.
    pub retain_graph: bool,
    /// Records the computation of the gradients, so that they can be differentiated in turn; keeps the graph. Operations
    /// without a second derivative refuse by name.
    pub create_graph: bool,
}

/// Like [`grad`], with a choice of what is multiplied in and what is kept.
///
/// Second derivatives are gradients of gradients:
///
/// ```
/// use striate_tensor::{GradOptions, Tensor, grad, grad_with};
/// let x = Tensor::scalar(2.0f64).requires_grad_(true);
/// let options = GradOptions { create_graph: true, ..GradOptions::default() };
/// let first = grad_with(&[&x.pow(3.0)], &[&x], options)?[0].clone().unwrap();
/// let second = grad(&[&first], &[&x])?[0].clone().unwrap();
/// assert_eq!((first.item::<f64>(), second.item::<f64>()), (12.0, 12.0));
/// # Ok::<(), striate_tensor::TensorError>(())
/// ```
///
/// There is no `backward` that records: a parameter would hold a gradient that holds the graph that holds the parameter,
/// and none of them would ever be freed. Call `backward` on what is made of the gradients given here.
///
/// # Errors
/// As [`grad`]; also when `grad_outputs` does not fit the outputs, or, with `create_graph`, for an operation that has no
/// second derivative.
pub fn grad_with(
    outputs: &[&Tensor],
    inputs: &[&Tensor],
    options: GradOptions,
) -> Result<Vec<Option<Tensor>>, TensorError> {
    let mut wanted = Wanted { keys: HashMap::new(), found: vec![None; inputs.len()], floor: Some(u64::MAX) };
    for (i, input) in inputs.iter().enumerate() {
        let edge = input.edge().ok_or_else(|| {
            TensorError::autograd(
                "grad",
                format!("input {i} does not require gradients"),
                "call requires_grad_(true) on it before computing the outputs",
            )
        })?;
        wanted.add(key(&edge), i);
    }
    if let Some(given) = options.grad_outputs.filter(|given| given.len() != outputs.len()) {
        return Err(TensorError::argument(
            "grad",
            format!("{} outputs, but gradients for {} of them", outputs.len(), given.len()),
            "give one gradient per output, or none at all for ones",
        ));
    }
    let mut roots = Vec::with_capacity(outputs.len());
    for (i, output) in outputs.iter().enumerate() {
        let gradient = match options.grad_outputs {
            None => output.ones_like(),
            Some(given) => {
                check_gradient("grad", output, given[i])?;
                if options.create_graph { given[i].clone() } else { given[i].detach() }
            }
        };
        roots.extend(output.edge().map(|edge| (edge, gradient)));
    }
    if roots.is_empty() {
        return Err(no_graph("grad"));
    }
    let keep = match options {
        GradOptions { create_graph: true, .. } => Keep::Recorded,
        GradOptions { retain_graph: true, .. } => Keep::Graph,
        _ => Keep::Nothing,
    };
    run(roots, Some(&mut wanted), keep)?;
    Ok(wanted.found)
}

/// What a walk leaves behind.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Keep {
    /// Nodes are freed as they are used.
    Nothing,
    /// The graph stays as it was.
    Graph,
    /// The graph stays, and the gradients are recorded as well.
    Recorded,
}

/// The inputs [`grad`] was asked about.
struct Wanted {
    keys: HashMap<Key, Vec<usize>>,
    found: Vec<Option<Tensor>>,
    /// When only results of operations are asked for: nothing older than the oldest of them matters.
    floor: Option<u64>,
}

impl Wanted {
    fn add(&mut self, key: Key, input: usize) {
        self.floor = match (&key, self.floor) {
            (Key::Node(id), Some(floor)) => Some(floor.min(*id)),
            _ => None,
        };
        self.keys.entry(key).or_default().push(input);
    }

    /// Whether nothing that was asked for lies at or behind `edge`.
    fn is_past(&self, edge: &Edge) -> bool {
        match (self.floor, edge) {
            (None, _) => false,
            (Some(_), Edge::Leaf(_)) => true,
            (Some(floor), Edge::Node(node)) => node.id < floor,
        }
    }

    fn offer(&mut self, key: Key, gradient: &Tensor) {
        for &i in self.keys.get(&key).into_iter().flatten() {
            self.found[i] = Some(gradient.clone());
        }
    }
}

#[derive(PartialEq, Eq, Hash)]
enum Key {
    Node(u64),
    Leaf(*const Leaf),
}

fn key(edge: &Edge) -> Key {
    match edge {
        Edge::Node(node) => Key::Node(node.id),
        Edge::Leaf(leaf) => Key::Leaf(Arc::as_ptr(leaf)),
    }
}

/// Nodes that have a gradient and wait for their turn.
#[derive(Default)]
struct Pending {
    order: BinaryHeap<u64>,
    nodes: HashMap<u64, (Arc<Node>, Option<Tensor>)>,
}

impl Pending {
    fn add(&mut self, node: Arc<Node>, gradient: Tensor, keep: Keep) -> Result<(), TensorError> {
        let id = node.id;
        let slot = self.nodes.entry(id).or_insert_with(|| {
            self.order.push(id);
            (node, None)
        });
        accumulate(&mut slot.1, gradient, keep)
    }

    fn pop(&mut self) -> Option<(Arc<Node>, Tensor)> {
        let (node, gradient) = self.nodes.remove(&self.order.pop()?)?;
        Some((node, gradient?))
    }
}

fn run(roots: Vec<(Edge, Tensor)>, wanted: Option<&mut Wanted>, keep: Keep) -> Result<(), TensorError> {
    let walk = || walk(roots, wanted, keep);
    if keep == Keep::Recorded { enable_grad(walk) } else { no_grad(walk) }
}

fn walk(roots: Vec<(Edge, Tensor)>, mut wanted: Option<&mut Wanted>, keep: Keep) -> Result<(), TensorError> {
    let mut pending = Pending::default();
    let mut leaves: HashMap<*const Leaf, (Arc<Leaf>, Option<Tensor>)> = HashMap::new();
    let mut deliver = |pending: &mut Pending, edge: Edge, gradient: Tensor| match (edge, &wanted) {
        (edge, Some(wanted)) if wanted.is_past(&edge) => Ok(()),
        (Edge::Node(node), _) => pending.add(node, gradient, keep),
        (Edge::Leaf(leaf), None) => accumulate(&mut leaf.lock(), dense(gradient), keep),
        (Edge::Leaf(leaf), Some(_)) => {
            accumulate(&mut leaves.entry(Arc::as_ptr(&leaf)).or_insert((leaf, None)).1, dense(gradient), keep)
        }
    };
    let mut captured = Vec::new();
    for (edge, gradient) in roots {
        deliver(&mut pending, edge, gradient)?;
    }
    while let Some((node, gradient)) = pending.pop() {
        if wanted.as_ref().is_some_and(|wanted| wanted.keys.contains_key(&Key::Node(node.id))) {
            captured.push((node.id, gradient.clone()));
            if wanted.as_ref().is_some_and(|wanted| wanted.floor == Some(node.id)) {
                continue;
            }
        }
        let recorded = if keep == Keep::Nothing { node.lock().take() } else { node.lock().clone() };
        let recorded = recorded.ok_or_else(|| freed(node.name))?;
        let recording = Recording { node: &node, edges: &recorded.edges };
        if let Some(output) = recorded.backward.recompute(&recording) {
            if let Some(edge) = output?.edge() {
                deliver(&mut pending, edge, gradient)?;
            }
            continue;
        }
        for (edge, gradient) in step(&node, recorded, gradient, keep)? {
            deliver(&mut pending, edge, gradient)?;
        }
    }
    if let Some(wanted) = &mut wanted {
        for (id, gradient) in captured {
            wanted.offer(Key::Node(id), &gradient);
        }
        for (pointer, (_, gradient)) in leaves {
            if let Some(gradient) = gradient {
                wanted.offer(Key::Leaf(pointer), &gradient);
            }
        }
    }
    Ok(())
}

/// Runs the backward of one node; its saved values are freed on return, unless the node retains them.
fn step(
    node: &Arc<Node>,
    recorded: Recorded,
    gradient: Tensor,
    keep: Keep,
) -> Result<Vec<(Edge, Tensor)>, TensorError> {
    let Recorded { edges, backward } = recorded;
    let needs: Vec<bool> = edges.iter().map(Option::is_some).collect();
    let gradients = if keep == Keep::Recorded {
        backward.differentiable(&gradient, &needs, &Recording { node, edges: &edges })?
    } else {
        backward.backward(&gradient, &needs)?
    };
    assert_eq!(gradients.len(), edges.len(), "{}: backward must return one entry per input", node.name);
    let mut delivered = Vec::with_capacity(edges.len());
    for (i, (edge, gradient)) in edges.into_iter().zip(gradients).enumerate() {
        let Some(edge) = edge else { continue };
        // An operation without a gradient for an input says so with an error; forgetting it must not pass in silence.
        let gradient = gradient.ok_or_else(|| {
            TensorError::autograd(
                node.name,
                format!("no gradient is defined for input {i}"),
                "detach() that input, or compose the operation from differentiable ones",
            )
        })?;
        delivered.push((edge, gradient));
    }
    Ok(delivered)
}

/// A gradient to keep: views with gaps or repeated elements are copied out.
fn dense(gradient: Tensor) -> Tensor {
    if gradient.layout().is_dense() { gradient } else { gradient.contiguous() }
}

/// Adds `gradient` to what is there, in place where nobody else can see it.
fn accumulate(slot: &mut Option<Tensor>, gradient: Tensor, keep: Keep) -> Result<(), TensorError> {
    *slot = Some(match slot.take() {
        None => gradient,
        Some(sum) if sum.shape() != gradient.shape() || sum.dtype() != gradient.dtype() => {
            unreachable!("gradients of one tensor differ: {:?} and {:?}", sum.shape(), gradient.shape())
        }
        Some(sum) if keep == Keep::Recorded => sum.try_add(&gradient)?,
        Some(sum) => crate::ops::arithmetic::add_into(sum, &gradient)?,
    });
    Ok(())
}

pub(super) fn check_gradient(op: &'static str, tensor: &Tensor, gradient: &Tensor) -> Result<(), TensorError> {
    if tensor.shape() != gradient.shape() {
        return Err(TensorError::shape(
            op,
            format!("the tensor is {:?}, the gradient given is {:?}", tensor.shape(), gradient.shape()),
            "a gradient has the shape of the tensor it belongs to",
        ));
    }
    if tensor.dtype() != gradient.dtype() {
        return Err(TensorError::dtypes_differ(op, tensor.dtype(), gradient.dtype()));
    }
    Ok(())
}

fn no_graph(op: &'static str) -> TensorError {
    TensorError::autograd(
        op,
        "nothing was recorded: the tensor does not depend on any that requires gradients",
        "call requires_grad_(true) on the parameters before the forward pass, and compute the loss outside no_grad",
    )
}

fn freed(name: &'static str) -> TensorError {
    TensorError::autograd(
        "backward",
        format!("the graph was freed: the record of {name} was used by an earlier backward"),
        "compute the loss again before calling backward again, or call backward_retain_graph first; to sum two losses, \
         add them and call backward once",
    )
}
