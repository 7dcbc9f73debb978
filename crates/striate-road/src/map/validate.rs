//! Mistakes in the content that a reader of the files could make: each is one sentence with the file and the fix.

use std::collections::{BTreeMap, BTreeSet};

use super::{Road, Station, nearest};
use crate::runner::Language;

/// Everything that is wrong with a road on its own.
pub(super) fn problems(road: &Road) -> Vec<String> {
    let mut problems = Vec::new();
    duplicates(road, &mut problems);
    for station in road.stations() {
        let file = format!("stations/{}/station.toml", station.id);
        references(road, station, &file, &mut problems);
        labs(road, station, &mut problems);
        shape(station, &file, &mut problems);
    }
    goals(road, &mut problems);
    problems.extend(cycle(road));
    renames(road, &mut problems);
    problems
}

/// See [`Road::problems_with_exercises`].
pub(super) fn problems_with_exercises(road: &Road, exercises: &[(&str, &str, &[Language])]) -> Vec<String> {
    let mut problems = Vec::new();
    for &(exercise, station, languages) in exercises {
        let Some(found) = road.station(station) else {
            problems.push(format!("exercise {exercise}: its station '{station}' is not on the road"));
            continue;
        };
        let names: Vec<&str> = languages.iter().map(|language| language.id()).collect();
        match found.exercises.iter().find(|plan| plan.id == exercise) {
            None => problems.push(format!("exercise {exercise}: stations/{station}/station.toml does not list it")),
            Some(plan) if plan.languages != names => problems.push(format!(
                "stations/{station}/station.toml: exercise '{exercise}' has languages = {:?}, in code it has {names:?}",
                plan.languages
            )),
            Some(_) => {}
        }
    }
    for station in road.stations().iter().filter(|station| station.complete) {
        for plan in &station.exercises {
            if !exercises.iter().any(|&(exercise, of, _)| (exercise, of) == (plan.id.as_str(), station.id.as_str())) {
                let id = &station.id;
                problems.push(format!(
                    "stations/{id}/station.toml: the station is complete, but its exercise '{}' is not registered",
                    plan.id
                ));
            }
        }
    }
    problems
}

fn duplicates(road: &Road, problems: &mut Vec<String>) {
    let mut twice = |what: &str, file: &str, ids: Vec<&str>| {
        let mut seen = BTreeSet::new();
        for id in ids {
            if !is_id(id) {
                problems
                    .push(format!("{file}: the {what} id '{id}' may only have lower-case letters, digits, - _ and :"));
            }
            if !seen.insert(id) {
                problems.push(format!("{file}: the {what} id '{id}' is used twice"));
            }
        }
    };
    twice("stage", "road.toml", road.stages().iter().map(|stage| stage.id.as_str()).collect());
    twice("goal", "road.toml", road.goals().iter().map(|goal| goal.id.as_str()).collect());
    twice("lab", "road.toml", road.labs().iter().map(|lab| lab.id.as_str()).collect());
    twice("station", "road.toml", road.stations().iter().map(|station| station.id.as_str()).collect());
    twice("resource", "resources.toml", road.resources().iter().map(|resource| resource.id.as_str()).collect());
    let plans = road.stations().iter().flat_map(|station| &station.exercises);
    twice("exercise", "stations/*/station.toml", plans.map(|plan| plan.id.as_str()).collect());
    let mut seen = BTreeSet::new();
    for dataset in road.datasets() {
        if !seen.insert(&dataset.id) {
            problems.push(format!("road.toml: the dataset id '{}' is used twice", dataset.id));
        }
    }
}

fn is_id(id: &str) -> bool {
    !id.is_empty() && id.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_:".contains(c))
}

fn references(road: &Road, station: &Station, file: &str, problems: &mut Vec<String>) {
    let mut unknown = |what: &str, id: &str, known: Vec<&str>| {
        if !known.contains(&id) {
            let hint =
                nearest(id, known.into_iter()).first().map_or(String::new(), |n| format!("; did you mean '{n}'?"));
            problems.push(format!("{file}: there is no {what} '{id}'{hint}"));
        }
    };
    for id in &station.prerequisites {
        unknown("station", id, road.stations().iter().map(|station| station.id.as_str()).collect());
    }
    for id in &station.goals {
        unknown("goal", id, road.goals().iter().map(|goal| goal.id.as_str()).collect());
    }
    for pointer in &station.resources {
        unknown("resource", &pointer.id, road.resources().iter().map(|resource| resource.id.as_str()).collect());
    }
    for id in &station.labs {
        unknown("lab", id, road.labs().iter().map(|lab| lab.id.as_str()).collect());
    }
    for id in &station.data {
        unknown("dataset", id, road.datasets().iter().map(|dataset| dataset.id.as_str()).collect());
    }
    for language in station.exercises.iter().flat_map(|plan| &plan.languages) {
        unknown("language", language, vec!["python", "rust"]);
    }
}

/// Texts name the labs of their station, by the titles that these have, and no others.
fn labs(road: &Road, station: &Station, problems: &mut Vec<String>) {
    let titles: Vec<String> =
        road.labs().iter().filter(|lab| station.labs.contains(&lab.id)).map(|lab| lab.title.to_lowercase()).collect();
    for (name, text) in [("text.md", &station.text), ("mentor.md", &station.mentor)] {
        let text = text.as_deref().unwrap_or_default().to_lowercase();
        let words: Vec<&str> = text.split(|c: char| !c.is_alphanumeric() && c != '-').collect();
        let about_labs = words.iter().any(|word| ["lab", "labs"].contains(word));
        let emphasised = text.split("**").skip(1).step_by(2).filter(|bold| bold.ends_with(" lab"));
        let file = format!("stations/{}/{name}", station.id);
        if about_labs && titles.is_empty() {
            problems.push(format!("{file}: it speaks of a lab, but station.toml has no `labs`"));
        }
        for other in emphasised.filter(|bold| !titles.is_empty() && !titles.iter().any(|title| title == bold)) {
            problems.push(format!("{file}: '{other}' is no lab of this station; it has: {}", titles.join(", ")));
        }
    }
}

fn shape(station: &Station, file: &str, problems: &mut Vec<String>) {
    let mut must = |holds: bool, text: &str| {
        if !holds {
            problems.push(format!("{file}: {text}"));
        }
    };
    for (field, text) in
        [("title", &station.title), ("outcome", &station.outcome), ("why", &station.why), ("lab", &station.lab)]
    {
        must(!text.trim().is_empty(), &format!("the {field} is empty"));
    }
    must((1..=4).contains(&station.exercises.len()), "a station has one to four exercises");
    must(!station.goals.is_empty(), "a station belongs to at least one goal");
    must(!station.resources.is_empty(), "a station points at one resource at least");
    must(station.hours > 0, "the hours must be at least 1");
    must(!station.milestone || station.project.is_some(), "a milestone needs a project");
    must(!station.complete || station.text.is_some(), "the station is complete, but text.md is missing");
    must(!station.complete || station.mentor.is_some(), "the station is complete, but mentor.md is missing");
    for plan in &station.exercises {
        must(!plan.mistakes.is_empty(), &format!("exercise '{}' names no mistake", plan.id));
    }
}

/// A goal holds every station that its stations need, and the stations of the goals it extends.
fn goals(road: &Road, problems: &mut Vec<String>) {
    for station in road.stations() {
        for before in station.prerequisites.iter().filter_map(|id| road.station(id)) {
            for goal in station.goals.iter().filter(|goal| !before.goals.contains(goal)) {
                problems.push(format!(
                    "stations/{}/station.toml: goal '{goal}' is missing; '{}' needs this station and belongs to the goal",
                    before.id, station.id
                ));
            }
        }
    }
    for goal in road.goals() {
        for base in &goal.extends {
            if road.goal(base).is_none() {
                problems.push(format!("road.toml: goal '{}' extends '{base}', which does not exist", goal.id));
            }
            let left_out = |station: &&Station| {
                station.goals.contains(base) && !station.optional && !station.goals.contains(&goal.id)
            };
            for station in road.stations().iter().filter(left_out) {
                problems.push(format!(
                    "stations/{}/station.toml: goal '{}' is missing; it extends '{base}', which this station belongs to",
                    station.id, goal.id
                ));
            }
        }
    }
}

/// The first circle of prerequisites, if there is one.
fn cycle(road: &Road) -> Option<String> {
    let mut finished = BTreeSet::new();
    for station in road.stations() {
        let mut trail = Vec::new();
        if let Some(circle) = walk(road, &station.id, &mut trail, &mut finished) {
            return Some(format!("stations need each other in a circle: {}", circle.join(" needs ")));
        }
    }
    None
}

fn walk(road: &Road, id: &str, trail: &mut Vec<String>, finished: &mut BTreeSet<String>) -> Option<Vec<String>> {
    if finished.contains(id) {
        return None;
    }
    if let Some(start) = trail.iter().position(|earlier| earlier == id) {
        let mut circle = trail[start..].to_vec();
        circle.push(id.to_string());
        return Some(circle);
    }
    trail.push(id.to_string());
    let station = road.stations().iter().find(|station| station.id == id);
    for before in station.iter().flat_map(|station| &station.prerequisites) {
        if let Some(circle) = walk(road, before, trail, finished) {
            return Some(circle);
        }
    }
    trail.pop();
    finished.insert(id.to_string());
    None
}

fn renames(road: &Road, problems: &mut Vec<String>) {
    let stations: BTreeSet<&str> = road.stations().iter().map(|station| station.id.as_str()).collect();
    let plans = road.stations().iter().flat_map(|station| &station.exercises);
    let exercises: BTreeSet<&str> = plans.map(|plan| plan.id.as_str()).collect();
    let mut check = |what: &str, table: &BTreeMap<String, String>, known: &BTreeSet<&str>| {
        for old in table.keys() {
            let current = super::follow(table, old);
            if known.contains(old.as_str()) {
                problems.push(format!("renames.toml: '{old}' is renamed, but there is a {what} of that id"));
            }
            if !known.contains(current) {
                problems.push(format!("renames.toml: '{old}' leads to '{current}', which is no {what}"));
            }
        }
    };
    check("station", &road.renames().stations, &stations);
    check("exercise", &road.renames().exercises, &exercises);
}
