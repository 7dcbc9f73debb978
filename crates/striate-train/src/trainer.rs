//! One network with its optimiser: a step forward, a measurement, and its state.

use striate_data::{Loader, LoaderOptions, Subset};
use striate_models::digits;
use striate_nn::loss::{CrossEntropyOptions, cross_entropy, cross_entropy_options};
use striate_nn::optim::{Adam, AdamW, Optimizer, Sgd, clip_grad_norm};
use striate_nn::state::LoadReport;
use striate_nn::{Context, Ema, Module, PathPattern, Sequential};
use striate_tensor::{Tensor, autocast, no_grad};

use crate::checkpoint::{State, TrainerState, deep_copy};
use crate::groups::{freeze, parameter_groups};
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
    averaged: Option<Averaged>,
    /// Modules that run as in evaluation.
    frozen: Vec<PathPattern>,
}

/// The longest gradient, and what it is the gradient of.
struct Clipping {
    norm: f64,
    parameters: Vec<Tensor>,
}

/// The running mean of the weights, and a network to evaluate it in.
struct Averaged {
    ema: Ema,
    model: Sequential,
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
        Self::of(|| build(config, card), config)
    }

    fn of(model: impl Fn() -> Result<Sequential, TrainError>, config: &TrainConfig) -> Result<Self, TrainError> {
        let averaged = config.ema.map(|_| model()).transpose()?;
        let model = model()?;
        let frozen = freeze(config, &model)?;
        let averaged = averaged.zip(config.ema).map(|(twin, decay)| {
            // Short trainings are the rule here, and batch norm's statistics should be of the weights that are measured.
            Averaged { ema: Ema::new(&model, decay).use_buffers(true).warm_up(true), model: twin }
        });
        let parameters = model.named_parameters();
        let clipping = config.clip_norm.map(|norm| {
            let parameters = parameters.iter().map(|(_, parameter)| parameter.clone()).collect();
            Clipping { norm, parameters }
        });
        let parameters = parameter_groups(config, parameters)?;
        let (lr, decay) = (config.learning_rate, config.weight_decay);
        let optimizer: Box<dyn Optimizer> = match config.optimizer {
            OptimizerKind::Sgd => Box::new(Sgd::new(parameters, lr).momentum(0.9).weight_decay(decay)),
            OptimizerKind::Adam => Box::new(Adam::new(parameters, lr).weight_decay(decay)),
            OptimizerKind::AdamW => Box::new(AdamW::new(parameters, lr).weight_decay(decay)),
        };
        let (label_smoothing, precision) = (config.label_smoothing, config.precision);
        Ok(Trainer { model, optimizer, label_smoothing, seed: config.seed, clipping, precision, averaged, frozen })
    }

    pub fn model(&self) -> &Sequential {
        &self.model
    }

    /// One optimiser step on a batch; gives its loss. If that is not finite, the weights are left as they are.
    pub fn step(&mut self, batch: &striate_data::Batch, step: u64, learning_rate: f64) -> f64 {
        let context = Context::train(self.seed ^ DROPOUT_SEED, step).freeze(self.frozen.iter().cloned());
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
            if let Some(Averaged { ema, .. }) = &mut self.averaged {
                ema.update(&self.model);
            }
        }
        value
    }

    /// The network to measure and keep: that of the averaged weights, if they are averaged.
    pub fn evaluated(&self) -> &Sequential {
        let Some(Averaged { ema, model }) = &self.averaged else { return &self.model };
        model.load_state_dict(ema.state_dict()).expect("both are of the same settings");
        model
    }

    /// A copy of all that is needed to go on.
    pub fn state(&self) -> TrainerState {
        TrainerState {
            model: deep_copy(&self.model.state_dict()),
            optimizer: deep_copy(&self.optimizer.state()),
            ema: self.averaged.as_ref().map(|averaged| deep_copy(&averaged.ema.state())).unwrap_or_default(),
        }
    }

    /// Takes up a saved state. The text of the error says what does not fit.
    pub fn restore(&mut self, state: &TrainerState) -> Result<(), String> {
        self.model.load_state_dict(&state.model).map_err(|error| error.to_string())?;
        self.optimizer.load_state(&state.optimizer).map_err(|error| error.to_string())?;
        match &mut self.averaged {
            Some(Averaged { ema, .. }) => ema.load_state(&state.ema).map_err(|error| error.to_string()),
            None => Ok(()),
        }
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
    fn network() -> Result<Sequential, TrainError> {
        let mut generator = Generator::new(1);
        Ok(Sequential::new()
            .with("conv", Conv2dConfig::new(1, 4, 3).build(&mut generator))
            .with("bn", BatchNorm2d::new(4))
            .with("relu", ReLU)
            .with("flatten", Flatten)
            .with("dropout", Dropout::new(0.5))
            .with("fc", Linear::new(4 * 36, 3, &mut generator)))
    }

    fn trainer(optimizer: OptimizerKind) -> Trainer {
        let config = TrainConfig { optimizer, seed: 9, ema: Some(0.9), ..TrainConfig::new(Architecture::Cnn) };
        Trainer::of(network, &config).unwrap()
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
            let state = first.state();
            let mut second = trainer(optimizer);
            second.restore(&state).unwrap();
            (3..8).for_each(|step| assert_eq!(second.step(&batch(step), step, 0.01), losses[step as usize]));
            let values = |tensor: &Tensor| tensor.to_dtype(DType::F64).to_vec::<f64>();
            let models: [fn(&Trainer) -> State; 2] =
                [|trainer| trainer.model.state_dict(), |trainer| trainer.evaluated().state_dict()];
            for model in models {
                for (name, tensor) in model(&straight) {
                    assert_eq!(values(&model(&second)[&name]), values(&tensor), "{optimizer} {name}");
                }
            }
            let weight = |model: &Sequential| model.state_dict()["fc.weight"].to_vec::<f32>();
            assert_ne!(weight(straight.evaluated()), weight(&straight.model), "measured are the averages");
        }
    }

    fn linear() -> Result<Sequential, TrainError> {
        let mut generator = Generator::new(1);
        Ok(Sequential::new().with("flatten", Flatten).with("fc", Linear::new(64, 3, &mut generator)))
    }

    /// With a gradient of 0 only the decay moves the weights.
    #[test]
    fn decay_and_rate_are_those_of_the_group() {
        let moved = |groups: &[&str], decay_weights_only| {
            let groups = groups.iter().map(|group| group.parse().unwrap()).collect();
            let config = TrainConfig { weight_decay: 0.5, groups, ..TrainConfig::new(Architecture::Mlp) };
            let config = TrainConfig { optimizer: OptimizerKind::AdamW, decay_weights_only, ..config };
            let mut trainer = Trainer::of(linear, &config).unwrap();
            let before = trainer.state().model;
            for (_, parameter) in trainer.model.named_parameters() {
                parameter.set_grad(&parameter.detach().zeros_like());
            }
            trainer.optimizer.set_lr(0.1);
            trainer.optimizer.step();
            let after = trainer.state().model;
            ["fc.weight", "fc.bias"].map(|name| {
                let ratio = after[name].div(&before[name]).mean_all().item::<f32>();
                (f64::from(ratio) * 1e4).round() / 1e4
            })
        };
        assert_eq!(moved(&[], false), [0.95, 0.95]);
        assert_eq!(moved(&[], true), [0.95, 1.0]);
        assert_eq!(moved(&["*.weight:lr_factor=0.5"], false), [0.975, 0.95]);
        assert_eq!(moved(&["*.weight:weight_decay=0.1", "fc*:lr_factor=0"], false), [0.99, 1.0]);
        assert_eq!(moved(&["*.bias:weight_decay=1"], true), [0.95, 0.9], "what a group says counts more");
    }

    #[test]
    fn what_is_frozen_stays_and_so_do_its_statistics() {
        let config = TrainConfig { seed: 9, ..TrainConfig::new(Architecture::Cnn) };
        let after = |freeze: &[&str]| {
            let freeze = freeze.iter().map(|pattern| (*pattern).to_owned()).collect();
            let mut trainer = Trainer::of(network, &TrainConfig { freeze, ..config.clone() })?;
            (0..3).for_each(|step| assert!(trainer.step(&batch(step), step, 0.1).is_finite()));
            Ok::<State, TrainError>(trainer.state().model)
        };
        let before = Trainer::of(network, &config).unwrap().state().model;
        let changed = |state: &State| -> Vec<String> {
            let values = |state: &State, name: &str| state[name].to_dtype(DType::F64).to_vec::<f64>();
            let differs = |name: &&String| values(state, name) != values(&before, name);
            state.keys().filter(differs).cloned().collect()
        };
        assert_eq!(changed(&after(&["conv.*", "bn.*"]).unwrap()), ["fc.bias", "fc.weight"]);
        let statistics = ["bn.bias", "bn.num_batches_tracked", "bn.running_mean", "bn.running_var", "fc.bias"];
        assert_eq!(changed(&after(&["*.weight", "conv.bias"]).unwrap()), statistics, "bn still learns its shift");
        let refused = |freeze: &[&str]| after(freeze).unwrap_err().to_string();
        assert!(refused(&["*"]).contains("--freeze leaves no weight that learns"));
        assert!(refused(&["conv9"]).contains("--freeze conv9: no parameter has such a path; cnn has conv.weight"));
    }

    #[test]
    fn a_clipped_gradient_moves_the_weights_no_further() {
        let moved = |clip_norm| {
            let config = TrainConfig { optimizer: OptimizerKind::Sgd, ..TrainConfig::new(Architecture::Mlp) };
            let mut trainer = Trainer::of(linear, &TrainConfig { clip_norm, ..config }).unwrap();
            let before = trainer.state().model;
            trainer.step(&batch(0), 0, 1.0);
            let after = trainer.state().model;
            let square = |name: &str| after[name].sub(&before[name]).square().sum_all().item::<f32>();
            f64::from(square("fc.weight") + square("fc.bias")).sqrt()
        };
        assert!(moved(None) > 0.5);
        assert!((moved(Some(0.01)) - 0.01).abs() < 1e-5, "{}", moved(Some(0.01)));
    }

    #[test]
    fn a_loss_that_is_not_finite_leaves_the_weights_alone() {
        let mut trainer = trainer(OptimizerKind::Sgd);
        let before = trainer.state().model["fc.weight"].to_vec::<f32>();
        let mut batch = batch(0);
        batch.images = &batch.images * f64::NAN;
        assert!(trainer.step(&batch, 0, 0.1).is_nan());
        assert_eq!(trainer.state().model["fc.weight"].to_vec::<f32>(), before);
        assert!(trainer.is_finite());
    }
}
