//! Trying a reference on an input it was not written for.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;

thread_local! {
    static QUIET: Cell<bool> = const { Cell::new(false) };
}

/// What `f` returns; `None` when it panics, of which nothing is printed.
///
/// References and misconceptions are written for the probes of their exercise. On other inputs (a mistake on top of a
/// mistake, a probe made smaller) they may index outside an array; that says only that the input is not one.
pub fn attempt<T>(f: impl FnOnce() -> T) -> Option<T> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let previous = take_hook();
        set_hook(Box::new(move |info| {
            if !QUIET.get() {
                previous(info);
            }
        }));
    });
    let outer = QUIET.replace(true);
    let result = catch_unwind(AssertUnwindSafe(f));
    QUIET.set(outer);
    result.ok()
}

#[cfg(test)]
mod tests {
    use super::attempt;

    #[test]
    fn a_panic_is_nothing() {
        assert_eq!(attempt(|| 3), Some(3));
        assert_eq!(attempt(|| [1, 2][std::hint::black_box(2)]), None);
        assert_eq!(attempt(|| attempt(|| panic!("inside")).is_none()), Some(true));
    }
}
