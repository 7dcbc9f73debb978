//! `batches`: a generator of pieces.

use crate::exercise::{Exercise, Kind, Misconception, Outcome, Parameter, Probe, Property, Signature};
use crate::exercises::arguments::{int, int_named, rejects, returns};
use crate::runner::Language;
use crate::value::Value;

/// The exercise.
pub static BATCHES: Exercise = Exercise {
    id: "batches",
    station: "python-essentials",
    task: "Write a generator that yields the items of order in batches: lists of size items each, in the given order.\n\
           The last batch may be shorter; it is never empty. Every item comes exactly once.\n\
           Use yield, so that a batch is made only when it is asked for. Refuse a size below 1 with ValueError.\n\
           order stays as it is: it is the shuffled data set of a training loop, and the next epoch needs it too.",
    languages: &[Language::Python],
    signature: Signature {
        name: "batches",
        parameters: &[
            Parameter { name: "order", kind: Kind::Python("list[int]"), meaning: "items, say shuffled indices" },
            int_named("size", "items per batch, at least 1"),
        ],
        returns: Parameter {
            name: "batches",
            kind: Kind::Python("Iterator[list[int]]"),
            meaning: "a generator of lists",
        },
    },
    probes,
    reference,
    misconceptions: MISCONCEPTIONS,
    properties: &[Property { title: "yields as many items as there are", violated: items_lost }],
    hints: &[
        "For 7 items in batches of 3: how many batches are there, where does each begin, how long is the last?",
        "for start in range(0, len(order), size): yield order[start:start + size]. A slice that runs over the end of a list \
         is simply shorter.",
        "order = [4, 0, 2, 1, 3], size = 2: start is 0, 2, 4. The batches are [4, 0], [2, 1], [3].",
    ],
    ..Exercise::DEFAULTS
};

fn probes() -> Vec<Probe> {
    let list = |items: &[i64]| Value::List(items.iter().map(|&item| Value::Int(item)).collect());
    let arguments = |items: &[i64], size: i64| vec![list(items), Value::Int(size)];
    vec![
        Probe::ordinary("5 items in batches of 2", arguments(&[4, 0, 2, 1, 3], 2)),
        Probe::ordinary("6 items in batches of 3", arguments(&[5, 1, 0, 4, 2, 3], 3)),
        Probe::ordinary("11 items in batches of 4", arguments(&[7, 3, 10, 0, 5, 9, 1, 8, 2, 6, 4], 4)),
        Probe::ordinary("8 items in batches of 3", arguments(&[6, 2, 7, 0, 4, 1, 5, 3], 3)),
        Probe::hard("batches of 1", arguments(&[2, 0, 1], 1)),
        Probe::hard("one batch of all", arguments(&[2, 0, 1], 3)),
        Probe::hard("a batch that is never full", arguments(&[1, 0], 5)),
        Probe::hard("no item", arguments(&[], 3)),
        Probe::hard("equal items", arguments(&[3, 3, 1, 3], 3)),
        Probe::hard("batches of 0", arguments(&[0, 1], 0)),
        Probe::hard("batches of -1", arguments(&[0, 1, 2], -1)),
    ]
}

/// The items and the size, or the refusal.
fn accepted(arguments: &[Value], result: impl FnOnce(&[Value], usize) -> Value) -> Outcome {
    let Value::List(items) = &arguments[0] else { panic!("argument 0 should be a list") };
    match usize::try_from(int(arguments, 1)) {
        Ok(size) if size > 0 => returns(result(items, size)),
        _ => rejects("the size must be at least 1"),
    }
}

/// A generator of lists.
fn generator<'a>(batches: impl IntoIterator<Item = &'a [Value]>) -> Value {
    Value::Generator(lists(batches))
}

fn lists<'a>(batches: impl IntoIterator<Item = &'a [Value]>) -> Vec<Value> {
    batches.into_iter().map(|batch| Value::List(batch.to_vec())).collect()
}

fn reference(arguments: &[Value]) -> Outcome {
    accepted(arguments, |items, size| generator(items.chunks(size)))
}

fn items_lost(arguments: &[Value], result: &Value) -> Option<String> {
    let (items, yielded) = (arguments[0].size(), result.size());
    (items != yielded).then(|| format!("{items} items went in, {yielded} came out"))
}

const MISCONCEPTIONS: &[Misconception] = &[
    Misconception {
        id: "last-batch-dropped",
        title: "the last batch is dropped when it is not full",
        explanation: "range(len(order) // size) counts full batches only. The items of the last one are data like any other; \
                      with a small data set and large batches a good part would never be seen.",
        question: "How many items come out for 7 items in batches of 3?",
        see: ("corey-python", "basics block: loops"),
        behaviour: |arguments| accepted(arguments, |items, size| generator(items.chunks_exact(size))),
    },
    Misconception {
        id: "last-batch-filled-up",
        title: "the last batch is filled up with items from the start",
        explanation: "Equal batches are convenient, but the first items are then seen twice as often as the others. Let the \
                      last batch be shorter.",
        question: "How often does the first item come in your batches?",
        see: ("corey-python", "basics block: lists"),
        behaviour: |arguments| {
            accepted(arguments, |items, size| {
                let filled = |batch: &[Value]| batch.iter().chain(items.iter().cycle()).take(size).cloned().collect();
                Value::Generator(items.chunks(size).map(|batch| Value::List(filled(batch))).collect())
            })
        },
    },
    Misconception {
        id: "batches-overlap",
        title: "a batch begins at every item, so that they overlap",
        explanation: "range(len(order)) moves the start by 1; the next batch has to begin where this one ends. The third \
                      argument of range is the step: range(0, len(order), size).",
        question: "Where does your second batch begin?",
        see: ("corey-python", "basics block: loops"),
        behaviour: |arguments| {
            accepted(arguments, |items, size| {
                generator((0..items.len()).map(|start| &items[start..items.len().min(start + size)]))
            })
        },
    },
    Misconception {
        id: "empty-batch-at-end",
        title: "an empty batch comes at the end when size divides the number of items",
        explanation: "range(0, len(order) + 1, size) has one start too many then, and what is left in a half-filled list must \
                      only be yielded if there is something in it. The mean loss of an empty batch is NaN.",
        question: "What is your last batch for 6 items in batches of 3?",
        see: ("corey-python", "basics block: loops"),
        behaviour: |arguments| {
            accepted(arguments, |items, size| {
                let rest = items.chunks_exact(size).remainder();
                generator(items.chunks_exact(size).chain([rest]))
            })
        },
    },
    Misconception {
        id: "list-for-generator",
        title: "a list of all batches is returned, made before the first one is used",
        explanation: "For indices that is harmless; for images it is the whole data set in memory. With yield in place of \
                      append the function becomes a generator, which makes each batch when it is asked for.",
        question: "When is your last batch made: before or after the first one is used?",
        see: ("corey-python", "basics block: functions; generators"),
        behaviour: |arguments| accepted(arguments, |items, size| Value::List(lists(items.chunks(size)))),
    },
    Misconception {
        id: "items-for-batches",
        title: "the items are yielded one by one, not in lists",
        explanation: "yield inside the inner loop hands out single items. Collect a list, or take a slice, and yield that.",
        question: "What type has the first thing that your generator gives?",
        see: ("corey-python", "basics block: lists"),
        behaviour: |arguments| accepted(arguments, |items, _| Value::Generator(items.to_vec())),
    },
    Misconception {
        id: "order-ignored",
        title: "the indices 0, 1, 2, .. are yielded in place of the items of order",
        explanation: "start is a position; the item is order[start]. Without looking it up the shuffling is lost, and every \
                      epoch sees the data in the same order.",
        question: "Where in your code are the contents of order used?",
        see: ("corey-python", "basics block: lists"),
        behaviour: |arguments| {
            accepted(arguments, |items, size| {
                let positions: Vec<Value> = (0..items.len() as i64).map(Value::Int).collect();
                generator(positions.chunks(size))
            })
        },
    },
    Misconception {
        id: "size-as-count",
        title: "size is taken as the number of batches",
        explanation: "A batch size says how many items one step sees; how many steps there are follows from the data. \
                      np.array_split cuts into a number of pieces, which is the other thing.",
        question: "How many batches come out for 100 items and size 10, and how many for size 50?",
        see: ("numpy", "numpy.array_split"),
        behaviour: |arguments| {
            accepted(arguments, |items, size| {
                let (short, long) = (items.len() / size, items.len() % size);
                let start = |batch: usize| batch * short + batch.min(long);
                generator((0..size).map(|batch| &items[start(batch)..start(batch + 1)]))
            })
        },
    },
    Misconception {
        id: "batches-interleaved",
        title: "a batch takes every k-th item and not neighbours",
        explanation: "order[i::k] walks through the list in strides of k. Neighbours are order[start:start + size]. Both see \
                      every item once, but the task asks for the given order.",
        question: "Which items of order are in your first batch?",
        see: ("corey-python", "basics block: slicing"),
        behaviour: |arguments| {
            accepted(arguments, |items, size| {
                let count = items.len().div_ceil(size);
                let batch = |first| Value::List(items.iter().skip(first).step_by(count).cloned().collect());
                Value::Generator((0..count).map(batch).collect())
            })
        },
    },
    Misconception {
        id: "same-array-appended",
        title: "one list is emptied and filled again, so that all batches are the same object",
        explanation: "batch.clear() empties the list that was handed out before: whoever kept it, kept a name for the same \
                      list. Make a new one after each yield: batch = [].",
        question: "After list(batches(..)), is the first batch the same object as the second?",
        see: ("corey-python", "basics block: lists (mutability)"),
        behaviour: |arguments| {
            accepted(arguments, |items, size| {
                let left = items.chunks_exact(size).remainder();
                generator(items.chunks(size).map(|_| left))
            })
        },
    },
];
