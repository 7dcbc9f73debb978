//! `whiten`: a cloud as wide one way as any other.

use ndarray::{Array2, ArrayView2, Axis, Ix2, array, concatenate, s};

use super::components::{Components, cloud, components, components_around, mean};
use crate::exercise::{Exercise, Misconception, Outcome, Probe, Property, Signature, Tolerance};
use crate::exercises::arguments::{f64_array, float, float_named, floats, rejects, returns};
use crate::exercises::eigendecomposition::symmetric::{largest, sign};
use crate::exercises::numbers::Numbers;
use crate::value::{Array, Value};

/// The exercise.
pub static WHITEN: Exercise = Exercise {
    id: "whiten",
    station: "principal-components",
    task: "Whiten a cloud of points: write it in the coordinates of all its D principal components, the strongest\n\
           first, and divide each coordinate by sqrt(variance + eps), with the variance divided by N - 1.\n\
           With eps = 0 the covariance of the result is the identity; eps keeps directions that hardly vary from\n\
           being blown up. Refuse a negative eps with an error.\n\
           The sign of each column is free.",
    signature: Signature {
        name: "whiten",
        parameters: &[
            f64_array("x", &["N", "D"], "one example per row, more examples than features"),
            float_named("eps", "added to the variances, 0 or more"),
        ],
        returns: f64_array("y", &["N", "D"], "the whitened examples"),
    },
    probes,
    reference,
    misconceptions: MISCONCEPTIONS,
    properties: &[Property { title: "has the identity as covariance if eps is 0", violated: not_white }],
    // As in pca_fit: directions by way of the covariance lose the ratio of the variances, at most 100 here.
    tolerance: Tolerance { relative: 1e-8, absolute: 1e-9 },
    canonical: Some(with_one_sign),
    hints: &[
        "Compute the covariance of your result, y.T @ y / (N - 1) after centring. What is on the diagonal, what beside it?",
        "Centre; u, s, vt = svd of that; z = centred @ vt.T; var = s**2 / (N - 1); y = z / sqrt(var + eps). Or with eigh of the \
         covariance, values and vectors turned round.",
        "x = [[1, 3], [2, 2], [4, 6], [5, 5]], eps = 0: variances 6 and 0.667 along (1, 1)/sqrt(2) and (1, -1)/sqrt(2). The last \
         point is (2, 1) from the mean: z = (2.121, 0.707), y = (2.121 / 2.449, 0.707 / 0.816) = (0.866, 0.866).",
    ],
    ..Exercise::DEFAULTS
};

fn probes() -> Vec<Probe> {
    let mut numbers = Numbers::stream(544);
    let four = || array![[1.0, 3.0], [2.0, 2.0], [4.0, 6.0], [5.0, 5.0]];
    let arguments = |x: Array2<f64>, eps: f64| vec![x.into(), Value::Float(eps)];
    let mut random = |shape: [usize; 2], spreads: &[f64], eps: f64| arguments(cloud(&mut numbers, shape, spreads), eps);
    vec![
        Probe::ordinary("four points in the plane, eps 0", arguments(four(), 0.0)),
        Probe::ordinary("four points in the plane, eps 0.5", arguments(four(), 0.5)),
        Probe::ordinary("9 points in 3 dimensions, eps 0", random([9, 3], &[6.0, 3.0, 1.0], 0.0)),
        Probe::ordinary("7 points in 4 dimensions, eps 0.1", random([7, 4], &[5.0, 3.0, 2.0, 0.5], 0.1)),
        Probe::hard("6 points in 2 dimensions, eps 10", random([6, 2], &[4.0, 1.0], 10.0)),
        Probe::hard(
            "a feature that does not vary, eps 0.25",
            arguments(array![[1.0, 2.0, 4.0], [3.0, 2.0, 1.0], [-2.0, 2.0, 0.5], [4.0, 2.0, 2.5]], 0.25),
        ),
        Probe::hard("a single feature", arguments(array![[2.0], [5.0], [11.0]], 0.0)),
        Probe::hard("a negative eps", arguments(four(), -1.0)),
    ]
}

/// The centred cloud in the coordinates of its components, and the variances, as columns for each of the D directions.
fn coordinates(x: ArrayView2<'_, f64>, found: &Components) -> (Array2<f64>, Vec<f64>) {
    ((&x - &found.mean).dot(&found.axes.t()), found.variances.to_vec())
}

/// The coordinates, each divided by what `divisor` makes of its variance and eps.
fn divided(arguments: &[Value], divisor: impl Fn(f64, f64) -> f64) -> Outcome {
    whitened(arguments, |x, eps| scaled(coordinates(x, &components(x)), |variance| divisor(variance, eps)))
}

fn scaled((mut z, variances): (Array2<f64>, Vec<f64>), divisor: impl Fn(f64) -> f64) -> Array2<f64> {
    for (mut column, &variance) in z.columns_mut().into_iter().zip(&variances) {
        // A feature that does not vary has coordinates and a variance of exactly zero but for rounding.
        let (variance, flat) = if variance < 1e-20 { (0.0, true) } else { (variance, false) };
        column.mapv_inplace(|z| if flat { 0.0 } else { z } / divisor(variance));
    }
    z
}

fn whitened(arguments: &[Value], whiten: impl FnOnce(ArrayView2<'_, f64>, f64) -> Array2<f64>) -> Outcome {
    let eps = float(arguments, 1);
    if eps < 0.0 {
        return rejects(format!("eps must not be negative, it is {eps}"));
    }
    returns(whiten(floats::<Ix2>(arguments, 0), eps))
}

fn reference(arguments: &[Value]) -> Outcome {
    divided(arguments, |variance, eps| (variance + eps).sqrt())
}

/// One sign for each column. Where the cloud does not spread the coordinates are 0; if they are not, they have come from
/// dividing one rounding error by another, which differs from program to program, and are written as nan.
fn with_one_sign(arguments: &[Value], value: Value) -> Value {
    match value {
        Value::Array(Array::F64(y)) if y.ndim() == 2 => {
            let mut y = y.into_dimensionality::<Ix2>().expect("two axes");
            let variances = components(floats::<Ix2>(arguments, 0)).variances;
            for (mut column, &variance) in y.columns_mut().into_iter().zip(&variances) {
                let noise = variance <= 1e-20 * variances[0] && column.iter().any(|x| x.is_nan() || x.abs() > 1e-6);
                let factor = if noise { f64::NAN } else { sign(column.view()) };
                column.mapv_inplace(|x| x * factor);
            }
            y.into()
        }
        other => other,
    }
}

fn not_white(arguments: &[Value], result: &Value) -> Option<String> {
    let Value::Array(Array::F64(y)) = result else { return None };
    let y = y.view().into_dimensionality::<Ix2>().ok()?;
    if float(arguments, 1) != 0.0 {
        return None;
    }
    let centered = &y - &mean(y);
    let covariance = centered.t().dot(&centered) / (y.nrows() as f64 - 1.0);
    let error = largest((&covariance - &Array2::<f64>::eye(y.ncols())).view());
    (error > 1e-6).then(|| format!("the largest difference from the identity is {error}"))
}

const MISCONCEPTIONS: &[Misconception] = &[
    Misconception {
        id: "multiplied-not-divided",
        title: "the coordinates are multiplied by the roots of the variances",
        explanation: "That makes a long cloud longer still. Whitening divides: each direction is measured in units of its own standard \
                      deviation.",
        question: "Is your cloud rounder than before?",
        see: ("dlbook", "2.12 Example: principal components analysis"),
        behaviour: |arguments| divided(arguments, |variance, eps| 1.0 / (variance + eps).sqrt()),
    },
    Misconception {
        id: "divided-by-variance",
        title: "the coordinates are divided by the variances and not by their roots",
        explanation: "A variance has squared units; the root of it has the unit of the data. Divided by the variance, the weakest \
                      direction becomes the strongest.",
        question: "Which variance has z / var, if z has the variance var?",
        see: ("cs229", "PCA notes"),
        behaviour: |arguments| divided(arguments, |variance, eps| variance + eps),
    },
    Misconception {
        id: "eps-outside-root",
        title: "eps is added after the root and not before",
        explanation: "sqrt(var) + eps and sqrt(var + eps) both avoid dividing by zero, but they limit the gain differently: for var = 0 to \
                      1 / eps or to 1 / sqrt(eps). The second is the formula here, and in batch normalisation.",
        question: "By how much is a direction with variance 0 amplified in your formula?",
        see: ("pytorch-docs", "torch.nn.BatchNorm1d"),
        behaviour: |arguments| divided(arguments, |variance, eps| variance.sqrt() + eps),
    },
    Misconception {
        id: "eps-missing",
        title: "eps is not used",
        explanation: "A direction without variance then becomes 0 / 0, and one that is mostly noise is blown up to the size of the signal. \
                      eps decides from where on a direction is too weak to be trusted.",
        question: "What does your program do with a feature that never changes?",
        see: ("cs229", "PCA notes"),
        behaviour: |arguments| divided(arguments, |variance, _| variance.sqrt()),
    },
    Misconception {
        id: "mean-not-subtracted",
        title: "the mean is not subtracted",
        explanation: "Directions and variances are then those of a cloud seen from the origin, and the first one mostly tells how far away \
                      it is. Subtract the mean first.",
        question: "What is the mean of each of your columns?",
        see: ("ng-ml", "W8 Dimensionality reduction"),
        behaviour: |arguments| {
            whitened(arguments, |x, eps| {
                let found = components_around(x, &ndarray::Array1::zeros(x.ncols()));
                scaled(coordinates(x, &found), |variance| (variance + eps).sqrt())
            })
        },
    },
    Misconception {
        id: "population-variance",
        title: "the variances are divided by N and not by N - 1",
        explanation: "Then the covariance of the result, as np.cov computes it, is N / (N - 1) and not 1. For 4 points that is a third too \
                      much.",
        question: "What does np.cov say about your result?",
        see: ("numpy", "numpy.cov, argument ddof"),
        behaviour: |arguments| {
            let n = floats::<Ix2>(arguments, 0).nrows() as f64;
            divided(arguments, move |variance, eps| (variance * (n - 1.0) / n + eps).sqrt())
        },
    },
    Misconception {
        id: "features-standardized",
        title: "each feature is divided by its own deviation, and nothing is turned",
        explanation: "That makes the diagonal of the covariance 1 and leaves what is beside it: features that went together still do. \
                      Whitening turns to the components first.",
        question: "What stands beside the diagonal of your result's covariance?",
        see: ("cs231n", "notes: neural-networks-2, data preprocessing"),
        behaviour: |arguments| {
            whitened(arguments, |x, eps| {
                let variances = x.var_axis(Axis(0), 1.0);
                (&x - &mean(x)) / &variances.mapv(|variance| (variance + eps).sqrt())
            })
        },
    },
    Misconception {
        id: "rotated-back",
        title: "the whitened points are turned back to the axes of the features",
        explanation: "That is the other way of whitening (ZCA): as white as this one, and whitened images still look like images. The task \
                      asks for the coordinates along the components.",
        question: "Do you multiply by the components once or twice?",
        see: ("cs231n", "notes: neural-networks-2, data preprocessing"),
        behaviour: |arguments| {
            whitened(arguments, |x, eps| {
                let found = components(x);
                scaled(coordinates(x, &found), |variance| (variance + eps).sqrt()).dot(&found.axes)
            })
        },
    },
    Misconception {
        id: "order-ascending",
        title: "the weakest component comes first",
        explanation: "eigh sorts upwards. Turn values and vectors round, so that column 0 is the direction in which the points varied most.",
        question: "Which of your columns belongs to the largest variance?",
        see: ("numpy", "numpy.linalg.eigh"),
        behaviour: |arguments| {
            whitened(arguments, |x, eps| {
                let y = scaled(coordinates(x, &components(x)), |variance| (variance + eps).sqrt());
                let parts: Vec<_> = y.axis_chunks_iter(Axis(1), 1).rev().collect();
                concatenate(Axis(1), &parts).expect("columns of one length").slice(s![.., ..]).to_owned()
            })
        },
    },
];
