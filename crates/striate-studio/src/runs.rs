//! What the pages say about a run.

use std::collections::HashMap;

use serde::Serialize;
use striate_train::{Event, InputCard, Preparation, Run, RunStore, Status, TrainConfig};

use crate::standing::ago;

/// A run as a row of the list.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RunCard {
    /// Its id.
    pub id: String,
    /// `running`, `finished`, `interrupted`, `failed`.
    pub status: Status,
    /// Network and data, in words.
    pub about: String,
    /// Settings worth telling apart, in words.
    pub settings: String,
    /// Best accuracy on the validation images.
    pub validation: Option<f64>,
    /// Accuracy on the test images, of a finished run.
    pub test: Option<f64>,
    /// Share of the steps taken.
    pub progress: f64,
    /// When it was started, in words.
    pub when: String,
}

impl RunCard {
    /// Status as it stands in the page's classes.
    pub fn status_name(&self) -> &'static str {
        status_name(self.status)
    }

    /// An accuracy in per cent.
    pub fn percent(share: &Option<f64>) -> String {
        share.map_or("–".to_owned(), |share| format!("{:.2} %", share * 100.0))
    }
}

/// Status as it stands in the page's classes.
pub fn status_name(status: Status) -> &'static str {
    match status {
        Status::Running => "running",
        Status::Finished => "finished",
        Status::Interrupted => "interrupted",
        Status::Failed => "failed",
    }
}

/// Reads the runs of a store again and again; a run whose metrics have not grown is not read twice.
#[derive(Default)]
pub struct Reader {
    seen: HashMap<String, (u64, Facts)>,
}

#[derive(Clone, Default)]
struct Facts {
    validation: Option<f64>,
    progress: f64,
}

impl Reader {
    /// The runs, newest first.
    pub fn cards(&mut self, store: &RunStore) -> Vec<RunCard> {
        store.list().unwrap_or_default().iter().filter_map(|run| self.card(run)).collect()
    }

    fn card(&mut self, run: &Run) -> Option<RunCard> {
        let config = run.config().ok()?;
        let size = std::fs::metadata(run.path("metrics.jsonl")).map_or(0, |data| data.len());
        let known = self.seen.get(run.id()).filter(|(seen, _)| *seen == size);
        let facts = known.map_or_else(|| facts(run), |(_, facts)| facts.clone());
        self.seen.insert(run.id().to_owned(), (size, facts.clone()));
        let summary = run.summary().ok().flatten();
        let created = run.created().duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64);
        Some(RunCard {
            id: run.id().to_owned(),
            status: run.status(),
            about: format!("{} on {}", config.model, config.dataset.name()),
            settings: settings(&config),
            validation: summary.as_ref().map(|summary| summary.validation_accuracy).or(facts.validation),
            progress: if summary.is_some() { 1.0 } else { facts.progress },
            test: summary.map(|summary| summary.test_accuracy),
            when: ago(created),
        })
    }
}

fn facts(run: &Run) -> Facts {
    let mut facts = Facts::default();
    for event in run.events().unwrap_or_default() {
        match event {
            Event::Step { step, total_steps, .. } => facts.progress = step as f64 / total_steps.max(1) as f64,
            Event::Epoch { validation_accuracy, .. } => {
                facts.validation =
                    Some(facts.validation.map_or(validation_accuracy, |best| best.max(validation_accuracy)));
            }
            _ => {}
        }
    }
    facts
}

/// Settings worth telling apart, in words.
pub fn settings(config: &TrainConfig) -> String {
    let epochs = if config.epochs == 1 { "epoch" } else { "epochs" };
    format!(
        "{} {epochs}, batch {}, {} {}, seed {}",
        config.epochs, config.batch_size, config.optimizer, config.learning_rate, config.seed
    )
}

/// Finished runs that read handwritten digits, newest first.
pub fn digit_readers(store: &RunStore) -> Vec<Run> {
    let reads_digits = |run: &Run| {
        let fits = |card: InputCard| card.preparation == Preparation::Digit && card.shape() == [1, 28, 28];
        run.status() == Status::Finished && run.input().is_ok_and(fits)
    };
    store.list().unwrap_or_default().into_iter().filter(reads_digits).collect()
}
