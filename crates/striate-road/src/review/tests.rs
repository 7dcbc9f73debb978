use tempfile::TempDir;

use super::*;
use crate::progress::{Attempt, ExerciseState, now};
use crate::runner::Language;

fn met(progress: &mut Progress, exercise: &str, misconception: &str, at: Timestamp) {
    let attempt = Attempt {
        at,
        exercise: exercise.into(),
        language: Some(Language::Python),
        state: ExerciseState::WrongValue,
        misconceptions: vec![misconception.into()],
    };
    progress.record_attempt(&attempt).unwrap();
}

fn answer(known: bool, at: Timestamp) -> Review {
    Review { exercise: "correlate2d".into(), misconception: "kernel-flipped".into(), at, known }
}

#[test]
fn a_mistake_that_was_met_becomes_a_card_and_its_answers_travel_with_the_progress() {
    let folder = TempDir::new().unwrap();
    let mut progress = Progress::open(folder.path().join("progress.sqlite")).unwrap();
    let start = now() - 10 * DAY;
    met(&mut progress, "correlate2d", "kernel-flipped", start);
    met(&mut progress, "cs231n.relu_backward", "relu-mask-from-gradient", start + 1);
    met(&mut progress, "cs231n.relu_backward", "changes-its-input", start + 2);
    met(&mut progress, "gone", "kernel-flipped", start + 3);
    let all = cards(&progress).unwrap();
    let ids: Vec<_> = all.iter().map(|card| card.misconception.as_str()).collect();
    assert_eq!(ids, ["kernel-flipped", "relu-mask-from-gradient"], "in the order in which they are due");
    assert_eq!(all[0].due, start);

    progress.record_review(&answer(true, start + DAY)).unwrap();
    let all = cards(&progress).unwrap();
    assert_eq!(all[1].misconception, "kernel-flipped", "what is known comes later");
    assert!(all[1].due > start + 2 * DAY);
    assert_eq!(answered_today(&progress, start + DAY).unwrap(), 1);

    let export = folder.path().join("progress.json");
    progress.export(&export).unwrap();
    let mut elsewhere = Progress::open(folder.path().join("other/progress.sqlite")).unwrap();
    assert_eq!(elsewhere.import(&export).unwrap().reviews, 1);
    assert_eq!(elsewhere.import(&export).unwrap().reviews, 0);
    assert_eq!(cards(&elsewhere).unwrap(), all);
}

#[test]
fn intervals_grow_with_right_answers_and_shrink_with_a_wrong_one() {
    let mut reviews = Vec::new();
    let mut intervals = Vec::new();
    let mut at = 0;
    for known in [true, true, true, false] {
        reviews.push(answer(known, at));
        let next = due(0, &reviews);
        intervals.push(next - at);
        at = next;
    }
    assert!(intervals[0] >= DAY && intervals[0] < intervals[1] && intervals[1] < intervals[2], "{intervals:?}");
    assert!(intervals[3] < intervals[2] / 2, "{intervals:?}");
}

#[test]
fn the_question_shows_what_the_mistake_does_and_only_one_choice_fits() {
    for turn in 0..6 {
        let card = Card {
            exercise: "correlate2d".into(),
            misconception: "kernel-flipped".into(),
            answers: turn,
            known: turn,
            due: 0,
        };
        let question = question(&card).expect("a question");
        assert_eq!(question.choices[question.answer].id, "kernel-flipped");
        assert!(question.choices.len() > 2);
        assert!(!question.case.first_difference.is_empty());
        let mut ids: Vec<_> = question.choices.iter().map(|choice| choice.id).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), question.choices.len());
    }
}
