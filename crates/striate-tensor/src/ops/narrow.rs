//! `narrow`, `select`, `slice`, `chunk`, `split`: views of a part.
//!
//! Backward: the gradient fills the part, the rest gets zero.

use std::ops::{Range, RangeFrom, RangeFull, RangeTo};

use super::copy::write_strided;
use crate::autograd::{Backward, Gradients, Recording};
use crate::dtype::{Number, dispatch_stored};
use crate::error::OrPanic;
use crate::layout::{Layout, resolve_dim};
use crate::{Tensor, TensorError};

/// Which entries of one dimension [`Tensor::slice`] takes, with the meaning of Python's `start:end:step`: negative
/// numbers count from the end, limits out of range are clipped.
///
/// Made from a range, `Slice::from(1..4)`, or, with a negative limit, by [`Slice::new`]; with a step by [`Slice::step`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slice {
    start: isize,
    end: Option<isize>,
    step: usize,
}

impl Slice {
    /// From `start` up to but without `end`: `Slice::new(1, -1)` leaves out the first and the last entry.
    pub fn new(start: isize, end: isize) -> Self {
        Self { start, end: Some(end), step: 1 }
    }

    /// Every `step`-th entry only. A step of 0 is refused by [`Tensor::slice`].
    pub fn step(self, step: usize) -> Self {
        Self { step, ..self }
    }

    /// Start, and number of entries, in a dimension of `size`.
    fn resolve(self, size: usize) -> (usize, usize) {
        let clip = |i: isize| (if i < 0 { i + size as isize } else { i }).clamp(0, size as isize) as usize;
        let (start, end) = (clip(self.start), self.end.map_or(size, clip));
        (start, end.saturating_sub(start).div_ceil(self.step))
    }
}

impl From<Range<isize>> for Slice {
    fn from(range: Range<isize>) -> Self {
        Self { start: range.start, end: Some(range.end), step: 1 }
    }
}

impl From<RangeFrom<isize>> for Slice {
    fn from(range: RangeFrom<isize>) -> Self {
        Self { start: range.start, end: None, step: 1 }
    }
}

impl From<RangeTo<isize>> for Slice {
    fn from(range: RangeTo<isize>) -> Self {
        Self { start: 0, end: Some(range.end), step: 1 }
    }
}

impl From<RangeFull> for Slice {
    fn from(_: RangeFull) -> Self {
        Self { start: 0, end: None, step: 1 }
    }
}

/// Of a view that took, from a tensor of `shape`, the part which begins at `starts` and takes every `steps`-th entry.
#[derive(Clone)]
struct PartBackward {
    op: &'static str,
    shape: Vec<usize>,
    starts: Vec<usize>,
    steps: Vec<usize>,
}

impl PartBackward {
    /// `part` in place, zeros around it.
    fn spread(&self, part: &Tensor) -> Result<Tensor, TensorError> {
        let whole = Layout::contiguous(&self.shape);
        let place = part_of(&whole, &self.starts, &self.steps, part.shape());
        Ok(dispatch_stored!(part.dtype(), |T| {
            let data = part.data::<T>();
            Tensor::fill_layout(whole, part.dtype(), |dx: &mut [T]| {
                dx.fill(T::ZERO);
                write_strided(&data, part.layout(), &mut dx[place.offset..], &place);
            })
        }))
    }
}

impl Backward for PartBackward {
    fn backward(&self, grad: &Tensor, _needs: &[bool]) -> Result<Vec<Option<Tensor>>, TensorError> {
        Ok(vec![Some(self.spread(grad)?)])
    }

    fn differentiable(&self, grad: &Tensor, _needs: &[bool], _recording: &Recording) -> Gradients {
        let rule = SpreadBackward { part: self.clone(), shape: grad.shape().to_vec() };
        Ok(vec![Some(self.spread(grad)?.record(self.op, &[grad], || rule))])
    }
}

/// Of the gradient of a part, which fills the part of a larger tensor.
struct SpreadBackward {
    part: PartBackward,
    shape: Vec<usize>,
}

impl Backward for SpreadBackward {
    fn backward(&self, grad: &Tensor, _needs: &[bool]) -> Result<Vec<Option<Tensor>>, TensorError> {
        let PartBackward { op, starts, steps, .. } = &self.part;
        Ok(vec![Some(grad.part(op, starts.clone(), steps.clone(), &self.shape))])
    }

    fn differentiable(&self, grad: &Tensor, needs: &[bool], _recording: &Recording) -> Gradients {
        self.backward(grad, needs)
    }
}

fn part_of(whole: &Layout, starts: &[usize], steps: &[usize], shape: &[usize]) -> Layout {
    let empty = shape.contains(&0);
    let skipped: usize = starts.iter().zip(&whole.strides).map(|(start, stride)| start * stride).sum();
    Layout {
        shape: shape.to_vec(),
        strides: whole.strides.iter().zip(steps).map(|(stride, step)| stride * step).collect(),
        offset: whole.offset + if empty { 0 } else { skipped },
    }
}

impl Tensor {
    /// The part that begins at `starts` and takes every `steps`-th entry, of `shape`. The caller checked the limits.
    fn part(&self, op: &'static str, starts: Vec<usize>, steps: Vec<usize>, shape: &[usize]) -> Tensor {
        let view = self.with_layout(|whole| part_of(&whole, &starts, &steps, shape));
        view.record(op, &[self], || PartBackward { op, shape: self.shape().to_vec(), starts, steps })
    }

    /// The `len` entries of `dim` from `start` on, as a view.
    ///
    /// ```
    /// use striate_tensor::Tensor;
    /// let x = Tensor::arange(0i64, 5, 1);
    /// assert_eq!(x.narrow(0, 1, 3).to_vec::<i64>(), [1, 2, 3]);
    /// ```
    ///
    /// # Panics
    /// When `dim` is out of range or the part reaches past its end.
    #[track_caller]
    pub fn narrow(&self, dim: isize, start: usize, len: usize) -> Tensor {
        self.try_narrow(dim, start, len).or_panic()
    }

    /// Like [`narrow`](Self::narrow), with a mistake as an error.
    pub fn try_narrow(&self, dim: isize, start: usize, len: usize) -> Result<Tensor, TensorError> {
        let d = resolve_dim("narrow", dim, self.rank())?;
        let size = self.shape()[d];
        if start.checked_add(len).is_none_or(|end| end > size) {
            return Err(TensorError::index(
                "narrow",
                format!("{len} entries from {start} reach past dimension {dim} of size {size}"),
                "start + len must not be larger than the size",
            ));
        }
        let mut starts = vec![0; self.rank()];
        starts[d] = start;
        let mut shape = self.shape().to_vec();
        shape[d] = len;
        Ok(self.part("narrow", starts, vec![1; self.rank()], &shape))
    }

    /// Entry `index` of `dim` (negative: from the end), as a view without that dimension.
    ///
    /// # Panics
    /// When `dim` or `index` is out of range.
    #[track_caller]
    pub fn select(&self, dim: isize, index: isize) -> Tensor {
        self.try_select(dim, index).or_panic()
    }

    /// Like [`select`](Self::select), with a mistake as an error.
    pub fn try_select(&self, dim: isize, index: isize) -> Result<Tensor, TensorError> {
        let d = resolve_dim("select", dim, self.rank())?;
        let size = self.shape()[d] as isize;
        let start = if index < 0 { index + size } else { index };
        if start < 0 || start >= size {
            return Err(TensorError::index(
                "select",
                format!("index {index} is out of range for dimension {dim} of size {size}"),
                "indices count from 0; -1 is the last",
            ));
        }
        self.try_narrow(d as isize, start as usize, 1)?.try_squeeze(d as isize)
    }

    /// A part by ranges, one per dimension from the first on, as a view; dimensions not named stay whole.
    ///
    /// ```
    /// use striate_tensor::{Slice, Tensor};
    /// let x = Tensor::arange(0i64, 12, 1).reshape(&[3, 4]);
    /// let part = x.slice(&[Slice::from(1..), Slice::from(..).step(2)]);
    /// assert_eq!(part.to_vec::<i64>(), [4, 6, 8, 10]);
    /// ```
    ///
    /// # Panics
    /// When there are more ranges than dimensions or a step is 0.
    #[track_caller]
    pub fn slice(&self, ranges: &[Slice]) -> Tensor {
        self.try_slice(ranges).or_panic()
    }

    /// Like [`slice`](Self::slice), with a mistake as an error.
    pub fn try_slice(&self, ranges: &[Slice]) -> Result<Tensor, TensorError> {
        if ranges.len() > self.rank() {
            return Err(TensorError::argument(
                "slice",
                format!("{} ranges given for a tensor of {} dimensions", ranges.len(), self.rank()),
                "give at most one range per dimension",
            ));
        }
        if ranges.iter().any(|range| range.step == 0) {
            return Err(TensorError::argument("slice", "a step is 0", "a step must be at least 1"));
        }
        let (mut starts, mut steps, mut shape) = (vec![0; self.rank()], vec![1; self.rank()], self.shape().to_vec());
        for (d, range) in ranges.iter().enumerate() {
            (starts[d], shape[d]) = range.resolve(shape[d]);
            steps[d] = range.step;
        }
        Ok(self.part("slice", starts, steps, &shape))
    }

    /// Views of `size` entries each along `dim`; the last may be smaller.
    ///
    /// # Panics
    /// When `dim` is out of range or `size` is 0.
    #[track_caller]
    pub fn split(&self, size: usize, dim: isize) -> Vec<Tensor> {
        self.try_split(size, dim).or_panic()
    }

    /// Like [`split`](Self::split), with a mistake as an error.
    pub fn try_split(&self, size: usize, dim: isize) -> Result<Vec<Tensor>, TensorError> {
        let d = resolve_dim("split", dim, self.rank())?;
        if size == 0 {
            return Err(TensorError::argument("split", "the size of a part is 0", "give parts at least one entry"));
        }
        let total = self.shape()[d];
        (0..total).step_by(size).map(|start| self.try_narrow(dim, start, size.min(total - start))).collect()
    }

    /// At most `chunks` views of equal size along `dim`; the last may be smaller.
    ///
    /// # Panics
    /// When `dim` is out of range or `chunks` is 0.
    #[track_caller]
    pub fn chunk(&self, chunks: usize, dim: isize) -> Vec<Tensor> {
        self.try_chunk(chunks, dim).or_panic()
    }

    /// Like [`chunk`](Self::chunk), with a mistake as an error.
    pub fn try_chunk(&self, chunks: usize, dim: isize) -> Result<Vec<Tensor>, TensorError> {
        let d = resolve_dim("chunk", dim, self.rank())?;
        if chunks == 0 {
            return Err(TensorError::argument("chunk", "0 chunks are asked for", "ask for at least one"));
        }
        self.try_split(self.shape()[d].div_ceil(chunks).max(1), dim)
    }
}
