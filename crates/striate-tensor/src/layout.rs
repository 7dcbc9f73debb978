//! Where the elements of a tensor lie in its storage.

use crate::TensorError;

/// The order of the elements of a newly made tensor in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemoryFormat {
    /// Row-major: the last dimension is the fastest.
    Contiguous,
    /// For `[n, c, h, w]`: the channels are the fastest, then width, height, batch (NHWC in memory).
    ChannelsLast,
}

/// Shape, strides (in elements) and offset of a view of a storage.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Layout {
    pub(crate) shape: Vec<usize>,
    pub(crate) strides: Vec<usize>,
    pub(crate) offset: usize,
}

impl Layout {
    pub(crate) fn contiguous(shape: &[usize]) -> Self {
        Self { shape: shape.to_vec(), strides: contiguous_strides(shape), offset: 0 }
    }

    /// A new layout in `format`. `ChannelsLast` of anything but four dimensions is row-major.
    pub(crate) fn in_format(shape: &[usize], format: MemoryFormat) -> Self {
        let mut layout = Self::contiguous(shape);
        if let (MemoryFormat::ChannelsLast, &[_, c, h, w]) = (format, shape) {
            layout.strides = vec![h * w * c, 1, w * c, c];
        }
        layout
    }

    /// The number of elements.
    ///
    /// # Panics
    /// If it is beyond `usize`.
    pub(crate) fn numel(&self) -> usize {
        let numel = self.shape.iter().try_fold(1_usize, |numel, &size| numel.checked_mul(size));
        numel.unwrap_or_else(|| if self.shape.contains(&0) { 0 } else { too_large(&self.shape) })
    }

    /// Row-major without gaps. Dimensions of size 1 may have any stride.
    pub(crate) fn is_contiguous(&self) -> bool {
        let mut expected = 1;
        for (&size, &stride) in self.shape.iter().zip(&self.strides).rev() {
            if size != 1 && stride != expected {
                return self.numel() == 0;
            }
            expected *= size;
        }
        true
    }

    /// Channels-last without gaps: `[n, c, h, w]` with NHWC memory order.
    pub(crate) fn is_channels_last(&self) -> bool {
        let (&[n, c, h, w], &[sn, sc, sh, sw]) = (self.shape.as_slice(), self.strides.as_slice()) else { return false };
        Self { shape: vec![n, h, w, c], strides: vec![sn, sh, sw, sc], offset: 0 }.is_contiguous()
    }

    /// Whether the elements fill one block of memory without gaps or overlap, in whatever order of dimensions.
    pub(crate) fn is_dense(&self) -> bool {
        if self.is_contiguous() {
            return true;
        }
        let mut expected = 1;
        for d in self.dims_by_stride().into_iter().rev() {
            if self.shape[d] != 1 && self.strides[d] != expected {
                return false;
            }
            expected *= self.shape[d];
        }
        true
    }

    /// The dimensions from the largest stride to the smallest; equal strides keep their order.
    pub(crate) fn dims_by_stride(&self) -> Vec<usize> {
        let mut dims: Vec<usize> = (0..self.shape.len()).collect();
        // A dimension of size 1 has a meaningless stride: where it stands does not matter.
        dims.sort_by(|&a, &b| self.strides[b].cmp(&self.strides[a]));
        dims
    }

    /// How many elements of the storage this view spans, counted from its offset.
    pub(crate) fn span(&self) -> usize {
        if self.numel() == 0 {
            return 0;
        }
        1 + self.shape.iter().zip(&self.strides).map(|(&size, &stride)| (size - 1) * stride).sum::<usize>()
    }

    /// Whether elements repeat: a dimension of several entries has stride 0.
    pub(crate) fn repeats(&self) -> bool {
        self.shape.iter().zip(&self.strides).any(|(&size, &stride)| size > 1 && stride == 0)
    }

    /// The dense layout of a fresh tensor of this shape with the dimensions in the same order in memory; row-major when
    /// elements repeat, which leaves no order.
    pub(crate) fn fresh(&self) -> Self {
        if self.repeats() {
            return Self::contiguous(&self.shape);
        }
        if self.is_dense() {
            return Self { shape: self.shape.clone(), strides: self.strides.clone(), offset: 0 };
        }
        let mut strides = vec![1; self.shape.len()];
        let mut stride = 1;
        for d in self.dims_by_stride().into_iter().rev() {
            strides[d] = stride;
            stride *= self.shape[d].max(1);
        }
        Self { shape: self.shape.clone(), strides, offset: 0 }
    }

    /// This layout seen with a larger `shape`: dimensions of size 1 repeat with stride 0. The caller checked that it
    /// broadcasts.
    pub(crate) fn expanded(&self, shape: &[usize]) -> Self {
        let lead = shape.len() - self.shape.len();
        let strides = (0..shape.len())
            .map(|d| if d < lead || (self.shape[d - lead] == 1 && shape[d] != 1) { 0 } else { self.strides[d - lead] })
            .collect();
        Self { shape: shape.to_vec(), strides, offset: self.offset }
    }

    /// The strides under which the same elements, unmoved, have `shape`; `None` when they must be copied first.
    pub(crate) fn reshaped(&self, shape: &[usize]) -> Option<Self> {
        if self.is_contiguous() {
            return Some(Self { offset: self.offset, ..Self::contiguous(shape) });
        }
        // Both shapes split into groups of dimensions with equal products; inside an old group the strides must nest.
        let old: Vec<(usize, usize)> =
            self.shape.iter().copied().zip(self.strides.iter().copied()).filter(|&(size, _)| size != 1).collect();
        let mut strides = vec![0; shape.len()];
        let (mut i, mut j) = (0, 0);
        while i < old.len() && j < shape.len() {
            let (mut old_end, mut new_end) = (i + 1, j + 1);
            let (mut old_size, mut new_size) = (old[i].0, shape[j]);
            while old_size != new_size {
                if new_size < old_size {
                    new_size *= shape.get(new_end)?;
                    new_end += 1;
                } else {
                    old_size *= old.get(old_end)?.0;
                    old_end += 1;
                }
            }
            if old[i..old_end].windows(2).any(|pair| pair[0].1 != pair[1].0 * pair[1].1) {
                return None;
            }
            let mut stride = old[old_end - 1].1;
            for d in (j..new_end).rev() {
                strides[d] = stride;
                stride *= shape[d];
            }
            (i, j) = (old_end, new_end);
        }
        // What is left of the new shape are ones.
        Some(Self { shape: shape.to_vec(), strides, offset: self.offset })
    }
}

pub(crate) fn contiguous_strides(shape: &[usize]) -> Vec<usize> {
    let mut strides = vec![1_usize; shape.len()];
    for d in (1..shape.len()).rev() {
        strides[d - 1] = strides[d].checked_mul(shape[d].max(1)).unwrap_or_else(|| too_large(shape));
    }
    strides
}

/// Ends a call that would make a tensor whose size no address reaches: sizes must not wrap around to small ones.
#[cold]
pub(crate) fn too_large(shape: &[usize]) -> ! {
    panic!("a tensor of shape {shape:?} is larger than the address space\n  help: check the sizes for a mistake")
}

/// The shape two shapes broadcast to, by NumPy's rule: aligned at the right, sizes must be equal or one of them 1.
pub(crate) fn broadcast_shapes(op: &'static str, left: &[usize], right: &[usize]) -> Result<Vec<usize>, TensorError> {
    let rank = left.len().max(right.len());
    let size = |shape: &[usize], d: usize| (d + shape.len()).checked_sub(rank).map_or(1, |i| shape[i]);
    let mut result = Vec::with_capacity(rank);
    for d in 0..rank {
        result.push(match (size(left, d), size(right, d)) {
            (a, b) if a == b => a,
            (1, b) => b,
            (a, 1) => a,
            (a, b) => {
                return Err(TensorError::shape(
                    op,
                    format!(
                        "shapes {left:?} and {right:?} do not broadcast: sizes {a} and {b} meet in dimension {} from \
                         the right",
                        rank - d
                    ),
                    "shapes are aligned at the right; sizes must be equal or 1. reshape or unsqueeze one of them",
                ));
            }
        });
    }
    Ok(result)
}

/// Whether a tensor of shape `from` can be seen with shape `to`.
pub(crate) fn broadcasts_to(from: &[usize], to: &[usize]) -> bool {
    from.len() <= to.len() && from.iter().rev().zip(to.iter().rev()).all(|(&a, &b)| a == b || a == 1)
}

/// The dimension meant by `dim`, which counts from the end when negative.
pub(crate) fn resolve_dim(op: &'static str, dim: isize, rank: usize) -> Result<usize, TensorError> {
    let resolved = if dim < 0 { dim + rank as isize } else { dim };
    if resolved < 0 || resolved >= rank as isize {
        let help = if rank == 0 {
            "a tensor without dimensions has no dimension to choose: unsqueeze(0) gives it one".to_owned()
        } else {
            format!("choose a dimension from {} to {}", -(rank as isize), rank - 1)
        };
        return Err(TensorError::index(
            op,
            format!("dimension {dim} is out of range for a tensor of {rank} dimensions"),
            help,
        ));
    }
    Ok(resolved as usize)
}
