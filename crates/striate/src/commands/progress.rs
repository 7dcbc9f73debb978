//! `striate progress`: what was done, and taking it along.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Subcommand;
use striate_road::assignment;
use striate_road::map::StationMark;
use striate_road::progress::{ExerciseState, MisconceptionMet, utc};

use super::{CommandError, CommandResult};
use crate::home::Home;
use crate::learner::{Learner, exercise_symbol};
use crate::screen;

/// What you did so far; take it to another computer, mark stations by hand.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  \
    striate progress                       what you did so far\n  \
    striate progress export progress.json  everything in one readable file\n  \
    striate progress import progress.json  add such a file; nothing you have here is lost\n  \
    striate progress skip python-essentials\n  \
    striate progress done image-as-function")]
pub struct Args {
    #[command(subcommand)]
    action: Option<Action>,
}

#[derive(Subcommand)]
enum Action {
    /// Write attempts, hints, notes, marks and the goal to one JSON file.
    Export {
        /// The file; an existing one is replaced.
        file: PathBuf,
    },
    /// Add what such a file holds to what is here. The better state always stays.
    Import {
        /// The file.
        file: PathBuf,
    },
    /// Mark a station as done by your own word, such as one that is reading only.
    Done {
        /// The station.
        station: String,
    },
    /// Mark a station as left out on purpose.
    Skip {
        /// The station.
        station: String,
    },
    /// Take a station's mark away.
    Undo {
        /// The station.
        station: String,
    },
}

/// Runs the command.
pub fn run(args: Args, home: &Home) -> CommandResult {
    let mut learner = Learner::open(home)?;
    match args.action {
        None => screen::print(&summary(&learner)?),
        Some(Action::Export { file }) => {
            learner.progress.export(&file).map_err(CommandError::failed)?;
            screen::print(&format!("Wrote {}. On the other computer: striate progress import FILE\n", file.display()));
        }
        Some(Action::Import { file }) => {
            let imported = learner.progress.import(&file).map_err(CommandError::failed)?;
            let parts = [
                counted(imported.attempts, "attempt"),
                counted(imported.improved, "exercise") + " with a better state",
                counted(imported.notes, "note"),
                counted(imported.marks, "station mark"),
                counted(imported.reviews, "review"),
            ];
            screen::print(&format!("Added from {}: {}.\n", file.display(), parts.join(", ")));
        }
        Some(Action::Done { station }) => mark(&mut learner, &station, Some(StationMark::Done))?,
        Some(Action::Skip { station }) => mark(&mut learner, &station, Some(StationMark::Skipped))?,
        Some(Action::Undo { station }) => mark(&mut learner, &station, None)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// "1 note", "2 notes".
fn counted(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

fn mark(learner: &mut Learner, name: &str, mark: Option<StationMark>) -> Result<(), CommandError> {
    let station = learner.station(name)?;
    learner.progress.set_mark(&station.id, mark).map_err(CommandError::failed)?;
    let what = match mark {
        Some(StationMark::Done) => "is done",
        Some(StationMark::Skipped) => "is skipped",
        Some(StationMark::Started) | None => "has no mark any more",
    };
    let goal = learner.goal(None)?;
    let next = learner.road.next(&goal.id, &learner.standing()?).map_err(CommandError::failed)?;
    let next = next.map_or(String::new(), |next| format!(" Next on your road: {}.", next.id));
    screen::print(&format!("{} {what}.{next}\n", station.id));
    Ok(())
}

fn summary(learner: &Learner) -> Result<String, CommandError> {
    let goal = learner.goal(None)?;
    let standing = learner.standing()?;
    let path = learner.road.path_for(&goal.id).map_err(CommandError::failed)?;
    let settled = path.stations.iter().filter(|station| learner.road.state(station, &standing).is_settled()).count();
    let mut text = format!("Goal: {} ({settled} of {} stations done)\n", goal.title, path.stations.len());
    let records = learner.progress.exercises().map_err(CommandError::failed)?;
    if records.is_empty() {
        text.push_str("No exercise was checked yet: striate road shows where to begin.\n");
    } else {
        text.push_str("\nExercises\n");
        for (id, record) in &records {
            let latest = match record.best {
                ExerciseState::Passed if record.latest != ExerciseState::Passed => {
                    format!(" (last check: {})", record.latest.label())
                }
                _ => String::new(),
            };
            let tries = counted(record.attempts as usize, "check");
            let (symbol, best, day) = (exercise_symbol(record.best), record.best.label(), &utc(record.last_at)[..10]);
            text.push_str(&format!("  {symbol} {id:<24} {best}{latest}, {tries}, last on {day}\n"));
        }
    }
    let met = learner.progress.misconceptions().map_err(CommandError::failed)?;
    if !met.is_empty() {
        text.push_str("\nMistakes met\n");
        for one in met {
            let times = counted(one.times as usize, "time");
            text.push_str(&format!(
                "  {} in {} ({times})
",
                one.misconception, one.exercise
            ));
            if let Some(title) = title(&one) {
                text.push_str(&format!(
                    "    {title}
"
                ));
            }
        }
    }
    text.push_str(&format!("\nKept in {}\n", learner.progress.path().display()));
    Ok(text)
}

/// What the mistake is, while its exercise still has it.
fn title(met: &MisconceptionMet) -> Option<&'static str> {
    assignment::find(&met.exercise)?.mistake(&met.misconception)
}
