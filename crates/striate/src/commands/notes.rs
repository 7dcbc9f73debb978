//! `striate notes`: what the learner wants to remember.

use std::io::Write;
use std::process::{Command, ExitCode};

use striate_road::map::Station;
use striate_road::text::to_terminal;

use super::{CommandError, CommandResult};
use crate::home::Home;
use crate::learner::Learner;
use crate::screen;

/// Your own notes on a station, in markdown; the studio shows them too.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  \
    striate notes                                   all your notes\n  \
    striate notes perceptron                        those on one station\n  \
    striate notes perceptron --add \"XOR: no line\"   add a paragraph\n  \
    striate notes perceptron --edit                 open them in $VISUAL or $EDITOR")]
pub struct Args {
    /// The station.
    station: Option<String>,
    /// Add a paragraph.
    #[arg(long, value_name = "TEXT", conflicts_with = "edit", requires = "station")]
    add: Option<String>,
    /// Open the notes in your editor.
    #[arg(long, requires = "station")]
    edit: bool,
}

/// Runs the command.
pub fn run(args: Args, home: &Home) -> CommandResult {
    let mut learner = Learner::open(home)?;
    let Some(name) = &args.station else {
        return all(&learner);
    };
    let station = learner.station(name)?;
    if let Some(text) = &args.add {
        if text.trim().is_empty() {
            return Err(CommandError::Usage("the note is empty: give --add some text".to_string()));
        }
        learner.progress.append_note(&station.id, text).map_err(CommandError::failed)?;
        screen::print(&format!("Added to your notes on {}.\n", station.id));
    } else if args.edit {
        edit(&mut learner, station)?;
    } else {
        match learner.progress.note(&station.id).map_err(CommandError::failed)? {
            Some(note) => screen::print(&to_terminal(&note.text, screen::style())),
            None => screen::print(&format!(
                "No notes on {} yet: striate notes {} --add \"...\" or --edit writes some.\n",
                station.id, station.id
            )),
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn all(learner: &Learner) -> CommandResult {
    let notes = learner.progress.notes().map_err(CommandError::failed)?;
    let style = screen::style();
    let mut text = String::new();
    for note in &notes {
        text.push_str(&format!("{}\n\n{}\n", screen::bold(&note.station, style), to_terminal(&note.text, style)));
    }
    if notes.is_empty() {
        text.push_str("No notes yet: striate notes STATION --add \"...\" writes one.\n");
    }
    screen::print(&text);
    Ok(ExitCode::SUCCESS)
}

fn edit(learner: &mut Learner, station: &Station) -> Result<(), CommandError> {
    let set = |name: &str| std::env::var(name).ok().filter(|value| !value.trim().is_empty());
    let editor = set("VISUAL").or_else(|| set("EDITOR")).ok_or_else(|| {
        CommandError::Failed("no editor is set: set EDITOR (such as EDITOR=nano), or use --add \"text\"".to_string())
    })?;
    let before = learner.progress.note(&station.id).map_err(CommandError::failed)?.map_or(String::new(), |n| n.text);
    let failed = |error: std::io::Error| CommandError::Failed(format!("cannot write a temporary file: {error}"));
    let mut file =
        tempfile::Builder::new().prefix(&format!("{}-", station.id)).suffix(".md").tempfile().map_err(failed)?;
    file.write_all(before.as_bytes()).and_then(|()| file.flush()).map_err(failed)?;
    // From here on the file may hold words that are nowhere else: it is only removed once they are stored.
    let path = file.into_temp_path();
    let mut words = editor.split_whitespace();
    let status = Command::new(words.next().unwrap_or_default()).args(words).arg(&path).status();
    match status {
        Ok(status) if status.success() => {}
        Ok(_) => {
            return Err(CommandError::Failed(format!("'{editor}' ended with an error; your notes stay as they were")));
        }
        Err(error) => return Err(CommandError::Failed(format!("cannot start the editor '{editor}': {error}"))),
    }
    let store = |learner: &mut Learner| -> Result<bool, String> {
        let after = std::fs::read_to_string(&path).map_err(|error| error.to_string())?;
        if after == before {
            return Ok(false);
        }
        learner.progress.set_note(&station.id, &after).map_err(|error| error.to_string())?;
        Ok(true)
    };
    match store(learner) {
        Ok(true) => screen::print(&format!("Stored your notes on {}.\n", station.id)),
        Ok(false) => screen::print("Nothing changed.\n"),
        Err(error) => {
            let kept = path.keep().map_or_else(|error| error.to_string(), |path| path.display().to_string());
            return Err(CommandError::Failed(format!("your notes could not be stored: {error}; they are in {kept}")));
        }
    }
    Ok(())
}
