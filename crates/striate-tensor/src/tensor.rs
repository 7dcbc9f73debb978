//! The tensor type: what it holds, how it is looked at and read.

use std::fmt;
use std::sync::{Arc, OnceLock};

use bytemuck::Pod;
use striate_kernels::memory::Buffer;

use crate::autograd::{Leaf, Node};
use crate::dtype::{TensorElement, dispatch_stored};
use crate::error::OrPanic;
use crate::layout::{Layout, MemoryFormat};
use crate::ops::copy::{copy_to_layout, is_laid_out_as};
use crate::storage::{Data, Storage};
use crate::{DType, TensorError};

/// An n-dimensional array of one dtype, with automatic differentiation.
///
/// Cloning is cheap: a clone is another handle on the same elements. Views (`reshape` where possible, `permute`,
/// `narrow`, `select`, `broadcast_to`, ...) share memory with the tensor they come from: what is written to one through
/// [`copy_`](Tensor::copy_) or [`update_with`](Tensor::update_with) is seen by the others.
///
/// Images are `[n, c, h, w]` (batch, channels, height, width) in the interface; convolutions and poolings return them
/// with channels last in memory, which only [`strides`](Tensor::strides) shows.
///
/// ```
/// use striate_tensor::Tensor;
/// let w = Tensor::from_slice(&[1.0f32, -2.0], &[2]).requires_grad_(true);
/// let loss = (&w * &w).sum_all();
/// loss.backward();
/// assert_eq!(w.grad().unwrap().to_vec::<f32>(), [2.0, -4.0]);
/// ```
#[derive(Clone)]
pub struct Tensor(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) storage: Arc<Storage>,
    pub(crate) layout: Layout,
    pub(crate) dtype: DType,
    /// The operation that made this tensor, when it was recorded.
    pub(crate) node: Option<Arc<Node>>,
    /// Where gradients accumulate, once somebody asked for that.
    pub(crate) leaf: OnceLock<Arc<Leaf>>,
}

impl Tensor {
    pub(crate) fn from_parts(storage: Arc<Storage>, layout: Layout, dtype: DType) -> Self {
        Self(Arc::new(Inner { storage, layout, dtype, node: None, leaf: OnceLock::new() }))
    }

    /// A new tensor of `shape` whose elements `fill` writes, in the memory order of `format`. The slice holds
    /// unspecified values before.
    pub(crate) fn fill_new<T: TensorElement>(
        shape: &[usize],
        format: MemoryFormat,
        fill: impl FnOnce(&mut [T::Stored]),
    ) -> Self {
        Self::fill_layout(Layout::in_format(shape, format), T::DTYPE, fill)
    }

    /// A new tensor with a dense `layout` whose elements `fill` writes in memory order. `S` must be the stored form of
    /// `dtype`.
    pub(crate) fn fill_layout<S: Pod>(layout: Layout, dtype: DType, fill: impl FnOnce(&mut [S])) -> Self {
        let bytes = layout.numel().checked_mul(size_of::<S>());
        let bytes = bytes.unwrap_or_else(|| crate::layout::too_large(&layout.shape));
        debug_assert!(layout.is_dense() && layout.offset == 0);
        debug_assert_eq!(size_of::<S>(), dtype.size());
        let mut buffer = Buffer::uninit(bytes);
        fill(buffer.as_mut_slice::<S>());
        Self::from_parts(Arc::new(Storage::new(buffer)), layout, dtype)
    }

    /// Another view of the same storage, outside any graph.
    pub(crate) fn view_as(&self, layout: Layout) -> Self {
        debug_assert!(layout.offset + layout.span() <= self.0.layout.offset + self.0.layout.span());
        Self::from_parts(Arc::clone(&self.0.storage), layout, self.0.dtype)
    }

    pub(crate) fn layout(&self) -> &Layout {
        &self.0.layout
    }

    /// The size of each dimension.
    pub fn shape(&self) -> &[usize] {
        &self.0.layout.shape
    }

    /// The size of each dimension; the same as [`shape`](Self::shape).
    pub fn dims(&self) -> &[usize] {
        self.shape()
    }

    /// The number of dimensions.
    pub fn rank(&self) -> usize {
        self.shape().len()
    }

    /// The size of one dimension; a negative `dim` counts from the end.
    #[track_caller]
    pub fn size(&self, dim: isize) -> usize {
        self.shape()[crate::layout::resolve_dim("size", dim, self.rank()).or_panic()]
    }

    /// How far apart in memory two neighbours along each dimension are, in elements.
    pub fn strides(&self) -> &[usize] {
        &self.0.layout.strides
    }

    /// The type of the elements.
    pub fn dtype(&self) -> DType {
        self.0.dtype
    }

    /// The number of elements.
    pub fn numel(&self) -> usize {
        self.0.layout.numel()
    }

    /// Whether the elements lie in row-major order without gaps.
    pub fn is_contiguous(&self) -> bool {
        self.0.layout.is_contiguous()
    }

    /// Whether an `[n, c, h, w]` tensor lies in memory with the channels last (NHWC), without gaps.
    pub fn is_channels_last(&self) -> bool {
        self.0.layout.is_channels_last()
    }

    /// Whether two tensors share memory: one is a view of the other, or both of a third.
    pub fn shares_storage_with(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0.storage, &other.0.storage)
    }

    /// Whether the two are one tensor: the same elements of the same memory.
    ///
    /// ```
    /// use striate_tensor::{DType, Tensor};
    /// let x = Tensor::zeros(&[2, 3], DType::F32);
    /// assert!(x.is_same(&x.clone()) && !x.is_same(&x.t()) && !x.is_same(&x.copy()));
    /// ```
    pub fn is_same(&self, other: &Self) -> bool {
        self.shares_storage_with(other) && self.layout() == other.layout()
    }

    /// How often the memory of this tensor was written to in place since it was made. Views share the count.
    pub fn data_version(&self) -> u64 {
        self.0.storage.version()
    }

    /// The elements the view spans in storage, from its first one on; strides index into them. `S` must be the stored
    /// form of the dtype.
    pub(crate) fn data<S: Pod>(&self) -> Data<S> {
        self.0.storage.read(self.0.layout.offset, self.0.layout.span())
    }

    /// All elements in the memory order of `format`, copied only when they do not lie that way already.
    pub(crate) fn data_in_format<S: Pod + Send + Sync>(&self, format: MemoryFormat) -> Data<S> {
        self.data_in_layout(&Layout::in_format(self.shape(), format))
    }

    /// All elements in the memory order of a dense `layout` of the same shape, copied only when they do not lie that
    /// way already.
    pub(crate) fn data_in_layout<S: Pod + Send + Sync>(&self, layout: &Layout) -> Data<S> {
        if is_laid_out_as(self.layout(), layout) {
            self.data()
        } else {
            copy_to_layout::<S>(self, layout.clone()).data()
        }
    }

    /// The tensor with its elements in the memory order of `format`: itself when they lie that way already. Outside
    /// any graph.
    pub(crate) fn to_format(&self, format: MemoryFormat) -> Self {
        let layout = Layout::in_format(self.shape(), format);
        if is_laid_out_as(self.layout(), &layout) {
            return self.clone();
        }
        dispatch_stored!(self.dtype(), |S| copy_to_layout::<S>(self, layout))
    }

    /// The only element of a tensor that has one, of whatever shape. `T` must be the Rust type of the dtype.
    ///
    /// # Panics
    /// When there is not exactly one element, or `T` is another type.
    #[track_caller]
    pub fn item<T: TensorElement>(&self) -> T {
        self.try_item().or_panic()
    }

    /// Like [`item`](Self::item), with a mistake as an error.
    pub fn try_item<T: TensorElement>(&self) -> Result<T, TensorError> {
        self.check_element::<T>("item")?;
        if self.numel() != 1 {
            return Err(TensorError::shape(
                "item",
                format!("needs exactly one element, got shape {:?}", self.shape()),
                "reduce it first (sum_all, mean_all), pick one (select), or read all with to_vec",
            ));
        }
        Ok(T::from_stored(self.data::<T::Stored>()[0]))
    }

    /// All elements in row-major order, whatever the order in memory. `T` must be the Rust type of the dtype.
    ///
    /// # Panics
    /// When `T` is another type.
    #[track_caller]
    pub fn to_vec<T: TensorElement>(&self) -> Vec<T> {
        self.try_to_vec().or_panic()
    }

    /// Like [`to_vec`](Self::to_vec), with a mistake as an error.
    pub fn try_to_vec<T: TensorElement>(&self) -> Result<Vec<T>, TensorError> {
        self.check_element::<T>("to_vec")?;
        let data = self.data_in_format::<T::Stored>(MemoryFormat::Contiguous);
        Ok(data.iter().map(|&stored| T::from_stored(stored)).collect())
    }

    pub(crate) fn check_element<T: TensorElement>(&self, op: &'static str) -> Result<(), TensorError> {
        if T::DTYPE == self.dtype() {
            return Ok(());
        }
        Err(TensorError::dtype(
            op,
            format!("the tensor holds {}, asked for {}", self.dtype(), T::DTYPE),
            format!("ask for {}, or convert first: x.to_dtype(DType::{:?})", self.dtype(), T::DTYPE),
        ))
    }
}

impl fmt::Debug for Tensor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        crate::format::debug(self, f)
    }
}

impl fmt::Display for Tensor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        crate::format::display(self, f)
    }
}
