//! `striate station`: one station in full, or the lines for its mentor.

use std::process::ExitCode;

use striate_road::text::to_terminal;

use super::{CommandError, CommandResult, road};
use crate::home::Home;
use crate::learner::Learner;
use crate::screen;

/// One station: text, reading, exercises; or for a mentor: what to ask, and what a good answer sounds like.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  \
    striate station convolution-layer             as striate road convolution-layer\n  \
    striate station --mentor convolution-layer    the lines for the mentor")]
pub struct Args {
    /// The station.
    station: String,
    /// Show the lines for a mentor.
    #[arg(long)]
    mentor: bool,
}

/// Runs the command.
pub fn run(args: Args, home: &Home) -> CommandResult {
    let learner = Learner::open(home)?;
    let station = learner.station(&args.station)?;
    let style = screen::style();
    let text = match (args.mentor, &station.mentor) {
        (false, _) => road::station_text(&learner, station)?,
        (true, Some(lines)) => format!("{}\n\n{}", screen::bold(&station.title, style), to_terminal(lines, style)),
        (true, None) => {
            return Err(CommandError::Failed(format!("there are no lines for the mentor of {} yet", station.id)));
        }
    };
    screen::print(&text);
    Ok(ExitCode::SUCCESS)
}
