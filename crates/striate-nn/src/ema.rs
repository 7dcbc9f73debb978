//! A running mean of the weights.

use std::collections::BTreeMap;

use striate_kernels::pointwise::zip_in_place;
use striate_tensor::{DType, Tensor, TensorError};

use crate::optim::StateMismatch;
use crate::{Module, Slot};

/// The name under which the number of updates is saved, as in PyTorch's `AveragedModel`.
const UPDATES: &str = "n_averaged";

/// An exponential moving average of a model's weights, which often classifies better than the newest weights (PyTorch's
/// `AveragedModel` with `get_ema_multi_avg_fn`).
///
/// ```text
/// average = parameter                                       at the first update
/// average = decay * average + (1 - decay) * parameter       at the others
/// ```
///
/// Buffers (running statistics) are copied, not averaged, unless [`use_buffers`](Ema::use_buffers) asks for it; whole
/// numbers, such as the batches counted by batch norm, are always copied.
///
/// ```
/// use striate_nn::{Ema, Linear, Module};
/// use striate_tensor::{Tensor, random::Generator};
///
/// let model = Linear::from_parameters(Tensor::from_slice(&[1.0_f32], &[1, 1]), None);
/// let mut ema = Ema::new(&model, 0.9);
/// ema.update(&model);
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
    use_buffers: bool,
    warm_up: bool,
    updates: u64,
    average: BTreeMap<String, Tensor>,
}

impl Ema {
    /// An average of the weights of `model`. PyTorch's default decay is 0.999.
    ///
    /// # Panics
    /// If `decay` is not in `0..=1`.
    #[track_caller]
    pub fn new(model: &dyn Module, decay: f64) -> Self {
        assert!((0.0..=1.0).contains(&decay), "Ema: decay = {decay} must lie from 0 to 1");
        let average = model.state_dict().into_iter().map(|(name, tensor)| (name, tensor.copy())).collect();
        Self { decay, use_buffers: false, warm_up: false, updates: 0, average }
    }

    /// Whether buffers are averaged like the parameters (`use_buffers` of PyTorch's `AveragedModel`): the running
    /// statistics of batch norm then belong to the averaged weights rather than to the newest.
    pub fn use_buffers(mut self, use_buffers: bool) -> Self {
        self.use_buffers = use_buffers;
        self
    }

    /// Whether the average is short at first: update number `t` decays by no more than `(1 + t) / (10 + t)`, so that the
    /// weights of the first steps do not weigh on it for long (TensorFlow's `ExponentialMovingAverage` with
    /// `num_updates`). For trainings that are not much longer than `1 / (1 - decay)` steps.
    pub fn warm_up(mut self, warm_up: bool) -> Self {
        self.warm_up = warm_up;
        self
    }

    /// Takes in the weights of the model, after an optimiser step.
    ///
    /// # Panics
    /// If the model is not of the kind the average was made of.
    #[track_caller]
    pub fn update(&mut self, model: &dyn Module) {
        let decay = self.next_decay();
        let mut problem = None;
        model.visit_tensors("", &mut |name, slot| {
            let (newest, averages) = match slot {
                Slot::Parameter(tensor) => (tensor, true),
                Slot::Buffer(tensor) => (tensor, self.use_buffers),
                Slot::Child(_) => return,
            };
            let updated = match self.average.get(&name) {
                None => Err("the average has not; average the model it was made of".to_owned()),
                Some(average) => {
                    let decay = if averages { decay } else { 0.0 };
                    lerp(average, newest, 1.0 - decay).map_err(|error| error.to_string())
                }
            };
            if let Err(text) = updated {
                problem.get_or_insert(format!("Ema: the model has `{name}`: {text}"));
            }
        });
        if let Some(problem) = problem {
            panic!("{problem}");
        }
        self.updates += 1;
    }

    fn next_decay(&self) -> f64 {
        let updates = self.updates as f64;
        match self.updates {
            0 => 0.0,
            _ if self.warm_up => self.decay.min((1.0 + updates) / (10.0 + updates)),
            _ => self.decay,
        }
    }

    /// The averages by path, ready for [`Module::load_state_dict`]. They change with the next update. Before the first
    /// update they are the weights that the average was made of.
    pub fn state_dict(&self) -> &BTreeMap<String, Tensor> {
        &self.average
    }

    /// What is needed to go on: the averages, and how many updates they are made of (`n_averaged`). Shares memory with
    /// the average: write it out or copy it before the next update.
    pub fn state(&self) -> BTreeMap<String, Tensor> {
        let mut state = self.average.clone();
        state.insert(UPDATES.to_owned(), Tensor::scalar(self.updates as i64));
        state
    }

    /// Takes up what [`Ema::state`] gave.
    ///
    /// # Errors
    /// When a tensor is missing, unexpected, or of another shape or dtype; the average is then unchanged.
    pub fn load_state(&mut self, state: &BTreeMap<String, Tensor>) -> Result<(), StateMismatch> {
        let refuse = |name: &str, problem: String| Err(StateMismatch { name: name.to_owned(), problem });
        let Some(updates) = state.get(UPDATES).filter(|count| count.dtype() == DType::I64 && count.numel() == 1) else {
            return refuse(UPDATES, "is missing: it counts the updates".to_owned());
        };
        if let Some(name) = state.keys().find(|name| *name != UPDATES && !self.average.contains_key(*name)) {
            return refuse(name, "is unknown: the model has no such tensor".to_owned());
        }
        for (name, average) in &self.average {
            let Some(saved) = state.get(name) else { return refuse(name, "is missing".to_owned()) };
            if saved.shape() != average.shape() || saved.dtype() != average.dtype() {
                let (found, own) = ((saved.dtype(), saved.shape()), (average.dtype(), average.shape()));
                return refuse(name, format!("is {} {:?}, expected {} {:?}", found.0, found.1, own.0, own.1));
            }
        }
        for (name, average) in &self.average {
            average.copy_(&state[name]);
        }
        self.updates = updates.item::<i64>().max(0) as u64;
        Ok(())
    }
}

/// `average += weight * (newest - average)`, in the form that is exact at both ends (PyTorch's `lerp_`).
fn lerp(average: &Tensor, newest: &Tensor, weight: f64) -> Result<(), TensorError> {
    let near = weight < 0.5;
    match average.dtype() {
        _ if weight == 1.0 => average.try_copy_(newest),
        DType::F32 => {
            let (weight, rest) = (weight as f32, (1.0 - weight) as f32);
            average.try_update_with::<f32>(newest, |average, newest| {
                zip_in_place(average, newest, move |a, n| if near { a + weight * (n - a) } else { n - rest * (n - a) });
            })
        }
        DType::F64 => average.try_update_with::<f64>(newest, |average, newest| {
            let rest = 1.0 - weight;
            zip_in_place(average, newest, move |a, n| if near { a + weight * (n - a) } else { n - rest * (n - a) });
        }),
        _ => average.try_copy_(newest),
    }
}
