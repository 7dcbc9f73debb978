//! The rules of a task that its text alone shows: what the file imports.

use std::path::Path;

use super::report::{Diagnosis, Evidence, Report, Rung, Status};
use crate::exercise::Exercise;
use crate::runner::{Language, Place};

/// Whether the file imports what the exercise refuses; the report then says where.
pub(super) fn broken(exercise: &Exercise, file: &Path, report: &mut Report) -> bool {
    // A file that cannot be read has its own message later.
    let Ok(text) = std::fs::read_to_string(file) else { return false };
    let found = imports(&text, report.language);
    let Some((line, package)) = found.into_iter().find(|(_, name)| exercise.refused_imports.contains(&name.as_str()))
    else {
        return false;
    };
    let code = text.lines().nth(line - 1).unwrap_or_default().trim().to_string();
    report.status = Status::Wrong;
    report.rung = Some(Rung::Rules);
    report.headline = format!("Your file imports {package}");
    report.place = Some(Place { file: file.to_path_buf(), line: line as u32, code });
    report.diagnosis = Some(Diagnosis {
        evidence: Evidence::Requirement,
        id: "framework-imported".into(),
        title: format!("the task asks for arrays and your own code; {package} brings what you are to write"),
        explanation:
            "With a framework this is ten lines, and nothing in them shows what you understood. NumPy and the \
                      standard library are welcome; afterwards, compare with the framework as much as you like."
                .into(),
        question: "Which lines of yours would be left without that import?".into(),
        see: None,
        certainty: format!("line {line} of your file"),
        also: Vec::new(),
    });
    true
}

/// The packages that a source file imports, with the line of each.
fn imports(text: &str, language: Option<Language>) -> Vec<(usize, String)> {
    let of_line = if language == Some(Language::Rust) { rust_imports } else { python_imports };
    let mut docstring = None;
    let mut found = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let inside = docstring.is_some();
        for quotes in ["\"\"\"", "'''"] {
            if docstring.is_none_or(|open| open == quotes) && line.matches(quotes).count() % 2 == 1 {
                docstring = if docstring.is_some() { None } else { Some(quotes) };
            }
        }
        if !inside {
            found.extend(of_line(line).into_iter().map(|package| (at + 1, package)));
        }
    }
    found
}

fn python_imports(line: &str) -> Vec<String> {
    let code = line.split('#').next().unwrap_or_default();
    let mut found = Vec::new();
    for statement in code.split([';', ':']).map(str::trim) {
        if let Some(rest) = statement.strip_prefix("import ") {
            found.extend(rest.split(',').map(package));
        } else if let Some(rest) = statement.strip_prefix("from ") {
            found.push(package(rest));
        }
    }
    for call in ["__import__(", "import_module("] {
        found.extend(code.split(call).skip(1).map(|rest| package(rest.trim_start().trim_start_matches(['"', '\'']))));
    }
    found
}

fn rust_imports(line: &str) -> Vec<String> {
    let code = line.split("//").next().unwrap_or_default().trim();
    let code = code.strip_prefix("pub ").unwrap_or(code);
    let rest = code.strip_prefix("use ").or_else(|| code.strip_prefix("extern crate "));
    rest.map(package).into_iter().collect()
}

/// The first name of a path: `torch` of `torch.nn as nn`.
fn package(path: &str) -> String {
    path.trim().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str, language: Language) -> Vec<(usize, String)> {
        imports(text, Some(language))
    }

    #[test]
    fn imports_are_found_in_every_form_and_not_in_words() {
        let text = "import numpy as np, torch.nn as nn\nfrom tensorflow.keras import layers\n\"\"\"\nimport keras\n\"\"\"\n\
                    # import jax\ntorch = __import__('mxnet')\nif True: import sklearn\nnote = 'do not import paddle'\n";
        let names = found(text, Language::Python);
        let expected = [(1, "numpy"), (1, "torch"), (2, "tensorflow"), (7, "mxnet"), (8, "sklearn")];
        assert_eq!(names, expected.map(|(line, name)| (line, name.to_string())));
        let names = found("use striate_array::Array;\n// use tch::Tensor;\nextern crate tch;\n", Language::Rust);
        assert_eq!(names, [(1, "striate_array".to_string()), (3, "tch".to_string())]);
    }
}
