//! The courses' functions, in folders as learners have them.

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use common::{options, python};
use striate_road::check::{Status, content};
use striate_road::course::{Course, CourseReport, check_folder};
use tempfile::TempDir;

#[test]
fn every_mistake_of_every_function_is_caught_and_named() {
    let (mut count, mut problems) = (0, Vec::new());
    for course in Course::ALL {
        for function in course.functions() {
            let rows = content::examine(function.exercise);
            count += rows.len();
            problems.extend(rows.into_iter().filter(|row| row.problem.is_some()));
        }
    }
    assert!(problems.is_empty(), "{}", content::table(&problems));
    assert!(count > 100, "{count} rows");
}

/// A copy of one of the folders beside this file.
fn copied(name: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/course").join(name), folder.path());
    folder
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().flatten() {
        let target = to.join(entry.file_name());
        match entry.path() {
            path if path.is_dir() => copy(&path, &target),
            path => drop(fs::copy(path, target).unwrap()),
        }
    }
}

/// All files below a folder, with their content and when they were changed.
fn everything(folder: &Path) -> BTreeMap<PathBuf, (Vec<u8>, SystemTime)> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.insert(path.clone(), (Vec::new(), path.metadata().unwrap().modified().unwrap()));
            found.extend(everything(&path));
        } else {
            found.insert(path.clone(), (fs::read(&path).unwrap(), path.metadata().unwrap().modified().unwrap()));
        }
    }
    found
}

fn check(course: Course, folder: &Path) -> CourseReport {
    check_folder(course, folder, &options(), &mut |_| {}).expect("a folder to check")
}

fn status_of(report: &CourseReport, function: &str) -> (Status, Option<String>) {
    let found = report.functions.iter().find(|found| found.function == function).expect("the function is found");
    (found.report.status, found.report.diagnosis.as_ref().map(|diagnosis| diagnosis.id.clone()))
}

#[test]
fn a_right_folder_passes_and_stays_as_it_is() {
    if python().is_none() {
        return;
    }
    let folder = copied("cs231n");
    let before = everything(folder.path());
    let report = check(Course::Cs231n, folder.path());
    for found in &report.functions {
        assert!(found.report.passed(), "{}: {:#?}", found.function, found.report);
    }
    assert_eq!(report.not_found, Vec::<String>::new());
    assert!(report.passed());
    assert_eq!(everything(folder.path()), before, "the folder is as it was, with no __pycache__ in it");
}

/// What is replaced in which file, and what is then said of which function.
type Bug = (&'static str, &'static str, &'static str, &'static str, &'static str);

/// Mistakes of real students, from public repositories (checker notes, C.3 and C.5).
const BUGS: &[Bug] = &[
    (
        "classifiers/k_nearest_neighbor.py",
        "np.sqrt(np.sum((X[i] - self.X_train[j]) ** 2))",
        "np.sum((X[i] - self.X_train[j]) ** 2)",
        "compute_distances_two_loops",
        "distance-squared",
    ),
    (
        "classifiers/k_nearest_neighbor.py",
        "np.argmax(np.bincount(closest_y))",
        "max(sorted(set(closest_y), reverse=True), key=list(closest_y).count)",
        "predict_labels",
        "tie-to-larger-label",
    ),
    (
        "classifiers/linear_svm.py",
        "mask = (margins > 0).astype(float)",
        "mask = margins > 0",
        "svm_loss_vectorized",
        "count-in-boolean-mask",
    ),
    (
        "classifiers/softmax.py",
        "dW / X.shape[0] + 2 * reg * W",
        "dW / X.shape[0] + reg * W",
        "softmax_loss_naive",
        "regularisation-gradient-mismatch",
    ),
    ("layers.py", "dx = dout * (x > 0)\n", "dx = dout\n    dx[x <= 0] = 0\n", "relu_backward", "changes-its-input"),
    ("layers.py", "shifted = x - np.max(x, axis=1, keepdims=True)", "shifted = x", "softmax_loss", "softmax-overflow"),
    (
        "layers.py",
        "out = gamma * (x - running_mean) / np.sqrt(running_var + eps) + beta",
        "out = (x - running_mean) / np.sqrt(running_var + eps)",
        "batchnorm_forward",
        "scale-missing-in-test",
    ),
    (
        "layers.py",
        "mask = (np.random.rand(*x.shape) < p) / p",
        "mask = np.random.rand(*x.shape) < p",
        "dropout_forward",
        "dropout-not-inverted",
    ),
    (
        "layers.py",
        "dw[f] += dout[n, f, i, j] * xp[n, :, i * stride : i * stride + HH, j * stride : j * stride + WW]",
        "dw[f] += dout[n, f, i, j] * xp[n, :, i * stride : i * stride + HH, j : j + WW]",
        "conv_backward_naive",
        "stride-ignored-in-dw",
    ),
    (
        "layers.py",
        "dxp[:, :, pad : pad + H, pad : pad + W]",
        "dxp[:, :, pad:-pad, pad:-pad]",
        "conv_backward_naive",
        "empty-when-unpadded",
    ),
    (
        "layers.py",
        "1 + (W + 2 * pad - WW) // stride",
        "1 + (W + 2 * pad - HH) // stride",
        "conv_forward_naive",
        "width-from-kernel-height",
    ),
    (
        "layers.py",
        "1 + (W - pw) // stride",
        "1 + (W - ph) // stride",
        "max_pool_forward_naive",
        "width-from-window-height",
    ),
    (
        "layers.py",
        "dx[n, c, rows, columns] += dout[n, c, i, j] * (window == window.max())",
        "at = np.unravel_index(window.argmax(), window.shape)\n                    dx[n, c, rows.start + at[0], columns.start + at[1]] = dout[n, c, i, j]",
        "max_pool_backward_naive",
        "gradient-overwritten",
    ),
    (
        "layers.py",
        "rows = x.transpose(0, 2, 3, 1).reshape(-1, C)\n    out, cache = batchnorm_forward(rows, gamma, beta, bn_param)\n    return out.reshape(N, H, W, C).transpose(0, 3, 1, 2), cache",
        "if bn_param['mode'] == 'train':\n        z = (x - x.mean(axis=0)) / np.sqrt(x.var(axis=0) + bn_param['eps'])\n    else:\n        z = (x - bn_param['running_mean'][:, None, None]) / np.sqrt(bn_param['running_var'][:, None, None] + bn_param['eps'])\n    return gamma[:, None, None] * z + beta[:, None, None], None",
        "spatial_batchnorm_forward",
        "statistics-per-pixel",
    ),
    (
        "optim.py",
        "config[\"beta1\"] * config[\"m\"] + (1 - config[\"beta1\"]) * dw",
        "config[\"beta1\"] + (1 - config[\"beta1\"]) * dw",
        "adam",
        "moment-factor-lost",
    ),
    (
        "optim.py",
        "(1 - config[\"beta2\"] ** config[\"t\"])",
        "(1 - config[\"beta2\"])",
        "adam",
        "correction-without-power",
    ),
];

#[test]
fn the_mistakes_of_real_students_are_named() {
    if python().is_none() {
        return;
    }
    let folder = copied("cs231n");
    let package = folder.path().join("assignment2/cs231n");
    let mut missed = Vec::new();
    for &(file, right, wrong, function, id) in BUGS {
        let file = package.join(file);
        let source = fs::read_to_string(&file).unwrap();
        assert!(source.contains(right), "{right}");
        fs::write(&file, source.replace(right, wrong)).unwrap();
        let report = check(Course::Cs231n, &file);
        fs::write(&file, source).unwrap();
        let (status, named) = status_of(&report, function);
        if status == Status::Passed || named.as_deref() != Some(id) {
            missed.push(format!("{function}: {status:?}, named {named:?}, not {id}"));
        }
    }
    assert!(missed.is_empty(), "{missed:#?}");
}
