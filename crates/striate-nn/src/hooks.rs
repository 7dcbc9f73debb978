//! Looking at, and changing, what flows through a network.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use striate_tensor::Tensor;

use crate::PathPattern;

/// Functions that are called with the outputs of modules, and with the gradients of these outputs, by module path.
///
/// A context that has hooks ([`Context::with_hooks`](crate::Context::with_hooks)) calls them; one that has none pays
/// nothing. Clones are the same set, so hooks can be added and removed while a training that has the set goes on.
///
/// ```
/// use std::sync::{Arc, Mutex};
/// use striate_nn::{Context, Hooks, Linear, Module, ReLU, Sequential};
/// use striate_tensor::{Tensor, random::Generator};
///
/// let mut generator = Generator::new(0);
/// let head = Sequential::new().with("fc", Linear::new(3, 4, &mut generator)).with("relu", ReLU);
/// let model = Sequential::new().with("head", head);
/// let x = Tensor::randn(&[2, 3], &mut generator);
///
/// let hooks = Hooks::new();
/// let norms = Arc::new(Mutex::new(Vec::new()));
/// let kept = Arc::clone(&norms);
/// hooks.on_gradient("head.*", move |path, gradient| {
///     kept.lock().unwrap().push((path.to_owned(), gradient.square().sum_all().item::<f32>()));
///     None
/// });
/// // What would the network answer without its first hidden unit?
/// let mask = Tensor::from_slice(&[0.0_f32, 1.0, 1.0, 1.0], &[4]);
/// let ablation = hooks.on_output("head.relu", move |_, output| Some(output.mul(&mask)));
///
/// model.forward(&x, &Context::train(0, 0).with_hooks(&hooks)).sum_all().backward();
/// let norms = norms.lock().unwrap();
/// assert_eq!(norms.iter().map(|(path, _)| path.as_str()).collect::<Vec<_>>(), ["head.relu", "head.fc"]);
/// assert!(hooks.remove(ablation));
/// ```
#[derive(Clone, Default)]
pub struct Hooks(Arc<Mutex<Vec<Arc<Hook>>>>);

/// Names a hook, to remove it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct HookId(u64);

type Function = dyn Fn(&str, &Tensor) -> Option<Tensor> + Send + Sync;

struct Hook {
    id: HookId,
    pattern: PathPattern,
    side: Side,
    function: Box<Function>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Output,
    Gradient,
}

impl Hooks {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Calls `function` with the path and the output of every module whose path fits `pattern`, as it is computed. `None`
    /// leaves the output as it is; `Some` puts another in its place for all that follows, and gradients flow through what
    /// made it. Several hooks see each other's changes, in the order they were added.
    pub fn on_output(
        &self,
        pattern: impl Into<PathPattern>,
        function: impl Fn(&str, &Tensor) -> Option<Tensor> + Send + Sync + 'static,
    ) -> HookId {
        self.add(pattern.into(), Side::Output, Box::new(function))
    }

    /// Calls `function` with the path and the gradient of the output of every module whose path fits `pattern`, while the
    /// backward pass runs. `None` leaves the gradient as it is; `Some` puts another of the same shape in its place.
    ///
    /// Modules whose output needs no gradient are passed over.
    pub fn on_gradient(
        &self,
        pattern: impl Into<PathPattern>,
        function: impl Fn(&str, &Tensor) -> Option<Tensor> + Send + Sync + 'static,
    ) -> HookId {
        self.add(pattern.into(), Side::Gradient, Box::new(function))
    }

    /// Takes a hook away; `false` if it is gone already. A graph that was recorded with it still calls it.
    pub fn remove(&self, id: HookId) -> bool {
        let mut hooks = self.lock();
        let before = hooks.len();
        hooks.retain(|hook| hook.id != id);
        hooks.len() < before
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    /// A set of its own with the hooks there are now.
    pub(crate) fn snapshot(&self) -> Self {
        Self(Arc::new(Mutex::new(self.lock().clone())))
    }

    fn add(&self, pattern: PathPattern, side: Side, function: Box<Function>) -> HookId {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let id = HookId(NEXT.fetch_add(1, Ordering::Relaxed));
        self.lock().push(Arc::new(Hook { id, pattern, side, function }));
        id
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Arc<Hook>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The output of the module at `path` as the hooks make it.
    pub(crate) fn apply(&self, path: &str, output: Tensor) -> Tensor {
        // Copied out of the lock: a hook may add and remove hooks.
        let fitting: Vec<Arc<Hook>> = self.lock().iter().filter(|hook| hook.pattern.matches(path)).cloned().collect();
        let mut output = output;
        for hook in fitting {
            match hook.side {
                Side::Output => {
                    if let Some(other) = (hook.function)(path, &output) {
                        output = other;
                    }
                }
                Side::Gradient if output.requires_grad() => {
                    let path = path.to_owned();
                    output = output.on_gradient(move |gradient| (hook.function)(&path, gradient));
                }
                Side::Gradient => {}
            }
        }
        output
    }
}

impl fmt::Debug for Hooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hooks = self.lock();
        f.debug_list().entries(hooks.iter().map(|hook| (hook.side, &hook.pattern))).finish()
    }
}
