//! `striate check`: is what you wrote right, and if not, what is the mistake?

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use striate_road::check::{CheckOptions, Report, check_exercise, last, render};
use striate_road::exercise::Exercise;
use striate_road::exercises;
use striate_road::map::nearest;
use striate_road::progress::now;
use striate_road::runner::Language;
use striate_road::workspace::exercises_of;

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
    striate check --watch                  again whenever you save\n  \
    striate check correlate2d --json       the report for programs, one line per exercise\n\n\
    Exit code: 0 passed, 1 not passed, 2 no such station or exercise.")]
pub struct Args {
    /// A station or an exercise.
    #[arg(value_name = "STATION|EXERCISE")]
    name: Option<String>,
    /// python or rust; else the language of the file you changed last.
    #[arg(long, value_name = "LANGUAGE")]
    lang: Option<Language>,
    /// Check again whenever a file is saved, until Ctrl-C.
    #[arg(long)]
    watch: bool,
    /// Write JSON, one report per line.
    #[arg(long)]
    json: bool,
    /// The Python to use; it needs NumPy.
    #[arg(long, value_name = "PROGRAM")]
    python: Option<PathBuf>,
    /// Seconds that one call of your function may take.
    #[arg(long, value_name = "SECONDS", default_value_t = 10.0)]
    time_limit: f64,
}

/// An exercise in one language, and its file.
#[derive(Clone)]
pub struct Task {
    /// The exercise.
    pub exercise: &'static Exercise,
    /// The language.
    pub language: Language,
    /// The learner's file, which may not be there yet.
    pub file: PathBuf,
}

/// Runs the command.
pub fn run(args: Args, home: &Home) -> CommandResult {
    let mut learner = Learner::open(home)?;
    let tasks = select(&learner, args.name.as_deref(), args.lang)?;
    let stop = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&stop);
    ctrlc::set_handler(move || flag.store(true, Ordering::Relaxed)).map_err(CommandError::failed)?;
    let mut checker = Checker { options: options(&args, home, stop)?, json: args.json, folder: home.checks() };
    if args.watch {
        return watch(&mut learner, &mut checker, &args, tasks);
    }
    Ok(if checker.check_all(&mut learner, &tasks) { ExitCode::SUCCESS } else { ExitCode::from(1) })
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

/// The tasks that `name` means: an exercise, the exercises of a station, or the exercise changed last.
pub fn select(learner: &Learner, name: Option<&str>, lang: Option<Language>) -> Result<Vec<Task>, CommandError> {
    let Some(name) = name else { return Ok(vec![changed_last(learner, lang)?]) };
    let id = learner.road.renames().exercise(name);
    if let Some(exercise) = exercises::all().iter().copied().find(|exercise| exercise.id == id) {
        return Ok(vec![task(learner, exercise, lang, &[exercise])?]);
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
    exercises.iter().map(|exercise| task(learner, exercise, lang, &exercises)).collect()
}

fn unknown(learner: &Learner, name: &str) -> CommandError {
    let stations = learner.road.stations().iter().map(|station| station.id.as_str());
    // Ids of exercises have underscores, those of stations hyphens.
    let ids: BTreeMap<String, &str> =
        exercises::all().iter().map(|each| (each.id.replace('_', "-"), each.id)).collect();
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

fn file(learner: &Learner, exercise: &Exercise, language: Language) -> Option<PathBuf> {
    let station = learner.road.station(exercise.station)?;
    Some(learner.workspace.exercise_file(learner.road, station, exercise.id, language))
}

fn modified(file: &Path) -> Option<SystemTime> {
    file.metadata().and_then(|data| data.modified()).ok()
}

/// `exercise` in the language asked for, or that of the file changed last among `neighbours`, or the remembered one.
fn task(
    learner: &Learner,
    exercise: &'static Exercise,
    lang: Option<Language>,
    neighbours: &[&Exercise],
) -> Result<Task, CommandError> {
    let changed = |language: Language| {
        neighbours.iter().filter_map(|exercise| modified(&file(learner, exercise, language)?)).max()
    };
    let last = || Language::ALL.into_iter().filter_map(|language| Some((changed(language)?, language))).max();
    let remembered = || learner.progress.setting("language").ok()?.and_then(|name| name.parse().ok());
    let language =
        lang.or_else(|| last().map(|(_, language)| language)).or_else(remembered).unwrap_or(Language::Python);
    let file = file(learner, exercise, language).ok_or_else(|| {
        CommandError::Failed(format!("the exercise {} belongs to no station of the road", exercise.id))
    })?;
    Ok(Task { exercise, language, file })
}

fn changed_last(learner: &Learner, lang: Option<Language>) -> Result<Task, CommandError> {
    let newest = everything(learner, lang).into_iter().filter_map(|task| Some((modified(&task.file)?, task)));
    newest.max_by_key(|(time, _)| *time).map(|(_, task)| task).ok_or_else(|| {
        CommandError::Failed(format!(
            "there is no exercise file in {} yet; 'striate road' shows the next station, 'striate start STATION' lays \
             its files",
            learner.workspace.root().display()
        ))
    })
}

fn everything(learner: &Learner, lang: Option<Language>) -> Vec<Task> {
    let languages = || Language::ALL.into_iter().filter(move |language| lang.is_none_or(|lang| lang == *language));
    let tasks = exercises::all().iter().flat_map(|exercise| {
        languages().filter_map(|language| Some(Task { exercise, language, file: file(learner, exercise, language)? }))
    });
    tasks.collect()
}

struct Checker {
    options: CheckOptions,
    json: bool,
    folder: PathBuf,
}

impl Checker {
    /// Checks in order up to the first that does not pass, and prints. Whether all passed.
    fn check_all(&mut self, learner: &mut Learner, tasks: &[Task]) -> bool {
        for (at, task) in tasks.iter().enumerate() {
            let report = self.check(learner, task);
            if self.json {
                screen::print(&format!("{}\n", serde_json::to_string(&report).expect("a report is plain data")));
            } else {
                screen::print(&render(&report, screen::style()));
            }
            if !report.passed() {
                let rest: Vec<&str> = tasks[at + 1..].iter().map(|task| task.exercise.id).collect();
                if !rest.is_empty() && !self.json {
                    screen::print(&format!("Not checked yet: {}\n", rest.join(", ")));
                }
                return false;
            }
        }
        if let (Some(task), false) = (tasks.last(), self.json) {
            screen::print(&next(learner, task));
        }
        true
    }

    fn check(&self, learner: &mut Learner, task: &Task) -> Report {
        let report = check_exercise(task.exercise, task.language, &task.file, &self.options);
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
fn next(learner: &Learner, task: &Task) -> String {
    let Some(station) = learner.road.station(task.exercise.station) else { return String::new() };
    let records = learner.progress.exercises().unwrap_or_default();
    let open = exercises_of(station)
        .into_iter()
        .find(|exercise| records.get(exercise.id).is_none_or(|record| record.passed_at.is_none()));
    match open {
        Some(exercise) => format!("Next in this station: {}\n", exercise.id),
        None => format!("The station {} is complete. 'striate road' shows the next one.\n", station.id),
    }
}

/// When each file was changed and how long it is.
type Stamps = BTreeMap<PathBuf, (Option<SystemTime>, u64)>;

/// All source files in the folders of `tasks`: what an exercise imports counts too.
fn stamps(tasks: &[Task]) -> Stamps {
    let mut stamps = Stamps::new();
    let mut folders: Vec<&Path> = tasks.iter().filter_map(|task| task.file.parent()).collect();
    folders.sort();
    folders.dedup();
    for entry in folders.into_iter().filter_map(|folder| folder.read_dir().ok()).flatten().flatten() {
        let file = entry.path();
        if file.extension().is_some_and(|extension| extension == "py" || extension == "rs") {
            let data = entry.metadata().ok();
            let modified = data.as_ref().and_then(|data| data.modified().ok());
            stamps.insert(file, (modified, data.map_or(0, |data| data.len())));
        }
    }
    stamps
}

/// The exercise to check after a change: one that was changed itself, else the one checked last.
fn changed(tasks: &[Task], before: &Stamps, after: &Stamps) -> Option<Option<Task>> {
    if before == after {
        return None;
    }
    let own =
        tasks.iter().find(|task| after.contains_key(&task.file) && before.get(&task.file) != after.get(&task.file));
    Some(own.cloned())
}

fn watch(learner: &mut Learner, checker: &mut Checker, args: &Args, first: Vec<Task>) -> CommandResult {
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
            let Some(task) = changed(&watched, &seen, &after) else { continue };
            seen = after;
            if let Some(task) = task {
                current = vec![task];
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
        let exercise = exercises::all()[0];
        let task = |name: &str| Task { exercise, language: Language::Python, file: name.into() };
        let tasks = [task("a.py"), task("b.py")];
        let before = Stamps::from([("a.py".into(), stamp(1)), ("b.py".into(), stamp(2))]);
        assert!(changed(&tasks, &before, &before).is_none());
        let mut after = before.clone();
        after.insert("b.py".into(), stamp(3));
        let found = changed(&tasks, &before, &after).flatten().map(|task| task.file);
        assert_eq!(found, Some(PathBuf::from("b.py")));
        let mut after = before.clone();
        after.insert("helper.py".into(), stamp(3));
        assert!(matches!(changed(&tasks, &before, &after), Some(None)));
    }
}
