//! `numeric_gradient`: a gradient by trying.

use ndarray::{Array1, ArrayView1, arr0};

use super::differences::{CENTRAL, Differences};
use crate::exercise::{Exercise, Kind, Misconception, Outcome, Parameter, Probe, Signature, Tolerance};
use crate::exercises::arguments::{callback, f64_array, float, float_named, floats, returns};
use crate::value::Value;

/// The exercise.
pub static NUMERIC_GRADIENT: Exercise = Exercise {
    id: "numeric_gradient",
    station: "gradients-chain-rule",
    task: "Find the gradient of f at x by trying: for each entry of x, move it by h up and by h down, leave all others\n\
           alone, and divide the difference of the two values of f by the distance of the two points.\n\
           f takes an array of n numbers and returns one number (as an array without axes, in Rust f(&x)[[]]).\n\
           x must be unchanged at the end.",
    signature: Signature {
        name: "numeric_gradient",
        parameters: &[
            Parameter { name: "f", kind: Kind::Function, meaning: "the function, called as f(x)" },
            f64_array("x", &["n"], "where the gradient is asked for"),
            float_named("h", "step, positive"),
        ],
        returns: f64_array("gradient", &["n"], "central differences"),
    },
    probes,
    reference,
    misconceptions: MISCONCEPTIONS,
    tolerance: Tolerance { relative: 1e-7, absolute: 1e-10 },
    hints: &[
        "Try f(x) = x[0]**2 with x = 3 and h = 1 on paper. What do you get, and how far is it from 6?",
        "Loop over the entries. Make two copies of x, add h to entry i of one and subtract it in the other; entry i of the \
         gradient is (f(ahead) - f(behind)) / (2 * h). Two fresh copies per entry, and nothing has to be put back.",
        "f(x) = x0 * x1, x = (2, 3), h = 0.5. Entry 0: (f(2.5, 3) - f(1.5, 3)) / 1 = 7.5 - 4.5 = 3. Entry 1: \
         (f(2, 3.5) - f(2, 2.5)) / 1 = 7 - 5 = 2. The gradient is (x1, x0) = (3, 2).",
    ],
    ..Exercise::DEFAULTS
};

/// A function of a vector that a probe hands out.
type Scalar = fn(ArrayView1<'_, f64>) -> f64;

fn probes() -> Vec<Probe> {
    let product: Scalar = |x| x[0] * x[1];
    let squares: Scalar = |x| x.iter().enumerate().map(|(i, x)| (i + 1) as f64 * x * x).sum();
    let cubic: Scalar = |x| x.iter().map(|x| x * x * x).sum::<f64>() + 2.0 * x[0] * x[x.len() - 1];
    let mixed: Scalar = |x| x[0] * x[0] * x[1] + (x[1] * x[2]).sin() + x[2].exp();
    let log_sum: Scalar = |x| x.mapv(f64::exp).sum().ln();
    let kink: Scalar = |x| x.mapv(f64::abs).sum();
    let arguments = |f: Scalar, x: &[f64], h: f64| vec![function(f), Array1::from(x.to_vec()).into(), Value::Float(h)];
    vec![
        Probe::ordinary("a product of two numbers, h = 0.5", arguments(product, &[2.0, 3.0], 0.5)),
        Probe::ordinary("a weighted sum of 4 squares, h = 0.1", arguments(squares, &[1.0, -2.0, 0.5, 3.0], 0.1)),
        Probe::ordinary("cubes of 3 numbers and a product, h = 0.25", arguments(cubic, &[1.0, -0.5, 2.0], 0.25)),
        Probe::ordinary("powers, a sine and an exponential, h = 0.001", arguments(mixed, &[1.5, -0.7, 0.4], 1e-3)),
        Probe::ordinary(
            "the logarithm of a sum of 5 exponentials, h = 0.01",
            arguments(log_sum, &[0.3, -1.0, 2.0, 0.0, 0.9], 0.01),
        ),
        Probe::hard("one number, cubed and more, h = 1", arguments(cubic, &[2.0], 1.0)),
        Probe::hard("at the origin", arguments(mixed, &[0.0, 0.0, 0.0], 0.05)),
        Probe::hard("on the kink of a sum of magnitudes", arguments(kink, &[0.0, -2.0, 0.0], 0.125)),
        Probe::hard("entries of a thousand", arguments(cubic, &[1000.0, -2000.0], 0.5)),
    ]
}

fn function(f: Scalar) -> Value {
    Value::function("f", move |x| {
        let x = x.view().into_shape_with_order(x.len()).expect("one axis");
        arr0(f(x)).into_dyn()
    })
}

struct Call<'a> {
    arguments: &'a [Value],
    x: Array1<f64>,
    h: f64,
}

fn call(arguments: &[Value]) -> Call<'_> {
    Call { arguments, x: floats(arguments, 1).to_owned(), h: float(arguments, 2) }
}

impl Call<'_> {
    fn by(&self, differences: &Differences, h: f64) -> Array1<f64> {
        differences.by_entry(callback(self.arguments, 0), &self.x, h).iter().map(|value| value.sum()).collect()
    }
}

fn with(arguments: &[Value], differences: Differences) -> Outcome {
    let call = call(arguments);
    returns(call.by(&differences, call.h))
}

fn reference(arguments: &[Value]) -> Outcome {
    with(arguments, CENTRAL)
}

const MISCONCEPTIONS: &[Misconception] = &[
    Misconception {
        id: "one-sided-difference",
        title: "only a step ahead is made: (f(x + h) - f(x)) / h",
        explanation: "Its error shrinks like h, that of the central difference like h squared: at h = 0.001 a thousand times \
                      smaller, for one more call of f.",
        question: "For f(x) = x**2 at 3 with h = 1, what comes out, and what is right?",
        see: ("cs231n", "notes: optimization-1, 'Computing the gradient'"),
        behaviour: |arguments| with(arguments, Differences { behind: 0.0, divisor: 1.0, ..CENTRAL }),
    },
    Misconception {
        id: "backward-difference",
        title: "only a step back is made: (f(x) - f(x - h)) / h",
        explanation: "Like the step ahead its error shrinks like h only. The two errors have opposite signs: their mean is \
                      the central difference, where they cancel.",
        question: "Which two points does your difference compare, and is x in the middle of them?",
        see: ("cs231n", "notes: optimization-1, 'Computing the gradient'"),
        behaviour: |arguments| with(arguments, Differences { ahead: 0.0, divisor: 1.0, ..CENTRAL }),
    },
    Misconception {
        id: "divided-by-half-the-distance",
        title: "the difference over a distance of 2 h is divided by h",
        explanation: "From x - h to x + h it is 2 h. Everything comes out twice as large; a gradient check then shows a \
                      relative error of one half everywhere and looks like a bug in the code under test.",
        question: "How far apart are your two points?",
        see: ("cs231n", "notes: optimization-1, 'Computing the gradient'"),
        behaviour: |arguments| with(arguments, Differences { divisor: 1.0, ..CENTRAL }),
    },
    Misconception {
        id: "sign-flipped",
        title: "f ahead is subtracted from f behind: the gradient points downhill",
        explanation: "The gradient points uphill: positive where f grows with the entry. Ahead minus behind.",
        question: "f(x) = x grows everywhere. What sign has your gradient of it?",
        see: ("dlbook", "4.3 Gradient-based optimization"),
        behaviour: |arguments| with(arguments, Differences { ahead: -1.0, behind: 1.0, ..CENTRAL }),
    },
    Misconception {
        id: "point-not-restored",
        title: "an entry that was moved is not put back before the next one",
        explanation: "x[i] += h, then x[i] -= 2 * h, and x[i] is still h below where it was: every later entry is \
                      differentiated at another point, and the caller's x has moved. Work on fresh copies.",
        question: "After the loop, is x what it was before?",
        see: ("cs231n", "notes: optimization-1, 'Computing the gradient'"),
        behaviour: |arguments| with(arguments, Differences { restored: false, ..CENTRAL }),
    },
    Misconception {
        id: "all-entries-perturbed",
        title: "all entries are moved at once, so every number is the sum of the whole gradient",
        explanation: "x + h adds h to every entry: the difference is the slope along (1, 1, .., 1). A partial derivative \
                      moves one entry and holds the others still.",
        question: "How many entries of x + h differ from x?",
        see: ("dlbook", "4.3 Gradient-based optimization"),
        behaviour: |arguments| with(arguments, Differences { all_entries: true, ..CENTRAL }),
    },
    Misconception {
        id: "step-too-small",
        title: "h is replaced by 1e-12, and rounding drowns the difference",
        explanation: "f(x + h) and f(x - h) agree in nearly all their digits then; what is left is rounding, divided by a \
                      tiny number. In 64-bit floats the best central step is near 1e-5.",
        question: "How many correct digits has the difference of two numbers that agree in 12 of 16 digits?",
        see: ("dlbook", "4.1-4.2 Overflow, underflow, poor conditioning"),
        behaviour: |arguments| returns(call(arguments).by(&CENTRAL, 1e-12)),
    },
    Misconception {
        id: "step-ignored",
        title: "h is ignored and 1e-5 used in its place",
        explanation: "1e-5 is a good choice for smooth functions of size 1, and the caller may know better: a noisy f needs \
                      a larger step. Use the h you are given.",
        question: "Where in your code does the argument h occur?",
        see: ("cs231n", "notes: optimization-1, 'Computing the gradient'"),
        behaviour: |arguments| returns(call(arguments).by(&CENTRAL, 1e-5)),
    },
    Misconception {
        id: "step-relative",
        title: "the step is h times the entry, which is no step where the entry is 0",
        explanation: "x * (1 + h) does not move an entry of 0: the difference is 0 / 0. Steps relative to the entry need a \
                      floor; here h is the step itself.",
        question: "How far does your code move an entry that is 0?",
        see: ("dlbook", "4.1-4.2 Overflow, underflow, poor conditioning"),
        behaviour: |arguments| {
            let call = call(arguments);
            let of_entry = |i: usize| call.by(&CENTRAL, call.h * call.x[i])[i];
            returns(Array1::from_shape_fn(call.x.len(), of_entry))
        },
    },
];
