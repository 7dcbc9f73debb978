//! Looking at the recorded graph, as a lab that draws it does.

use std::collections::HashMap;
use std::sync::Arc;

use super::{Edge, Node};
use crate::Tensor;

/// One operation of a recorded graph.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedOperation {
    /// The name of the operation.
    pub name: &'static str,
    /// The name of the type that computes its gradient.
    pub rule: &'static str,
    /// For each input the position in the list of the operation that made it; `None` for parameters and for tensors
    /// outside the graph.
    pub inputs: Vec<Option<usize>>,
}

impl Tensor {
    /// The operations that led to this tensor, each after those its inputs came from; the last one made this tensor.
    /// Empty when nothing was recorded.
    ///
    /// ```
    /// use striate_tensor::Tensor;
    /// let x = Tensor::scalar(2.0f32).requires_grad_(true);
    /// let names: Vec<_> = x.square().exp().graph().iter().map(|operation| operation.name).collect();
    /// assert_eq!(names, ["square", "exp"]);
    /// ```
    pub fn graph(&self) -> Vec<RecordedOperation> {
        let mut nodes: HashMap<u64, Arc<Node>> = HashMap::new();
        let mut pending: Vec<Arc<Node>> = self.0.node.iter().cloned().collect();
        while let Some(node) = pending.pop() {
            if nodes.insert(node.id, Arc::clone(&node)).is_none() {
                let recorded = node.lock();
                let edges = recorded.iter().flat_map(|recorded| recorded.edges.iter().flatten());
                pending.extend(edges.filter_map(|edge| match edge {
                    Edge::Node(node) => Some(Arc::clone(node)),
                    Edge::Leaf(_) => None,
                }));
            }
        }
        let mut order: Vec<u64> = nodes.keys().copied().collect();
        order.sort_unstable();
        let position: HashMap<u64, usize> = order.iter().enumerate().map(|(i, &id)| (id, i)).collect();
        let inputs = |node: &Node| match node.lock().as_ref() {
            None => Vec::new(),
            Some(recorded) => recorded
                .edges
                .iter()
                .map(|edge| match edge {
                    Some(Edge::Node(node)) => position.get(&node.id).copied(),
                    _ => None,
                })
                .collect(),
        };
        let describe = |id| {
            let node: &Node = &nodes[id];
            let plain = node.rule.split('<').next().unwrap_or(node.rule);
            let rule = plain.rsplit("::").next().unwrap_or(plain);
            RecordedOperation { name: node.name, rule, inputs: inputs(node) }
        };
        order.iter().map(describe).collect()
    }
}
