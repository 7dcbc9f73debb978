//! Exercises about Python itself: containers, classes and generators come back whole, and Rust is told to stay away.

mod common;

use common::{Learner, python};
use striate_road::check::{Language, Report, Rung, Status};

fn check(exercise: &str, source: &str) -> Option<Report> {
    python()?;
    Some(Learner::new(exercise, Language::Python, source).check())
}

#[track_caller]
fn expect_mistake(exercise: &str, source: &str, id: &str) {
    let Some(report) = check(exercise, source) else { return };
    assert_eq!(report.diagnosis.map(|found| found.id).as_deref(), Some(id), "{}", report.headline);
}

const COUNT: &str = "
    for piece in text.lower().split():
        word = piece.strip(string.punctuation)
        if word:
            counts[word] = counts.get(word, 0) + 1
    return counts
";

#[test]
fn what_calls_or_objects_share_is_named() {
    let shared = format!("import string\ndef count_words(text, counts={{}}):{COUNT}");
    expect_mistake("count_words", &shared, "default-shared-by-calls");
    let class = "
class RunningMean:
    values = []
    def push(self, x):
        self.values.append(x)
    @property
    def mean(self):
        return sum(self.values) / len(self.values)
    @property
    def var(self):
        return sum((x - self.mean) ** 2 for x in self.values) / (len(self.values) - 1)

def running_mean(first, second):
    a, b = RunningMean(), RunningMean()
    for x in first:
        a.push(x)
    for x in second:
        b.push(x)
    return a.mean, a.var, b.mean, b.var
";
    expect_mistake("running_mean", class, "attribute-shared-by-objects");
    let generator = "
def batches(order, size):
    if size < 1:
        raise ValueError
    batch = []
    for item in order:
        batch.append(item)
        if len(batch) == size:
            yield batch
            batch.clear()
    if batch:
        yield batch
";
    expect_mistake("batches", generator, "same-array-appended");
}

#[test]
fn a_subclass_of_dict_is_a_dict_and_a_list_of_pairs_is_none() {
    let counter = "import string\nfrom collections import Counter\ndef count_words(text):\n    pieces = (piece.strip(\
                   string.punctuation) for piece in text.lower().split())\n    return Counter(word for word in pieces if word)\n";
    let Some(report) = check("count_words", counter) else { return };
    assert!(report.passed(), "{}", report.headline);
    let pairs = "def count_words(text):\n    return [(word, 1) for word in text.split()]\n";
    let Some(report) = check("count_words", pairs) else { return };
    assert_eq!(
        (report.rung, report.message.as_str()),
        (Some(Rung::Type), "The result is a list; it should be a dict.")
    );
}

#[test]
fn a_list_that_is_emptied_is_a_changed_argument() {
    let source = "
def batches(order, size):
    if size < 1:
        raise ValueError
    while order:
        yield [order.pop(0) for _ in range(min(size, len(order)))]
";
    let Some(report) = check("batches", source) else { return };
    assert_eq!(report.rung, Some(Rung::Mutation), "{}", report.headline);
    assert!(report.message.contains("order"), "{}", report.message);
}

#[test]
fn a_generator_without_end_and_a_list_in_itself_are_answers_like_any_other() {
    let endless = "def batches(order, size):\n    while True:\n        yield [0]\n";
    let Some(report) = check("batches", endless) else { return };
    assert_eq!((report.status, report.rung), (Status::Wrong, Some(Rung::Values)), "{}", report.headline);
    let itself = "def batches(order, size):\n    out = []\n    out.append(out)\n    yield out\n";
    let Some(report) = check("batches", itself) else { return };
    assert_eq!((report.status, report.rung), (Status::Wrong, Some(Rung::Raises)), "{}", report.headline);
}

#[test]
fn rust_is_told_in_one_sentence() {
    let report = Learner::new("count_words", Language::Rust, "pub fn count_words(text: &str) {}\n").check();
    assert_eq!(report.status, Status::CannotRun);
    assert_eq!(report.headline, "count_words is an exercise about Python itself: answer it in Python, not in Rust");
}
