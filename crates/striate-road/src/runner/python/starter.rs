//! The Python file a learner starts from.

use crate::exercise::{Element, Exercise, Kind, Parameter};

/// Writes it.
pub fn starter(exercise: &Exercise) -> String {
    if let Some(code) = exercise.python_starter {
        let task: Vec<&str> = exercise.task.trim().lines().map(str::trim).collect();
        return format!("\"\"\"{}\n\"\"\"\n\n\n{}", quoted(&task.join("\n")), code.trim_start());
    }
    let signature = &exercise.signature;
    let names: Vec<&str> = signature.parameters.iter().map(|parameter| parameter.name).collect();
    // An exercise in Python alone is about Python itself.
    let import = if exercise.languages.len() > 1 { "import numpy as np\n\n\n" } else { "" };
    let mut text = format!("{import}def {}({}):\n    \"\"\"", signature.name, names.join(", "));
    text.push_str(&indent(exercise.task.trim()));
    text.push_str("\n\n    Parameters\n    ----------\n");
    for parameter in signature.parameters {
        text.push_str(&entry(parameter));
    }
    text.push_str("\n    Returns\n    -------\n");
    match &signature.returns.kind {
        Kind::Tuple(parts) => parts.iter().for_each(|part| text.push_str(&entry(part))),
        _ => text.push_str(&entry(&signature.returns)),
    }
    text.push_str(&format!("    \"\"\"\n    raise NotImplementedError(\"write {} here\")\n", signature.name));
    text
}

/// `text` with every line but the first four spaces in.
fn indent(text: &str) -> String {
    let lines: Vec<String> = text
        .lines()
        .enumerate()
        .map(|(at, line)| {
            let line = line.trim();
            if at == 0 || line.is_empty() { line.to_string() } else { format!("    {line}") }
        })
        .collect();
    quoted(&lines.join("\n"))
}

/// `text` for a docstring: a backslash (a formula, say) and a triple quote would otherwise end or change it.
fn quoted(text: &str) -> String {
    text.replace('\\', "\\\\").replace("\"\"\"", "'''")
}

fn entry(parameter: &Parameter) -> String {
    let Parameter { name, kind, meaning } = parameter;
    let meaning = indent(meaning);
    format!("    {name} : {}\n        {meaning}\n", describe(kind))
}

/// The kind in NumPy's words: `float64 array [H, W]`.
pub fn describe(kind: &Kind) -> String {
    match kind {
        Kind::Float => "float".into(),
        Kind::Int => "int".into(),
        Kind::Bool => "bool".into(),
        Kind::Text => "str".into(),
        Kind::Array { element, axes } => format!("{} array [{}]", Element::numpy_name(*element), axes.join(", ")),
        Kind::Python(annotation) => (*annotation).into(),
        Kind::Function => "function from a float64 array to a float64 array".into(),
        Kind::Tuple(parts) => {
            format!("tuple ({})", parts.iter().map(|part| describe(&part.kind)).collect::<Vec<_>>().join(", "))
        }
    }
}
