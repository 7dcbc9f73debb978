//! The content of every exercise holds together: misconceptions differ from the right answer and from each other.

use std::collections::BTreeSet;

use striate_road::check::content::coincidences;
use striate_road::exercise::{Difficulty, Outcome};
use striate_road::exercises;
use striate_road::map::Road;
use striate_road::value::Value;

#[test]
fn every_misconception_differs_from_the_right_answer_and_from_every_other() {
    let twins: Vec<_> = exercises::all().iter().flat_map(|exercise| coincidences(exercise)).collect();
    assert!(twins.is_empty(), "\n{}", twins.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"));
}

#[test]
fn probes_are_the_same_every_time_and_ask_for_answers() {
    for exercise in exercises::all() {
        let (first, second) = ((exercise.probes)(), (exercise.probes)());
        assert!(first.len() >= 4, "{} has too few probes", exercise.id);
        assert_eq!(first[0].difficulty, Difficulty::Ordinary, "{}: start with an ordinary probe", exercise.id);
        for (a, b) in first.iter().zip(&second) {
            // An argument may hold nan, which equals nothing; its text does.
            let same = |(a, b): (&Value, &Value)| {
                matches!(a, Value::Callback(_)) || a == b || format!("{a:?}") == format!("{b:?}")
            };
            let unchanged = a.arguments.iter().zip(&b.arguments).all(same);
            assert!(unchanged, "{}: probe {:?} changes", exercise.id, a.label);
            assert_eq!(a.arguments.len(), exercise.signature.parameters.len(), "{}: {:?}", exercise.id, a.label);
            if a.difficulty == Difficulty::Ordinary {
                let answer = exercise.expected(&a.arguments);
                assert!(matches!(answer, Outcome::Value(_)), "{}: {:?} is ordinary but refused", exercise.id, a.label);
            }
        }
        let labels: BTreeSet<_> = first.iter().map(|probe| &probe.label).collect();
        assert_eq!(labels.len(), first.len(), "{}: two probes have the same label", exercise.id);
    }
}

#[test]
fn the_right_answer_has_the_properties() {
    for exercise in exercises::all().iter().filter(|exercise| !exercise.properties.is_empty()) {
        for probe in (exercise.probes)() {
            let Outcome::Value(answer) = exercise.expected(&probe.arguments) else { continue };
            for property in exercise.properties {
                let violation = (property.violated)(&probe.arguments, &answer);
                assert_eq!(violation, None, "{}: {} on {:?}", exercise.id, property.title, probe.label);
            }
        }
    }
}

#[test]
fn where_results_are_measured_every_mistake_has_its_requirement() {
    for exercise in exercises::all().iter().filter(|exercise| !exercise.measured.is_empty()) {
        let named: BTreeSet<_> = exercise.measured.iter().map(|requirement| requirement.id).collect();
        let mistakes: BTreeSet<_> = exercise.misconceptions.iter().map(|m| m.id).collect();
        assert_eq!(named.len(), exercise.measured.len(), "{}: a requirement is there twice", exercise.id);
        assert_eq!(named, mistakes, "{}", exercise.id);
    }
}

#[test]
fn texts_are_complete_and_short() {
    let mut ids = BTreeSet::new();
    for exercise in exercises::all() {
        assert!(ids.insert(exercise.id), "{} is there twice", exercise.id);
        assert_eq!(exercise.id, exercise.signature.name);
        assert!(exercise.hints.len() >= 3, "{}: hints are where, what, worked numbers", exercise.id);
        assert!((2..=8).contains(&exercise.task.lines().count()), "{}: length of the task", exercise.id);
        assert!(exercise.misconceptions.len() >= 5, "{} names too few mistakes", exercise.id);
        let mut mistakes = BTreeSet::new();
        for m in exercise.misconceptions {
            assert!(mistakes.insert(m.id), "{}: {} is there twice", exercise.id, m.id);
            assert!(m.question.ends_with('?'), "{}: {} asks no question", exercise.id, m.id);
            assert!(!m.title.ends_with('.') && !m.title.is_empty(), "{}: title of {}", exercise.id, m.id);
            assert!(m.explanation.len() <= 480, "{}: {} explains at length", exercise.id, m.id);
            let resource = Road::embedded().resources().iter().find(|resource| resource.id == m.see.0);
            assert!(resource.is_some() && !m.see.1.is_empty(), "{}: {} points nowhere", exercise.id, m.id);
        }
    }
}

#[test]
fn the_words_of_a_mistake_have_no_gaps() {
    for exercise in exercises::all() {
        assert!(!exercise.hints.iter().any(|hint| hint.contains("          ")), "a hint of {}", exercise.id);
        for mistake in exercise.misconceptions {
            for text in [mistake.title, mistake.explanation, mistake.question] {
                assert!(!text.contains("    "), "{}: {}: {text:?}", exercise.id, mistake.id);
            }
        }
    }
}
