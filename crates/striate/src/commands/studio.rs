//! `striate` and `striate studio`: the local web app.

use std::process::ExitCode;

use striate_studio::{Program, Studio, StudioConfig};

use super::{CommandError, CommandResult};
use crate::home::Home;
use crate::screen;

/// Open the studio in the browser: the road, the labs, the digit room, your runs.
#[derive(clap::Args, Default)]
#[command(after_help = "Examples:
  striate                                       the same as striate studio
  striate studio --port 8080 --no-browser       only print the address")]
pub struct Args {
    /// Port on 127.0.0.1; without it 4747, or the next free one
    #[arg(long)]
    port: Option<u16>,
    /// Only print the address
    #[arg(long)]
    no_browser: bool,
}

pub fn run(args: Args, home: &Home) -> CommandResult {
    let program = Program {
        path: std::env::current_exe().map_err(CommandError::failed)?,
        environment: vec![("STRIATE_HOME", home.root.clone()), ("STRIATE_WORKSPACE", home.workspace.clone())],
    };
    let config = StudioConfig {
        port: args.port,
        runs: home.runs(),
        progress: home.progress(),
        checks: home.checks(),
        workspace: home.workspace.clone(),
        program,
    };
    let studio = Studio::bind(config).map_err(CommandError::failed)?;
    let stop = studio.stop_handle();
    ctrlc::set_handler(move || stop.stop()).map_err(CommandError::failed)?;
    screen::print(&format!("Striate is at {}\nPress Ctrl-C here to end it.\n", studio.url()));
    if !args.no_browser && !studio.open_browser() {
        screen::print("There is no browser to start here; open the address yourself.\n");
    }
    studio.serve().map_err(CommandError::failed)?;
    screen::print("\nStriate has ended. What you did is kept.\n");
    Ok(ExitCode::SUCCESS)
}
