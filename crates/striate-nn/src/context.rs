//! One forward pass: training or evaluation, random streams, and where in the model we are.

use std::cell::{Cell, RefCell};

use striate_tensor::random::Generator;
use striate_tensor::{Tensor, TensorError};

use crate::{Hooks, Module, ModuleError, PathPattern};

/// What a module needs to know about the forward pass it takes part in.
///
/// Make a fresh one for every pass. Randomness (dropout) is a function of the seed, the step and the order of calls, so
/// a resumed run repeats it without any saved state.
///
/// ```
/// use striate_nn::Context;
///
/// let context = Context::train(42, 7);
/// assert!(context.training());
/// assert!(!Context::eval().training());
/// ```
#[derive(Debug)]
pub struct Context {
    mode: Mode,
    streams: Cell<u64>,
    path: RefCell<String>,
    captured: Option<RefCell<Vec<(String, Tensor)>>>,
    hooks: Option<Hooks>,
    /// Modules that run as in evaluation.
    frozen: Vec<PathPattern>,
    /// Whether this pass repeats an earlier one.
    replaying: bool,
}

/// A place in a forward pass, from which it can be repeated: the same mode, the same random streams and the same hooks.
#[derive(Debug, Clone)]
pub struct ContextPlace {
    mode: Mode,
    streams: u64,
    path: String,
    hooks: Option<Hooks>,
    frozen: Vec<PathPattern>,
}

impl ContextPlace {
    /// A context that goes on from this place.
    ///
    /// It is for computing again what was computed before, as a [`Checkpoint`](crate::Checkpoint) does: modules draw the
    /// same random numbers, and do not count the pass a second time ([`Context::replaying`]). The hooks of the first time
    /// are called again, those removed since too: one that replaced an output must replace it here as well.
    pub fn replay(&self) -> Context {
        let Self { mode, streams, path, hooks, frozen } = self.clone();
        let (streams, path) = (Cell::new(streams), RefCell::new(path));
        Context { mode, streams, path, captured: None, hooks, frozen, replaying: true }
    }
}

#[derive(Debug, Clone, Copy)]
enum Mode {
    Eval,
    Train { seed: u64, step: u64 },
}

impl Context {
    /// Evaluation: dropout passes everything, batch norm uses its running statistics.
    pub fn eval() -> Self {
        Self::new(Mode::Eval, false)
    }

    /// Training step number `step` of a run seeded with `seed`.
    pub fn train(seed: u64, step: u64) -> Self {
        Self::new(Mode::Train { seed, step }, false)
    }

    /// Evaluation that keeps the output of every module by its path; see [`Context::captured`].
    pub fn capture() -> Self {
        Self::new(Mode::Eval, true)
    }

    /// A training step that keeps the output of every module, for [`Context::captured_gradients`].
    pub fn capture_training(seed: u64, step: u64) -> Self {
        Self::new(Mode::Train { seed, step }, true)
    }

    fn new(mode: Mode, capture: bool) -> Self {
        let captured = capture.then(RefCell::default);
        let (streams, path) = (Cell::new(0), RefCell::default());
        Self { mode, streams, path, captured, hooks: None, frozen: Vec::new(), replaying: false }
    }

    /// The same pass, in which `hooks` are called: those it has now, and those added while the pass runs.
    pub fn with_hooks(mut self, hooks: &Hooks) -> Self {
        self.hooks = Some(hooks.clone());
        self
    }

    /// The same pass, in which modules whose paths fit one of these patterns, and what is inside them, run as in
    /// evaluation: batch norm keeps its running statistics, dropout passes everything. [`Module::freeze`] stops their
    /// weights from learning.
    ///
    /// ```
    /// use striate_nn::{BatchNorm2d, Context, Module, Sequential};
    /// use striate_tensor::{Tensor, random::Generator};
    ///
    /// let model = Sequential::new().with("bn1", BatchNorm2d::new(3)).with("bn2", BatchNorm2d::new(3));
    /// let x = Tensor::randn(&[4, 3, 2, 2], &mut Generator::new(0));
    /// model.forward(&x, &Context::train(0, 0).freeze(["bn1".into()]));
    /// let batches = |name: &str| model.state_dict()[name].item::<i64>();
    /// assert_eq!((batches("bn1.num_batches_tracked"), batches("bn2.num_batches_tracked")), (0, 1));
    /// ```
    pub fn freeze(mut self, patterns: impl IntoIterator<Item = PathPattern>) -> Self {
        self.frozen.extend(patterns);
        self
    }

    /// Whether this pass trains, here.
    pub fn training(&self) -> bool {
        matches!(self.mode, Mode::Train { .. }) && !self.is_frozen()
    }

    /// Whether the module that is running, or one around it, is frozen.
    fn is_frozen(&self) -> bool {
        let path = self.path.borrow();
        let around = path.match_indices('.').map(|(end, _)| &path[..end]);
        let mut places = around.chain([path.as_str()]);
        !self.frozen.is_empty() && places.any(|place| self.frozen.iter().any(|pattern| pattern.matches(place)))
    }

    /// Whether somebody looks at the outputs of single modules. A container that computes several modules in one, or in
    /// another order, must not do so then.
    pub fn is_observed(&self) -> bool {
        self.captured.is_some() || self.hooks.as_ref().is_some_and(|hooks| !hooks.is_empty())
    }

    /// Whether this pass repeats an earlier one, so that running statistics must not be updated again.
    pub fn replaying(&self) -> bool {
        self.replaying
    }

    /// Where the pass is now.
    ///
    /// ```
    /// use striate_nn::Context;
    ///
    /// let context = Context::train(42, 7);
    /// context.generator();
    /// let place = context.place();
    /// assert_eq!(context.generator().uniform(), place.replay().generator().uniform());
    /// ```
    pub fn place(&self) -> ContextPlace {
        let hooks = self.hooks.as_ref().map(Hooks::snapshot);
        let (streams, frozen) = (self.streams.get(), self.frozen.clone());
        ContextPlace { mode: self.mode, streams, path: self.path(), hooks, frozen }
    }

    /// The next independent random stream of this pass.
    ///
    /// Each call returns another stream. Evaluation behaves like seed 0, step 0.
    pub fn generator(&self) -> Generator {
        let stream = self.streams.get();
        self.streams.set(stream + 1);
        let (seed, step) = match self.mode {
            Mode::Eval => (0, 0),
            Mode::Train { seed, step } => (seed, step),
        };
        Generator::new(seed).fork(step).fork(stream)
    }

    /// Runs `body` one level down in the module path: `scope("conv2", ..)` inside `features` is `features.conv2`.
    pub fn scope<R>(&self, name: &str, body: impl FnOnce(&Self) -> R) -> R {
        let parent = self.path.borrow().len();
        {
            let mut path = self.path.borrow_mut();
            if parent > 0 {
                path.push('.');
            }
            path.push_str(name);
        }
        // Restores the path also when `body` panics, so that the context stays usable.
        let _leave = LeaveScope { path: &self.path, parent };
        body(self)
    }

    /// The path of the module that is running; empty at the top.
    pub fn path(&self) -> String {
        self.path.borrow().clone()
    }

    /// Runs a child module under `name`: its errors carry the path, and its output is shown to whoever looks.
    ///
    /// Containers call their children through this.
    ///
    /// # Errors
    /// Those of the child, located.
    pub fn call(&self, name: &str, module: &dyn Module, input: &Tensor) -> Result<Tensor, ModuleError> {
        self.call_with(name, |context| module.try_forward(input, context))
    }

    /// As [`Context::call`] for a child that is no plain [`Module::try_forward`]: attention has three inputs.
    ///
    /// # Errors
    /// Those of `body`, located.
    pub fn call_with(
        &self,
        name: &str,
        body: impl FnOnce(&Self) -> Result<Tensor, ModuleError>,
    ) -> Result<Tensor, ModuleError> {
        self.scope(name, |context| {
            let mut output = body(context).map_err(|error| error.located(context.path.borrow().as_str()))?;
            if let Some(hooks) = &context.hooks {
                output = hooks.apply(&context.path(), output);
            }
            if let Some(captured) = &context.captured {
                captured.borrow_mut().push((context.path(), output.clone()));
            }
            Ok(output)
        })
    }

    /// The outputs seen by a [`Context::capture`] or [`Context::capture_training`] pass, in the order they were computed (a
    /// container follows its children). Empty for other contexts.
    pub fn captured(&self) -> Vec<(String, Tensor)> {
        self.captured.as_ref().map(|captured| captured.borrow().clone()).unwrap_or_default()
    }

    /// The gradient of `loss` with respect to every captured output that it depends on, by module path. Frees the graph:
    /// in place of `backward`, not beside it; parameters accumulate nothing.
    ///
    /// ```
    /// use striate_nn::{Context, Linear, Module, ReLU, Sequential};
    /// use striate_tensor::{Tensor, random::Generator};
    ///
    /// let mut generator = Generator::new(0);
    /// let model = Sequential::new().with("fc", Linear::new(3, 4, &mut generator)).with("relu", ReLU);
    /// let context = Context::capture_training(0, 0);
    /// let loss = model.forward(&Tensor::randn(&[2, 3], &mut generator), &context).sum_all();
    /// let gradients = context.captured_gradients(&loss)?;
    /// assert_eq!(gradients[1].0, "relu");
    /// assert_eq!(gradients[1].1.to_vec::<f32>(), [1.0; 8]);
    /// # Ok::<(), striate_tensor::TensorError>(())
    /// ```
    ///
    /// # Errors
    /// When the loss depends on nothing that is learned, or its graph was freed.
    pub fn captured_gradients(&self, loss: &Tensor) -> Result<Vec<(String, Tensor)>, TensorError> {
        let recorded: Vec<(String, Tensor)> =
            self.captured().into_iter().filter(|(_, output)| output.requires_grad()).collect();
        let outputs: Vec<&Tensor> = recorded.iter().map(|(_, output)| output).collect();
        let gradients = striate_tensor::grad(&[loss], &outputs)?;
        let named = recorded.iter().zip(gradients).filter_map(|((path, _), found)| Some((path.clone(), found?)));
        Ok(named.collect())
    }
}

struct LeaveScope<'a> {
    path: &'a RefCell<String>,
    parent: usize,
}

impl Drop for LeaveScope<'_> {
    fn drop(&mut self) {
        self.path.borrow_mut().truncate(self.parent);
    }
}
