//! How good a finished model is on its test part, class by class, and where it errs.

use std::path::PathBuf;

use serde::Serialize;
use striate_data::Splits;

use crate::trainer::measure;
use crate::{Predictor, Run, TrainError, atomic, sheet};

/// Mistakes listed and drawn.
const MISTAKES: usize = 40;

/// A measurement on the test part.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Evaluation {
    /// Id of the run.
    pub run: String,
    /// Test images.
    pub images: usize,
    /// Share classified right.
    pub accuracy: f64,
    /// Mean loss.
    pub loss: f64,
    /// One row per class.
    pub classes: Vec<ClassScore>,
    /// `confusion[truth][answer]`: number of images.
    pub confusion: Vec<Vec<u64>>,
    /// Number of wrong answers.
    pub wrong: usize,
    /// The wrong answers the model was surest of, most confident first.
    pub mistakes: Vec<Mistake>,
    /// Picture of these mistakes, if there are any.
    pub sheet: Option<PathBuf>,
}

/// How well one class is recognised.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ClassScore {
    /// The class.
    pub class: String,
    /// Of the images called this, the share that is. 0 if none is called this.
    pub precision: f64,
    /// Of the images that are this, the share that is called so. 0 if there are none.
    pub recall: f64,
    /// Harmonic mean of both.
    pub f1: f64,
    /// Images of the class.
    pub support: u64,
}

/// A wrong answer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Mistake {
    /// Index of the image in the test part.
    pub image: usize,
    /// What it shows.
    pub truth: String,
    /// What the model says.
    pub answer: String,
    /// How sure the model is.
    pub confidence: f64,
    #[serde(skip)]
    pub(crate) classes: (usize, usize),
}

impl Evaluation {
    /// Measures a finished run and writes `mistakes.png` into its folder.
    ///
    /// # Errors
    /// [`TrainError::NoModel`] for a run that is not finished: looking at the test part while a training can still go on
    /// would let it steer the training.
    pub fn of(run: &Run) -> Result<Self, TrainError> {
        if run.summary()?.is_none() {
            let reason =
                format!("its training is not finished\nGo on with it by `striate train --resume {}`.", run.id());
            return Err(TrainError::NoModel { id: run.id().to_owned(), reason });
        }
        let predictor = Predictor::load(run)?;
        let config = run.config()?;
        let splits = Splits::new(config.dataset.read()?, config.split_seed)?;
        let (card, test) = (predictor.input(), &splits.test);
        let dataset = test.dataset();
        let shape = [dataset.channels, dataset.height, dataset.width];
        if dataset.class_names != card.class_names || shape != card.shape() {
            return Err(TrainError::DatasetChanged { id: run.id().to_owned(), what: "other classes or image size" });
        }
        let measurement = measure(predictor.model(), card, test);
        let names = &card.class_names;
        let mut confusion = vec![vec![0u64; names.len()]; names.len()];
        let mut mistakes = Vec::new();
        for (position, &(answer, confidence)) in measurement.answers.iter().enumerate() {
            let truth = test.label(position) as usize;
            confusion[truth][answer] += 1;
            if truth != answer {
                mistakes.push(Mistake {
                    image: test.indices()[position] as usize,
                    truth: names[truth].clone(),
                    answer: names[answer].clone(),
                    confidence: f64::from(confidence),
                    classes: (truth, answer),
                });
            }
        }
        let wrong = mistakes.len();
        mistakes.sort_by(|a, b| b.confidence.total_cmp(&a.confidence).then(a.image.cmp(&b.image)));
        mistakes.truncate(MISTAKES);
        let sheet = (!mistakes.is_empty()).then(|| run.path("mistakes.png"));
        if let Some(path) = &sheet {
            atomic::write(path, &sheet::png(dataset, &mistakes))?;
        }
        Ok(Evaluation {
            run: run.id().to_owned(),
            images: test.len(),
            accuracy: measurement.accuracy,
            loss: measurement.loss,
            classes: scores(names, &confusion),
            confusion,
            wrong,
            mistakes,
            sheet,
        })
    }
}

fn scores(names: &[String], confusion: &[Vec<u64>]) -> Vec<ClassScore> {
    let share = |part: u64, whole: u64| if whole == 0 { 0.0 } else { part as f64 / whole as f64 };
    let score = |(class, name): (usize, &String)| {
        let right = confusion[class][class];
        let support = confusion[class].iter().sum();
        let called: u64 = confusion.iter().map(|row| row[class]).sum();
        let (precision, recall) = (share(right, called), share(right, support));
        ClassScore { class: name.clone(), precision, recall, f1: share(2 * right, called + support), support }
    };
    names.iter().enumerate().map(score).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_of_a_known_table() {
        let names: Vec<String> = ["cat", "dog", "none"].map(str::to_owned).to_vec();
        let scores = scores(&names, &[vec![8, 2, 0], vec![4, 6, 0], vec![0, 0, 0]]);
        assert_eq!((scores[0].recall, scores[0].precision, scores[0].support), (0.8, 8.0 / 12.0, 10));
        assert!((scores[0].f1 - 16.0 / 22.0).abs() < 1e-12);
        assert_eq!((scores[1].recall, scores[1].precision), (0.6, 0.75));
        assert_eq!((scores[2].recall, scores[2].precision, scores[2].f1), (0.0, 0.0, 0.0));
    }
}
