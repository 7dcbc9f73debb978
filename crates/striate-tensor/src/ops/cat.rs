//! `cat`, `stack` and `pad`: larger tensors out of smaller ones.
//!
//! Backward of each: the parts of the gradient where the inputs went.

use super::copy::write_strided;
use crate::autograd::{Backward, Gradients, Recording};
use crate::dtype::{Number, dispatch_number, dispatch_stored};
use crate::error::OrPanic;
use crate::layout::{Layout, MemoryFormat, resolve_dim};
use crate::{Tensor, TensorError};

struct CatBackward {
    dim: usize,
    sizes: Vec<usize>,
}

impl Backward for CatBackward {
    fn backward(&self, grad: &Tensor, needs: &[bool]) -> Result<Vec<Option<Tensor>>, TensorError> {
        let mut start = 0;
        let parts = self.sizes.iter().zip(needs).map(|(&size, &needed)| {
            let part = needed.then(|| grad.try_narrow(self.dim as isize, start, size)).transpose();
            start += size;
            part
        });
        parts.collect()
    }

    fn differentiable(&self, grad: &Tensor, needs: &[bool], _recording: &Recording) -> Gradients {
        self.backward(grad, needs)
    }
}

struct PadBackward {
    before: Vec<usize>,
    shape: Vec<usize>,
}

impl Backward for PadBackward {
    fn backward(&self, grad: &Tensor, _needs: &[bool]) -> Result<Vec<Option<Tensor>>, TensorError> {
        let mut part = grad.clone();
        for (d, (&before, &size)) in self.before.iter().zip(&self.shape).enumerate() {
            part = part.try_narrow(d as isize, before, size)?;
        }
        Ok(vec![Some(part)])
    }

    fn differentiable(&self, grad: &Tensor, needs: &[bool], _recording: &Recording) -> Gradients {
        self.backward(grad, needs)
    }
}

/// The part of `whole` that begins at `starts` and has `shape`.
fn part(whole: &Layout, starts: &[usize], shape: &[usize]) -> Layout {
    let offset = starts.iter().zip(&whole.strides).map(|(start, stride)| start * stride).sum();
    Layout { shape: shape.to_vec(), strides: whole.strides.clone(), offset }
}

fn check_cat(tensors: &[&Tensor], dim: isize) -> Result<(usize, Vec<usize>), TensorError> {
    let Some((first, rest)) = tensors.split_first() else {
        return Err(TensorError::argument("cat", "there is nothing to join", "give at least one tensor"));
    };
    let d = resolve_dim("cat", dim, first.rank())?;
    let mut shape = first.shape().to_vec();
    for (i, tensor) in rest.iter().enumerate() {
        super::arithmetic::same_dtype("cat", first, tensor)?;
        let fits =
            tensor.rank() == first.rank() && (0..first.rank()).all(|i| i == d || tensor.shape()[i] == first.shape()[i]);
        if !fits {
            return Err(TensorError::shape(
                "cat",
                format!(
                    "tensor 0 is {:?}, tensor {} is {:?}: they differ outside dimension {dim}",
                    first.shape(),
                    i + 1,
                    tensor.shape()
                ),
                "only the dimension they are joined along may differ; stack adds a new one",
            ));
        }
        shape[d] += tensor.shape()[d];
    }
    Ok((d, shape))
}

impl Tensor {
    /// Tensors joined along `dim`; their other dimensions must agree. The memory order of the first is kept for
    /// channels-last images.
    ///
    /// ```
    /// use striate_tensor::Tensor;
    /// let (a, b) = (Tensor::arange(0i64, 2, 1), Tensor::arange(2i64, 5, 1));
    /// assert_eq!(Tensor::cat(&[&a, &b], 0).to_vec::<i64>(), [0, 1, 2, 3, 4]);
    /// ```
    ///
    /// # Panics
    /// When there are no tensors, `dim` is out of range, or shapes or dtypes do not agree.
    #[track_caller]
    pub fn cat(tensors: &[&Tensor], dim: isize) -> Tensor {
        Self::try_cat(tensors, dim).or_panic()
    }

    /// Like [`cat`](Self::cat), with a mistake as an error.
    pub fn try_cat(tensors: &[&Tensor], dim: isize) -> Result<Tensor, TensorError> {
        let (d, shape) = check_cat(tensors, dim)?;
        let channels_last = tensors[0].is_channels_last() && !tensors[0].is_contiguous();
        let format = if channels_last { MemoryFormat::ChannelsLast } else { MemoryFormat::Contiguous };
        let whole = Layout::in_format(&shape, format);
        let y = dispatch_stored!(tensors[0].dtype(), |S| {
            Tensor::fill_layout(whole.clone(), tensors[0].dtype(), |output: &mut [S]| {
                let mut starts = vec![0; shape.len()];
                for tensor in tensors.iter().filter(|tensor| tensor.numel() > 0) {
                    let part = part(&whole, &starts, tensor.shape());
                    write_strided(&tensor.data::<S>(), tensor.layout(), &mut output[part.offset..], &part);
                    starts[d] += tensor.shape()[d];
                }
            })
        });
        Ok(y.record("cat", tensors, || CatBackward {
            dim: d,
            sizes: tensors.iter().map(|tensor| tensor.shape()[d]).collect(),
        }))
    }

    /// Tensors of one shape joined along a new dimension `dim`.
    ///
    /// # Panics
    /// When there are no tensors, `dim` is out of range, or shapes or dtypes differ.
    #[track_caller]
    pub fn stack(tensors: &[&Tensor], dim: isize) -> Tensor {
        Self::try_stack(tensors, dim).or_panic()
    }

    /// Like [`stack`](Self::stack), with a mistake as an error.
    pub fn try_stack(tensors: &[&Tensor], dim: isize) -> Result<Tensor, TensorError> {
        if let Some(i) = tensors.iter().position(|tensor| tensor.shape() != tensors[0].shape()) {
            return Err(TensorError::shape(
                "stack",
                format!("tensor 0 is {:?}, tensor {i} is {:?}", tensors[0].shape(), tensors[i].shape()),
                "all must have the same shape; cat joins along an existing dimension",
            ));
        }
        let rows = tensors.iter().map(|tensor| tensor.try_unsqueeze(dim)).collect::<Result<Vec<_>, _>>()?;
        Self::try_cat(&rows.iter().collect::<Vec<_>>(), dim)
    }

    /// Adds a border of `value`: for each dimension, from the first on, how many entries before and after; dimensions
    /// not named get none.
    ///
    /// ```
    /// use striate_tensor::Tensor;
    /// let x = Tensor::from_slice(&[1.0f32, 2.0], &[1, 2]);
    /// assert_eq!(x.pad(&[(0, 0), (1, 2)], 0.0).to_vec::<f32>(), [0.0, 1.0, 2.0, 0.0, 0.0]);
    /// ```
    ///
    /// # Panics
    /// When there are more pairs than dimensions, or the tensor is boolean.
    #[track_caller]
    pub fn pad(&self, border: &[(usize, usize)], value: f64) -> Tensor {
        self.try_pad(border, value).or_panic()
    }

    /// Like [`pad`](Self::pad), with a mistake as an error.
    pub fn try_pad(&self, border: &[(usize, usize)], value: f64) -> Result<Tensor, TensorError> {
        if border.len() > self.rank() {
            return Err(TensorError::argument(
                "pad",
                format!("{} pairs given for a tensor of {} dimensions", border.len(), self.rank()),
                "give one (before, after) per dimension, from the first on",
            ));
        }
        let mut before = vec![0; self.rank()];
        let mut shape = self.shape().to_vec();
        for (d, &(first, last)) in border.iter().enumerate() {
            before[d] = first;
            shape[d] += first + last;
        }
        let channels_last = self.is_channels_last() && !self.is_contiguous();
        let format = if channels_last { MemoryFormat::ChannelsLast } else { MemoryFormat::Contiguous };
        let whole = Layout::in_format(&shape, format);
        let y = dispatch_number!(self.dtype(), "pad", |T| {
            Tensor::fill_layout(whole.clone(), self.dtype(), |output: &mut [T]| {
                output.fill(T::from_f64(value));
                if self.numel() > 0 {
                    let part = part(&whole, &before, self.shape());
                    write_strided(&self.data::<T>(), self.layout(), &mut output[part.offset..], &part);
                }
            })
        });
        Ok(y.record("pad", &[self], || PadBackward { before, shape: self.shape().to_vec() }))
    }
}
