//! A mistake made on an argument that was changed.

use std::time::Instant;

use super::changes::changes;
use super::second::Second;
use super::{Search, parts};
use crate::check::attempt::attempt;
use crate::check::compare::alike;
use crate::check::judge::Trial;
use crate::check::report::Diagnosis;
use crate::exercise::{Misconception, Outcome};
use crate::value::{Array, Value};

impl Search<'_> {
    /// A misconception, or the right way, on an argument that was changed.
    pub(super) fn on_changed_arguments(&self) -> Option<Diagnosis> {
        for (at, parameter) in self.exercise.signature.parameters.iter().enumerate() {
            for (title, change) in changes(false) {
                let title = title.replace("the result", &format!("the argument {}", parameter.name));
                let changed = |trial: &Trial| {
                    let mut arguments = trial.probe.arguments.clone();
                    let Value::Array(Array::F64(array)) = arguments.get(at)? else { return None };
                    arguments[at] = Value::Array(Array::F64(change(array)?));
                    Some(arguments)
                };
                let Some(inputs) = self.trials.iter().map(|trial| changed(trial)).collect::<Option<Vec<_>>>() else {
                    continue;
                };
                for (first, columns) in &self.mistakes {
                    if Instant::now() > self.until {
                        return None;
                    }
                    if !self.gives(first, &inputs) {
                        continue;
                    }
                    let alone = |part: usize, at: usize| match attempt(|| self.exercise.expected(&inputs[at]))? {
                        Outcome::Value(value) => parts(&value).get(part).cloned(),
                        Outcome::Rejects(_) => None,
                    };
                    let second = self.recognised(Second {
                        misconception: None,
                        title: title.clone(),
                        alone: Box::new(alone),
                        together: Box::new(|part, at| self.got[part].get(at).cloned()),
                    });
                    let other = second.misconception.is_none_or(|second| second.id != first.id);
                    if other && self.explained(columns, &second) {
                        return Some(self.named(first, second));
                    }
                }
            }
        }
        None
    }

    fn gives(&self, misconception: &Misconception, inputs: &[Vec<Value>]) -> bool {
        self.trials.iter().zip(inputs).all(|(trial, arguments)| {
            let outcome = attempt(|| self.exercise.outcome(misconception.behaviour, arguments));
            outcome.is_some_and(|outcome| alike(&outcome, &trial.got, &self.exercise.tolerance))
        })
    }
}
