//! `minibatches`: which examples a training step sees.

use ndarray::{Array1, Array2, Axis, Ix1, Ix2, array};

use crate::exercise::{Exercise, Kind, Misconception, Outcome, Parameter, Probe, Signature};
use crate::exercises::arguments::{count, f64_array, floats, i64_array, int_named, rejects, returns, whole_numbers};
use crate::exercises::numbers::Numbers;
use crate::value::Value;

/// The exercise.
pub static MINIBATCHES: Exercise = Exercise {
    id: "minibatches",
    station: "optimizers",
    task: "Return the mini-batch that training sees in step number `step`, counted from 0 over all epochs.\n\
           Examples are the columns of x, and y holds their labels. Epoch e goes through all m examples once, in the\n\
           order orders[e] (a permutation of 0 to m - 1), in batches of `size`; the last batch of an epoch is shorter\n\
           where size does not divide m. The next step is the first of the next epoch.",
    signature: Signature {
        name: "minibatches",
        parameters: &[
            f64_array("x", &["D", "m"], "examples, one per column"),
            i64_array("y", &["m"], "labels"),
            i64_array("orders", &["E", "m"], "an order of the examples for each epoch"),
            int_named("size", "examples per batch, 1 or more"),
            int_named("step", "number of the step, from 0; it lies in one of the E epochs"),
        ],
        returns: Parameter {
            name: "batch",
            kind: Kind::Tuple(&[
                f64_array("xb", &["D", "b"], "examples of the batch, one per column"),
                i64_array("yb", &["b"], "their labels"),
            ]),
            meaning: "the batch",
        },
    },
    probes,
    reference,
    misconceptions: MISCONCEPTIONS,
    hints: &[
        "How many batches does an epoch have? With 5 examples and size 2 it is 3: 2, 2 and 1.",
        "per_epoch = ceil(m / size), which in whole numbers is (m + size - 1) // size. Then epoch = step // per_epoch and \
         k = step % per_epoch. The chosen examples are chosen = orders[epoch][k*size : (k+1)*size] (a slice may end behind \
         the last one); the batch is x[:, chosen] and y[chosen].",
        "5 examples, size 2, orders = [[4 2 0 1 3], [1 0 3 4 2]].\n\
         Steps 0, 1, 2: examples [4 2], [0 1], [3]. Steps 3, 4, 5: examples [1 0], [3 4], [2].",
    ],
    ..Exercise::DEFAULTS
};

fn probes() -> Vec<Probe> {
    let mut numbers = Numbers::stream(721);
    let small = |step: i64| {
        vec![
            array![[10.0, 11.0, 12.0, 13.0, 14.0], [-10.0, -11.0, -12.0, -13.0, -14.0]].into(),
            array![0i64, 1, 2, 3, 4].into(),
            array![[4i64, 2, 0, 1, 3], [1, 0, 3, 4, 2]].into(),
            Value::Int(2),
            Value::Int(step),
        ]
    };
    let mut probes: Vec<_> = [
        (0, "5 examples, size 2: the first batch"),
        (1, "5 examples, size 2: the second batch"),
        (2, "5 examples, size 2: the last batch of the epoch"),
        (3, "5 examples, size 2: the first batch of the second epoch"),
        (5, "5 examples, size 2: the last batch of the second epoch"),
    ]
    .map(|(step, label)| Probe::ordinary(label, small(step)))
    .into();
    for ([features, m, epochs], size, step, hard, label) in [
        ([3, 11, 4], 4, 7, false, "11 examples of 3 numbers, size 4, third epoch"),
        ([2, 7, 2], 3, 4, false, "7 examples, size 3, second epoch"),
        ([2, 6, 3], 3, 3, true, "size divides the number of examples"),
        ([3, 4, 2], 1, 6, true, "one example per batch"),
        ([2, 5, 3], 5, 2, true, "the whole epoch in one batch"),
        ([2, 3, 3], 8, 1, true, "a batch larger than the data"),
        ([1, 1, 2], 1, 1, true, "a single example"),
    ] {
        let arguments = vec![
            numbers.reals([features, m], -1.0, 1.0).into(),
            numbers.integers([m], 0, 9).mapv(|label| label as i64).into(),
            permutations(&mut numbers, epochs, m).into(),
            Value::Int(size),
            Value::Int(step),
        ];
        probes.push(if hard { Probe::hard(label, arguments) } else { Probe::ordinary(label, arguments) });
    }
    probes
}

/// One random order of `m` things per row.
fn permutations(numbers: &mut Numbers, rows: usize, m: usize) -> Array2<i64> {
    let mut orders = Array2::from_shape_fn((rows, m), |(_, at)| at as i64);
    for mut order in orders.rows_mut() {
        for last in (1..m).rev() {
            order.swap(last, numbers.integer(0, last as i64) as usize);
        }
    }
    orders
}

struct Call {
    x: Array2<f64>,
    y: Array1<i64>,
    orders: Array2<i64>,
    size: usize,
    step: usize,
}

impl Call {
    fn new(arguments: &[Value]) -> Self {
        Call {
            x: floats::<Ix2>(arguments, 0).to_owned(),
            y: whole_numbers::<Ix1>(arguments, 1).to_owned(),
            orders: whole_numbers::<Ix2>(arguments, 2).to_owned(),
            size: count(arguments, 3),
            step: count(arguments, 4),
        }
    }

    fn examples(&self) -> usize {
        self.y.len()
    }

    /// Epoch and number of the batch in it.
    fn place(&self) -> (usize, usize) {
        let per_epoch = self.examples().div_ceil(self.size);
        (self.step / per_epoch, self.step % per_epoch)
    }

    fn order(&self, epoch: usize) -> Vec<usize> {
        self.orders.row(epoch).iter().map(|&at| at as usize).collect()
    }

    /// Where batch number `k` lies in an order.
    fn range(&self, k: usize) -> std::ops::Range<usize> {
        (k * self.size).min(self.examples())..((k + 1) * self.size).min(self.examples())
    }

    fn batch(&self, examples: &[usize], labels: &[usize]) -> Outcome {
        let (xb, yb) = (self.x.select(Axis(1), examples), self.y.select(Axis(0), labels));
        returns(Value::Tuple(vec![xb.into(), yb.into()]))
    }

    fn paired(&self, examples: &[usize]) -> Outcome {
        self.batch(examples, examples)
    }
}

fn reference(arguments: &[Value]) -> Outcome {
    let call = Call::new(arguments);
    let (epoch, k) = call.place();
    call.paired(&call.order(epoch)[call.range(k)])
}

const MISCONCEPTIONS: &[Misconception] = &[
    Misconception {
        id: "labels-not-shuffled",
        title: "the examples are shuffled and their labels are not",
        explanation: "Every example gets some other example's label, and the network learns noise: the loss sticks at that of \
                      guessing. The same chosen indices belong to x and to y.",
        question: "Is the label of the first column of xb the first of yb?",
        see: ("dls-c2", "W2 Optimization algorithms; assignment Optimization methods"),
        behaviour: |arguments| {
            let call = Call::new(arguments);
            let (epoch, k) = call.place();
            call.batch(&call.order(epoch)[call.range(k)], &Vec::from_iter(call.range(k)))
        },
    },
    Misconception {
        id: "labels-shuffled-apart",
        title: "the labels are taken by another order than the examples",
        explanation: "Two calls of shuffle give two orders. One permutation per epoch serves both: x[:, chosen] and y[chosen].",
        question: "How many permutations does your code use per epoch?",
        see: ("dls-c2", "W2 Optimization algorithms; assignment Optimization methods"),
        behaviour: |arguments| {
            let call = Call::new(arguments);
            let (epoch, k) = call.place();
            let other = call.order((epoch + 1) % call.orders.nrows());
            call.batch(&call.order(epoch)[call.range(k)], &other[call.range(k)])
        },
    },
    Misconception {
        id: "last-batch-dropped",
        title: "the short batch at the end of an epoch is left out",
        explanation: "m // size counts full batches only: the epochs become shorter, and the examples at the end of an order \
                      are not seen in it. Round up: (m + size - 1) // size.",
        question: "5 examples in batches of 2: how many batches until every example was seen?",
        see: ("dls-c2", "W2 Optimization algorithms; assignment Optimization methods"),
        behaviour: |arguments| {
            let call = Call::new(arguments);
            let per_epoch = call.examples() / call.size;
            if per_epoch == 0 {
                return rejects("no full batch: division by zero");
            }
            let (epoch, k) = (call.step / per_epoch, call.step % per_epoch);
            if epoch >= call.orders.nrows() {
                return rejects("there is no order for that epoch");
            }
            call.paired(&call.order(epoch)[call.range(k)])
        },
    },
    Misconception {
        id: "same-order-every-epoch",
        title: "every epoch goes through the examples in the first epoch's order",
        explanation: "The same batches in the same order again and again: their noise does not average out, and training can \
                      follow the cycle. Shuffle in every epoch, orders[epoch].",
        question: "Which row of orders does the second epoch use in your code?",
        see: ("dls-c2", "W2 Optimization algorithms; assignment Optimization methods"),
        behaviour: |arguments| {
            let call = Call::new(arguments);
            call.paired(&call.order(0)[call.range(call.place().1)])
        },
    },
    Misconception {
        id: "not-shuffled",
        title: "the batches are cut from the data as it lies, without any order",
        explanation: "Data often comes sorted: all zeros, then all ones. A batch of a single class pulls the network to that \
                      class alone. Take the examples that orders[epoch] names.",
        question: "Where does your code use orders?",
        see: ("dls-c2", "W2 Optimization algorithms; assignment Optimization methods"),
        behaviour: |arguments| {
            let call = Call::new(arguments);
            call.paired(&Vec::from_iter(call.range(call.place().1)))
        },
    },
    Misconception {
        id: "permutation-inverted",
        title: "the order is used backwards: example i is put to place order[i]",
        explanation: "shuffled[:, order] = x moves example i to place order[i]; x[:, order] fetches example order[i] to place \
                      i. They are inverses of each other. Asked for is the second.",
        question: "order begins with 4: should example 4 come first, or should example 0 come fifth?",
        see: ("numpy", "Indexing on ndarrays: integer array indexing"),
        behaviour: |arguments| {
            let call = Call::new(arguments);
            let (epoch, k) = call.place();
            let mut inverse = vec![0; call.examples()];
            for (place, &example) in call.order(epoch).iter().enumerate() {
                inverse[example] = place;
            }
            call.paired(&inverse[call.range(k)])
        },
    },
    Misconception {
        id: "last-batch-filled-up",
        title: "the last batch of an epoch is filled up with the first examples of its order",
        explanation: "Those examples count twice in this epoch. A shorter last batch is no problem, since the loss is a mean \
                      over the batch.",
        question: "How often is each example seen in one epoch?",
        see: ("dls-c2", "W2 Optimization algorithms; assignment Optimization methods"),
        behaviour: |arguments| {
            let call = Call::new(arguments);
            let (epoch, k) = call.place();
            let order = call.order(epoch);
            let filled = (k * call.size..(k + 1) * call.size).map(|at| order[at % order.len()]);
            call.paired(&Vec::from_iter(filled))
        },
    },
    Misconception {
        id: "last-batch-overlaps",
        title: "the last batch of an epoch is the last `size` examples, some of which were in the batch before",
        explanation: "It has the full size, but some examples count twice in this epoch. The last batch starts where the one \
                      before it ended.",
        question: "Where does the batch before the last one end?",
        see: ("dls-c2", "W2 Optimization algorithms; assignment Optimization methods"),
        behaviour: |arguments| {
            let call = Call::new(arguments);
            let (epoch, k) = call.place();
            let end = call.range(k).end;
            call.paired(&call.order(epoch)[end.saturating_sub(call.size)..end])
        },
    },
    Misconception {
        id: "batches-interleaved",
        title: "batch k takes every so many examples, order[k::per_epoch], and not neighbours in the order",
        explanation: "Every example is seen once, which is fine for training, but these are other batches, and some shorter \
                      than asked for. Batch k is order[k*size : (k+1)*size].",
        question: "Which examples make up the first batch: neighbours in the order, or one of every few?",
        see: ("numpy", "Indexing on ndarrays: slicing and striding"),
        behaviour: |arguments| {
            let call = Call::new(arguments);
            let (epoch, k) = call.place();
            let per_epoch = call.examples().div_ceil(call.size);
            call.paired(&Vec::from_iter(call.order(epoch).into_iter().skip(k).step_by(per_epoch)))
        },
    },
    Misconception {
        id: "batch-ends-early",
        title: "the last example of every batch is missing",
        explanation: "A slice a[i:j] ends before j already, in Python and in Rust. With j - 1 one example per batch is never \
                      seen.",
        question: "How many elements has a[0:2]?",
        see: ("numpy", "Indexing on ndarrays: slicing and striding"),
        behaviour: |arguments| {
            let call = Call::new(arguments);
            let (epoch, k) = call.place();
            let start = k * call.size;
            let end = (start + call.size - 1).min(call.examples());
            call.paired(&call.order(epoch)[start..end])
        },
    },
];
