//! In both languages: the starter of every exercise is not attempted, its model solution passes.

mod common;

use std::path::{Path, PathBuf};

use common::{Learner, available};
use striate_road::check::{Language, Status};
use striate_road::exercise::Exercise;
use striate_road::runner::runner;
use striate_road::text::to_html;
use striate_road::{Road, exercises};

fn solution(exercise: &Exercise, language: Language) -> PathBuf {
    let extension = if language == Language::Python { "py" } else { "rs" };
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../road/stations")
        .join(exercise.station)
        .join(language.id())
        .join(format!("solution_{}.{extension}", exercise.id))
}

fn status(exercise: &Exercise, language: Language, source: &str) -> (Status, String) {
    let report = Learner::new(exercise.id, language, source).check();
    (report.status, format!("{}: {}: {}", exercise.id, report.headline, report.message))
}

fn check_language(language: Language) {
    if !available(language) {
        return;
    }
    for exercise in exercises::all() {
        let (found, text) = status(exercise, language, &runner(language).starter(exercise));
        assert_eq!(found, Status::NotAttempted, "the starter in {language} of {text}");
        let path = solution(exercise, language);
        let source = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let (found, text) = status(exercise, language, &source);
        assert_eq!(found, Status::Passed, "the solution in {language} of {text}");
    }
}

#[test]
fn starters_in_python_are_not_attempted_and_solutions_pass() {
    check_language(Language::Python);
}

#[test]
fn starters_in_rust_are_not_attempted_and_solutions_pass() {
    check_language(Language::Rust);
}

#[test]
fn formulas_of_the_stations_can_be_read() {
    for station in Road::embedded().stations() {
        let Some(text) = &station.text else { continue };
        let html = to_html(text);
        let unread = html.find("<code class=\"math\">").map(|at| html[at..].chars().take(120).collect::<String>());
        assert_eq!(unread, None, "{}", station.id);
    }
}
