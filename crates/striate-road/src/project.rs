//! What a project is: a training run that the learner names, and requirements it is measured by.

use striate_train::{Run, TrainError};

use crate::exercise::Difficulty;

/// The file in a station's folder that names the run.
pub const RUN_FILE: &str = "run.toml";

/// [`RUN_FILE`] as it is laid: no run is named yet.
pub const RUN_FILE_STARTER: &str = "\
# The training run that the check measures: the name that `striate train` printed, such as \"digits-cnn-0001\",
# or \"latest\" for the newest one.
run = \"\"
";

/// A project.
pub struct Project {
    /// Stable id, unique on the road.
    pub id: &'static str,
    /// Station it belongs to.
    pub station: &'static str,
    /// The task in two to six lines.
    pub task: &'static str,
    /// What is measured, in the order in which it is asked for; the check stops at the first that does not hold.
    pub requirements: &'static [Requirement],
    /// Hint ladder: where to look, what to do, the commands.
    pub hints: &'static [&'static str],
}

/// Something that must hold for the run.
#[derive(Clone, Copy)]
pub struct Requirement {
    /// Name of the failure: `not-finished`, `test-accuracy-low`.
    pub id: &'static str,
    /// The failure in one sentence.
    pub failure: &'static str,
    /// Why it matters and what to do.
    pub explanation: &'static str,
    /// The first hint: a question that makes the learner look at the right place.
    pub question: &'static str,
    /// Where to read: a resource id of `road/resources.toml` and a place in it.
    pub see: (&'static str, &'static str),
    /// A run that fails hard requirements only is *fragile*: right where it was trained, not beyond.
    pub difficulty: Difficulty,
    /// Measures it.
    pub measure: fn(&Run) -> Result<Measured, TrainError>,
}

/// The outcome of one measurement.
#[derive(Clone, Debug, PartialEq)]
pub struct Measured {
    /// Whether the requirement holds.
    pub holds: bool,
    /// What was measured, with its number: "test images: 99.24 % of 10000 right, asked for: 99.0 %".
    pub text: String,
}
