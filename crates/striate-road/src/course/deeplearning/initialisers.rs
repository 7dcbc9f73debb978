//! The starts of the weights (course 1, weeks 3 and 4; course 2, week 1). They are random, so what is compared are
//! facts about them, measured on layers that are wide enough for the measure to be sure.

use super::super::CourseFunction;
use super::super::mistakes::{Words, words};
use super::super::values::{floats_named, results, text, text_named, tuple};
use super::{DEEP, REGULARISATION, SHALLOW};
use crate::exercise::{Exercise, Kind, Misconception, Outcome, Parameter, Probe, Signature, Tolerance};
use crate::value::{Array, Value};

/// Measures what `$call` makes: shapes, the deviation of each W, its mean in deviations, and whether each b is zero. A
/// deviation of less than a billionth is none.
macro_rules! measured {
    ($call:literal) => {
        concat!(
            "sizes = [int(size) for size in layer_dims.split(',')]\nparameters = ",
            $call,
            r"
shapes, spreads, centres, zero = [], [], [], True
for layer in range(1, len(sizes)):
    names = ['W' + str(layer), 'b' + str(layer)]
    W, b = [np.asarray(parameters.get(name, np.zeros(0)), dtype=float) for name in names]
    shapes += [name + ' ' + ('x'.join(map(str, np.shape(parameters[name]))) if name in parameters else 'missing')
               for name in names]
    spread = float(W.std()) if W.size else 0.0
    spreads.append(spread if spread > 1e-9 else 0.0)
    centres.append(round(float(W.mean()) / spread, 1) + 0.0 if spread > 1e-9 else 0.0)
    zero = zero and not b.any()
return ', '.join(shapes), np.array(spreads), np.array(centres), zero"
        )
    };
}

pub(super) fn functions() -> Vec<CourseFunction> {
    let f = CourseFunction::new;
    vec![
        f(SHALLOW, &["initialize_parameters"], &TWO_LAYERS, measured!("f(*sizes)"))
            .takes(|parameters| parameters.len() == 3),
        f(DEEP, &["initialize_parameters_deep"], &DEEP_START, measured!("f(sizes)")),
        f(REGULARISATION, &["initialize_parameters_zeros"], &ZEROS, measured!("f(sizes)"))
            .takes(|parameters| parameters.len() == 1),
        f(REGULARISATION, &["initialize_parameters_random"], &LARGE, measured!("f(sizes)"))
            .takes(|parameters| parameters.len() == 1),
        f(REGULARISATION, &["initialize_parameters_he"], &HE, measured!("f(sizes)"))
            .takes(|parameters| parameters.len() == 1),
    ]
}

const NOTES: (&str, &str) = ("dls-c2", "W1 Practical aspects of deep learning, Weight initialization");

/// How the weights are drawn, each part free to be wrong.
#[derive(Clone, Copy)]
struct Start {
    /// Deviation of the noise's factor, from the number of inputs and of outputs.
    factor: fn(f64, f64) -> f64,
    /// Whether numbers between 0 and 1 are drawn and not normally distributed ones.
    uniform: bool,
    transposed: bool,
    bias: Bias,
    last_layer: bool,
}

#[derive(Clone, Copy, PartialEq)]
enum Bias {
    Zero,
    Flat,
    Random,
}

const SMALL: Start =
    Start { factor: |_, _| 0.01, uniform: false, transposed: false, bias: Bias::Zero, last_layer: true };

fn he(inputs: f64) -> f64 {
    (2.0 / inputs).sqrt()
}

const HE_START: Start = Start { factor: |inputs, _| he(inputs), ..SMALL };
const LARGE_START: Start = Start { factor: |_, _| 10.0, ..SMALL };
const ZERO_START: Start = Start { factor: |_, _| 0.0, ..SMALL };

fn sizes(arguments: &[Value]) -> Vec<usize> {
    text(arguments, 0).split(',').map(|size| size.trim().parse().expect("a size")).collect()
}

fn facts(arguments: &[Value], how: Start) -> Outcome {
    let sizes = sizes(arguments);
    let layers = sizes.len() - 1;
    let (mut shapes, mut spreads, mut centres) = (Vec::new(), Vec::new(), Vec::new());
    for (layer, pair) in sizes.windows(2).enumerate() {
        let (inputs, outputs) = (pair[0], pair[1]);
        if layer + 1 == layers && !how.last_layer {
            shapes.push(format!("W{layers} missing, b{layers} missing"));
            spreads.push(0.0);
            centres.push(0.0);
            continue;
        }
        let [rows, columns] = if how.transposed { [inputs, outputs] } else { [outputs, inputs] };
        let column = if how.bias == Bias::Flat { "" } else { "x1" };
        let number = layer + 1;
        shapes.push(format!("W{number} {rows}x{columns}, b{number} {outputs}{column}"));
        // The uniform distribution on [0, 1) has the mean 1/2 and the deviation sqrt(1/12).
        let noise = if how.uniform { (1.0_f64 / 12.0).sqrt() } else { 1.0 };
        let spread = noise * (how.factor)(inputs as f64, outputs as f64);
        spreads.push(spread);
        centres.push(if how.uniform && spread > 0.0 { 1.7 } else { 0.0 });
    }
    tuple([
        Value::Text(shapes.join(", ")),
        Value::array(&[layers], spreads),
        Value::array(&[layers], centres),
        Value::Bool(how.bias != Bias::Random),
    ])
}

const MEASURES: Parameter = results(&[
    text_named("shapes"),
    floats_named("deviation of each W", &["L"]),
    floats_named("mean of each W in deviations", &["L"]),
    Parameter { name: "every b is zero", kind: Kind::Bool, meaning: "" },
]);

const LAYER_DIMS: &[Parameter] = &[text_named("layer_dims")];

const fn signature(name: &'static str) -> Signature {
    Signature { name, parameters: LAYER_DIMS, returns: MEASURES }
}

/// The deviation of 50 000 numbers is known to about a third of a percent.
const MEASURED: Tolerance = Tolerance { relative: 0.02, absolute: 1e-9 };

fn networks(all: &[&str]) -> Vec<Probe> {
    all.iter()
        .map(|sizes| Probe::ordinary(format!("layers of {sizes} units"), vec![Value::Text((*sizes).into())]))
        .collect()
}

fn shallow() -> Vec<Probe> {
    networks(&["300, 200, 400", "500, 350, 150"])
}

fn deep() -> Vec<Probe> {
    networks(&["300, 200, 400", "500, 350, 150, 600"])
}

const TRANSPOSED: Words = words(
    "matrix-transposed",
    "the weight matrix has a row for each input and not for each unit",
    "Here Z = W A + b with a column per example: W has a row for each unit of its layer and a column for each unit of the layer \
     before, (n[l], n[l-1]).",
    "Which shape must W have so that W @ A has a row per unit?",
    NOTES,
);
const FLAT_BIAS: Words = words(
    "axis-dropped",
    "b is a flat vector",
    "np.zeros((n, 1)) is a column, which NumPy adds to each column of Z. A flat vector of length n is taken for a row, and adds \
     to the wrong axis.",
    "What is the shape of np.zeros(n), and what of np.zeros((n, 1))?",
    ("numpy", "user guide: Broadcasting"),
);
const RANDOM_BIAS: Words = words(
    "biases-not-zero",
    "the biases are random too",
    "The random weights make the units differ already; the biases start at zero.",
    "What do random biases add that random weights do not?",
    NOTES,
);
const FROM_UNIFORM: Words = words(
    "uniform-noise",
    "the weights are drawn between 0 and 1, so that all are positive",
    "np.random.rand is uniform on [0, 1); np.random.randn is normally distributed around 0. Weights that are all positive push \
     every unit in the same direction.",
    "What is the mean of your W1?",
    ("numpy", "numpy.random.randn"),
);
const ALL_ZERO: Words = words(
    "weights-all-zero",
    "all weights are zero",
    "Units that start with the same weights get the same gradients and stay the same for ever: a layer of them is one unit.",
    "In what do two units of your first layer differ after one step?",
    NOTES,
);
const LAST_MISSING: Words = words(
    "layers-off-by-one",
    "the last layer has no parameters",
    "layer_dims counts the input as well: len(layer_dims) - 1 layers have weights, so l runs from 1 to len(layer_dims) - 1, \
     range(1, len(layer_dims)).",
    "How many weight matrices has a network with layer_dims = [5, 4, 3]?",
    NOTES,
);
const SCALE_MISSING: Words = words(
    "not-scaled",
    "the factor on the random numbers is missing",
    "np.random.randn gives numbers of size 1. The factor behind it sets how large the weights are, and with that where on their \
     curve the activations start.",
    "What is the standard deviation of your W1?",
    NOTES,
);

static TWO_LAYERS: Exercise = Exercise {
    id: "initialize_parameters",
    signature: signature("initialize_parameters"),
    probes: || {
        let mut probes = shallow();
        probes.iter_mut().for_each(|probe| probe.label = probe.label.replace("layers of", "n_x, n_h, n_y ="));
        probes
    },
    reference: |arguments| facts(arguments, SMALL),
    misconceptions: &[
        SCALE_MISSING.when(|arguments| facts(arguments, Start { factor: |_, _| 1.0, ..SMALL })),
        ALL_ZERO.when(|arguments| facts(arguments, ZERO_START)),
        FROM_UNIFORM.when(|arguments| facts(arguments, Start { uniform: true, ..SMALL })),
        TRANSPOSED.when(|arguments| facts(arguments, Start { transposed: true, ..SMALL })),
        FLAT_BIAS.when(|arguments| facts(arguments, Start { bias: Bias::Flat, ..SMALL })),
        RANDOM_BIAS.when(|arguments| facts(arguments, Start { bias: Bias::Random, ..SMALL })),
    ],
    tolerance: MEASURED,
    ..Exercise::DEFAULTS
};

static DEEP_START: Exercise = Exercise {
    id: "initialize_parameters_deep",
    signature: signature("initialize_parameters_deep"),
    probes: deep,
    reference: |arguments| facts(arguments, SMALL),
    misconceptions: &[
        SCALE_MISSING.when(|arguments| facts(arguments, Start { factor: |_, _| 1.0, ..SMALL })),
        ALL_ZERO.when(|arguments| facts(arguments, ZERO_START)),
        FROM_UNIFORM.when(|arguments| facts(arguments, Start { uniform: true, ..SMALL })),
        TRANSPOSED.when(|arguments| facts(arguments, Start { transposed: true, ..SMALL })),
        LAST_MISSING.when(|arguments| facts(arguments, Start { last_layer: false, ..SMALL })),
        FLAT_BIAS.when(|arguments| facts(arguments, Start { bias: Bias::Flat, ..SMALL })),
        RANDOM_BIAS.when(|arguments| facts(arguments, Start { bias: Bias::Random, ..SMALL })),
    ],
    tolerance: MEASURED,
    canonical: Some(either_factor),
    ..Exercise::DEFAULTS
};

/// The notebook says 0.01, the file that is handed out for the next one 1 / sqrt(n[l-1]): both are right.
fn either_factor(arguments: &[Value], value: Value) -> Value {
    let Value::Tuple(parts) = &value else { return value };
    let [shapes, Value::Array(Array::F64(spreads)), centres, zero] = parts.as_slice() else { return value };
    let sizes = sizes(arguments);
    let near = |(&spread, &inputs): (&f64, &usize)| (spread * (inputs as f64).sqrt() - 1.0).abs() < MEASURED.relative;
    if spreads.len() != sizes.len() - 1 || !spreads.iter().zip(&sizes).all(near) {
        return value;
    }
    let small = Value::array(&[sizes.len() - 1], vec![0.01; sizes.len() - 1]);
    Value::Tuple(vec![shapes.clone(), small, centres.clone(), zero.clone()])
}

static ZEROS: Exercise = Exercise {
    id: "initialize_parameters_zeros",
    signature: signature("initialize_parameters_zeros"),
    probes: deep,
    reference: |arguments| facts(arguments, ZERO_START),
    misconceptions: &[
        words(
            "weights-not-zero",
            "the weights are random",
            "This one is the bad example, on purpose: all weights are zero, and you see that the network then learns nothing.",
            "What should W1 look like in this part of the notebook?",
            NOTES,
        )
        .when(|arguments| facts(arguments, SMALL)),
        TRANSPOSED.when(|arguments| facts(arguments, Start { transposed: true, ..ZERO_START })),
        LAST_MISSING.when(|arguments| facts(arguments, Start { last_layer: false, ..ZERO_START })),
        FLAT_BIAS.when(|arguments| facts(arguments, Start { bias: Bias::Flat, ..ZERO_START })),
    ],
    tolerance: MEASURED,
    ..Exercise::DEFAULTS
};

const LARGE_MISTAKES: &[Misconception] = &[
    SCALE_MISSING.when(|arguments| facts(arguments, Start { factor: |_, _| 1.0, ..SMALL })),
    words(
        "constant-scale",
        "the weights are 0.01 times standard noise, not 10 times",
        "This part of the notebook starts with weights that are much too large, on purpose: the factor is 10.",
        "Which factor does the text above the cell ask for?",
        NOTES,
    )
    .when(|arguments| facts(arguments, SMALL)),
    ALL_ZERO.when(|arguments| facts(arguments, ZERO_START)),
    FROM_UNIFORM.when(|arguments| facts(arguments, Start { uniform: true, ..LARGE_START })),
    TRANSPOSED.when(|arguments| facts(arguments, Start { transposed: true, ..LARGE_START })),
    LAST_MISSING.when(|arguments| facts(arguments, Start { last_layer: false, ..LARGE_START })),
    FLAT_BIAS.when(|arguments| facts(arguments, Start { bias: Bias::Flat, ..LARGE_START })),
    RANDOM_BIAS.when(|arguments| facts(arguments, Start { bias: Bias::Random, ..LARGE_START })),
];

static LARGE: Exercise = Exercise {
    id: "initialize_parameters_random",
    signature: signature("initialize_parameters_random"),
    probes: deep,
    reference: |arguments| facts(arguments, LARGE_START),
    misconceptions: LARGE_MISTAKES,
    tolerance: MEASURED,
    ..Exercise::DEFAULTS
};

const HE_MISTAKES: &[Misconception] = &[
    words(
        "he-gain-missing",
        "1 / n is used: the 2 is missing",
        "ReLU lets half of the variance through, and He's 2 makes up for it: sqrt(2 / n[l-1]). Without it is Xavier's start, \
         which suits tanh.",
        "Which share of its inputs does ReLU set to zero?",
        NOTES,
    )
    .when(|arguments| facts(arguments, Start { factor: |inputs, _| inputs.sqrt().recip(), ..SMALL })),
    words(
        "variance-for-deviation",
        "the noise is multiplied by the variance and not by its root",
        "2 / n is the variance. Noise times a factor has the factor's square as its variance, so the factor is sqrt(2 / n[l-1]).",
        "What is the variance of 3 * np.random.randn(...)?",
        NOTES,
    )
    .when(|arguments| facts(arguments, Start { factor: |inputs, _| 2.0 / inputs, ..SMALL })),
    words(
        "fan-swapped",
        "the number of units of the layer itself is used and not that of the layer before",
        "A unit adds up one product for each of its inputs, so the inputs decide: layer_dims[l - 1].",
        "How many numbers does one unit add up?",
        NOTES,
    )
    .when(|arguments| facts(arguments, Start { factor: |_, outputs| he(outputs), ..SMALL })),
    words(
        "constant-scale",
        "the factor does not depend on the size of the layer: it is the one of the part before",
        "He's factor is sqrt(2 / layer_dims[l - 1]), and takes the place of 10 or 0.01.",
        "Should a unit with 1000 inputs have weights as large as one with 10?",
        NOTES,
    )
    .when(|arguments| facts(arguments, LARGE_START)),
    SCALE_MISSING.when(|arguments| facts(arguments, Start { factor: |_, _| 1.0, ..SMALL })),
    FROM_UNIFORM.when(|arguments| facts(arguments, Start { uniform: true, ..HE_START })),
    TRANSPOSED.when(|arguments| facts(arguments, Start { transposed: true, ..HE_START })),
    LAST_MISSING.when(|arguments| facts(arguments, Start { last_layer: false, ..HE_START })),
    FLAT_BIAS.when(|arguments| facts(arguments, Start { bias: Bias::Flat, ..HE_START })),
    RANDOM_BIAS.when(|arguments| facts(arguments, Start { bias: Bias::Random, ..HE_START })),
];

static HE: Exercise = Exercise {
    id: "initialize_parameters_he",
    signature: signature("initialize_parameters_he"),
    probes: deep,
    reference: |arguments| facts(arguments, HE_START),
    misconceptions: HE_MISTAKES,
    tolerance: MEASURED,
    ..Exercise::DEFAULTS
};
