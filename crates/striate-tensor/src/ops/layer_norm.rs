//! Layer normalisation (Ba et al. 2016) and group normalisation (Wu and He 2018).
//!
//! Both normalise stretches of `m` elements: the last dimensions of each entry, or a group of channels of each image.
//!
//! ```text
//! x̂ = (x - mean) / sqrt(var + eps)          y = weight x̂ + bias          var divided by m
//! g  = ∂y weight                            ∂x = (g - mean(g) - x̂ mean(g x̂)) / sqrt(var + eps)
//! ∂weight = Σ ∂y x̂                          ∂bias = Σ ∂y
//! ```
//!
//! The sums go over all elements that share the weight. With as many groups as channels, group normalisation is
//! instance normalisation.

use striate_kernels::memory::Buffer;
use striate_kernels::row_norm::{self as kernel, RowNorm};

use crate::autograd::{Backward, Gradients, Recording, SavedTensor};
use crate::dtype::dispatch_float;
use crate::error::OrPanic;
use crate::layout::MemoryFormat;
use crate::{DType, Tensor, TensorError};

struct RowNormBackward {
    op: &'static str,
    norm: RowNorm,
    eps: f64,
    x: SavedTensor,
    weight: Option<SavedTensor>,
    /// Mean and inverse standard deviation of each row.
    statistics: Buffer,
}

impl Backward for RowNormBackward {
    fn backward(&self, grad: &Tensor, needs: &[bool]) -> Result<Vec<Option<Tensor>>, TensorError> {
        let x = self.x.get(self.op)?;
        let weight = self.weight.as_ref().map(|weight| weight.get(self.op)).transpose()?;
        let mut gradients = vec![None; needs.len()];
        dispatch_float!(grad.dtype(), self.op, |T| {
            let statistics = self.statistics.as_slice::<T>();
            let x_data = x.data_in_format::<T>(MemoryFormat::Contiguous);
            let dy = grad.data_in_format::<T>(MemoryFormat::Contiguous);
            if needs[0] {
                let weight = weight.map(|weight| weight.data_in_format::<T>(MemoryFormat::Contiguous));
                gradients[0] = Some(Tensor::fill_new::<T>(x.shape(), MemoryFormat::Contiguous, |dx| {
                    kernel::backward_input(&self.norm, &x_data, statistics, weight.as_deref(), &dy, dx);
                }));
            }
            if let (Some(weight), true) = (weight, needs[1..].contains(&true)) {
                let shape = [&[2], weight.shape()].concat();
                let both = Tensor::fill_new::<T>(&shape, MemoryFormat::Contiguous, |grads| {
                    kernel::backward_affine(&self.norm, &x_data, statistics, &dy, grads);
                });
                for (i, gradient) in gradients.iter_mut().enumerate().skip(1).filter(|(i, _)| needs[*i]) {
                    *gradient = Some(both.try_select(0, i as isize - 1)?);
                }
            }
        });
        Ok(gradients)
    }

    fn differentiable(&self, grad: &Tensor, needs: &[bool], recording: &Recording) -> Gradients {
        let mut inputs = vec![recording.input(0, self.x.get(self.op)?)];
        if let Some(weight) = &self.weight {
            let weight = recording.input(1, weight.get(self.op)?);
            // The gradient does not depend on the value of the bias.
            inputs.push(weight.clone());
            inputs.push(recording.input(2, &weight.zeros_like()));
        }
        recording.through(grad, needs, &inputs, |inputs| {
            let x = &inputs[0];
            let rows = x.try_reshape(&[x.numel() / self.norm.columns, self.norm.columns])?;
            let centred = rows.try_sub(&rows.try_mean(&[1], true)?)?;
            let deviation = centred.try_square()?.try_mean(&[1], true)?.try_add_scalar(self.eps)?.try_sqrt()?;
            let mut y = centred.try_div(&deviation)?.try_reshape(x.shape())?;
            if let [_, weight, bias] = inputs {
                // Of a group normalisation there is one number per channel, the second dimension.
                let mut shape = weight.shape().to_vec();
                if self.op == "group_norm" {
                    shape.resize(x.rank() - 1, 1);
                }
                y = y.try_mul(&weight.try_reshape(&shape)?)?.try_add(&bias.try_reshape(&shape)?)?;
            }
            Ok(y)
        })
    }
}

type Affine<'a> = Option<(&'a Tensor, &'a Tensor)>;

fn normalize(op: &'static str, x: &Tensor, norm: RowNorm, affine: Affine, eps: f64) -> Result<Tensor, TensorError> {
    if x.dtype() == DType::BF16 {
        let wide = affine.map(|(weight, bias)| Ok((weight.try_to_dtype(DType::F32)?, bias.try_to_dtype(DType::F32)?)));
        let wide = wide.transpose()?;
        let affine = wide.as_ref().map(|(weight, bias)| (weight, bias));
        return crate::autocast::in_f32(x, |x| normalize(op, x, norm, affine, eps));
    }
    for parameter in affine.into_iter().flat_map(|(weight, bias)| [weight, bias]) {
        super::arithmetic::same_dtype(op, x, parameter)?;
    }
    let mut statistics = Buffer::uninit(x.numel() / norm.columns * 2 * x.dtype().size());
    let y = dispatch_float!(x.dtype(), op, |T| {
        let data = x.data_in_format::<T>(MemoryFormat::Contiguous);
        let affine = affine.map(|(weight, bias)| {
            [weight, bias].map(|parameter| parameter.data_in_format::<T>(MemoryFormat::Contiguous))
        });
        Tensor::fill_new::<T>(x.shape(), MemoryFormat::Contiguous, |output| {
            let affine = affine.as_ref().map(|[weight, bias]| (&**weight, &**bias));
            kernel::forward(&norm, &data, eps as T, affine, statistics.as_mut_slice::<T>(), output);
        })
    });
    let inputs: Vec<&Tensor> =
        [Some(x), affine.map(|(w, _)| w), affine.map(|(_, b)| b)].into_iter().flatten().collect();
    Ok(y.record(op, &inputs, || RowNormBackward {
        op,
        norm,
        eps,
        x: SavedTensor::new(x),
        weight: affine.map(|(weight, _)| SavedTensor::new(weight)),
        statistics,
    }))
}

impl Tensor {
    /// Normalises over the last dimensions, whose shape is `normalized_shape`, then scales by `affine.0` and shifts by
    /// `affine.1` of that shape (none: 1 and 0). PyTorch's default `eps` is 1e-5.
    ///
    /// ```
    /// use striate_tensor::Tensor;
    /// let x = Tensor::from_slice(&[1.0f32, 3.0, -5.0, 5.0], &[2, 2]);
    /// assert_eq!(x.layer_norm(&[2], None, 0.0).to_vec::<f32>(), [-1.0, 1.0, -1.0, 1.0]);
    /// ```
    ///
    /// # Panics
    /// When shapes or dtypes do not fit, or the tensor is not a float tensor.
    #[track_caller]
    pub fn layer_norm(&self, normalized_shape: &[usize], affine: Option<(&Tensor, &Tensor)>, eps: f64) -> Tensor {
        self.try_layer_norm(normalized_shape, affine, eps).or_panic()
    }

    /// Like [`layer_norm`](Self::layer_norm), with a mistake as an error.
    pub fn try_layer_norm(
        &self,
        normalized_shape: &[usize],
        affine: Option<(&Tensor, &Tensor)>,
        eps: f64,
    ) -> Result<Tensor, TensorError> {
        const OP: &str = "layer_norm";
        let columns = normalized_shape.iter().product();
        if !self.shape().ends_with(normalized_shape) || columns == 0 {
            return Err(TensorError::shape(
                OP,
                format!("shape {:?} does not end in {normalized_shape:?}, or that is empty", self.shape()),
                "name the sizes of the last dimensions, over which to normalise",
            ));
        }
        check_affine(OP, affine, normalized_shape)?;
        normalize(OP, self, RowNorm { columns, groups: 1, inner: 1 }, affine, eps)
    }

    /// Normalises each of `groups` groups of neighbouring channels of `[n, c, ..]`, then scales by `affine.0` and shifts
    /// by `affine.1` (`[c]` each; none: 1 and 0). PyTorch's default `eps` is 1e-5.
    ///
    /// ```
    /// use striate_tensor::Tensor;
    /// let x = Tensor::from_slice(&[1.0f32, 3.0, -5.0, 5.0], &[1, 4]);
    /// assert_eq!(x.group_norm(2, None, 0.0).to_vec::<f32>(), [-1.0, 1.0, -1.0, 1.0]);
    /// ```
    ///
    /// # Panics
    /// When `groups` does not divide the channels, shapes or dtypes do not fit, or the tensor is not a float tensor.
    #[track_caller]
    pub fn group_norm(&self, groups: usize, affine: Option<(&Tensor, &Tensor)>, eps: f64) -> Tensor {
        self.try_group_norm(groups, affine, eps).or_panic()
    }

    /// Like [`group_norm`](Self::group_norm), with a mistake as an error.
    pub fn try_group_norm(
        &self,
        groups: usize,
        affine: Option<(&Tensor, &Tensor)>,
        eps: f64,
    ) -> Result<Tensor, TensorError> {
        const OP: &str = "group_norm";
        let (channels, inner) = match *self.shape() {
            [_, channels, ref rest @ ..] => (channels, rest.iter().product::<usize>()),
            _ => (0, 0),
        };
        if groups == 0 || channels * inner == 0 || !channels.is_multiple_of(groups) {
            return Err(TensorError::shape(
                OP,
                format!("shape {:?} has no channels to normalise in {groups} groups", self.shape()),
                "the input is [n, c, ..] and not empty, and the groups divide the channels",
            ));
        }
        check_affine(OP, affine, &[channels])?;
        normalize(OP, self, RowNorm { columns: channels / groups * inner, groups, inner }, affine, eps)
    }
}

fn check_affine(op: &'static str, affine: Affine, shape: &[usize]) -> Result<(), TensorError> {
    match affine.into_iter().flat_map(|(weight, bias)| [weight, bias]).find(|parameter| parameter.shape() != shape) {
        None => Ok(()),
        Some(wrong) => Err(TensorError::shape(
            op,
            format!("scale and shift must be {shape:?}, got {:?}", wrong.shape()),
            "they have one number for each position or channel that is normalised",
        )),
    }
}
