//! The map: stages, stations, goals and resources, read from the folder `road/` and embedded in the program.
//!
//! [`Road::embedded`] is the road that ships; [`Road::from_files`] reads any other set of files (tests, a lab's own
//! stations). What a station says is data only; what its exercises do is code in [`crate::exercises`].

mod load;
mod names;
mod path;
#[cfg(test)]
mod tests;
mod validate;

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde::{Deserialize, Serialize};

use crate::runner::Language;

pub use names::{UnknownName, nearest};
pub use path::{Path, Standing, StationMark, StationState};

/// The files of a road that cannot be used, with every mistake found.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the road has {} mistake(s):\n{}", .problems.len(), .problems.join("\n"))]
pub struct RoadError {
    /// One sentence per mistake: the file, what is wrong, what would be right.
    pub problems: Vec<String>,
}

/// A part of the road with its stations in order.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Stage {
    /// Stable id.
    pub id: String,
    /// Heading.
    pub title: String,
    /// What it is about, in one or two sentences.
    pub about: String,
    /// Station ids in order.
    pub stations: Vec<String>,
}

/// What a learner wants to be able to do; it selects stations.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Goal {
    /// Stable id.
    pub id: String,
    /// Heading.
    pub title: String,
    /// What it leads to, in one sentence.
    pub about: String,
    /// Goals whose stations, optional ones aside, all belong to this goal too.
    #[serde(default)]
    pub extends: Vec<String>,
}

/// A lab of the studio.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct LabName {
    /// Stable id, the studio's own.
    pub id: String,
    /// What it is called there.
    pub title: String,
}

/// Images, tables or texts that labs and exercises use.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Dataset {
    /// Stable id; `gen:` marks data made by a seeded generator.
    pub id: String,
    /// Where it comes from.
    pub source: String,
    /// File names within the source.
    #[serde(default)]
    pub files: String,
    /// What it holds.
    #[serde(default)]
    pub about: String,
}

/// A course, book, page or tool that stations point at.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Resource {
    /// Stable id.
    pub id: String,
    /// `course`, `book`, `video` and so on.
    pub kind: String,
    /// Its own title.
    pub title: String,
    /// Authors or teachers.
    #[serde(default)]
    pub author: String,
    /// Who publishes it.
    #[serde(default)]
    pub provider: String,
    /// Where to go today; empty when there is no single address.
    #[serde(default)]
    pub url: String,
    /// An address still found in lists, where it differs.
    #[serde(default)]
    pub older_url: String,
    /// What to know before opening it.
    #[serde(default)]
    pub note: String,
    /// What it covers.
    #[serde(default)]
    pub topics: Vec<String>,
    /// Languages and tools it uses.
    #[serde(default)]
    pub uses: Vec<String>,
    /// What it costs.
    #[serde(default)]
    pub cost: String,
    /// Hours of work for the whole of it.
    #[serde(default)]
    pub hours: Option<u32>,
    /// Whose figure the hours are.
    #[serde(default)]
    pub hours_basis: String,
    /// Who it is good for.
    #[serde(default)]
    pub review: String,
    /// How the places that stations point at were checked.
    #[serde(default)]
    pub verified: String,
}

/// A place in a resource.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Pointer {
    /// Resource id.
    pub id: String,
    /// Section, lesson or page.
    pub at: String,
    /// Address of that very place, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

/// What a station says about one of its exercises; the exercise itself is an [`crate::exercise::Exercise`] of the same
/// id once it exists.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ExercisePlan {
    /// Stable id, unique on the road.
    pub id: String,
    /// Names and shapes, for people.
    pub signature: String,
    /// What a right answer fulfils.
    pub checks: String,
    /// Mistakes people make here.
    pub mistakes: Vec<String>,
    /// Languages it can be answered in.
    #[serde(default = "both_languages")]
    pub languages: Vec<String>,
}

fn both_languages() -> Vec<String> {
    vec!["python".into(), "rust".into()]
}

/// One station of the road.
#[derive(Clone, Debug, Serialize)]
pub struct Station {
    /// Stable id: the name of its folder.
    pub id: String,
    /// Heading.
    pub title: String,
    /// Id of the stage it belongs to.
    pub stage: String,
    /// What one can do afterwards, in one sentence.
    pub outcome: String,
    /// Why it is on the road, in one sentence.
    pub why: String,
    /// Stations to do before.
    pub prerequisites: Vec<String>,
    /// Goals it belongs to.
    pub goals: Vec<String>,
    /// Whether it is a project that gathers what came before.
    pub milestone: bool,
    /// Whether it may be left out unless a later station needs it.
    pub optional: bool,
    /// Whether its text and all its exercises exist.
    pub complete: bool,
    /// Hours of work, our estimate.
    pub hours: u32,
    /// Where to read and watch.
    pub resources: Vec<Pointer>,
    /// What of the toolkit it touches.
    pub capabilities: Vec<String>,
    /// What there is to see in its labs; where it has none, what its lab is to show one day.
    pub lab: String,
    /// Ids of the studio's labs that belong to it.
    pub labs: Vec<String>,
    /// Data its lab and exercises use.
    pub data: Vec<String>,
    /// What a milestone asks to hand in.
    pub project: Option<String>,
    /// Exercises in order.
    pub exercises: Vec<ExercisePlan>,
    /// The station's text in markdown with `$formulas$`; see [`crate::text`].
    #[serde(skip)]
    pub text: Option<String>,
    /// Lines for a mentor, in markdown: what to ask the learner, and what a good answer sounds like.
    #[serde(skip)]
    pub mentor: Option<String>,
}

/// Old ids and what they are called now.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Renames {
    /// Of stations.
    #[serde(default)]
    pub stations: BTreeMap<String, String>,
    /// Of exercises.
    #[serde(default)]
    pub exercises: BTreeMap<String, String>,
    /// Of misconceptions.
    #[serde(default)]
    pub misconceptions: BTreeMap<String, String>,
}

impl Renames {
    /// The current id of a station that may be known by an old one.
    pub fn station<'a>(&'a self, id: &'a str) -> &'a str {
        follow(&self.stations, id)
    }

    /// The current id of an exercise that may be known by an old one.
    pub fn exercise<'a>(&'a self, id: &'a str) -> &'a str {
        follow(&self.exercises, id)
    }

    /// The current id of a misconception that may be known by an old one.
    pub fn misconception<'a>(&'a self, id: &'a str) -> &'a str {
        follow(&self.misconceptions, id)
    }
}

/// Follows a chain of renames; a chain is never longer than the table, so a circle (a mistake the validator reports)
/// ends too.
fn follow<'a>(table: &'a BTreeMap<String, String>, id: &'a str) -> &'a str {
    let mut current = id;
    for _ in 0..table.len() {
        match table.get(current) {
            Some(next) => current = next,
            None => break,
        }
    }
    current
}

/// The whole road.
#[derive(Clone, Debug)]
pub struct Road {
    stages: Vec<Stage>,
    goals: Vec<Goal>,
    labs: Vec<LabName>,
    datasets: Vec<Dataset>,
    resources: Vec<Resource>,
    stations: Vec<Station>,
    renames: Renames,
}

impl Road {
    /// The road that ships with Striate. A test holds that it has no mistake.
    ///
    /// ```
    /// let road = striate_road::Road::embedded();
    /// assert_eq!(road.station("convolution-layer").unwrap().stage, "convnets");
    /// ```
    pub fn embedded() -> &'static Road {
        static ROAD: OnceLock<Road> = OnceLock::new();
        ROAD.get_or_init(|| {
            Road::from_files(&load::embedded_files()).unwrap_or_else(|error| panic!("the embedded road: {error}"))
        })
    }

    /// Reads a road from its files: path relative to the road's folder (with `/`) and text.
    pub fn from_files(files: &BTreeMap<String, String>) -> Result<Road, RoadError> {
        let road = load::read(files)?;
        let problems = validate::problems(&road);
        if problems.is_empty() { Ok(road) } else { Err(RoadError { problems }) }
    }

    /// What does not fit between this road and a set of exercises, given as (exercise id, station id, languages; none
    /// for a project): exercises that no station lists or lists with other languages, and exercises that a complete
    /// station lists and nobody wrote.
    pub fn problems_with_exercises(&self, exercises: &[(&str, &str, &[Language])]) -> Vec<String> {
        validate::problems_with_exercises(self, exercises)
    }

    /// Stages in order.
    pub fn stages(&self) -> &[Stage] {
        &self.stages
    }

    /// Stations in the order of the stages.
    pub fn stations(&self) -> &[Station] {
        &self.stations
    }

    /// Stations of a stage in order; none for an unknown stage.
    pub fn stations_of<'a>(&'a self, stage: &'a str) -> impl Iterator<Item = &'a Station> + 'a {
        self.stations.iter().filter(move |station| station.stage == stage)
    }

    /// Goals in order.
    pub fn goals(&self) -> &[Goal] {
        &self.goals
    }

    /// The labs that there are.
    pub fn labs(&self) -> &[LabName] {
        &self.labs
    }

    /// Data sets by id.
    pub fn datasets(&self) -> &[Dataset] {
        &self.datasets
    }

    /// Resources in catalogue order.
    pub fn resources(&self) -> &[Resource] {
        &self.resources
    }

    /// Old ids.
    pub fn renames(&self) -> &Renames {
        &self.renames
    }

    /// The station with this id, or with this id in an earlier version.
    pub fn station(&self, id: &str) -> Option<&Station> {
        let id = self.renames.station(id);
        self.stations.iter().find(|station| station.id == id)
    }

    /// As [`Road::station`], with the nearest names in the error.
    pub fn find_station(&self, id: &str) -> Result<&Station, UnknownName> {
        self.station(id)
            .ok_or_else(|| UnknownName::new("station", id, self.stations.iter().map(|station| station.id.as_str())))
    }

    /// The goal with this id.
    pub fn goal(&self, id: &str) -> Option<&Goal> {
        self.goals.iter().find(|goal| goal.id == id)
    }

    /// As [`Road::goal`], with the nearest names in the error.
    pub fn find_goal(&self, id: &str) -> Result<&Goal, UnknownName> {
        self.goal(id).ok_or_else(|| UnknownName::new("goal", id, self.goals.iter().map(|goal| goal.id.as_str())))
    }

    /// The resource with this id.
    pub fn resource(&self, id: &str) -> Option<&Resource> {
        self.resources.iter().find(|resource| resource.id == id)
    }

    /// The station that lists this exercise (or lists it under its current id).
    pub fn station_of_exercise(&self, exercise: &str) -> Option<&Station> {
        let id = self.renames.exercise(exercise);
        self.stations.iter().find(|station| station.exercises.iter().any(|plan| plan.id == id))
    }
}
