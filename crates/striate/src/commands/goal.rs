//! `striate goal`: what the learner is heading for.

use std::process::ExitCode;

use striate_road::map::Goal;

use super::{CommandError, CommandResult};
use crate::home::Home;
use crate::learner::Learner;
use crate::screen;

/// Show or set your goal; the road then shows the stations that lead there.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  \
    striate goal                          the goals and the one you chose\n  \
    striate goal detection-segmentation   head for finding and cutting out objects\n  \
    striate goal --clear                  back to the road itself")]
pub struct Args {
    /// The goal to set.
    #[arg(conflicts_with = "clear")]
    goal: Option<String>,
    /// Forget the goal.
    #[arg(long)]
    clear: bool,
}

/// Runs the command.
pub fn run(args: Args, home: &Home) -> CommandResult {
    let mut learner = Learner::open(home)?;
    if args.clear {
        learner.progress.set_goal(None).map_err(CommandError::failed)?;
    }
    if let Some(name) = &args.goal {
        let goal = learner.goal(Some(name))?;
        learner.progress.set_goal(Some(&goal.id)).map_err(CommandError::failed)?;
        screen::print(&format!("Your goal: {}\nstriate road shows the way.\n", line(&learner, goal)?));
        return Ok(ExitCode::SUCCESS);
    }
    let chosen = learner.goal(None)?;
    let mut text = String::from("Goals (→ yours):\n");
    for goal in learner.road.goals() {
        let mark = if goal.id == chosen.id { '→' } else { ' ' };
        text.push_str(&format!("{mark} {}\n", line(&learner, goal)?));
    }
    text.push_str("\nstriate goal NAME sets it; a goal can change at any time, nothing is lost.\n");
    screen::print(&text);
    Ok(ExitCode::SUCCESS)
}

/// Name, length and what it leads to.
fn line(learner: &Learner, goal: &Goal) -> Result<String, CommandError> {
    let path = learner.road.path_for(&goal.id).map_err(CommandError::failed)?;
    let optional = path.stations.iter().filter(|station| path.can_skip(&station.id)).count();
    let standing = learner.standing()?;
    let settled = path.stations.iter().filter(|station| learner.road.state(station, &standing).is_settled()).count();
    Ok(format!(
        "{}: {}\n    {} stations ({optional} of them optional), about {} hours; {settled} done\n    {}",
        goal.id,
        goal.title,
        path.stations.len(),
        path.hours(),
        goal.about
    ))
}
