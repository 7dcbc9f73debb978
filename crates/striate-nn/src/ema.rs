//! A running mean of the weights.

use std::collections::BTreeMap;

use striate_tensor::{DType, Tensor, no_grad};

use crate::Module;
use crate::state::{LoadError, LoadReport};

/// An exponential moving average of a model's weights, which often classifies better than the newest weights (PyTorch's
/// `AveragedModel` with `get_ema_multi_avg_fn`).
///
/// ```text
/// average = decay * average + (1 - decay) * parameter
/// ```
///
/// It starts as a copy of the weights. Buffers (running statistics) are copied, not averaged, as in PyTorch.
///
/// ```
/// use striate_nn::{Ema, Linear, Module};
/// use striate_tensor::{Tensor, random::Generator};
///
/// let model = Linear::from_parameters(Tensor::from_slice(&[1.0_f32], &[1, 1]), None);
/// let mut ema = Ema::new(&model, 0.9);
/// model.weight().copy_(&Tensor::from_slice(&[2.0_f32], &[1, 1]));
/// ema.update(&model);
/// assert!((ema.state_dict()["weight"].item::<f32>() - 1.1).abs() < 1e-6);
///
/// // To evaluate with the averages: a second model of the same kind takes them.
/// let averaged = Linear::with_bias(1, 1, false, &mut Generator::new(0));
/// averaged.load_state_dict(ema.state_dict())?;
/// # Ok::<(), striate_nn::state::LoadError>(())
/// ```
#[derive(Debug)]
pub struct Ema {
    decay: f64,
    average: BTreeMap<String, Tensor>,
}

impl Ema {
    /// Starts from the present weights. PyTorch's default decay is 0.999.
    ///
    /// # Panics
    /// If `decay` is not in `0..=1`.
    #[track_caller]
    pub fn new(model: &dyn Module, decay: f64) -> Self {
        assert!((0.0..=1.0).contains(&decay), "Ema: decay = {decay} must lie from 0 to 1");
        let average = model.state_dict().into_iter().map(|(name, tensor)| (name, tensor.copy())).collect();
        Self { decay, average }
    }

    /// Takes in the weights of the model, after an optimiser step.
    ///
    /// # Panics
    /// If the model is not of the kind the average was made of.
    #[track_caller]
    pub fn update(&mut self, model: &dyn Module) {
        let averaged: Vec<String> = model.named_parameters().into_iter().map(|(name, _)| name).collect();
        no_grad(|| {
            for (name, newest) in model.state_dict() {
                let average = self.average.get(&name).unwrap_or_else(|| {
                    panic!("Ema: the model has `{name}`, the average has not; average the model it was made of")
                });
                if newest.dtype() == DType::I64 || !averaged.contains(&name) {
                    average.copy_(&newest);
                } else {
                    average.copy_(&average.mul_scalar(self.decay).add(&newest.mul_scalar(1.0 - self.decay)));
                }
            }
        });
    }

    /// The averages by path, ready for [`Module::load_state_dict`] and for saving. They change with the next update.
    pub fn state_dict(&self) -> &BTreeMap<String, Tensor> {
        &self.average
    }

    /// Takes up saved averages.
    ///
    /// # Errors
    /// When a tensor is missing, unexpected or of another shape; the averages are then unchanged.
    pub fn load_state_dict(&mut self, state: &BTreeMap<String, Tensor>) -> Result<LoadReport, LoadError> {
        let report = LoadReport::compare(&self.average, state);
        if !report.is_exact() {
            return Err(LoadError { report: Box::new(report) });
        }
        crate::state::load(&self.average, state, &report);
        Ok(report)
    }
}
