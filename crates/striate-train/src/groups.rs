//! Weights that are treated apart.

use std::collections::BTreeMap;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use striate_nn::optim::ParameterGroup;
use striate_nn::{Module, PathPattern};
use striate_tensor::Tensor;

use crate::settings::from_text;
use crate::{TrainConfig, TrainError};

/// Parameters with a learning rate or weight decay of their own.
///
/// On the command line: `conv*:lr_factor=0.1,weight_decay=0`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GroupConfig {
    /// Their paths, in which `*` stands for any characters: `conv*`, `*.bias`. Of several groups that a parameter is in,
    /// the first counts.
    pub parameters: String,
    /// Their learning rate as a factor of the training's; 0 leaves them as they are.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub lr_factor: f64,
    /// Their weight decay, in place of the training's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight_decay: Option<f64>,
}

fn one() -> f64 {
    1.0
}

fn is_one(value: &f64) -> bool {
    *value == 1.0
}

/// What may be written after the colon.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Treatment {
    #[serde(default = "one")]
    lr_factor: f64,
    weight_decay: Option<f64>,
}

impl FromStr for GroupConfig {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let example = "write PATTERN:lr_factor=FACTOR,weight_decay=DECAY, or one of the two";
        let (parameters, treatment) = text.rsplit_once(':').ok_or(example)?;
        if parameters.is_empty() || treatment.is_empty() {
            return Err(example.to_owned());
        }
        let Treatment { lr_factor, weight_decay } = from_text(treatment)?;
        Ok(GroupConfig { parameters: parameters.to_owned(), lr_factor, weight_decay })
    }
}

impl GroupConfig {
    /// Refuses values that make no sense.
    pub(crate) fn validate(&self) -> Result<(), TrainError> {
        let fits = |value: f64| value.is_finite() && value >= 0.0;
        if fits(self.lr_factor) && self.weight_decay.is_none_or(fits) {
            return Ok(());
        }
        Err(TrainError::Config(format!("--group {}: lr_factor and weight_decay must not be below 0", self.parameters)))
    }
}

/// Stops the learning of the weights that the settings name, and gives the modules that run as in evaluation then: those
/// all of whose weights are frozen.
pub(crate) fn freeze(config: &TrainConfig, model: &dyn Module) -> Result<Vec<PathPattern>, TrainError> {
    for pattern in &config.freeze {
        if model.freeze(&PathPattern::new(pattern.as_str())) == 0 {
            return Err(no_such_path("--freeze", pattern, config, &model.named_parameters()));
        }
    }
    // By the path of the module, whether something in it still learns.
    let mut learning: BTreeMap<String, bool> = BTreeMap::new();
    for (path, parameter) in model.named_parameters() {
        let module = path.rsplit_once('.').map_or("", |(module, _)| module);
        *learning.entry(module.to_owned()).or_default() |= parameter.requires_grad();
    }
    if !learning.values().any(|&learns| learns) {
        return Err(TrainError::Config("--freeze leaves no weight that learns".to_owned()));
    }
    Ok(learning.into_iter().filter(|(_, learns)| !learns).map(|(module, _)| PathPattern::new(module)).collect())
}

fn no_such_path(option: &str, pattern: &str, config: &TrainConfig, parameters: &[(String, Tensor)]) -> TrainError {
    let paths: Vec<&str> = parameters.iter().map(|(path, _)| path.as_str()).collect();
    let (model, paths) = (config.model, paths.join(", "));
    TrainError::Config(format!("{option} {pattern}: no parameter has such a path; {model} has {paths}"))
}

/// The parameters of a model in the groups that the settings ask for.
pub(crate) fn parameter_groups(
    config: &TrainConfig,
    parameters: Vec<(String, Tensor)>,
) -> Result<Vec<ParameterGroup>, TrainError> {
    let patterns: Vec<PathPattern> =
        config.groups.iter().map(|group| PathPattern::new(group.parameters.as_str())).collect();
    if let Some(unused) = patterns.iter().position(|pattern| !parameters.iter().any(|(path, _)| pattern.matches(path)))
    {
        return Err(no_such_path("--group", &config.groups[unused].parameters, config, &parameters));
    }
    // By the number of the settings' group (the last stands for all others) and whether decay is left out.
    let mut members: BTreeMap<(usize, bool), Vec<(String, Tensor)>> = BTreeMap::new();
    for (path, parameter) in parameters {
        let group = patterns.iter().position(|pattern| pattern.matches(&path)).unwrap_or(patterns.len());
        let exempt = config.decay_weights_only && parameter.rank() < 2;
        members.entry((group, exempt)).or_default().push((path, parameter));
    }
    let grouped = members.into_iter().map(|((group, exempt), parameters)| {
        let settings = config.groups.get(group);
        let own_decay = settings.and_then(|settings| settings.weight_decay);
        let made = ParameterGroup::new(parameters).lr_factor(settings.map_or(1.0, |settings| settings.lr_factor));
        match own_decay.or(exempt.then_some(0.0)) {
            Some(decay) => made.weight_decay(decay),
            None => made,
        }
    });
    Ok(grouped.collect())
}

#[cfg(test)]
mod tests {
    use striate_models::digits::Architecture;

    use super::*;

    #[test]
    fn the_text_of_the_command_line_is_read() {
        let read = |text: &str| text.parse::<GroupConfig>();
        let group = |weight_decay, lr_factor| GroupConfig { parameters: "conv*".to_owned(), lr_factor, weight_decay };
        assert_eq!(read("conv*:lr_factor=0.1"), Ok(group(None, 0.1)));
        assert_eq!(read("conv*:weight_decay=0,lr_factor=2"), Ok(group(Some(0.0), 2.0)));
        for (text, wanted) in [
            ("conv*", "write PATTERN:"),
            ("conv*:", "write PATTERN:"),
            (":lr_factor=1", "write PATTERN:"),
            ("conv*:lr=1", "unknown field `lr`"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(wanted), "{text}: {error}");
        }
        assert!(read("a:lr_factor=-1").unwrap().validate().is_err());
    }

    #[test]
    fn a_pattern_that_fits_nothing_is_refused() {
        let groups = vec!["fc9*:lr_factor=0".parse().unwrap()];
        let config = TrainConfig { groups, ..TrainConfig::new(Architecture::Mlp) };
        let parameters = vec![("fc1.weight".to_owned(), Tensor::scalar(0.0_f32))];
        let text = parameter_groups(&config, parameters).unwrap_err().to_string();
        assert!(text.contains("--group fc9*: no parameter has such a path; mlp has fc1.weight"), "{text}");
    }
}
