//! `PositionalEncoding`: sines and cosines that tell the places of a sequence apart.

use ndarray::Array3;

use super::super::super::CourseFunction;
use super::super::super::mistakes::{Words, words};
use super::super::super::values::{count, cube, floats_named, int_named, returns};
use super::{DROPOUT, DROPPED_IN_USE, Dropout, LECTURE, NEVER_DROPS, NOTEBOOK, PART, TRAINING};
use crate::exercise::{Exercise, Outcome, Probe, Signature, Tolerance};
use crate::exercises::numbers::Numbers;
use crate::value::Value;

pub(super) fn functions() -> Vec<CourseFunction> {
    let adapter = "layer = f(x.shape[2], dropout=dropout, max_len=max_len).train(training)\n\
                   return plain(layer(*tensors(x)))";
    vec![CourseFunction::layer(PART, &["PositionalEncoding"], &POSITIONS, adapter).needs(&["__init__"])]
}

const BEFORE_SUM: Words = words(
    "dropout-before-sum",
    "dropout is applied before x and encoding are added",
    "What is dropped is the sum: add first, then self.dropout.",
    "Which values can be 0 in your output?",
    NOTEBOOK,
);

static POSITIONS: Exercise = Exercise {
    id: "PositionalEncoding",
    signature: Signature {
        name: "PositionalEncoding",
        parameters: &[floats_named("x", &["N", "S", "D"]), int_named("max_len"), DROPOUT, TRAINING],
        returns: floats_named("output", &["N", "S", "D"]),
    },
    probes,
    reference: |arguments| encoded(arguments, Encoding::RIGHT),
    misconceptions: &[
        words(
            "halves-concatenated",
            "all sines stand first and all cosines after them",
            "The course asks for sines and cosines in turn: pe[:, 0::2] are sines and pe[:, 1::2] cosines. Two halves would carry \
             the same information, but no saved weights and no expected numbers fit.",
            "What stands in column 1 of your encoding at position 0?",
            NOTEBOOK,
        )
        .when(|arguments| encoded(arguments, Encoding { wave: halves, ..Encoding::RIGHT })),
        words(
            "exponent-per-column",
            "every column has an exponent of its own: 0, 1, 2, 3 and not 0, 0, 2, 2",
            "A sine and the cosine beside it belong to one frequency: column 2i and column 2i + 1 both take 10000^(-2i / D). \
             Together they turn like the hand of a clock, so that a shift in position is a rotation.",
            "What is the exponent of column 1?",
            LECTURE,
        )
        .when(|arguments| encoded(arguments, Encoding { exponent: |column, _| column, ..Encoding::RIGHT })),
        words(
            "exponent-not-doubled",
            "the exponent is i / D and not 2i / D",
            "The exponents are 0, 0, 2, 2, 4, 4 over D, up to nearly 1. With 0, 0, 1, 1, 2, 2 the slowest wave is 100 positions \
             long and not 10000.",
            "What is the exponent of the last column?",
            LECTURE,
        )
        .when(|arguments| encoded(arguments, Encoding { exponent: |_, pair| pair, ..Encoding::RIGHT })),
        words(
            "exponent-doubled-twice",
            "the exponent is doubled twice: 0, 0, 4, 4 and not 0, 0, 2, 2",
            "torch.arange(0, D, 2) holds 2i already: 0, 2, 4. Multiplied by 2 once more, most waves are too long to tell two \
             positions apart.",
            "Is the number that you multiply by 2 the number of the pair, or that of the column?",
            LECTURE,
        )
        .when(|arguments| encoded(arguments, Encoding { exponent: |_, pair| 4.0 * pair, ..Encoding::RIGHT })),
        words(
            "frequency-inverted",
            "the position is multiplied with 10000^(2i / D) and not divided by it",
            "The waves get longer from column to column. With the other sign they get faster, and neighbouring positions look \
             like random numbers.",
            "By how much does the last column change from one position to the next?",
            LECTURE,
        )
        .when(|arguments| encoded(arguments, Encoding { exponent: |_, pair| -2.0 * pair, ..Encoding::RIGHT })),
        words(
            "sine-cosine-exchanged",
            "sines and cosines are exchanged",
            "Even columns are sines, odd ones cosines: at position 0 a row is 0, 1, 0, 1.",
            "What is your encoding of position 0?",
            NOTEBOOK,
        )
        .when(|arguments| {
            encoded(arguments, Encoding { wave: |angle, column, d| interleaved(angle, column ^ 1, d), ..Encoding::RIGHT })
        }),
        words(
            "position-from-one",
            "the first position is counted as 1",
            "Positions start at 0, where every sine is 0 and every cosine 1.",
            "What is your encoding of the first position?",
            NOTEBOOK,
        )
        .when(|arguments| encoded(arguments, Encoding { first: 1.0, ..Encoding::RIGHT })),
        words(
            "input-missing",
            "the encoding alone is returned: x is lost",
            "The encoding is added to the sequence: what a token means and where it stands travel in one vector.",
            "Does your output depend on x?",
            LECTURE,
        )
        .when(|arguments| encoded(arguments, Encoding { join: |_, pe, drop| drop.of(pe), ..Encoding::RIGHT })),
        words(
            "embedding-scaled",
            "x is multiplied by sqrt(D) before the encoding is added",
            "The first paper does so where it looks the embedding up. In this course the layer only adds.",
            "What is your output minus x?",
            NOTEBOOK,
        )
        .when(|arguments| encoded(arguments, Encoding { scaled: true, ..Encoding::RIGHT })),
        NEVER_DROPS.when(|arguments| encoded(arguments, Encoding { join: |x, pe, _| x + pe, ..Encoding::RIGHT })),
        BEFORE_SUM.when(|arguments| encoded(arguments, Encoding { join: |x, pe, drop| x + drop.of(pe), ..Encoding::RIGHT })),
        BEFORE_SUM.when(|arguments| encoded(arguments, Encoding { join: |x, pe, drop| drop.of(x) + pe, ..Encoding::RIGHT })),
        DROPPED_IN_USE.when(|arguments| {
            let join = |x, pe, dropout| Dropout { training: true, ..dropout }.of(x + pe);
            encoded(arguments, Encoding { join, ..Encoding::RIGHT })
        }),
    ],
    // Many compute the table in 32-bit floats, which the course does not forbid.
    tolerance: Tolerance { relative: 1e-5, absolute: 1e-5 },
    ..Exercise::DEFAULTS
};

fn probes() -> Vec<Probe> {
    let mut numbers = Numbers::stream(9171);
    let mut probe = |[n, s, d]: [usize; 3], max_len: i64, dropout: f64, training: bool| {
        let x = numbers.reals([n, s, d], -1.0, 1.0);
        let how = match (training, dropout) {
            (false, _) => "evaluation",
            (true, 0.0) => "training without dropout",
            (true, _) => "training with dropout",
        };
        let label = format!("{n} sequence{} of {s} tokens, {d} wide; {how}", if n == 1 { "" } else { "s" });
        Probe::ordinary(label, vec![x.into(), Value::Int(max_len), Value::Float(dropout), Value::Bool(training)])
    };
    vec![
        probe([1, 3, 4], 5, 0.0, false),
        probe([2, 4, 6], 9, 0.5, false),
        probe([3, 5, 8], 12, 0.0, true),
        probe([2, 3, 10], 7, 0.4, true),
    ]
}

/// The layer, each part free to be wrong.
#[derive(Clone, Copy)]
struct Encoding {
    /// Exponent times the width, from the column and the number of its pair.
    exponent: fn(f64, f64) -> f64,
    /// The value of a column, from the angles of all columns.
    wave: fn(&dyn Fn(usize) -> f64, usize, usize) -> f64,
    /// The first position.
    first: f64,
    /// Whether x is multiplied by the root of its width.
    scaled: bool,
    /// What comes out, from x, the encoding and dropout.
    join: fn(f64, f64, Dropout) -> f64,
}

impl Encoding {
    const RIGHT: Encoding = Encoding {
        exponent: |_, pair| 2.0 * pair,
        wave: interleaved,
        first: 0.0,
        scaled: false,
        join: |x, pe, dropout| dropout.of(x + pe),
    };
}

fn interleaved(angle: &dyn Fn(usize) -> f64, column: usize, _: usize) -> f64 {
    let angle = angle(column);
    if column.is_multiple_of(2) { angle.sin() } else { angle.cos() }
}

fn halves(angle: &dyn Fn(usize) -> f64, column: usize, width: usize) -> f64 {
    let half = width / 2;
    if column < half { angle(2 * column).sin() } else { angle(2 * (column - half)).cos() }
}

fn encoded(arguments: &[Value], how: Encoding) -> Outcome {
    let (x, max_len, dropout) = (cube(arguments, 0), count(arguments, 1), Dropout::new(arguments, 2));
    let (n, s, d) = x.dim();
    if !d.is_multiple_of(2) || s > max_len {
        return Outcome::Rejects("the width is even, and no sequence is longer than max_len".into());
    }
    returns(Array3::from_shape_fn((n, s, d), |(n, s, column)| {
        let position = s as f64 + how.first;
        let angle = |column: usize| {
            let exponent = (how.exponent)(column as f64, (column / 2) as f64) / d as f64;
            position * 10_000_f64.powf(-exponent)
        };
        let scale = if how.scaled { (d as f64).sqrt() } else { 1.0 };
        (how.join)(x[[n, s, column]] * scale, (how.wave)(&angle, column, d), dropout)
    }))
}
