//! Checking everything in a folder.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::report::{CourseReport, FileProblem, FunctionReport, Unchecked};
use super::scan::{self, ScannedFile, ScannedFunction};
use super::{Course, CourseFunction};
use crate::check::{CheckOptions, Diagnosis, Evidence, Program, Report, Rung, Status, check_program, empty};
use crate::exercise::{Kind, Parameter, Signature};
use crate::runner::{Call, Language, Place, Protection, Returned, runner};
use crate::value::Value;

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

/// What a program needs that imports PyTorch: it maps more address space than a program may have otherwise, of which the
/// learner's code gets little (`with_torch` in the loader), and it is slow to load.
const TORCH_MEMORY: u64 = 32 << 30;
const TORCH_LOADS: Duration = Duration::from_secs(150);

/// A learner's function, and what the course asks of it.
struct Found<'a> {
    asked: &'static CourseFunction,
    function: &'a ScannedFunction,
    file: &'a ScannedFile,
}

impl Found<'_> {
    /// What it is called: a layer by its class.
    fn name(&self) -> &str {
        if self.asked.is_layer() { self.asked.class } else { &self.function.name }
    }
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
        unchecked: Vec::new(),
        copies: Vec::new(),
        not_found: Vec::new(),
        other_parts: Vec::new(),
    };
    let mut texts: BTreeSet<Vec<u8>> = BTreeSet::new();
    let mut torch = None;
    for file in files.iter().filter(|file| !is_the_courses_own(course, &file.path)) {
        let found = wanted(course, file);
        problems(course, file, &mut report);
        if !found.is_empty() && !texts.insert(fs::read(&file.path)?) {
            report.copies.push(file.path.clone());
            continue;
        }
        for found in found {
            if found.asked.torch {
                let missing = torch.get_or_insert_with(|| torch_missing(&root, folder.path(), options));
                if let Some(reason) = missing {
                    report.unchecked.push(unchecked(&found, reason));
                    continue;
                }
            }
            let mut checked = check(course, &root, &found, folder.path(), options)?;
            say_what_it_builds_on(&mut checked, found.asked.needs, &report.functions);
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

/// The options under which the program can read `root`, and what lies beside it where it is a file.
fn seeing(root: &Path, options: &CheckOptions) -> CheckOptions {
    let mut options = options.clone();
    let protection = options.protection();
    let beside = root.parent().filter(|folder| root.is_file() && protection.shows(folder));
    let read = beside.unwrap_or(root);
    if !protection.shows(read) {
        options.protection = Some(Protection::Limits);
    }
    // A link leads to where the files are.
    options.reads = std::iter::once(read.to_path_buf()).chain(read.canonicalize()).collect();
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
            asked.is(&function.class, &function.name)
                && (asked.takes)(&function.parameters)
                && (asked.is_layer() || asked.torch == file.torch)
        });
        if let Some((at, asked)) = asked {
            found.insert((at, &function.name), Found { asked, function, file });
        }
    }
    found.into_values().collect()
}

/// Why what is written with PyTorch cannot be checked; nothing where it can.
fn torch_missing(root: &Path, folder: &Path, options: &CheckOptions) -> Option<String> {
    static TORCH: Signature = Signature {
        name: "torch_here",
        parameters: &[],
        returns: Parameter { name: "found", kind: Kind::Tuple(&[]), meaning: "" },
    };
    let program = folder.join("torch_here.py");
    let answer = fs::write(&program, source(root, &[])).map_err(|error| error.to_string()).and_then(|()| {
        let opened = runner(Language::Python).open(&TORCH, &program, &for_torch(options));
        let mut session = opened.map_err(|failure| format!("{:?}", failure.problem))?;
        // The import is part of the call here.
        session.allow(TORCH_LOADS);
        session.call(&Call { arguments: &[], strided: false, tuple: true }).map_err(|stop| format!("{stop:?}"))
    });
    let parts = match answer {
        Ok(Returned { value: Value::Tuple(parts), .. }) => parts,
        Ok(other) => return Some(format!("Python answered {:?}", other.value)),
        Err(reason) => return Some(reason),
    };
    match &parts[..] {
        [Value::Text(reason), Value::Text(python), Value::Text(version)] if !reason.is_empty() => Some(format!(
            "written with PyTorch, which {python} (Python {version}) cannot import: {reason}. To check it too, name a \
             Python that has it: --python PROGRAM, or STRIATE_PYTHON"
        )),
        _ => None,
    }
}

/// The options for programs that import PyTorch.
fn for_torch(options: &CheckOptions) -> CheckOptions {
    let mut options = options.clone();
    options.limits.memory_bytes = options.limits.memory_bytes.max(TORCH_MEMORY);
    options.limits.cpu_seconds = options.limits.cpu_seconds.max(300);
    options.patience.load = options.patience.load.max(TORCH_LOADS);
    options
}

fn unchecked(found: &Found<'_>, reason: &str) -> Unchecked {
    Unchecked {
        function: found.name().to_string(),
        part: found.asked.part.into(),
        place: found.function.chunk.clone(),
        line: found.function.line,
        reason: reason.to_string(),
    }
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
    let checked = report.functions.iter().map(|found| (found.part.as_str(), found.function.as_str()));
    let unchecked = report.unchecked.iter().map(|found| (found.part.as_str(), found.function.as_str()));
    let here: BTreeSet<(&str, &str)> = checked.chain(unchecked).collect();
    let unread: BTreeSet<&str> =
        report.problems.iter().flat_map(|problem| &problem.functions).map(String::as_str).collect();
    let seen = |part: &str, name: &str| here.contains(&(part, name)) || unread.contains(name);
    let functions = report.course.functions();
    let mut parts: Vec<&str> = Vec::new();
    for part in functions.iter().map(|function| function.part) {
        if !parts.contains(&part) {
            parts.push(part);
        }
    }
    for part in parts {
        let asked = || functions.iter().filter(|function| function.part == part);
        if !asked().flat_map(|function| function.names).any(|name| seen(part, name)) {
            report.other_parts.push(part.to_string());
            continue;
        }
        for function in asked() {
            let missing = function.names.iter().filter(|name| !seen(part, name));
            // In deeplearning.ai's courses several names are spellings of one function; CS231n asks for each.
            match report.course {
                Course::Cs231n => report.not_found.extend(missing.map(|name| name.to_string())),
                Course::DeepLearningAi if missing.count() == function.names.len() => {
                    report.not_found.push(function.names[0].to_string());
                }
                Course::DeepLearningAi => {}
            }
        }
    }
}

/// The program that calls one function: the loader, where the learner's files are, and the adapters.
fn source(root: &Path, adapters: &[(String, &CourseFunction, &Path)]) -> String {
    let literal = |path: &Path| serde_json::to_string(&path.to_string_lossy()).expect("a text");
    let mut text = format!("{LOADER}\n\nROOT = {}\n", literal(root));
    if adapters.iter().any(|(_, function, _)| function.torch) {
        text.push_str("with_torch()\n");
    }
    for (name, function, file) in adapters {
        let signature = &function.exercise.signature;
        let parameters: Vec<&str> = signature.parameters.iter().map(|parameter| parameter.name).collect();
        let body: String = function.adapter.lines().map(|line| format!("    {}\n", line.trim_end())).collect();
        let is_defined = function.class.is_empty() || function.is_layer();
        let learners = if is_defined { format!("theirs.{name}") } else { format!("\"{name}\"") };
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
    let (exercise, name) = (asked.exercise, found.name());
    let options = &if asked.torch { for_torch(options) } else { options.clone() };
    let mut adapters = vec![(name.to_string(), *asked, file.path.as_path())];
    let forward = exercise.gradient.and_then(|check| course.function(check.forward));
    adapters.extend(forward.map(|forward| (forward.names[0].to_string(), forward, file.path.as_path())));
    let program = folder.join(format!("{name}.py"));
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
    report.exercise = format!("{course}.{name}");
    report.station = String::new();
    report.file = file.path.clone();
    adjust(&mut report, found);
    let (place, line) = (function.chunk.clone(), function.line);
    Ok(FunctionReport { function: name.to_string(), part: asked.part.into(), place, line, report })
}

/// Adds to the report on a wrong function whether those of the same file that it builds on are right.
fn say_what_it_builds_on(checked: &mut FunctionReport, needs: &[&str], earlier: &[FunctionReport]) {
    let report = &mut checked.report;
    if !matches!(report.status, Status::Wrong | Status::Fragile) {
        return;
    }
    let verdicts: Vec<(&str, bool)> = needs
        .iter()
        .filter_map(|name| {
            let same = |found: &&FunctionReport| found.function == **name && found.report.file == report.file;
            earlier.iter().rev().find(same).map(|found| (*name, found.report.passed()))
        })
        .collect();
    let name = &checked.function;
    let text = if let Some((first, _)) = verdicts.iter().find(|(_, passed)| !passed) {
        format!("{first} does not pass, and {name} builds on it: mend {first} first.")
    } else if let Some((step, _)) = verdicts.iter().rev().find(|(needed, _)| is_step(needed) && !is_step(name)) {
        format!("{step} is right by itself: look at how {name} joins the steps.")
    } else {
        return;
    };
    let line = if report.message.is_empty() { "" } else { "\n" };
    report.message.push_str(&format!("{line}{text}"));
}

/// Whether a function computes one step of a sequence.
fn is_step(name: &str) -> bool {
    name.contains("_step_") || name.contains("_cell_")
}

/// What can be said about a function without running it.
fn before_running(found: &Found<'_>) -> Option<(Status, Rung, String, String)> {
    let Found { asked, function, file } = found;
    let name = found.name();
    if function.untouched {
        let headline = format!("{name} is still to be written");
        return Some((Status::NotAttempted, Rung::Attempted, headline, String::new()));
    }
    let is_unwritten = |other: &ScannedFunction, name: &str| {
        other.name == name && other.untouched && (asked.class.is_empty() || other.class == asked.class)
    };
    let unwritten = asked.needs.iter().find(|name| file.functions.iter().any(|other| is_unwritten(other, name)));
    if let Some(first) = unwritten {
        let headline = format!("{first} is still to be written");
        let message = format!("{name} takes what {first} makes for it, so write {first} first.");
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
