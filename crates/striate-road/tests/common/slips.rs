//! Slips made in model solutions, and the names they are expected to get.

use std::path::Path;

use striate_road::check::Language;

use super::{Learner, exercise, python};

/// Edits of a model solution that together make one mistake.
pub type Edits = &'static [(&'static str, &'static str)];

/// Makes each slip in the Python solution and expects its name.
#[track_caller]
pub fn expect(exercise: &str, solution: &str, slips: &[(&str, Edits)]) {
    if python().is_none() {
        return;
    }
    let mut wrong = Vec::new();
    for (id, edits) in slips {
        let mut source = solution.to_string();
        for (from, to) in *edits {
            assert!(source.contains(from), "the solution of {exercise} has no {from:?}");
            source = source.replace(from, to);
        }
        let report = Learner::new(exercise, Language::Python, &source).check();
        let named = report.diagnosis.as_ref().map(|diagnosis| diagnosis.id.as_str());
        if named != Some(id) {
            wrong.push(format!("{exercise}: {id} is named {named:?}: {}: {}", report.headline, report.message));
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

/// The Python model solution of an exercise.
pub fn solution(id: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../road/stations").join(exercise(id).station);
    let path = path.join(format!("python/solution_{id}.py"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
