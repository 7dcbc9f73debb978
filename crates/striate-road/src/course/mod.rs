//! Checking the assignments of well-known courses where a learner has them: the course's own function names and
//! signatures, in files and notebooks as they are.
//!
//! A [`CourseFunction`] says how to call one function of a course (its `adapter`, a few lines of Python) and what it
//! should do (an [`Exercise`], with probes, reference and named mistakes like those of the road). `loader.py` reads the
//! learner's files and runs of them imports, definitions and constants only. Nothing below the learner's folder is ever
//! written: the program that calls their functions lies in a temporary folder.

mod cells;
mod cs231n;
mod deeplearning;
mod folder;
mod mistakes;
mod report;
mod road;
mod scan;
mod values;

use std::fmt;
use std::str::FromStr;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use crate::exercise::Exercise;

pub use folder::{CourseError, check_folder};
pub use report::{CourseReport, FileProblem, FunctionReport, Unchecked, render_summary};

/// A course whose assignments can be checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Course {
    /// Stanford's CS231n, assignments 1 to 3.
    #[serde(rename = "cs231n")]
    Cs231n,
    /// deeplearning.ai's Deep Learning Specialization, courses 1, 2, 4 and the cells of 5.
    #[serde(rename = "deeplearning.ai")]
    DeepLearningAi,
}

impl Course {
    /// Every course.
    pub const ALL: [Course; 2] = [Course::Cs231n, Course::DeepLearningAi];

    /// Its name on the command line.
    pub fn id(self) -> &'static str {
        match self {
            Course::Cs231n => "cs231n",
            Course::DeepLearningAi => "deeplearning.ai",
        }
    }

    /// Its functions, in the order of the course.
    pub fn functions(self) -> &'static [CourseFunction] {
        static CS231N: LazyLock<Vec<CourseFunction>> = LazyLock::new(cs231n::functions);
        static DEEP_LEARNING_AI: LazyLock<Vec<CourseFunction>> = LazyLock::new(deeplearning::functions);
        match self {
            Course::Cs231n => &CS231N,
            Course::DeepLearningAi => &DEEP_LEARNING_AI,
        }
    }

    /// The function of that name.
    pub fn function(self, name: &str) -> Option<&'static CourseFunction> {
        self.functions().iter().find(|function| function.names.contains(&name))
    }
}

impl fmt::Display for Course {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.id())
    }
}

impl FromStr for Course {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wanted = text.to_lowercase();
        Course::ALL
            .into_iter()
            .find(|course| course.id() == wanted)
            .ok_or_else(|| format!("unknown course '{text}': cs231n or deeplearning.ai"))
    }
}

/// A function of a course's assignments.
#[derive(Clone, Copy)]
pub struct CourseFunction {
    /// The part of the course that asks for it: "assignment 1".
    pub part: &'static str,
    /// What the course calls it; several names for several ways to write the same function.
    pub names: &'static [&'static str],
    /// The class it is a method of, if it is one. A layer, whose `forward` is asked for, has the name of its class.
    pub class: &'static str,
    /// Whether it is written with PyTorch.
    pub torch: bool,
    /// Functions of the learner's that the adapter calls as well, such as the forward that makes the cache.
    pub needs: &'static [&'static str],
    /// Whether a function with these parameters is meant; courses use some names twice.
    pub takes: fn(&[String]) -> bool,
    /// What it should do.
    pub exercise: &'static Exercise,
    /// Body of a Python function of the exercise's signature that calls the learner's `f` and gives back what the
    /// exercise returns; `theirs` holds all that the learner's file defines.
    pub adapter: &'static str,
}

impl CourseFunction {
    fn new(
        part: &'static str,
        names: &'static [&'static str],
        exercise: &'static Exercise,
        adapter: &'static str,
    ) -> CourseFunction {
        CourseFunction { part, names, class: "", torch: false, needs: &[], takes: |_| true, exercise, adapter }
    }

    /// A module of PyTorch.
    fn layer(
        part: &'static str,
        names: &'static [&'static str],
        exercise: &'static Exercise,
        adapter: &'static str,
    ) -> CourseFunction {
        CourseFunction { class: names[0], torch: true, ..CourseFunction::new(part, names, exercise, adapter) }
    }

    fn method_of(self, class: &'static str) -> CourseFunction {
        CourseFunction { class, ..self }
    }

    fn takes(self, takes: fn(&[String]) -> bool) -> CourseFunction {
        CourseFunction { takes, ..self }
    }

    fn with_torch(self) -> CourseFunction {
        CourseFunction { torch: true, ..self }
    }

    /// Whether it is a class, whose `forward` is asked for.
    fn is_layer(&self) -> bool {
        self.names.contains(&self.class)
    }

    /// Whether the method, or the function where there is no class, is this one.
    fn is(&self, class: &str, name: &str) -> bool {
        let named = self.names.contains(&name) || (self.is_layer() && name == "forward");
        class == self.class && named
    }

    fn needs(self, needs: &'static [&'static str]) -> CourseFunction {
        CourseFunction { needs, ..self }
    }
}

/// The exercise behind the id under which a course's function is kept in the progress: `cs231n.affine_forward`.
pub fn find(id: &str) -> Option<&'static Exercise> {
    Course::ALL.into_iter().find_map(|course| {
        let name = id.strip_prefix(course.id())?.strip_prefix('.')?;
        course.function(name).map(|function| function.exercise)
    })
}
