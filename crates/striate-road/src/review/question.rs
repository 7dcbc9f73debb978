//! The question on a card.

use super::Card;
use crate::check::{Case, See, show_case};
use crate::exercise::{Misconception, Outcome, Probe};

/// How many mistakes there are to choose among.
const CHOICES: usize = 4;

/// One of the mistakes to choose among.
#[derive(Clone, Debug, PartialEq)]
pub struct Choice {
    /// Misconception id.
    pub id: &'static str,
    /// The mistake as the end of the sentence "Your output equals what you get when ...".
    pub title: &'static str,
}

/// "What is wrong with this output?"
#[derive(Clone, Debug, PartialEq)]
pub struct Question {
    /// The function.
    pub function: &'static str,
    /// An input, the right result and the wrong one.
    pub case: Case,
    /// Mistakes to choose among; each would give another result.
    pub choices: Vec<Choice>,
    /// Which of them it is.
    pub answer: usize,
    /// Why it is wrong and what is right.
    pub explanation: &'static str,
    /// Where to read.
    pub see: See,
}

/// The question of a card; another choice of mistakes each time it is answered. None where there is nothing to ask.
pub fn question(card: &Card) -> Option<Question> {
    let exercise = super::exercise(&card.exercise)?;
    let mut probes = (exercise.probes)();
    probes.sort_by_key(Probe::size);
    // Two mistakes may share an id; the card shows the first that can be seen.
    for mistake in exercise.misconceptions.iter().filter(|mistake| mistake.id == card.misconception) {
        for probe in &probes {
            let of = |mistake: &Misconception| exercise.outcome(mistake.behaviour, &probe.arguments);
            let (right, wrong) = (exercise.expected(&probe.arguments), of(mistake));
            let both_answer = matches!((&right, &wrong), (Outcome::Value(_), Outcome::Value(_)));
            let differs = |outcome: &Outcome| !crate::check::alike(outcome, &wrong, &exercise.tolerance);
            if !both_answer || !differs(&right) {
                continue;
            }
            let others = exercise.misconceptions.iter().filter(|other| other.id != mistake.id && differs(&of(other)));
            let Some((choices, answer)) = choose(mistake, others, card.answers) else { continue };
            return Some(Question {
                function: exercise.signature.name,
                case: show_case(&exercise.signature, probe, &right, &wrong, &exercise.tolerance),
                choices,
                answer,
                explanation: mistake.explanation,
                see: See { resource: mistake.see.0.into(), at: mistake.see.1.into() },
            });
        }
    }
    None
}

/// The mistake among others, in an order that changes from turn to turn, and its place.
fn choose<'a>(
    mistake: &Misconception,
    others: impl Iterator<Item = &'a Misconception>,
    turn: usize,
) -> Option<(Vec<Choice>, usize)> {
    let mut different: Vec<Choice> = Vec::new();
    for other in others {
        if different.iter().all(|known| known.id != other.id) {
            different.push(Choice { id: other.id, title: other.title });
        }
    }
    if different.is_empty() {
        return None;
    }
    let start = (turn * (CHOICES - 1)) % different.len();
    different.rotate_left(start);
    different.truncate(CHOICES - 1);
    let seed: usize = mistake.id.bytes().map(usize::from).sum();
    let answer = (seed + turn) % (different.len() + 1);
    different.insert(answer, Choice { id: mistake.id, title: mistake.title });
    Some((different, answer))
}
