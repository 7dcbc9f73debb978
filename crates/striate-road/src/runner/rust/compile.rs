//! From a learner's file to a program: the array crate once per compiler, then the file with a generated `main`.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

use serde::Deserialize;

use super::{ARRAY_SOURCE, HARNESS_SOURCE, source};
use crate::exercise::Signature;
use crate::runner::platform::{Limits, kill, limited_command};
use crate::runner::{Place, RunOptions, Unloaded, on_path};

const NO_RUST: &str = "no Rust compiler found: install Rust from https://rustup.rs, open a new terminal and run this \
                       again; or do the exercise in Python";
/// Compiled programs are kept this long.
const KEPT: Duration = Duration::from_secs(7 * 24 * 3600);
/// Compiling the learner's file takes a second or two; a constant that is computed without end takes for ever.
const COMPILE_LIMIT: Duration = Duration::from_secs(60);

/// What the compiler may use: a constant or a type can be made to grow without end.
const COMPILER: Limits =
    Limits { memory_bytes: 8 << 30, cpu_seconds: 120, file_bytes: 1 << 30, files: 1024, processes: 4096 };

/// The program for `file`, compiled unless the same text was compiled before.
pub fn program(signature: &Signature, file: &Path, options: &RunOptions) -> Result<PathBuf, Unloaded> {
    let rustc = compiler().ok_or_else(|| Unloaded::CannotRun(NO_RUST.into()))?;
    let text = fs::read_to_string(file).map_err(|error| {
        let message = match error.kind() {
            io::ErrorKind::InvalidData => "it is not UTF-8 text; save it as UTF-8 in your editor".into(),
            _ => format!("cannot read it: {error}"),
        };
        Unloaded::Error { kind: String::new(), message, place: None }
    })?;
    let cache = options.cache.join("rust");
    let failed = |error: io::Error| Unloaded::CannotRun(format!("cannot write to {}: {error}", cache.display()));
    let version = Command::new(&rustc)
        .arg("-vV")
        .output()
        .map_err(|error| Unloaded::CannotRun(format!("cannot start {}: {error}", rustc.display())))?
        .stdout;
    let support = key(&[&version, ARRAY_SOURCE.as_bytes(), HARNESS_SOURCE.as_bytes()]);
    let support = cache.join(format!("array-{support}"));
    let library = support.join("libstriate_array.rlib");
    if !library.is_file() {
        compile_support(&rustc, &support).map_err(failed)??;
    }
    let mut modules = Vec::new();
    find_modules(&text, file, signature.name, &mut modules);
    let beside: String = modules.iter().filter_map(|(_, file)| fs::read_to_string(file).ok()).collect();
    let main = source::main(signature, file, &modules);
    let folder = cache.join(format!(
        "program-{}",
        key(&[
            &version,
            text.as_bytes(),
            beside.as_bytes(),
            main.as_bytes(),
            support_name(&support),
            &[u8::from(options.optimized)],
        ])
    ));
    let program = folder.join(format!("check{}", std::env::consts::EXE_SUFFIX));
    if !program.is_file() {
        forget_old(&cache);
        fs::create_dir_all(&folder).map_err(failed)?;
        let scratch = tempfile::tempdir_in(&folder).map_err(failed)?;
        let entry = scratch.path().join("main.rs");
        fs::write(&entry, &main).map_err(failed)?;
        let built = scratch.path().join("check");
        let mut command = limited_command(rustc.as_os_str(), &COMPILER, false);
        command.arg(&entry).arg("-o").arg(&built).args(["--crate-name", "check", "--crate-type", "bin"]);
        command.arg("--extern").arg(format!("striate_array={}", library.display()));
        let messages = run(&mut command, options.optimized).map_err(failed)?;
        explain(&messages, &entry, file, signature)?;
        fs::rename(&built, &program).map_err(failed)?;
    }
    Ok(program)
}

/// The files beside `file` that its text names by `crate::` or `super::`, and those that they name.
fn find_modules(text: &str, file: &Path, own: &str, found: &mut Vec<(String, PathBuf)>) {
    for rest in text.split("crate::").skip(1).chain(text.split("super::").skip(1)) {
        let name: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        let beside = file.with_file_name(format!("{name}.rs"));
        if name != own && beside.is_file() && found.iter().all(|(known, _)| *known != name) {
            let text = fs::read_to_string(&beside).unwrap_or_default();
            found.push((name, beside.clone()));
            find_modules(&text, &beside, own, found);
        }
    }
}

fn support_name(support: &Path) -> &[u8] {
    support.file_name().map_or(b"", |name| name.as_encoded_bytes())
}

pub fn compiler() -> Option<PathBuf> {
    let named = std::env::var_os("RUSTC").map(PathBuf::from).filter(|path| path.is_file());
    let home = std::env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::home_dir().map(|home| home.join(".cargo")))
        .map(|home| home.join("bin").join(format!("rustc{}", std::env::consts::EXE_SUFFIX)));
    named.or_else(|| on_path("rustc")).or_else(|| home.filter(|path| path.is_file()))
}

fn key(parts: &[&[u8]]) -> String {
    let mut hasher = DefaultHasher::new();
    parts.hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

/// Compiles the array crate into `folder`, which appears complete or not at all.
fn compile_support(rustc: &Path, folder: &Path) -> io::Result<Result<(), Unloaded>> {
    let parent = folder.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(parent)?;
    let scratch = tempfile::tempdir_in(parent)?;
    fs::write(scratch.path().join("lib.rs"), format!("{ARRAY_SOURCE}\n#[doc(hidden)]\npub mod harness;\n"))?;
    fs::write(scratch.path().join("harness.rs"), HARNESS_SOURCE)?;
    let mut command = limited_command(rustc.as_os_str(), &COMPILER, false);
    command.arg(scratch.path().join("lib.rs")).args(["--crate-name", "striate_array", "--crate-type", "rlib"]);
    command.arg("-o").arg(scratch.path().join("libstriate_array.rlib"));
    let messages = run(&mut command, false)?;
    if let Some(error) = messages.iter().find(|message| message.level == "error") {
        return Ok(Err(Unloaded::CannotRun(format!(
            "this Rust compiler cannot build Striate's array crate ({}): update it with 'rustup update'",
            error.message
        ))));
    }
    match fs::rename(scratch.path(), folder) {
        // Another check was quicker.
        Err(_) if folder.is_dir() => Ok(Ok(())),
        result => result.map(Ok),
    }
}

fn run(command: &mut Command, optimized: bool) -> io::Result<Vec<Message>> {
    // Quick to compile, quick enough to run; overflow is an error with a line, as in a debug build. The standard library's
    // own assertions keep inner loops from being vectorised.
    command.args(["--edition", "2024", "--error-format", "json", "--cap-lints", "allow"]);
    let (level, assertions) = if optimized { ("3", "off") } else { ("1", "on") };
    // The line tables tell where in the learner's file a panic of the standard library came from.
    command.args(["-C", "debuginfo=line-tables-only", "-C", "overflow-checks=on"]);
    command.arg("-C").arg(format!("opt-level={level}")).arg("-C").arg(format!("debug-assertions={assertions}"));
    let (success, stderr) = finish(command, COMPILE_LIMIT)?;
    let text = String::from_utf8_lossy(&stderr);
    let mut messages: Vec<Message> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    if !success && !messages.iter().any(|message| message.level.starts_with("error")) {
        messages.push(Message { message: text.into_owned(), ..Message::default() });
        messages.iter_mut().for_each(|message| message.level = "error".into());
    }
    Ok(messages)
}

/// Runs a compiler: whether it succeeded, and what it wrote. One that takes longer than `limit` is ended.
fn finish(command: &mut Command, limit: Duration) -> io::Result<(bool, Vec<u8>)> {
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
    let mut pipe = child.stderr.take().expect("standard error is piped");
    let reader = std::thread::spawn(move || {
        let mut text = Vec::new();
        // What was read before an error is shown.
        let _ = pipe.read_to_end(&mut text);
        text
    });
    let deadline = Instant::now() + limit;
    let status = loop {
        match child.try_wait()? {
            Some(status) => break status,
            None if Instant::now() < deadline => std::thread::sleep(Duration::from_millis(2)),
            None => {
                kill(&mut child)?;
                child.wait()?;
                let text = format!(
                    "it is not done after {} s; is there a const, or a macro, whose value takes for ever to compute?",
                    limit.as_secs_f64()
                );
                return Ok((false, text.into_bytes()));
            }
        }
    };
    Ok((status.success(), reader.join().unwrap_or_default()))
}

/// The compiler's JSON, as far as it is used.
#[derive(Default, Deserialize)]
struct Message {
    message: String,
    level: String,
    code: Option<Code>,
    #[serde(default)]
    spans: Vec<Span>,
    #[serde(default)]
    children: Vec<Message>,
}

#[derive(Deserialize)]
struct Code {
    code: String,
}

#[derive(Deserialize)]
struct Span {
    file_name: PathBuf,
    line_start: u32,
    is_primary: bool,
    label: Option<String>,
    #[serde(default)]
    text: Vec<SpanText>,
}

#[derive(Deserialize)]
struct SpanText {
    text: String,
}

/// The first error, as the learner should read it.
fn explain(messages: &[Message], entry: &Path, file: &Path, signature: &Signature) -> Result<(), Unloaded> {
    let Some(error) = messages.iter().find(|message| message.level.starts_with("error")) else { return Ok(()) };
    let primary = error.spans.iter().find(|span| span.is_primary);
    let own = error.spans.iter().find(|span| span.file_name == file);
    let place = own.filter(|_| primary.is_none_or(|span| span.file_name != file)).or(primary).map(|span| Place {
        file: span.file_name.clone(),
        line: span.line_start,
        code: span.text.first().map(|text| text.text.trim().to_string()).unwrap_or_default(),
    });
    let code = error.code.as_ref().map_or("", |code| code.code.as_str());
    if primary.is_some_and(|span| span.file_name == entry) {
        // The generated program could not call the function.
        return Err(match code {
            "E0425" => Unloaded::NoFunction(functions(file)),
            "E0603" => Unloaded::Error {
                kind: String::new(),
                message: format!("{} is private: write pub in front of its fn", signature.name),
                place,
            },
            _ => Unloaded::Signature {
                found: written(file, signature.name).unwrap_or_else(|| error.message.clone()),
                expected: source::declaration(signature),
                place: place.filter(|place| place.file == file),
            },
        });
    }
    if error.message.contains("linker") {
        return Err(Unloaded::CannotRun(format!(
            "Rust is there, but the linker it needs is not ({}): install a C compiler (on Debian and Ubuntu: apt install \
             gcc; on macOS: xcode-select --install)",
            error.message
        )));
    }
    let label = primary.and_then(|span| span.label.clone()).filter(|label| !error.message.contains(label.as_str()));
    let help = error.children.iter().find(|child| child.level == "help" && child.spans.is_empty());
    let mut message = error.message.clone();
    for more in [label, help.map(|help| help.message.clone())].into_iter().flatten().filter(|more| more.len() < 200) {
        message.push_str("; ");
        message.push_str(&more);
    }
    Err(Unloaded::Error { kind: code.to_string(), message, place })
}

/// The learner's declaration of `name`, up to its body.
fn written(file: &Path, name: &str) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    let start = text.find(&format!("fn {name}"))?;
    let start = text[..start].rfind('\n').map_or(0, |at| at + 1);
    let end = start + text[start..].find('{')?;
    Some(text[start..end].split_whitespace().collect::<Vec<_>>().join(" "))
}

/// Names of the functions that the file declares.
fn functions(file: &Path) -> Vec<String> {
    let text = fs::read_to_string(file).unwrap_or_default();
    text.lines()
        .filter_map(|line| line.trim_start().trim_start_matches("pub ").strip_prefix("fn "))
        .map(|rest| rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect())
        .collect()
}

/// Removes programs that have not been compiled lately. What cannot be removed stays.
fn forget_old(cache: &Path) {
    let Ok(entries) = fs::read_dir(cache) else { return };
    for entry in entries.flatten().filter(|entry| entry.file_name().to_string_lossy().starts_with("program-")) {
        let modified = entry.metadata().and_then(|data| data.modified()).unwrap_or(SystemTime::now());
        if modified.elapsed().is_ok_and(|age| age > KEPT) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_compilation_without_end_is_ended() {
        let Some(rustc) = compiler() else {
            eprintln!("SKIPPED: there is no Rust compiler");
            return;
        };
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("endless.rs");
        fs::write(&file, "pub const N: usize = { let mut i = 0; while i < 10 { i &= 1; } i };").unwrap();
        let mut command = limited_command(rustc.as_os_str(), &COMPILER, false);
        command.arg(&file).args(["--crate-type", "lib", "--cap-lints", "allow", "-o"]).arg(dir.path().join("out"));
        let (success, text) = finish(&mut command, Duration::from_millis(500)).unwrap();
        assert!(!success);
        assert!(String::from_utf8(text).unwrap().contains("not done after 0.5 s"));
    }
}
