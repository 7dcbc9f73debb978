//! Parameters that are treated alike.

use striate_tensor::Tensor;

/// Parameters with a learning rate or weight decay of their own (an entry of PyTorch's `param_groups`).
///
/// A group's rate is a factor of the optimiser's, so that one [`Schedule`](crate::schedule::Schedule) drives them all and
/// their ratio stays: PyTorch's group with `lr=0.001` in an optimiser with `lr=0.01` is `lr_factor(0.1)` here. Groups are
/// settings, not state: they are not saved, and a state fits however the parameters are grouped.
///
/// ```
/// use striate_nn::optim::{AdamW, Optimizer, ParameterGroup};
/// use striate_nn::{Linear, Module, Sequential};
/// use striate_tensor::random::Generator;
///
/// let mut generator = Generator::new(0);
/// let model = Sequential::new().with("fc1", Linear::new(4, 8, &mut generator)).with("fc2", Linear::new(8, 2, &mut generator));
/// // The usual split: no decay for biases.
/// let (biases, weights) = model.named_parameters().into_iter().partition(|(name, _)| name.ends_with("bias"));
/// let groups = vec![ParameterGroup::new(weights).lr_factor(0.1), ParameterGroup::new(biases).weight_decay(0.0)];
/// let optimizer = AdamW::new(groups, 1e-3);
/// assert_eq!(optimizer.parameters().len(), 4);
/// ```
#[derive(Debug, Clone)]
pub struct ParameterGroup {
    pub(super) parameters: Vec<(String, Tensor)>,
    pub(super) lr_factor: f64,
    pub(super) weight_decay: Option<f64>,
}

impl ParameterGroup {
    /// These parameters, with the optimiser's settings.
    pub fn new(parameters: Vec<(String, Tensor)>) -> Self {
        Self { parameters, lr_factor: 1.0, weight_decay: None }
    }

    /// The group's learning rate as a factor of the optimiser's.
    pub fn lr_factor(mut self, lr_factor: f64) -> Self {
        self.lr_factor = lr_factor;
        self
    }

    /// The group's weight decay, in place of the optimiser's.
    pub fn weight_decay(mut self, weight_decay: f64) -> Self {
        self.weight_decay = Some(weight_decay);
        self
    }
}

/// What an optimiser takes: the parameters as one list, or in groups.
#[derive(Debug, Clone)]
pub struct ParameterGroups(pub(super) Vec<ParameterGroup>);

impl From<Vec<(String, Tensor)>> for ParameterGroups {
    fn from(parameters: Vec<(String, Tensor)>) -> Self {
        Self(vec![ParameterGroup::new(parameters)])
    }
}

impl From<Vec<ParameterGroup>> for ParameterGroups {
    fn from(groups: Vec<ParameterGroup>) -> Self {
        Self(groups)
    }
}
