//! Where the learner stands, in the form the pages and their live channel share.

use std::collections::BTreeMap;

use serde::Serialize;
use striate_road::Road;
use striate_road::assignment;
use striate_road::map::{Standing, Station, StationMark, StationState};
use striate_road::progress::{ExerciseRecord, ExerciseState, Progress, ProgressError, Timestamp, now};

/// One station of the map.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StationView {
    /// `done`, `skipped`, `started`, `ready`, `ahead`.
    pub state: &'static str,
    /// The state in words.
    pub label: &'static str,
    /// Set by hand: `done` or `skipped`.
    pub mark: Option<&'static str>,
    /// Exercises passed.
    pub passed: usize,
    /// Exercises that can be checked.
    pub exercises: usize,
}

/// The last check of one exercise.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ExerciseView {
    /// `not_attempted`, `does_not_load`, `wrong_shape`, `wrong_value`, `fragile`, `passed`.
    pub state: &'static str,
    /// The state in words.
    pub label: String,
    /// When, in words, and in which language; empty before the first check.
    pub when: String,
    /// When, in milliseconds since 1970.
    pub at: Timestamp,
    /// Passed earlier, though not at the last check.
    pub passed_before: bool,
    /// The mistakes that were recognised at the last check, in words.
    pub mistakes: Vec<String>,
}

impl Default for ExerciseView {
    /// Before the first check.
    fn default() -> Self {
        ExerciseView {
            state: "not_attempted",
            label: "not attempted".to_owned(),
            when: String::new(),
            at: 0,
            passed_before: false,
            mistakes: Vec::new(),
        }
    }
}

/// Everything about progress that a page can show.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Snapshot {
    /// By station id.
    pub stations: BTreeMap<String, StationView>,
    /// By exercise id; those with at least one check.
    #[serde(skip)]
    pub exercises: BTreeMap<String, ExerciseView>,
    /// The goal the learner chose.
    pub goal: Option<String>,
    /// The next station by goal, for those that have one left.
    pub next: BTreeMap<&'static str, &'static str>,
}

impl Snapshot {
    /// Reads the progress.
    pub fn read(progress: &Progress) -> Result<Self, ProgressError> {
        let road = Road::embedded();
        let standing = progress.standing()?;
        let stations =
            road.stations().iter().map(|station| (station.id.clone(), view(road, station, &standing))).collect();
        let attempts = progress.attempts()?;
        let exercises = progress
            .exercises()?
            .into_iter()
            .map(|(id, record)| {
                let met = attempts.iter().rev().find(|attempt| attempt.exercise == id);
                let mistakes = met.map_or(&[][..], |attempt| &attempt.misconceptions);
                let seen = exercise_view(&id, &record, mistakes);
                (id, seen)
            })
            .collect();
        let next = road.goals().iter().filter_map(|goal| Some((goal.id.as_str(), next(road, &goal.id, &standing)?)));
        Ok(Snapshot { stations, exercises, goal: progress.goal()?, next: next.collect() })
    }
}

/// The next station on the way to a goal: one with exercises if there is any left.
fn next(road: &'static Road, goal: &str, standing: &Standing) -> Option<&'static str> {
    let with_exercises = road.next_with_exercises(goal, standing).ok().flatten();
    let station = with_exercises.or_else(|| road.next(goal, standing).ok().flatten())?;
    Some(&station.id)
}

fn view(road: &Road, station: &Station, standing: &Standing) -> StationView {
    let open = || station.exercises.iter().filter(|plan| assignment::find(&plan.id).is_some());
    let (state, label) = match road.state(station, standing) {
        StationState::Done => ("done", "done"),
        StationState::Skipped => ("skipped", "skipped"),
        StationState::Started => ("started", "started"),
        StationState::Ready => ("ready", "ready to start"),
        StationState::Ahead => ("ahead", "further on"),
    };
    let passed = open().filter(|plan| standing.passed.contains(&plan.id)).count();
    let mark = match standing.marks.get(&station.id) {
        Some(StationMark::Done) => Some("done"),
        Some(StationMark::Skipped) => Some("skipped"),
        Some(StationMark::Started) | None => None,
    };
    StationView { state, label, mark, passed, exercises: open().count() }
}

fn exercise_view(id: &str, record: &ExerciseRecord, mistakes: &[String]) -> ExerciseView {
    let language = record.language.map_or(String::new(), |language| format!(" in {language}"));
    let in_words = |mistake: &String| {
        let known = assignment::find(id).and_then(|assignment| assignment.mistake(mistake));
        known.map_or_else(|| mistake.replace('-', " "), str::to_owned)
    };
    ExerciseView {
        state: record.latest.name(),
        label: record.latest.label(),
        at: record.last_at,
        when: format!("checked {}{language}", ago(record.last_at)),
        passed_before: record.best == ExerciseState::Passed && record.latest != ExerciseState::Passed,
        mistakes: mistakes.iter().map(in_words).collect(),
    }
}

/// A moment in the past in words, coarse enough not to change while one looks at it.
pub fn ago(at: i64) -> String {
    let minutes = (now() - at).max(0) / 60_000;
    let plural = |count: i64, unit: &str| format!("{count} {unit}{} ago", if count == 1 { "" } else { "s" });
    match minutes {
        0 => "just now".to_owned(),
        1..60 => plural(minutes, "minute"),
        60..1440 => plural(minutes / 60, "hour"),
        _ => plural(minutes / 1440, "day"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_told_in_words() {
        for (minutes, words) in
            [(0, "just now"), (1, "1 minute ago"), (59, "59 minutes ago"), (60, "1 hour ago"), (3000, "2 days ago")]
        {
            assert_eq!(ago(now() - minutes * 60_000), words);
        }
    }
}
