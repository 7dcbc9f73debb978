//! Everything a Python file can do wrong gets its own words, and nothing harms Striate.

mod common;

use std::process::Command;
use std::time::{Duration, Instant};

use common::{Learner, python};
use striate_road::check::{Evidence, Language, Report, Rung, Status};

/// A right solution whose parts the tests replace.
const RIGHT: &str = r#"
import numpy as np

def correlate2d(img, k, border):
    kh, kw = k.shape
    if kh % 2 == 0 or kw % 2 == 0:
        raise ValueError("the kernel must have odd height and width")
    mode = "constant" if border == "zero" else "edge"
    padded = np.pad(img, ((kh // 2, kh // 2), (kw // 2, kw // 2)), mode=mode)
    out = np.zeros_like(img)
    for i in range(img.shape[0]):
        for j in range(img.shape[1]):
            out[i, j] = (padded[i : i + kh, j : j + kw] * k).sum()
    return out
"#;

/// Checks `correlate2d` with this body. `None` where there is no NumPy.
fn body(body: &str) -> Option<Report> {
    file(&format!("import numpy as np\ndef correlate2d(img, k, border):\n    {}\n", body.replace('\n', "\n    ")))
}

fn file(source: &str) -> Option<Report> {
    python()?;
    Some(Learner::new("correlate2d", Language::Python, source).check())
}

#[track_caller]
fn expect(report: &Option<Report>, status: Status, rung: Rung, words: &str) {
    let Some(report) = report else { return };
    assert_eq!((report.status, report.rung), (status, Some(rung)), "{report:#?}");
    let text = format!("{}\n{}", report.headline, report.message);
    assert!(text.contains(words), "{words:?} is not in {text:?}");
}

#[test]
fn a_right_solution_passes_within_a_second() {
    let Some(python) = python() else { return };
    let learner = Learner::new("correlate2d", Language::Python, RIGHT);
    let report = learner.check();
    assert_eq!(report.status, Status::Passed, "{report:#?}");
    assert_eq!(report.probes_passed, report.probes);
    // The best of a few, and against what NumPy alone takes to start: other work may go on beside this test.
    let mut best = (f64::INFINITY, f64::INFINITY);
    for _ in 0..5 {
        let started = Instant::now();
        let numpy = Command::new(python).args(["-c", "import numpy"]).status();
        assert!(numpy.is_ok_and(|status| status.success()));
        best.0 = started.elapsed().as_secs_f64().min(best.0);
        best.1 = learner.check().timings.total_seconds.min(best.1);
    }
    let (numpy, check) = best;
    assert!(check < f64::max(1.0, 3.0 * numpy), "{check} s; NumPy alone starts in {numpy} s");
}

#[test]
fn a_flipped_kernel_is_named() {
    let Some(report) = file(&RIGHT.replace("* k)", "* k[::-1, ::-1])")) else { return };
    let diagnosis = report.diagnosis.expect("a diagnosis");
    assert_eq!((diagnosis.evidence, diagnosis.id.as_str()), (Evidence::Misconception, "kernel-flipped"));
    let case = report.case.expect("a smallest case");
    assert!(case.first_difference.starts_with("out[0, 0]: expected "), "{}", case.first_difference);
}

#[test]
fn a_missing_file_the_starter_and_pass_are_not_attempted() {
    if python().is_none() {
        return;
    }
    let learner = Learner::new("correlate2d", Language::Python, RIGHT);
    std::fs::remove_file(learner.file()).unwrap();
    expect(&Some(learner.check()), Status::NotAttempted, Rung::File, "striate start correlation-filtering");
    expect(&body("raise NotImplementedError"), Status::NotAttempted, Rung::Attempted, "still to be written");
    expect(&body("pass"), Status::Wrong, Rung::Returns, "return");
}

#[test]
fn an_edge_left_unwritten_is_fragile() {
    let source =
        RIGHT.replace("raise ValueError(\"the kernel must have odd height and width\")", "raise NotImplementedError");
    expect(&file(&source), Status::Fragile, Rung::Raises, "NotImplementedError");
    let source = RIGHT.replace("if kh % 2 == 0 or kw % 2 == 0:", "if False:");
    expect(&file(&source), Status::Fragile, Rung::Rejects, "must have odd height and width");
}

#[test]
fn files_that_do_not_load_say_where() {
    let report = file("import numpy as np\n\ndef correlate2d(img, k, border)\n    return img\n");
    expect(&report, Status::DoesNotLoad, Rung::Loads, "SyntaxError");
    assert!(report.is_none_or(|report| report.place.is_some_and(|place| place.line == 3)));
    let report = file("import no_such_module_anywhere\n");
    expect(&report, Status::DoesNotLoad, Rung::Loads, "No module named 'no_such_module_anywhere'");
    assert!(report.is_none_or(|report| report.place.is_some_and(|place| place.line == 1)));
    expect(&file("import sys\nsys.exit(3)\n"), Status::DoesNotLoad, Rung::Loads, "SystemExit");
    expect(&file("import os\nos._exit(3)\n"), Status::DoesNotLoad, Rung::Survives, "exit code 3");
    expect(&file("x = 1\n"), Status::DoesNotLoad, Rung::Signature, "no function correlate2d");
    expect(
        &file("def correlate(img, k):\n    pass\n"),
        Status::DoesNotLoad,
        Rung::Signature,
        "in the file: correlate.",
    );
    let report = file("def correlate2d(img, k):\n    return img\n");
    expect(&report, Status::DoesNotLoad, Rung::Signature, "correlate2d(img, k, border)");
    expect(&file("\u{0}"), Status::DoesNotLoad, Rung::Loads, "null bytes");
}

#[test]
fn wrong_results_are_told_apart() {
    expect(&body("return img.tolist()"), Status::Wrong, Rung::Type, "a list");
    expect(&body("return img.astype(np.int64)"), Status::Wrong, Rung::Type, "int64");
    expect(&body("return img.astype(complex)"), Status::Wrong, Rung::Type, "complex128");
    expect(&body("return {'out': img}"), Status::Wrong, Rung::Type, "a dict");
    expect(&body("return img.T"), Status::Wrong, Rung::Shape, "reverse order");
    expect(&body("return img[None]"), Status::Wrong, Rung::Shape, "axes of length one");
    expect(&body("return img[1:, 1:]"), Status::Wrong, Rung::Shape, "[H-1, W-1]");
    expect(
        &body("h = max(img.shape[0] - k.shape[0] + 1, 0)\nreturn np.zeros((h, img.shape[1]))"),
        Status::Wrong,
        Rung::Shape,
        "[H-kh+1, W]",
    );
    expect(&body("return img * np.nan"), Status::Wrong, Rung::Finite, "no finite number");
}

#[test]
fn a_changed_argument_is_noticed() {
    let source = RIGHT.replace("    return out", "    img[...] = out\n    return out");
    expect(&file(&source), Status::Wrong, Rung::Mutation, "img in place");
    let source = RIGHT.replace("    return out", "    k.shape = (k.size,)\n    return out");
    expect(&file(&source), Status::Wrong, Rung::Mutation, "k in place");
}

#[test]
fn an_exception_names_the_learners_line() {
    let report = body("x = img[0, 0]\nreturn np.zeros(3)[int(x) + 1000]");
    expect(&report, Status::Wrong, Rung::Raises, "IndexError");
    let Some(place) = report.map(|report| report.place.expect("a place")) else { return };
    assert_eq!((place.line, place.code.as_str()), (4, "return np.zeros(3)[int(x) + 1000]"));
    expect(&body("return correlate2d(img, k, border)"), Status::Wrong, Rung::Raises, "RecursionError");
    expect(&body("import sys; sys.exit(0)"), Status::Wrong, Rung::Raises, "sys.exit()");
    expect(&body("return input()"), Status::Wrong, Rung::Raises, "EOFError");
}

#[test]
fn an_endless_loop_is_stopped() {
    if python().is_none() {
        return;
    }
    let mut learner = Learner::new(
        "correlate2d",
        Language::Python,
        "import subprocess, sys\ndef correlate2d(img, k, border):\n    subprocess.Popen([sys.executable, '-c', 'import \
         time; time.sleep(60)'])\n    while True:\n        pass\n",
    );
    learner.options.patience.call = Duration::from_millis(400);
    let started = Instant::now();
    let report = learner.check();
    // The program it started keeps the pipes open; waiting for it would take a minute.
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
    assert!(report.headline.contains("a 2 by 5 image"), "{}", report.headline);
    expect(&Some(report), Status::Wrong, Rung::TimeOut, "endless loop");
}

#[test]
fn an_endless_loop_on_an_edge_is_fragile() {
    if python().is_none() {
        return;
    }
    let source = RIGHT.replace("    mode =", "    while img.size == 1:\n        pass\n    mode =");
    let mut learner = Learner::new("correlate2d", Language::Python, &source);
    learner.options.patience.call = Duration::from_millis(1500);
    expect(&Some(learner.check()), Status::Fragile, Rung::TimeOut, "an image of one pixel");
}

#[test]
fn crashes_and_greed_are_told() {
    expect(&body("import os; os._exit(0)"), Status::Wrong, Rung::Survives, "exit code 0");
    expect(&body("import os; os.abort()"), Status::Wrong, Rung::Survives, "an abort");
    expect(&body("import ctypes; ctypes.string_at(0)"), Status::Wrong, Rung::Survives, "segmentation fault");
    expect(&body("return np.ones((1 << 20, 1 << 20))"), Status::Wrong, Rung::Survives, "more memory");
    expect(&body("while True: print('x' * 100000)"), Status::Wrong, Rung::Survives, "without end");
}

#[test]
fn printing_is_shown_and_cannot_pass_for_a_result() {
    let report = body("import os\nprint('looking at', img.shape)\nos.write(1, b'V' + bytes(40))\nreturn img");
    expect(&report, Status::Wrong, Rung::Values, "");
    assert!(report.is_none_or(|report| report.printed.contains("looking at (2, 5)")));
}

#[test]
fn a_slice_of_a_larger_array_is_an_edge() {
    let source = RIGHT.replace(
        "    kh, kw = k.shape\n",
        "    kh, kw = k.shape\n    if not img.flags.c_contiguous:\n        img = np.zeros(img.shape)\n",
    );
    expect(&file(&source), Status::Fragile, Rung::Layout, "slices of larger ones");
}

#[test]
fn a_helper_module_beside_the_file_can_be_imported() {
    if python().is_none() {
        return;
    }
    let learner = Learner::new("correlate2d", Language::Python, "from padding import correlate2d\n");
    learner.write_beside("padding", RIGHT);
    assert_eq!(learner.check().status, Status::Passed);
    assert!(!learner.file().with_file_name("__pycache__").exists());
}

#[test]
fn a_missing_interpreter_is_the_machines_fault() {
    let mut learner = Learner::new("correlate2d", Language::Python, RIGHT);
    learner.options.python = Some("/no/such/python".into());
    expect(&Some(learner.check()), Status::CannotRun, Rung::Environment, "/no/such/python");
}

#[test]
fn a_report_survives_json() {
    let Some(report) = file(&RIGHT.replace(".sum()", ".mean()")) else { return };
    let diagnosis = report.diagnosis.as_ref().expect("a fingerprint");
    assert_eq!(
        (diagnosis.evidence, diagnosis.title.as_str()),
        (Evidence::Fingerprint, "it is 1/(kh*kw) times the right answer")
    );
    let text = serde_json::to_string(&report).unwrap();
    assert_eq!(serde_json::from_str::<Report>(&text).unwrap(), report);
}

#[test]
fn bytes_that_are_no_text_are_named() {
    let Some(_) = python() else { return };
    // The reader looks for a declared encoding in the first two lines, and decodes the rest later.
    for before in ["", "import numpy as np\n\n\n"] {
        let learner = Learner::new("correlate2d", Language::Python, "");
        let source = [before.as_bytes(), b"# caf\xe9\n", RIGHT.as_bytes()].concat();
        std::fs::write(learner.file(), source).unwrap();
        expect(&Some(learner.check()), Status::DoesNotLoad, Rung::Loads, "save it as UTF-8");
    }
    let marked = file(&format!("\u{feff}{RIGHT}"));
    assert!(marked.is_none_or(|report| report.status == Status::Passed));
}
