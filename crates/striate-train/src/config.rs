//! The settings of a training.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use striate_data::{Augmentation, DataError, Parts, dir, fashion, mnist};
use striate_models::digits::Architecture;
use striate_tensor::DType;

use crate::names::names;
use crate::{GroupConfig, ScheduleKind, ScheduleOptions, TrainError};

/// Where the images come from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// The handwritten digits inside the program.
    Mnist,
    /// Fashion-MNIST, beside the program.
    Fashion,
    /// A folder of the user: idx files, or one folder of images per class.
    Directory(PathBuf),
}

impl Source {
    /// Reads the images.
    pub fn read(&self) -> Result<Parts, DataError> {
        match self {
            Source::Mnist => Ok(Parts { train: mnist::train()?, test: Some(mnist::test()?) }),
            Source::Fashion => fashion::read(),
            Source::Directory(path) => dir::open(path),
        }
    }

    /// A short name, used in the names of runs.
    pub fn name(&self) -> String {
        let cleaned = |name: &str| {
            let kept = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
            name.chars().map(kept).collect::<String>().trim_matches('-').to_owned()
        };
        match self {
            Source::Mnist => "digits".to_owned(),
            Source::Fashion => "fashion".to_owned(),
            Source::Directory(path) => {
                let name = cleaned(&path.file_name().unwrap_or_default().to_string_lossy());
                if name.is_empty() { "data".to_owned() } else { name }
            }
        }
    }
}

/// The rule by which gradients change the weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OptimizerKind {
    /// Stochastic gradient descent with momentum 0.9.
    Sgd,
    /// Adam.
    Adam,
    /// Adam with decoupled weight decay.
    AdamW,
}

/// What the network computes in while it learns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// 32-bit floats throughout.
    #[default]
    F32,
    /// Products and activations in bf16, summed in 32 bits; weights, their gradients and the loss in 32-bit floats.
    Bf16,
}

impl Precision {
    /// What [`autocast`](striate_tensor::autocast) is told.
    pub fn dtype(self) -> DType {
        match self {
            Self::F32 => DType::F32,
            Self::Bf16 => DType::BF16,
        }
    }
}

names!(OptimizerKind, "optimizer", Sgd = "sgd", Adam = "adam", AdamW = "adamw");
names!(Precision, "precision", F32 = "f32", Bf16 = "bf16");

/// Settings under a name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Recipe {
    /// The fastest way to a good model: one epoch.
    #[default]
    Standard,
    /// The most accurate model that minutes can buy: a wider network, many epochs, every image changed each time.
    Best,
}

names!(Recipe, "recipe", Standard = "standard", Best = "best");

impl Recipe {
    /// Its network, from which [`TrainConfig::new`] takes the other settings.
    pub fn model(self) -> Architecture {
        match self {
            Recipe::Standard => Architecture::Cnn4,
            Recipe::Best => Architecture::Cnn4Wide,
        }
    }
}

/// Everything that decides the result of a training (and the two settings that do not: threads and the time between
/// checkpoints). Written to the run's `config.toml`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainConfig {
    /// Id of the run; made from dataset, model and a number if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The network.
    pub model: Architecture,
    /// How often each image is shown.
    pub epochs: usize,
    /// Images per optimiser step.
    pub batch_size: usize,
    /// The update rule.
    pub optimizer: OptimizerKind,
    /// The (highest) learning rate.
    pub learning_rate: f64,
    /// Pull of the weights towards zero.
    pub weight_decay: f64,
    /// Share of each target that is spread over all classes, so that the model is never asked to be certain.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub label_smoothing: f64,
    /// Whether the pull leaves out biases, and the gains of normalisations: all parameters of fewer than two dimensions.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub decay_weights_only: bool,
    /// Course of the learning rate.
    pub schedule: ScheduleKind,
    /// Epochs, or part of one, over which the learning rate first rises from near 0.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub warm_up: f64,
    /// Decay of the running mean of the weights which is measured and kept in place of the newest weights.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ema: Option<f64>,
    /// Stop when the validation accuracy has not improved for so many epochs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub early_stop: Option<usize>,
    /// Gradients longer than this, all parameters taken together, are shortened to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clip_norm: Option<f64>,
    /// File of weights to start from, instead of random ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub initial_weights: Option<PathBuf>,
    /// Whether these may fit in part only.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub initial_partial: bool,
    /// Paths of weights that do not learn, in which `*` stands for any characters. A module all of whose weights are frozen
    /// runs as in evaluation: batch norm keeps its running statistics.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub freeze: Vec<String>,
    /// What the network computes in while it learns.
    #[serde(default)]
    pub precision: Precision,
    /// Seed of the weights, the order of the images, augmentation and dropout.
    pub seed: u64,
    /// Seed that decides which images are held out; not `seed`, so that runs with several seeds compare.
    pub split_seed: u64,
    /// Learn from this many images only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub train_limit: Option<usize>,
    /// Threads of the engine; all cores if not given. The result does not depend on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threads: Option<usize>,
    /// Longest time between two checkpoints, in seconds. The result does not depend on it.
    pub checkpoint_seconds: f64,
    /// The images.
    pub dataset: Source,
    /// Changes of the images while training.
    pub augmentation: Augmentation,
    /// Settings of the course of the learning rate.
    #[serde(default, skip_serializing_if = "ScheduleOptions::is_default")]
    pub schedule_options: ScheduleOptions,
    /// Weights that are treated apart.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<GroupConfig>,
}

impl TrainConfig {
    /// Settings that suit `model`, on MNIST.
    pub fn new(model: Architecture) -> Self {
        let (epochs, batch_size, augmentation) = match model {
            Architecture::Softmax => (5, 128, Augmentation::NONE),
            Architecture::Mlp => (6, 128, Augmentation::NONE),
            Architecture::LeNet => (6, 128, Augmentation::NONE),
            Architecture::Cnn => (3, 128, Augmentation::NONE),
            Architecture::Cnn4 => (1, 128, Augmentation::NONE),
            Architecture::Cnn4Wide => (18, 128, Augmentation::CENTRED),
        };
        let optimizer = OptimizerKind::Adam;
        TrainConfig {
            name: None,
            model,
            epochs,
            batch_size,
            optimizer,
            learning_rate: Self::learning_rate_for(model, optimizer),
            weight_decay: 0.0,
            label_smoothing: match model {
                Architecture::Cnn4 | Architecture::Cnn4Wide => 0.05,
                _ => 0.0,
            },
            decay_weights_only: false,
            schedule: ScheduleKind::OneCycle,
            warm_up: 0.0,
            ema: None,
            early_stop: None,
            clip_norm: None,
            initial_weights: None,
            initial_partial: false,
            freeze: Vec::new(),
            precision: Precision::F32,
            seed: 0,
            split_seed: 0,
            train_limit: None,
            threads: None,
            checkpoint_seconds: 5.0,
            dataset: Source::Mnist,
            augmentation,
            schedule_options: ScheduleOptions::default(),
            groups: Vec::new(),
        }
    }

    /// A learning rate that suits `model` with `optimizer`.
    pub fn learning_rate_for(model: Architecture, optimizer: OptimizerKind) -> f64 {
        match (optimizer, model) {
            (OptimizerKind::Sgd, Architecture::Softmax) => 0.1,
            (OptimizerKind::Sgd, _) => 0.05,
            (_, Architecture::Softmax) => 0.005,
            // Batch norm bears high rates; chosen on the validation images.
            (_, Architecture::Cnn | Architecture::Cnn4) => 0.02,
            (_, Architecture::Cnn4Wide) => 0.01,
            (_, _) => 0.003,
        }
    }

    /// Refuses settings that make no sense.
    pub fn validate(&self) -> Result<(), TrainError> {
        let refuse = |text: String| Err(TrainError::Config(text));
        if self.epochs == 0 {
            return refuse("--epochs must be at least 1".to_owned());
        }
        if self.batch_size == 0 {
            return refuse("--batch-size must be at least 1".to_owned());
        }
        if !(self.learning_rate.is_finite() && self.learning_rate > 0.0) {
            return refuse(format!("--learning-rate must be above 0, not {}", self.learning_rate));
        }
        if !(self.weight_decay.is_finite() && self.weight_decay >= 0.0) {
            return refuse(format!("--weight-decay must not be below 0, as {} is", self.weight_decay));
        }
        if !(0.0..1.0).contains(&self.label_smoothing) {
            return refuse(format!("--label-smoothing must be from 0 to below 1, not {}", self.label_smoothing));
        }
        if let Some(norm) = self.clip_norm.filter(|norm| !(norm.is_finite() && *norm > 0.0)) {
            return refuse(format!("--clip-norm must be above 0, not {norm}"));
        }
        if let Some(decay) = self.ema.filter(|decay| !(0.0..1.0).contains(decay)) {
            return refuse(format!("--ema must be from 0 to below 1, such as 0.999, not {decay}"));
        }
        if self.early_stop == Some(0) {
            return refuse("--early-stop must be at least 1".to_owned());
        }
        if self.train_limit == Some(0) {
            return refuse("--train-limit must be at least 1".to_owned());
        }
        if self.threads == Some(0) {
            return refuse("--threads must be at least 1".to_owned());
        }
        self.groups.iter().try_for_each(GroupConfig::validate)?;
        self.validate_schedule()?;
        self.validate_name()
    }

    /// Refuses names that make no folder.
    pub(crate) fn validate_name(&self) -> Result<(), TrainError> {
        match &self.name {
            Some(name) if !is_plain(name) => Err(TrainError::Config(format!(
                "a run's name may have letters, digits, '-', '_' and '.' only (not first), unlike '{name}'"
            ))),
            _ => Ok(()),
        }
    }
}

fn is_zero(value: &f64) -> bool {
    *value == 0.0
}

/// Whether a name is safe as the name of a folder, on every system.
fn is_plain(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    !name.is_empty() && name.len() <= 100 && name.chars().all(plain) && !name.starts_with('.') && name != "latest"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn survives_the_file() {
        let mut config = TrainConfig::new(Architecture::LeNet);
        config.dataset = Source::Directory("/some/where".into());
        config.augmentation = Augmentation::AFFINE;
        config.train_limit = Some(7);
        config.ema = Some(0.99);
        config.schedule_options = "min_lr=0.5".parse().unwrap();
        config.groups = vec!["fc*:lr_factor=0.1".parse().unwrap(), "*.bias:weight_decay=0".parse().unwrap()];
        let text = toml::to_string(&config).unwrap();
        assert_eq!(toml::from_str::<TrainConfig>(&text).unwrap(), config, "{text}");
        assert!(text.contains("schedule = \"one-cycle\""), "{text}");
        assert!(toml::from_str::<TrainConfig>(&format!("surprise = 1\n{text}")).is_err());
    }

    #[test]
    fn settings_written_before_some_existed_are_read() {
        let config = TrainConfig::new(Architecture::Cnn);
        let text = toml::to_string(&config).unwrap();
        for later in
            ["smoothing", "ema", "warm_up", "decay_weights_only", "schedule_options", "groups", "freeze", "early"]
        {
            assert!(!text.contains(later), "{later} in {text}");
        }
        assert_eq!(toml::from_str::<TrainConfig>(&text).unwrap(), config);
        let wide = toml::to_string(&TrainConfig::new(Recipe::Best.model())).unwrap();
        assert!(wide.contains("model = \"cnn4-wide\"") && wide.contains("label_smoothing = 0.05"), "{wide}");
    }

    #[test]
    fn names_are_read_and_unknown_ones_explained() {
        assert_eq!("one-cycle".parse(), Ok(ScheduleKind::OneCycle));
        assert_eq!("best".parse(), Ok(Recipe::Best));
        assert_eq!(OptimizerKind::AdamW.to_string(), "adamw");
        let text = "momentum".parse::<OptimizerKind>().unwrap_err();
        assert_eq!(text, "there is no optimizer 'momentum'; there are sgd, adam, adamw");
    }

    #[test]
    fn nonsense_is_refused() {
        let refused = |change: fn(&mut TrainConfig)| {
            let mut config = TrainConfig::new(Architecture::Cnn);
            change(&mut config);
            config.validate().unwrap_err().to_string()
        };
        assert!(refused(|config| config.learning_rate = f64::NAN).contains("--learning-rate must be above 0"));
        assert!(refused(|config| config.epochs = 0).contains("--epochs"));
        assert!(refused(|config| config.name = Some("../up".to_owned())).contains("a run's name may have"));
        assert!(refused(|config| config.clip_norm = Some(-1.0)).contains("--clip-norm must be above 0"));
        assert!(refused(|config| config.ema = Some(1.0)).contains("--ema must be from 0 to below 1"));
        assert!(refused(|config| config.early_stop = Some(0)).contains("--early-stop must be at least 1"));
        assert!(refused(|config| config.threads = Some(0)).contains("--threads"));
        assert!(refused(|config| config.label_smoothing = 1.0).contains("--label-smoothing must be from 0 to below 1"));
    }

    #[test]
    fn a_folder_gives_a_tidy_name() {
        assert_eq!(Source::Directory("/data/My Cats & Dogs".into()).name(), "my-cats---dogs");
        assert_eq!(Source::Directory("/".into()).name(), "data");
    }
}
