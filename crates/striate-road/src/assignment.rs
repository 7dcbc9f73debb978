//! What a station asks for: functions to write, and in a milestone a project to carry out. Whoever lists, counts or
//! records exercises looks at both here; only checking them differs.

use crate::exercise::Exercise;
use crate::exercises;
use crate::project::Project;
use crate::projects;
use crate::runner::Language;

/// An exercise of either kind.
#[derive(Clone, Copy)]
pub enum Assignment {
    /// A function to write.
    Function(&'static Exercise),
    /// A training to carry out.
    Project(&'static Project),
}

impl Assignment {
    /// Stable id, unique on the road.
    pub fn id(self) -> &'static str {
        match self {
            Assignment::Function(exercise) => exercise.id,
            Assignment::Project(project) => project.id,
        }
    }

    /// Station it belongs to.
    pub fn station(self) -> &'static str {
        match self {
            Assignment::Function(exercise) => exercise.station,
            Assignment::Project(project) => project.station,
        }
    }

    /// Languages it can be answered in; none for a project.
    pub fn languages(self) -> &'static [Language] {
        match self {
            Assignment::Function(exercise) => exercise.languages,
            Assignment::Project(_) => &[],
        }
    }

    /// The task in two to six lines.
    pub fn task(self) -> &'static str {
        match self {
            Assignment::Function(exercise) => exercise.task,
            Assignment::Project(project) => project.task,
        }
    }

    /// The hints, one small step at a time.
    pub fn hints(self) -> &'static [&'static str] {
        match self {
            Assignment::Function(exercise) => exercise.hints,
            Assignment::Project(project) => project.hints,
        }
    }

    /// What is the matter when the check names this mistake, while the assignment still has it.
    pub fn mistake(self, id: &str) -> Option<&'static str> {
        match self {
            Assignment::Function(exercise) => {
                exercise.misconceptions.iter().find(|known| known.id == id).map(|known| known.title)
            }
            Assignment::Project(project) => {
                project.requirements.iter().find(|known| known.id == id).map(|known| known.failure)
            }
        }
    }
}

impl From<&'static Exercise> for Assignment {
    fn from(exercise: &'static Exercise) -> Self {
        Assignment::Function(exercise)
    }
}

impl From<&'static Project> for Assignment {
    fn from(project: &'static Project) -> Self {
        Assignment::Project(project)
    }
}

/// Every assignment that can be checked.
pub fn all() -> impl Iterator<Item = Assignment> {
    let functions = exercises::all().iter().copied().map(Assignment::from);
    functions.chain(projects::all().iter().copied().map(Assignment::from))
}

/// The assignment of that id, if it can be checked already.
pub fn find(id: &str) -> Option<Assignment> {
    all().find(|assignment| assignment.id() == id)
}
