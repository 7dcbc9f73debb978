//! `MultiHeadAttention`.

use ndarray::{Array3, Array4, Ix3, Ix4};

use super::super::super::CourseFunction;
use super::super::super::mistakes::{Words, words};
use super::super::super::values::{count, cube, floats_named, int_named, matrix, returns};
use super::{DROPOUT, DROPPED_IN_USE, Dropout, LECTURE, NEVER_DROPS, NOTEBOOK, PART, TRAINING, linear, reshaped};
use crate::exercise::{Element, Exercise, Kind, Outcome, Parameter, Probe, Signature, Tolerance};
use crate::exercises::numbers::Numbers;
use crate::value::{Array, Value};

pub(super) fn functions() -> Vec<CourseFunction> {
    let adapter = "layer = f(query.shape[2], num_heads, dropout=dropout).train(training)\n\
                   for at, name in enumerate(['query', 'key', 'value', 'proj']):\n    \
                       set_linear(getattr(layer, name), weights[at], biases[at])\n\
                   mask = attn_mask if attn_mask is None else tensors(attn_mask)[0]\n\
                   return plain(layer(*tensors(query, key, value), attn_mask=mask))";
    vec![CourseFunction::layer(PART, &["MultiHeadAttention"], &HEADS, adapter)]
}

static HEADS: Exercise = Exercise {
    id: "MultiHeadAttention",
    signature: Signature {
        name: "MultiHeadAttention",
        parameters: &[
            floats_named("query", &["N", "S", "E"]),
            floats_named("key", &["N", "T", "E"]),
            floats_named("value", &["N", "T", "E"]),
            Parameter {
                name: "attn_mask",
                kind: Kind::Array { element: Element::Bool, axes: &["S", "T"] },
                meaning: "",
            },
            int_named("num_heads"),
            DROPOUT,
            TRAINING,
            floats_named("weights", &["4", "E", "E"]),
            floats_named("biases", &["4", "E"]),
        ],
        returns: floats_named("output", &["N", "S", "E"]),
    },
    probes,
    reference: |arguments| attended(arguments, Heads::RIGHT),
    misconceptions: &[
        words(
            "scale-missing",
            "the scores are not divided by sqrt(head_dim)",
            "A product of two vectors of d random numbers has a deviation of sqrt(d). Undivided, the softmax saturates for wide \
             heads: nearly all weight on one key, and hardly any gradient.",
            "How large is the typical score when head_dim is 64?",
            LECTURE,
        )
        .when(|arguments| attended(arguments, Heads { scale: |_, _| 1.0, ..Heads::RIGHT })),
        words(
            "scale-of-embedding",
            "the scores are divided by sqrt(embed_dim) and not by sqrt(head_dim)",
            "A score is a product over the width of one head, embed_dim / num_heads: that is the d of the formula.",
            "How many products are added up in one score?",
            LECTURE,
        )
        .when(|arguments| attended(arguments, Heads { scale: |_, embedding| embedding.sqrt(), ..Heads::RIGHT })),
        words(
            "scale-without-root",
            "the scores are divided by head_dim and not by its root",
            "Variances add up, deviations do not: a sum of d products has a deviation of sqrt(d).",
            "What is the deviation of a sum of d independent numbers?",
            LECTURE,
        )
        .when(|arguments| attended(arguments, Heads { scale: |head, _| head, ..Heads::RIGHT })),
        words(
            "scale-multiplied",
            "the scores are multiplied by sqrt(head_dim)",
            "They are divided, so that wide heads do not saturate the softmax.",
            "Are your scores larger or smaller than the plain products?",
            LECTURE,
        )
        .when(|arguments| attended(arguments, Heads { scale: |head, _| 1.0 / head.sqrt(), ..Heads::RIGHT })),
        words(
            "mask-ignored",
            "attn_mask is not used",
            "Where the mask is 0, the score becomes -inf before the softmax: scores.masked_fill(attn_mask == 0, float('-inf')). \
             masked_fill returns a new tensor; masked_fill_ changes the old one.",
            "Does your output change when attn_mask does?",
            NOTEBOOK,
        )
        .when(|arguments| attended(arguments, Heads { mask: Mask::Ignored, ..Heads::RIGHT })),
        words(
            "mask-inverted",
            "the allowed places are masked, and the forbidden ones are kept",
            "attn_mask is 0 where attention is forbidden: these scores become -inf, the others stay.",
            "Does a 1 in attn_mask mean look, or look away?",
            NOTEBOOK,
        )
        .when(|arguments| attended(arguments, Heads { mask: Mask::Inverted, ..Heads::RIGHT })),
        AFTER_SOFTMAX.when(|arguments| attended(arguments, Heads { mask: Mask::WeightsZeroed, ..Heads::RIGHT })),
        AFTER_SOFTMAX.when(|arguments| attended(arguments, Heads { mask: Mask::WeightsInfinite, ..Heads::RIGHT })),
        words(
            "masked-with-zero",
            "masked scores become 0 and not -inf",
            "exp(0) is 1: a masked place still gets its share. exp(-inf) is 0. (1e-9 in place of -1e9 does the same.)",
            "What is the weight of a masked place after your softmax?",
            NOTEBOOK,
        )
        .when(|arguments| attended(arguments, Heads { mask: Mask::Zero, ..Heads::RIGHT })),
        WRONG_AXIS.when(|arguments| attended(arguments, Heads { over: Over::Queries, ..Heads::RIGHT })),
        WRONG_AXIS.when(|arguments| attended(arguments, Heads { over: Over::Heads, ..Heads::RIGHT })),
        // Where everything is masked, -inf gives no number and a large negative one equal shares.
        WRONG_AXIS.when(|arguments| attended(arguments, Heads { over: Over::Queries, fill: -1e9, ..Heads::RIGHT })),
        WRONG_AXIS.when(|arguments| attended(arguments, Heads { over: Over::Heads, fill: -1e9, ..Heads::RIGHT })),
        BY_RESHAPE.when(|arguments| attended(arguments, Heads { split: Layout::Memory, ..Heads::RIGHT })),
        BY_RESHAPE.when(|arguments| {
            attended(arguments, Heads { split: Layout::Memory, merge: Layout::Memory, ..Heads::RIGHT })
        }),
        words(
            "heads-not-transposed-back",
            "the heads are joined without transposing back, which scrambles tokens and heads",
            "After the sum over keys the axes are (N, H, S, E/H). A token's heads lie apart in memory: .transpose(1, 2) first, \
             then reshape to (N, S, E). Where .view complains, .contiguous() before it, or .reshape, is the remedy; leaving out \
             the transpose is not.",
            "Which numbers stand beside each other in row 0 of your joined tensor?",
            NOTEBOOK,
        )
        .when(|arguments| attended(arguments, Heads { merge: Layout::Memory, ..Heads::RIGHT })),
        ONE_HEAD.when(|arguments| attended(arguments, Heads { one: true, ..Heads::RIGHT })),
        ONE_HEAD.when(|arguments| {
            let scale = |_: f64, embedding: f64| embedding.sqrt();
            attended(arguments, Heads { one: true, scale, ..Heads::RIGHT })
        }),
        words(
            "output-projection-missing",
            "the output does not go through self.proj",
            "The heads are only set side by side: the last linear layer mixes what they found.",
            "Where does your forward use self.proj?",
            NOTEBOOK,
        )
        .when(|arguments| attended(arguments, Heads { project: false, ..Heads::RIGHT })),
        LAYERS_EXCHANGED.when(|arguments| attended(arguments, Heads { layers: [1, 0, 2], ..Heads::RIGHT })),
        LAYERS_EXCHANGED.when(|arguments| attended(arguments, Heads { layers: [0, 2, 1], ..Heads::RIGHT })),
        words(
            "key-for-value",
            "the weights are applied to the keys and not to the values",
            "Keys decide how much, values say what: self.value(value) is what is averaged.",
            "What does your output average?",
            LECTURE,
        )
        .when(|arguments| attended(arguments, Heads { layers: [0, 1, 1], ..Heads::RIGHT })),
        NEVER_DROPS.when(|arguments| attended(arguments, Heads { drop: Drop::Nothing, ..Heads::RIGHT })),
        DROPPED_IN_USE.when(|arguments| attended(arguments, Heads { drop: Drop::Always, ..Heads::RIGHT })),
        ELSEWHERE.when(|arguments| attended(arguments, Heads { drop: Drop::Scores, ..Heads::RIGHT })),
        ELSEWHERE.when(|arguments| attended(arguments, Heads { drop: Drop::Averages, ..Heads::RIGHT })),
        ELSEWHERE.when(|arguments| attended(arguments, Heads { drop: Drop::Output, ..Heads::RIGHT })),
    ],
    // sqrt(head_dim) is often a 32-bit tensor.
    tolerance: Tolerance { relative: 1e-6, absolute: 1e-7 },
    ..Exercise::DEFAULTS
};

const AFTER_SOFTMAX: Words = words(
    "mask-after-softmax",
    "the mask is applied after the softmax",
    "After the softmax it is too late: the weights of a row then no longer add up to 1, or are -inf themselves. Set the scores \
     to -inf before it, and the others share the weight among them.",
    "What do the weights of a masked row add up to?",
    NOTEBOOK,
);
const WRONG_AXIS: Words = words(
    "normalized-over-wrong-axis",
    "the softmax does not run over the keys",
    "Each query shares one unit of attention among the keys: the last axis of (N, H, S, T), dim=-1.",
    "Which of your sums is 1: over T, over S, or over H?",
    LECTURE,
);
const BY_RESHAPE: Words = words(
    "heads-split-by-reshape",
    "the heads are split by reshape alone, which mixes the tokens",
    "(N, S, E) becomes (N, S, H, E/H) by reshape and then (N, H, S, E/H) by transpose(1, 2). Reshaped to (N, H, S, E/H) at \
     once, a head holds pieces of a few tokens in place of a piece of every token. No shape complains.",
    "Which numbers of token 0 are in head 1 of your tensor?",
    NOTEBOOK,
);
const ONE_HEAD: Words = words(
    "heads-ignored",
    "one head attends over the whole width",
    "Each of the num_heads heads has scores of its own, over its own embed_dim / num_heads columns.",
    "Does your output depend on num_heads?",
    LECTURE,
);
const LAYERS_EXCHANGED: Words = words(
    "layers-exchanged",
    "two of the linear layers query, key and value are exchanged",
    "self.query belongs to query, self.key to key, self.value to value. Exchanged they can be trained all the same, but saved \
     weights, and the course's expected numbers, do not fit.",
    "Which linear layer does each of the three inputs go through?",
    NOTEBOOK,
);
const ELSEWHERE: Words = words(
    "dropout-elsewhere",
    "dropout is not applied to the attention weights",
    "The course drops weights, just after the softmax: some keys are not looked at in this pass.",
    "What goes through your dropout layer?",
    NOTEBOOK,
);

/// Weights that leave the softmax unsaturated, so that the numbers show what was computed.
fn probes() -> Vec<Probe> {
    let mut numbers = Numbers::stream(9172);
    let mut probe = |[n, s, t, e]: [usize; 4], heads: i64, mask: Value, dropout: f64, training: bool| {
        let inputs = [[n, s, e], [n, t, e], [n, t, e]].map(|shape| numbers.reals(shape, -1.0, 1.0).into());
        let masked = if mask == Value::None { "no mask" } else { "masked" };
        let how = match (training, dropout) {
            (false, _) => "evaluation",
            (true, 0.0) => "training without dropout",
            (true, _) => "training with dropout",
        };
        let many = if heads == 1 { "" } else { "s" };
        let label = format!("{n} x {s} queries, {t} keys, {e} wide, {heads} head{many}; {masked}; {how}");
        let mut call: Vec<Value> = inputs.into();
        call.extend([mask, Value::Int(heads), Value::Float(dropout), Value::Bool(training)]);
        call.push(numbers.reals([4, e, e], -0.9, 0.9).into());
        call.push(numbers.reals([4, e], -0.5, 0.5).into());
        Probe::ordinary(label, call)
    };
    // A query sees the keys up to its own; the last key is for nobody, so that no row allows everything.
    let causal = |s: usize| {
        let allowed = (0..s * (s + 1)).map(|at| at % (s + 1) <= at / (s + 1));
        Value::array(&[s, s + 1], allowed.collect::<Vec<bool>>())
    };
    let some = Value::array(&[2, 3], vec![true, false, true, false, true, true]);
    let mut probes = vec![
        probe([1, 2, 3, 4], 2, Value::None, 0.0, false),
        probe([1, 2, 3, 4], 2, some.clone(), 0.0, false),
        probe([2, 4, 5, 6], 3, causal(4), 0.5, false),
        probe([2, 3, 5, 8], 2, Value::None, 0.0, true),
        probe([2, 2, 3, 12], 4, some, 0.4, true),
        probe([1, 3, 4, 6], 1, Value::None, 0.3, true),
    ];
    let mut whole = probe([1, 3, 4, 4], 2, causal(3), 0.0, false);
    if let Value::Array(Array::Bool(mask)) = &whole.arguments[3] {
        whole.arguments[3] = Value::Array(Array::I64(mask.mapv(i64::from)));
    }
    whole.label = "a mask of whole numbers, as CaptioningTransformer makes it".into();
    whole.difficulty = crate::exercise::Difficulty::Hard;
    probes.push(whole);
    probes
}

/// What becomes of scores, or weights, where the mask is 0.
#[derive(Clone, Copy, PartialEq)]
enum Mask {
    Right,
    Ignored,
    Inverted,
    Zero,
    WeightsZeroed,
    WeightsInfinite,
}

/// What the softmax adds up over.
#[derive(Clone, Copy)]
enum Over {
    Keys,
    Queries,
    Heads,
}

/// How heads are cut out of the width and joined again.
#[derive(Clone, Copy)]
enum Layout {
    Transposed,
    /// By a reshape alone.
    Memory,
}

/// What is dropped.
#[derive(Clone, Copy, PartialEq)]
enum Drop {
    Weights,
    Nothing,
    Always,
    Scores,
    Averages,
    Output,
}

/// The layer, each part free to be wrong.
#[derive(Clone, Copy)]
struct Heads {
    /// What the scores are divided by, from the widths of a head and of the embedding.
    scale: fn(f64, f64) -> f64,
    mask: Mask,
    /// What masked scores become.
    fill: f64,
    over: Over,
    split: Layout,
    merge: Layout,
    one: bool,
    project: bool,
    /// Which linear layer query, key and value go through.
    layers: [usize; 3],
    drop: Drop,
}

impl Heads {
    const RIGHT: Heads = Heads {
        scale: |head, _| head.sqrt(),
        mask: Mask::Right,
        fill: f64::NEG_INFINITY,
        over: Over::Keys,
        split: Layout::Transposed,
        merge: Layout::Transposed,
        one: false,
        project: true,
        layers: [0, 1, 2],
        drop: Drop::Weights,
    };

    /// Scores after the mask, as far as that comes before the softmax.
    fn masked(&self, scores: &Array4<f64>, allowed: &dyn Fn(usize, usize) -> bool) -> Array4<f64> {
        Array4::from_shape_fn(scores.dim(), |at| {
            let allowed = allowed(at.2, at.3);
            match self.mask {
                Mask::Right if !allowed => self.fill,
                Mask::Inverted if allowed => self.fill,
                Mask::Zero if !allowed => 0.0,
                _ => scores[at],
            }
        })
    }

    fn softmax(&self, scores: &Array4<f64>, allowed: &dyn Fn(usize, usize) -> bool) -> Array4<f64> {
        let axis = ndarray::Axis(match self.over {
            Over::Keys => 3,
            Over::Queries => 2,
            Over::Heads => 1,
        });
        let largest = scores.fold_axis(axis, f64::NEG_INFINITY, |a, &b| a.max(b)).insert_axis(axis);
        let powers = (scores - &largest).mapv(f64::exp);
        let weights = &powers / &powers.sum_axis(axis).insert_axis(axis);
        Array4::from_shape_fn(weights.dim(), |at| match self.mask {
            Mask::WeightsZeroed if !allowed(at.2, at.3) => 0.0,
            Mask::WeightsInfinite if !allowed(at.2, at.3) => f64::NEG_INFINITY,
            _ => weights[at],
        })
    }
}

/// `[N, S, E]` as `[N, H, S, E/H]`.
fn split(x: &Array3<f64>, heads: usize, layout: Layout) -> Array4<f64> {
    let (n, s, e) = x.dim();
    let width = e / heads;
    match layout {
        Layout::Transposed => {
            Array4::from_shape_fn((n, heads, s, width), |(n, head, s, at)| x[[n, s, head * width + at]])
        }
        Layout::Memory => reshaped(x, &[n, heads, s, width]).into_dimensionality::<Ix4>().expect("four axes"),
    }
}

/// `[N, H, S, E/H]` as `[N, S, E]`.
fn merge(x: &Array4<f64>, layout: Layout) -> Array3<f64> {
    let (n, heads, s, width) = x.dim();
    match layout {
        Layout::Transposed => {
            Array3::from_shape_fn((n, s, heads * width), |(n, s, at)| x[[n, at / width, s, at % width]])
        }
        Layout::Memory => reshaped(x, &[n, s, heads * width]).into_dimensionality::<Ix3>().expect("three axes"),
    }
}

fn attended(arguments: &[Value], how: Heads) -> Outcome {
    let (weights, biases) = (cube(arguments, 7), matrix(arguments, 8));
    let (mut heads, mut dropout) = (count(arguments, 4), Dropout::new(arguments, 5));
    let embedding = weights.dim().1;
    if heads == 0 || !embedding.is_multiple_of(heads) {
        return Outcome::Rejects("the width is a multiple of the number of heads".into());
    }
    let head_width = (embedding / heads) as f64;
    if how.one {
        heads = 1;
    }
    dropout.training |= how.drop == Drop::Always;
    let mask = match &arguments[3] {
        Value::Array(mask) => Some(mask.to_f64_array()),
        _ => None,
    };
    let allowed = |query: usize, key: usize| mask.as_ref().is_none_or(|mask| mask[[query, key]] != 0.0);
    let [q, k, v] = [0, 1, 2].map(|at| {
        let input = if how.layers == [0, 1, 1] && at == 2 { 1 } else { at };
        split(&linear(&cube(arguments, input), &weights, &biases, how.layers[at]), heads, how.split)
    });
    let ((n, _, queries, width), keys) = (q.dim(), k.dim().2);
    let scale = (how.scale)(head_width, embedding as f64);
    let scores = Array4::from_shape_fn((n, heads, queries, keys), |(n, head, query, key)| {
        (0..width).map(|at| q[[n, head, query, at]] * k[[n, head, key, at]]).sum::<f64>() / scale
    });
    let mut scores = if mask.is_some() { how.masked(&scores, &allowed) } else { scores };
    if how.drop == Drop::Scores {
        scores = dropout.each(&scores);
    }
    let mut shares = how.softmax(&scores, &allowed);
    if matches!(how.drop, Drop::Weights | Drop::Always) {
        shares = dropout.each(&shares);
    }
    let mut averages = Array4::from_shape_fn(q.dim(), |(n, head, query, at)| {
        (0..keys).map(|key| shares[[n, head, query, key]] * v[[n, head, key, at]]).sum::<f64>()
    });
    if how.drop == Drop::Averages {
        averages = dropout.each(&averages);
    }
    let mut output = merge(&averages, how.merge);
    if how.project {
        output = linear(&output, &weights, &biases, 3);
    }
    returns(if how.drop == Drop::Output { dropout.each(&output) } else { output })
}
