//! The JSON of a report is what `docs/check-json.md` says.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;
use striate_road::check::content::check_behaviour;
use striate_road::check::{FullRun, Report, Speed, to_json};
use striate_road::exercises;
use striate_road::runner::{Place, Protection};

/// Every field with its path: `case.arguments[].name`. Values of the smallest case are gathered under `.`.
fn paths(value: &Value, at: &str, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let path = if at.is_empty() { name.clone() } else { format!("{at}.{name}") };
                found.insert(path.clone());
                paths(value, &path, found);
            }
        }
        Value::Array(items) => {
            let named = ["case.arguments", "case.expected", "case.got"].contains(&at);
            let inside = if named { String::new() } else { format!("{at}[]") };
            for item in items.iter().filter(|item| item.is_object()) {
                let mut below = BTreeSet::new();
                paths(item, if named { "#" } else { &inside }, &mut below);
                found.extend(below.into_iter().map(|path| path.replacen('#', "", 1)));
            }
        }
        _ => {}
    }
}

/// The fields that the page documents.
fn documented() -> BTreeSet<String> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/check-json.md");
    let text = std::fs::read_to_string(page).expect("the page");
    let field = |line: &str| Some(line.strip_prefix("| `")?.split_once('`')?.0.to_string());
    text.lines().filter_map(field).collect()
}

/// Reports that between them have every field.
fn reports() -> Vec<Report> {
    let exercise = exercises::find("correlate2d").expect("an exercise");
    let mut wrong = check_behaviour(exercise, exercise.misconceptions[0].behaviour);
    wrong.place = Some(Place { file: "x.py".into(), line: 3, code: "return out".into() });
    let mut right = check_behaviour(exercise, exercise.reference);
    right.speed = Some(Speed { seconds: Some(0.1), loop_seconds: 1.0, asked: 5.0, enough: true });
    right.full_size =
        Some(FullRun { right: Some(0.98), asked: 0.975, seconds: Some(9.0), limit_seconds: 120.0, enough: true });
    right.protection = Some(Protection::Limits);
    vec![wrong, right]
}

#[test]
fn every_field_is_documented_and_every_documented_field_is_there() {
    let mut real = BTreeSet::new();
    for report in reports() {
        paths(&serde_json::from_str(&to_json(&report)).expect("JSON"), "", &mut real);
    }
    let documented = documented();
    let base = |path: &String| path.trim_end_matches("[]").to_string();
    let named: BTreeSet<String> = documented.iter().map(base).collect();
    // Objects that hold nothing but documented fields need no line of their own.
    let missing: Vec<&String> = real
        .iter()
        .filter(|path| !named.contains(*path) && !named.iter().any(|known| known.starts_with(&format!("{path}."))))
        .collect();
    assert!(missing.is_empty(), "not documented: {missing:?}");
    let gone: Vec<&String> = named.iter().filter(|path| !real.contains(*path)).collect();
    assert!(gone.is_empty(), "documented, but in no report: {gone:?}");
}

#[test]
fn verdicts_and_messages_are_typed() {
    let parsed: Vec<Value> =
        reports().iter().map(|report| serde_json::from_str(&to_json(report)).expect("JSON")).collect();
    assert_eq!((&parsed[0]["verdict"], &parsed[1]["verdict"]), (&"fail".into(), &"pass".into()));
    assert_eq!(parsed[0]["messages"][0]["type"], "essential");
    assert_eq!(parsed[0]["messages"][0]["line"], 3);
    assert_eq!(parsed[0]["messages"][1]["id"], "kernel-flipped");
    assert_eq!(parsed[1]["messages"][0]["type"], "celebratory");
    // It is still the report that the studio and the progress read.
    let again: Report = serde_json::from_str(&to_json(&reports()[0])).expect("a report");
    assert_eq!(again, reports()[0]);
}
