//! The layers of the transformer (`transformer_layers.py`): modules of PyTorch, run in 64-bit floats with weights that the
//! check sets.
//!
//! Dropout is random in PyTorch. Here the adapters put a choice in its place that depends on the values alone (`dropped`
//! in `loader.py`, [`Dropout::of`] here), so that a layer in training has one right output too, and dropout in a wrong
//! place a wrong one.

mod blocks;
mod heads;
mod positions;

use ndarray::{Array3, ArrayD, Dimension};

use super::super::CourseFunction;
use super::super::mistakes::{Words, words};
use super::super::values::{float_named, number};
use crate::exercise::{Kind, Parameter};
use crate::value::Value;

pub(super) fn functions() -> Vec<CourseFunction> {
    [positions::functions(), heads::functions(), blocks::functions()].concat()
}

const PART: &str = "assignment 3, attention";
const NOTEBOOK: (&str, &str) = ("cs231n", "assignment 3 Transformer captioning");
const LECTURE: (&str, &str) = ("cs231n", "lecture Attention and Transformers");

const DROPOUT: Parameter = float_named("dropout");
const TRAINING: Parameter = Parameter { name: "training", kind: Kind::Bool, meaning: "" };

const NEVER_DROPS: Words = words(
    "dropout-never-drops",
    "nothing is dropped in training",
    "The constructor has made a dropout layer: its place is in forward.",
    "Where does your forward use the dropout layer?",
    NOTEBOOK,
);
const DROPPED_IN_USE: Words = words(
    "dropped-in-use",
    "values are dropped in evaluation as in training",
    "F.dropout drops always unless it is told otherwise. The module nn.Dropout follows layer.train() and layer.eval().",
    "What tells your dropout that training is over?",
    ("pytorch-docs", "torch.nn.Dropout"),
);

/// How much a layer drops, and whether it is in training.
#[derive(Clone, Copy)]
struct Dropout {
    probability: f64,
    training: bool,
}

impl Dropout {
    fn new(arguments: &[Value], first: usize) -> Dropout {
        let training = matches!(arguments[first + 1], Value::Bool(true));
        Dropout { probability: number(arguments, first), training }
    }

    /// What becomes of a value: `dropped` in `loader.py`, the other half of it.
    fn of(self, x: f64) -> f64 {
        let Dropout { probability, training } = self;
        if !training || probability == 0.0 {
            x
        } else if (x.abs() * 61.0).fract() >= probability {
            x / (1.0 - probability)
        } else {
            0.0
        }
    }

    fn each<D: Dimension>(self, x: &ndarray::Array<f64, D>) -> ndarray::Array<f64, D> {
        x.mapv(|x| self.of(x))
    }
}

/// A linear layer as PyTorch has it, `x W^T + b`, the one at `at` of several in one array.
fn linear(x: &Array3<f64>, weights: &Array3<f64>, biases: &ndarray::Array2<f64>, at: usize) -> Array3<f64> {
    let (n, s, _) = x.dim();
    let (weights, biases) = (weights.index_axis(ndarray::Axis(0), at), biases.row(at));
    Array3::from_shape_fn((n, s, weights.nrows()), |(n, s, out)| {
        x.slice(ndarray::s![n, s, ..]).dot(&weights.row(out)) + biases[out]
    })
}

/// The same numbers in the order of memory, under another shape.
fn reshaped<D: Dimension>(x: &ndarray::Array<f64, D>, shape: &[usize]) -> ArrayD<f64> {
    let numbers: Vec<f64> = x.iter().copied().collect();
    ArrayD::from_shape_vec(shape, numbers).expect("as many elements")
}
