//! Answers of a trained model for single pictures.

use std::path::Path;

use image::DynamicImage;
use serde::Serialize;
use striate_data::folder;
use striate_nn::{Context, Module, Sequential};
use striate_tensor::{Tensor, no_grad};

use crate::trainer::{build, softmax};
use crate::{InputCard, Run, TrainError};

/// A trained model, ready for pictures.
pub struct Predictor {
    model: Sequential,
    card: InputCard,
}

/// What a model makes of a picture.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Prediction {
    /// Name of the most probable class.
    pub class: String,
    /// Its number.
    pub index: usize,
    /// Its probability.
    pub confidence: f64,
    /// Probability of each class.
    pub probabilities: Vec<f64>,
}

impl Predictor {
    /// The model of a run: the finished one, or the best so far of a run that is not finished.
    pub fn load(run: &Run) -> Result<Self, TrainError> {
        let (config, weights) = (run.config()?, run.weights()?);
        let card = run.input()?;
        let model = build(&config, &card)?;
        model.load_state_dict(&weights).map_err(TrainError::damaged(&run.path("model.safetensors")))?;
        Ok(Predictor { model, card })
    }

    /// The network.
    pub fn model(&self) -> &Sequential {
        &self.model
    }

    /// What it expects at its input.
    pub fn input(&self) -> &InputCard {
        &self.card
    }

    /// Answers for a picture of any size, colour and polarity.
    pub fn predict(&self, picture: &DynamicImage) -> Result<Prediction, TrainError> {
        Ok(self.predict_prepared(&self.card.prepare(picture)?))
    }

    /// Answers for a PNG or JPEG file.
    pub fn predict_file(&self, path: &Path) -> Result<Prediction, TrainError> {
        self.predict(&folder::open_image(path)?)
    }

    /// Answers for an image that [`InputCard::prepare`] made.
    pub fn predict_prepared(&self, prepared: &[u8]) -> Prediction {
        self.forward(prepared, &Context::eval())
    }

    /// As [`predict_prepared`](Predictor::predict_prepared) in a context of the caller's: with [`Context::capture`] it
    /// then holds the output of every layer.
    pub fn forward(&self, prepared: &[u8], context: &Context) -> Prediction {
        let input: Tensor = self.card.tensor(&[prepared.to_vec()]);
        let logits = no_grad(|| self.model.forward(&input, context)).to_vec::<f32>();
        let (index, probabilities) = softmax(&logits);
        let class = self.card.class_names[index].clone();
        Prediction { class, index, confidence: probabilities[index], probabilities }
    }
}
