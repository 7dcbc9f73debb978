//! Review cards: each mistake a learner met comes back as a question, at growing intervals.
//!
//! A card is an exercise and a misconception that was named there. It shows an input, the right result and what the
//! mistake makes of it, and asks which mistake that is. What is stored are the answers; when a card is due follows
//! from them by FSRS with its published default parameters, so that two computers can be merged by uniting the answers.

mod question;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use fsrs::{FSRS, MemoryState};
use serde::Serialize;

use crate::exercise::Exercise;
use crate::progress::{Progress, ProgressError, Review, Timestamp};
use crate::{course, exercises};

pub use question::{Choice, Question, question};

const DAY: Timestamp = 86_400_000;

/// How likely a card should still be known when it comes back.
const WANTED_RETENTION: f32 = 0.9;

/// A card.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Card {
    /// Exercise id; of a course's function as `cs231n.adam`.
    pub exercise: String,
    /// Misconception id.
    pub misconception: String,
    /// How often it was answered.
    pub answers: usize,
    /// How often the mistake was recognised.
    pub known: usize,
    /// When it is due.
    pub due: Timestamp,
}

/// The exercise of a card, on the road or in a course.
fn exercise(id: &str) -> Option<&'static Exercise> {
    exercises::find(id).or_else(|| course::find(id))
}

/// All cards, the ones that are due longest first. A mistake without a question (its exercise went away, or it has no
/// others to choose from) has no card.
pub fn cards(progress: &Progress) -> Result<Vec<Card>, ProgressError> {
    let mut answers: BTreeMap<(String, String), Vec<Review>> = BTreeMap::new();
    for review in progress.reviews()? {
        answers.entry((review.exercise.clone(), review.misconception.clone())).or_default().push(review);
    }
    let mut cards = Vec::new();
    for met in progress.misconceptions()? {
        let reviews = answers.remove(&(met.exercise.clone(), met.misconception.clone())).unwrap_or_default();
        let card = Card {
            answers: reviews.len(),
            known: reviews.iter().filter(|review| review.known).count(),
            due: due(met.last_at, &reviews),
            exercise: met.exercise,
            misconception: met.misconception,
        };
        if question(&card).is_some() {
            cards.push(card);
        }
    }
    cards.sort_by(|a, b| (a.due, &a.exercise, &a.misconception).cmp(&(b.due, &b.exercise, &b.misconception)));
    Ok(cards)
}

/// When a mistake that was met then and answered so should come back.
fn due(met: Timestamp, reviews: &[Review]) -> Timestamp {
    let scheduler = FSRS::default();
    let mut memory: Option<MemoryState> = None;
    let (mut due, mut last) = (met, met);
    for review in reviews {
        let days = u32::try_from((review.at - last).max(0) / DAY).unwrap_or(u32::MAX);
        // The state stays finite, and the retention is between 0 and 1: there is nothing to refuse.
        let Ok(next) = scheduler.next_states(memory, WANTED_RETENTION, days) else { continue };
        let next = if review.known { next.good } else { next.again };
        memory = Some(next.memory);
        last = review.at;
        due = review.at + (f64::from(next.interval) * DAY as f64) as Timestamp;
    }
    due
}

/// How many cards were answered on the day (UTC) of `now`.
pub fn answered_today(progress: &Progress, now: Timestamp) -> Result<usize, ProgressError> {
    let today = now.div_euclid(DAY);
    Ok(progress.reviews()?.iter().filter(|review| review.at.div_euclid(DAY) == today).count())
}
