//! `power_iteration`: multiply, shorten, repeat.

use ndarray::{Array1, Array2, ArrayView1, ArrayView2, array};

use super::symmetric::{eigenpairs, sign, with_eigenvalues};
use crate::exercise::{Exercise, Kind, Misconception, Outcome, Parameter, Probe, Property, Signature, Tolerance};
use crate::exercises::arguments::{count, f64_array, float, floats, int_named, rejects, returns};
use crate::exercises::numbers::Numbers;
use crate::value::{Array, Value};

/// The exercise.
pub static POWER_ITERATION: Exercise = Exercise {
    id: "power_iteration",
    station: "eigendecomposition",
    task: "Find the eigenvalue of largest magnitude of a symmetric matrix, and a unit vector that belongs to it.\n\
           Make start a unit vector v; then repeat: multiply it by a, and shorten the product to length 1.\n\
           The eigenvalue that fits v best is the Rayleigh quotient v @ a @ v (for a unit vector).\n\
           Stop when the length of a @ v - value * v is at most tol * abs(value).\n\
           Refuse a start of zeros with an error, and give up with an error after max_steps multiplications.\n\
           The sign of the vector is free: v and -v are both accepted.",
    signature: Signature {
        name: "power_iteration",
        parameters: &[
            f64_array("a", &["n", "n"], "a symmetric matrix"),
            f64_array("start", &["n"], "where to start, of any length but zero"),
            Parameter { name: "tol", kind: Kind::Float, meaning: "relative size of the residual that is good enough" },
            int_named("max_steps", "how many multiplications by a are allowed"),
        ],
        returns: Parameter {
            name: "pair",
            kind: Kind::Tuple(&[
                Parameter { name: "value", kind: Kind::Float, meaning: "the eigenvalue, with its sign" },
                f64_array("vector", &["n"], "the eigenvector, of length 1"),
            ]),
            meaning: "the dominant eigenpair",
        },
    },
    probes,
    reference,
    misconceptions: MISCONCEPTIONS,
    properties: &[Property { title: "has a vector of length 1", violated: not_a_unit_vector }],
    // Where the iteration stops depends on how the residual is rounded and on whether it is tested before or after the
    // step; the vectors then differ by about tol * value / gap, which is below 1e-7 on the probes.
    tolerance: Tolerance { relative: 1e-6, absolute: 1e-15 },
    canonical: Some(with_one_sign),
    hints: &[
        "Print the value and the first entries of v in every step. What happens to v if the eigenvalue is negative?",
        "One loop: image = a @ v; value = v @ image; if norm(image - value * v) <= tol * abs(value), return both; \
         otherwise v = image / norm(image). The residual does not care about the sign that flips from step to step.",
        "a = [[2, 1], [1, 2]], start = [1, 0]. image = [2, 1], value = 2, residual |[0, 1]| = 1: go on with \
         v = [2, 1] / sqrt(5) = [0.894, 0.447].\nimage = [2.236, 1.789], value = 2.8, residual 0.6. Then v = [0.781, 0.625], \
         value = 2.976. The limit is 3 with [0.707, 0.707].",
    ],
    ..Exercise::DEFAULTS
};

fn probes() -> Vec<Probe> {
    let mut numbers = Numbers::stream(511);
    let arguments = |a: Array2<f64>, start: Array1<f64>, max_steps: i64| {
        vec![a.into(), start.into(), Value::Float(1e-9), Value::Int(max_steps)]
    };
    let mut probes = vec![
        Probe::ordinary("a 2 by 2 matrix", arguments(array![[2.0, 1.0], [1.0, 2.0]], array![1.0, 0.0], 1000)),
        Probe::ordinary(
            "2 by 2, the dominant eigenvalue negative",
            arguments(array![[1.0, 2.0], [2.0, -4.0]], array![1.0, 0.5], 1000),
        ),
    ];
    let spectra: [(&[f64], bool, &str); 7] = [
        (&[5.0, 2.0, -1.0], false, "3 by 3, eigenvalues 5, 2, -1"),
        (&[-6.0, 4.0, 3.0, 0.5], false, "4 by 4, eigenvalues -6, 4, 3, 0.5"),
        (&[9.0, 8.1, -4.0, 1.0, 0.2], false, "5 by 5, 9 and 8.1 close together: many steps"),
        (&[3e8, -2e8, 1e8], true, "eigenvalues of some hundred millions"),
        (&[4e-8, 3e-8, -1e-8], true, "eigenvalues of some hundred millionths"),
        (&[2.0, 0.0, 0.0, 0.0], true, "rank 1"),
        (&[2.0, -2.0, 1.0], true, "eigenvalues 2 and -2: no dominant one, to be given up"),
    ];
    for (spectrum, hard, label) in spectra {
        let a = with_eigenvalues(&mut numbers, spectrum);
        let start: Array1<f64> = numbers.reals(spectrum.len(), 0.2, 2.0);
        let arguments = arguments(a, start, 2000);
        probes.push(if hard { Probe::hard(label, arguments) } else { Probe::ordinary(label, arguments) });
    }
    let two = || array![[2.0, 1.0], [1.0, 2.0]];
    probes.push(Probe::hard("a single number, negative", arguments(array![[-3.0]], array![2.0], 100)));
    probes.push(Probe::hard("a matrix of zeros", arguments(Array2::zeros((3, 3)), array![1.0, 2.0, 2.0], 100)));
    probes.push(Probe::hard("a start that is an eigenvector already", arguments(two(), array![3.0, 3.0], 100)));
    probes.push(Probe::hard("a start of zeros", arguments(two(), array![0.0, 0.0], 100)));
    probes
}

struct Call<'a> {
    a: ArrayView2<'a, f64>,
    start: ArrayView1<'a, f64>,
    tol: f64,
    max_steps: usize,
}

/// One moment of the iteration.
struct Moment {
    value: f64,
    vector: Array1<f64>,
    /// a @ vector.
    image: Array1<f64>,
}

impl Moment {
    fn residual(&self) -> f64 {
        length(&(&self.image - &(self.value * &self.vector)))
    }
}

impl Call<'_> {
    fn new(arguments: &[Value]) -> Call<'_> {
        Call {
            a: floats(arguments, 0),
            start: floats(arguments, 1),
            tol: float(arguments, 2),
            max_steps: count(arguments, 3),
        }
    }

    /// Steps until `enough`; `next` makes the next vector of the product.
    fn iterate(
        &self,
        next: fn(&Array1<f64>) -> Array1<f64>,
        mut enough: impl FnMut(&Moment) -> bool,
    ) -> Result<Moment, Outcome> {
        if self.start.iter().all(|&x| x == 0.0) {
            return Err(rejects("a start of zeros stays zero"));
        }
        let mut vector = next(&self.start.to_owned());
        for _ in 0..self.max_steps {
            let image = self.a.dot(&vector);
            let value = vector.dot(&image) / vector.dot(&vector);
            let moment = Moment { value, vector, image };
            if enough(&moment) {
                return Ok(moment);
            }
            vector = next(&moment.image);
        }
        Err(rejects(format!("no eigenvector after {} steps", self.max_steps)))
    }

    fn right(&self) -> Result<Moment, Outcome> {
        self.iterate(shortened, |moment| moment.residual() <= self.tol * moment.value.abs())
    }

    /// The right pair, changed.
    fn changed(&self, change: fn(Moment) -> (f64, Array1<f64>)) -> Outcome {
        pair(self.right().map(change))
    }
}

fn length(vector: &Array1<f64>) -> f64 {
    vector.dot(vector).sqrt()
}

fn shortened(vector: &Array1<f64>) -> Array1<f64> {
    vector / length(vector)
}

fn pair(found: Result<(f64, Array1<f64>), Outcome>) -> Outcome {
    found.map_or_else(
        |refused| refused,
        |(value, vector)| returns(Value::Tuple(vec![Value::Float(value), vector.into()])),
    )
}

fn reference(arguments: &[Value]) -> Outcome {
    Call::new(arguments).changed(|moment| (moment.value, moment.vector))
}

fn with_one_sign(_: &[Value], value: Value) -> Value {
    match value {
        Value::Tuple(mut parts) => {
            if let [_, Value::Array(Array::F64(vector))] = &mut parts[..]
                && let Ok(flat) = vector.view().into_dimensionality::<ndarray::Ix1>()
            {
                let sign = sign(flat);
                vector.mapv_inplace(|x| x * sign);
            }
            Value::Tuple(parts)
        }
        other => other,
    }
}

fn not_a_unit_vector(_: &[Value], result: &Value) -> Option<String> {
    let Value::Tuple(parts) = result else { return None };
    let length = parts.get(1)?.as_array()?.to_f64().iter().map(|x| x * x).sum::<f64>().sqrt();
    ((length - 1.0).abs() > 1e-9).then(|| format!("the vector's length is {length}"))
}

const MISCONCEPTIONS: &[Misconception] = &[
    Misconception {
        id: "sign-not-handled",
        title: "the loop ends when two successive vectors are equal, and for a negative eigenvalue they never are",
        explanation: "With a negative dominant eigenvalue, a @ v points the other way: v, -v, v, -v, ... for ever, although \
                      the direction was found long ago. Test the residual a @ v - value * v, which knows the sign.",
        question: "What does [[-3]] do to the vector [1], step by step?",
        see: ("cs7015", "L6 Eigenvalues, eigenvectors, EVD"),
        behaviour: |arguments| {
            let call = Call::new(arguments);
            let found =
                call.iterate(shortened, |moment| length(&(shortened(&moment.image) - &moment.vector)) <= call.tol);
            pair(found.map(|moment| (moment.value, moment.vector)))
        },
    },
    Misconception {
        id: "stops-on-eigenvalue",
        title: "the loop ends when the eigenvalue stands still, and the vector is only half as exact",
        explanation: "Near an eigenvector the Rayleigh quotient is flat: an error of e in the vector changes it by about e^2 \
                      only. The value has settled to 9 digits when the vector has 4. Test the residual of the pair.",
        question: "How many digits of the vector are right when the eigenvalue has stopped changing?",
        see: ("szeliski", "A.1.2 Eigenvalue decomposition"),
        behaviour: |arguments| {
            let call = Call::new(arguments);
            let mut last = f64::NAN;
            let found = call.iterate(shortened, |moment| {
                (moment.value - std::mem::replace(&mut last, moment.value)).abs() <= call.tol * moment.value.abs()
            });
            pair(found.map(|moment| (moment.value, moment.vector)))
        },
    },
    Misconception {
        id: "tolerance-absolute",
        title: "the residual is compared with tol itself and not with tol times the eigenvalue",
        explanation: "Whether 1e-9 is small depends on the matrix: for eigenvalues of 1e-8 every vector passes at once, for \
                      eigenvalues of 1e8 rounding alone is larger. Measure the residual in units of the eigenvalue.",
        question: "What happens to your test if the matrix is multiplied by a million?",
        see: ("dlbook", "4.1 Overflow and Underflow"),
        behaviour: |arguments| {
            let call = Call::new(arguments);
            let found = call.iterate(shortened, |moment| moment.residual() <= call.tol);
            pair(found.map(|moment| (moment.value, moment.vector)))
        },
    },
    Misconception {
        id: "not-normalized",
        title: "the vector is never brought back to length 1",
        explanation: "Every step multiplies the length by the eigenvalue: it grows (or shrinks) like value^steps, until the \
                      numbers overflow. The direction is all that counts; divide by the length in every step.",
        question: "How long is your vector after 100 steps with the eigenvalue 5?",
        see: ("cs7015", "L6 Eigenvalues, eigenvectors, EVD"),
        behaviour: |arguments| {
            let call = Call::new(arguments);
            let found = call.iterate(Array1::clone, |moment| {
                moment.residual() <= call.tol * moment.value.abs() * length(&moment.vector)
            });
            pair(found.map(|moment| (moment.value, moment.vector)))
        },
    },
    Misconception {
        id: "rayleigh-not-divided",
        title: "the Rayleigh quotient is taken of a @ v, which has not length 1, and not divided by the length squared",
        explanation: "For any vector w the quotient is (w @ a @ w) / (w @ w). The denominator may be left out for unit vectors \
                      only; with w = a @ v you get the cube of the eigenvalue.",
        question: "Which length has the vector between which you put a?",
        see: ("dlbook", "2.7 Eigendecomposition"),
        behaviour: |arguments| Call::new(arguments).changed(|moment| (moment.value.powi(3), moment.vector)),
    },
    Misconception {
        id: "sign-lost",
        title: "the length of a @ v is returned as the eigenvalue, without its sign",
        explanation: "A length is never negative, an eigenvalue may be. v @ a @ v has both the size and the sign, and it is \
                      the more exact estimate of the two.",
        question: "Which eigenvalue do you find for [[-3]]?",
        see: ("dlbook", "2.7 Eigendecomposition"),
        behaviour: |arguments| Call::new(arguments).changed(|moment| (moment.value.abs(), moment.vector)),
    },
    Misconception {
        id: "largest-not-dominant",
        title: "the largest eigenvalue is returned and not the one of largest magnitude",
        explanation: "Multiplying again and again strengthens the direction whose eigenvalue has the largest magnitude, \
                      whatever its sign: -6 wins over 4. eigh(a) lists the largest one last, which is another question.",
        question: "Of the eigenvalues -6 and 4, which stretches more?",
        see: ("cs7015", "L6 Eigenvalues, eigenvectors, EVD"),
        behaviour: |arguments| {
            let call = Call::new(arguments);
            if let Err(refused) = call.right() {
                return refused;
            }
            let pairs = eigenpairs(call.a);
            let last = pairs.values.len() - 1;
            // Where every vector is an eigenvector, as for zeros, the start is one.
            let vector = if call.a.iter().all(|&x| x == 0.0) {
                shortened(&call.start.to_owned())
            } else {
                pairs.vectors.column(last).to_owned()
            };
            pair(Ok((pairs.values[last], vector)))
        },
    },
    Misconception {
        id: "scaled-to-largest-entry",
        title: "the vector is divided by its largest entry and not by its length",
        explanation: "That keeps the numbers from overflowing just as well, and books on paper do it, but the vector asked for \
                      has length 1: the square root of the sum of the squares.",
        question: "What is the sum of the squares of your entries?",
        see: ("dlbook", "2.5 Norms"),
        behaviour: |arguments| {
            Call::new(arguments).changed(|Moment { value, vector, .. }| {
                let largest = vector.iter().fold(0.0, |largest: f64, x| largest.max(x.abs()));
                (value, vector / largest)
            })
        },
    },
];
