//! The layers around attention of the editions from 2025 on: encoder and decoder layer, and the patches of an image.
//!
//! In the encoder and the decoder layer attention and the feed-forward network are not the question: simple functions
//! stand in for them (`attention` in `loader.py`, [`attention`] here), whose numbers show what was handed to them.

use ndarray::{Array3, Axis};

use super::super::super::CourseFunction;
use super::super::super::mistakes::{self as m, Words, words};
use super::super::super::values::{count, cube, floats_named, images, int_named, matrix, returns, vector};
use super::{DROPOUT, Dropout, LECTURE, NEVER_DROPS, NOTEBOOK, TRAINING};
use crate::exercise::{Element, Exercise, Kind, Outcome, Parameter, Probe, Signature, Tolerance};
use crate::exercises::numbers::Numbers;
use crate::value::Value;

const PART: &str = "assignment 3, transformer blocks";
const VISION: (&str, &str) = ("cs231n", "lecture Attention and Transformers, Vision Transformers");

/// The mistakes of both layers, and those of one.
macro_rules! mistakes {
    ($run:ident, $($own:expr),+) => {
        &[
            $($own,)+
            SHORTCUT_MISSING.when(|a| $run(a, Blocks { shortcut: [Shortcut::Missing; 2], ..Blocks::RIGHT })),
            SHORTCUT_MISSING.when(|a| {
                $run(a, Blocks { shortcut: [Shortcut::Missing, Shortcut::Input], ..Blocks::RIGHT })
            }),
            SHORTCUT_MISSING.when(|a| {
                $run(a, Blocks { shortcut: [Shortcut::Input, Shortcut::Missing], ..Blocks::RIGHT })
            }),
            SHORTCUT_STALE.when(|a| {
                $run(a, Blocks { shortcut: [Shortcut::Input, Shortcut::Start], ..Blocks::RIGHT })
            }),
            NORM_BEFORE_SUM.when(|a| $run(a, Blocks { norm: Norm::BeforeSum, ..Blocks::RIGHT })),
            NORM_FIRST.when(|a| $run(a, Blocks { norm: Norm::First, ..Blocks::RIGHT })),
            NORM_MISSING.when(|a| $run(a, Blocks { norm: Norm::Missing, ..Blocks::RIGHT })),
            NEVER_DROPS.when(|a| $run(a, Blocks { drop: Drop::Nothing, ..Blocks::RIGHT })),
            DROPPED_SUM.when(|a| $run(a, Blocks { drop: Drop::Sum, ..Blocks::RIGHT })),
        ]
    };
}
pub(super) fn functions() -> Vec<CourseFunction> {
    let layer = |name, exercise, adapter| CourseFunction::layer(PART, name, exercise, adapter);
    vec![
        layer(
            &["TransformerDecoderLayer"],
            &DECODER,
            "layer = f(tgt.shape[2], 1, dim_feedforward=2, dropout=dropout).train(training)\n\
             layer.self_attn, layer.cross_attn = attention(0.5, 0.3, 0.2), attention(0.4, -0.6, 0.7)\n\
             layer.ffn = stand_in(lambda x: x * x - 0.5 * x)\n\
             for at, name in enumerate(['norm_self', 'norm_cross', 'norm_ffn']):\n    \
                 set_linear(getattr(layer, name), scales[at], shifts[at])\n\
             mask = tgt_mask if tgt_mask is None else tensors(tgt_mask)[0]\n\
             return plain(layer(*tensors(tgt, memory), tgt_mask=mask))",
        ),
        layer(
            &["TransformerEncoderLayer"],
            &ENCODER,
            "layer = f(src.shape[2], 1, dim_feedforward=2, dropout=dropout).train(training)\n\
             layer.self_attn = attention(0.5, 0.3, 0.2)\n\
             layer.ffn = stand_in(lambda x: x * x - 0.5 * x)\n\
             for at, name in enumerate(['norm_self', 'norm_ffn']):\n    \
                 set_linear(getattr(layer, name), scales[at], shifts[at])\n\
             mask = src_mask if src_mask is None else tensors(src_mask)[0]\n\
             return plain(layer(*tensors(src), src_mask=mask))",
        ),
        layer(
            &["PatchEmbedding"],
            &PATCHES,
            "layer = f(x.shape[2], patch_size, in_channels=x.shape[1], embed_dim=len(weights)).eval()\n\
             set_linear(layer.proj, weights, biases)\n\
             return plain(layer(*tensors(x)))",
        ),
    ]
}

const fn mask_named(name: &'static str, length: &'static [&'static str]) -> Parameter {
    Parameter { name, kind: Kind::Array { element: Element::Bool, axes: length }, meaning: "" }
}

static DECODER: Exercise = Exercise {
    id: "TransformerDecoderLayer",
    signature: Signature {
        name: "TransformerDecoderLayer",
        parameters: &[
            floats_named("tgt", &["N", "T", "D"]),
            floats_named("memory", &["N", "S", "D"]),
            mask_named("tgt_mask", &["T", "T"]),
            DROPOUT,
            TRAINING,
            floats_named("scales", &["3", "D"]),
            floats_named("shifts", &["3", "D"]),
        ],
        returns: floats_named("out", &["N", "T", "D"]),
    },
    probes: || probes(9173, true),
    reference: |arguments| decoded(arguments, Blocks::RIGHT),
    misconceptions: mistakes!(
        decoded,
        words(
            "memory-ignored",
            "the cross-attention looks at the target sequence itself: memory is not used",
            "Queries come from the target, keys and values from memory: that is how the decoder sees the image.",
            "Does your output change when memory does?",
            NOTEBOOK,
        )
        .when(|arguments| decoded(arguments, Blocks { memory: [false, false], ..Blocks::RIGHT })),
        words(
            "value-from-target",
            "the cross-attention takes its values from the target and not from memory",
            "Where to look and what is seen there belong together: key and value are both memory.",
            "What does your cross-attention average?",
            LECTURE,
        )
        .when(|arguments| decoded(arguments, Blocks { memory: [true, false], ..Blocks::RIGHT })),
        words(
            "mask-in-cross-attention",
            "the target's mask is handed to the cross-attention",
            "tgt_mask hides a caption's future from itself. Of the image everything may be seen: no mask.",
            "Which part of the image lies in the future?",
            LECTURE,
        )
        .when(|arguments| decoded(arguments, Blocks { cross_mask: true, ..Blocks::RIGHT })),
        words(
            "blocks-exchanged",
            "the feed-forward block stands before the cross-attention",
            "The order is self-attention, cross-attention, feed-forward.",
            "What has the feed-forward network seen of the image in your layer?",
            NOTEBOOK,
        )
        .when(|arguments| decoded(arguments, Blocks { exchanged: true, ..Blocks::RIGHT })),
        SHORTCUT_STALE.when(|arguments| decoded(arguments, Blocks { shortcut: [Shortcut::Layer; 2], ..Blocks::RIGHT })),
        SHORTCUT_STALE.when(|arguments| {
            decoded(arguments, Blocks { shortcut: [Shortcut::Input, Shortcut::Layer], ..Blocks::RIGHT })
        }),
        SHORTCUT_STALE.when(|arguments| {
            decoded(arguments, Blocks { shortcut: [Shortcut::Layer, Shortcut::Input], ..Blocks::RIGHT })
        })
    ),
    tolerance: TOLERANCE,
    ..Exercise::DEFAULTS
};

static ENCODER: Exercise = Exercise {
    id: "TransformerEncoderLayer",
    signature: Signature {
        name: "TransformerEncoderLayer",
        parameters: &[
            floats_named("src", &["N", "S", "D"]),
            mask_named("src_mask", &["S", "S"]),
            DROPOUT,
            TRAINING,
            floats_named("scales", &["2", "D"]),
            floats_named("shifts", &["2", "D"]),
        ],
        returns: floats_named("out", &["N", "S", "D"]),
    },
    probes: || probes(9174, false),
    reference: |arguments| encoded(arguments, Blocks::RIGHT),
    misconceptions: mistakes!(
        encoded,
        words(
            "mask-ignored",
            "src_mask is not handed to the attention",
            "self.self_attn takes it as attn_mask=src_mask.",
            "Does your output change when src_mask does?",
            NOTEBOOK,
        )
        .when(|arguments| encoded(arguments, Blocks { mask: false, ..Blocks::RIGHT })),
        words(
            "blocks-exchanged",
            "the feed-forward block stands before the attention",
            "The order is self-attention, feed-forward.",
            "What has the feed-forward network seen of the other tokens in your layer?",
            NOTEBOOK,
        )
        .when(|arguments| encoded(arguments, Blocks { exchanged: true, ..Blocks::RIGHT }))
    ),
    tolerance: TOLERANCE,
    ..Exercise::DEFAULTS
};

const TOLERANCE: Tolerance = Tolerance { relative: 1e-6, absolute: 1e-7 };

const SHORTCUT_MISSING: Words = words(
    "shortcut-missing",
    "the shortcut is missing: what a block found replaces its input",
    "Each block adds to what came in: tgt = shortcut + what it found. Without the sum the gradient has no short way back.",
    "If a block returned zeros, what should come out?",
    NOTEBOOK,
);
const SHORTCUT_STALE: Words = words(
    "shortcut-not-renewed",
    "a block adds the shortcut of an earlier one",
    "Every block has a shortcut of its own: its own input. Set shortcut anew before each.",
    "Which tensor is in shortcut when each block adds it?",
    NOTEBOOK,
);
const NORM_BEFORE_SUM: Words = words(
    "norm-before-sum",
    "the normalisation comes before the shortcut is added",
    "This course normalises the sum: dropout, add the shortcut, normalise.",
    "Is your output normalised?",
    NOTEBOOK,
);
const NORM_FIRST: Words = words(
    "norm-first",
    "the input of each block is normalised, and not its output",
    "That is the pre-norm transformer, which many models use. The course follows the first paper: normalise after the sum.",
    "Is your output normalised?",
    NOTEBOOK,
);
const NORM_MISSING: Words = words(
    "norm-missing",
    "the normalisation is missing",
    "Each block ends with its own layer norm.",
    "Where does your forward use norm_ffn?",
    NOTEBOOK,
);
const DROPPED_SUM: Words = words(
    "dropout-after-sum",
    "dropout is applied to the sum with the shortcut",
    "What a block found is dropped, not what came in: dropout first, then the shortcut.",
    "Can a value of the shortcut get lost in your layer?",
    NOTEBOOK,
);

fn probes(stream: u64, with_memory: bool) -> Vec<Probe> {
    let mut numbers = Numbers::stream(stream);
    let mut probe = |[n, t, s, d]: [usize; 4], masked: bool, dropout: f64, training: bool| {
        let mut call: Vec<Value> = vec![numbers.reals([n, t, d], -1.0, 1.0).into()];
        if with_memory {
            call.push(numbers.reals([n, s, d], -1.0, 1.0).into());
        }
        let mask: Vec<bool> = (0..t * t).map(|at| at % t <= at / t).collect();
        call.push(if masked { Value::array(&[t, t], mask) } else { Value::None });
        call.extend([Value::Float(dropout), Value::Bool(training)]);
        let blocks = if with_memory { 3 } else { 2 };
        call.push(numbers.reals([blocks, d], 0.5, 1.5).into());
        call.push(numbers.reals([blocks, d], -0.5, 0.5).into());
        let with = if with_memory { format!("{s} places of memory, ") } else { String::new() };
        let masked = if masked { "masked" } else { "no mask" };
        let how = if training && dropout > 0.0 { "training with dropout" } else { "evaluation" };
        let many = if n == 1 { "" } else { "s" };
        Probe::ordinary(format!("{n} sequence{many} of {t} tokens, {with}{d} wide; {masked}; {how}"), call)
    };
    vec![
        probe([1, 2, 3, 4], false, 0.0, false),
        probe([2, 3, 4, 5], true, 0.5, false),
        probe([2, 4, 3, 6], true, 0.4, true),
        probe([3, 2, 5, 4], false, 0.3, true),
    ]
}

/// What a block adds.
#[derive(Clone, Copy, PartialEq)]
enum Shortcut {
    Input,
    Missing,
    /// The input of the first of the two blocks.
    Start,
    /// The input of the whole layer.
    Layer,
}

/// Where a block normalises.
#[derive(Clone, Copy, PartialEq)]
enum Norm {
    Sum,
    BeforeSum,
    First,
    Missing,
}

/// What a block drops.
#[derive(Clone, Copy, PartialEq)]
enum Drop {
    Found,
    Nothing,
    Sum,
}

/// Two blocks, each part free to be wrong.
#[derive(Clone, Copy)]
struct Blocks {
    shortcut: [Shortcut; 2],
    norm: Norm,
    drop: Drop,
    mask: bool,
    cross_mask: bool,
    /// Whether key and value of the cross-attention are memory.
    memory: [bool; 2],
    exchanged: bool,
}

impl Blocks {
    const RIGHT: Blocks = Blocks {
        shortcut: [Shortcut::Input; 2],
        norm: Norm::Sum,
        drop: Drop::Found,
        mask: true,
        cross_mask: false,
        memory: [true, true],
        exchanged: false,
    };

    /// Runs two blocks: what each of them finds, and its normalisation.
    fn run(
        self,
        [layer, x]: [&Array3<f64>; 2],
        dropout: Dropout,
        mut blocks: [(&Found<'_>, &Normalised<'_>); 2],
    ) -> Array3<f64> {
        if self.exchanged {
            blocks.reverse();
        }
        let mut out = x.clone();
        for ((find, normalise), shortcut) in blocks.into_iter().zip(self.shortcut) {
            let input = out;
            let found = find(&if self.norm == Norm::First { normalise(&input) } else { input.clone() });
            let mut found = if self.drop == Drop::Found { dropout.each(&found) } else { found };
            if self.norm == Norm::BeforeSum {
                found = normalise(&found);
            }
            let sum = match shortcut {
                Shortcut::Input => found + &input,
                Shortcut::Missing => found,
                Shortcut::Start => found + x,
                Shortcut::Layer => found + layer,
            };
            let sum = if self.drop == Drop::Sum { dropout.each(&sum) } else { sum };
            out = if self.norm == Norm::Sum { normalise(&sum) } else { sum };
        }
        out
    }
}

/// What a block finds in its input.
type Found<'a> = dyn Fn(&Array3<f64>) -> Array3<f64> + 'a;
/// The layer norm of a block.
type Normalised<'a> = dyn Fn(&Array3<f64>) -> Array3<f64> + 'a;

/// What stands in for attention.
fn attention(
    [a, b, c]: [f64; 3],
    [query, key, value]: [&Array3<f64>; 3],
    mask: Option<&ndarray::ArrayD<f64>>,
) -> Array3<f64> {
    let mean = |x: &Array3<f64>| x.mean_axis(Axis(1)).expect("a sequence has tokens").insert_axis(Axis(1));
    query * a + mean(key) * b + mean(value) * c + mask.map_or(0.0, |mask| mask.sum() * 0.01)
}

fn feed_forward(x: &Array3<f64>) -> Array3<f64> {
    x.mapv(|x| x * x - 0.5 * x)
}

/// PyTorch's LayerNorm over the last axis, with one of several scales and shifts.
fn normalised<'a>(arguments: &'a [Value], first: usize, at: usize) -> impl Fn(&Array3<f64>) -> Array3<f64> + 'a {
    move |x| {
        let (scale, shift) =
            (matrix(arguments, first).row(at).to_owned(), matrix(arguments, first + 1).row(at).to_owned());
        let mean = x.mean_axis(Axis(2)).expect("a width").insert_axis(Axis(2));
        let variance = x.var_axis(Axis(2), 0.0).insert_axis(Axis(2));
        (x - &mean) / (variance + 1e-5).mapv(f64::sqrt) * &scale + &shift
    }
}

fn mask_of(value: &Value) -> Option<ndarray::ArrayD<f64>> {
    match value {
        Value::Array(mask) => Some(mask.to_f64_array()),
        _ => None,
    }
}

fn decoded(arguments: &[Value], how: Blocks) -> Outcome {
    let (tgt, memory, mask) = (cube(arguments, 0), cube(arguments, 1), mask_of(&arguments[2]));
    let dropout = Dropout::new(arguments, 3);
    let norm = |at| normalised(arguments, 5, at);
    // The first block is the course's own.
    let own = norm(0)(&(dropout.each(&attention([0.5, 0.3, 0.2], [&tgt; 3], mask.as_ref())) + &tgt));
    let cross = |x: &Array3<f64>| {
        let from = how.memory.map(|memory_is_used| if memory_is_used { &memory } else { x });
        attention([0.4, -0.6, 0.7], [x, from[0], from[1]], mask.as_ref().filter(|_| how.cross_mask))
    };
    returns(how.run([&tgt, &own], dropout, [(&cross, &norm(1)), (&feed_forward, &norm(2))]))
}

fn encoded(arguments: &[Value], how: Blocks) -> Outcome {
    let (src, mask) = (cube(arguments, 0), mask_of(&arguments[1]));
    let norm = |at| normalised(arguments, 4, at);
    let own = |x: &Array3<f64>| attention([0.5, 0.3, 0.2], [x; 3], mask.as_ref().filter(|_| how.mask));
    returns(how.run([&src; 2], Dropout::new(arguments, 2), [(&own, &norm(0)), (&feed_forward, &norm(1))]))
}

static PATCHES: Exercise = Exercise {
    id: "PatchEmbedding",
    signature: Signature {
        name: "PatchEmbedding",
        parameters: &[
            floats_named("x", &["N", "C", "H", "H"]),
            int_named("patch_size"),
            floats_named("weights", &["D", "C*P*P"]),
            floats_named("biases", &["D"]),
        ],
        returns: floats_named("out", &["N", "patches", "D"]),
    },
    probes: || {
        let mut numbers = Numbers::stream(9175);
        [[1, 2, 2, 1, 3], [1, 1, 4, 2, 2], [2, 3, 4, 2, 5], [2, 3, 9, 3, 4]]
            .map(|[n, c, size, patch, d]| {
                let call = vec![
                    numbers.reals([n, c, size, size], -1.0, 1.0).into(),
                    Value::Int(patch as i64),
                    numbers.reals([d, c * patch * patch], -1.0, 1.0).into(),
                    numbers.reals([d], -0.5, 0.5).into(),
                ];
                let many = if n == 1 { "" } else { "s" };
                let label = format!("{n} image{many} of {c} channels, {size} by {size}, patches of {patch} by {patch}");
                Probe::ordinary(label, call)
            })
            .into()
    },
    reference: |arguments| embedded(arguments, |p| p, true),
    misconceptions: &[
        m::RESHAPE_SCRAMBLES.when(|arguments| {
            embedded(arguments, |Pixel { patch, at, shape, .. }| Pixel::of_memory(patch, at, shape), true)
        }),
        words(
            "channels-last-in-patch",
            "the channels are the last axis of a patch and not the first",
            "The course flattens a patch as (C, patch_size, patch_size): permute to (N, H/P, W/P, C, P, P) before the reshape.",
            "Which number follows the first pixel's red in your flattened patch?",
            VISION,
        )
        .when(|arguments| {
            embedded(arguments, |pixel| {
                let [channels, size, ..] = pixel.shape;
                let (c, rest) = (pixel.at % channels, pixel.at / channels);
                Pixel { c, u: rest / size, v: rest % size, ..pixel }
            }, true)
        }),
        words(
            "patches-by-columns",
            "the patches are counted column by column",
            "Patches follow each other as in reading: along a row of the image first.",
            "Which patch of the image is number 1?",
            VISION,
        )
        .when(|arguments| embedded(arguments, |pixel| Pixel { i: pixel.j, j: pixel.i, ..pixel }, true)),
        words(
            "patch-transposed",
            "rows and columns are exchanged inside of the patches",
            "After the cut the axes are (N, C, H/P, P, W/P, P): rows of a patch are axis 3, its columns axis 5.",
            "Which pixel follows the first in your flattened patch?",
            VISION,
        )
        .when(|arguments| embedded(arguments, |pixel| Pixel { u: pixel.v, v: pixel.u, ..pixel }, true)),
        words(
            "patch-projection-missing",
            "the flattened patches are returned, without the linear layer",
            "self.proj maps each flattened patch to a vector of embed_dim numbers.",
            "How wide is a row of your result?",
            VISION,
        )
        .when(|arguments| embedded(arguments, |pixel| pixel, false)),
    ],
    tolerance: TOLERANCE,
    ..Exercise::DEFAULTS
};

/// A number of a flattened patch, and the pixel that it is.
#[derive(Clone, Copy)]
struct Pixel {
    /// Number of the patch and place in it.
    patch: usize,
    at: usize,
    /// Channels, size of a patch, patches in a row.
    shape: [usize; 3],
    /// Channel, patch in the image, place in the patch.
    c: usize,
    i: usize,
    j: usize,
    u: usize,
    v: usize,
}

impl Pixel {
    fn new(patch: usize, at: usize, shape: [usize; 3]) -> Pixel {
        let [_, size, across] = shape;
        let (c, rest) = (at / (size * size), at % (size * size));
        Pixel { patch, at, shape, c, i: patch / across, j: patch % across, u: rest / size, v: rest % size }
    }

    /// The pixel that stands there in the memory of the image.
    fn of_memory(patch: usize, at: usize, shape: [usize; 3]) -> Pixel {
        let [channels, size, across] = shape;
        let place = patch * channels * size * size + at;
        let side = size * across;
        let (c, rest) = (place / (side * side), place % (side * side));
        let (row, column) = (rest / side, rest % side);
        let [i, j, u, v] = [row / size, column / size, row % size, column % size];
        Pixel { patch, at, shape, c, i, j, u, v }
    }
}

fn embedded(arguments: &[Value], which: fn(Pixel) -> Pixel, projected: bool) -> Outcome {
    let (x, size) = (images(arguments, 0), count(arguments, 1));
    let (weights, biases) = (matrix(arguments, 2), vector(arguments, 3));
    let (n, c, side, other) = x.dim();
    if size == 0 || !side.is_multiple_of(size) || side != other || weights.ncols() != c * size * size {
        return Outcome::Rejects("the side of the image is a multiple of the patch's".into());
    }
    let across = side / size;
    let flat = Array3::from_shape_fn((n, across * across, c * size * size), |(n, patch, at)| {
        let Pixel { c, i, j, u, v, .. } = which(Pixel::new(patch, at, [c, size, across]));
        x[[n, c, i * size + u, j * size + v]]
    });
    if !projected {
        return returns(flat);
    }
    returns(Array3::from_shape_fn((n, across * across, weights.nrows()), |(n, patch, d)| {
        flat.slice(ndarray::s![n, patch, ..]).dot(&weights.row(d)) + biases[d]
    }))
}
