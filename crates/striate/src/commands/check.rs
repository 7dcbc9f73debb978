//! `striate check`: is what you wrote right, and if not, what is the mistake?

mod course;
mod progress;

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use striate_road::assignment::{self, Assignment};
use striate_road::check::{CheckOptions, Report, check_project, check_with_progress, last, render, to_json};
use striate_road::course::Course;
use striate_road::map::nearest;
use striate_road::progress::now;
use striate_road::runner::Language;
use striate_road::workspace::{Answer, exercises_of};
use striate_train::RunStore;

use super::{CommandError, CommandResult};
use crate::home::Home;
use crate::learner::Learner;
use crate::screen;

/// How often `--watch` looks at the files.
const LOOK_EVERY: Duration = Duration::from_millis(150);

/// Check an exercise: what is right, what is wrong, and which mistake it is.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  \
    striate check                          the exercise you changed last\n  \
    striate check correlate2d              one exercise\n  \
    striate check correlation-filtering    a station, up to the first exercise that does not pass\n  \
    striate check train_digit_cnn --run latest   a project, measured on your newest training run\n  \
    striate check --watch                  again whenever you save\n  \
    striate check correlate2d --json       the report for programs, one line per exercise\n  \
    striate check --course cs231n assignment2/            every function of a course in your own folder, as it is\n  \
    striate check --course deeplearning.ai week3.ipynb    the same in a notebook\n\n\
    Exit code: 0 passed, 1 not passed, 2 no such station, exercise, course, file or folder.")]
pub struct Args {
    /// A station or an exercise; with --course a file, a notebook or a folder.
    #[arg(value_name = "STATION|EXERCISE|PATH")]
    name: Option<String>,
    /// Check the functions of this course in PATH: cs231n or deeplearning.ai. Nothing in PATH is changed.
    #[arg(long, value_name = "COURSE", requires = "name", conflicts_with_all = ["lang", "run", "watch"])]
    course: Option<Course>,
    /// python or rust; else the language of the file you changed last.
    #[arg(long, value_name = "LANGUAGE")]
    lang: Option<Language>,
    /// For a project: the training run to measure, in place of the one in run.toml.
    #[arg(long, value_name = "RUN")]
    run: Option<String>,
    /// Check again whenever a file is saved, until Ctrl-C.
    #[arg(long)]
    watch: bool,
    /// Write JSON, one report per line; with --course one object for all.
    #[arg(long)]
    json: bool,
    /// The Python to use; it needs NumPy, and PyTorch for the layers of a course that are written with it.
    #[arg(long, value_name = "PROGRAM")]
    python: Option<PathBuf>,
    /// Seconds that one call of your function may take.
    #[arg(long, value_name = "SECONDS", default_value_t = 10.0)]
    time_limit: f64,
}

/// Runs the command.
pub fn run(args: Args, home: &Home) -> CommandResult {
    let mut learner = Learner::open(home)?;
    if let (Some(course), Some(path)) = (args.course, &args.name) {
        let options = options(&args, home, stop_on_interrupt()?)?;
        return course::run(course, Path::new(path), args.json, &mut learner, &options, &home.checks());
    }
    let answers = select(&learner, args.name.as_deref(), args.lang)?;
    if args.run.is_some() && !answers.iter().any(|answer| matches!(answer, Answer::Project { .. })) {
        let text = "--run names the training run of a project, such as train_digit_cnn; this is a function to write";
        return Err(CommandError::Usage(text.to_owned()));
    }
    let mut checker = Checker {
        options: options(&args, home, stop_on_interrupt()?)?,
        runs: RunStore::new(home.runs()),
        run: args.run.clone(),
        json: args.json,
        folder: home.checks(),
    };
    if args.watch {
        return watch(&mut learner, &mut checker, &args, answers);
    }
    Ok(if checker.check_all(&mut learner, &answers) { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// A flag that Ctrl-C sets.
fn stop_on_interrupt() -> Result<Arc<AtomicBool>, CommandError> {
    let stop = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&stop);
    ctrlc::set_handler(move || flag.store(true, Ordering::Relaxed)).map_err(CommandError::failed)?;
    Ok(stop)
}

fn options(args: &Args, home: &Home, stop: Arc<AtomicBool>) -> Result<CheckOptions, CommandError> {
    let mut options = CheckOptions {
        python: args.python.clone(),
        workspace: Some(home.workspace.clone()),
        cache: home.root.join("cache"),
        ..CheckOptions::default()
    };
    options.patience.call =
        Duration::try_from_secs_f64(args.time_limit).ok().filter(|limit| !limit.is_zero()).ok_or_else(|| {
            CommandError::Usage(format!("--time-limit {}: give a number of seconds above 0", args.time_limit))
        })?;
    options.patience.cancelled = Some(stop);
    Ok(options)
}

/// The answers that `name` means: an exercise's, those of a station's exercises, or the one changed last.
pub fn select(learner: &Learner, name: Option<&str>, lang: Option<Language>) -> Result<Vec<Answer>, CommandError> {
    let Some(name) = name else { return Ok(vec![changed_last(learner, lang)?]) };
    if let Some(exercise) = assignment::find(learner.road.renames().exercise(name)) {
        return Ok(vec![answer(learner, exercise, lang, &[exercise])?]);
    }
    if let Some(station) = learner.road.station_of_exercise(name) {
        return Err(CommandError::Usage(format!(
            "{name} of the station {} cannot be checked yet; 'striate road {}' shows what can",
            station.id, station.id
        )));
    }
    let station = learner.road.station(name).ok_or_else(|| unknown(learner, name))?;
    let exercises = exercises_of(station);
    if exercises.is_empty() {
        let text =
            format!("the station {} has no exercises to check yet; 'striate road {}' shows it", station.id, station.id);
        return Err(CommandError::Usage(text));
    }
    exercises.iter().map(|&exercise| answer(learner, exercise, lang, &exercises)).collect()
}

fn unknown(learner: &Learner, name: &str) -> CommandError {
    let stations = learner.road.stations().iter().map(|station| station.id.as_str());
    // Ids of exercises have underscores, those of stations hyphens.
    let ids: BTreeMap<String, &str> = assignment::all().map(|each| (each.id().replace('_', "-"), each.id())).collect();
    let near = nearest(name, ids.keys().map(String::as_str).chain(stations));
    let near: Vec<&str> = near.iter().map(|id| ids.get(id).copied().unwrap_or(id)).collect();
    let mut text = format!("there is no exercise and no station '{name}'");
    if !near.is_empty() {
        text.push_str(&format!("; did you mean {}?", near.join(" or ")));
    }
    CommandError::Usage(format!(
        "{text}\n'striate road --all' lists the stations, 'striate road STATION' its exercises."
    ))
}

/// All places where an answer to `exercise` may lie, in the language asked for if one was.
fn answers(learner: &Learner, exercise: Assignment, lang: Option<Language>) -> Vec<Answer> {
    let Some(station) = learner.road.station(exercise.station()) else { return Vec::new() };
    let mut answers = learner.workspace.answers(learner.road, station, exercise);
    answers.retain(|answer| lang.is_none_or(|lang| answer.speaks(lang)));
    answers
}

fn modified(answer: &Answer) -> Option<SystemTime> {
    answer.file().metadata().and_then(|data| data.modified()).ok()
}

/// Of `answers`, the one whose file was changed last.
fn newest(answers: impl IntoIterator<Item = Answer>) -> Option<Answer> {
    let existing = answers.into_iter().filter_map(|answer| Some((modified(&answer)?, answer)));
    existing.max_by_key(|(time, _)| *time).map(|(_, answer)| answer)
}

/// The answer to `exercise` whose file was changed last. Where there is no file: the one in the language of the file
/// changed last among `neighbours`, or in the remembered language.
fn answer(
    learner: &Learner,
    exercise: Assignment,
    lang: Option<Language>,
    neighbours: &[Assignment],
) -> Result<Answer, CommandError> {
    if let Some(answer) = newest(answers(learner, exercise, lang)) {
        return Ok(answer);
    }
    let functions = || neighbours.iter().filter(|each| matches!(each, Assignment::Function(_)));
    let of = |language: Language| newest(functions().flat_map(|&each| answers(learner, each, Some(language))));
    let last = Language::ALL.into_iter().filter_map(|language| Some((modified(&of(language)?)?, language))).max();
    let remembered = || learner.progress.setting("language").ok()?.and_then(|name| name.parse().ok());
    let language = last.map(|(_, language)| language).or_else(remembered).unwrap_or(Language::Python);
    if let (Assignment::Function(function), Some(lang)) = (exercise, lang)
        && !function.languages.contains(&lang)
    {
        return Err(CommandError::Usage(function.only_in(lang)));
    }
    let mut answers = answers(learner, exercise, lang);
    answers.sort_by_key(|answer| !answer.speaks(language));
    answers.into_iter().next().ok_or_else(|| {
        CommandError::Failed(format!("the exercise {} belongs to no station of the road", exercise.id()))
    })
}

fn changed_last(learner: &Learner, lang: Option<Language>) -> Result<Answer, CommandError> {
    newest(everything(learner, lang)).ok_or_else(|| {
        CommandError::Failed(format!(
            "there is no exercise file in {} yet; 'striate road' shows the next station, 'striate start STATION' lays \
             its files",
            learner.workspace.root().display()
        ))
    })
}

fn everything(learner: &Learner, lang: Option<Language>) -> Vec<Answer> {
    assignment::all().flat_map(|exercise| answers(learner, exercise, lang)).collect()
}

struct Checker {
    options: CheckOptions,
    runs: RunStore,
    run: Option<String>,
    json: bool,
    folder: PathBuf,
}

impl Checker {
    /// Checks in order up to the first that does not pass, and prints. Whether all passed.
    fn check_all(&mut self, learner: &mut Learner, answers: &[Answer]) -> bool {
        for (at, answer) in answers.iter().enumerate() {
            let report = self.check(learner, answer);
            if self.json {
                screen::print(&format!("{}\n", to_json(&report)));
            } else {
                screen::print(&render(&report, screen::style()));
            }
            if !report.passed() {
                let rest: Vec<&str> = answers[at + 1..].iter().map(|answer| answer.assignment().id()).collect();
                if !rest.is_empty() && !self.json {
                    screen::print(&format!("Not checked yet: {}\n", rest.join(", ")));
                }
                return false;
            }
        }
        if let (Some(answer), false) = (answers.last(), self.json) {
            screen::print(&next(learner, answer.assignment()));
        }
        true
    }

    fn check(&self, learner: &mut Learner, answer: &Answer) -> Report {
        let report = match answer {
            Answer::Function { exercise, language, file } => {
                let teller = progress::Teller::default();
                check_with_progress(exercise, *language, file, &self.options, &|progress| teller.tell(progress))
            }
            Answer::Project { project, file } => check_project(project, file, self.run.as_deref(), &self.runs),
        };
        // A verdict is worth showing even where it cannot be kept.
        if let Some(attempt) = report.attempt(now()) {
            if let Err(error) = learner.progress.record_attempt(&attempt) {
                eprintln!("warning: this check is not in your progress: {error}");
            }
            if let Err(error) = last::save(&self.folder, &report) {
                eprintln!("warning: cannot keep this report in {}: {error}", self.folder.display());
            }
        }
        report
    }

    fn stopped(&self) -> bool {
        self.options.patience.cancelled.as_ref().is_some_and(|flag| flag.load(Ordering::Relaxed))
    }
}

/// What to do after an exercise that passed.
fn next(learner: &Learner, passed: Assignment) -> String {
    let Some(station) = learner.road.station(passed.station()) else { return String::new() };
    let records = learner.progress.exercises().unwrap_or_default();
    let open = exercises_of(station)
        .into_iter()
        .find(|exercise| records.get(exercise.id()).is_none_or(|record| record.passed_at.is_none()));
    match open {
        Some(exercise) => format!("Next in this station: {}\n", exercise.id()),
        None => format!("The station {} is complete. 'striate road' shows the next one.\n", station.id),
    }
}

/// When each file was changed and how long it is.
type Stamps = BTreeMap<PathBuf, (Option<SystemTime>, u64)>;

/// All source files in the folders of `answers`: what an exercise imports counts too.
fn stamps(answers: &[Answer]) -> Stamps {
    let mut stamps = Stamps::new();
    let mut folders: Vec<&Path> = answers.iter().filter_map(|answer| answer.file().parent()).collect();
    folders.sort();
    folders.dedup();
    for entry in folders.into_iter().filter_map(|folder| folder.read_dir().ok()).flatten().flatten() {
        let file = entry.path();
        if file.extension().is_some_and(|extension| extension == "py" || extension == "rs" || extension == "toml") {
            let data = entry.metadata().ok();
            let modified = data.as_ref().and_then(|data| data.modified().ok());
            stamps.insert(file, (modified, data.map_or(0, |data| data.len())));
        }
    }
    stamps
}

/// The exercise to check after a change: one that was changed itself, else the one checked last.
fn changed(answers: &[Answer], before: &Stamps, after: &Stamps) -> Option<Option<Answer>> {
    if before == after {
        return None;
    }
    let is_new = |file: &Path| after.contains_key(file) && before.get(file) != after.get(file);
    Some(answers.iter().find(|answer| is_new(answer.file())).cloned())
}

fn watch(learner: &mut Learner, checker: &mut Checker, args: &Args, first: Vec<Answer>) -> CommandResult {
    let watched = if args.name.is_some() { first.clone() } else { everything(learner, args.lang) };
    let mut current = first;
    let mut seen = stamps(&watched);
    loop {
        if std::io::stdout().is_terminal() && !checker.json {
            screen::print("\x1b[2J\x1b[3J\x1b[H");
        }
        checker.check_all(learner, &current);
        if !checker.json {
            screen::print(&screen::faint("Watching: save to check again, Ctrl-C to leave.\n", screen::style()));
        }
        loop {
            if checker.stopped() {
                return Ok(ExitCode::SUCCESS);
            }
            std::thread::sleep(LOOK_EVERY);
            let after = stamps(&watched);
            let Some(own) = changed(&watched, &seen, &after) else { continue };
            seen = after;
            if let Some(answer) = own {
                current = vec![answer];
            }
            break;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(length: u64) -> (Option<SystemTime>, u64) {
        (Some(SystemTime::UNIX_EPOCH), length)
    }

    #[test]
    fn a_changed_exercise_is_checked_and_a_changed_helper_repeats_the_last() {
        let exercise = striate_road::exercises::find("correlate2d").expect("an exercise");
        let answer = |name: &str| Answer::Function { exercise, language: Language::Python, file: name.into() };
        let answers = [answer("a.py"), answer("b.py")];
        let before = Stamps::from([("a.py".into(), stamp(1)), ("b.py".into(), stamp(2))]);
        assert!(changed(&answers, &before, &before).is_none());
        let mut after = before.clone();
        after.insert("b.py".into(), stamp(3));
        let found = changed(&answers, &before, &after).flatten().map(|answer| answer.file().to_path_buf());
        assert_eq!(found, Some(PathBuf::from("b.py")));
        let mut after = before.clone();
        after.insert("helper.py".into(), stamp(3));
        assert!(matches!(changed(&answers, &before, &after), Some(None)));
    }
}
