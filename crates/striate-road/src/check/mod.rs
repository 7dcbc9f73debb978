//! The check: a ladder of questions about a learner's function, in teaching order, that stops at the first that
//! explains what is wrong.
//!
//! [`check_exercise`] runs the file in a child process on every probe, [`judge`](judge::judge) climbs the ladder,
//! [`diagnose`] names the mistake, [`render`] prints the [`Report`].

mod attempt;
mod compare;
mod diagnose;
mod error_words;
mod example;
mod fingerprint;
mod full_size;
mod gradient;
mod json;
mod judge;
mod laws;
mod measure;
mod pair;
mod project;
mod refusal;
mod render;
mod repeat;
mod report;
mod rules;
mod shape;
mod show;
mod shrink;
mod speed;
mod unchanged;
mod worked;

pub mod content;
pub mod last;

use std::path::Path;
use std::time::{Duration, Instant};

use crate::assignment::Assignment;
use crate::exercise::{Exercise, Kind, Probe};
use crate::runner::{Call, Place, Returned, Session, Stop, Unloaded, exercise_file_beside, runner};
use crate::value::Value;

pub use crate::runner::Language;
pub use crate::runner::RunOptions as CheckOptions;
pub(crate) use compare::alike;
pub use full_size::{Listener, Progress};
pub use json::to_json;
pub use project::check_project;
pub use render::{render, render_case};
pub use report::{Case, Diagnosis, Evidence, FullRun, Named, Report, Rung, SCHEMA, See, Shown, Speed, Status, Timings};
pub(crate) use show::case as show_case;
pub(crate) use show::number_text;

/// A function under test: a learner's program, or in the tests of the content a known behaviour.
trait Subject {
    /// Calls it with a probe's arguments.
    fn call(&mut self, probe: &Probe, strided: bool) -> Result<Returned, Stop>;

    /// Calls it with a probe's arguments, keeps the result, and says what becomes of it; `None` where results cannot
    /// change once they are given.
    fn keep(&mut self, _probe: &Probe, _others: &[Probe]) -> Option<Result<Kept, Stop>> {
        None
    }

    /// Whether arrays can be handed over that are not contiguous in memory.
    fn has_layouts(&self) -> bool {
        false
    }
}

/// What becomes of a result that the caller keeps.
struct Kept {
    /// As it was given.
    given: Value,
    /// What other inputs of the same shapes get after that, where they get anything.
    others: Vec<Option<Value>>,
    /// The kept result after these calls.
    after_others: Value,
    /// What the same input gets after the caller has written into the kept result.
    after_writing: Value,
}

struct Running<'a> {
    exercise: &'a Exercise,
    language: Language,
    session: Session,
}

impl Subject for Running<'_> {
    fn call(&mut self, probe: &Probe, strided: bool) -> Result<Returned, Stop> {
        let tuple = matches!(self.exercise.signature.returns.kind, Kind::Tuple(_));
        self.session.call(&Call { arguments: &probe.arguments, strided, tuple })
    }

    /// In Rust a result is handed over with its memory: safe code cannot write to it any more.
    fn keep(&mut self, probe: &Probe, others: &[Probe]) -> Option<Result<Kept, Stop>> {
        if self.language != Language::Python {
            return None;
        }
        let tuple = matches!(self.exercise.signature.returns.kind, Kind::Tuple(_));
        fn call(probe: &Probe, tuple: bool) -> Call<'_> {
            Call { arguments: &probe.arguments, strided: false, tuple }
        }
        let mut kept = || {
            let given = self.session.call_and_keep(&call(probe, tuple))?.value;
            let mut values = Vec::new();
            for other in others {
                values.push(match self.session.call(&call(other, tuple)) {
                    Ok(returned) => Some(returned.value),
                    Err(Stop::Raised { .. }) => None,
                    Err(stop) => return Err(stop),
                });
            }
            let after_others = self.session.kept()?;
            self.session.write_into_kept()?;
            let after_writing = self.session.call(&call(probe, tuple))?.value;
            Ok(Kept { given, others: values, after_others, after_writing })
        };
        Some(kept())
    }

    fn has_layouts(&self) -> bool {
        self.language == Language::Python
    }
}

/// A function to check, and where it lies.
#[derive(Clone, Copy)]
pub struct Program<'a> {
    /// What the function should do.
    pub exercise: &'static Exercise,
    /// The language of the file.
    pub language: Language,
    /// The file.
    pub file: &'a Path,
    /// For a backward function: the forward function, and the file of the learner's own if there is one.
    pub forward: Option<(&'static Exercise, Option<&'a Path>)>,
}

/// Checks the learner's `file`.
pub fn check_exercise(exercise: &'static Exercise, language: Language, file: &Path, options: &CheckOptions) -> Report {
    check_with_progress(exercise, language, file, options, &|_| {})
}

/// [`check_exercise`] for someone who wants to hear how a measurement at full size goes on, which may take minutes.
pub fn check_with_progress(
    exercise: &'static Exercise,
    language: Language,
    file: &Path,
    options: &CheckOptions,
    listener: Listener<'_>,
) -> Report {
    let forward = exercise.gradient.and_then(|check| crate::exercises::find(check.forward));
    let beside = forward.and_then(|forward| exercise_file_beside(file, forward.id));
    let forward = forward.map(|forward| (forward, beside.as_deref()));
    check_and_tell(&Program { exercise, language, file, forward }, options, listener)
}

/// Checks a function of any file.
pub fn check_program(program: &Program<'_>, options: &CheckOptions) -> Report {
    check_and_tell(program, options, &|_| {})
}

fn check_and_tell(program: &Program<'_>, options: &CheckOptions, listener: Listener<'_>) -> Report {
    let Program { exercise, language, file, .. } = *program;
    let started = Instant::now();
    let mut report = empty(exercise.into(), Some(language), file);
    if !exercise.languages.contains(&language) {
        report.status = Status::CannotRun;
        report.rung = Some(Rung::Environment);
        report.headline = exercise.only_in(language);
        return report;
    }
    if rules::broken(exercise, file, &mut report) {
        return report;
    }
    let options = &within_budget(exercise, options);
    report.protection = Some(options.protection());
    match runner(language).open(&exercise.signature, file, options) {
        Err(mut failure) => {
            report.printed = failure.printed;
            if let Unloaded::Stopped(Stop::TimedOut(limit)) = &mut failure.problem {
                *limit = options.patience.load;
            }
            not_loaded(&mut report, exercise, language, failure.problem);
            report.timings.load_seconds = seconds(started.elapsed());
        }
        Ok(session) => {
            report.timings.load_seconds = seconds(started.elapsed());
            let calls = Instant::now();
            let mut subject = Running { exercise, language, session };
            judge::judge(exercise, &mut subject, &mut report);
            if let Some(full) = &exercise.full_size {
                report.probes += 1;
                if report.passed() {
                    full_size::measure(full, exercise, &mut subject, listener, &mut report);
                }
            }
            report.timings.calls_seconds = seconds(calls.elapsed());
            // After a pass nobody reads it.
            report.printed = if report.passed() { subject.session.printed() } else { subject.session.printed_by_now() };
            if report.rung == Some(Rung::Returns) && !report.printed.trim().is_empty() {
                report.message.push_str(" print shows a value to you; return hands it to the caller.");
            }
            speed::measure(exercise, language, &mut subject, &mut report);
            if report.rung == Some(Rung::Values) && subject.session.alive() {
                gradient::verdict(program, &mut subject, &mut report, options);
            }
            // What depends on earlier calls has no smallest input.
            if subject.session.alive() && !repeat::remembers(&report) {
                // An input that nobody chose may take long.
                subject.session.allow(options.patience.call.min(Duration::from_secs(2)));
                shrink::smallest(exercise, &mut subject, &mut report, shrink::Effort::default());
            }
        }
    }
    report.timings.total_seconds = seconds(started.elapsed());
    report
}

/// The options with the limits that the exercise has of its own.
fn within_budget(exercise: &Exercise, options: &CheckOptions) -> CheckOptions {
    let mut options = options.clone();
    if let Some(budget) = exercise.budget {
        options.patience.call = Duration::from_secs(budget.call_seconds);
        options.limits.memory_bytes = budget.memory_bytes;
        let full = exercise.full_size.map_or(0, |full| full.seconds);
        // Processor time is that of all calls, and libraries may compute on several cores.
        let calls = (exercise.probes)().len() as u64 * budget.call_seconds + full;
        options.limits.cpu_seconds = options.limits.cpu_seconds.max(4 * calls);
    }
    options.optimized = exercise.full_size.is_some();
    options
}

pub(crate) fn empty(assignment: Assignment, language: Option<Language>, file: &Path) -> Report {
    Report {
        schema: SCHEMA,
        exercise: assignment.id().into(),
        station: assignment.station().into(),
        language,
        file: file.to_path_buf(),
        status: Status::Passed,
        rung: None,
        headline: String::new(),
        message: String::new(),
        place: None,
        diagnosis: None,
        case: None,
        printed: String::new(),
        probes_passed: 0,
        probes: 0,
        timings: Timings::default(),
        speed: None,
        full_size: None,
        protection: None,
    }
}

fn seconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e4).round() / 1e4
}

/// What a stop means: rung, headline, message, place.
struct Explained {
    rung: Rung,
    headline: String,
    message: String,
    place: Option<Place>,
}

/// What a stop means that came `doing` something: "With a 5 by 7 image". An empty text leaves that out.
fn explain_stop(stop: &Stop, language: Option<Language>, doing: &str) -> Explained {
    let explained =
        |rung, headline: String, message: &str| Explained { rung, headline, message: message.into(), place: None };
    let your = |what: &str| if doing.is_empty() { format!("Your {what}") } else { format!("{doing}, your {what}") };
    match stop {
        Stop::Raised { exception, message, place } => {
            let what = match (language, exception.as_str()) {
                (Some(Language::Rust), _) => format!("panics: {message}"),
                (_, "SystemExit") => "calls sys.exit()".into(),
                _ if message.is_empty() => format!("raises {exception}"),
                _ => format!("raises {exception}: {message}"),
            };
            Explained {
                place: place.as_ref().map(with_code),
                ..explained(Rung::Raises, format!("{} {what}", your("code")), "")
            }
        }
        Stop::TimedOut(limit) => explained(
            Rung::TimeOut,
            format!("{} did not finish within {} s", your("code"), limit.as_secs_f64()),
            "An endless loop? Look at what has to change for each while loop to end.",
        ),
        Stop::PrintsWithoutEnd => explained(
            Rung::Survives,
            format!("{} printed without end", your("code")),
            "It was stopped. Take the print out of the loop, or look at why the loop does not end.",
        ),
        Stop::OutOfMemory => explained(
            Rung::Survives,
            format!("{} asked for more memory than it may have", your("code")),
            "The inputs here are small: look at the shapes you allocate, and for a list that grows without end.",
        ),
        Stop::Crashed(how) => explained(
            Rung::Survives,
            format!("{} ended before it answered: {how}", your("program")),
            "The function has to return; it must not end the process.",
        ),
        Stop::Cancelled => explained(Rung::Environment, "The check was stopped".into(), ""),
    }
}

/// The place with its line of source, where the language does not give it.
fn with_code(place: &Place) -> Place {
    let mut place = place.clone();
    if place.code.is_empty() {
        let text = std::fs::read_to_string(&place.file).unwrap_or_default();
        let line = text.lines().nth((place.line as usize).saturating_sub(1));
        place.code = line.unwrap_or_default().trim().to_string();
    }
    place
}

fn not_loaded(report: &mut Report, exercise: &Exercise, language: Language, problem: Unloaded) {
    let name = exercise.signature.name;
    let mut set = |status, rung, headline: String, message: String, place| {
        report.status = status;
        report.rung = Some(rung);
        report.headline = headline;
        report.message = message;
        report.place = place;
    };
    match problem {
        Unloaded::Missing => set(
            Status::NotAttempted,
            Rung::File,
            "There is no file for this exercise yet".into(),
            format!("Lay it out with: striate start {} --lang {}", exercise.station, language.id()),
            None,
        ),
        Unloaded::CannotRun(text) => {
            let (first, rest) = text.split_once('\n').unwrap_or((&text, ""));
            set(Status::CannotRun, Rung::Environment, first.into(), rest.into(), None);
        }
        Unloaded::Error { kind, message, place } => {
            let action = if language == Language::Rust { "does not compile" } else { "does not load" };
            let kind = if kind.is_empty() { String::new() } else { format!("{kind}: ") };
            let headline = format!("Your file {action}: {kind}{message}");
            set(Status::DoesNotLoad, Rung::Loads, headline, String::new(), place);
        }
        Unloaded::NoFunction(others) => {
            let message = match others.as_slice() {
                [] => format!("The task asks for a function called {name}."),
                others => format!("The task asks for a function called {name}; in the file: {}.", others.join(", ")),
            };
            set(
                Status::DoesNotLoad,
                Rung::Signature,
                format!("There is no function {name} in your file"),
                message,
                None,
            );
        }
        Unloaded::Signature { found, expected, place } => set(
            Status::DoesNotLoad,
            Rung::Signature,
            format!("{name} does not take or give what the task asks for"),
            format!("  asked for  {expected}\n  yours      {found}"),
            place,
        ),
        Unloaded::Stopped(stop) => {
            let explained = explain_stop(&stop, Some(language), "While your file was loaded");
            let status = if stop == Stop::Cancelled { Status::CannotRun } else { Status::DoesNotLoad };
            set(status, explained.rung, explained.headline, explained.message, explained.place);
        }
    }
}
