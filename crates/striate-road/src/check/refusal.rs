//! Naming what goes wrong with inputs that must be refused, where no misconception of the exercise does: which kind of
//! input is accepted, or that an input with an answer is refused. The ids are shared by all exercises.

use super::judge::Trial;
use super::report::{Diagnosis, Evidence, Rung};
use crate::exercise::Outcome;

/// A kind of input that exercises refuse.
struct Kind {
    id: &'static str,
    /// What references say of such inputs, in part.
    reasons: &'static [&'static str],
    title: &'static str,
    explanation: &'static str,
    question: &'static str,
}

/// How an error is raised, in both languages.
const RAISE: &str = "Refuse it before you compute: raise ValueError in Python, panic! in Rust.";

/// The first that fits counts.
const KINDS: [Kind; 9] = [
    Kind {
        id: "label-outside-accepted",
        reasons: &["is not in 0 ..", "labels lie between"],
        title: "a label that is no class is accepted",
        explanation: "Used as an index, -1 is the last class in Python, and label k falls into another row or on nothing. Labels that count from 1, \
                      or a class too few, are then never noticed.",
        question: "What does your code do with the label -1, and with the label k?",
    },
    Kind {
        id: "unusable-weights-accepted",
        reasons: &["weights must not be", "a weight is negative", "all weights are 0"],
        title: "weights that are no shares of anything are accepted",
        explanation: "Divided by their sum, negative weights give negative probabilities, and weights that are all 0 give nan.",
        question: "What are your probabilities for the weights [1, -1] and [0, 0]?",
    },
    Kind {
        id: "even-kernel-accepted",
        reasons: &["odd height and width"],
        title: "a kernel without a middle is accepted",
        explanation: "A kernel of even size has no middle weight, so its output stands half a pixel beside the image, to one side or the other.",
        question: "Which weight of a 2 by 2 kernel lies on the pixel?",
    },
    Kind {
        id: "misfit-accepted",
        reasons: &["different shapes", "not fit", "fit into", "do not fall into"],
        title: "arguments whose shapes do not fit together are accepted",
        explanation: "Broadcasting, a slice that ends early or a loop that never runs gives a result all the same, and it means nothing.",
        question: "What does your code do when one of the two is larger than the other?",
    },
    Kind {
        id: "unknown-name-accepted",
        reasons: &["there is no kind", "there is no activation", "there is no rule", "there is no noise"],
        title: "a name that the task does not know is accepted",
        explanation: "With a last branch for \"everything else\", a name with a slip in it quietly does something other than what was meant. Let the last \
                      branch be the error.",
        question: "Which branch does your code take for a name with a spelling mistake?",
    },
    Kind {
        id: "unfit-matrix-accepted",
        reasons: &["not symmetric", "square matri"],
        title: "a matrix of the wrong kind is accepted",
        explanation: "The method holds for matrices of that kind only. With others it runs as well, and what it gives is no answer.",
        question: "Which property of the matrix does your method use, and where is it checked?",
    },
    Kind {
        id: "missing-data-accepted",
        reasons: &[
            "has no variance",
            "too few",
            "no writer is left",
            "no epoch has",
            "crops are needed",
            "is empty",
            "there is no such batch",
            "zeros stays zero",
        ],
        title: "an input with nothing to compute from is accepted",
        explanation: "A mean of nothing, a variance of one number, a maximum of an empty list: what comes out is nan, 0, or whatever stood there before.",
        question: "How many numbers does your mean, or your maximum, have to work with there?",
    },
    Kind {
        id: "number-outside-range-accepted",
        reasons: &[
            "not be negative",
            "must be positive",
            "must be at least",
            "negative number of",
            "can vote",
            "can be found",
            "samples make",
            "a training set has",
        ],
        title: "a number outside the range that makes sense is accepted",
        explanation: "A size of 0, a negative radius, more neighbours than points: code mostly returns something all the same, from a loop that \
                      does not run or a slice counted from the other end.",
        question: "Which values of that argument make sense, and what does your code do with the next one beyond?",
    },
    Kind {
        id: "answer-without-solution",
        reasons: &["no eigenvector after", "there is no such function", "singular"],
        title: "something is returned where there is no answer",
        explanation: "Some problems have no solution, and some methods do not find one. Whoever calls your function has to hear of it.",
        question: "How does your code notice that it has not found what it was looking for?",
    },
];

/// For reasons that no kind knows.
const ANY: Kind = Kind {
    id: "refusal-missing",
    reasons: &[],
    title: "an input that must be refused is accepted",
    explanation: "The task says which inputs have no answer.",
    question: "Which inputs does the task say must be refused?",
};

fn kind(reason: &str) -> &'static Kind {
    let says = |kind: &&Kind| kind.reasons.iter().any(|part| reason.contains(part));
    KINDS.iter().find(says).unwrap_or(&ANY)
}

/// The name of what is wrong with a function whose only failures are `failing`: inputs that it accepts and must not, or an
/// input that its own check refuses though it has an answer.
pub(super) fn name(failing: &[&Trial]) -> Option<Diagnosis> {
    let rungs = || failing.iter().filter_map(|trial| trial.failure.as_ref().map(|failure| failure.rung));
    if rungs().all(|rung| rung == Rung::Rejects) {
        return accepted(failing);
    }
    if rungs().all(|rung| rung == Rung::Raises) { refused(failing) } else { None }
}

fn accepted(failing: &[&Trial]) -> Option<Diagnosis> {
    let kinds: Vec<&Kind> = failing.iter().filter_map(|trial| reason(trial).map(kind)).collect();
    let (first, rest) = kinds.split_first()?;
    let mut others: Vec<(String, String)> = Vec::new();
    for other in rest.iter().filter(|other| other.id != first.id) {
        let named = (other.id.to_string(), other.title.to_string());
        if !others.contains(&named) {
            others.push(named);
        }
    }
    let also = others.iter().map(|(_, title)| format!("; {title}")).collect::<String>();
    let count = failing.len();
    Some(Diagnosis {
        evidence: Evidence::Requirement,
        id: first.id.into(),
        title: format!("{}{also}", first.title),
        explanation: format!("{} {RAISE}", first.explanation),
        question: first.question.into(),
        see: None,
        certainty: format!("on {count} input{} that must be refused", if count == 1 { "" } else { "s" }),
        also: others,
    })
}

fn reason(trial: &Trial) -> Option<&str> {
    match &trial.expected {
        Outcome::Rejects(reason) => Some(reason),
        Outcome::Value(_) => None,
    }
}

/// Where the error comes from a line that was written to raise it.
fn refused(failing: &[&Trial]) -> Option<Diagnosis> {
    let place = failing.first()?.failure.as_ref()?.place.as_ref()?;
    const DELIBERATE: [&str; 3] = ["raise ", "assert", "panic!"];
    const UNWRITTEN: [&str; 2] = ["NotImplemented", "unimplemented"];
    let deliberate = DELIBERATE.iter().any(|word| place.code.contains(word));
    if !deliberate || UNWRITTEN.iter().any(|word| place.code.contains(word)) {
        return None;
    }
    Some(Diagnosis {
        evidence: Evidence::Requirement,
        id: "valid-input-refused".into(),
        title: "an input is refused that has an answer".into(),
        explanation: "Your own check turns it away. Edges (a size of one, a tie, a zero, nothing at all) are often inputs like any other: \
                      refuse what the task says must be refused, and no more."
            .into(),
        question: "What does the task say must be refused, and what does your condition refuse besides?".into(),
        see: None,
        certainty: format!("line {} of your file raises the error", place.line),
        also: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::content::check_function;
    use crate::check::report::{Report, Status};
    use crate::exercise::Exercise;
    use crate::exercises;
    use crate::value::Value;

    #[test]
    fn every_reason_to_refuse_has_a_kind() {
        let mut unknown = Vec::new();
        for exercise in exercises::all() {
            for probe in (exercise.probes)() {
                if let Outcome::Rejects(reason) = exercise.expected(&probe.arguments)
                    && kind(&reason).id == ANY.id
                {
                    unknown.push(format!("{}: {reason}", exercise.id));
                }
            }
        }
        assert_eq!(unknown, Vec::<String>::new());
    }

    /// A report on the right function, but for the inputs that must be refused.
    fn accepting(id: &str, instead: fn(&[Value]) -> Outcome) -> Report {
        let exercise: &'static Exercise = exercises::find(id).expect("an exercise");
        check_function(exercise, |arguments| match (exercise.reference)(arguments) {
            Outcome::Rejects(_) => instead(arguments),
            value => value,
        })
    }

    #[test]
    fn what_is_accepted_has_a_name() {
        let zero = |_: &[Value]| Outcome::Value(Value::Float(0.0));
        for (id, named) in [
            ("one_hot", "label-outside-accepted"),
            ("confusion", "label-outside-accepted"),
            ("gaussian_kernel", "number-outside-range-accepted"),
            ("correlate2d", "even-kernel-accepted"),
            ("lr_schedule", "unknown-name-accepted"),
            ("jacobi_eigh", "unfit-matrix-accepted"),
        ] {
            let report = accepting(id, zero);
            assert_eq!((report.status, report.rung), (Status::Fragile, Some(Rung::Rejects)), "{id}");
            let found = report.diagnosis.unwrap_or_else(|| panic!("{id} has no name"));
            assert_eq!((found.evidence, found.id.as_str()), (Evidence::Requirement, named), "{id}");
        }
    }

    #[test]
    fn an_exercise_knows_its_own() {
        let wraps = |arguments: &[Value]| {
            let one_hot = exercises::find("one_hot").expect("an exercise");
            let known = one_hot.misconceptions.iter().find(|known| known.id == "negative-index-wraps");
            (known.expect("a misconception").behaviour)(arguments)
        };
        let found = accepting("one_hot", wraps).diagnosis.expect("a name");
        assert_eq!((found.evidence, found.id.as_str()), (Evidence::Misconception, "negative-index-wraps"));
    }
}
