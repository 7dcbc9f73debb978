//! Modules one after the other.

use striate_tensor::Tensor;

use super::ConvNorm;
use crate::{Context, Fusible, Kind, Module, ModuleError, Slot};

/// A chain of named modules: the output of each is the input of the next.
///
/// A shape mistake says which module it happened in:
///
/// ```
/// use striate_nn::{Context, Linear, Module, Sequential};
/// use striate_tensor::{DType, Tensor, random::Generator};
///
/// let mut generator = Generator::new(0);
/// let head = Sequential::new().with("fc1", Linear::new(8, 4, &mut generator)).with("fc2", Linear::new(5, 2, &mut generator));
/// let model = Sequential::new().with("head", head);
/// let error = model.try_forward(&Tensor::zeros(&[1, 8], DType::F32), &Context::eval()).unwrap_err();
/// assert!(error.to_string().starts_with("in `head.fc2`: linear: "), "{error}");
/// ```
#[derive(Default)]
pub struct Sequential {
    children: Vec<(String, Box<dyn Module>)>,
}

impl Sequential {
    /// An empty chain, which returns its input.
    pub fn new() -> Self {
        Self::default()
    }

    /// The chain with one more module at its end.
    ///
    /// # Panics
    /// If the name is taken, empty or has a dot: paths would be ambiguous.
    #[track_caller]
    pub fn with(mut self, name: impl Into<String>, module: impl Module + 'static) -> Self {
        self.push(name, Box::new(module));
        self
    }

    /// Adds a module at the end.
    ///
    /// # Panics
    /// As [`Sequential::with`].
    #[track_caller]
    pub fn push(&mut self, name: impl Into<String>, module: Box<dyn Module>) {
        let name = name.into();
        assert!(
            !name.is_empty() && !name.contains('.'),
            "Sequential: `{name}` cannot name a module; use letters, digits and _"
        );
        assert!(self.get(&name).is_none(), "Sequential: the name `{name}` is taken; every module needs its own");
        self.children.push((name, module));
    }

    /// The child of this name.
    pub fn get(&self, name: &str) -> Option<&dyn Module> {
        self.children().find(|(own, _)| *own == name).map(|(_, module)| module)
    }

    /// The children with their names, in order.
    pub fn children(&self) -> impl Iterator<Item = (&str, &dyn Module)> {
        self.children.iter().map(|(name, module)| (name.as_str(), module.as_ref()))
    }
}

impl Module for Sequential {
    fn try_forward(&self, input: &Tensor, context: &Context) -> Result<Tensor, ModuleError> {
        let mut value = input.clone();
        let mut rest = self.children.as_slice();
        while let [(name, module), after @ ..] = rest {
            if let Some((output, count)) = in_one_pass(rest, &value, context) {
                (value, rest) = (output, &rest[count..]);
                continue;
            }
            rest = after;
            // ReLU after max pooling gives the same values and gradients with a fraction of the work. A pass that keeps
            // every output wants those of the written order.
            if module.kind() == Kind::ReLU
                && !context.is_observed()
                && let [(pool_name, pool), after_pool @ ..] = after
                && pool.kind() == Kind::MaxPool
            {
                value = context.call(pool_name, pool.as_ref(), &value)?;
                rest = after_pool;
            }
            value = context.call(name, module.as_ref(), &value)?;
        }
        Ok(value)
    }

    fn visit<'a>(&'a self, visitor: &mut dyn FnMut(&str, Slot<'a>)) {
        for (name, module) in &self.children {
            visitor(name, Slot::Child(module.as_ref()));
        }
    }

    fn describe(&self) -> String {
        let width = self.children.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
        let mut text = String::from("Sequential");
        for (name, module) in self.children() {
            let description = module.describe().replace('\n', "\n  ");
            text += &format!("\n  {name:width$}  {description}");
        }
        text
    }
}

/// The output of a convolution, its batch norm and ReLU at the beginning of a chain, computed in one pass, and how many
/// modules that were. `None` where there are none, or they have to run one after the other.
fn in_one_pass(chain: &[(String, Box<dyn Module>)], input: &Tensor, context: &Context) -> Option<(Tensor, usize)> {
    let [(conv_name, conv), (norm_name, norm), after @ ..] = chain else { return None };
    let (Some(Fusible::Conv2d(conv)), Some(Fusible::BatchNorm2d(norm))) = (conv.fusible(), norm.fusible()) else {
        return None;
    };
    let relu = after.first().is_some_and(|(_, module)| module.kind() == Kind::ReLU);
    let block = ConvNorm { relu, ..ConvNorm::new((conv_name, conv), (norm_name, norm)) };
    Some((block.in_one_pass(input, context)?, if relu { 3 } else { 2 }))
}
