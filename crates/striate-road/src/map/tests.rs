//! The road that ships is right, and each mistake in a small road is found and named.

use std::collections::BTreeMap;

use super::*;

fn files() -> BTreeMap<String, String> {
    let station = |prerequisites: &str, goals: &str, exercise: &str, more: &str| {
        format!(
            "title = 'T'\noutcome = 'O'\nwhy = 'W'\nprerequisites = {prerequisites}\ngoals = {goals}\nhours = 2\n\
             lab = 'L'\n{more}\n[[resources]]\nid = 'book'\nat = '1.1'\n\
             [[exercises]]\nid = '{exercise}'\nsignature = 'f(x)'\nchecks = 'c'\nmistakes = ['m']\n"
        )
    };
    let road = "schema = 1\n\
        [[stages]]\nid = 's1'\ntitle = 'S1'\nabout = 'A'\nstations = ['first', 'second']\n\
        [[stages]]\nid = 's2'\ntitle = 'S2'\nabout = 'A'\nstations = ['third', 'fourth']\n\
        [[goals]]\nid = 'see'\ntitle = 'G'\nabout = 'A'\n\
        [[goals]]\nid = 'see-more'\ntitle = 'G'\nabout = 'A'\nextends = ['see']\n\
        [[labs]]\nid = 'kernel'\ntitle = 'Kernel lab'\n\
        [[datasets]]\nid = 'gen:noise'\nsource = 'generator'\n";
    let resources = "schema = 1\n[[resources]]\nid = 'book'\nkind = 'book'\ntitle = 'B'\n";
    let both = "['see', 'see-more']";
    [
        ("road.toml", road.to_string()),
        ("resources.toml", resources.to_string()),
        ("renames.toml", "[stations]\nold-first = 'older-first'\nolder-first = 'first'\n[exercises]\n".to_string()),
        // The first station needs one of the second stage: the path must turn that round.
        ("stations/first/station.toml", station("['third']", both, "one", "data = ['gen:noise']")),
        ("stations/second/station.toml", station("['first']", both, "two", "optional = true")),
        ("stations/third/station.toml", station("[]", both, "three", "")),
        (
            "stations/fourth/station.toml",
            station("['second']", "['see-more']", "four", "milestone = true\nproject = 'P'"),
        ),
    ]
    .into_iter()
    .map(|(path, text)| (path.to_string(), text))
    .collect()
}

/// The small road with one text replaced in one file; the text must be there.
fn broken(file: &str, from: &str, to: &str) -> Vec<String> {
    let mut files = files();
    let text = files.get_mut(file).unwrap();
    assert!(text.contains(from), "{file} has no {from}");
    *text = text.replacen(from, to, 1);
    Road::from_files(&files).map(|_| ()).unwrap_err().problems
}

#[test]
fn each_mistake_is_named() {
    for (file, from, to, expected) in [
        ("road.toml", "schema = 1", "schema = 2", "schema 2 is not readable"),
        ("road.toml", "'first', ", "", "stations/first: no stage of road.toml lists this station"),
        ("road.toml", "'first', ", "'first', 'absent', ", "stations/absent/station.toml: this file is missing"),
        ("road.toml", "'first', ", "'first', 'first', ", "the station id 'first' is used twice"),
        ("road.toml", "id = 's2'", "id = 's1'", "the stage id 's1' is used twice"),
        ("road.toml", "id = 'see-more'", "id = 'see'", "the goal id 'see' is used twice"),
        ("road.toml", "extends = ['see']", "extends = ['fly']", "extends 'fly', which does not exist"),
        ("road.toml", "about = 'A'", "about = 3", "road.toml: TOML parse error"),
        ("road.toml", "about = 'A'", "abuot = 'A'", "unknown field `abuot`"),
        ("resources.toml", "title = 'B'", "title = 'B", "resources.toml: TOML parse error"),
        ("resources.toml", "id = 'book'", "id = 'boot'", "there is no resource 'book'; did you mean 'boot'?"),
        (
            "stations/first/station.toml",
            "gen:noise",
            "gen:nose",
            "there is no dataset 'gen:nose'; did you mean 'gen:noise'?",
        ),
        (
            "stations/second/station.toml",
            "['first']",
            "['frist']",
            "there is no station 'frist'; did you mean 'first'?",
        ),
        (
            "stations/third/station.toml",
            "'see-more'",
            "'see-moer'",
            "there is no goal 'see-moer'; did you mean 'see-more'?",
        ),
        (
            "stations/third/station.toml",
            "prerequisites = []",
            "prerequisites = ['first']",
            "first needs third needs first",
        ),
        (
            "stations/third/station.toml",
            "['see', 'see-more']",
            "['see']",
            "goal 'see-more' is missing; 'first' needs this station",
        ),
        (
            "stations/third/station.toml",
            "['see', 'see-more']",
            "['see']",
            "it extends 'see', which this station belongs to",
        ),
        ("stations/third/station.toml", "id = 'three'", "id = 'one'", "the exercise id 'one' is used twice"),
        ("stations/third/station.toml", "id = 'three'", "id = 'Three'", "may only have lower-case letters"),
        ("stations/third/station.toml", "why = 'W'", "why = ' '", "the why is empty"),
        ("stations/third/station.toml", "why = 'W'\n", "", "missing field `why`"),
        ("stations/third/station.toml", "hours = 2", "hours = 0", "the hours must be at least 1"),
        ("stations/third/station.toml", "hours = 2", "hours = 2\ncomplete = true", "text.md is missing"),
        ("stations/third/station.toml", "hours = 2", "hours = 2\ncomplete = true", "mentor.md is missing"),
        ("stations/third/station.toml", "mistakes = ['m']", "mistakes = []", "exercise 'three' names no mistake"),
        (
            "stations/third/station.toml",
            "mistakes = ['m']",
            "mistakes = ['m']\nlanguages = ['pyton']",
            "there is no language 'pyton'",
        ),
        ("stations/fourth/station.toml", "project = 'P'", "", "a milestone needs a project"),
        ("stations/first/station.toml", "lab = 'L'", "lab = ''", "the lab is empty"),
        (
            "stations/first/station.toml",
            "lab = 'L'",
            "lab = 'L'\nlabs = ['kernal']",
            "there is no lab 'kernal'; did you mean 'kernel'?",
        ),
        ("renames.toml", "= 'first'", "= 'fist'", "leads to 'fist', which is no station"),
        ("renames.toml", "old-first =", "first =", "'first' is renamed, but there is a station of that id"),
    ] {
        let problems = broken(file, from, to);
        assert!(problems.iter().any(|problem| problem.contains(expected)), "{expected}\nnot in {problems:#?}");
    }
}

#[test]
fn texts_name_the_labs_of_their_station_only() {
    let problems = |labs: &str, text: &str| {
        let mut files = files();
        let station = files.get_mut("stations/first/station.toml").unwrap();
        *station = station.replace("lab = 'L'", &format!("lab = 'L'\nlabs = {labs}"));
        files.insert("stations/first/text.md".to_string(), text.to_string());
        Road::from_files(&files).map_or_else(|error| error.problems, |_| Vec::new())
    };
    assert_eq!(problems("['kernel']", "In the **kernel lab**, of all labs, labels move."), Vec::<String>::new());
    assert_eq!(problems("[]", "Labels collaborate."), Vec::<String>::new());
    let named = problems("[]", "See it in the lab.");
    assert_eq!(named, ["stations/first/text.md: it speaks of a lab, but station.toml has no `labs`"]);
    let named = problems("['kernel']", "In the **colonel lab**:");
    assert_eq!(named, ["stations/first/text.md: 'colonel lab' is no lab of this station; it has: kernel lab"]);
}

#[test]
fn exercises_and_stations_must_agree() {
    let road = Road::from_files(&files()).unwrap();
    let both = &Language::ALL[..];
    assert_eq!(road.problems_with_exercises(&[("one", "first", both)]), Vec::<String>::new());
    assert_eq!(
        road.problems_with_exercises(&[
            ("one", "second", both),
            ("one", "nowhere", both),
            ("one", "first", &[Language::Python])
        ]),
        [
            "exercise one: stations/second/station.toml does not list it",
            "exercise one: its station 'nowhere' is not on the road",
            "stations/first/station.toml: exercise 'one' has languages = [\"python\", \"rust\"], in code it has \
             [\"python\"]"
        ]
    );
    let mut files = files();
    files.insert("stations/third/text.md".into(), "Text".into());
    files.insert("stations/third/mentor.md".into(), "- Ask.".into());
    let third = files.get_mut("stations/third/station.toml").unwrap();
    *third = third.replace("hours = 2", "hours = 2\ncomplete = true");
    let problems = Road::from_files(&files).unwrap().problems_with_exercises(&[]);
    assert_eq!(
        problems,
        ["stations/third/station.toml: the station is complete, but its exercise 'three' is not registered"]
    );
}

#[test]
fn paths_put_prerequisites_first_and_states_follow() {
    let road = Road::from_files(&files()).unwrap();
    let ids = |path: Path<'_>| path.stations.iter().map(|station| station.id.clone()).collect::<Vec<_>>();
    assert_eq!(ids(road.path_for("see").unwrap()), ["third", "first", "second"]);
    assert_eq!(ids(road.path()), ["third", "first", "second", "fourth"]);
    assert!(road.path_for("see").unwrap().can_skip("second"), "optional, and nothing on the path needs it");
    assert!(!road.path_for("see-more").unwrap().can_skip("second"), "the milestone needs it");
    assert_eq!(road.path_for("sea").unwrap_err().nearest, ["see"]);

    let mut standing = Standing::default();
    let state = |standing: &Standing, id: &str| road.state(road.station(id).unwrap(), standing);
    let next = |standing: &Standing, goal: &str| road.next(goal, standing).unwrap().map(|station| station.id.as_str());
    assert_eq!(state(&standing, "third"), StationState::Ready);
    assert_eq!(state(&standing, "first"), StationState::Ahead);
    assert_eq!(next(&standing, "see"), Some("third"));
    standing.marks.insert("third".into(), StationMark::Done);
    assert_eq!(state(&standing, "first"), StationState::Ready);
    // A mark made under an old id counts.
    standing.marks.insert("old-first".into(), StationMark::Skipped);
    assert_eq!(state(&standing, "first"), StationState::Skipped);
    assert_eq!(next(&standing, "see"), None);
    assert_eq!(next(&standing, "see-more"), Some("second"));
    standing.attempted.insert("two".into());
    assert_eq!(state(&standing, "second"), StationState::Started);
    assert_eq!(road.station("old-first").unwrap().id, "first");
}

#[test]
fn the_road_that_ships_is_right() {
    let road = Road::embedded();
    assert_eq!(road.stations().len(), 90);
    assert!(road.stations().iter().map(|station| station.exercises.len()).sum::<usize>() >= 278);
    let exercises: Vec<_> = crate::assignment::all()
        .map(|assignment| (assignment.id(), assignment.station(), assignment.languages()))
        .collect();
    assert_eq!(road.problems_with_exercises(&exercises), Vec::<String>::new());
    assert!(road.stations().iter().filter(|station| station.complete).count() >= 5);
    for goal in road.goals() {
        let path = road.path_for(&goal.id).unwrap();
        assert!(path.stations.len() >= 25, "{}: {}", goal.id, path.stations.len());
        for (position, station) in path.stations.iter().enumerate() {
            for before in &station.prerequisites {
                let earlier = path.stations[..position].iter().any(|other| other.id == *before);
                assert!(earlier, "{}: {before} must come before {}", goal.id, station.id);
            }
        }
    }
}
