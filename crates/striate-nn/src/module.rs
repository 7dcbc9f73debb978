//! The trait of everything with a forward pass.

use std::collections::BTreeMap;

use striate_tensor::Tensor;

use crate::state::{LoadError, LoadReport, load};
use crate::{BatchNorm2d, Context, Conv2d, ModuleError, PathPattern};

/// What a module holds under a name.
pub enum Slot<'a> {
    /// Learned by the optimiser.
    Parameter(&'a Tensor),
    /// Kept with the weights but not learned (running statistics).
    Buffer(&'a Tensor),
    /// A module inside this one.
    Child(&'a dyn Module),
}

/// What a container must know of a module to run it and its neighbour in the cheaper order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `max(x, 0)`: never decreases, so that it may as well be applied to a maximum alone.
    ReLU,
    /// The maximum over windows none of which is empty.
    MaxPool,
    /// Runs where it stands.
    Other,
}

/// Modules that [`ConvNorm`](crate::ConvNorm) computes in one pass.
#[derive(Clone, Copy, Debug)]
pub enum Fusible<'a> {
    /// A convolution.
    Conv2d(&'a Conv2d),
    /// A batch normalisation of images.
    BatchNorm2d(&'a BatchNorm2d),
}

/// A part of a network: a forward pass, and the tensors it owns.
///
/// Parameters have interior mutability like every [`Tensor`], so training needs no `&mut`.
///
/// A module of your own implements [`Module::try_forward`], [`Module::visit`] if it owns anything, and
/// [`Module::describe`]:
///
/// ```
/// use striate_nn::{Context, Linear, Module, ModuleError, Slot};
/// use striate_tensor::{DType, Tensor, random::Generator};
///
/// /// `x + linear(x)`
/// struct Residual {
///     linear: Linear,
/// }
///
/// impl Module for Residual {
///     fn try_forward(&self, input: &Tensor, context: &Context) -> Result<Tensor, ModuleError> {
///         let change = context.call("linear", &self.linear, input)?;
///         Ok(input.try_add(&change)?)
///     }
///     fn visit<'a>(&'a self, visitor: &mut dyn FnMut(&str, Slot<'a>)) {
///         visitor("linear", Slot::Child(&self.linear));
///     }
///     fn describe(&self) -> String {
///         "Residual".into()
///     }
/// }
///
/// let block = Residual { linear: Linear::new(4, 4, &mut Generator::new(0)) };
/// assert_eq!(block.num_parameters(), 20);
/// let output = block.forward(&Tensor::zeros(&[2, 4], DType::F32), &Context::eval());
/// assert_eq!(output.shape(), [2, 4]);
/// ```
pub trait Module: Send + Sync {
    /// The forward pass.
    ///
    /// # Errors
    /// When an operation refuses its arguments: wrong shape or dtype, an index out of range.
    fn try_forward(&self, input: &Tensor, context: &Context) -> Result<Tensor, ModuleError>;

    /// Shows each parameter, buffer and child with its name, in the order of the forward pass. Owns nothing by default.
    ///
    /// What is not shown is neither learned nor saved: a module with weights that forgets one here trains without it.
    fn visit<'a>(&'a self, _visitor: &mut dyn FnMut(&str, Slot<'a>)) {}

    /// One line such as `Linear(784 -> 128)`; containers may use several.
    fn describe(&self) -> String;

    /// What this module is to a container that computes neighbours in one pass.
    fn fusible(&self) -> Option<Fusible<'_>> {
        None
    }

    /// What a container may do with this module and its neighbour; nothing by default.
    fn kind(&self) -> Kind {
        Kind::Other
    }

    /// The forward pass, for callers whose shapes are right by construction.
    ///
    /// # Panics
    /// Where [`Module::try_forward`] returns an error, with its text.
    #[track_caller]
    fn forward(&self, input: &Tensor, context: &Context) -> Tensor {
        // No closure: the panic would be at its line instead of the caller's.
        match self.try_forward(input, context) {
            Ok(output) => output,
            Err(error) => panic!("{error}"),
        }
    }

    /// Shows each parameter and buffer of the whole tree with its dotted path; `prefix` is this module's own path.
    fn visit_tensors<'a>(&'a self, prefix: &str, visitor: &mut dyn FnMut(String, Slot<'a>)) {
        self.visit(&mut |name, slot| {
            let path = if prefix.is_empty() { name.to_owned() } else { format!("{prefix}.{name}") };
            match slot {
                Slot::Child(child) => child.visit_tensors(&path, visitor),
                tensor => visitor(path, tensor),
            }
        });
    }

    /// Every parameter with its path, in forward order. One that several modules share (an embedding that is also the last
    /// layer) is listed once, under its first path.
    ///
    /// ```
    /// use striate_nn::{Linear, Module, Sequential};
    /// use striate_tensor::random::Generator;
    ///
    /// let first = Linear::with_bias(4, 4, false, &mut Generator::new(0));
    /// let second = Linear::from_parameters(first.weight().clone(), None);
    /// let tied = Sequential::new().with("first", first).with("second", second);
    /// assert_eq!((tied.named_parameters().len(), tied.state_dict().len()), (1, 2));
    /// ```
    fn named_parameters(&self) -> Vec<(String, Tensor)> {
        let mut found: Vec<(String, Tensor)> = Vec::new();
        self.visit_tensors("", &mut |path, slot| {
            if let Slot::Parameter(tensor) = slot
                && !found.iter().any(|(_, other)| other.is_same(tensor))
            {
                found.push((path, tensor.clone()));
            }
        });
        found
    }

    /// [`named_parameters`](Module::named_parameters) without their paths, as [`clip_grad_norm`](crate::optim::clip_grad_norm)
    /// takes them.
    fn parameters(&self) -> Vec<Tensor> {
        self.named_parameters().into_iter().map(|(_, parameter)| parameter).collect()
    }

    /// Every buffer with its path, in forward order.
    fn named_buffers(&self) -> Vec<(String, Tensor)> {
        let mut found = Vec::new();
        self.visit_tensors("", &mut |path, slot| {
            if let Slot::Buffer(tensor) = slot {
                found.push((path, tensor.clone()));
            }
        });
        found
    }

    /// How many numbers the optimiser learns.
    fn num_parameters(&self) -> usize {
        self.named_parameters().iter().map(|(_, tensor)| tensor.numel()).sum()
    }

    /// Stops the learning of the parameters whose paths fit: no gradients are computed for them, and optimisers leave them
    /// alone. Gives their number. Running statistics are kept by [`Context::freeze`].
    ///
    /// ```
    /// use striate_nn::{Linear, Module, Sequential};
    /// use striate_tensor::random::Generator;
    ///
    /// let mut generator = Generator::new(0);
    /// let model = Sequential::new().with("fc1", Linear::new(4, 3, &mut generator)).with("fc2", Linear::new(3, 2, &mut generator));
    /// assert_eq!(model.freeze(&"fc1.*".into()), 2);
    /// assert!(model.named_parameters().iter().all(|(path, weight)| weight.requires_grad() == path.starts_with("fc2")));
    /// ```
    fn freeze(&self, pattern: &PathPattern) -> usize {
        self.set_learning(pattern, false)
    }

    /// Takes [`Module::freeze`] back.
    fn unfreeze(&self, pattern: &PathPattern) -> usize {
        self.set_learning(pattern, true)
    }

    /// What [`Module::freeze`] and [`Module::unfreeze`] do.
    #[doc(hidden)]
    fn set_learning(&self, pattern: &PathPattern, learning: bool) -> usize {
        let fitting = self.named_parameters().into_iter().filter(|(path, _)| pattern.matches(path));
        fitting.map(|(_, parameter)| parameter.requires_grad_(learning).zero_grad()).count()
    }

    /// Forgets the gradients of all parameters.
    fn zero_grad(&self) {
        for (_, parameter) in self.named_parameters() {
            parameter.zero_grad();
        }
    }

    /// Parameters and buffers by path. The tensors share memory with the module: copy what must outlive the next step.
    fn state_dict(&self) -> BTreeMap<String, Tensor> {
        let mut state = BTreeMap::new();
        self.visit_tensors("", &mut |path, slot| {
            if let Slot::Parameter(tensor) | Slot::Buffer(tensor) = slot {
                state.insert(path, tensor.detach());
            }
        });
        state
    }

    /// Copies `state` into the parameters and buffers, all or nothing; numbers of another type are converted.
    /// [`NameMap`](crate::state::NameMap) translates names that are not ours.
    ///
    /// # Errors
    /// When a tensor is missing, unexpected or of another shape; the module is then unchanged.
    fn load_state_dict(&self, state: &BTreeMap<String, Tensor>) -> Result<LoadReport, LoadError> {
        let report = LoadReport::compare(&self.state_dict(), state);
        if !report.is_exact() {
            return Err(LoadError { report: Box::new(report) });
        }
        load(&self.state_dict(), state, &report);
        Ok(report)
    }

    /// Copies what fits of `state` (same path, same shape) and leaves the rest of the module as it is, for example to
    /// start from weights trained on other classes. The report says what did not fit.
    fn load_state_dict_partial(&self, state: &BTreeMap<String, Tensor>) -> LoadReport {
        let report = LoadReport::compare(&self.state_dict(), state);
        load(&self.state_dict(), state, &report);
        report
    }
}
