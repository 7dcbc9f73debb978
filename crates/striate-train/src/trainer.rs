//! One network with its optimiser: a step forward, a measurement, and its state.

use striate_data::{Loader, LoaderOptions, Subset};
use striate_models::digits;
use striate_nn::loss::{CrossEntropyOptions, cross_entropy, cross_entropy_options};
use striate_nn::optim::{Adam, AdamW, Optimizer, Sgd, clip_grad_norm};
use striate_nn::state::LoadReport;
use striate_nn::{Context, Module, Sequential};
use striate_tensor::{Tensor, autocast, no_grad};

use crate::checkpoint::{State, deep_copy};
use crate::{InputCard, OptimizerKind, Precision, TrainConfig, TrainError};

/// Images in a batch when only measuring.
const EVALUATION_BATCH: usize = 250;
/// Keeps the random numbers of dropout apart from those of the weights and the images.
const DROPOUT_SEED: u64 = 0x6472_6f70_6f75_7400;

pub(crate) struct Trainer {
    model: Sequential,
    optimizer: Box<dyn Optimizer>,
    label_smoothing: f64,
    seed: u64,
    clipping: Option<Clipping>,
    precision: Precision,
}

/// The longest gradient, and what it is the gradient of.
struct Clipping {
    norm: f64,
    parameters: Vec<Tensor>,
}

/// Outputs of a model on some images.
pub(crate) struct Measurement {
    /// Mean loss.
    pub loss: f64,
    /// Share classified right.
    pub accuracy: f64,
    /// Per image, in the order of the subset: predicted class and its probability.
    pub answers: Vec<(usize, f32)>,
}

impl Trainer {
    pub fn new(config: &TrainConfig, card: &InputCard) -> Result<Self, TrainError> {
        Ok(Self::of(build(config, card)?, config))
    }

    fn of(model: Sequential, config: &TrainConfig) -> Self {
        let parameters = model.named_parameters();
        let clipping = config.clip_norm.map(|norm| {
            let parameters = parameters.iter().map(|(_, parameter)| parameter.clone()).collect();
            Clipping { norm, parameters }
        });
        let (lr, decay) = (config.learning_rate, config.weight_decay);
        let optimizer: Box<dyn Optimizer> = match config.optimizer {
            OptimizerKind::Sgd => Box::new(Sgd::new(parameters, lr).momentum(0.9).weight_decay(decay)),
            OptimizerKind::Adam => Box::new(Adam::new(parameters, lr).weight_decay(decay)),
            OptimizerKind::AdamW => Box::new(AdamW::new(parameters, lr).weight_decay(decay)),
        };
        let (label_smoothing, precision) = (config.label_smoothing, config.precision);
        Trainer { model, optimizer, label_smoothing, seed: config.seed, clipping, precision }
    }

    pub fn model(&self) -> &Sequential {
        &self.model
    }

    /// One optimiser step on a batch; gives its loss. If that is not finite, the weights are left as they are.
    pub fn step(&mut self, batch: &striate_data::Batch, step: u64, learning_rate: f64) -> f64 {
        let context = Context::train(self.seed ^ DROPOUT_SEED, step);
        let loss = autocast(self.precision.dtype(), || {
            let logits = self.model.forward(&batch.images, &context);
            match self.label_smoothing {
                0.0 => cross_entropy(&logits, &batch.labels),
                label_smoothing => {
                    let options = CrossEntropyOptions { label_smoothing, ..Default::default() };
                    cross_entropy_options(&logits, &batch.labels, &options)
                }
            }
        });
        let value = f64::from(loss.item::<f32>());
        if value.is_finite() {
            loss.backward();
            if let Some(Clipping { norm, parameters }) = &self.clipping {
                clip_grad_norm(parameters, *norm);
            }
            self.optimizer.set_lr(learning_rate);
            self.optimizer.step();
            self.optimizer.zero_grad();
        }
        value
    }

    /// Copies of the model's and the optimiser's state.
    pub fn state(&self) -> (State, State) {
        (deep_copy(&self.model.state_dict()), deep_copy(&self.optimizer.state()))
    }

    /// Takes up a saved state. The text of the error says what does not fit.
    pub fn restore(&mut self, model: &State, optimizer: &State) -> Result<(), String> {
        self.model.load_state_dict(model).map_err(|error| error.to_string())?;
        self.optimizer.load_state(optimizer).map_err(|error| error.to_string())
    }

    /// Starts from what fits of other weights.
    pub fn start_from(&mut self, weights: &State) -> LoadReport {
        self.model.load_state_dict_partial(weights)
    }

    /// Takes up saved weights only.
    pub fn restore_model(&mut self, model: &State) -> Result<(), String> {
        self.model.load_state_dict(model).map(|_| ()).map_err(|error| error.to_string())
    }

    /// Whether all weights are numbers.
    pub fn is_finite(&self) -> bool {
        let finite = |values: Vec<f32>| values.iter().all(|value| value.is_finite());
        self.model.named_parameters().iter().all(|(_, parameter)| finite(parameter.to_vec()))
    }
}

/// The network that the settings name, for these images.
pub(crate) fn build(config: &TrainConfig, card: &InputCard) -> Result<Sequential, TrainError> {
    digits::try_build(config.model, card.shape(), card.class_names.len(), config.seed)
        .map_err(|error| TrainError::Model { model: config.model.to_string(), reason: error.to_string() })
}

/// Runs a model over a subset without learning.
pub(crate) fn measure(model: &Sequential, card: &InputCard, subset: &Subset) -> Measurement {
    let options = LoaderOptions { batch_size: EVALUATION_BATCH, shuffle: None, augmentation: Default::default() };
    let loader = Loader::new(subset.clone(), card.normalization.clone(), options);
    let classes = card.class_names.len();
    let mut measurement = Measurement { loss: 0.0, accuracy: 0.0, answers: Vec::with_capacity(subset.len()) };
    let mut right = 0usize;
    for batch in loader.epoch(0, 0) {
        let logits = no_grad(|| model.forward(&batch.images, &Context::eval())).to_vec::<f32>();
        for (row, label) in logits.chunks_exact(classes).zip(batch.labels.to_vec::<i64>()) {
            let (class, probabilities) = softmax(row);
            measurement.loss -= probabilities[label as usize].max(f64::MIN_POSITIVE).ln();
            right += usize::from(class == label as usize);
            measurement.answers.push((class, probabilities[class] as f32));
        }
    }
    measurement.loss /= subset.len() as f64;
    measurement.accuracy = right as f64 / subset.len() as f64;
    measurement
}

/// The most probable class and the probabilities of all.
pub(crate) fn softmax(logits: &[f32]) -> (usize, Vec<f64>) {
    let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let powers: Vec<f64> = logits.iter().map(|&logit| f64::from(logit - largest).exp()).collect();
    let sum: f64 = powers.iter().sum();
    let class = logits.iter().position(|&logit| logit == largest).unwrap_or(0);
    (class, powers.iter().map(|power| power / sum).collect())
}

#[cfg(test)]
mod tests {
    use striate_data::Batch;
    use striate_models::digits::Architecture;
    use striate_nn::{BatchNorm2d, Conv2dConfig, Dropout, Flatten, Linear, ReLU};
    use striate_tensor::DType;
    use striate_tensor::random::Generator;

    use super::*;

    #[test]
    fn softmax_of_extreme_logits() {
        let (class, probabilities) = softmax(&[1000.0, 0.0, 1000.0]);
        assert_eq!(class, 0);
        assert_eq!(probabilities, [0.5, 0.0, 0.5]);
    }

    /// A network with everything that has state or randomness: batch norm and dropout.
    fn trainer(optimizer: OptimizerKind) -> Trainer {
        let mut generator = Generator::new(1);
        let model = Sequential::new()
            .with("conv", Conv2dConfig::new(1, 4, 3).build(&mut generator))
            .with("bn", BatchNorm2d::new(4))
            .with("relu", ReLU)
            .with("flatten", Flatten)
            .with("dropout", Dropout::new(0.5))
            .with("fc", Linear::new(4 * 36, 3, &mut generator));
        Trainer::of(model, &TrainConfig { optimizer, seed: 9, ..TrainConfig::new(Architecture::Cnn) })
    }

    fn batch(step: u64) -> Batch {
        let images = Tensor::randn(&[6, 1, 8, 8], &mut Generator::new(2).fork(step));
        Batch { images, labels: Tensor::from_slice(&[0i64, 1, 2, 0, 1, 2], &[6]), indices: (0..6).collect() }
    }

    #[test]
    fn a_restored_state_goes_on_bit_for_bit_with_dropout_and_batch_norm() {
        for optimizer in [OptimizerKind::Sgd, OptimizerKind::Adam, OptimizerKind::AdamW] {
            let mut straight = trainer(optimizer);
            let losses: Vec<f64> = (0..8).map(|step| straight.step(&batch(step), step, 0.01)).collect();

            let mut first = trainer(optimizer);
            (0..3).for_each(|step| assert_eq!(first.step(&batch(step), step, 0.01), losses[step as usize]));
            let (model, state) = first.state();
            let mut second = trainer(optimizer);
            second.restore(&model, &state).unwrap();
            (3..8).for_each(|step| assert_eq!(second.step(&batch(step), step, 0.01), losses[step as usize]));
            for (name, tensor) in straight.model.state_dict() {
                let values = |tensor: &Tensor| tensor.to_dtype(DType::F64).to_vec::<f64>();
                assert_eq!(values(&second.model.state_dict()[&name]), values(&tensor), "{optimizer} {name}");
            }
        }
    }

    #[test]
    fn a_clipped_gradient_moves_the_weights_no_further() {
        let moved = |clip_norm| {
            let mut generator = Generator::new(1);
            let model = Sequential::new().with("flatten", Flatten).with("fc", Linear::new(64, 3, &mut generator));
            let (optimizer, clip_norm) = (OptimizerKind::Sgd, clip_norm);
            let mut trainer =
                Trainer::of(model, &TrainConfig { optimizer, clip_norm, ..TrainConfig::new(Architecture::Mlp) });
            let before = trainer.state().0;
            trainer.step(&batch(0), 0, 1.0);
            let after = trainer.state().0;
            let square = |name: &str| after[name].sub(&before[name]).square().sum_all().item::<f32>();
            f64::from(square("fc.weight") + square("fc.bias")).sqrt()
        };
        assert!(moved(None) > 0.5);
        assert!((moved(Some(0.01)) - 0.01).abs() < 1e-5, "{}", moved(Some(0.01)));
    }

    #[test]
    fn a_loss_that_is_not_finite_leaves_the_weights_alone() {
        let mut trainer = trainer(OptimizerKind::Sgd);
        let before = trainer.state().0["fc.weight"].to_vec::<f32>();
        let mut batch = batch(0);
        batch.images = &batch.images * f64::NAN;
        assert!(trainer.step(&batch, 0, 0.1).is_nan());
        assert_eq!(trainer.state().0["fc.weight"].to_vec::<f32>(), before);
        assert!(trainer.is_finite());
    }
}
