//! A convolution, its batch norm and what follows, in one pass where that is possible.

use striate_tensor::{ConvSteps, Tensor, is_grad_enabled};

use super::{BatchNorm2d, Conv2d, ReLU};
use crate::{Context, ModuleError};

/// `relu(norm(conv(x)) + residual)`, the last two if asked for: how blocks of convolutional networks are made.
///
/// In evaluation without gradients this is one pass: the normalisation is a scale and a shift there, and they, the residual
/// and ReLU are taken before a result is stored (in bf16 a residual is added after it). In training, or when somebody looks at
/// the modules' outputs ([`Context::is_observed`]), the modules run one after the other. [`Sequential`](crate::Sequential) does the same for
/// neighbours of these kinds.
///
/// ```
/// use striate_nn::{BatchNorm2d, Context, Conv2dConfig, ConvNorm, Module, ReLU, Sequential};
/// use striate_tensor::{Tensor, no_grad, random::Generator};
///
/// let mut generator = Generator::new(0);
/// let (conv, norm) = (Conv2dConfig::new(3, 8, 3).build(&mut generator), BatchNorm2d::new(8));
/// let x = Tensor::randn(&[1, 3, 6, 6], &mut generator);
/// let block = ConvNorm { relu: true, ..ConvNorm::new(("conv1", &conv), ("bn1", &norm)) };
/// let y = no_grad(|| block.try_forward(&x, &Context::eval()))?;
/// let separate = norm.forward(&conv.forward(&x, &Context::eval()), &Context::eval()).relu();
/// assert!(y.sub(&separate.detach()).abs().max_all().item::<f32>() < 1e-5);
/// # Ok::<(), striate_nn::ModuleError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct ConvNorm<'a> {
    /// The convolution with its name.
    pub conv: (&'a str, &'a Conv2d),
    /// The normalisation with its name.
    pub norm: (&'a str, &'a BatchNorm2d),
    /// Added to the normalised result.
    pub residual: Option<&'a Tensor>,
    /// Whether ReLU follows (called `relu` where the modules run one after the other).
    pub relu: bool,
}

impl<'a> ConvNorm<'a> {
    /// A convolution and its normalisation, with nothing after them.
    pub fn new(conv: (&'a str, &'a Conv2d), norm: (&'a str, &'a BatchNorm2d)) -> Self {
        Self { conv, norm, residual: None, relu: false }
    }

    /// The forward pass.
    ///
    /// # Errors
    /// Those of the modules, located.
    pub fn try_forward(&self, input: &Tensor, context: &Context) -> Result<Tensor, ModuleError> {
        // A mistake is left to the modules, which know where it is.
        if let Some(output) = self.in_one_pass(input, context) {
            return Ok(output);
        }
        let hidden = context.call(self.conv.0, self.conv.1, input)?;
        let mut hidden = context.call(self.norm.0, self.norm.1, &hidden)?;
        if let Some(residual) = self.residual {
            hidden = hidden.try_add(residual)?;
        }
        if self.relu { context.call("relu", &ReLU, &hidden) } else { Ok(hidden) }
    }

    /// `None` where the modules have to run one after the other, or something does not fit.
    pub(super) fn in_one_pass(&self, input: &Tensor, context: &Context) -> Option<Tensor> {
        if context.training() || context.is_observed() || is_grad_enabled() {
            return None;
        }
        let (conv, norm) = (self.conv.1, self.norm.1);
        let (scale, mut shift) = norm.scale_and_shift()?.ok()?;
        if let Some(bias) = conv.bias() {
            shift = bias.try_mul(&scale).and_then(|bias| bias.try_add(&shift)).ok()?;
        }
        let steps = ConvSteps { scale: Some(&scale), shift: Some(&shift), residual: self.residual, relu: self.relu };
        input.try_conv2d_then(conv.weight(), conv.options(), steps).ok()
    }
}
