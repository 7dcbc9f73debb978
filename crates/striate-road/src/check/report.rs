//! What a check found: the record that is printed, stored with the progress and sent to the studio.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::progress::{Attempt, ExerciseState, Timestamp};
use crate::runner::{Language, Place, Protection};

/// Number of the layout of [`Report`]; it grows when a field changes its meaning or goes away.
pub const SCHEMA: u32 = 1;

/// How the exercise stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// There is no file yet, or it is still the starter.
    NotAttempted,
    /// Something of the machine is missing: no verdict.
    CannotRun,
    /// The file has an error, or not the function that is asked for.
    DoesNotLoad,
    /// Right on no or only some ordinary inputs.
    Wrong,
    /// Right on ordinary inputs, not on the edges.
    Fragile,
    /// Right.
    Passed,
}

impl Status {
    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Status::NotAttempted => "not attempted",
            Status::CannotRun => "cannot run",
            Status::DoesNotLoad => "does not load",
            Status::Wrong => "wrong",
            Status::Fragile => "fragile",
            Status::Passed => "passed",
        }
    }
}

/// The step of the ladder that the check stopped at, in teaching order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rung {
    /// The machine lacks something, or the check was stopped.
    Environment,
    /// There is a file.
    File,
    /// It imports nothing that the task refuses.
    Rules,
    /// It loads, or compiles.
    Loads,
    /// It has the function, with the right parameters.
    Signature,
    /// The function is more than the starter.
    Attempted,
    /// It does not run for ever.
    TimeOut,
    /// It does not end the process, print without end or use up the memory.
    Survives,
    /// It raises no error on an input it should accept.
    Raises,
    /// It returns something.
    Returns,
    /// The result has the right type.
    Type,
    /// The result has the right shape.
    Shape,
    /// The result is finite where it should be.
    Finite,
    /// The arguments are as they were.
    Mutation,
    /// The numbers are right.
    Values,
    /// It refuses what it must refuse.
    Rejects,
    /// The result has the properties of a right answer.
    Property,
    /// The same input gets the same answer again, and results that were given stay as they are.
    Repeats,
    /// It does not depend on how the arrays lie in memory.
    Layout,
    /// What is measured of the results, or of the project's training run, is what is asked for.
    Requirements,
}

/// Where to read on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct See {
    /// Id of a resource of the road.
    pub resource: String,
    /// The place in it.
    pub at: String,
}

/// What a diagnosis rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Evidence {
    /// The outputs equal those of a known mistake on every input.
    Misconception,
    /// The outputs equal those of two mistakes together on every input; the second one is the one in `also`.
    Pair,
    /// A pattern in the differences.
    Fingerprint,
    /// Numeric gradients of the reference and of the learner's own forward function.
    Gradient,
    /// A requirement that was measured and does not hold.
    Requirement,
}

/// The mistake, by name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Diagnosis {
    /// What it rests on.
    pub evidence: Evidence,
    /// Id of the misconception, shared across exercises, or of the fingerprint.
    pub id: String,
    /// The mistake as a sentence.
    pub title: String,
    /// Why it is wrong and what the right thing is; may be empty.
    pub explanation: String,
    /// A question that makes the learner look at the right place; may be empty.
    pub question: String,
    /// Where to read.
    pub see: Option<See>,
    /// How sure this is, in words.
    pub certainty: String,
    /// Ids and titles of other mistakes that the outputs equal just as well; of a pair the other mistake, if it has a
    /// name.
    pub also: Vec<(String, String)>,
}

impl Diagnosis {
    /// Ids and titles of other mistakes, any of which it could be just as well.
    pub fn alternatives(&self) -> &[(String, String)] {
        if self.evidence == Evidence::Pair { &[] } else { &self.also }
    }

    /// What it says, in one sentence with how sure that is.
    pub fn sentence(&self) -> String {
        let title = self.title.trim_end_matches('.');
        let lead = match self.evidence {
            Evidence::Misconception | Evidence::Pair => "Your output equals what you get when",
            Evidence::Fingerprint => "What can be seen:",
            Evidence::Gradient => "Two verdicts:",
            Evidence::Requirement => return format!("{}: {title} ({}).", self.id, self.certainty),
        };
        format!("{lead} {title} ({}).", self.certainty)
    }
}

/// A value made ready to be shown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Shown {
    /// Anything but an array, as text.
    Text {
        /// The text.
        text: String,
        /// Whether it is wrong.
        wrong: bool,
    },
    /// An array.
    Array {
        /// Element type in NumPy's words.
        element: String,
        /// Length of every axis.
        shape: Vec<usize>,
        /// Elements in row-major order, written out; empty when there are too many to show.
        cells: Vec<String>,
        /// Row-major positions of the wrong elements.
        wrong: Vec<usize>,
    },
}

/// A value with its name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Named {
    /// Parameter or part of the result.
    pub name: String,
    /// The value.
    pub value: Shown,
}

/// One input, what should come out, and what came out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Case {
    /// What is special about the input.
    pub label: String,
    /// The arguments.
    pub arguments: Vec<Named>,
    /// The right results. Empty when the input must be refused.
    pub expected: Vec<Named>,
    /// The learner's results. Empty when there are none.
    pub got: Vec<Named>,
    /// The first difference in words and numbers; may be empty.
    pub first_difference: String,
    /// The first wrong number worked through by hand; may be empty.
    #[serde(default)]
    pub worked: String,
}

/// Times in seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Timings {
    /// Starting, compiling, loading.
    pub load_seconds: f64,
    /// The learner's function on all inputs.
    pub calls_seconds: f64,
    /// Everything.
    pub total_seconds: f64,
}

/// A right function on a large input, beside a plain loop in the same language.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Speed {
    /// What the function took; none where it did not come to an end in time.
    pub seconds: Option<f64>,
    /// What a plain loop takes for the same work, from the time of one of its steps.
    pub loop_seconds: f64,
    /// How many times faster than the loop it should be.
    pub asked: f64,
    /// Whether it is.
    pub enough: bool,
}

/// A function that does all else that is asked for, on real data, all of it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct FullRun {
    /// The share that is right, 0 to 1; none where no result came.
    pub right: Option<f64>,
    /// The share asked for.
    pub asked: f64,
    /// What the call took; none where it did not come to an end in time.
    pub seconds: Option<f64>,
    /// What it may take.
    pub limit_seconds: f64,
    /// Whether enough is right.
    pub enough: bool,
}

/// What a check found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: u32,
    /// Exercise id.
    pub exercise: String,
    /// Station id.
    pub station: String,
    /// Language of the file; none for a project.
    pub language: Option<Language>,
    /// The file.
    pub file: PathBuf,
    /// How the exercise stands.
    pub status: Status,
    /// Where the ladder stopped; `None` when passed.
    pub rung: Option<Rung>,
    /// One line.
    pub headline: String,
    /// What happened and what to do, in a few lines; may be empty.
    pub message: String,
    /// Line of the learner's file that it is about.
    pub place: Option<Place>,
    /// The mistake, when it could be named.
    pub diagnosis: Option<Diagnosis>,
    /// The smallest input that shows it.
    pub case: Option<Case>,
    /// What the learner's program printed.
    pub printed: String,
    /// Inputs with the right result; of a project, requirements that hold.
    pub probes_passed: usize,
    /// All inputs, or requirements.
    pub probes: usize,
    /// Times.
    pub timings: Timings,
    /// How fast a right function is, where the exercise asks for speed.
    #[serde(default)]
    pub speed: Option<Speed>,
    /// What was measured at full size, where a milestone came so far.
    #[serde(default)]
    pub full_size: Option<FullRun>,
    /// How the program was kept apart; none where no program ran.
    #[serde(default)]
    pub protection: Option<Protection>,
}

impl Report {
    /// Whether the exercise passed.
    pub fn passed(&self) -> bool {
        self.status == Status::Passed
    }

    /// How much of it is right: "7 of 9 inputs right".
    pub fn counts(&self) -> String {
        let what = if self.language.is_some() { "inputs right" } else { "requirements hold" };
        format!("{} of {} {what}", self.probes_passed, self.probes)
    }

    /// What the progress keeps of it; nothing when the check could not run.
    pub fn attempt(&self, at: Timestamp) -> Option<Attempt> {
        let state = match (self.status, self.rung) {
            (Status::CannotRun, _) => return None,
            (Status::NotAttempted, _) => ExerciseState::NotAttempted,
            (Status::DoesNotLoad, _) => ExerciseState::DoesNotLoad,
            (Status::Wrong, Some(Rung::Returns | Rung::Type | Rung::Shape)) => ExerciseState::WrongShape,
            (Status::Wrong, _) => ExerciseState::WrongValue,
            (Status::Fragile, _) => ExerciseState::Fragile,
            (Status::Passed, _) => ExerciseState::Passed,
        };
        let named = self.diagnosis.iter().flat_map(|found| match found.evidence {
            Evidence::Misconception | Evidence::Requirement => vec![found.id.clone()],
            Evidence::Pair => std::iter::once(&found.id).chain(found.also.iter().map(|(id, _)| id)).cloned().collect(),
            Evidence::Fingerprint | Evidence::Gradient => Vec::new(),
        });
        Some(Attempt {
            at,
            exercise: self.exercise.clone(),
            language: self.language,
            state,
            misconceptions: named.collect(),
        })
    }
}
