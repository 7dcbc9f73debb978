//! The content, tested like code: every mistake of every exercise is caught and named as itself, and in both languages
//! the starter is not attempted and the model solution passes. `cargo xtask content` shows the tables.

mod common;

use std::path::{Path, PathBuf};

use common::{Learner, available};
use striate_road::check::content::{self, Row};
use striate_road::check::{Language, Status};
use striate_road::exercise::Exercise;
use striate_road::exercises;
use striate_road::runner::runner;

/// One exercise in one language.
struct Line {
    exercise: &'static Exercise,
    language: Language,
    probes: usize,
    seconds: f64,
    problems: Vec<String>,
}

/// The exercises that `STRIATE_CONTENT` names by id or station, separated by blanks; all of them without it.
fn selected() -> Vec<&'static Exercise> {
    let names = std::env::var("STRIATE_CONTENT").unwrap_or_default();
    let names: Vec<&str> = names.split_whitespace().collect();
    let wanted =
        |exercise: &&Exercise| names.is_empty() || names.contains(&exercise.id) || names.contains(&exercise.station);
    let chosen: Vec<_> = exercises::all().iter().copied().filter(wanted).collect();
    assert!(!chosen.is_empty(), "no exercise and no station is called {}", names.join(" or "));
    chosen
}

fn solution(exercise: &Exercise, language: Language) -> PathBuf {
    let extension = if language == Language::Python { "py" } else { "rs" };
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../road/stations")
        .join(exercise.station)
        .join(language.id())
        .join(format!("solution_{}.{extension}", exercise.id))
}

fn line(exercise: &'static Exercise, language: Language) -> Line {
    let path = solution(exercise, language);
    let source = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let starter = Learner::new(exercise.id, language, &runner(language).starter(exercise)).check();
    let solved = Learner::new(exercise.id, language, &source).check();
    let expected = [("starter", &starter, Status::NotAttempted), ("solution", &solved, Status::Passed)];
    let wrong = expected.into_iter().filter(|(_, report, status)| report.status != *status);
    let problems = wrong.map(|(what, report, _)| {
        format!("the {what} of {} in {language}: {}: {}", exercise.id, report.headline, report.message)
    });
    let problems = problems.collect();
    Line { exercise, language, probes: solved.probes, seconds: solved.timings.total_seconds, problems }
}

/// Prints a line per exercise and language, and the totals.
fn print(rows: &[Row], lines: &[Line]) {
    let columns = ["probes", "mistakes", "killed", "named", "coincidences", "seconds"];
    println!("\n{:<24}{:<24}{:<8}{}", "station", "exercise", "", columns.map(|name| format!("{name:>13}")).concat());
    let mut total = [0.0; 6];
    for line in lines {
        let own = || rows.iter().filter(|row| row.exercise == line.exercise.id && !row.is_reference());
        let named = own().filter(|row| row.named.iter().any(|name| name == row.misconception)).count();
        let killed = own().filter(|row| row.differs.0 > 0).count();
        let others = own().map(|row| row.named.iter().filter(|name| *name != row.misconception).count()).sum::<usize>();
        let counts = [line.probes, own().count(), killed, named, others].map(|count| count as f64);
        let numbers = [counts[0], counts[1], counts[2], counts[3], counts[4], line.seconds];
        total.iter_mut().zip(numbers).for_each(|(total, number)| *total += number);
        println!("{:<24}{:<24}{:<8}{}", line.exercise.station, line.exercise.id, line.language.id(), cells(numbers));
    }
    println!("{:<56}{}\n", "total", cells(total));
}

fn cells(numbers: [f64; 6]) -> String {
    let [counts @ .., seconds] = numbers;
    counts.map(|count| format!("{count:>13}")).concat() + &format!("{seconds:>13.2}")
}

#[test]
fn every_mistake_is_named_as_itself_starters_are_not_attempted_and_solutions_pass() {
    let languages = || Language::ALL.into_iter().filter(|&language| available(language));
    let selected = selected();
    let (rows, lines) = std::thread::scope(|scope| {
        let of = |language| {
            let has = move |exercise: &&&'static Exercise| exercise.languages.contains(&language);
            selected.iter().filter(has).map(move |exercise| line(exercise, language)).collect::<Vec<_>>()
        };
        let checks: Vec<_> = languages().map(|language| scope.spawn(move || of(language))).collect();
        let rows: Vec<Row> = selected.iter().flat_map(|exercise| content::examine(exercise)).collect();
        let mut lines: Vec<Line> = checks.into_iter().flat_map(|check| check.join().expect("a language")).collect();
        // Both languages of an exercise beside each other, in the order of the road.
        let place = |line: &Line| selected.iter().position(|each| each.id == line.exercise.id);
        lines.sort_by_key(place);
        (rows, lines)
    });
    println!("{}", content::table(&rows));
    print(&rows, &lines);
    let mistakes = rows.iter().filter(|row| !row.is_reference()).count();
    let problems: Vec<String> = lines.into_iter().flat_map(|line| line.problems).collect();
    let misnamed: Vec<Row> = rows.into_iter().filter(|row| row.problem.is_some()).collect();
    assert!(misnamed.is_empty() && problems.is_empty(), "\n{}{}", content::table(&misnamed), problems.join("\n"));
    println!(
        "CONTENT OK: all {mistakes} mistakes of {} exercises are caught and named as themselves; starters are not \
         attempted and solutions pass in {}.",
        selected.len(),
        languages().map(|language| language.to_string()).collect::<Vec<_>>().join(" and ")
    );
}
