//! A graph of scalar operations as plain data: its values and its gradients.

use crate::exercises::arguments::{floats, int, whole_numbers};
use crate::value::Value;

/// What a node does. The number is its code in the arrays of a call.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Operation {
    /// A number that is given.
    Input = 0,
    /// Left plus right.
    Add = 1,
    /// Left times right.
    Multiply = 2,
    /// Left to the power of a number that is given.
    Power = 3,
    /// Exponential of left.
    Exp = 4,
    /// Hyperbolic tangent of left.
    Tanh = 5,
    /// Left, or 0 where it is negative.
    Relu = 6,
}

use Operation::{Add, Exp, Input, Multiply, Power, Relu, Tanh};

/// One node.
#[derive(Clone, Debug)]
pub(super) struct Node {
    /// What it does.
    pub(super) operation: Operation,
    /// The nodes it takes, left before right: none, one or two.
    pub(super) operands: Vec<usize>,
    /// Value of an input, exponent of a power.
    pub(super) number: f64,
}

/// The nodes, in any order, and the one whose derivatives are asked for.
#[derive(Clone, Debug, Default)]
pub(super) struct Graph {
    /// All nodes.
    pub(super) nodes: Vec<Node>,
    /// The node that is differentiated.
    pub(super) root: usize,
}

/// An operand with the derivative of the node by it.
pub(super) type Slope = (usize, f64);

impl Graph {
    /// Adds a node and returns its index.
    pub(super) fn push(&mut self, operation: Operation, operands: &[usize], number: f64) -> usize {
        self.nodes.push(Node { operation, operands: operands.to_vec(), number });
        self.root = self.nodes.len() - 1;
        self.root
    }

    /// Adds a given number.
    pub(super) fn input(&mut self, number: f64) -> usize {
        self.push(Input, &[], number)
    }

    /// The same graph with node `k` at place `places[k]`.
    pub(super) fn rearranged(&self, places: &[usize]) -> Graph {
        let mut nodes = self.nodes.clone();
        for (node, &place) in self.nodes.iter().zip(places) {
            nodes[place] = Node { operands: node.operands.iter().map(|&at| places[at]).collect(), ..node.clone() };
        }
        Graph { nodes, root: places[self.root] }
    }

    /// The arguments op, left, right, number, root; -1 stands for an operand that is not there.
    pub(super) fn arguments(&self) -> Vec<Value> {
        let count = [self.nodes.len()];
        let operand = |place: usize| {
            let at = |node: &Node| node.operands.get(place).map_or(-1, |&at| at as i64);
            Value::array(&count, self.nodes.iter().map(at).collect())
        };
        let codes = self.nodes.iter().map(|node| node.operation as i64).collect();
        let numbers = self.nodes.iter().map(|node| node.number).collect();
        let root = Value::Int(self.root as i64);
        vec![Value::array(&count, codes), operand(0), operand(1), Value::array::<f64>(&count, numbers), root]
    }

    /// From the arguments op, left, right, number, root; `None` if they are no graph.
    pub(super) fn new(arguments: &[Value]) -> Option<Graph> {
        let array = |index: usize| whole_numbers::<ndarray::Ix1>(arguments, index);
        let (codes, left, right) = (array(0), array(1), array(2));
        let number = floats::<ndarray::Ix1>(arguments, 3);
        let count = codes.len();
        if [left.len(), right.len(), number.len()] != [count; 3] {
            return None;
        }
        let place = |at: i64| usize::try_from(at).ok().filter(|&at| at < count);
        let node = |k: usize| {
            let operation =
                [Input, Add, Multiply, Power, Exp, Tanh, Relu].get(usize::try_from(codes[k]).ok()?).copied()?;
            let operands = match operation {
                Input => Vec::new(),
                Add | Multiply => vec![place(left[k])?, place(right[k])?],
                _ => vec![place(left[k])?],
            };
            Some(Node { operation, operands, number: number[k] })
        };
        let nodes = (0..count).map(node).collect::<Option<Vec<Node>>>()?;
        let graph = Graph { nodes, root: place(int(arguments, 4))? };
        graph.order()?;
        Some(graph)
    }

    /// All nodes, operands before those that take them; those that the root needs come first, and the root is the last
    /// of them. `None` if there is a circle.
    pub(super) fn order(&self) -> Option<Vec<usize>> {
        #[derive(Clone, Copy, PartialEq)]
        enum State {
            New,
            Open,
            Done,
        }
        let mut state = vec![State::New; self.nodes.len()];
        let mut order = Vec::new();
        for start in std::iter::once(self.root).chain(0..self.nodes.len()) {
            // Nodes with the number of their operands that have been visited; a stack of our own has no depth limit.
            let mut stack = if state[start] == State::New { vec![(start, 0)] } else { Vec::new() };
            while let Some((node, visited)) = stack.pop() {
                state[node] = State::Open;
                match self.nodes[node].operands.get(visited) {
                    Some(&operand) => {
                        stack.push((node, visited + 1));
                        match state[operand] {
                            State::New => stack.push((operand, 0)),
                            State::Open => return None,
                            State::Done => {}
                        }
                    }
                    None => {
                        state[node] = State::Done;
                        order.push(node);
                    }
                }
            }
        }
        Some(order)
    }

    /// The nodes that the root needs, operands before those that take them.
    pub(super) fn needed(&self) -> Vec<usize> {
        let order = self.order().unwrap_or_default();
        let end = order.iter().position(|&node| node == self.root).map_or(0, |at| at + 1);
        order[..end].to_vec()
    }

    /// The value of a node from those of its operands.
    pub(super) fn value(&self, node: usize, values: &[f64]) -> f64 {
        let Node { operation, operands, number } = &self.nodes[node];
        let operand = |place: usize| values[operands[place]];
        match operation {
            Input => *number,
            Add => operand(0) + operand(1),
            Multiply => operand(0) * operand(1),
            Power => operand(0).powf(*number),
            Exp => operand(0).exp(),
            Tanh => operand(0).tanh(),
            Relu => operand(0).max(0.0),
        }
    }

    /// All values, computed in the order given.
    pub(super) fn values(&self, order: impl IntoIterator<Item = usize>) -> Vec<f64> {
        let mut values = vec![0.0; self.nodes.len()];
        for node in order {
            values[node] = self.value(node, &values);
        }
        values
    }

    /// The operands of a node, each with the derivative of the node by it.
    pub(super) fn slopes(&self, node: usize, values: &[f64]) -> Vec<Slope> {
        let Node { operation, operands, number } = &self.nodes[node];
        let (own, operand) = (values[node], |place: usize| values[operands[place]]);
        let slopes = match operation {
            Input => vec![],
            Add => vec![1.0, 1.0],
            Multiply => vec![operand(1), operand(0)],
            Power => vec![number * operand(0).powf(number - 1.0)],
            Exp => vec![own],
            Tanh => vec![1.0 - own * own],
            Relu => vec![if operand(0) > 0.0 { 1.0 } else { 0.0 }],
        };
        operands.iter().copied().zip(slopes).collect()
    }
}
