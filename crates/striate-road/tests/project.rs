//! The project check on real runs: a small training, and what the check says once something of it is not as it must be.

use std::fs;
use std::path::Path;

use striate_models::digits::Architecture;
use striate_road::check::{Report, Rung, Status, check_project};
use striate_road::progress::{ExerciseState, now};
use striate_road::project::{Project, RUN_FILE_STARTER};
use striate_road::{Road, projects};
use striate_train::{Outcome, Run, RunStore, StopFlag, TrainConfig, train};
use tempfile::TempDir;

fn project() -> &'static Project {
    projects::all().iter().copied().find(|project| project.id == "train_digit_cnn").expect("a project of the road")
}

/// A short training that is right in every way but its result.
fn small_run(store: &RunStore) -> Run {
    let mut config = TrainConfig::new(Architecture::Mlp);
    config.train_limit = Some(1000);
    config.epochs = 2;
    match train(&config, store, &StopFlag::new(), &mut |_| {}).expect("a training") {
        Outcome::Finished(summary) => store.open(&summary.run).expect("the run"),
        other => panic!("{other:?}"),
    }
}

fn check(store: &RunStore) -> Report {
    check_project(project(), Path::new("run.toml"), Some("latest"), store)
}

fn named(report: &Report) -> &str {
    report.diagnosis.as_ref().map_or("", |found| found.id.as_str())
}

/// Changes a file of the run, checks, and puts it back.
fn with_changed(store: &RunStore, run: &Run, file: &str, change: impl Fn(&str) -> String) -> Report {
    let path = run.path(file);
    let before = fs::read_to_string(&path).unwrap();
    let after = change(&before);
    assert_ne!(after, before, "{file} changes");
    fs::write(&path, after).unwrap();
    let report = check(store);
    fs::write(&path, before).unwrap();
    report
}

#[test]
fn each_failure_has_its_name() {
    let folder = TempDir::new().unwrap();
    let store = RunStore::new(folder.path());
    let run = small_run(&store);

    let report = check(&store);
    assert_eq!((report.status, report.rung), (Status::Wrong, Some(Rung::Requirements)), "{report:?}");
    assert_eq!(named(&report), "test-accuracy-low");
    assert!(report.headline.contains("of 10000 right; asked for: 99.00 %"), "{}", report.headline);
    assert_eq!((report.probes_passed, report.probes), (5, project().requirements.len()));
    assert!(report.message.contains("✓ trained on MNIST\n"), "{}", report.message);
    let attempt = report.attempt(now()).unwrap();
    assert_eq!((attempt.state, attempt.language), (ExerciseState::WrongValue, None));
    assert_eq!(attempt.misconceptions, ["test-accuracy-low"]);

    let kept = run.summary().unwrap().unwrap().best_epoch;
    let other = format!("\"best_epoch\": {}", 3 - kept);
    for (name, file, from, to) in [
        ("wrong-dataset", "config.toml", "dataset = \"mnist\"", "dataset = \"fashion\""),
        ("no-validation", "metrics.jsonl", "\"validation_images\":5000", "\"validation_images\":0"),
        ("normalization-foreign", "input.json", "\"std\": [", "\"std\": [1.0, "),
        ("best-epoch-not-by-validation", "summary.json", &format!("\"best_epoch\": {kept}"), &other),
    ] {
        let report = with_changed(&store, &run, file, |text| text.replace(from, to));
        assert_eq!((named(&report), report.status), (name, Status::Wrong), "{report:?}");
    }
    let report = with_changed(&store, &run, "config.toml", |_| "model = 7".into());
    assert_eq!((report.status, report.rung), (Status::DoesNotLoad, Some(Rung::Loads)), "{report:?}");

    let sheet = project().requirements.iter().find(|each| each.id == "sheet-accuracy-low").unwrap();
    let measured = (sheet.measure)(&run).unwrap();
    assert!(!measured.holds && measured.text.contains("of 5000 right; asked for: 90.00 %"), "{measured:?}");

    fs::remove_file(run.path("summary.json")).unwrap();
    let report = check(&store);
    assert_eq!((named(&report), report.status), ("not-finished", Status::Wrong));
}

#[test]
fn the_file_that_names_the_run_is_read_with_patience() {
    let folder = TempDir::new().unwrap();
    let store = RunStore::new(folder.path().join("runs"));
    let file = folder.path().join("run.toml");
    let check = || check_project(project(), &file, None, &store);
    let report = check();
    assert_eq!((report.status, report.rung), (Status::NotAttempted, Some(Rung::File)));
    assert!(report.message.contains("striate start digit-classifier"), "{}", report.message);
    for (text, status, rung, says) in [
        (RUN_FILE_STARTER, Status::NotAttempted, Rung::Attempted, "No run is named yet"),
        ("# mine\nrun = latest", Status::DoesNotLoad, Rung::Loads, "Your file does not load"),
        ("run = \"a\"\nrum = \"b\"", Status::DoesNotLoad, Rung::Loads, "unknown field `rum`"),
        ("run = \"digits-cnn-0009\"", Status::DoesNotLoad, Rung::Loads, "there is no run 'digits-cnn-0009'"),
    ] {
        fs::write(&file, text).unwrap();
        let report = check();
        assert_eq!((report.status, report.rung), (status, Some(rung)), "{text}: {report:?}");
        assert!(report.headline.contains(says), "{}", report.headline);
    }
    fs::write(&file, "# mine\nrun = latest").unwrap();
    assert_eq!(check().place.unwrap().line, 2);
}

#[test]
fn every_failure_points_at_a_resource_of_the_road() {
    for requirement in projects::all().iter().flat_map(|project| project.requirements) {
        assert!(Road::embedded().resource(requirement.see.0).is_some(), "{}", requirement.id);
        assert!(!requirement.question.is_empty() && !requirement.explanation.is_empty(), "{}", requirement.id);
    }
}
