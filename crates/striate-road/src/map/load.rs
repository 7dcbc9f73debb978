//! Reading the files of a road.

use std::collections::BTreeMap;

use include_dir::{Dir, include_dir};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::{Dataset, ExercisePlan, Goal, LabName, Pointer, Renames, Resource, Road, RoadError, Stage, Station};

/// The version of the content format that this program reads.
const SCHEMA: u32 = 1;

static EMBEDDED: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../road");

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RoadFile {
    schema: u32,
    stages: Vec<Stage>,
    goals: Vec<Goal>,
    #[serde(default)]
    labs: Vec<LabName>,
    #[serde(default)]
    datasets: Vec<Dataset>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ResourcesFile {
    schema: u32,
    resources: Vec<Resource>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StationFile {
    title: String,
    outcome: String,
    why: String,
    prerequisites: Vec<String>,
    goals: Vec<String>,
    #[serde(default)]
    milestone: bool,
    #[serde(default)]
    optional: bool,
    #[serde(default)]
    complete: bool,
    hours: u32,
    #[serde(default)]
    data: Vec<String>,
    #[serde(default)]
    capabilities: Vec<String>,
    lab: String,
    #[serde(default)]
    labs: Vec<String>,
    #[serde(default)]
    project: Option<String>,
    #[serde(default)]
    resources: Vec<Pointer>,
    exercises: Vec<ExercisePlan>,
}

/// The tables and texts of the embedded road, by path.
pub(super) fn embedded_files() -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    collect(&EMBEDDED, &mut files);
    files
}

fn collect(folder: &Dir<'_>, files: &mut BTreeMap<String, String>) {
    for file in folder.files() {
        let path = file.path().to_string_lossy().replace('\\', "/");
        if let (true, Some(text)) = (path.ends_with(".toml") || path.ends_with(".md"), file.contents_utf8()) {
            files.insert(path, text.to_string());
        }
    }
    for inner in folder.dirs() {
        collect(inner, files);
    }
}

/// Reads all files; what each says is checked by [`super::validate`].
pub(super) fn read(files: &BTreeMap<String, String>) -> Result<Road, RoadError> {
    let mut problems = Vec::new();
    let road: Option<RoadFile> = parse(files, "road.toml", &mut problems);
    let resources: Option<ResourcesFile> = parse(files, "resources.toml", &mut problems);
    let renames: Option<Renames> = parse(files, "renames.toml", &mut problems);
    let schemas =
        [("road.toml", road.as_ref().map(|f| f.schema)), ("resources.toml", resources.as_ref().map(|f| f.schema))];
    for (file, schema) in schemas {
        if let Some(found) = schema.filter(|&found| found != SCHEMA) {
            problems
                .push(format!("{file}: schema {found} is not readable, this version of Striate reads schema {SCHEMA}"));
        }
    }
    let mut stations = Vec::new();
    for stage in road.iter().flat_map(|road| &road.stages) {
        for id in &stage.stations {
            stations.extend(read_station(files, id, &stage.id, &mut problems));
        }
    }
    match (road, resources, renames) {
        (Some(road), Some(resources), Some(renames)) if problems.is_empty() => {
            problems.extend(folders_on_no_stage(files, &road.stages));
            if !problems.is_empty() {
                return Err(RoadError { problems });
            }
            Ok(Road {
                stages: road.stages,
                goals: road.goals,
                labs: road.labs,
                datasets: road.datasets,
                resources: resources.resources,
                stations,
                renames,
            })
        }
        _ => Err(RoadError { problems }),
    }
}

fn read_station(
    files: &BTreeMap<String, String>,
    id: &str,
    stage: &str,
    problems: &mut Vec<String>,
) -> Option<Station> {
    let file: StationFile = parse(files, &format!("stations/{id}/station.toml"), problems)?;
    Some(Station {
        id: id.to_string(),
        title: file.title,
        stage: stage.to_string(),
        outcome: file.outcome,
        why: file.why,
        prerequisites: file.prerequisites,
        goals: file.goals,
        milestone: file.milestone,
        optional: file.optional,
        complete: file.complete,
        hours: file.hours,
        resources: file.resources,
        capabilities: file.capabilities,
        lab: file.lab,
        labs: file.labs,
        data: file.data,
        project: file.project,
        exercises: file.exercises,
        text: files.get(&format!("stations/{id}/text.md")).cloned(),
        mentor: files.get(&format!("stations/{id}/mentor.md")).cloned(),
    })
}

/// Station folders that no stage lists would never be seen.
fn folders_on_no_stage(files: &BTreeMap<String, String>, stages: &[Stage]) -> Vec<String> {
    files
        .keys()
        .filter_map(|path| path.strip_prefix("stations/")?.strip_suffix("/station.toml"))
        .filter(|id| !stages.iter().any(|stage| stage.stations.iter().any(|listed| listed == id)))
        .map(|id| format!("stations/{id}: no stage of road.toml lists this station"))
        .collect()
}

fn parse<T: DeserializeOwned>(files: &BTreeMap<String, String>, path: &str, problems: &mut Vec<String>) -> Option<T> {
    let Some(text) = files.get(path) else {
        problems.push(format!("{path}: this file is missing"));
        return None;
    };
    toml::from_str(text).map_err(|error| problems.push(format!("{path}: {}", error.to_string().trim_end()))).ok()
}
