//! Whether operations are recorded.

use std::cell::Cell;

thread_local! {
    static ENABLED: Cell<bool> = const { Cell::new(true) };
}

/// Whether operations on this thread are recorded; `false` inside [`no_grad`].
pub fn is_grad_enabled() -> bool {
    ENABLED.get()
}

/// Runs `body` without recording operations on this thread: for evaluation and for updating parameters.
///
/// ```
/// use striate_tensor::{Tensor, no_grad};
/// let w = Tensor::from_slice(&[1.0f32], &[1]).requires_grad_(true);
/// assert!(!no_grad(|| &w * 2.0).requires_grad());
/// ```
pub fn no_grad<R>(body: impl FnOnce() -> R) -> R {
    with_recording(false, body)
}

/// Runs `body` with operations recorded again, inside a [`no_grad`]: for a function that needs gradients of its own to
/// compute its value.
///
/// ```
/// use striate_tensor::{Tensor, enable_grad, grad, no_grad};
/// let slope = |x: f32| {
///     let x = Tensor::scalar(x).requires_grad_(true);
///     enable_grad(|| grad(&[&x.square()], &[&x])).map(|gradients| gradients[0].clone().map(|g| g.item::<f32>()))
/// };
/// assert_eq!(no_grad(|| slope(3.0))?, Some(6.0));
/// # Ok::<(), striate_tensor::TensorError>(())
/// ```
pub fn enable_grad<R>(body: impl FnOnce() -> R) -> R {
    with_recording(true, body)
}

fn with_recording<R>(enabled: bool, body: impl FnOnce() -> R) -> R {
    struct Restore(bool);
    impl Drop for Restore {
        fn drop(&mut self) {
            ENABLED.set(self.0);
        }
    }
    let _restore = Restore(ENABLED.replace(enabled));
    body()
}
