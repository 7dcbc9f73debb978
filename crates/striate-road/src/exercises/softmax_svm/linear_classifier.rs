//! `linear_classifier`: softmax regression, trained in mini-batches.

use ndarray::{Array1, Array2, ArrayView2, Axis, array};

use super::scores::{classes, log_softmax, one_hot};
use crate::exercise::{Exercise, Kind, Misconception, Outcome, Parameter, Probe, Property, Signature, Tolerance};
use crate::exercises::arguments::{
    count, f64_array, float, float_named, floats, i64_array, int_named, returns, whole_numbers,
};
use crate::exercises::numbers::Numbers;
use crate::exercises::standardization::{Scaling, deviations, means, or_one};
use crate::value::Value;

/// The exercise.
pub static LINEAR_CLASSIFIER: Exercise = Exercise {
    id: "linear_classifier",
    station: "softmax-svm",
    task: "Train a softmax classifier with weights w and biases b by mini-batch gradient descent and return w and b.\n\
           Standardise the columns of x first (mean and standard deviation over all N examples; where it is 0, divide by 1).\n\
           Start at zero. Epoch e goes through the examples in the order order[e], `batch` at a time; the last batch may\n\
           be smaller. Each batch makes one step of size lr down the mean cross-entropy of that batch, without penalty.\n\
           At the end turn w and b back, so that the scores of the x that you were given are x @ w + b.",
    signature: Signature {
        name: "linear_classifier",
        parameters: &[
            f64_array("x", &["N", "D"], "examples, one per row"),
            i64_array("y", &["N"], "class of each example, 0 to classes - 1"),
            int_named("classes", "number of classes C"),
            i64_array("order", &["epochs", "N"], "for each epoch, a permutation of the examples"),
            int_named("batch", "examples per step"),
            float_named("lr", "learning rate"),
        ],
        returns: Parameter {
            name: "classifier",
            kind: Kind::Tuple(&[
                f64_array("w", &["D", "C"], "weights for the x that was given"),
                f64_array("b", &["C"], "biases for the x that was given"),
            ]),
            meaning: "weights and biases",
        },
    },
    probes,
    reference,
    misconceptions: MISCONCEPTIONS,
    properties: &[Property { title: "classifies at least 95 % of the three clouds", violated: misses_the_clouds }],
    tolerance: Tolerance { relative: 1e-8, absolute: 1e-10 },
    hints: &[
        "Try one epoch with a batch as large as the data set: a single step, which you can compute by hand from the start \
         at zero, where every probability is 1 / C.",
        "for each row of order: for start in 0, batch, 2 batch, ...: rows = order[e, start : start + batch]; \
         p = softmax(z[rows] @ v + c); error = (p - one-hot of y[rows]) / len(rows); v -= lr * z[rows].T @ error; \
         c -= lr * error.sum(axis=0). Afterwards w = v / std[:, None] and b = c - mean @ w.",
        "Two examples x = [[1], [3]], y = [0, 1], two classes, one batch, lr = 1: z = [-1, 1], all p = 0.5.\n\
         errors = [[-0.5, 0.5], [0.5, -0.5]] / 2, gradient of v = [[0.5, -0.5]], of c = [0, 0].\n\
         v = [[-0.5, 0.5]], c = 0; std = 1, mean = 2: w = [[-0.5, 0.5]], b = [0 - 2 * -0.5, 0 - 2 * 0.5] = [1, -1].",
    ],
    ..Exercise::DEFAULTS
};

const CLOUDS: usize = 60;

fn permutation(numbers: &mut Numbers, n: usize) -> Vec<i64> {
    let mut order: Vec<i64> = (0..n as i64).collect();
    for last in (1..n).rev() {
        order.swap(last, numbers.integer(0, last as i64) as usize);
    }
    order
}

/// `n` examples in clouds around one centre per class, on a ring; the columns have different scales.
fn clouds(numbers: &mut Numbers, n: usize, d: usize, c: usize) -> (Array2<f64>, Array1<i64>) {
    let centre =
        |class: usize, j: usize| 2.5 * (std::f64::consts::TAU * class as f64 / c as f64 + 1.6 * j as f64).sin();
    let y = Array1::from_shape_fn(n, |i| (i % c) as i64);
    let x = Array2::from_shape_fn((n, d), |(i, j)| {
        (10.0_f64).powi(j as i32 % 3) * (1.0 + centre(i % c, j) + numbers.real(-0.8, 0.8))
    });
    (x, y)
}

fn probes() -> Vec<Probe> {
    let mut numbers = Numbers::stream(401);
    let arguments = |x: Array2<f64>, y: Array1<i64>, c: usize, orders: Vec<Vec<i64>>, batch: i64, lr: f64| {
        let order = Array2::from_shape_vec((orders.len(), x.nrows()), orders.concat()).expect("a permutation each");
        vec![x.into(), y.into(), Value::Int(c as i64), order.into(), Value::Int(batch), Value::Float(lr)]
    };
    let four = || (array![[1.0], [3.0], [4.0], [8.0]], array![0_i64, 1, 0, 1]);
    let mut probes = Vec::new();
    let (x, y) = four();
    probes.push(Probe::ordinary("four examples, one step", arguments(x, y, 2, vec![vec![2, 0, 3, 1]], 4, 1.0)));
    let (x, y) = four();
    let orders = vec![vec![2, 0, 3, 1], vec![1, 3, 2, 0]];
    probes.push(Probe::ordinary("four examples, batches of 2, two epochs", arguments(x, y, 2, orders, 2, 0.5)));
    for (n, d, c, epochs, batch, lr, hard, label) in [
        (7, 2, 3, 2, 3, 0.5, false, "7 examples in batches of 3: the last batch has one"),
        (11, 3, 4, 3, 4, 0.3, false, "11 examples of 3 numbers, 4 classes, batches of 4"),
        (CLOUDS, 2, 3, 12, 8, 0.5, false, "60 examples in three clouds, 12 epochs"),
        (5, 2, 3, 2, 1, 0.2, true, "one example at a time"),
        (5, 2, 2, 0, 2, 0.2, true, "no epoch at all"),
    ] {
        let (x, y) = clouds(&mut numbers, n, d, c);
        let orders: Vec<Vec<i64>> = (0..epochs).map(|_| permutation(&mut numbers, n)).collect();
        let arguments = arguments(x, y, c, orders, batch, lr);
        probes.push(if hard { Probe::hard(label, arguments) } else { Probe::ordinary(label, arguments) });
    }
    let constant = array![[1.0, 7.0], [2.0, 7.0], [4.0, 7.0], [3.0, 7.0], [0.0, 7.0]];
    let orders = vec![vec![4, 1, 0, 3, 2]];
    probes
        .push(Probe::hard("a column that is constant", arguments(constant, array![0, 1, 2, 1, 0], 3, orders, 2, 0.5)));
    probes
}

/// How training is done; every misconception is one wrong setting.
#[derive(Clone, Copy)]
struct Recipe {
    /// Mean and divisor of each column.
    scaling: Scaling,
    /// The row of examples of an epoch, from all rows and the epoch.
    order: fn(&[Vec<usize>], usize) -> Vec<usize>,
    /// The example whose label goes with place `at` of the epoch's order, which holds `example`.
    label: fn(usize, usize) -> usize,
    /// Batches of an epoch, from its order and the batch size.
    batches: fn(&[usize], usize) -> Vec<Vec<usize>>,
    /// What a batch's gradient is divided by, from its length and the batch size.
    divisor: fn(usize, usize) -> f64,
    /// Whether each batch is standardised with its own statistics.
    scaled_per_batch: bool,
    /// Factor on the step of the biases.
    bias_rate: f64,
    /// Whether weights and biases are turned back.
    turned_back: bool,
}

const RIGHT: Recipe = Recipe {
    scaling: standard,
    order: |orders, epoch| orders[epoch].clone(),
    label: |_, example| example,
    batches: |order, size| order.chunks(size).map(<[usize]>::to_vec).collect(),
    divisor: |length, _| length as f64,
    scaled_per_batch: false,
    bias_rate: 1.0,
    turned_back: true,
};

fn standard(x: ArrayView2<'_, f64>) -> (Array1<f64>, Array1<f64>) {
    (means(x), or_one(deviations(x, 0.0)))
}

impl Recipe {
    fn train(&self, arguments: &[Value]) -> Outcome {
        let x: ArrayView2<'_, f64> = floats(arguments, 0);
        let y = classes(whole_numbers(arguments, 1));
        let (c, size, lr) = (count(arguments, 2), count(arguments, 4), float(arguments, 5));
        let orders: Vec<Vec<usize>> =
            whole_numbers::<ndarray::Ix2>(arguments, 3).rows().into_iter().map(classes).collect();
        let (mean, scale) = (self.scaling)(x);
        let (mut v, mut biases) = (Array2::<f64>::zeros((x.ncols(), c)), Array1::<f64>::zeros(c));
        for epoch in 0..orders.len() {
            let order = (self.order)(&orders, epoch);
            let mut at = 0;
            for rows in (self.batches)(&order, size) {
                let raw = x.select(Axis(0), &rows);
                let (mean, scale) =
                    if self.scaled_per_batch { standard(raw.view()) } else { (mean.clone(), scale.clone()) };
                let z = (raw - &mean) / &scale;
                let labels: Vec<usize> =
                    rows.iter().enumerate().map(|(k, &example)| y[(self.label)(at + k, example)]).collect();
                at += rows.len();
                let p = log_softmax(&(z.dot(&v) + &biases)).mapv(f64::exp);
                let error = (p - one_hot(&labels, c)) / (self.divisor)(rows.len(), size);
                v -= &(lr * z.t().dot(&error));
                biases -= &(lr * self.bias_rate * error.sum_axis(Axis(0)));
            }
        }
        if self.turned_back {
            v /= &scale.insert_axis(Axis(1));
            biases -= &mean.dot(&v);
        }
        returns(Value::Tuple(vec![v.into(), biases.into()]))
    }
}

fn reference(arguments: &[Value]) -> Outcome {
    RIGHT.train(arguments)
}

fn misses_the_clouds(arguments: &[Value], result: &Value) -> Option<String> {
    let x: ArrayView2<'_, f64> = floats(arguments, 0);
    let Value::Tuple(parts) = result else { return None };
    if x.nrows() != CLOUDS || parts.len() != 2 {
        return None;
    }
    let scores = x.dot(&floats::<ndarray::Ix2>(parts, 0)) + floats::<ndarray::Ix1>(parts, 1);
    let y = classes(whole_numbers(arguments, 1));
    let right = scores.rows().into_iter().zip(&y).filter(|(row, class)| row.iter().all(|&s| s <= row[**class])).count();
    (right < CLOUDS * 95 / 100).then(|| format!("{right} of {CLOUDS} examples are classified rightly"))
}

const NOTES: &str = "notes: optimization-1, mini-batch gradient descent";

const MISCONCEPTIONS: &[Misconception] = &[
    Misconception {
        id: "not-standardized",
        title: "the columns are used as they are, without standardising",
        explanation: "A column a hundred times larger has gradients a hundred times larger: a learning rate that is safe for it leaves the others \
                      standing still. Standardised, one rate suits all.",
        question: "What are mean and standard deviation of each column that your loop sees?",
        see: ("ng-ml", "W2 multiple variables"),
        behaviour: |arguments| {
            let scaling = |x: ArrayView2<'_, f64>| (Array1::zeros(x.ncols()), Array1::ones(x.ncols()));
            Recipe { scaling, ..RIGHT }.train(arguments)
        },
    },
    Misconception {
        id: "statistics-per-batch",
        title: "each batch is standardised with its own mean and deviation",
        explanation: "Then the same example is another point in every batch, and a batch of one becomes zero. Mean and deviation are part of the model: \
                      computed once from the training data, used everywhere, on test data too.",
        question: "Is the standardised form of an example the same in every epoch?",
        see: ("cs231n", "notes: neural-networks-2, data preprocessing"),
        behaviour: |arguments| Recipe { scaled_per_batch: true, ..RIGHT }.train(arguments),
    },
    Misconception {
        id: "division-by-zero",
        title: "a constant column is divided by its deviation, which is 0",
        explanation: "0 / 0 is not a number, and it spreads to every weight. Many pixels at the border of digit images are always 0, so this happens at \
                      once: divide by 1 there.",
        question: "What is the standard deviation of a pixel that is black in every image?",
        see: ("dlbook", "4.1 Overflow and Underflow"),
        behaviour: |arguments| Recipe { scaling: |x| (means(x), deviations(x, 0.0)), ..RIGHT }.train(arguments),
    },
    Misconception {
        id: "not-shuffled",
        title: "the examples are taken in the order in which they are stored",
        explanation: "Data often come sorted by class; then a batch sees one class only and the steps undo each other. A new order in every epoch makes \
                      each batch a fair sample.",
        question: "Where in your code is order used?",
        see: ("cs231n", NOTES),
        behaviour: |arguments| {
            Recipe { order: |orders, epoch| (0..orders[epoch].len()).collect(), ..RIGHT }.train(arguments)
        },
    },
    Misconception {
        id: "same-order-every-epoch",
        title: "the first epoch's order is used for all epochs",
        explanation: "Shuffled once, the same batches come again and again. Each row of order belongs to one epoch.",
        question: "What does your second epoch do differently from the first?",
        see: ("cs231n", NOTES),
        behaviour: |arguments| Recipe { order: |orders, _| orders[0].clone(), ..RIGHT }.train(arguments),
    },
    Misconception {
        id: "labels-not-shuffled",
        title: "the examples are reordered and their labels are not",
        explanation: "Then nearly every example has somebody else's label, and the best that can be learned is how frequent the classes are. Index x and \
                      y with the same rows.",
        question: "Which label goes with the first example of your first batch?",
        see: ("cs231n", NOTES),
        behaviour: |arguments| Recipe { label: |at, _| at, ..RIGHT }.train(arguments),
    },
    Misconception {
        id: "last-batch-dropped",
        title: "the last, smaller batch of each epoch is left out",
        explanation: "With 7 examples and batches of 3, one example per epoch is never used. N // batch counts the full batches only; range(0, N, batch) \
                      reaches the rest.",
        question: "How many steps does your epoch make with 7 examples and batches of 3?",
        see: ("cs231n", NOTES),
        behaviour: |arguments| {
            let batches = |order: &[usize], size: usize| order.chunks_exact(size).map(<[usize]>::to_vec).collect();
            Recipe { batches, ..RIGHT }.train(arguments)
        },
    },
    Misconception {
        id: "divided-by-batch-size",
        title: "the gradient of the last, smaller batch is divided by the size of a full one",
        explanation: "The step goes down the mean of the examples in the batch: divide by how many there are, len(rows), not by how many there could \
                      be.",
        question: "By which number do you divide when the last batch has one example?",
        see: ("cs231n", NOTES),
        behaviour: |arguments| Recipe { divisor: |_, size| size as f64, ..RIGHT }.train(arguments),
    },
    Misconception {
        id: "mean-missing-in-gradient",
        title: "the gradient is summed over the batch and not divided by its size",
        explanation: "The step of a batch of 8 is 8 times too long, and the learning rate has to change with the batch size. The loss is the batch's \
                      mean; so is its gradient.",
        question: "Is a step with the same example twice in the batch twice as long?",
        see: ("cs231n", NOTES),
        behaviour: |arguments| Recipe { divisor: |_, _| 1.0, ..RIGHT }.train(arguments),
    },
    Misconception {
        id: "batches-ignored",
        title: "every epoch makes one step with all examples",
        explanation: "That is full-batch gradient descent: one good step in the time of many good enough ones. Cut the epoch's order into pieces of \
                      `batch` and step after each.",
        question: "How many steps does one of your epochs make?",
        see: ("cs231n", NOTES),
        behaviour: |arguments| Recipe { batches: |order, _| vec![order.to_vec()], ..RIGHT }.train(arguments),
    },
    Misconception {
        id: "bias-not-trained",
        title: "the biases stay at zero during training",
        explanation: "The bias of a class says how frequent it is before anything is seen. Its gradient is the sum of the class' errors, p minus one-hot, \
                      over the batch.",
        question: "Which parameters does your update change?",
        see: ("cs231n", "notes: linear classification (SVM and softmax)"),
        behaviour: |arguments| Recipe { bias_rate: 0.0, ..RIGHT }.train(arguments),
    },
    Misconception {
        id: "weights-not-turned-back",
        title: "w and b for the standardised columns are returned",
        explanation: "They are right for (x - mean) / std only. Fold the scaling in: w = v / std for each row, b = c - mean @ w. (And to look at w as \
                      pictures, this is the form you want.)",
        question: "Which class does x @ w + b choose with the x that you were given?",
        see: ("ng-ml", "W2 multiple variables"),
        behaviour: |arguments| Recipe { turned_back: false, ..RIGHT }.train(arguments),
    },
];
