//! Real folders.

use std::collections::BTreeMap;

use tempfile::TempDir;

use super::*;

/// The station of the first exercise that exists, if any does.
fn station() -> Option<(&'static Road, &'static Station)> {
    let road = Road::embedded();
    crate::exercises::all().first().map(|exercise| (road, road.station(exercise.station).unwrap()))
}

fn contents(folder: &Path) -> BTreeMap<PathBuf, String> {
    let mut files = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        match entry.path() {
            path if path.is_dir() => files.extend(contents(&path)),
            path => drop(files.insert(path.clone(), std::fs::read_to_string(path).unwrap())),
        }
    }
    files
}

#[test]
fn a_second_start_keeps_what_the_learner_wrote() {
    let Some((road, station)) = station() else { return };
    let folder = TempDir::new().unwrap();
    let workspace = Workspace::new(folder.path().join("learner"));
    for language in Language::ALL {
        let laid = workspace.start(road, station, language).unwrap();
        let Assignment::Function(exercise) = exercises_of(station)[0] else { panic!("a function comes first") };
        let file = workspace.exercise_file(road, station, exercise.id, language);
        assert!(laid.written.contains(&file), "{laid:?}");
        assert_eq!(std::fs::read_to_string(&file).unwrap(), runner(language).starter(exercise));

        std::fs::write(&file, "mine").unwrap();
        let before = contents(folder.path());
        let again = workspace.start(road, station, language).unwrap();
        assert!(again.written.is_empty() && again.kept.contains(&file), "{again:?}");
        assert_eq!(contents(folder.path()), before, "a second start changes nothing");
    }
    let readme = std::fs::read_to_string(workspace.station_folder(road, station).join("README.md")).unwrap();
    assert!(readme.contains(&station.outcome) && readme.contains("striate check"), "{readme}");
}

#[test]
fn a_station_without_exercises_lays_nothing() {
    let road = Road::embedded();
    let station = road.stations().iter().find(|station| exercises_of(station).is_empty()).unwrap();
    let folder = TempDir::new().unwrap();
    let laid = Workspace::new(folder.path()).start(road, station, Language::Python).unwrap();
    assert!(laid.written.is_empty() && laid.kept.is_empty());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_station_about_python_lays_nothing_in_rust() {
    let road = Road::embedded();
    let station = road.station("python-essentials").unwrap();
    let folder = TempDir::new().unwrap();
    let workspace = Workspace::new(folder.path());
    let laid = workspace.start(road, station, Language::Rust).unwrap();
    assert_eq!(laid.written, [workspace.station_folder(road, station).join("README.md")]);
    let laid = workspace.start(road, station, Language::Python).unwrap();
    let starter = laid.written.iter().find(|path| path.ends_with("python/running_mean.py")).unwrap();
    let starter = std::fs::read_to_string(starter).unwrap();
    assert!(starter.starts_with("\"\"\"Write the class") && starter.contains("class RunningMean:"), "{starter}");
    assert!(!starter.contains("numpy"), "{starter}");
}

#[test]
fn a_file_where_the_folder_should_be_is_one_clear_error() {
    let Some((road, station)) = station() else { return };
    let folder = TempDir::new().unwrap();
    let blocked = folder.path().join("blocked");
    std::fs::write(&blocked, "a file").unwrap();
    let error = Workspace::new(&blocked).start(road, station, Language::Python).unwrap_err();
    let text = error.to_string();
    assert!(text.starts_with("cannot write ") && text.contains("STRIATE_WORKSPACE"), "{text}");
}

#[test]
fn nothing_is_written_over_a_file_that_appears_meanwhile() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("station/python/f.py");
    let mut laid = Laid { folder: folder.path().into(), written: Vec::new(), kept: Vec::new() };
    lay(path.clone(), "starter", &mut laid).unwrap();
    std::fs::write(&path, "mine").unwrap();
    lay(path.clone(), "starter", &mut laid).unwrap();
    assert_eq!((laid.written.len(), laid.kept.len()), (1, 1));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "mine");
    assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "no temporary file stays");
}
