//! `striate doctor` says how things stand, for people and for programs.

use std::process::{Command, Output};

use tempfile::TempDir;

fn doctor(folder: &TempDir, arguments: &[&str], python: Option<&str>) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_striate"));
    command.arg("doctor").args(arguments).env("STRIATE_HOME", folder.path().join("home"));
    command.env("STRIATE_WORKSPACE", folder.path().join("work"));
    if let Some(python) = python {
        command.env("STRIATE_PYTHON", python);
    }
    command.output().unwrap()
}

#[test]
fn everything_has_a_state_and_what_is_missing_a_way_to_mend_it() {
    let folder = TempDir::new().unwrap();
    let output = doctor(&folder, &["--json"], Some("/no/such/python"));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["schema"], 1);
    let items = report["items"].as_array().unwrap();
    let item = |id: &str| items.iter().find(|item| item["id"] == id).unwrap_or_else(|| panic!("{id} is not there"));
    for id in ["processor", "memory", "rust", "protection", "home", "workspace", "browser"] {
        assert!(!item(id)["found"].as_str().unwrap().is_empty(), "{id}");
    }
    assert!(item("processor")["found"].as_str().unwrap().contains("f32: "));
    // A Python that is not there is missing, says how to mend it, and is what the exit code tells.
    assert_eq!(item("python")["state"], "missing");
    assert!(item("python")["mend"].as_str().unwrap().contains("/no/such/python"));
    assert_eq!(output.status.code(), Some(1));
    assert!(items.iter().all(|item| (item["state"] == "ok") == item["mend"].is_null()), "{items:#?}");
    // Looking makes nothing.
    assert!(!folder.path().join("work").exists() && !folder.path().join("home").exists());

    let text = String::from_utf8(doctor(&folder, &[], Some("/no/such/python")).stdout).unwrap();
    assert!(text.contains("processor") && text.contains("/no/such/python"), "{text}");
}
