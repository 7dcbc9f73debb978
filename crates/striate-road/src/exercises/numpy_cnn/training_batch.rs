//! `training_batch`: shuffled and shifted for training, untouched for everything else.

use ndarray::{Array3, ArrayView2, ArrayView3};

use crate::exercise::{Exercise, Kind, Misconception, Outcome, Parameter, Probe, Property, Signature};
use crate::exercises::arguments::{
    bool_named, boolean, count, f64_array, floats, i64_array, int_named, rejects, returns, whole_numbers,
};
use crate::exercises::numbers::Numbers;
use crate::value::Value;

/// The exercise.
pub static TRAINING_BATCH: Exercise = Exercise {
    id: "training_batch",
    station: "numpy-cnn",
    task: "Return batch number `batch` (from 0) of an epoch: images and their labels. Batches hold `size` images; the last one holds\n\
           what is left. Refuse a batch number beyond the last with an error.\n\
           training true: images are taken in the given order, and image i is shifted by shifts[i] = (rows down, columns right); a\n\
           negative shift goes up or left, what leaves the image is lost, and what comes in is 0.\n\
           training false (validation and test): images as they are, in their own order, not shifted.",
    signature: Signature {
        name: "training_batch",
        parameters: &[
            f64_array("x", &["N", "H", "W"], "all images"),
            i64_array("y", &["N"], "their labels"),
            i64_array("order", &["N"], "the order of this epoch"),
            i64_array("shifts", &["N", "2"], "shift of each image: rows, columns"),
            int_named("size", "images per batch"),
            int_named("batch", "which batch, from 0"),
            bool_named("training", "whether the batch is for training"),
        ],
        returns: Parameter {
            name: "batch",
            kind: Kind::Tuple(&[
                f64_array("xb", &["B", "H", "W"], "images of the batch"),
                i64_array("yb", &["B"], "their labels"),
            ]),
            meaning: "images and labels",
        },
    },
    probes,
    reference,
    misconceptions: MISCONCEPTIONS,
    properties: &[Property { title: "has as many labels as images", violated: unequal }],
    hints: &[
        "First without shifts: which images are in batch 1 of size 3, in training and in validation?",
        "indices = order[batch*size : (batch+1)*size] in training, range(batch*size, min(N, ...)) else; x[indices], y[indices] with the same \
         indices. A shift by (r, c): out[i, j] = image[i - r, j - c] where that lies inside, else 0.",
        "x = one row [1 2 3], shift (0, 1): [0 1 2]. Shift (0, -1): [2 3 0]. np.roll would give [3 1 2] and [2 3 1]: what leaves must not \
         come back on the other side.",
    ],
    ..Exercise::DEFAULTS
};

fn probes() -> Vec<Probe> {
    let mut numbers = Numbers::stream(481);
    let mut probes = Vec::new();
    let mut add = |label: &str, [n, height, width]: [usize; 3], size: i64, batch: i64, training: bool, hard: bool| {
        let x = numbers.integers([n, height, width], 1, 99);
        let y: Vec<i64> = (0..n).map(|_| numbers.integer(0, 9)).collect();
        let mut order: Vec<i64> = (0..n as i64).collect();
        (1..n).rev().for_each(|at| order.swap(at, numbers.integer(0, at as i64) as usize));
        // Image by image another shift, rows and columns different.
        let shifts: Vec<i64> = (0..n).flat_map(|at| [[1, 0], [0, -1], [-1, 2], [2, 1], [0, 0]][at % 5]).collect();
        let arguments = vec![
            x.into(),
            Value::array(&[n], y),
            Value::array(&[n], order),
            Value::array(&[n, 2], shifts),
            Value::Int(size),
            Value::Int(batch),
            Value::Bool(training),
        ];
        probes.push(if hard { Probe::hard(label, arguments) } else { Probe::ordinary(label, arguments) });
    };
    add("first of two batches, training", [4, 3, 4], 2, 0, true, false);
    add("second of two batches, training", [4, 3, 4], 2, 1, true, false);
    add("first batch, validation", [4, 3, 4], 2, 0, false, false);
    add("7 images of 4 by 5, second batch of 3, training", [7, 4, 5], 3, 1, true, false);
    add("7 images, second batch of 3, validation", [7, 4, 5], 3, 1, false, false);
    add("the last, smaller batch, training", [7, 4, 5], 3, 2, true, false);
    add("the last, smaller batch, validation", [5, 3, 4], 2, 2, false, true);
    add("a batch larger than the data", [3, 4, 3], 8, 0, true, true);
    add("shifts larger than the image", [6, 1, 2], 4, 0, true, true);
    add("a batch beyond the last", [4, 3, 4], 2, 2, true, true);
    probes
}

/// A shift of an image.
type Shift = fn(ArrayView2<'_, f64>, [i64; 2], [i64; 2]) -> f64;

/// What is done otherwise; the default is right.
#[derive(Clone, Copy)]
struct Rules {
    images_ordered: bool,
    labels_ordered: bool,
    /// Whether validation batches are treated as training ones: order, shifts.
    validation_ordered: bool,
    validation_shifted: bool,
    /// Pixel of the shifted image at a place, from the image, the shift and the place.
    shift: Shift,
    /// Whose shift an image gets: from its place in the batch, its place in the epoch and its number.
    whose: fn(usize, usize, usize) -> usize,
    full_batches_only: bool,
    /// Whether a batch beyond the last is one without images.
    empty_batches: bool,
}

const RIGHT: Rules = Rules {
    images_ordered: true,
    labels_ordered: true,
    validation_ordered: false,
    validation_shifted: false,
    shift: |image, [rows, columns], [i, j]| pixel(image, i - rows, j - columns),
    whose: |_, _, image| image,
    full_batches_only: false,
    empty_batches: false,
};

fn pixel(image: ArrayView2<'_, f64>, i: i64, j: i64) -> f64 {
    let inside = (0..image.nrows() as i64).contains(&i) && (0..image.ncols() as i64).contains(&j);
    if inside { image[[i as usize, j as usize]] } else { 0.0 }
}

fn with(arguments: &[Value], rules: Rules) -> Outcome {
    let x: ArrayView3<f64> = floats(arguments, 0);
    let y = whole_numbers::<ndarray::Ix1>(arguments, 1);
    let order = whole_numbers::<ndarray::Ix1>(arguments, 2);
    let shifts = whole_numbers::<ndarray::Ix2>(arguments, 3);
    let (size, batch, training) = (count(arguments, 4), count(arguments, 5), boolean(arguments, 6));
    let n = y.len();
    let batches = if rules.full_batches_only { n / size } else { n.div_ceil(size) };
    if batch >= batches && !rules.empty_batches {
        return rejects("there is no such batch");
    }
    let places: Vec<usize> = ((batch * size).min(n)..n.min((batch + 1) * size)).collect();
    let ordered = |follows: bool, place: usize| {
        if follows && (training || rules.validation_ordered) { order[place] as usize } else { place }
    };
    let (_, height, width) = x.dim();
    let images = Array3::from_shape_fn((places.len(), height, width), |(b, i, j)| {
        let at = ordered(rules.images_ordered, places[b]);
        let image = x.index_axis(ndarray::Axis(0), at);
        let shift = shifts.row((rules.whose)(b, places[b], at));
        let moved = training || rules.validation_shifted;
        if moved { (rules.shift)(image, [shift[0], shift[1]], [i as i64, j as i64]) } else { image[[i, j]] }
    });
    let labels: Vec<i64> = places.iter().map(|&place| y[ordered(rules.labels_ordered, place)]).collect();
    returns(Value::Tuple(vec![images.into(), Value::array(&[labels.len()], labels)]))
}

fn reference(arguments: &[Value]) -> Outcome {
    with(arguments, RIGHT)
}

fn unequal(_: &[Value], result: &Value) -> Option<String> {
    let Value::Tuple(parts) = result else { return None };
    let length = |at: usize| parts.get(at).and_then(Value::as_array).and_then(|array| array.shape().first().copied());
    let (images, labels) = (length(0)?, length(1)?);
    (images != labels).then(|| format!("{images} images and {labels} labels"))
}

const AUGMENTATION: (&str, &str) = ("dls-c4", "W2 Data augmentation");
const BATCHES: (&str, &str) = ("dls-c2", "W2 Mini-batch gradient descent");

const MISCONCEPTIONS: &[Misconception] = &[
    Misconception {
        id: "labels-not-shuffled",
        title: "the images follow the order, their labels do not",
        explanation: "Most images now carry another one's label, and there is nothing to learn but chance. One index picks both: x[indices], \
                      y[indices].",
        question: "Which label belongs to the first image of your batch?",
        see: BATCHES,
        behaviour: |arguments| with(arguments, Rules { labels_ordered: false, ..RIGHT }),
    },
    Misconception {
        id: "not-shuffled",
        title: "training batches are taken in the images' own order",
        explanation: "Data often lies sorted; batches of one class pull the network to and fro. In training the order of the epoch is used.",
        question: "Where does your code use order?",
        see: BATCHES,
        behaviour: |arguments| with(arguments, Rules { images_ordered: false, labels_ordered: false, ..RIGHT }),
    },
    Misconception {
        id: "validation-augmented",
        title: "validation batches are shifted too",
        explanation: "Augmentation is a way to train. To measure, images stay what they are: a shifted digit is another, harder one, and the accuracy \
                      would depend on the dice.",
        question: "Is the accuracy of two validations of the same network the same?",
        see: AUGMENTATION,
        behaviour: |arguments| with(arguments, Rules { validation_shifted: true, ..RIGHT }),
    },
    Misconception {
        id: "validation-shuffled",
        title: "validation batches follow the training order",
        explanation: "It does no harm to the accuracy, and much to everything that comes after: predictions no longer line up with the images, and the list \
                      of the ten worst digits shows the wrong ten.",
        question: "Which image does your third prediction belong to?",
        see: BATCHES,
        behaviour: |arguments| with(arguments, Rules { validation_ordered: true, ..RIGHT }),
    },
    Misconception {
        id: "augmentation-missing",
        title: "training images are not shifted",
        explanation: "Shifted by shifts[i] every epoch, an image teaches that a 7 is a 7 two pixels further, too.",
        question: "Where does your code use shifts?",
        see: AUGMENTATION,
        behaviour: |arguments| with(arguments, Rules { shift: |image, _, [i, j]| pixel(image, i, j), ..RIGHT }),
    },
    Misconception {
        id: "border-wraps",
        title: "what leaves the image on one side comes back on the other",
        explanation: "np.roll moves in a circle. A digit's foot would stand on its head; fill with 0, the background.",
        question: "What stands in the first column after a shift to the right?",
        see: ("numpy", "numpy.roll"),
        behaviour: |arguments| {
            let shift: Shift = |image, [rows, columns], [i, j]| {
                let (height, width) = (image.nrows() as i64, image.ncols() as i64);
                pixel(image, (i - rows).rem_euclid(height), (j - columns).rem_euclid(width))
            };
            with(arguments, Rules { shift, ..RIGHT })
        },
    },
    Misconception {
        id: "sign-flipped",
        title: "images are shifted the other way: up and left for positive shifts",
        explanation: "out[i, j] = image[i - rows, j - columns]: what stood at 0 stands at `rows` afterwards.",
        question: "After a shift by (1, 0), in which row is what stood in row 0?",
        see: AUGMENTATION,
        behaviour: |arguments| {
            with(arguments, Rules { shift: |image, [r, c], [i, j]| pixel(image, i + r, j + c), ..RIGHT })
        },
    },
    Misconception {
        id: "axes-swapped",
        title: "rows and columns of the shift are swapped",
        explanation: "shifts[i] holds rows first, then columns, as array indices do; x and y of a picture are the other way round.",
        question: "Does a shift of (1, 0) move down or right?",
        see: ("numpy", "basics of indexing"),
        behaviour: |arguments| {
            with(arguments, Rules { shift: |image, [r, c], [i, j]| pixel(image, i - c, j - r), ..RIGHT })
        },
    },
    Misconception {
        id: "shift-of-place",
        title: "an image gets the shift of its place in the epoch and not its own",
        explanation: "shifts[i] belongs to image i, wherever the order puts it. Index it as x and y: shifts[indices].",
        question: "Which row of shifts is used for the first image of the order?",
        see: AUGMENTATION,
        behaviour: |arguments| with(arguments, Rules { whose: |_, place, _| place, ..RIGHT }),
    },
    Misconception {
        id: "shift-of-batch-place",
        title: "the images of a batch get the first shifts, whichever images they are",
        explanation: "A counter inside the batch starts at 0 again and again. shifts[i] belongs to image i.",
        question: "Which row of shifts is used for the first image of the second batch?",
        see: AUGMENTATION,
        behaviour: |arguments| with(arguments, Rules { whose: |b, _, _| b, ..RIGHT }),
    },
    Misconception {
        id: "last-batch-dropped",
        title: "the last, smaller batch is refused",
        explanation: "N // size counts full batches only. The images left over are never trained on, and in validation never measured.",
        question: "With 7 images in batches of 3, how many batches are there?",
        see: BATCHES,
        behaviour: |arguments| with(arguments, Rules { full_batches_only: true, ..RIGHT }),
    },
    Misconception {
        id: "empty-batch-returned",
        title: "a batch beyond the last comes back empty",
        explanation: "A slice beyond the end is empty, not an error. The loss of no images is nan, and one step with it turns all weights into nan. The task \
                      refuses a batch that is not there.",
        question: "What is the mean of an empty array?",
        see: ("numpy", "basics of indexing"),
        behaviour: |arguments| with(arguments, Rules { empty_batches: true, ..RIGHT }),
    },
];
