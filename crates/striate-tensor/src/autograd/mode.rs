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
    struct Restore(bool);
    impl Drop for Restore {
        fn drop(&mut self) {
            ENABLED.set(self.0);
        }
    }
    let _restore = Restore(ENABLED.replace(false));
    body()
}
