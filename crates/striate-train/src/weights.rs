//! Weights from elsewhere: reading a file, seeing whether it fits, keeping it as a run.

use std::fs;
use std::io;
use std::path::Path;
use std::time::Instant;

use striate_data::{Normalization, Splits};
use striate_nn::Module;
use striate_nn::state::{LoadReport, NameMap, WeightFile};

use crate::checkpoint::State;
use crate::trainer::{build, measure};
use crate::{Event, InputCard, Run, RunStore, Summary, TrainConfig, TrainError, atomic};

/// The weights of a training that starts from others, in its run's folder.
pub(crate) const INITIAL: &str = "initial.safetensors";

/// Reads a file of weights, of PyTorch or safetensors; of the entry `entry` of a checkpoint, if given.
///
/// # Errors
/// [`TrainError::Weights`] says why the file cannot be used.
pub fn read_weights(path: &Path, entry: Option<&str>) -> Result<WeightFile, TrainError> {
    let metadata = fs::metadata(path).map_err(cannot_read(path))?;
    if !metadata.is_file() {
        return Err(refused(path, "it is not a file\nGive the .pt, .pth or .safetensors file itself."));
    }
    let bytes = fs::read(path).map_err(cannot_read(path))?;
    let file = match entry {
        Some(entry) => WeightFile::read_entry(&bytes, entry),
        None => WeightFile::read(&bytes),
    };
    file.map_err(|error| refused(path, error))
}

fn cannot_read(path: &Path) -> impl FnOnce(io::Error) -> TrainError {
    move |error| refused(path, format!("{error}\nCheck the name, and that you may read the file."))
}

fn refused(path: &Path, reason: impl ToString) -> TrainError {
    TrainError::Weights { path: path.to_path_buf(), reason: reason.to_string() }
}

/// How `state` fits the network that `config` names, for its images.
///
/// # Errors
/// When the images cannot be read, or the network cannot be used on them.
pub fn check_weights(config: &TrainConfig, state: &State) -> Result<LoadReport, TrainError> {
    let splits = Splits::new(config.dataset.read()?, config.split_seed)?;
    let model = build(config, &InputCard::of(&splits, &config.dataset))?;
    Ok(LoadReport::compare(&model.state_dict(), state))
}

/// Makes a finished run of weights that were learned elsewhere, from `file`, and measures them on the validation and the
/// test part. `normalization` is how the images were normalised when they were learned; not given, it is taken from the
/// training images.
///
/// # Errors
/// As [`train`](crate::train); also if the weights do not fit.
pub fn import_weights(
    config: &TrainConfig,
    store: &RunStore,
    state: &State,
    normalization: Option<Normalization>,
    file: &Path,
) -> Result<Summary, TrainError> {
    let began = Instant::now();
    let config = TrainConfig { epochs: 0, initial_weights: Some(absolute(file)), ..config.clone() };
    config.validate_name()?;
    let splits = Splits::new(config.dataset.read()?, config.split_seed)?;
    let mut card = InputCard::of(&splits, &config.dataset);
    if let Some(normalization) = normalization {
        let usable = |values: &[f32]| values.len() == card.channels && values.iter().all(|value| value.is_finite());
        let Normalization { mean, std } = &normalization;
        if !usable(mean) || !usable(std) || std.iter().any(|&std| std <= 0.0) {
            let channels = card.channels;
            return Err(TrainError::Config(format!(
                "--mean and --std need one number for each of the {channels} channels, and --std must be above 0"
            )));
        }
        card.normalization = normalization;
    }
    let model = build(&config, &card)?;
    model.load_state_dict(state).map_err(|error| refused(file, error))?;
    let validation = measure(&model, &card, &splits.validation);
    let test = measure(&model, &card, &splits.test);
    let run = store.create(&config)?;
    let _lock = run.lock()?;
    run.write_json("input.json", &card)?;
    write_state(&run, "model.safetensors", &model.state_dict())?;
    let summary = Summary {
        run: run.id().to_owned(),
        folder: run.folder().to_path_buf(),
        model: config.model.to_string(),
        dataset: splits.test.dataset().source.clone(),
        test_accuracy: test.accuracy,
        test_loss: test.loss,
        test_images: splits.test.len(),
        best_epoch: 0,
        validation_accuracy: validation.accuracy,
        epochs: 0,
        steps: 0,
        parameters: model.num_parameters(),
        seconds: began.elapsed().as_secs_f64(),
    };
    let event = serde_json::to_string(&Event::Finished(summary.clone())).expect("names and numbers are valid JSON");
    atomic::write(&run.path("metrics.jsonl"), format!("{event}\n").as_bytes())?;
    run.write_json("summary.json", &summary)?;
    Ok(summary)
}

/// The weights that a new training of `config` starts from, if it names some; checked against the network.
pub(crate) fn initial(config: &TrainConfig, model: &dyn Module) -> Result<Option<State>, TrainError> {
    let Some(path) = &config.initial_weights else { return Ok(None) };
    let state = NameMap::new().unwrap_wrappers().apply(read_weights(path, None)?.state_dict());
    let state = state.map_err(|clash| refused(path, clash))?;
    let report = LoadReport::compare(&model.state_dict(), &state);
    if report.loaded.is_empty() || !(report.is_exact() || config.initial_partial) {
        let next = if report.loaded.is_empty() {
            "`striate weights FILE` shows what is in it."
        } else {
            "Start from what fits with --init-partial; `striate weights FILE --model MODEL --rename FROM=TO` tries names."
        };
        return Err(refused(path, format!("they do not fit {}: {report}\n{next}", config.model)));
    }
    Ok(Some(state))
}

/// Writes tensors into a run's folder.
pub(crate) fn write_state(run: &Run, name: &str, state: &State) -> Result<(), TrainError> {
    let path = run.path(name);
    let bytes = striate_nn::state::to_safetensors(state).map_err(TrainError::damaged(&path))?;
    atomic::write(&path, &bytes)
}

/// The path from anywhere.
fn absolute(path: &Path) -> std::path::PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf())
}
