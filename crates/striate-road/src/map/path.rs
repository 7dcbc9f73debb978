//! Ways along the road: the stations of a goal in an order that respects prerequisites, where a learner stands, and
//! what comes next.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{Road, Station, UnknownName};
use crate::assignment;

/// What a learner says about a station, beside what the checks say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StationMark {
    /// Starters were laid.
    Started,
    /// Left out on purpose.
    Skipped,
    /// Done, by the learner's own word: the way to finish a station without exercises.
    Done,
}

/// Where a learner stands; [`crate::progress::Progress::standing`] fills it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Exercises that passed at least once, in any language.
    pub passed: BTreeSet<String>,
    /// Exercises with at least one attempt.
    pub attempted: BTreeSet<String>,
    /// Marks by station.
    pub marks: BTreeMap<String, StationMark>,
}

/// A station as one learner sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StationState {
    /// All its exercises passed, or marked as done.
    Done,
    /// Left out on purpose.
    Skipped,
    /// Some work exists.
    Started,
    /// Everything before it is done.
    Ready,
    /// Something before it is not done yet. It can be started all the same: the map advises, it does not lock.
    Ahead,
}

impl StationState {
    /// Whether what comes after may count on it.
    pub fn is_settled(self) -> bool {
        matches!(self, StationState::Done | StationState::Skipped)
    }
}

/// The stations of a goal.
#[derive(Clone, Debug)]
pub struct Path<'a> {
    /// In an order in which every prerequisite comes first.
    pub stations: Vec<&'a Station>,
}

impl<'a> Path<'a> {
    /// Hours of all stations, optional ones included.
    pub fn hours(&self) -> u32 {
        self.stations.iter().map(|station| station.hours).sum()
    }

    /// Whether the station may be left out: it is optional, and no station on this path that may not be left out
    /// needs it.
    pub fn can_skip(&self, id: &str) -> bool {
        let Some(station) = self.stations.iter().find(|station| station.id == id) else { return true };
        station.optional
            && self
                .stations
                .iter()
                .filter(|later| later.prerequisites.iter().any(|before| before == id))
                .all(|later| self.can_skip(&later.id))
    }
}

impl Road {
    /// The whole road, in an order in which every prerequisite comes first and which else follows the stages.
    pub fn path(&self) -> Path<'_> {
        Path { stations: in_topological_order(self.stations.iter().collect()) }
    }

    /// The stations of a goal, in an order in which every prerequisite comes first and which else follows the stages.
    pub fn path_for(&self, goal: &str) -> Result<Path<'_>, UnknownName> {
        let goal = self.find_goal(goal)?;
        let on_path = self.stations.iter().filter(|station| station.goals.contains(&goal.id)).collect();
        Ok(Path { stations: in_topological_order(on_path) })
    }

    /// How a learner sees a station.
    pub fn state(&self, station: &Station, standing: &Standing) -> StationState {
        if let Some(settled) = self.settled(station, standing) {
            return settled;
        }
        let attempted = |id: &str| self.holds(&standing.attempted, id);
        if self.mark(station, standing) == Some(StationMark::Started)
            || station.exercises.iter().any(|plan| attempted(&plan.id))
        {
            return StationState::Started;
        }
        let mut before = station.prerequisites.iter().filter_map(|id| self.station(id));
        let ready = before.all(|before| self.settled(before, standing).is_some());
        if ready { StationState::Ready } else { StationState::Ahead }
    }

    /// Done or skipped, if it is either.
    fn settled(&self, station: &Station, standing: &Standing) -> Option<StationState> {
        let mut written = station.exercises.iter().filter(|plan| is_written(&plan.id)).peekable();
        let all_passed = written.peek().is_some() && written.all(|plan| self.holds(&standing.passed, &plan.id));
        match self.mark(station, standing) {
            _ if all_passed => Some(StationState::Done),
            Some(StationMark::Done) => Some(StationState::Done),
            Some(StationMark::Skipped) => Some(StationState::Skipped),
            Some(StationMark::Started) | None => None,
        }
    }

    /// Whether a set holds an exercise, under its current id or an earlier one.
    fn holds(&self, exercises: &BTreeSet<String>, id: &str) -> bool {
        exercises.contains(id) || exercises.iter().any(|known| self.renames().exercise(known) == id)
    }

    /// The next station on the way to a goal: the first that is neither done nor skipped, leaving out optional ones
    /// that nothing on the way needs. `None` when the goal is reached.
    pub fn next(&self, goal: &str, standing: &Standing) -> Result<Option<&Station>, UnknownName> {
        let path = self.path_for(goal)?;
        let next = path
            .stations
            .iter()
            .copied()
            .find(|station| !self.state(station, standing).is_settled() && !path.can_skip(&station.id));
        Ok(next)
    }

    /// As [`Road::next`], among the stations whose exercises can be checked already.
    pub fn next_with_exercises(&self, goal: &str, standing: &Standing) -> Result<Option<&Station>, UnknownName> {
        let path = self.path_for(goal)?;
        let next = path.stations.into_iter().find(|station| {
            let has_exercises = station.exercises.iter().any(|plan| is_written(&plan.id));
            has_exercises && !self.state(station, standing).is_settled()
        });
        Ok(next)
    }

    fn mark(&self, station: &Station, standing: &Standing) -> Option<StationMark> {
        let renamed = || standing.marks.iter().find(|(id, _)| self.renames().station(id) == station.id);
        standing.marks.get(&station.id).copied().or_else(|| renamed().map(|(_, &mark)| mark))
    }
}

/// Whether an exercise can be checked already.
fn is_written(exercise: &str) -> bool {
    assignment::find(exercise).is_some()
}

/// Always takes the first station, in the order given, whose prerequisites among the given ones were taken.
fn in_topological_order(mut waiting: Vec<&Station>) -> Vec<&Station> {
    let mut ordered: Vec<&Station> = Vec::with_capacity(waiting.len());
    while !waiting.is_empty() {
        let free = |station: &&Station| {
            !station.prerequisites.iter().any(|before| waiting.iter().any(|other| other.id == *before))
        };
        // The validator refuses cycles; without one, something is always free.
        let Some(position) = waiting.iter().position(free) else { break };
        ordered.push(waiting.remove(position));
    }
    ordered
}
