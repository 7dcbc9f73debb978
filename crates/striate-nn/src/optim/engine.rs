//! What all optimisers share: parameters in groups, memory by name, and the walk over both. An optimiser is a [`Rule`].

use std::collections::BTreeMap;

use striate_kernels::Element;
use striate_kernels::optimizer::update_in_pieces;
use striate_tensor::{DType, Tensor, TensorElement, TensorError};

use super::memory::{Memory, import, like};
use super::{ParameterGroup, ParameterGroups, StateMismatch};

/// The kind under which the number of steps of a parameter is saved.
const STEP: &str = "step";

/// The most memories a rule keeps for each parameter.
pub(super) const MEMORIES: usize = 3;

/// One step of one parameter.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step {
    /// Learning rate of the parameter's group.
    pub lr: f64,
    /// Weight decay of the parameter's group.
    pub weight_decay: f64,
    /// Steps of this parameter so far, this one included: 1 at the first.
    pub number: u64,
    /// Whether the memories have just been made.
    pub fresh: bool,
}

impl Step {
    /// What weight decay multiplies the parameter by, and how much of the parameter it adds to the gradient.
    pub fn decay(&self, decoupled: bool) -> (f64, f64) {
        if decoupled { (1.0 - self.lr * self.weight_decay, 0.0) } else { (1.0, self.weight_decay) }
    }
}

/// The arithmetic of an optimiser on one parameter.
pub(super) trait Rule: Send + Sync {
    /// Names of the memories kept for each parameter, at most [`MEMORIES`].
    const KINDS: &'static [&'static str];
    /// Whether the number of steps belongs to the state.
    const COUNTS: bool = true;

    /// Whether memory number `index` of [`Rule::KINDS`] is needed with the present settings.
    fn uses(&self, _index: usize) -> bool {
        true
    }

    /// What the memories start with.
    fn initial(&self) -> f64 {
        0.0
    }

    /// Moves `parameter` and the memories; those not in use are empty. What is given is a part of the parameter.
    fn update<T: Element>(&self, parameter: &mut [T], gradient: &[T], memories: [&mut [T]; MEMORIES], step: &Step);

    /// The same for the whole parameter, in parallel: for rules with something to find out beforehand.
    fn update_all<T: Element>(&self, parameter: &mut [T], gradient: &[T], memories: [&mut [T]; MEMORIES], step: &Step)
    where
        Self: Sized,
    {
        update_in_pieces(parameter, gradient, memories, |parameter, gradient, memories| {
            self.update(parameter, gradient, memories, step);
            [0.0; 2]
        });
    }

    /// The same for tensors: for rules that look at more than one element at a time.
    fn update_tensor(
        &self,
        parameter: &Tensor,
        gradient: &Tensor,
        memories: [Option<&Tensor>; MEMORIES],
        step: &Step,
    ) -> Result<(), TensorError>
    where
        Self: Sized,
    {
        walk(self, parameter, gradient, memories, step)
    }
}

/// Runs [`Rule::update_all`] on the elements of these tensors.
pub(super) fn walk<R: Rule>(
    rule: &R,
    parameter: &Tensor,
    gradient: &Tensor,
    memories: [Option<&Tensor>; MEMORIES],
    step: &Step,
) -> Result<(), TensorError> {
    match parameter.dtype() {
        DType::F64 => walk_as::<f64, R>(rule, parameter, gradient, memories, step),
        _ => walk_as::<f32, R>(rule, parameter, gradient, memories, step),
    }
}

fn walk_as<T: TensorElement<Stored = T> + Element, R: Rule>(
    rule: &R,
    parameter: &Tensor,
    gradient: &Tensor,
    [a, b, c]: [Option<&Tensor>; MEMORIES],
    step: &Step,
) -> Result<(), TensorError> {
    open::<T>(a, gradient, |a| {
        open::<T>(b, gradient, |b| {
            open::<T>(c, gradient, |c| {
                parameter.try_update_with::<T>(gradient, |p, g| rule.update_all(p, g, [a, b, c], step))
            })
        })
    })
}

/// Gives `body` the elements of a memory, or nothing.
fn open<T: TensorElement<Stored = T> + Element>(
    memory: Option<&Tensor>,
    gradient: &Tensor,
    body: impl FnOnce(&mut [T]) -> Result<(), TensorError>,
) -> Result<(), TensorError> {
    let Some(memory) = memory else { return body(&mut []) };
    let mut inner = Ok(());
    memory.try_update_with::<T>(gradient, |data, _| inner = body(data))?;
    inner
}

/// What a group asks for.
#[derive(Debug, Clone, Copy)]
struct Setting {
    lr_factor: f64,
    weight_decay: Option<f64>,
}

/// Refuses what cannot be meant: nothing to learn, a parameter that would take two steps at a time, a rate below 0.
#[track_caller]
pub(super) fn check_start(parameters: &[(String, Tensor)], lr: f64) {
    assert!(!parameters.is_empty(), "an optimiser needs parameters: give it model.named_parameters()");
    for (index, (name, parameter)) in parameters.iter().enumerate() {
        if let Some((other, _)) = parameters[..index].iter().find(|(_, other)| other.is_same(parameter)) {
            panic!("`{other}` and `{name}` are one parameter, which would take two steps at a time: list it once");
        }
    }
    assert!(lr >= 0.0, "the learning rate is {lr}: choose 0 or more");
}

/// The rates of running means, if they are such.
#[track_caller]
pub(super) fn running_means(betas: [f64; 2]) -> [f64; 2] {
    assert!(betas.iter().all(|beta| (0.0..1.0).contains(beta)), "betas are {betas:?}: choose from 0 to below 1");
    betas
}

/// A rule with its parameters.
#[derive(Debug)]
pub(super) struct Engine<R> {
    pub rule: R,
    pub lr: f64,
    pub weight_decay: f64,
    parameters: Vec<(String, Tensor)>,
    settings: Vec<Setting>,
    memories: Vec<Memory>,
    steps: Vec<u64>,
}

impl<R: Rule> Engine<R> {
    #[track_caller]
    pub fn new(groups: ParameterGroups, lr: f64, weight_decay: f64, rule: R) -> Self {
        let (mut parameters, mut settings) = (Vec::new(), Vec::new());
        for ParameterGroup { parameters: members, lr_factor, weight_decay } in groups.0 {
            settings.extend(members.iter().map(|_| Setting { lr_factor, weight_decay }));
            parameters.extend(members);
        }
        check_start(&parameters, lr);
        let memories = R::KINDS.iter().map(|kind| Memory::new(kind, parameters.len())).collect();
        let steps = vec![0; parameters.len()];
        Self { rule, lr, weight_decay, parameters, settings, memories, steps }
    }

    pub fn parameters(&self) -> &[(String, Tensor)] {
        &self.parameters
    }

    pub fn step(&mut self) {
        for (index, (name, parameter)) in self.parameters.iter().enumerate() {
            let Some(gradient) = parameter.grad() else { continue };
            let mut fresh = false;
            for (kind, memory) in self.memories.iter_mut().enumerate().filter(|(kind, _)| self.rule.uses(*kind)) {
                let slot = &mut memory.slots[index];
                if slot.is_none() {
                    (fresh, *slot) = (true, Some(like(parameter, self.rule.initial())));
                }
                debug_assert!(kind < MEMORIES, "a rule keeps at most {MEMORIES} memories");
            }
            self.steps[index] += 1;
            let Setting { lr_factor, weight_decay } = self.settings[index];
            let weight_decay = weight_decay.unwrap_or(self.weight_decay);
            let step = Step { lr: self.lr * lr_factor, weight_decay, number: self.steps[index], fresh };
            let memories = std::array::from_fn(|kind| {
                self.memories.get(kind).filter(|_| self.rule.uses(kind)).and_then(|memory| memory.slots[index].as_ref())
            });
            let updated = self.rule.update_tensor(parameter, &gradient, memories, &step);
            updated.unwrap_or_else(|error| panic!("optimiser: parameter `{name}`: {error}"));
        }
    }

    pub fn state(&self) -> BTreeMap<String, Tensor> {
        let mut state = BTreeMap::new();
        for memory in &self.memories {
            memory.export(&self.parameters, &mut state);
        }
        if R::COUNTS {
            for ((name, _), &steps) in self.parameters.iter().zip(&self.steps).filter(|(_, steps)| **steps > 0) {
                state.insert(format!("{name}.{STEP}"), Tensor::scalar(steps as i64));
            }
        }
        state
    }

    pub fn load_state(&mut self, state: &BTreeMap<String, Tensor>) -> Result<(), StateMismatch> {
        let mut kinds = R::KINDS.to_vec();
        kinds.extend(R::COUNTS.then_some(STEP));
        let mut memories = import(&kinds, &self.parameters, state, |kind, parameter| {
            if kind == STEP { (Vec::new(), DType::I64) } else { (parameter.shape().to_vec(), parameter.dtype()) }
        })?;
        self.steps = vec![0; self.parameters.len()];
        if R::COUNTS {
            let counted = memories.pop().expect("the steps come last");
            let steps =
                counted.slots.iter().map(|slot| slot.as_ref().map_or(0, |step| step.item::<i64>().max(0) as u64));
            self.steps = steps.collect();
        }
        self.memories = memories;
        Ok(())
    }
}

/// Implements [`Optimizer`](super::Optimizer), and the setting that all have, for a newtype of [`Engine`].
macro_rules! optimizer {
    ($name:ident) => {
        impl $name {
            /// Strength of the weight decay, for all groups that set none of their own.
            pub fn weight_decay(mut self, weight_decay: f64) -> Self {
                self.0.weight_decay = weight_decay;
                self
            }
        }

        impl $crate::optim::Optimizer for $name {
            fn parameters(&self) -> &[(String, striate_tensor::Tensor)] {
                self.0.parameters()
            }

            fn step(&mut self) {
                self.0.step();
            }

            fn lr(&self) -> f64 {
                self.0.lr
            }

            fn set_lr(&mut self, lr: f64) {
                self.0.lr = lr;
            }

            fn state(&self) -> std::collections::BTreeMap<String, striate_tensor::Tensor> {
                self.0.state()
            }

            fn load_state(
                &mut self,
                state: &std::collections::BTreeMap<String, striate_tensor::Tensor>,
            ) -> Result<(), $crate::optim::StateMismatch> {
                self.0.load_state(state)
            }
        }
    };
}
pub(super) use optimizer;

/// A setting of the rule, as a method of the optimiser that returns it: `betas`, `epsilon`, or any other with its
/// documentation.
macro_rules! setting {
    (betas) => {
        /// Decay of the running means of the gradients and of their squares.
        ///
        /// # Panics
        /// If one is not in `0..1`.
        #[track_caller]
        pub fn betas(mut self, beta1: f64, beta2: f64) -> Self {
            self.0.rule.betas = $crate::optim::engine::running_means([beta1, beta2]);
            self
        }
    };
    (epsilon) => {
        /// Added to the denominator.
        pub fn epsilon(mut self, epsilon: f64) -> Self {
            self.0.rule.epsilon = epsilon;
            self
        }
    };
    ($(#[$doc:meta])* $name:ident: $type:ty) => {
        $(#[$doc])*
        pub fn $name(mut self, $name: $type) -> Self {
            self.0.rule.$name = $name;
            self
        }
    };
}
pub(super) use setting;
