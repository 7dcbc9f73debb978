//! `value_autograd`: reverse-mode differentiation of any graph.

use std::collections::VecDeque;

use super::graph::{Graph, Operation, Slope};
use crate::exercise::{Exercise, Kind, Misconception, Outcome, Parameter, Probe, Signature};
use crate::exercises::arguments::{f64_array, i64_array, int_named, rejects, returns};
use crate::exercises::numbers::Numbers;
use crate::value::Value;

/// The exercise.
pub static VALUE_AUTOGRAD: Exercise = Exercise {
    id: "value_autograd",
    station: "autograd-graph",
    task: "A graph of scalar operations is given as arrays. Node k does op[k] with the nodes left[k] and right[k]:\n\
           0 input: number[k]; 1: left + right; 2: left * right; 3: left ** number[k]; 4: exp(left); 5: tanh(left);\n\
           6: relu(left), max(left, 0), with slope 0 at 0. An operand that is not there is -1.\n\
           Return the value of every node, and grad: for every node, the derivative of node `root` by it (1 for the root\n\
           itself, 0 for nodes that the root does not depend on). The nodes may stand in any order, an operand after the\n\
           node that takes it too, and a node may be used many times. Chains can be thousands of nodes long.",
    signature: Signature {
        name: "value_autograd",
        parameters: &[
            i64_array("op", &["K"], "code of each node's operation, 0 to 6"),
            i64_array("left", &["K"], "index of the first operand, -1 if there is none"),
            i64_array("right", &["K"], "index of the second operand, -1 if there is none"),
            f64_array("number", &["K"], "value of an input, exponent of a power"),
            int_named("root", "index of the node that is differentiated"),
        ],
        returns: Parameter {
            name: "values and gradients",
            kind: Kind::Tuple(&[
                f64_array("value", &["K"], "value of each node"),
                f64_array("grad", &["K"], "derivative of the root by each node"),
            ]),
            meaning: "values and gradients",
        },
    },
    probes,
    reference,
    misconceptions: MISCONCEPTIONS,
    hints: &[
        "Are the values right and only the gradients wrong? Then look at a node that is used twice: what should its \
         gradient be, in terms of those of its two users?",
        "Find an order first in which every node comes after its operands: visit the root, before it its operands, before \
         them theirs (with a stack of your own; recursion ends at about 1000). Values in that order; then grad[root] = 1 \
         and, in the reverse order, grad[operand] += grad[node] * (slope of node by operand).",
        "Nodes: 0: input 3, 1: node 0 * node 0, 2: node 1 + node 0, root 2. Values 3, 9, 12.\n\
         grad[2] = 1. Node 2 gives 1 to node 1 and 1 to node 0. Node 1 gives 1 * 3 to node 0 as left and again 1 * 3 as \
         right: grad[0] = 1 + 3 + 3 = 7, which is 2 x + 1 at x = 3.",
    ],
    ..Exercise::DEFAULTS
};

use Operation::{Add, Exp, Multiply, Power, Relu, Tanh};

/// Length of the long chain; Python's recursion ends at about 1000.
const CHAIN: usize = 3000;
/// Recursion deeper than this fails in Python.
const RECURSION: usize = 900;

fn probes() -> Vec<Probe> {
    let mut probes = Vec::new();
    let mut graph = Graph::default();
    let (a, b, c) = (graph.input(2.0), graph.input(-3.0), graph.input(10.0));
    let product = graph.push(Multiply, &[a, b], 0.0);
    graph.push(Add, &[product, c], 0.0);
    probes.push(Probe::ordinary("a * b + c", graph.arguments()));

    let mut graph = Graph::default();
    let x = graph.input(3.0);
    let square = graph.push(Multiply, &[x, x], 0.0);
    graph.push(Add, &[square, x], 0.0);
    probes.push(Probe::ordinary("x * x + x", graph.arguments()));

    let mut graph = Graph::default();
    let (a, b) = (graph.input(0.5), graph.input(-0.8));
    let grown = graph.push(Exp, &[a], 0.0);
    let cube = graph.push(Power, &[b], 3.0);
    let product = graph.push(Multiply, &[grown, cube], 0.0);
    let sum = graph.push(Add, &[product, a], 0.0);
    let bent = graph.push(Tanh, &[sum], 0.0);
    let shifted = graph.push(Add, &[bent, grown], 0.0);
    graph.push(Relu, &[shifted], 0.0);
    probes.push(Probe::ordinary("every operation once or twice", graph.arguments()));

    let graph = diamond();
    probes.push(Probe::ordinary("a diamond: two ways from x to the root, one longer", graph.arguments()));
    let places = [3, 0, 4, 1, 5, 2];
    probes.push(Probe::ordinary("the same diamond, its nodes in another order", graph.rearranged(&places).arguments()));
    for (stream, label) in [(411, "14 random nodes in any order"), (413, "another 14 random nodes in any order")] {
        probes.push(Probe::ordinary(label, random(&mut Numbers::stream(stream), 14).arguments()));
    }
    probes.extend(hard_probes());
    probes
}

fn hard_probes() -> Vec<Probe> {
    let mut inner = diamond();
    inner.root = 2;
    let mut lonely = Graph::default();
    lonely.input(4.0);
    let mut kinks = Graph::default();
    let (zero, minus) = (kinks.input(0.0), kinks.input(-2.0));
    let (flat, off) = (kinks.push(Relu, &[zero], 0.0), kinks.push(Relu, &[minus], 0.0));
    let sum = kinks.push(Add, &[flat, off], 0.0);
    kinks.push(Add, &[sum, zero], 0.0);
    let mut powers = Graph::default();
    let x = powers.input(4.0);
    let (root, inverse) = (powers.push(Power, &[x], 0.5), powers.push(Power, &[x], -1.0));
    powers.push(Multiply, &[root, inverse], 0.0);
    let mut doubling = Graph::default();
    let mut last = doubling.input(0.75);
    for _ in 0..10 {
        last = doubling.push(Add, &[last, last], 0.0);
    }
    let mut chain = Graph::default();
    let (mut last, step) = (chain.input(1.0), chain.input(0.001));
    for _ in 2..CHAIN {
        last = chain.push(Add, &[last, step], 0.0);
    }
    vec![
        Probe::hard("the root is an input, the only node", lonely.arguments()),
        Probe::hard("a root in the middle of the graph", inner.arguments()),
        Probe::hard("relu at exactly 0", kinks.arguments()),
        Probe::hard("a square root and a reciprocal", powers.arguments()),
        Probe::hard("ten doublings: 1024 ways to the root", doubling.arguments()),
        Probe::hard("a chain of 3000 nodes", chain.arguments()),
    ]
}

/// x, exp(x) and a product of both with more on the way; node 2 is in the middle.
fn diamond() -> Graph {
    let mut graph = Graph::default();
    let x = graph.input(0.6);
    let y = graph.input(-1.5);
    let grown = graph.push(Exp, &[x], 0.0);
    let product = graph.push(Multiply, &[grown, y], 0.0);
    let bent = graph.push(Tanh, &[product], 0.0);
    graph.push(Multiply, &[bent, x], 0.0);
    graph
}

/// A random graph in which many nodes are shared, in an order in which operands may come last.
fn random(numbers: &mut Numbers, count: usize) -> Graph {
    let mut graph = Graph::default();
    for _ in 0..3 {
        let number = numbers.real(-1.5, 1.5);
        graph.input(number);
    }
    let operations = [Add, Multiply, Tanh, Power, Multiply, Exp, Add, Relu, Tanh, Multiply];
    for k in 3..count {
        let mut earlier = || numbers.integer((k as i64 - 5).max(0), k as i64 - 1) as usize;
        let (left, right) = (earlier(), earlier());
        match operations[(k - 3) % operations.len()] {
            operation @ (Add | Multiply) => graph.push(operation, &[left, right], 0.0),
            Power => graph.push(Power, &[left], 2.0),
            operation => graph.push(operation, &[left], 0.0),
        };
    }
    let mut places: Vec<usize> = (0..count).collect();
    for last in (1..count).rev() {
        places.swap(last, numbers.integer(0, last as i64) as usize);
    }
    graph.rearranged(&places)
}

fn pair(values: Vec<f64>, gradients: Vec<f64>) -> Outcome {
    let array = |numbers: Vec<f64>| Value::array(&[numbers.len()], numbers);
    returns(Value::Tuple(vec![array(values), array(gradients)]))
}

/// Runs a way of differentiating on the graph of a call, with its values.
fn with_graph(arguments: &[Value], gradients: impl FnOnce(&Graph, &[f64]) -> Vec<f64>) -> Outcome {
    let Some(graph) = Graph::new(arguments) else { return rejects("the arrays are no graph") };
    let values = graph.values(graph.order().unwrap_or_default());
    let gradients = gradients(&graph, &values);
    pair(values, gradients)
}

/// Zeros with a one at the root.
fn seed(graph: &Graph) -> Vec<f64> {
    let mut gradients = vec![0.0; graph.nodes.len()];
    gradients[graph.root] = 1.0;
    gradients
}

/// Accumulates gradients over the nodes in the order given, from slopes given.
fn accumulate(
    mut gradients: Vec<f64>,
    order: impl IntoIterator<Item = usize>,
    slopes: impl Fn(usize) -> Vec<Slope>,
) -> Vec<f64> {
    for node in order {
        for (operand, slope) in slopes(node) {
            gradients[operand] += gradients[node] * slope;
        }
    }
    gradients
}

fn backward(graph: &Graph, values: &[f64]) -> Vec<f64> {
    accumulate(seed(graph), graph.needed().into_iter().rev(), |node| graph.slopes(node, values))
}

fn reference(arguments: &[Value]) -> Outcome {
    with_graph(arguments, backward)
}

/// The right algorithm with another slope for one operation, from the operand's value, the node's and its exponent.
fn with_slope(arguments: &[Value], wrong: Operation, slope: fn(f64, f64, f64) -> f64) -> Outcome {
    with_graph(arguments, |graph, values| {
        accumulate(seed(graph), graph.needed().into_iter().rev(), |node| {
            let mut slopes = graph.slopes(node, values);
            if graph.nodes[node].operation == wrong {
                for (operand, of_operand) in &mut slopes {
                    *of_operand = slope(values[*operand], values[node], graph.nodes[node].number);
                }
            }
            slopes
        })
    })
}

/// The nodes by their distance from the root, each once.
fn breadth_first(graph: &Graph) -> Vec<usize> {
    let mut seen = vec![false; graph.nodes.len()];
    let (mut queue, mut order) = (VecDeque::from([graph.root]), Vec::new());
    seen[graph.root] = true;
    while let Some(node) = queue.pop_front() {
        order.push(node);
        for &operand in &graph.nodes[node].operands {
            if !std::mem::replace(&mut seen[operand], true) {
                queue.push_back(operand);
            }
        }
    }
    order
}

/// Every node hands on what it has as soon as it gets something.
fn pushed_at_once(graph: &Graph, values: &[f64]) -> Vec<f64> {
    let mut gradients = seed(graph);
    let mut stack = vec![(graph.root, 0)];
    while let Some((node, handed)) = stack.pop() {
        if let Some(&(operand, slope)) = graph.slopes(node, values).get(handed) {
            gradients[operand] += gradients[node] * slope;
            stack.push((node, handed + 1));
            stack.push((operand, 0));
        }
    }
    gradients
}

const MISCONCEPTIONS: &[Misconception] = &[
    Misconception {
        id: "gradient-overwritten",
        title: "a node's gradient is set by its last user, not summed over its users",
        explanation: "A node that is used twice reaches the root by two ways, and its derivative is the sum over the ways. grad = ... forgets all \
                      but one; it has to be grad += ..., starting from zero.",
        question: "x is used by two nodes. Where do their two contributions come together in your code?",
        see: ("cs231n", "notes: optimization-2, gradients add up at forks"),
        behaviour: |arguments| {
            with_graph(arguments, |graph, values| {
                let mut gradients = seed(graph);
                for node in graph.needed().into_iter().rev() {
                    for (operand, slope) in graph.slopes(node, values) {
                        gradients[operand] = gradients[node] * slope;
                    }
                }
                gradients
            })
        },
    },
    Misconception {
        id: "same-operand-once",
        title: "a node that is both operands of another gets only one of the two contributions",
        explanation: "In x * x and x + x the node x is used twice by the same node. Keeping the operands in a set, or handling left and right with \
                      either-or, loses one use: the derivative of x * x is 2 x, not x.",
        question: "What is your gradient for x + x?",
        see: ("cs231n", "notes: optimization-2, gradients add up at forks"),
        behaviour: |arguments| {
            with_graph(arguments, |graph, values| {
                accumulate(seed(graph), graph.needed().into_iter().rev(), |node| {
                    let mut slopes = graph.slopes(node, values);
                    slopes.dedup_by_key(|(operand, _)| *operand);
                    slopes
                })
            })
        },
    },
    Misconception {
        id: "index-order-assumed",
        title: "the nodes are computed by their index, forwards and backwards, as if operands always stood first",
        explanation: "Here an operand may stand after the node that takes it; then its value is not there yet, and on the way back its gradient is \
                      handed on too early. Sort the nodes first: operands before users (a topological order).",
        question: "Node 2 takes node 5. Which of the two does your loop compute first?",
        see: ("cs224n", "L4 Backpropagation and computation graphs"),
        behaviour: |arguments| {
            let Some(graph) = Graph::new(arguments) else { return rejects("the arrays are no graph") };
            let all = 0..graph.nodes.len();
            let values = graph.values(all.clone());
            let gradients = accumulate(seed(&graph), all.rev(), |node| graph.slopes(node, &values));
            pair(values, gradients)
        },
    },
    Misconception {
        id: "breadth-first-order",
        title: "gradients are handed on in order of distance from the root, not in reverse topological order",
        explanation: "With a short and a long way from the root to a node, that node is met on the short way first and hands on a gradient that is not \
                      complete yet. A node may only go on when all its users have: that is the reverse of a topological order.",
        question: "When a node hands its gradient on, have all nodes that use it done so before?",
        see: ("dlbook", "6.5 Back-propagation and other differentiation algorithms"),
        behaviour: |arguments| {
            with_graph(arguments, |graph, values| {
                accumulate(seed(graph), breadth_first(graph), |node| graph.slopes(node, values))
            })
        },
    },
    Misconception {
        id: "gradient-pushed-at-once",
        title: "a node hands its whole gradient on every time it receives a part of it",
        explanation: "Calling backward of the operands inside backward walks every way through the graph, and each time passes on the sum so far: what \
                      came first is counted again. Collect everything first, then hand it on once, in reverse topological order.",
        question: "How often does a node with two users run its backward in your code?",
        see: ("dlbook", "6.5 Back-propagation and other differentiation algorithms"),
        behaviour: |arguments| with_graph(arguments, pushed_at_once),
    },
    Misconception {
        id: "recursion-limit",
        title: "the graph is walked by recursion, which ends at about a thousand nodes",
        explanation: "A recursive visit needs a stack frame for every node of a chain, and Python stops at 1000. Graphs of recurrent networks are longer. \
                      Keep a list of (node, operands visited) and loop.",
        question: "How deep does your function call itself for a chain of 3000 nodes?",
        see: ("pytorch-tutorials", "autograd section of Learn the basics"),
        behaviour: |arguments| {
            let long = Graph::new(arguments).is_some_and(|graph| graph.nodes.len() > RECURSION);
            if long { rejects("maximum recursion depth exceeded") } else { reference(arguments) }
        },
    },
    Misconception {
        id: "every-output-seeded",
        title: "every node that nobody uses starts with gradient 1, not only the root",
        explanation: "That differentiates the sum of all outputs. The question is about one node: its gradient is 1, all others start at 0, and what \
                      the root does not depend on stays there.",
        question: "What is the derivative of the root by a node that comes after it?",
        see: ("pytorch-tutorials", "autograd section of Learn the basics"),
        behaviour: |arguments| {
            with_graph(arguments, |graph, values| {
                let mut gradients = vec![1.0; graph.nodes.len()];
                for &operand in graph.nodes.iter().flat_map(|node| &node.operands) {
                    gradients[operand] = 0.0;
                }
                gradients[graph.root] = 1.0;
                let order = graph.order().unwrap_or_default();
                accumulate(gradients, order.into_iter().rev(), |node| graph.slopes(node, values))
            })
        },
    },
    Misconception {
        id: "product-factors-swapped",
        title: "in a product each factor's slope is its own value and not the other's",
        explanation: "The derivative of a * b by a is b: how much the product changes depends on what a is multiplied with. If both happen to be equal \
                      nobody notices.",
        question: "a = 2, b = 100. Does a * b change more when a moves by 1 or when b does?",
        see: ("cs231n", "notes: optimization-2, patterns in backward flow"),
        behaviour: |arguments| with_slope(arguments, Multiply, |operand, _, _| operand),
    },
    Misconception {
        id: "exp-derivative-of-input",
        title: "the slope of exp is taken to be its input and not its output",
        explanation: "exp is its own derivative: the slope at x is exp(x), the value of the node, not x. Keep the output for the way back.",
        question: "What is the slope of exp at 0?",
        see: ("cs231n", "notes: optimization-2"),
        behaviour: |arguments| with_slope(arguments, Exp, |operand, _, _| operand),
    },
    Misconception {
        id: "tanh-derivative-of-activation",
        title: "the slope of tanh is computed as 1 - tanh(t)^2 from its output t: tanh is applied twice",
        explanation: "The slope at x is 1 - tanh(x)^2, and t is tanh(x) already: 1 - t^2.",
        question: "What is the node's value in terms of its input? Is there a tanh left to apply?",
        see: ("cs231n", "notes: optimization-2"),
        behaviour: |arguments| with_slope(arguments, Tanh, |_, own, _| 1.0 - own.tanh().powi(2)),
    },
    Misconception {
        id: "tanh-derivative-of-input",
        title: "the slope of tanh is computed as 1 - x^2 from its input",
        explanation: "1 - t^2 holds for the output t = tanh(x). With the input, the slope would be negative beyond 1, where tanh still rises.",
        question: "Can the slope of tanh be negative?",
        see: ("cs231n", "notes: optimization-2"),
        behaviour: |arguments| with_slope(arguments, Tanh, |operand, _, _| 1.0 - operand * operand),
    },
    Misconception {
        id: "power-factor-missing",
        title: "the slope of x^n is taken to be x^(n-1), without the factor n",
        explanation: "The derivative of x^n is n x^(n-1), for fractions and negative exponents too: the square root has slope 0.5 / sqrt(x).",
        question: "What is the slope of x^2 at x = 3?",
        see: ("cs231n", "notes: optimization-2"),
        behaviour: |arguments| with_slope(arguments, Power, |operand, _, number| operand.powf(number - 1.0)),
    },
    Misconception {
        id: "power-not-lowered",
        title: "the slope of x^n is taken to be n x^n: the exponent is not lowered",
        explanation: "The derivative of x^n is n x^(n-1). At x = 1 nobody sees the difference.",
        question: "What is the slope of x^2 at x = 3: 6 or 18?",
        see: ("cs231n", "notes: optimization-2"),
        behaviour: |arguments| with_slope(arguments, Power, |_, own, number| number * own),
    },
    Misconception {
        id: "relu-slope-at-zero",
        title: "relu has slope 1 at exactly 0",
        explanation: "At the kink any slope from 0 to 1 is defensible; the task, PyTorch and TensorFlow take 0. It matters: biases start at 0, and dead \
                      inputs give exact zeros.",
        question: "Which comparison decides your slope: > 0 or >= 0?",
        see: ("pytorch-docs", "torch.nn.ReLU"),
        behaviour: |arguments| with_slope(arguments, Relu, |operand, _, _| if operand >= 0.0 { 1.0 } else { 0.0 }),
    },
];

#[cfg(test)]
mod tests {
    use striate_tensor::Tensor;

    use super::super::graph::Node;
    use super::*;

    /// The same graphs on the toolkit's tensors, differentiated by its tape.
    #[test]
    fn values_and_gradients_equal_those_of_the_toolkit() {
        for stream in 0..8 {
            let graph = random(&mut Numbers::stream(stream), 16);
            let mut tensors: Vec<Option<Tensor>> = vec![None; graph.nodes.len()];
            for node in graph.order().expect("no circle") {
                let Node { operation, operands, number } = &graph.nodes[node];
                let operand = |place: usize| tensors[operands[place]].clone().expect("operands come first");
                tensors[node] = Some(match operation {
                    Operation::Input => Tensor::from_vec(vec![*number], &[1]).requires_grad_(true),
                    Add => &operand(0) + &operand(1),
                    Multiply => &operand(0) * &operand(1),
                    Power => operand(0).pow(*number),
                    Exp => operand(0).exp(),
                    Tanh => operand(0).tanh(),
                    Relu => operand(0).relu(),
                });
            }
            let values = graph.values(graph.order().expect("no circle"));
            let gradients = backward(&graph, &values);
            let tensor = |node: usize| tensors[node].clone().expect("all are computed");
            tensor(graph.root).sum_all().backward();
            for (node, kind) in graph.nodes.iter().enumerate() {
                let close = |a: f64, b: f64| assert!((a - b).abs() <= 1e-9 * (1.0 + b.abs()), "{a} and {b}");
                close(values[node], tensor(node).to_vec::<f64>()[0]);
                if kind.operation == Operation::Input {
                    close(gradients[node], tensor(node).grad().map_or(0.0, |grad| grad.to_vec::<f64>()[0]));
                }
            }
        }
    }
}
