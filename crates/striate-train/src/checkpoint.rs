//! Everything a training needs to go on as if it had never stopped, in one file, so that it is always of one moment.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use striate_nn::schedule::ReduceLrOnPlateau;
use striate_nn::state::{StateError, from_safetensors, to_safetensors};
use striate_tensor::Tensor;

/// Tensors by name.
pub(crate) type State = BTreeMap<String, Tensor>;

/// Where a training is. The schedule, the order of the images, augmentation and dropout are functions of these numbers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Position {
    /// Complete epochs.
    pub epoch: usize,
    /// Complete batches of the epoch that runs.
    pub batch: usize,
    /// Complete optimiser steps.
    pub step: u64,
    /// Sum of the losses of the epoch that runs.
    pub loss_sum: f64,
    /// The best complete epoch.
    pub best: Option<Best>,
    /// What the schedule remembers of the epochs, if it looks at them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plateau: Option<ReduceLrOnPlateau>,
    /// Time spent, over all sessions. Decides nothing.
    pub seconds: f64,
}

/// The epoch with the best validation accuracy (the lower loss among equals).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Best {
    /// Epoch, from 1.
    pub epoch: usize,
    pub accuracy: f64,
    pub loss: f64,
}

impl Best {
    pub fn beats(&self, other: Option<&Best>) -> bool {
        other.is_none_or(|other| {
            self.accuracy > other.accuracy || (self.accuracy == other.accuracy && self.loss < other.loss)
        })
    }
}

/// What a trainer needs to go on.
#[derive(Clone, Debug, Default)]
pub(crate) struct TrainerState {
    /// Weights and running statistics.
    pub model: State,
    /// What the optimiser remembers.
    pub optimizer: State,
    /// The running mean of the weights; empty if none is kept.
    pub ema: State,
}

/// The state of a training at one moment.
#[derive(Clone, Debug)]
pub(crate) struct Checkpoint {
    pub position: Position,
    pub trainer: TrainerState,
    /// The weights of the best epoch; empty before the first is complete.
    pub best: State,
}

const POSITION: &str = "position";

impl Checkpoint {
    /// As a safetensors file: `model.*`, `optimizer.*`, `ema.*`, `best.*`, and the position as JSON in a tensor of bytes.
    pub fn encode(&self) -> Result<Vec<u8>, StateError> {
        let TrainerState { model, optimizer, ema } = &self.trainer;
        let parts = [("model", model), ("optimizer", optimizer), ("ema", ema), ("best", &self.best)];
        let named = parts.into_iter().flat_map(|(part, state)| {
            state.iter().map(move |(name, tensor)| (format!("{part}.{name}"), tensor.clone()))
        });
        let mut all: State = named.collect();
        let position = serde_json::to_vec(&self.position).expect("numbers are valid JSON");
        all.insert(POSITION.to_owned(), Tensor::from_slice(&position, &[position.len()]));
        to_safetensors(&all)
    }

    /// From what [`encode`](Checkpoint::encode) gave.
    pub fn decode(bytes: &[u8]) -> Result<Checkpoint, String> {
        let mut all = from_safetensors(bytes).map_err(|error| error.to_string())?;
        let position = all.remove(POSITION).ok_or("it does not say where the training was")?;
        let position = serde_json::from_slice(&position.to_vec::<u8>()).map_err(|error| error.to_string())?;
        let mut checkpoint = Checkpoint { position, trainer: TrainerState::default(), best: State::new() };
        for (name, tensor) in all {
            let part = match name.split_once('.') {
                Some(("model", rest)) => (&mut checkpoint.trainer.model, rest),
                Some(("optimizer", rest)) => (&mut checkpoint.trainer.optimizer, rest),
                Some(("ema", rest)) => (&mut checkpoint.trainer.ema, rest),
                Some(("best", rest)) => (&mut checkpoint.best, rest),
                _ => return Err(format!("it has an unknown tensor '{name}'")),
            };
            part.0.insert(part.1.to_owned(), tensor);
        }
        Ok(checkpoint)
    }
}

/// A copy that later steps do not change.
pub(crate) fn deep_copy(state: &State) -> State {
    let copy = |tensor: &Tensor| {
        let copy = tensor.detach().zeros_like();
        copy.copy_(tensor);
        copy
    };
    state.iter().map(|(name, tensor)| (name.clone(), copy(tensor))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn survives_the_file_bit_for_bit() {
        let weights = Tensor::from_slice(&[0.1f32, -0.0, f32::MIN_POSITIVE, 3e38], &[2, 2]);
        let count = Tensor::from_slice(&[7i64], &[1]);
        let best = Best { epoch: 2, accuracy: 1.0 / 3.0, loss: 0.1 };
        let mut plateau = ReduceLrOnPlateau::new(0.1);
        plateau.step(1.0 / 3.0);
        let trainer = TrainerState {
            model: State::from([("conv1.weight".to_owned(), weights.clone())]),
            optimizer: State::from([("conv1.weight.step".to_owned(), count)]),
            ema: State::from([("conv1.weight".to_owned(), weights.mul_scalar(3.0))]),
        };
        let position = Position { epoch: 2, batch: 5, step: 905, loss_sum: 0.1 + 0.2, ..Position::default() };
        let position = Position { best: Some(best), plateau: Some(plateau), seconds: 1.5, ..position };
        let checkpoint = Checkpoint { position, trainer, best: State::new() };
        let read = Checkpoint::decode(&checkpoint.encode().unwrap()).unwrap();
        assert_eq!(read.position, checkpoint.position);
        let bits = |checkpoint: &Checkpoint| -> Vec<u32> {
            let TrainerState { model, ema, .. } = &checkpoint.trainer;
            let values = [model, ema].map(|state| state["conv1.weight"].to_vec::<f32>()).concat();
            values.iter().map(|value| value.to_bits()).collect()
        };
        assert_eq!(bits(&read), bits(&checkpoint));
        assert_eq!(read.trainer.optimizer["conv1.weight.step"].to_vec::<i64>(), [7]);
        assert!(Checkpoint::decode(b"rubbish").is_err());
    }

    #[test]
    fn the_lower_loss_decides_between_equal_accuracies() {
        let best = |accuracy, loss| Best { epoch: 1, accuracy, loss };
        assert!(best(0.9, 0.3).beats(None));
        assert!(best(0.9, 0.3).beats(Some(&best(0.8, 0.1))));
        assert!(best(0.9, 0.2).beats(Some(&best(0.9, 0.3))));
        assert!(!best(0.9, 0.3).beats(Some(&best(0.9, 0.3))));
    }
}
