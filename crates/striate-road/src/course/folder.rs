//! Checking everything in a folder.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use super::report::{CourseReport, FileProblem, FunctionReport};
use super::scan::{self, ScannedFile, ScannedFunction};
use super::{Course, CourseFunction};
use crate::check::{CheckOptions, Diagnosis, Evidence, Program, Report, Rung, Status, check_program, empty};
use crate::runner::{Language, Place, Protection};

/// Number of the layout of [`CourseReport`].
const SCHEMA: u32 = 1;

/// What reads the learner's files and calls their functions.
const LOADER: &str = include_str!("loader.py");

/// Why a folder could not be checked.
#[derive(Debug, thiserror::Error)]
pub enum CourseError {
    /// There is no such file or folder.
    #[error("there is no file or folder {}", .0.display())]
    Missing(PathBuf),
    /// There is no Python with NumPy: what to do.
    #[error("{0}")]
    CannotRun(String),
    /// The folder could not be read.
    #[error("{} cannot be read: {reason}", .path.display())]
    Scan {
        /// The folder.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// Files for the check could not be written.
    #[error("cannot write into the folder for temporary files: {0}")]
    Temporary(#[from] std::io::Error),
    /// The learner stopped it.
    #[error("the check was stopped")]
    Cancelled,
}

/// A learner's function, and what the course asks of it.
struct Found<'a> {
    asked: &'static CourseFunction,
    function: &'a ScannedFunction,
    file: &'a ScannedFile,
}

/// Checks all functions of `course` in the file or folder `path`. `each` hears of a function as soon as it is checked.
pub fn check_folder(
    course: Course,
    path: &Path,
    options: &CheckOptions,
    each: &mut dyn FnMut(&FunctionReport),
) -> Result<CourseReport, CourseError> {
    if !path.exists() {
        return Err(CourseError::Missing(path.to_path_buf()));
    }
    let root = std::path::absolute(path)?;
    let options = &seeing(&root, options);
    let folder = tempfile::Builder::new().prefix("striate-course-").tempdir()?;
    let program = folder.path().join("scan.py");
    fs::write(&program, source(&root, &[]))?;
    let files = scan::scan(&root, &program, options)?;
    let mut report = CourseReport {
        schema: SCHEMA,
        course,
        path: path.to_path_buf(),
        functions: Vec::new(),
        problems: Vec::new(),
        copies: Vec::new(),
        not_found: Vec::new(),
        other_parts: Vec::new(),
    };
    let mut texts: BTreeSet<Vec<u8>> = BTreeSet::new();
    for file in files.iter().filter(|file| !is_the_courses_own(course, &file.path)) {
        let found = wanted(course, file);
        problems(course, file, &mut report);
        if !found.is_empty() && !texts.insert(fs::read(&file.path)?) {
            report.copies.push(file.path.clone());
            continue;
        }
        for found in found {
            let checked = check(course, &root, &found, folder.path(), options)?;
            each(&checked);
            if checked.report.status == Status::CannotRun && stopped(options) {
                return Err(CourseError::Cancelled);
            }
            report.functions.push(checked);
        }
    }
    look_for_the_rest(&mut report);
    Ok(report)
}

/// The options under which the program can read `root`: one that is kept apart has folders for temporary files of its
/// own, so a learner's folder inside of these is checked under limits only.
fn seeing(root: &Path, options: &CheckOptions) -> CheckOptions {
    let mut options = options.clone();
    let hidden = ["/tmp", "/var/tmp", "/run", "/dev/shm"].iter().any(|folder| root.starts_with(folder));
    if (hidden || root.starts_with(std::env::temp_dir())) && options.protection().is_apart() {
        options.protection = Some(Protection::Limits);
    }
    options
}

fn stopped(options: &CheckOptions) -> bool {
    options.patience.cancelled.as_ref().is_some_and(|flag| flag.load(std::sync::atomic::Ordering::Relaxed))
}

/// Files that the course hands out ready-made.
fn is_the_courses_own(course: Course, file: &Path) -> bool {
    let name = file.file_name().map_or_else(String::new, |name| name.to_string_lossy().to_lowercase());
    let given: &[&str] = match course {
        Course::Cs231n => &[
            "gradient_check",
            "data_utils",
            "vis_utils",
            "image_utils",
            "layer_utils",
            "fast_layers",
            "solver",
            "setup",
        ],
        Course::DeepLearningAi => &["utils", "testcases", "test_cases", "public_tests", "outputs", "solutions"],
    };
    name.ends_with(".py") && given.iter().any(|given| name.contains(given))
}

/// The functions of a file that the course asks for; of several with one name the last, which is the one that counts.
fn wanted<'a>(course: Course, file: &'a ScannedFile) -> Vec<Found<'a>> {
    let mut found: BTreeMap<(usize, &str), Found<'a>> = BTreeMap::new();
    for function in &file.functions {
        let asked = course.functions().iter().enumerate().find(|(_, asked)| {
            asked.names.contains(&function.name.as_str())
                && asked.class == function.class
                && (asked.takes)(&function.parameters)
        });
        if let Some((at, asked)) = asked {
            found.insert((at, &function.name), Found { asked, function, file });
        }
    }
    found.into_values().collect()
}

/// Puts into the report what of a file could not be read.
fn problems(course: Course, file: &ScannedFile, report: &mut CourseReport) {
    for problem in &file.problems {
        let known = |name: &&String| course.function(name).is_some();
        let functions: Vec<String> = problem.names.iter().filter(known).cloned().collect();
        // A cell that plays around is nobody's business; a file that cannot be read at all is worth a line.
        if functions.is_empty() && (problem.kind != "unreadable" || file.path.extension().is_some_and(|e| e == "py")) {
            continue;
        }
        let message = match problem.kind.as_str() {
            "python2" => format!(
                "This is Python 2, which no current Python reads (line {}: {}): convert a copy with 2to3, or put \
                 parentheses around what is printed and write range in place of xrange.",
                problem.line, problem.text
            ),
            "syntax" => format!("Line {} is no Python: {}.", problem.line, problem.text),
            _ => format!("It cannot be read: {}.", problem.text),
        };
        report.problems.push(FileProblem { place: problem.chunk.clone(), message, functions });
    }
}

fn look_for_the_rest(report: &mut CourseReport) {
    let here: BTreeSet<&str> = report.functions.iter().map(|found| found.function.as_str()).collect();
    let unread: BTreeSet<&str> =
        report.problems.iter().flat_map(|problem| &problem.functions).map(String::as_str).collect();
    let seen = |name: &&str| here.contains(*name) || unread.contains(*name);
    let functions = report.course.functions();
    let mut parts: Vec<&str> = functions.iter().map(|function| function.part).collect();
    parts.dedup();
    for part in parts {
        let names = || functions.iter().filter(|function| function.part == part).flat_map(|function| function.names);
        if names().any(&seen) {
            let missing = names().filter(|name| !seen(name)).map(|name| name.to_string());
            report.not_found.extend(missing);
        } else if !report.other_parts.iter().any(|other| other == part) {
            report.other_parts.push(part.to_string());
        }
    }
}

/// The program that calls one function: the loader, where the learner's files are, and the adapters.
fn source(root: &Path, adapters: &[(String, &CourseFunction, &Path)]) -> String {
    let literal = |path: &Path| serde_json::to_string(&path.to_string_lossy()).expect("a text");
    let mut text = format!("{LOADER}\n\nROOT = {}\n", literal(root));
    for (name, function, file) in adapters {
        let signature = &function.exercise.signature;
        let parameters: Vec<&str> = signature.parameters.iter().map(|parameter| parameter.name).collect();
        let body: String = function.adapter.lines().map(|line| format!("    {}\n", line.trim_end())).collect();
        let learners = if function.class.is_empty() { format!("theirs.{name}") } else { format!("\"{name}\"") };
        text.push_str(&format!(
            "theirs = Theirs({})\n\n\ndef {}({}):\n    f = {learners}\n{body}\n\n",
            literal(file),
            signature.name,
            parameters.join(", "),
        ));
    }
    text
}

fn check(
    course: Course,
    root: &Path,
    found: &Found<'_>,
    folder: &Path,
    options: &CheckOptions,
) -> Result<FunctionReport, CourseError> {
    let Found { asked, function, file } = found;
    let exercise = asked.exercise;
    let mut adapters = vec![(function.name.clone(), *asked, file.path.as_path())];
    let forward = exercise.gradient.and_then(|check| course.function(check.forward));
    adapters.extend(forward.map(|forward| (forward.names[0].to_string(), forward, file.path.as_path())));
    let program = folder.join(format!("{}.py", function.name));
    fs::write(&program, source(root, &adapters))?;
    let mut report = match before_running(found) {
        Some((status, rung, headline, message)) => {
            let mut report = empty(exercise.into(), Some(Language::Python), &file.path);
            (report.status, report.rung, report.headline, report.message) = (status, Some(rung), headline, message);
            report
        }
        None => {
            let forward = forward.map(|forward| (forward.exercise, Some(program.as_path())));
            check_program(&Program { exercise, language: Language::Python, file: &program, forward }, options)
        }
    };
    report.exercise = format!("{course}.{}", function.name);
    report.station = String::new();
    report.file = file.path.clone();
    adjust(&mut report, found);
    let (place, line) = (function.chunk.clone(), function.line);
    Ok(FunctionReport { function: function.name.clone(), part: asked.part.into(), place, line, report })
}

/// What can be said about a function without running it.
fn before_running(found: &Found<'_>) -> Option<(Status, Rung, String, String)> {
    let Found { asked, function, file } = found;
    if function.untouched {
        let headline = format!("{} is still to be written", function.name);
        return Some((Status::NotAttempted, Rung::Attempted, headline, String::new()));
    }
    let unwritten =
        asked.needs.iter().find(|name| file.functions.iter().any(|other| other.name == **name && other.untouched));
    if let Some(first) = unwritten {
        let headline = format!("{first} is still to be written");
        let message = format!("{} takes what {first} saves for it, so write {first} first.", function.name);
        return Some((Status::NotAttempted, Rung::Attempted, headline, message));
    }
    if !function.python2.is_empty() {
        let headline = format!(
            "This is Python 2: {} does not exist in any current Python; write {}",
            function.python2.join(" and "),
            replacement(&function.python2[0])
        );
        return Some((Status::DoesNotLoad, Rung::Loads, headline, String::new()));
    }
    None
}

fn replacement(name: &str) -> &'static str {
    match name {
        "xrange" => "range",
        "raw_input" => "input",
        "unicode" | "basestring" => "str",
        "iteritems" => "items()",
        "itervalues" => "values()",
        "iterkeys" => "keys()",
        _ => "`key in dictionary`",
    }
}

/// Says in a report on a course's function what only holds there.
fn adjust(report: &mut Report, found: &Found<'_>) {
    let function = found.function;
    if report.rung == Some(Rung::Raises) && report.place.is_none() {
        report.place = Some(Place { file: function.chunk.clone(), line: function.line, code: String::new() });
    }
    if report.rung == Some(Rung::Mutation) && report.diagnosis.is_none() {
        report.diagnosis = Some(Diagnosis {
            evidence: Evidence::Misconception,
            id: "changes-its-input".into(),
            title: "the function writes into an array that it was given".into(),
            explanation: "The course's own check does not notice, since it compares the result only. In a network the \
                          caller still needs the array: dout goes into other layers too, and what a cache holds is read \
                          again. Work on a copy, or compute a new array: dx = dout * (x > 0)."
                .into(),
            question: "Whose array does this line write into?".into(),
            see: None,
            certainty: "its input was compared before and after".into(),
            also: Vec::new(),
        });
    }
}
