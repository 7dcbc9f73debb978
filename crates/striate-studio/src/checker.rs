//! Checks started from a page: `striate check` as a child process, so that nothing a learner wrote can reach the studio.

use std::io::Read;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Mutex, TryLockError};
use std::time::{Duration, Instant};

use striate_road::check::Report;
use striate_road::runner::Language;

use crate::trainer::Refusal;

/// The first check in Rust compiles the array crate, too; a single call has a limit of its own.
const PATIENCE: Duration = Duration::from_secs(180);
const LOOK_EVERY: Duration = Duration::from_millis(15);

/// The `striate` command, as the studio calls it.
#[derive(Clone, Debug)]
pub struct Program {
    /// The executable.
    pub path: PathBuf,
    /// Set in its environment, so that it finds the same home and workspace as the studio.
    pub environment: Vec<(&'static str, PathBuf)>,
}

/// Runs one check at a time.
pub struct Checker {
    program: Program,
    turn: Mutex<()>,
}

impl Checker {
    /// Checks with this program.
    pub fn new(program: Program) -> Self {
        Checker { program, turn: Mutex::new(()) }
    }

    /// Checks the learner's file of an exercise and waits for the report, which the program keeps as well.
    pub fn check(&self, exercise: &str, language: Language) -> Result<Report, Refusal> {
        let _turn = match self.turn.try_lock() {
            Ok(turn) => turn,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => {
                return Err(Refusal("another check is running; try again when it has ended".to_owned()));
            }
        };
        let mut child = self.start(exercise, language)?;
        let (output, complaints) = (collect(child.stdout.take()), collect(child.stderr.take()));
        wait(&mut child)?;
        let output = output.recv().unwrap_or_default();
        serde_json::from_slice(&output).map_err(|_| {
            let text = String::from_utf8_lossy(&complaints.recv().unwrap_or_default()).trim().to_owned();
            let text = text.trim_start_matches("error: ");
            Refusal(if text.is_empty() { "the check ended without a report".to_owned() } else { text.to_owned() })
        })
    }

    fn start(&self, exercise: &str, language: Language) -> Result<Child, Refusal> {
        let mut command = Command::new(&self.program.path);
        command.args(["check", exercise, "--lang", language.id(), "--json"]);
        command.envs(self.program.environment.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().map_err(|error| {
            let path = self.program.path.display();
            Refusal(format!("cannot start {path}: {error}; was Striate moved or updated? Start it again"))
        })
    }
}

fn wait(child: &mut Child) -> Result<(), Refusal> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match child.try_wait() {
            Ok(Some(_)) => return Ok(()),
            Ok(None) if Instant::now() < deadline => std::thread::sleep(LOOK_EVERY),
            Ok(None) => {
                // It may end by itself in this instant.
                let _ = child.kill();
                let _ = child.wait();
                let minutes = PATIENCE.as_secs() / 60;
                return Err(Refusal(format!("the check took longer than {minutes} minutes and was stopped")));
            }
            Err(error) => return Err(Refusal(format!("the check cannot be waited for: {error}"))),
        }
    }
}

/// Reads a pipe to its end on a thread, or the child would stop when it is full.
fn collect(pipe: Option<impl Read + Send + 'static>) -> Receiver<Vec<u8>> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            // What was read before an error is still worth showing.
            let _ = pipe.read_to_end(&mut bytes);
        }
        // Nobody waits any more when the check was stopped.
        let _ = sender.send(bytes);
    });
    receiver
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;

    use super::*;

    fn script(folder: &Path, text: &str) -> Checker {
        let path = folder.join("striate");
        std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        Checker::new(Program { path, environment: vec![("STRIATE_HOME", "there".into())] })
    }

    #[test]
    fn a_program_that_gives_no_report_is_quoted_and_one_that_is_gone_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let checker = script(folder.path(), "echo \"error: $STRIATE_HOME is no home, $*\" >&2; exit 1");
        let Err(Refusal(text)) = checker.check("correlate2d", Language::Rust) else { panic!("there is no report") };
        assert_eq!(text, "there is no home, check correlate2d --lang rust --json");
        std::fs::remove_file(folder.path().join("striate")).unwrap();
        let Err(Refusal(text)) = checker.check("correlate2d", Language::Rust) else { panic!("there is no program") };
        assert!(text.starts_with("cannot start") && text.contains("Start it again"), "{text}");
    }

    #[test]
    fn a_second_check_is_refused_while_one_runs() {
        let folder = tempfile::tempdir().unwrap();
        let checker = script(folder.path(), "touch \"$0.begun\"; sleep 1");
        std::thread::scope(|scope| {
            let first = scope.spawn(|| checker.check("correlate2d", Language::Python));
            while !folder.path().join("striate.begun").exists() {
                std::thread::sleep(LOOK_EVERY);
            }
            let Err(Refusal(text)) = checker.check("correlate2d", Language::Python) else { panic!("one is running") };
            assert!(text.contains("another check is running"), "{text}");
            assert_eq!(first.join().unwrap(), Err(Refusal("the check ended without a report".to_owned())));
        });
    }
}
