//! The table of operations in `docs/engine-ops.md`, made from the registry: it cannot go stale.
//!
//! `STRIATE_WRITE_DOCS=1 cargo test -p striate-tensor --test op_table` writes it anew.

use std::collections::{BTreeSet, HashMap};
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

use safetensors::SafeTensors;
use striate_tensor::random::Generator;
use striate_tensor::registry::{DifferentiableOp, REGISTRY};
use striate_tensor::{DType, GradOptions, Tensor, grad_with};

const GOLDEN: &[u8] = include_bytes!("golden/registry.safetensors");
const DTYPES: [DType; 6] = [DType::F32, DType::BF16, DType::F64, DType::I64, DType::U8, DType::Bool];

/// Operations without a gradient, and their names in PyTorch.
const CONSTANT: [(&str, &str); 22] = [
    ("all", "torch.all"),
    ("any", "torch.any"),
    ("argmax", "torch.argmax"),
    ("argmin", "torch.argmin"),
    ("argsort", "torch.argsort"),
    ("bernoulli", "torch.bernoulli"),
    ("eq", "torch.eq"),
    ("ge", "torch.ge"),
    ("gt", "torch.gt"),
    ("isfinite", "torch.isfinite"),
    ("isinf", "torch.isinf"),
    ("isnan", "torch.isnan"),
    ("le", "torch.le"),
    ("logical_and", "torch.logical_and"),
    ("logical_not", "torch.logical_not"),
    ("logical_or", "torch.logical_or"),
    ("lt", "torch.lt"),
    ("multinomial", "torch.multinomial"),
    ("ne", "torch.ne"),
    ("nonzero", "torch.nonzero"),
    ("one_hot", "F.one_hot"),
    ("update_with", "in-place updates of optimisers"),
];

/// Other names and special cases of operations in the table.
const ALIASES: [(&str, &str); 14] = [
    ("cross_entropy_smoothed", "cross_entropy"),
    ("chunk", "narrow"),
    ("conv2d_then", "conv2d"),
    ("copy_", "contiguous"),
    ("max_all", "max"),
    ("mean_all", "mean"),
    ("min_all", "min"),
    ("split", "narrow"),
    ("squeeze", "unsqueeze and squeeze"),
    ("std_corrected", "std"),
    ("sum_all", "sum"),
    ("unsqueeze", "unsqueeze and squeeze"),
    ("var_corrected", "var"),
    ("view", "reshape"),
];

fn family(operation: &DifferentiableOp) -> &'static str {
    operation.name.split(',').next().expect("a name")
}

fn inputs(operation: &DifferentiableOp, dtype: DType) -> Vec<Tensor> {
    let made = (operation.inputs)(&mut Generator::new(3));
    made.iter().map(|x| if x.dtype() == DType::F64 { x.to_dtype(dtype) } else { x.clone() }).collect()
}

fn accepts(operation: &DifferentiableOp, dtype: DType) -> bool {
    catch_unwind(|| (operation.function)(&inputs(operation, dtype))).is_ok()
}

fn has_second_derivative(operation: &DifferentiableOp) -> bool {
    let inputs: Vec<Tensor> = inputs(operation, DType::F64)
        .into_iter()
        .map(|x| if x.dtype().is_float() { x.detach().requires_grad_(true) } else { x })
        .collect();
    let wanted: Vec<&Tensor> = inputs.iter().filter(|x| x.requires_grad()).collect();
    let options = GradOptions { create_graph: true, ..GradOptions::default() };
    grad_with(&[&(operation.function)(&inputs)], &wanted, options).is_ok()
}

fn table() -> String {
    let file = SafeTensors::deserialize(GOLDEN).unwrap();
    let (_, header) = SafeTensors::read_metadata(GOLDEN).unwrap();
    let pytorch: HashMap<String, String> = header.metadata().clone().expect("the script writes metadata");
    let mut text = String::from(
        "| operation | PyTorch | dtypes | gradient checked | compared with PyTorch | second derivative |\n\
         | --- | --- | --- | --- | --- | --- |\n",
    );
    let mut families: Vec<&str> = Vec::new();
    for operation in REGISTRY {
        if !families.contains(&family(operation)) {
            families.push(family(operation));
        }
    }
    for name in families {
        let members: Vec<&DifferentiableOp> = REGISTRY.iter().filter(|operation| family(operation) == name).collect();
        let dtypes: Vec<String> = DTYPES
            .into_iter()
            .filter(|&dtype| members.iter().all(|operation| accepts(operation, dtype)))
            .map(|dtype| dtype.to_string())
            .collect();
        let compared = members.iter().all(|operation| file.tensor(&format!("{}.output", operation.name)).is_ok());
        let second = members.iter().all(|operation| has_second_derivative(operation));
        let counterpart = pytorch.get(name).unwrap_or_else(|| panic!("{name}: no line in make_golden_registry.py"));
        text += &format!(
            "| `{name}` | `{counterpart}` | {} | yes | {} | {} |\n",
            dtypes.join(" "),
            if compared { "yes" } else { "no: the mask is our own" },
            if second { "yes" } else { "refused" },
        );
    }
    for (name, counterpart) in CONSTANT {
        text += &format!("| `{name}` | `{counterpart}` | | no gradient | | |\n");
    }
    text
}

fn documentation() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/engine-ops.md")
}

const BEGIN: &str = "<!-- operations: made by striate-tensor/tests/op_table.rs -->\n";
const END: &str = "<!-- end of operations -->\n";

#[test]
fn the_table_in_the_documentation_is_the_registry() {
    // Whether a dtype is accepted is found out by trying; the panics are expected.
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let table = table();
    std::panic::set_hook(usual);
    let text = std::fs::read_to_string(documentation()).unwrap();
    let (before, rest) = text.split_once(BEGIN).expect("docs/engine-ops.md has the mark where the table begins");
    let (found, after) = rest.split_once(END).expect("docs/engine-ops.md has the mark where the table ends");
    if std::env::var_os("STRIATE_WRITE_DOCS").is_some() {
        std::fs::write(documentation(), format!("{before}{BEGIN}{table}{END}{after}")).unwrap();
        return;
    }
    assert!(
        found == table,
        "docs/engine-ops.md is not what the registry says; write it anew with\n  \
         STRIATE_WRITE_DOCS=1 cargo test -p striate-tensor --test op_table"
    );
}

/// The names after `try_` where a method is defined: directly, or in a macro line `name, try_name, ...`.
fn methods() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for entry in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/ops")).unwrap() {
        let path = entry.unwrap().path();
        // What an operation does in another precision lies in a directory; its methods do not.
        if path.is_dir() {
            continue;
        }
        let source = std::fs::read_to_string(path).unwrap();
        for line in source.lines() {
            let word = |rest: &str| rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
            if let Some((_, rest)) = line.split_once("pub fn try_") {
                names.insert(word(rest));
            }
            if let Some((before, rest)) = line.split_once(", try_")
                && before.trim_start() == word(rest)
            {
                names.insert(word(rest));
            }
        }
    }
    names
}

#[test]
fn every_method_is_in_the_table() {
    let methods = methods();
    assert!(methods.len() > 100 && methods.contains("relu") && methods.contains("conv2d"), "{methods:?}");
    let known: BTreeSet<&str> = REGISTRY
        .iter()
        .map(family)
        .chain(CONSTANT.map(|(name, _)| name))
        .chain(ALIASES.map(|(name, _)| name))
        .collect();
    let missing: Vec<&String> = methods.iter().filter(|name| !known.contains(name.as_str())).collect();
    assert!(missing.is_empty(), "operations without a line in ops/registry.rs or in this test: {missing:?}");
    for (alias, name) in ALIASES {
        assert!(REGISTRY.iter().any(|operation| family(operation) == name), "{alias} stands for {name}");
    }
}
