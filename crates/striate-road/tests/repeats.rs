//! The same input gets the same answer again, and a result that was given stays as it is: right functions that break that
//! are found and told how, in both languages.

mod common;

use common::slips::solution;
use common::{Learner, exercise, python};
use striate_road::check::{Evidence, Language, Report, Rung, Status};

/// The report on the model solution of `id`, called `right`, with `wrapper` around it.
fn wrapped(id: &str, wrapper: &str) -> Report {
    let right = solution(id).replace(&format!("def {id}("), "def right(");
    Learner::new(id, Language::Python, &format!("{right}\n\n{wrapper}")).check()
}

#[track_caller]
fn expect(report: &Report, status: Status, rung: Rung, id: &str) {
    assert_eq!((report.status, report.rung), (status, Some(rung)), "{report:#?}");
    let found = report.diagnosis.as_ref().expect("a name");
    assert_eq!((found.evidence, found.id.as_str()), (Evidence::Requirement, id), "{report:#?}");
}

#[test]
fn a_buffer_that_is_used_again_changes_results_that_were_given() {
    if python().is_none() {
        return;
    }
    let buffer = "_buffers = {}


def sigmoid(z):
    out = _buffers.setdefault(z.shape, np.empty(z.shape))
    out[...] = right(z)
    return out
";
    let report = wrapped("sigmoid", buffer);
    expect(&report, Status::Fragile, Rung::Repeats, "result-changed-by-next-call");
    // A view of it is no better, and one of several results is enough.
    expect(
        &wrapped("sigmoid", &buffer.replace("return out", "return out[:]")),
        Status::Fragile,
        Rung::Repeats,
        "result-changed-by-next-call",
    );
    let of_several = "_buffers = {}


def propagate(*arguments):
    results = list(right(*arguments))
    out = _buffers.setdefault(results[0].shape, np.empty(results[0].shape))
    out[...] = results[0]
    results[0] = out
    return tuple(results)
";
    let report = wrapped("propagate", of_several);
    expect(&report, Status::Fragile, Rung::Repeats, "result-changed-by-next-call");
}

#[test]
fn a_cache_that_is_handed_out_is_spoilt_by_the_caller() {
    if python().is_none() {
        return;
    }
    let cache = "_known = {}


def sigmoid(z):
    key = (z.shape, z.tobytes())
    if key not in _known:
        _known[key] = right(z)
    return _known[key]
";
    expect(&wrapped("sigmoid", cache), Status::Fragile, Rung::Repeats, "cache-handed-out");
    let copied = wrapped("sigmoid", &cache.replace("return _known[key]", "return _known[key].copy()"));
    assert_eq!(copied.status, Status::Passed, "{copied:#?}");
    // Scalars alone are arguments too.
    let kernels = "import functools


@functools.lru_cache
def gaussian_kernel(*arguments):
    return right(*arguments)
";
    expect(&wrapped("gaussian_kernel", kernels), Status::Fragile, Rung::Repeats, "cache-handed-out");
}

#[test]
fn views_of_arguments_and_of_own_arrays_are_results_like_any_other() {
    if python().is_none() {
        return;
    }
    let own = "def sigmoid(z):\n    big = np.zeros((3,) + z.shape)\n    big[1] = right(z)\n    return big[1]\n";
    assert_eq!(wrapped("sigmoid", own).status, Status::Passed);
    let argument =
        "def blend(a, b, alpha):\n    return a if alpha == 1 else b[:] if alpha == 0 else right(a, b, alpha)\n";
    let report = wrapped("blend", argument);
    assert!(report.rung != Some(Rung::Repeats), "{report:#?}");
}

#[test]
fn what_depends_on_earlier_calls_is_told_so() {
    if python().is_none() {
        return;
    }
    const ID: &str = "answer-depends-on-earlier-calls";
    // A default that all calls share: wrong from the second call on.
    let shared = "def sigmoid(z, seen=[]):\n    seen.append(1)\n    return right(z) * len(seen)\n";
    expect(&wrapped("sigmoid", shared), Status::Wrong, Rung::Values, ID);
    let random = "def sigmoid(z):\n    return right(z) + 1e-4 * np.random.rand(*z.shape)\n";
    expect(&wrapped("sigmoid", random), Status::Wrong, Rung::Values, ID);
    // A cache that looks at the shape alone: no two inputs of the check have the same.
    let stale = "_known = {}\n\n\ndef sigmoid(z):\n    return _known.setdefault((z.shape, z.size and z.flat[0] == 0), right(z)).copy()\n";
    let report = wrapped("sigmoid", stale);
    assert_eq!(report.diagnosis.as_ref().map(|found| found.id.as_str()), Some(ID), "{report:#?}");
    // State that starts anew with every other shape: the first input of the check gets its answer again.
    let fresh = "_total = [np.zeros(0)]


def sigmoid(z):
    if _total[0].shape != z.shape:
        _total[0] = np.ones(z.shape)
    else:
        _total[0] = 2 * _total[0]
    return right(z) * _total[0]
";
    expect(&wrapped("sigmoid", fresh), Status::Fragile, Rung::Values, ID);
    // Right on all inputs, once.
    let once = "_calls = []\n\n\ndef sigmoid(z):\n    _calls.append(z.tobytes())\n    return right(z) * (1 + (_calls.count(z.tobytes()) > 1))\n";
    expect(&wrapped("sigmoid", once), Status::Fragile, Rung::Repeats, ID);
}

#[test]
fn in_rust_a_result_owns_its_memory_and_a_static_still_remembers() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../road/stations");
    let path = path.join(exercise("sigmoid").station).join("rust/solution_sigmoid.rs");
    let right = std::fs::read_to_string(path).expect("a solution").replace("pub fn sigmoid(", "fn right(");
    let buffer = "
static BUFFER: std::sync::Mutex<Vec<f64>> = std::sync::Mutex::new(Vec::new());

pub fn sigmoid(z: &Array<f64>) -> Array<f64> {
    let mut buffer = BUFFER.lock().unwrap();
    buffer.clear();
    buffer.extend(right(z).data());
    Array::from_vec(z.shape(), buffer.clone())
}
";
    let report = Learner::new("sigmoid", Language::Rust, &format!("{right}{buffer}")).check();
    assert_eq!(report.status, Status::Passed, "{report:#?}");
    let counts = "
static CALLS: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);

pub fn sigmoid(z: &Array<f64>) -> Array<f64> {
    let calls = CALLS.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    right(z).map(|s| s + calls as f64)
}
";
    let report = Learner::new("sigmoid", Language::Rust, &format!("{right}{counts}")).check();
    expect(&report, Status::Wrong, Rung::Values, "answer-depends-on-earlier-calls");
}
