//! What a trained model expects at its input, kept beside its weights.

use image::DynamicImage;
use serde::{Deserialize, Serialize};
use striate_data::folder::{self, Format};
use striate_data::{DataError, Normalization, Splits, digit};
use striate_tensor::Tensor;

use crate::Source;

/// How a picture of a user is brought to the form of the training images.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Preparation {
    /// As MNIST: light ink on black, cropped, 20 pixels long, centred by mass.
    Digit,
    /// As Fashion-MNIST: one object on black, cropped, 28 pixels long, centred.
    Object,
    /// Scaled to fit, nothing else: for pictures like those of the training folder.
    Fit,
}

/// Form and statistics of the images a model was trained on. Written to the run's `input.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InputCard {
    /// 1 (grey) or 3 (red, green, blue).
    pub channels: usize,
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// The classes, in the order of the model's outputs.
    pub class_names: Vec<String>,
    /// Mean and standard deviation of the training images.
    pub normalization: Normalization,
    /// What happens to a picture before the model sees it.
    pub preparation: Preparation,
}

impl InputCard {
    /// The card of a dataset, with the statistics of its training part.
    pub(crate) fn of(splits: &Splits, source: &Source) -> Self {
        let dataset = splits.train.dataset();
        let preparation = match source {
            Source::Mnist => Preparation::Digit,
            Source::Fashion => Preparation::Object,
            Source::Directory(_) if digit::is_mnist_like(dataset) => Preparation::Digit,
            Source::Directory(_) => Preparation::Fit,
        };
        InputCard {
            channels: dataset.channels,
            height: dataset.height,
            width: dataset.width,
            class_names: dataset.class_names.clone(),
            normalization: Normalization::of(&splits.train),
            preparation,
        }
    }

    /// Input of the model: `[channels, height, width]`.
    pub fn shape(&self) -> [usize; 3] {
        [self.channels, self.height, self.width]
    }

    /// Brings a picture to the form of the training images: bytes `[channels, height, width]`.
    ///
    /// # Errors
    /// [`DataError::Blank`] if the preparation looks for a digit or an object and there is none.
    pub fn prepare(&self, picture: &DynamicImage) -> Result<Vec<u8>, DataError> {
        match self.preparation {
            Preparation::Digit => digit::preprocess(picture),
            Preparation::Object => digit::preprocess_object(picture),
            Preparation::Fit => {
                Ok(folder::fit(picture, Format { channels: self.channels, height: self.height, width: self.width }))
            }
        }
    }

    /// The model's input for prepared images: normalised, f32 `[images, channels, height, width]`.
    pub fn tensor(&self, prepared: &[Vec<u8>]) -> Tensor {
        let values: Vec<f32> = prepared.iter().flat_map(|image| self.normalization.apply(image)).collect();
        Tensor::from_vec(values, &[prepared.len(), self.channels, self.height, self.width])
    }
}
