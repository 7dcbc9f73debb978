//! What the commands about the road share: the map, the learner's progress and folder.

use striate_road::Road;
use striate_road::map::{Goal, Standing, Station, StationState};
use striate_road::progress::{ExerciseState, Progress};
use striate_road::workspace::Workspace;

use crate::commands::CommandError;
use crate::home::Home;

/// The goal of a learner who set none: the road itself.
pub const DEFAULT_GOAL: &str = "recognition";

/// One learner at this computer.
pub struct Learner {
    /// The map.
    pub road: &'static Road,
    /// What was done.
    pub progress: Progress,
    /// Where it was written.
    pub workspace: Workspace,
}

impl Learner {
    /// Opens the progress of this home.
    pub fn open(home: &Home) -> Result<Learner, CommandError> {
        let progress = Progress::open(home.progress()).map_err(CommandError::failed)?;
        if let Some(warning) = progress.backup_warning() {
            eprintln!("warning: {warning}");
        }
        Ok(Learner { road: Road::embedded(), progress, workspace: Workspace::new(&home.workspace) })
    }

    /// The station of this name.
    pub fn station(&self, name: &str) -> Result<&'static Station, CommandError> {
        self.road
            .find_station(name)
            .map_err(|unknown| CommandError::Usage(format!("{unknown}\n'striate road --all' lists them all.")))
    }

    /// The goal that was named, else the one that was set, else the road itself.
    pub fn goal(&self, named: Option<&str>) -> Result<&'static Goal, CommandError> {
        if let Some(name) = named {
            return self.road.find_goal(name).map_err(|unknown| {
                let names: Vec<&str> = self.road.goals().iter().map(|goal| goal.id.as_str()).collect();
                CommandError::Usage(format!("{unknown}\nThe goals: {}.", names.join(", ")))
            });
        }
        let set = self.progress.goal().map_err(CommandError::failed)?;
        // A goal that a later version dropped must not lock anyone out.
        let goal = set.and_then(|name| self.road.goal(&name)).or_else(|| self.road.goal(DEFAULT_GOAL));
        goal.ok_or_else(|| CommandError::Failed("the road has no goals".to_string()))
    }

    /// Where the learner stands.
    pub fn standing(&self) -> Result<Standing, CommandError> {
        self.progress.standing().map_err(CommandError::failed)
    }
}

/// One column that tells a station's state without colours.
pub fn station_symbol(state: StationState) -> char {
    match state {
        StationState::Done => '✓',
        StationState::Skipped => '–',
        StationState::Started => '◐',
        StationState::Ready => '○',
        StationState::Ahead => '·',
    }
}

/// One column that tells an exercise's state without colours.
pub fn exercise_symbol(state: ExerciseState) -> char {
    match state {
        ExerciseState::NotAttempted => '○',
        ExerciseState::Fragile => '◐',
        ExerciseState::Passed => '✓',
        ExerciseState::DoesNotLoad | ExerciseState::WrongShape | ExerciseState::WrongValue => '✗',
    }
}
