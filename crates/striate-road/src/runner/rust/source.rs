//! Rust text written from a signature: the starter, the program around the learner's file, the manifest for editors.

use std::path::{Path, PathBuf};

use crate::exercise::{Element, Exercise, Kind, Parameter, Signature};

/// The file a learner starts from.
pub fn starter(exercise: &Exercise) -> String {
    let signature = &exercise.signature;
    let mut text = String::new();
    if uses_arrays(signature) {
        text.push_str("use striate_array::Array;\n\n");
    }
    for line in exercise.task.trim().lines() {
        push_doc(&mut text, line.trim());
    }
    push_doc(&mut text, "");
    for parameter in signature.parameters {
        push_doc(&mut text, &format!("- `{}`, {}: {}", parameter.name, describe(&parameter.kind), parameter.meaning));
    }
    push_doc(&mut text, "");
    match &signature.returns.kind {
        Kind::Tuple(parts) => {
            push_doc(&mut text, "Returns, in this order:");
            for Parameter { name, kind, meaning } in *parts {
                push_doc(&mut text, &format!("- `{name}`, {}: {meaning}", describe(kind)));
            }
        }
        kind => push_doc(&mut text, &format!("Returns {}: {}", describe(kind), signature.returns.meaning)),
    }
    text.push_str(&declaration(signature));
    text.push_str(&format!(" {{\n    unimplemented!(\"write {} here\")\n}}\n", signature.name));
    text
}

fn push_doc(text: &mut String, line: &str) {
    text.push_str(if line.is_empty() { "///" } else { "/// " });
    text.push_str(line);
    text.push('\n');
}

fn uses_arrays(signature: &Signature) -> bool {
    fn array(kind: &Kind) -> bool {
        match kind {
            Kind::Array { .. } | Kind::Function => true,
            Kind::Tuple(parts) => parts.iter().any(|part| array(&part.kind)),
            _ => false,
        }
    }
    array(&signature.returns.kind) || signature.parameters.iter().any(|parameter| array(&parameter.kind))
}

/// `pub fn correlate2d(img: &Array<f64>, k: &Array<f64>) -> Array<f64>`
pub fn declaration(signature: &Signature) -> String {
    let parameters: Vec<String> = signature
        .parameters
        .iter()
        .map(|parameter| format!("{}: {}", parameter.name, parameter_type(&parameter.kind)))
        .collect();
    format!("pub fn {}({}) -> {}", signature.name, parameters.join(", "), owned_type(&signature.returns.kind))
}

fn parameter_type(kind: &Kind) -> String {
    match kind {
        Kind::Text => "&str".into(),
        Kind::Float | Kind::Int | Kind::Bool => owned_type(kind),
        Kind::Function => format!("&{}", owned_type(kind)),
        Kind::Array { .. } | Kind::Tuple(_) | Kind::Python(_) => format!("&{}", owned_type(kind)),
    }
}

fn owned_type(kind: &Kind) -> String {
    match kind {
        Kind::Float => "f64".into(),
        Kind::Int => "i64".into(),
        Kind::Bool => "bool".into(),
        Kind::Text => "String".into(),
        Kind::Array { element, .. } => format!("Array<{}>", element_type(*element)),
        Kind::Function => "dyn Fn(&Array<f64>) -> Array<f64>".into(),
        Kind::Python(annotation) => (*annotation).into(),
        Kind::Tuple(parts) => {
            format!("({})", parts.iter().map(|part| owned_type(&part.kind)).collect::<Vec<_>>().join(", "))
        }
    }
}

/// Rust's name of an element type.
pub fn element_type(element: Element) -> &'static str {
    match element {
        Element::F64 => "f64",
        Element::F32 => "f32",
        Element::I64 => "i64",
        Element::U8 => "u8",
        Element::Bool => "bool",
    }
}

fn describe(kind: &Kind) -> String {
    match kind {
        Kind::Array { element, axes } => format!("{} array `[{}]`", element_type(*element), axes.join(", ")),
        Kind::Float => "number".into(),
        Kind::Int => "integer".into(),
        Kind::Bool => "true or false".into(),
        Kind::Text => "text".into(),
        Kind::Function => "function from array to array".into(),
        Kind::Python(annotation) => (*annotation).into(),
        Kind::Tuple(parts) => format!("{} values", parts.len()),
    }
}

/// The program that serves calls of the learner's function in `file`, which may use `modules` beside it by
/// `crate::name`.
pub fn main(signature: &Signature, file: &Path, modules: &[(String, PathBuf)]) -> String {
    let name = signature.name;
    let mut body = String::new();
    let mut arguments = Vec::new();
    for (at, parameter) in signature.parameters.iter().enumerate() {
        body.push_str(&match &parameter.kind {
            Kind::Function => format!("        let a{at} = arguments.next_function();\n"),
            kind => format!("        let a{at}: {} = arguments.next();\n", owned_type(kind)),
        });
        let borrowed = !matches!(parameter.kind, Kind::Float | Kind::Int | Kind::Bool);
        arguments.push(format!("{}a{at}", if borrowed { "&" } else { "" }));
    }
    let beside: String = modules.iter().map(|(name, file)| format!("#[path = {file:?}]\nmod {name};\n")).collect();
    format!(
        "#[path = {file:?}]\nmod {name};\n{beside}\nuse striate_array::{{Array, harness}};\n\nfn main() {{\n    \
         harness::serve(&|arguments| {{\n{body}        let result: {} = {name}::{name}({});\n        \
         harness::encode(&result)\n    }});\n}}\n",
        owned_type(&signature.returns.kind),
        arguments.join(", "),
    )
}

/// A manifest. The empty `[workspace]` keeps cargo from looking for one further up.
pub fn manifest(name: &str, rest: &str) -> String {
    format!(
        "[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\npublish = false\n{rest}\n[workspace]\n"
    )
}
