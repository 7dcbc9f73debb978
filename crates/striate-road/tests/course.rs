//! The courses' functions, in folders as learners have them.

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use common::{options, python};
use striate_road::check::{CheckOptions, Status, content};
use striate_road::course::{Course, CourseReport, check_folder};
use striate_road::runner::Protection;
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

/// A mistake has one id: what is said in the same words under two ids is one mistake told twice, and the cards of what a
/// learner got wrong would take it for two.
#[test]
fn a_mistake_has_one_id() {
    let of_courses = Course::ALL.into_iter().flat_map(|course| course.functions().iter().map(|asked| asked.exercise));
    let mut ids: BTreeMap<(&str, &str), BTreeMap<&str, &str>> = BTreeMap::new();
    for exercise in striate_road::exercises::all().iter().copied().chain(of_courses) {
        for mistake in exercise.misconceptions {
            for words in [("title", mistake.title), ("explanation", mistake.explanation)] {
                ids.entry(words).or_default().insert(mistake.id, exercise.id);
            }
        }
    }
    ids.retain(|_, ids| ids.len() > 1);
    assert!(ids.is_empty(), "{ids:#?}");
}

/// A card in somebody's progress that was made under an old id still has a mistake to ask for.
#[test]
fn a_renamed_mistake_leads_to_one_that_is_there() {
    let of_courses = Course::ALL.into_iter().flat_map(|course| course.functions().iter().map(|asked| asked.exercise));
    let exercises = striate_road::exercises::all().iter().copied().chain(of_courses);
    let ids: BTreeSet<&str> = exercises.flat_map(|exercise| exercise.misconceptions.iter().map(|m| m.id)).collect();
    let renames = striate_road::map::Road::embedded().renames();
    for old in renames.misconceptions.keys() {
        assert!(!ids.contains(old.as_str()), "{old} is renamed and in use");
        assert!(ids.contains(renames.misconception(old)), "{old} leads nowhere");
    }
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
    fs::remove_dir_all(folder.path().join("assignment3")).unwrap();
    let before = everything(folder.path());
    let report = check(Course::Cs231n, folder.path());
    for found in &report.functions {
        assert!(found.report.passed(), "{}: {:#?}", found.function, found.report);
    }
    assert_eq!(report.not_found, Vec::<String>::new());
    assert!(report.passed());
    // The folder lies where folders for temporary files do.
    let strongest = Some(Protection::active());
    assert!(report.functions.iter().all(|found| found.report.protection == strongest), "{:?}", report.functions[0]);
    assert_eq!(everything(folder.path()), before, "the folder is as it was, with no __pycache__ in it");
    let page = include_str!("../../../docs/check-course.md");
    let json = serde_json::to_value(&report).unwrap();
    let first = json["functions"][0].as_object().unwrap().keys().map(|field| format!("`functions[].{field}`"));
    for field in json.as_object().unwrap().keys() {
        assert!(page.contains(&format!("`{field}`")) || page.contains(&format!("`{field}[]`")), "{field}");
    }
    first.for_each(|field| assert!(page.contains(&field), "{field}"));
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
        "vote-tie-to-larger",
    ),
    (
        "classifiers/linear_svm.py",
        "mask = (margins > 0).astype(float)",
        "mask = margins > 0",
        "svm_loss_vectorized",
        "count-stored-in-mask",
    ),
    (
        "classifiers/softmax.py",
        "dW / X.shape[0] + 2 * reg * W",
        "dW / X.shape[0] + reg * W",
        "softmax_loss_naive",
        "regularization-gradient-half",
    ),
    ("layers.py", "dx = dout * (x > 0)\n", "dx = dout\n    dx[x <= 0] = 0\n", "relu_backward", "changes-its-input"),
    (
        "layers.py",
        "shifted = x - np.max(x, axis=1, keepdims=True)",
        "shifted = x",
        "softmax_loss",
        "max-not-subtracted",
    ),
    (
        "layers.py",
        "out = gamma * (x - running_mean) / np.sqrt(running_var + eps) + beta",
        "out = (x - running_mean) / np.sqrt(running_var + eps)",
        "batchnorm_forward",
        "scale-shift-missing-in-test",
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
        "width-from-kernel-height",
    ),
    (
        "layers.py",
        "dx[n, c, rows, columns] += dout[n, c, i, j] * (window == window.max())",
        "at = np.unravel_index(window.argmax(), window.shape)\n                    dx[n, c, rows.start + at[0], columns.start + at[1]] = dout[n, c, i, j]",
        "max_pool_backward_naive",
        "overlap-overwritten",
    ),
    (
        "layers.py",
        "rows = x.transpose(0, 2, 3, 1).reshape(-1, C)\n    out, cache = batchnorm_forward(rows, gamma, beta, bn_param)\n    return out.reshape(N, H, W, C).transpose(0, 3, 1, 2), cache",
        "if bn_param['mode'] == 'train':\n        z = (x - x.mean(axis=0)) / np.sqrt(x.var(axis=0) + bn_param['eps'])\n    else:\n        z = (x - bn_param['running_mean'][:, None, None]) / np.sqrt(bn_param['running_var'][:, None, None] + bn_param['eps'])\n    return gamma[:, None, None] * z + beta[:, None, None], None",
        "spatial_batchnorm_forward",
        "statistics-over-batch-only",
    ),
    (
        "optim.py",
        "config[\"beta1\"] * config[\"m\"] + (1 - config[\"beta1\"]) * dw",
        "config[\"beta1\"] + (1 - config[\"beta1\"]) * dw",
        "adam",
        "old-moment-lost",
    ),
    (
        "optim.py",
        "(1 - config[\"beta2\"] ** config[\"t\"])",
        "(1 - config[\"beta2\"])",
        "adam",
        "bias-correction-without-power",
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

/// The sources of two notebooks, whose cells `# %%` separates.
const NOTEBOOKS: [&str; 2] =
    [include_str!("course/deeplearning/step_by_step.py"), include_str!("course/deeplearning/starts_and_sequences.py")];

/// A folder with notebooks of these sources.
fn notebooks(sources: &[String]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("week 4")).unwrap();
    for (at, source) in sources.iter().enumerate() {
        let cells: Vec<_> = source
            .split("# %%\n")
            .skip(1)
            .map(|cell| {
                serde_json::json!({ "cell_type": "code", "source": cell.split_inclusive('\n').collect::<Vec<_>>() })
            })
            .collect();
        let text =
            serde_json::json!({ "nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": cells }).to_string();
        fs::write(folder.path().join(format!("week 4/Step by Step {at}.ipynb")), text).unwrap();
    }
    folder
}

#[test]
fn the_functions_of_a_notebook_are_checked_without_running_its_other_cells() {
    if python().is_none() {
        return;
    }
    let folder = notebooks(&NOTEBOOKS.map(String::from));
    let report = check(Course::DeepLearningAi, folder.path());
    for found in &report.functions {
        let unwritten = found.function == "sigmoid_derivative";
        let expected = if unwritten { Status::NotAttempted } else { Status::Passed };
        assert_eq!(found.report.status, expected, "{}: {:#?}", found.function, found.report);
        assert!(!found.report.printed.contains("must not run"));
    }
    assert!(report.functions.len() >= 30, "{}", report.functions.len());
    assert!(report.not_found.contains(&"backward_propagation".to_string()), "{:?}", report.not_found);
}

#[test]
fn mistakes_in_notebooks_are_named() {
    if python().is_none() {
        return;
    }
    let bugs: &[(&str, &str, &str, &str)] = &[
        (
            "np.sum(a_slice_prev * W) + float(np.squeeze(b))",
            "np.sum(a_slice_prev * W + b)",
            "conv_single_step",
            "bias-per-term",
        ),
        (
            "slice(h * stride, h * stride + f), slice(w * stride, w * stride + f)",
            "slice(h, h + f), slice(w, w + f)",
            "pool_backward",
            "stride-ignored",
        ),
        ("X[:, permutation], Y[:, permutation]", "X[:, permutation], Y", "random_mini_batches", "labels-not-shuffled"),
        (
            "range(0, m, mini_batch_size)",
            "range(0, m - mini_batch_size + 1, mini_batch_size)",
            "random_mini_batches",
            "last-batch-dropped",
        ),
        (
            "v[\"d\" + key] / (1 - beta1**t), s[\"d\" + key] / (1 - beta2**t)",
            "v[\"d\" + key] / (1 - beta1**t), s[\"d\" + key]",
            "update_parameters_with_adam",
            "second-moment-uncorrected",
        ),
        (
            "np.sum(dZ, axis=1, keepdims=True) / m",
            "np.sum(dZ, axis=1, keepdims=True)",
            "linear_backward",
            "mean-missing-in-bias",
        ),
        (
            "np.random.randn(layer_dims[l], layer_dims[l - 1])",
            "np.random.randn(layer_dims[l - 1], layer_dims[l])",
            "initialize_parameters_deep",
            "matrix-transposed",
        ),
        (
            "generator.normal(0, deviation, (",
            "generator.normal(0, deviation**2, (",
            "initialize_parameters_he",
            "variance-for-deviation",
        ),
        (
            "np.random.randn(layers_dims[l]",
            "np.random.rand(layers_dims[l]",
            "initialize_parameters_random",
            "uniform-noise",
        ),
        (
            "(J_plus - J_minus) / (2 * epsilon)",
            "(J_plus - J_minus) / epsilon",
            "gradient_check_n",
            "divided-by-half-the-distance",
        ),
        ("np.copy(values)", "values", "gradient_check_n", "same-array-moved"),
        (
            "rnn_cell_forward(x[:, :, t], a_next, parameters)",
            "rnn_cell_forward(x[:, :, t], a0, parameters)",
            "rnn_forward",
            "state-not-carried",
        ),
        (
            "rnn_cell_backward(da[:, :, t] + da_prevt",
            "rnn_cell_backward(da[:, :, t]",
            "rnn_backward",
            "state-gradient-not-carried",
        ),
        ("dc = dc_next + ot", "dc = ot", "lstm_cell_backward", "cell-upstream-ignored"),
        ("c = np.zeros(a.shape)", "c = a", "lstm_forward", "cells-over-states"),
        (
            "da_prevt, dc_prevt = gradients[\"da_prev\"], gradients[\"dc_prev\"]",
            "da_prevt = gradients[\"da_prev\"]",
            "lstm_backward",
            "cell-gradient-not-carried",
        ),
        (
            "lstm_cell_backward(da[:, :, t] + da_prevt, dc_prevt,",
            "lstm_cell_backward(da[:, :, t], np.zeros(dc_prevt.shape),",
            "lstm_backward",
            "gradients-not-carried",
        ),
        (
            "sums[name] += gradients[name]",
            "sums[name] = gradients[name]",
            "lstm_backward",
            "weight-gradient-overwritten",
        ),
    ];
    let mut missed = Vec::new();
    for &(right, wrong, function, id) in bugs {
        let source = NOTEBOOKS.iter().find(|source| source.contains(right)).expect(right);
        let folder = notebooks(&[source.replace(right, wrong)]);
        let (status, named) = status_of(&check(Course::DeepLearningAi, folder.path()), function);
        if status == Status::Passed || named.as_deref() != Some(id) {
            missed.push(format!("{function}: {status:?}, named {named:?}, not {id}"));
        }
    }
    assert!(missed.is_empty(), "{missed:#?}");
}

/// Mistakes in the layers of PyTorch: what is replaced by what, and what is then said of which layer.
const TORCH_BUGS: &[(&str, &str, &str, &str)] = &[
    (" / math.sqrt(self.head_dim)", "", "MultiHeadAttention", "scale-missing"),
    ("attn_mask == 0", "attn_mask != 0", "MultiHeadAttention", "mask-inverted"),
    ("float(\"-inf\")", "1e-9", "MultiHeadAttention", "masked-with-zero"),
    (
        "N, S, self.n_head, self.head_dim).transpose(1, 2)\n        k = self.key(key).view(N, T, self.n_head, self.head_dim).transpose(1, 2)\n        v = self.value(value).view(N, T, self.n_head, self.head_dim).transpose(1, 2)",
        "N, self.n_head, S, self.head_dim)\n        k = self.key(key).view(N, self.n_head, T, self.head_dim)\n        v = self.value(value).view(N, self.n_head, T, self.head_dim)",
        "MultiHeadAttention",
        "heads-split-by-reshape",
    ),
    ("v).transpose(1, 2).contiguous()", "v)", "MultiHeadAttention", "heads-not-transposed-back"),
    ("self.proj(output)", "output", "MultiHeadAttention", "output-projection-missing"),
    (
        "self.attn_drop(F.softmax(scores, dim=-1))",
        "F.softmax(self.attn_drop(scores), dim=-1)",
        "MultiHeadAttention",
        "dropout-elsewhere",
    ),
    (
        "pe[0, :, 0::2] = torch.sin(position * div_term)\n        pe[0, :, 1::2]",
        "pe[0, :, : embed_dim // 2] = torch.sin(position * div_term)\n        pe[0, :, embed_dim // 2 :]",
        "PositionalEncoding",
        "halves-concatenated",
    ),
    ("torch.arange(0, embed_dim, 2)", "torch.arange(0, embed_dim // 2)", "PositionalEncoding", "exponent-not-doubled"),
    (
        "self.dropout(x + self.pe[:, :S])",
        "x + self.dropout(self.pe[:, :S])",
        "PositionalEncoding",
        "dropout-before-sum",
    ),
    ("key=memory, value=memory", "key=tgt, value=tgt", "TransformerDecoderLayer", "memory-ignored"),
    ("self.dropout_self(src) + shortcut", "self.dropout_self(src)", "TransformerEncoderLayer", "shortcut-missing"),
    (".permute(0, 2, 4, 1, 3, 5)", "", "PatchEmbedding", "reshape-scrambles"),
];

#[test]
fn the_mistakes_in_layers_of_pytorch_are_named() {
    let Some(options) = with_torch() else { return };
    let folder = copied("cs231n/assignment3");
    let report = check_folder(Course::Cs231n, folder.path(), &options, &mut |_| {}).expect("a folder to check");
    for found in &report.functions {
        assert!(found.report.passed(), "{}: {:#?}", found.function, found.report);
    }
    assert_eq!((report.functions.len(), report.unchecked.len()), (10, 0));
    let file = folder.path().join("cs231n/transformer_layers.py");
    let source = fs::read_to_string(&file).unwrap();
    let mut missed = Vec::new();
    for &(right, wrong, layer, id) in TORCH_BUGS {
        assert!(source.contains(right), "{right}");
        fs::write(&file, with_classes(&source.replace(right, wrong), layer)).unwrap();
        let report = check_folder(Course::Cs231n, &file, &options, &mut |_| {}).expect("a file to check");
        let (status, named) = status_of(&report, layer);
        if status == Status::Passed || named.as_deref().unwrap_or_default() != id {
            missed.push(format!("{layer}, {wrong}: {status:?}, named {named:?}, not {id}"));
        }
    }
    assert!(missed.is_empty(), "{missed:#?}");
    let greedy = source.replace("N, S, E = query.shape", "N, S, E = query.shape; x = bytearray(10 << 30)");
    fs::write(&file, with_classes(&greedy, "MultiHeadAttention")).unwrap();
    let report = check_folder(Course::Cs231n, &file, &options, &mut |_| {}).expect("a file to check");
    assert!(report.functions[0].report.headline.contains("more memory"), "{:#?}", report.functions[0]);
}

/// A source with no other class than `layer` and those that it is made of.
fn with_classes(source: &str, layer: &str) -> String {
    let needed = |class: &str| {
        let is = |name: &str| class.starts_with(name);
        is(layer) || (layer.starts_with("Transformer") && (is("MultiHead") || is("FeedForward")))
    };
    let mut parts = source.split("\n\n\nclass ");
    let head = parts.next().unwrap_or_default().to_string();
    parts.filter(|class| needed(class)).fold(head, |text, class| format!("{text}\n\n\nclass {class}"))
}

/// Options with a Python that has PyTorch, if there is one: `STRIATE_TORCH_PYTHON`, or the one of the other tests.
fn with_torch() -> Option<CheckOptions> {
    let named = std::env::var_os("STRIATE_TORCH_PYTHON").map(PathBuf::from);
    let python = named.or_else(|| python().map(Path::to_path_buf))?;
    if !imports_torch(&python) {
        eprintln!("SKIPPED: no Python with PyTorch; set STRIATE_TORCH_PYTHON");
        return None;
    }
    Some(CheckOptions { python: Some(python), ..options() })
}

/// Whether a Python finds PyTorch.
fn imports_torch(python: &Path) -> bool {
    Command::new(python).args(["-c", "import torch"]).output().is_ok_and(|done| done.status.success())
}

/// A program that starts a Python which finds no PyTorch.
#[cfg(unix)]
fn without_torch(python: &Path, folder: &Path) -> PathBuf {
    use std::os::unix::fs::PermissionsExt;

    fs::write(folder.join("torch.py"), "raise ImportError(\"No module named 'torch'\")\n").unwrap();
    let program = folder.join("python");
    let script = format!("#!/bin/sh\nPYTHONPATH='{}' exec '{}' \"$@\"\n", folder.display(), python.display());
    fs::write(&program, script).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    program
}

#[test]
#[cfg(unix)]
fn without_pytorch_its_layers_are_not_checked_and_the_rest_is() {
    let Some(python) = python() else { return };
    let bare = tempfile::tempdir().unwrap();
    let program = if imports_torch(python) { without_torch(python, bare.path()) } else { python.to_path_buf() };
    let options = CheckOptions { python: Some(program), ..options() };
    let folder = copied("cs231n/assignment3");
    fs::write(
        folder.path().join("optim.py"),
        "def sgd(w, dw, config=None):\n    return w - config['learning_rate'] * dw, config\n",
    )
    .unwrap();
    let report = check_folder(Course::Cs231n, folder.path(), &options, &mut |_| {}).expect("a folder to check");
    assert!(report.passed(), "what cannot be checked is no failure: {report:#?}");
    assert_eq!((report.functions.len(), report.unchecked.len()), (1, 10));
    let text = striate_road::course::render_summary(&report, striate_road::text::TerminalStyle::default());
    for words in
        ["? Not checked: rnn_step_forward", "MultiHeadAttention", "PyTorch", "No module named 'torch'", "--python"]
    {
        assert!(text.contains(words), "{words}: {text}");
    }
}

#[test]
fn python_2_gets_one_sentence_and_a_broken_file_its_line() {
    if python().is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let old = "import numpy as np\n\ndef affine_forward(x, w, b):\n    print 'shape', x.shape\n    return x, None\n";
    fs::write(folder.path().join("layers.py"), old).unwrap();
    let newer = "def sgd(w, dw, config=None):\n    for i in xrange(3):\n        w = w - dw\n    return w, config\n";
    fs::write(folder.path().join("optim.py"), newer).unwrap();
    fs::write(folder.path().join("softmax.py"), "def softmax_loss_naive(W, X, y, reg):\n    return (0.0,\n").unwrap();
    let report = check(Course::Cs231n, folder.path());
    let message = |file: &str| {
        let problem = report.problems.iter().find(|problem| problem.place.ends_with(file)).expect("a problem");
        (problem.message.clone(), problem.functions.clone())
    };
    let (text, functions) = message("layers.py");
    assert!(text.starts_with("This is Python 2") && text.contains("line 4"), "{text}");
    assert_eq!(functions, ["affine_forward"]);
    assert!(message("softmax.py").0.contains("is no Python"), "{}", message("softmax.py").0);
    assert_eq!(status_of(&report, "sgd").0, Status::DoesNotLoad);
    let sgd = &report.functions[0].report;
    assert!(sgd.headline.contains("Python 2: xrange") && sgd.headline.contains("write range"), "{}", sgd.headline);
    assert!(!report.passed());
}
