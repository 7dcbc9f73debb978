//! Settings as text: `NAME=VALUE` pairs on the command line, and files that name only some.

use serde::de::DeserializeOwned;
use striate_models::digits::Architecture;
use toml::{Table, Value};

use crate::{TrainConfig, TrainError};

/// Reads `gamma=0.5,patience=2` as the fields of `T`.
pub(crate) fn from_text<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    let mut table = Table::new();
    for pair in text.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').ok_or_else(|| format!("'{pair}': write NAME=VALUE"))?;
        let (name, value) = (name.trim(), value.trim());
        let number = value.parse().map(Value::Integer).or_else(|_| value.parse().map(Value::Float));
        if table.insert(name.to_owned(), number.unwrap_or_else(|_| Value::String(value.to_owned()))).is_some() {
            return Err(format!("{name} is set twice"));
        }
    }
    table.try_into().map_err(|error: toml::de::Error| error.message().to_owned())
}

impl TrainConfig {
    /// Settings from the text of a `config.toml`: that of a run, or one that names only some. `model` must be named;
    /// what else is missing suits the model.
    ///
    /// ```
    /// use striate_train::{OptimizerKind, TrainConfig};
    ///
    /// let config = TrainConfig::from_toml("model = \"mlp\"\noptimizer = \"sgd\"\nema = 0.99")?;
    /// assert_eq!((config.optimizer, config.learning_rate), (OptimizerKind::Sgd, 0.05));
    /// # Ok::<(), striate_train::TrainError>(())
    /// ```
    ///
    /// # Errors
    /// [`TrainError::Config`] when it is not TOML, or names a setting that there is not.
    pub fn from_toml(text: &str) -> Result<Self, TrainError> {
        let problem = |error: toml::de::Error| TrainError::Config(error.to_string().trim_end().to_owned());
        let named: Table = toml::from_str(text).map_err(problem)?;
        let model = named.get("model").cloned().ok_or_else(|| {
            let names = "softmax, mlp, lenet, cnn, cnn4, cnn4-wide";
            TrainError::Config(format!("the settings do not name a model (model = \"cnn\"); there are {names}"))
        })?;
        let mut config = TrainConfig::new(model.try_into::<Architecture>().map_err(problem)?);
        if let Some(optimizer) = named.get("optimizer").filter(|_| !named.contains_key("learning_rate")) {
            config.optimizer = optimizer.clone().try_into().map_err(problem)?;
            config.learning_rate = Self::learning_rate_for(config.model, config.optimizer);
        }
        let mut all = Table::try_from(&config).expect("settings are valid TOML");
        all.extend(named);
        all.try_into().map_err(problem)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Precision;

    #[test]
    fn a_file_may_name_some_settings_only() {
        let config = TrainConfig::from_toml("model = \"cnn\"\nprecision = \"bf16\"\nepochs = 7").unwrap();
        let expected = TrainConfig { epochs: 7, precision: Precision::Bf16, ..TrainConfig::new(Architecture::Cnn) };
        assert_eq!(config, expected);
        let all = toml::to_string(&expected).unwrap();
        assert_eq!(TrainConfig::from_toml(&all).unwrap(), expected);
    }

    #[test]
    fn mistakes_are_named() {
        let refused = |text: &str| TrainConfig::from_toml(text).unwrap_err().to_string();
        assert!(refused("epochs = 3").contains("do not name a model"));
        assert!(refused("model = \"transformer\"").contains("unknown variant `transformer`"));
        assert!(refused("model = \"mlp\"\nepoch = 3").contains("unknown field `epoch`"));
        assert!(refused("model = ").contains("line 1"), "{}", refused("model = "));
        assert_eq!(from_text::<Table>("a=1,a=2").unwrap_err(), "a is set twice");
    }
}
