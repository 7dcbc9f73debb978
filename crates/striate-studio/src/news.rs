//! One station as its page shows it: the state, and the last check of every exercise with its report.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use serde::Serialize;
use striate_road::Road;
use striate_road::assignment;
use striate_road::check::{Report, last};
use striate_road::map::Station;
use striate_road::progress::{ProgressError, Timestamp, now};
use striate_road::runner::Language;
use striate_road::workspace::{Answer, exercises_of};

use crate::server::App;
use crate::standing::{ExerciseView, StationView};
use crate::verdict;

/// What a station's page shows of the learner's progress.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StationNews {
    /// Where the learner stands.
    #[serde(flatten)]
    pub view: StationView,
    /// By exercise id; those that can be checked.
    pub exercises: BTreeMap<String, ExerciseNews>,
}

/// An exercise with its last report.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ExerciseNews {
    /// The last check in short.
    #[serde(flatten)]
    pub view: ExerciseView,
    /// One line of the report; empty without one.
    pub headline: String,
    /// The report in HTML; empty without one.
    pub report: String,
    /// The file was saved after the check.
    pub is_outdated: bool,
    /// Languages in which the learner has a file.
    pub files: Vec<&'static str>,
}

impl StationNews {
    /// Reads progress, reports and the workspace.
    pub fn read(app: &App, station: &'static Station) -> Result<Self, ProgressError> {
        let snapshot = app.snapshot()?;
        let news = |id: &str| {
            let view = snapshot.exercises.get(id).cloned().unwrap_or_default();
            ExerciseNews::read(app, station, id, view)
        };
        let exercises = exercises_of(station).into_iter().map(|each| (each.id().to_owned(), news(each.id())));
        Ok(StationNews { view: snapshot.stations[&station.id].clone(), exercises: exercises.collect() })
    }
}

impl ExerciseNews {
    fn read(app: &App, station: &Station, id: &str, mut view: ExerciseView) -> Self {
        let files = Language::ALL
            .into_iter()
            .filter(|&language| file(app, station, id, language).is_some_and(|file| file.is_file()));
        let files = files.map(Language::id).collect();
        // A report of an earlier check, as after an import of progress, would contradict the state beside it.
        let fits = |report: &Report| report.attempt(0).is_some_and(|attempt| attempt.state.name() == view.state);
        let Some(report) = last::load(&app.checks, id).filter(fits) else {
            return ExerciseNews { view, headline: String::new(), report: String::new(), is_outdated: false, files };
        };
        view.mistakes.clear();
        let saved = modified(&report.file);
        ExerciseNews {
            // File systems round times; a file saved in the instant of its check is not worth a word.
            is_outdated: saved.is_some_and(|saved| saved > view.at + 2000),
            view,
            headline: report.headline.clone(),
            report: verdict::to_html(&report, app.workspace.root()),
            files,
        }
    }
}

/// Where the learner's answer in this language is, or will be.
pub fn file(app: &App, station: &Station, exercise: &str, language: Language) -> Option<PathBuf> {
    let answers = app.workspace.answers(Road::embedded(), station, assignment::find(exercise)?);
    answers.into_iter().find(|answer| answer.speaks(language)).map(|answer| answer.file().to_path_buf())
}

/// When a file was saved last, if there is one.
fn modified(file: &Path) -> Option<Timestamp> {
    let modified = file.metadata().and_then(|data| data.modified()).ok()?;
    let since = modified.duration_since(UNIX_EPOCH).unwrap_or_default();
    Some(since.as_millis().try_into().unwrap_or_else(|_| now()))
}

/// The language to offer first: of the file changed last, else the one chosen before.
pub fn language(app: &App, station: &Station) -> Language {
    let answers =
        exercises_of(station).into_iter().flat_map(|each| app.workspace.answers(Road::embedded(), station, each));
    let written = answers.filter_map(|answer| match answer {
        Answer::Function { language, file, .. } => Some((modified(&file)?, language)),
        Answer::Project { .. } => None,
    });
    let last = written.max();
    let chosen = || app.progress().setting("language").ok()?.and_then(|name| name.parse().ok());
    last.map(|(_, language)| language).or_else(chosen).unwrap_or(Language::Python)
}
