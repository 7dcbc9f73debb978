//! `pca_transform_inverse`: into the coordinates of the components and back.

use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Ix1, Ix2, array, s};

use super::components::mean;
use crate::exercise::{Exercise, Kind, Misconception, Outcome, Parameter, Probe, Property, Signature};
use crate::exercises::arguments::{f64_array, floats, rejects, returns};
use crate::exercises::eigendecomposition::symmetric::{float_parts, largest, orthogonal};
use crate::exercises::numbers::Numbers;
use crate::value::Value;

/// The exercise.
pub static PCA_TRANSFORM_INVERSE: Exercise = Exercise {
    id: "pca_transform_inverse",
    station: "principal-components",
    task: "Write examples in the coordinates of principal components, and bring them back from there.\n\
           z holds the k coordinates of each example: how far it is from the mean along each component.\n\
           back is what these k numbers still say about the example: the point of the components' plane through the\n\
           mean that is nearest to it. With k = D it is the example itself.\n\
           mean and comps come from pca_fit on the training data; x may be other data.",
    signature: Signature {
        name: "pca_transform_inverse",
        parameters: &[
            f64_array("x", &["N", "D"], "one example per row"),
            f64_array("mean", &["D"], "mean of the training data"),
            f64_array("comps", &["k", "D"], "components of length 1 at right angles, one per row"),
        ],
        returns: Parameter {
            name: "codes",
            kind: Kind::Tuple(&[
                f64_array("z", &["N", "k"], "coordinates along the components"),
                f64_array("back", &["N", "D"], "the examples rebuilt from them"),
            ]),
            meaning: "coordinates and reconstruction",
        },
    },
    probes,
    reference,
    misconceptions: MISCONCEPTIONS,
    properties: &[Property { title: "misses the examples at right angles to every component", violated: error_leans }],
    hints: &[
        "Encode the mean itself: which coordinates should it have? Then decode zeros: what should come back?",
        "z = (x - mean) @ comps.T: a product with each row of comps. back = z @ comps + mean: that many of each component, \
         starting from the mean.",
        "mean (3, 4), one component (0.6, 0.8), x = (5, 5). x - mean = (2, 1); z = 2 * 0.6 + 1 * 0.8 = 2. \
         back = (3, 4) + 2 * (0.6, 0.8) = (4.2, 5.6). The error (0.8, -0.6) is at right angles to the component.",
    ],
    ..Exercise::DEFAULTS
};

fn probes() -> Vec<Probe> {
    let mut numbers = Numbers::stream(543);
    let mut probes = vec![Probe::ordinary(
        "two points, one component",
        vec![array![[5.0, 5.0], [3.0, 0.0]].into(), array![3.0, 4.0].into(), array![[0.6, 0.8]].into()],
    )];
    for (n, d, k, hard, label) in [
        (5, 3, 2, false, "5 points in 3 dimensions, 2 components"),
        (7, 6, 4, false, "7 points in 6 dimensions, 4 components"),
        (4, 3, 3, false, "all components: nothing is lost"),
        (1, 4, 2, true, "a single point"),
        (3, 5, 1, true, "a single component"),
        (2, 1, 1, true, "a single feature"),
    ] {
        let x: Array2<f64> = numbers.reals([n, d], -4.0, 5.0);
        let mean: Array1<f64> = numbers.reals(d, 1.0, 3.0);
        let comps = orthogonal(&mut numbers, d).slice(s![..k, ..]).to_owned();
        let arguments = vec![x.into(), mean.into(), comps.into()];
        probes.push(if hard { Probe::hard(label, arguments) } else { Probe::ordinary(label, arguments) });
    }
    probes
}

struct Call<'a> {
    x: ArrayView2<'a, f64>,
    mean: ArrayView1<'a, f64>,
    comps: ArrayView2<'a, f64>,
}

impl Call<'_> {
    fn new(arguments: &[Value]) -> Call<'_> {
        Call { x: floats::<Ix2>(arguments, 0), mean: floats::<Ix1>(arguments, 1), comps: floats::<Ix2>(arguments, 2) }
    }

    /// Coordinates of the examples as seen from a point.
    fn encoded(&self, from: ArrayView1<'_, f64>) -> Array2<f64> {
        (&self.x - &from).dot(&self.comps.t())
    }

    fn right(&self) -> (Array2<f64>, Array2<f64>) {
        let z = self.encoded(self.mean);
        let back = z.dot(&self.comps) + self.mean;
        (z, back)
    }
}

fn both((z, back): (Array2<f64>, Array2<f64>)) -> Outcome {
    returns(Value::Tuple(vec![z.into(), back.into()]))
}

fn reference(arguments: &[Value]) -> Outcome {
    both(Call::new(arguments).right())
}

fn error_leans(arguments: &[Value], result: &Value) -> Option<String> {
    let Call { x, comps, .. } = Call::new(arguments);
    let back = float_parts(result)?.get(1)?.view().into_dimensionality::<Ix2>().ok()?.to_owned();
    let leaning = largest((&x - &back).dot(&comps.t()).view());
    (leaning > 1e-9).then(|| format!("(x - back) @ comps.T has the element {leaning:e}"))
}

const MISCONCEPTIONS: &[Misconception] = &[
    Misconception {
        id: "mean-not-added-back",
        title: "the mean is not added again when decoding",
        explanation: "z counts from the mean. z @ comps is the way from there, so the mean has to be added: zeros must decode to the mean \
                      example. Faces without it look like ghosts.",
        question: "What does z = 0 decode to?",
        see: ("szeliski", "14.2.1 Eigenfaces"),
        behaviour: |arguments| {
            let call = Call::new(arguments);
            let (z, back) = call.right();
            both((z, back - call.mean))
        },
    },
    Misconception {
        id: "mean-not-subtracted",
        title: "the mean is not subtracted before encoding",
        explanation: "The components describe how examples differ from the mean. Without subtracting it every coordinate carries the \
                      mean's own coordinate along, and decoding adds the mean a second time.",
        question: "Which coordinates has the mean example?",
        see: ("cs229", "PCA notes"),
        behaviour: |arguments| {
            let call = Call::new(arguments);
            let z = call.x.dot(&call.comps.t());
            let back = z.dot(&call.comps) + call.mean;
            both((z, back))
        },
    },
    Misconception {
        id: "mean-ignored",
        title: "the mean is neither subtracted nor added",
        explanation: "The two mistakes do not cancel: what comes back is the nearest point of a plane through the origin, not through the \
                      mean. They agree only where nothing is lost, with k = D.",
        question: "Where is mean used in your code?",
        see: ("ng-ml", "W8 Dimensionality reduction"),
        behaviour: |arguments| {
            let call = Call::new(arguments);
            let z = call.x.dot(&call.comps.t());
            let back = z.dot(&call.comps);
            both((z, back))
        },
    },
    Misconception {
        id: "test-statistics-used",
        title: "the mean of x is used and not the mean that was given",
        explanation: "The mean belongs to the model and comes from the training data. With the mean of whatever is being encoded, the same \
                      face gets other coordinates in other company, and a single example gets zeros only.",
        question: "Which z does a batch of one example get from you?",
        see: ("cs229", "PCA notes"),
        behaviour: |arguments| {
            let call = Call::new(arguments);
            let own = mean(call.x);
            let z = call.encoded(own.view());
            let back = z.dot(&call.comps) + &own;
            both((z, back))
        },
    },
    Misconception {
        id: "components-transposed",
        title: "the columns of comps are taken as components",
        explanation: "Components are rows here: encode with comps.T, decode with comps. For k < D the shapes protest; with k = D they \
                      fit, back is even right, and z is wrong.",
        question: "For k = D: does z[0, 0] equal (x[0] - mean) @ comps[0]?",
        see: ("cs7015", "L6 PCA and its interpretations"),
        behaviour: |arguments| {
            let call = Call::new(arguments);
            if !call.comps.is_square() {
                return rejects("the shapes do not fit");
            }
            let z = (&call.x - &call.mean).dot(&call.comps);
            let back = z.dot(&call.comps.t()) + call.mean;
            both((z, back))
        },
    },
    Misconception {
        id: "decoded-with-transpose",
        title: "comps.T is used for decoding as well",
        explanation: "Encoding measures along the components (comps.T), decoding walks along them (comps). The second product must take \
                      k numbers back to D.",
        question: "Which shape has z, and which matrix takes it to [N, D]?",
        see: ("dlbook", "2.12 Example: principal components analysis"),
        behaviour: |arguments| {
            let call = Call::new(arguments);
            if !call.comps.is_square() {
                return rejects("the shapes do not fit");
            }
            let (z, _) = call.right();
            let back = z.dot(&call.comps.t()) + call.mean;
            both((z, back))
        },
    },
    Misconception {
        id: "axes-swapped",
        title: "z has components in rows and examples in columns",
        explanation: "comps @ (x - mean).T is the right set of numbers, lying on its side. One example per row, as in x.",
        question: "Is z[0] the first example or the first component?",
        see: ("numpy", "numpy.matmul"),
        behaviour: |arguments| {
            let (z, back) = Call::new(arguments).right();
            both((z.t().to_owned(), back))
        },
    },
    Misconception {
        id: "residual-returned",
        title: "what is lost is returned as back",
        explanation: "x - back is the part that the components cannot say: worth looking at (a face with glasses shows its glasses), but \
                      back is the part they can.",
        question: "With all components, do you get x or zeros back?",
        see: ("szeliski", "14.2.1 Eigenfaces"),
        behaviour: |arguments| {
            let call = Call::new(arguments);
            let (z, back) = call.right();
            both((z, &call.x - &back))
        },
    },
];
