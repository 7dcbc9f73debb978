//! What is refused and must not be, what is accepted and must be refused, and the smallest input that ends in an error.

mod common;

use common::slips::{expect, solution};
use common::{Learner, python};
use striate_road::check::{Evidence, Language, Report, Rung, Shown, Status};

/// The report on the Python model solution with something written otherwise.
fn checked(exercise: &str, right: &str, instead: &str) -> Option<Report> {
    python()?;
    let source = solution(exercise);
    assert!(source.contains(right), "{right:?} is not in the solution of {exercise}");
    Some(Learner::new(exercise, Language::Python, &source.replace(right, instead)).check())
}

#[test]
fn an_accepted_input_is_named_by_what_the_code_makes_of_it() {
    expect(
        "one_hot",
        &solution("one_hot"),
        &[
            ("negative-index-wraps", &[("((y < 0) | (y >= k)).any()", "(y >= k).any()")]),
            (
                "label-outside-gives-zeros",
                &[
                    ("((y < 0) | (y >= k)).any()", "False"),
                    ("    rows[np.arange(len(y)), y] = 1", "    rows[:] = y[:, None] == np.arange(k)"),
                ],
            ),
        ],
    );
    const COUNTED: &str = "np.bincount(y * k + p, minlength=k * k).reshape(k, k)";
    expect(
        "confusion",
        &solution("confusion").replace("if len(y) and", "if False and"),
        &[
            ("class-beyond-in-next-row", &[("The pair", "A pair")]),
            (
                "negative-index-wraps",
                &[
                    ("return ", "m = np.zeros((k, k), int)\n    np.add.at(m, (y, p), 1)\n    return m  # "),
                    (COUNTED, ""),
                ],
            ),
        ],
    );
    expect(
        "correlate2d",
        &solution("correlate2d"),
        &[("even-kernel-accepted", &[("if kh % 2 == 0 or kw % 2 == 0", "if False")])],
    );
    expect(
        "knn_predict",
        &solution("knn_predict"),
        &[("more-neighbours-than-points", &[("1 <= k <= len(xtr)", "1 <= k")])],
    );
    expect(
        "training_batch",
        &solution("training_batch"),
        &[(
            "empty-batch-returned",
            &[
                ("batch * size >= len(x)", "False"),
                ("np.stack([", "np.array(["),
                ("for i in indices])", "for i in indices]).reshape(-1, *x.shape[1:])"),
            ],
        )],
    );
}

#[test]
fn an_accepted_input_has_a_shared_name_where_the_exercise_knows_none() {
    for (exercise, right, named) in [
        ("gaussian_kernel", "sigma <= 0", "number-outside-range-accepted"),
        ("add_gaussian_noise", "sigma < 0", "number-outside-range-accepted"),
        ("knn_predict", "not 1 <= k <= len(xtr)", "number-outside-range-accepted"),
    ] {
        let Some(report) = checked(exercise, right, "False") else { return };
        assert_eq!((report.status, report.rung), (Status::Fragile, Some(Rung::Rejects)), "{report:#?}");
        let found = report.diagnosis.expect("a name");
        assert_eq!((found.evidence, found.id.as_str()), (Evidence::Requirement, named), "{exercise}");
    }
}

#[test]
fn a_check_that_turns_away_too_much_is_named() {
    let Some(report) = checked("one_hot", "(y >= k)).any()", "(y >= k)).any() or k < 2") else { return };
    assert_eq!((report.status, report.rung), (Status::Fragile, Some(Rung::Raises)), "{report:#?}");
    let found = report.diagnosis.expect("a name");
    assert_eq!((found.evidence, found.id.as_str()), (Evidence::Requirement, "valid-input-refused"));
    assert_eq!(found.certainty, "line 6 of your file raises the error");
    // An error that nobody wrote is not a refusal.
    let Some(report) = checked("one_hot", "np.zeros((len(y), k))", "np.zeros((len(y) - 1, k))") else { return };
    assert_eq!((report.rung, report.diagnosis), (Some(Rung::Raises), None));
}

fn shapes(report: &Report) -> Vec<Vec<usize>> {
    let case = report.case.as_ref().expect("a case");
    let shape = |shown: &Shown| match shown {
        Shown::Array { shape, .. } => shape.clone(),
        Shown::Text { .. } => Vec::new(),
    };
    case.arguments.iter().map(|named| shape(&named.value)).collect()
}

const SWAPPED: &str = "import numpy as np


def correlate2d(img, k, border):
    out = np.zeros(img.shape)
    for j in range(img.shape[1]):
        for i in range(img.shape[0]):
            out[j, i] = img[i, j]
    return out
";

#[test]
fn the_smallest_input_that_ends_in_the_same_error_is_shown() {
    if python().is_none() {
        return;
    }
    let report = Learner::new("correlate2d", Language::Python, SWAPPED).check();
    assert_eq!(report.rung, Some(Rung::Raises), "{report:#?}");
    let case = report.case.as_ref().expect("a case");
    assert!(case.label.starts_with("made smaller from"), "{}", case.label);
    assert_eq!(shapes(&report)[0].iter().product::<usize>(), 2, "{case:#?}");
    // The words are those of the smaller input, the line is the same.
    assert_eq!(report.headline, "Your code raises IndexError: index 1 is out of bounds for axis 0 with size 1");
    assert_eq!(report.place.as_ref().expect("a line").line, 8);
    assert!(!case.expected.is_empty() && case.got.is_empty(), "{case:#?}");
}

#[test]
fn the_smallest_input_that_panics_is_shown() {
    let source = "use striate_array::Array;

pub fn correlate2d(img: &Array<f64>, _k: &Array<f64>, _border: &str) -> Array<f64> {
    let [height, width] = img.dims();
    Array::from_fn([height, width], |[i, j]| img[[j, i]])
}
";
    let report = Learner::new("correlate2d", Language::Rust, source).check();
    assert_eq!(report.rung, Some(Rung::Raises), "{report:#?}");
    assert_eq!(shapes(&report)[0].iter().product::<usize>(), 2, "{report:#?}");
    assert!(
        report.headline.starts_with("Your code panics: index [1, 0] is outside an array of shape [1, 2]"),
        "{}",
        report.headline
    );
    assert_eq!(report.place.as_ref().expect("a line").line, 5);
}
