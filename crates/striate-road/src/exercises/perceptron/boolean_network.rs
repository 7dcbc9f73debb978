//! `boolean_network`: threshold units wired by hand.

use ndarray::{Array1, Array2, Ix1, Ix2, array};

use crate::exercise::{Exercise, Kind, Misconception, Outcome, Parameter, Probe, Signature};
use crate::exercises::arguments::{f64_array, rejects, returns, text, text_named};
use crate::value::{Array, Value};

/// The exercise.
pub static BOOLEAN_NETWORK: Exercise = Exercise {
    id: "boolean_network",
    station: "perceptron",
    task: "Choose weights and biases by hand for a network of threshold units that computes a function of two inputs,\n\
           each 0 or 1: 'and', 'or', 'nand', 'nor', 'xor' or 'xnor' (equal inputs). Refuse any other name with an error.\n\
           hidden = step(w1 @ (p, q) + b1), output = step(w2 @ hidden + b2), with step(z) = 1 if z >= 0, otherwise 0.\n\
           How many hidden units there are is up to you (one may do, or two).\n\
           Many networks are right, so yours is shown in another form that answers the same: one hidden unit for\n\
           each of the inputs (0,0), (0,1), (1,0), (1,1), and the four outputs as w2.",
    signature: Signature {
        name: "boolean_network",
        parameters: &[text_named("f", "name of the function")],
        returns: Parameter {
            name: "network",
            kind: Kind::Tuple(&[
                f64_array("w1", &["h", "2"], "weights of the hidden units"),
                f64_array("b1", &["h"], "biases of the hidden units"),
                f64_array("w2", &["h"], "weights of the output unit"),
                Parameter { name: "b2", kind: Kind::Float, meaning: "bias of the output unit" },
            ]),
            meaning: "the network",
        },
    },
    probes,
    reference,
    misconceptions: MISCONCEPTIONS,
    canonical: Some(as_table),
    hints: &[
        "Write the four inputs in a table with p + q beside them. From which sum on should AND fire? And OR?",
        "With weights (1, 1) the sum is 0, 1 or 2: AND is p + q - 1.5 >= 0, OR is p + q - 0.5 >= 0. For NAND and NOR turn all \
         signs round. XOR is OR and NAND at once: two hidden units, and an AND of them as output. A single hidden unit is passed \
         on by w2 = [1], b2 = -0.5.",
        "XOR: w1 = [[1, 1], [-1, -1]], b1 = [-0.5, 1.5], w2 = [1, 1], b2 = -1.5. Input (1, 1): sums 1.5 and -0.5, hidden (1, 0), \
         1 - 1.5 = -0.5 < 0: output 0. Input (1, 0): sums 0.5 and 0.5, hidden (1, 1), 2 - 1.5 >= 0: output 1.",
    ],
    ..Exercise::DEFAULTS
};

fn probes() -> Vec<Probe> {
    let probe = |name: &str| (name.to_uppercase(), vec![Value::Text(name.into())]);
    let mut probes: Vec<Probe> = ["and", "or", "nand", "nor", "xor"]
        .map(probe)
        .into_iter()
        .map(|(label, arguments)| Probe::ordinary(label, arguments))
        .collect();
    let (label, arguments) = probe("xnor");
    probes.push(Probe::hard(label, arguments));
    probes.push(Probe::hard("a name that is none of the six", vec![Value::Text("perhaps".into())]));
    probes
}

/// Outputs for the inputs (0, 0), (0, 1), (1, 0), (1, 1).
type Table = [bool; 4];

const NEVER: Table = [false; 4];
const ALWAYS: Table = [true; 4];
const INPUTS: [[f64; 2]; 4] = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]];

/// The function of that name.
fn table(name: &str) -> Option<Table> {
    let of = |f: fn(bool, bool) -> bool| Some(INPUTS.map(|[p, q]| f(p == 1.0, q == 1.0)));
    match name {
        "and" => of(|p, q| p && q),
        "or" => of(|p, q| p || q),
        "nand" => of(|p, q| !(p && q)),
        "nor" => of(|p, q| !(p || q)),
        "xor" => of(|p, q| p != q),
        "xnor" => of(|p, q| p == q),
        _ => None,
    }
}

/// A hidden unit for each input that fires for this input alone, and an output unit that listens to those of the table.
fn network(table: Table) -> Value {
    let w1: Array2<f64> = array![[-1.0, -1.0], [-1.0, 1.0], [1.0, -1.0], [1.0, 1.0]];
    let b1 = array![0.5, -0.5, -0.5, -1.5];
    let w2: Array1<f64> = table.iter().map(|&fires| f64::from(u8::from(fires))).collect();
    Value::Tuple(vec![w1.into(), b1.into(), w2.into(), Value::Float(-0.5)])
}

/// The network with the outputs that `answers` finds under a name.
fn answering(arguments: &[Value], answers: impl FnOnce(&str) -> Option<Table>) -> Outcome {
    match answers(text(arguments, 0)) {
        Some(table) => returns(network(table)),
        None => rejects("there is no such function"),
    }
}

fn reference(arguments: &[Value]) -> Outcome {
    answering(arguments, table)
}

/// The network that answers the same in the form of [`network`]; a result that is no network of two inputs stays as it is.
fn as_table(_: &[Value], value: Value) -> Value {
    outputs(&value).map_or(value, network)
}

fn outputs(value: &Value) -> Option<Table> {
    let Value::Tuple(parts) = value else { return None };
    let [Value::Array(Array::F64(w1)), Value::Array(Array::F64(b1)), Value::Array(Array::F64(w2)), b2] = &parts[..]
    else {
        return None;
    };
    let b2 = match b2 {
        Value::Float(b2) => *b2,
        Value::Int(b2) => *b2 as f64,
        _ => return None,
    };
    let w1 = w1.view().into_dimensionality::<Ix2>().ok()?;
    let b1 = b1.view().into_dimensionality::<Ix1>().ok()?;
    let w2 = w2.view().into_dimensionality::<Ix1>().ok()?;
    let finite = w1.iter().chain(&b1).chain(&w2).chain([&b2]).all(|x| x.is_finite());
    if !finite || w1.ncols() != 2 || w1.nrows() != b1.len() || w2.len() != b1.len() {
        return None;
    }
    let step = |z: f64| if z >= 0.0 { 1.0 } else { 0.0 };
    Some(INPUTS.map(|input| {
        let hidden = (w1.dot(&Array1::from(input.to_vec())) + b1).mapv(step);
        step(w2.dot(&hidden) + b2) == 1.0
    }))
}

const MISCONCEPTIONS: &[Misconception] = &[
    Misconception {
        id: "single-layer-for-xor",
        title: "xor is computed by what is in effect one line: inputs (1, 1) fire as in or",
        explanation: "XOR fires for (0,1) and (1,0) and not for (0,0) and (1,1): no line has the first two on one side and the others on \
                      the other. Two hidden units with different lines are needed; two equal ones count as one.",
        question: "Draw the four inputs: which line separates the two that fire?",
        see: ("dlbook", "6.1 Example: learning XOR"),
        behaviour: |arguments| {
            answering(arguments, |name| match name {
                "xor" => table("or"),
                "xnor" => table("nor"),
                other => table(other),
            })
        },
    },
    Misconception {
        id: "threshold-sign-flipped",
        title: "the thresholds are added and not subtracted",
        explanation: "A threshold of 1.5 means: fire if p + q >= 1.5, so the bias is -1.5. A positive bias makes the unit fire by itself.",
        question: "Does your AND fire for (0, 0)?",
        see: ("cs7015", "L2 McCulloch-Pitts neuron, thresholding logic, perceptron learning algorithm and convergence"),
        behaviour: |arguments| {
            answering(arguments, |name| {
                table(name).map(|_| if ["nand", "nor"].contains(&name) { NEVER } else { ALWAYS })
            })
        },
    },
    Misconception {
        id: "bias-one-step-high",
        title: "the biases are one step too high: units fire for one input less than they should",
        explanation: "With step(0) = 1 a sum of exactly 0 fires. AND with weights (1, 1) and bias -1 fires for (0, 1) too. Put thresholds \
                      halfway between the sums: -1.5 for AND, -0.5 for OR. Nothing then hangs on zero.",
        question: "What is the sum for (0, 1), and does the unit fire at that sum?",
        see: ("cs7015", "L2 McCulloch-Pitts neuron, thresholding logic, perceptron learning algorithm and convergence"),
        behaviour: |arguments| {
            answering(arguments, |name| match name {
                "and" => table("or"),
                "nor" => table("nand"),
                other => table(other).map(|_| ALWAYS),
            })
        },
    },
    Misconception {
        id: "bias-one-step-low",
        title: "the biases are one step too low: units need one input more than they should",
        explanation: "AND with weights (1, 1) needs a threshold between 1 and 2; above 2 nothing reaches it. OR needs one between 0 and 1. \
                      For NAND and NOR all signs turn round, the threshold's too.",
        question: "What is the largest sum your AND can get, and is it enough?",
        see: ("cs7015", "L2 McCulloch-Pitts neuron, thresholding logic, perceptron learning algorithm and convergence"),
        behaviour: |arguments| {
            answering(arguments, |name| match name {
                "or" => table("and"),
                "nand" => table("nor"),
                other => table(other).map(|_| NEVER),
            })
        },
    },
    Misconception {
        id: "de-morgan-forgotten",
        title: "nand is built from inverted inputs joined by and (and nor by or)",
        explanation: "not (p and q) is (not p) or (not q). Inverting the inputs and keeping the AND gives NOR. Invert the output: turn the \
                      signs of all weights and of the bias.",
        question: "For (0, 1), what is not (p and q)? And (not p) and (not q)?",
        see: ("cs7015", "L2 McCulloch-Pitts neuron, thresholding logic, perceptron learning algorithm and convergence"),
        behaviour: |arguments| {
            answering(arguments, |name| match name {
                "nand" => table("nor"),
                "nor" => table("nand"),
                "xor" => Some(NEVER),
                "xnor" => Some(ALWAYS),
                other => table(other),
            })
        },
    },
    Misconception {
        id: "and-or-swapped",
        title: "the thresholds of and and or are interchanged",
        explanation: "OR is content with one input (threshold 0.5), AND wants both (threshold 1.5).",
        question: "For how many of the four inputs does AND fire?",
        see: ("cs7015", "L2 McCulloch-Pitts neuron, thresholding logic, perceptron learning algorithm and convergence"),
        behaviour: |arguments| {
            answering(arguments, |name| match name {
                "and" => table("or"),
                "or" => table("and"),
                "nand" => table("nor"),
                "nor" => table("nand"),
                other => table(other),
            })
        },
    },
    Misconception {
        id: "output-inverted",
        title: "the output is inverted",
        explanation: "Each function gives 1 where it should give 0 and the other way round. Turn the signs of w2 and b2, and mind the sum 0, \
                      which fires either way.",
        question: "What does your AND answer for (1, 1)?",
        see: ("cs7015", "L2 McCulloch-Pitts neuron, thresholding logic, perceptron learning algorithm and convergence"),
        behaviour: |arguments| answering(arguments, |name| table(name).map(|table| table.map(|fires| !fires))),
    },
    Misconception {
        id: "hidden-units-joined-wrongly",
        title: "the hidden units of xor are joined by or in place of and (and those of xnor by and in place of or)",
        explanation: "XOR is OR *and* NAND: both must fire, so the output's threshold is 1.5. XNOR is AND *or* NOR: one is enough, threshold \
                      0.5.",
        question: "For (1, 1) the hidden units are (1, 0). Should the output fire?",
        see: ("dlbook", "6.1 Example: learning XOR"),
        behaviour: |arguments| {
            answering(arguments, |name| match name {
                "xor" => Some(ALWAYS),
                "xnor" => Some(NEVER),
                other => table(other),
            })
        },
    },
];
