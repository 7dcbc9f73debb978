//! Automatic mixed precision, as `torch.autocast`.
//!
//! Inside [`autocast`], each operation chooses the precision that suits it:
//!
//! | in bf16, summed in f32 | in f32 | in the type of their inputs |
//! | --- | --- | --- |
//! | `matmul`, `linear`, `conv2d`, `conv1d`, `conv_transpose2d`, `lstm` (gates and cells in f32), the input's part of `gru` and `rnn_tanh`, and what is made of them | `softmax`, `log_softmax`, `cross_entropy`, `nll_loss`, `layer_norm` and its kin, `sum`, `mean` and what is made of them, `cumsum`, `cumprod`, the steps of `gru` and `rnn_tanh` | all others; `batch_norm` keeps its statistics in f32; of two different floats, the wider |
//!
//! Parameters stay f32, and so do their gradients: what a product needs of them is cast once per scope and version. bf16
//! has the range of f32, so no loss needs scaling.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::sync::Arc;

use striate_kernels::bf16::bf16;

use crate::autograd::Backward;
use crate::error::OrPanic;
use crate::layout::Layout;
use crate::storage::{Data, Storage};
use crate::{DType, Tensor, TensorError};

thread_local! {
    static DTYPE: Cell<Option<DType>> = const { Cell::new(None) };
    static CASTS: RefCell<HashMap<CastKey, Cast>> = RefCell::default();
}

/// Where a parameter lies in memory, and how often that was written to.
#[derive(PartialEq, Eq, Hash)]
struct CastKey {
    storage: *const Storage,
    layout: Layout,
    version: u64,
}

struct Cast {
    value: Tensor,
    /// Keeps the address in the key taken.
    _storage: Arc<Storage>,
}

/// Runs `body` in mixed precision on this thread: `dtype` is [`DType::BF16`], or [`DType::F32`] for a part inside that is
/// to stay in full precision.
///
/// Compute the loss inside; `backward` may be called inside or outside, it uses the types of the forward pass.
///
/// ```
/// use striate_tensor::{DType, Tensor, autocast};
/// let x = Tensor::ones(&[2, 3], DType::F32);
/// let w = Tensor::ones(&[4, 3], DType::F32).requires_grad_(true);
/// let loss = autocast(DType::BF16, || {
///     let y = x.linear(&w, None);
///     assert_eq!(y.dtype(), DType::BF16);
///     y.sum_all()
/// });
/// assert_eq!(loss.dtype(), DType::F32);
/// loss.backward();
/// assert_eq!(w.grad().unwrap().to_vec::<f32>(), [2.0; 12]);
/// ```
///
/// # Panics
/// With any other `dtype`.
#[track_caller]
pub fn autocast<R>(dtype: DType, body: impl FnOnce() -> R) -> R {
    try_autocast(dtype, body).or_panic()
}

/// Like [`autocast`], with a mistake as an error.
///
/// # Errors
/// When `dtype` is neither [`DType::BF16`] nor [`DType::F32`].
pub fn try_autocast<R>(dtype: DType, body: impl FnOnce() -> R) -> Result<R, TensorError> {
    if !matches!(dtype, DType::BF16 | DType::F32) {
        return Err(TensorError::argument(
            "autocast",
            format!("cannot compute in {dtype}"),
            "choose DType::BF16, or DType::F32 to switch it off inside",
        ));
    }
    Ok(resume(Some(dtype), body))
}

/// The precision in use: to [`resume`] later.
pub(crate) fn current() -> Option<DType> {
    DTYPE.get()
}

/// Runs `body` in a precision that was in use.
pub(crate) fn resume<R>(dtype: Option<DType>, body: impl FnOnce() -> R) -> R {
    struct Restore(Option<DType>);
    impl Drop for Restore {
        fn drop(&mut self) {
            DTYPE.set(self.0);
            if self.0.is_none() {
                CASTS.with_borrow_mut(HashMap::clear);
            }
        }
    }
    let _restore = Restore(DTYPE.replace(dtype));
    body()
}

/// Whether this thread is inside an [`autocast`] to a lower precision.
pub fn is_autocast_enabled() -> bool {
    DTYPE.get() == Some(DType::BF16)
}

/// Whether an operation of the first column takes `x` in bf16.
pub(crate) fn lowers(x: &Tensor) -> bool {
    match x.dtype() {
        DType::BF16 => true,
        DType::F32 => is_autocast_enabled(),
        _ => false,
    }
}

/// An activation for an operation in bf16: itself, or rounded, which is recorded.
pub(crate) fn activation(op: &'static str, x: &Tensor) -> Result<Tensor, TensorError> {
    match x.dtype() {
        DType::F32 if is_autocast_enabled() => x.try_to_dtype(DType::BF16),
        DType::BF16 => Ok(x.clone()),
        other => Err(TensorError::dtypes_differ(op, DType::BF16, other)),
    }
}

/// A parameter for an operation in bf16, outside any graph: itself, or rounded, once in a scope for each state of it.
pub(crate) fn parameter(op: &'static str, x: &Tensor) -> Result<Tensor, TensorError> {
    match x.dtype() {
        DType::BF16 => return Ok(x.detach()),
        DType::F32 if is_autocast_enabled() => {}
        other => return Err(TensorError::dtypes_differ(op, DType::BF16, other)),
    }
    let storage = &x.0.storage;
    let key = CastKey { storage: Arc::as_ptr(storage), layout: x.layout().clone(), version: storage.version() };
    if let Some(value) = CASTS.with_borrow(|casts| casts.get(&key).map(|cast| cast.value.clone())) {
        return Ok(value);
    }
    let value = x.detach().try_to_dtype(DType::BF16)?;
    // Only what is learned is seen again.
    if x.requires_grad() && x.0.node.is_none() {
        let cast = Cast { value: value.clone(), _storage: Arc::clone(storage) };
        CASTS.with_borrow_mut(|casts| casts.insert(key, cast));
    }
    Ok(value)
}

/// What gives the elements of a contiguous parameter for an operation in bf16, for who keeps what is made of them.
pub(crate) fn narrow_parameter<'a>(
    op: &'static str,
    x: &'a Tensor,
) -> Result<impl Fn() -> Data<bf16> + Copy + use<'a>, TensorError> {
    match x.dtype() {
        DType::BF16 => {}
        DType::F32 if is_autocast_enabled() => {}
        other => return Err(TensorError::dtypes_differ(op, DType::BF16, other)),
    }
    Ok(move || x.detach().to_dtype(DType::BF16).data::<bf16>())
}

/// Computes an operation of the second column on bf16 in f32. Outside [`autocast`], the result is rounded back.
pub(crate) fn in_f32(
    x: &Tensor,
    compute: impl FnOnce(&Tensor) -> Result<Tensor, TensorError>,
) -> Result<Tensor, TensorError> {
    let y = compute(&x.try_to_dtype(DType::F32)?)?;
    if is_autocast_enabled() { Ok(y) } else { y.try_to_dtype(DType::BF16) }
}

/// Computes an operation on bf16 that has no loops for it in f32, and rounds once.
pub(crate) fn rounded(
    x: &Tensor,
    compute: impl FnOnce(&Tensor) -> Result<Tensor, TensorError>,
) -> Result<Tensor, TensorError> {
    compute(&x.try_to_dtype(DType::F32)?)?.try_to_dtype(DType::BF16)
}

/// The gradients of an operation whose backward pass has no loops for bf16: computed in f32, rounded once.
pub(crate) fn backward_in_f32(
    operation: &dyn Backward,
    grad: &Tensor,
    needs: &[bool],
) -> Result<Vec<Option<Tensor>>, TensorError> {
    let gradients = operation.backward(&grad.try_to_dtype(DType::F32)?, needs)?;
    gradients.into_iter().map(|gradient| gradient.map(|g| g.try_to_dtype(DType::BF16)).transpose()).collect()
}

/// Two floats of different precision in the wider one, if autocast is to see to that: `None` when there is nothing to do.
pub(crate) fn promoted(a: &Tensor, b: &Tensor) -> Result<Option<[Tensor; 2]>, TensorError> {
    match (a.dtype(), b.dtype()) {
        (DType::BF16, DType::F32) | (DType::F32, DType::BF16) if is_autocast_enabled() => {
            Ok(Some([a.try_to_dtype(DType::F32)?, b.try_to_dtype(DType::F32)?]))
        }
        _ => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_is_cast_once_per_version() {
        let w = Tensor::ones(&[3], DType::F32).requires_grad_(true);
        let (first, again, later) = autocast(DType::BF16, || {
            let casts = [parameter("test", &w).unwrap(), parameter("test", &w).unwrap()];
            w.copy_(&Tensor::full(&[3], 2.0f32));
            let [first, again] = casts;
            (first, again, parameter("test", &w).unwrap())
        });
        assert!(first.shares_storage_with(&again));
        assert!(!first.shares_storage_with(&later));
        assert_eq!(later.to_dtype(DType::F32).to_vec::<f32>(), [2.0; 3]);
        assert!(CASTS.with_borrow(HashMap::is_empty));
    }

    #[test]
    fn scopes_nest_and_end() {
        assert!(!is_autocast_enabled());
        autocast(DType::BF16, || {
            assert!(is_autocast_enabled());
            autocast(DType::F32, || assert!(!is_autocast_enabled()));
            assert!(is_autocast_enabled());
        });
        assert!(!is_autocast_enabled());
        assert!(std::panic::catch_unwind(|| autocast(DType::BF16, || panic!("inside"))).is_err());
        assert!(!is_autocast_enabled());
        assert!(try_autocast(DType::I64, || ()).unwrap_err().to_string().contains("i64"));
    }
}
