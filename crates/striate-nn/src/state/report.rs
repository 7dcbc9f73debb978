//! How a state dictionary fits a module.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use striate_tensor::{DType, Tensor};

/// How a state dictionary fits a module.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LoadReport {
    /// Names with the same shape on both sides.
    pub loaded: Vec<String>,
    /// Those among them whose numbers were converted.
    pub converted: Vec<Conversion>,
    /// Counters of batch norm (`num_batches_tracked`) that the state lacks, as files of old PyTorch do. They are left
    /// as they are, and are no reason to refuse the state.
    pub left: Vec<String>,
    /// The module has them, the state does not.
    pub missing: Vec<String>,
    /// The state has them, the module does not.
    pub unexpected: Vec<String>,
    /// On both sides, with different shapes.
    pub wrong_shape: Vec<WrongShape>,
    /// Modules of the state that fit modules of this model under another name: what
    /// [`NameMap::rename`](super::NameMap::rename) could mend.
    pub likely_renames: Vec<(String, String)>,
}

/// A tensor whose numbers have another type in the state than in the module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conversion {
    /// Path of the tensor.
    pub name: String,
    /// Type in the state.
    pub from: DType,
    /// Type in the module.
    pub to: DType,
}

/// A tensor whose shape in the state is not the module's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrongShape {
    /// Path of the tensor.
    pub name: String,
    /// Shape in the module.
    pub expected: Vec<usize>,
    /// Shape in the state.
    pub found: Vec<usize>,
}

impl WrongShape {
    /// Whether a transposed copy would fit: some libraries keep the weights of a linear layer as `[in, out]`.
    pub fn is_transposed(&self) -> bool {
        self.expected.len() == 2
            && self.found.len() == 2
            && self.expected[0] == self.found[1]
            && self.expected[1] == self.found[0]
    }

    /// Whether only the number of classes differs: the first size.
    fn is_other_head(&self) -> bool {
        !self.expected.is_empty()
            && self.expected.len() == self.found.len()
            && self.expected[0] != self.found[0]
            && self.expected[1..] == self.found[1..]
    }
}

impl LoadReport {
    /// How `state` fits a module whose own state is `module`. Nothing is loaded.
    pub fn compare(module: &BTreeMap<String, Tensor>, state: &BTreeMap<String, Tensor>) -> Self {
        let mut report = Self::default();
        for (name, own) in module {
            match state.get(name) {
                None if is_counter(name) => report.left.push(name.clone()),
                None => report.missing.push(name.clone()),
                Some(given) if given.shape() == own.shape() => {
                    report.loaded.push(name.clone());
                    if given.dtype() != own.dtype() {
                        let (from, to) = (given.dtype(), own.dtype());
                        report.converted.push(Conversion { name: name.clone(), from, to });
                    }
                }
                Some(given) => report.wrong_shape.push(WrongShape {
                    name: name.clone(),
                    expected: own.shape().to_vec(),
                    found: given.shape().to_vec(),
                }),
            }
        }
        report.unexpected = state.keys().filter(|name| !module.contains_key(*name)).cloned().collect();
        report.likely_renames = likely_renames(&report, module, state);
        report
    }

    /// Whether the state has what the module needs, in the right shapes, and nothing else.
    pub fn is_exact(&self) -> bool {
        self.missing.is_empty() && self.unexpected.is_empty() && self.wrong_shape.is_empty()
    }

    /// One line for each difference.
    pub fn problems(&self) -> Vec<String> {
        let missing = self.missing.iter().map(|name| format!("`{name}` is missing: the model needs it"));
        let unexpected =
            self.unexpected.iter().map(|name| format!("`{name}` is unexpected: the model has no such tensor"));
        let wrong = self.wrong_shape.iter().map(|wrong| {
            let WrongShape { name, expected, found } = wrong;
            let hint = match wrong {
                _ if wrong.is_transposed() => ": it looks transposed",
                _ if wrong.is_other_head() => ": it may be made for other classes",
                _ => "",
            };
            format!("`{name}` has shape {found:?}, the model expects {expected:?}{hint}")
        });
        missing.chain(unexpected).chain(wrong).collect()
    }
}

impl fmt::Display for LoadReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let needed = self.loaded.len() + self.missing.len() + self.wrong_shape.len();
        write!(f, "{} of {needed} tensors fit", self.loaded.len())?;
        for problem in self.problems() {
            write!(f, "\n  {problem}")?;
        }
        for (from, to) in &self.likely_renames {
            write!(f, "\n  the shapes of `{from}` are those of `{to}`: the same layer under another name?")?;
        }
        Ok(())
    }
}

/// A state dictionary does not fit the module it was meant for.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the weights do not fit this model: {report}")]
pub struct LoadError {
    /// The differences.
    pub report: Box<LoadReport>,
}

/// Copies what `report` found to fit. Other dtypes are converted.
pub(crate) fn load(module: &BTreeMap<String, Tensor>, state: &BTreeMap<String, Tensor>, report: &LoadReport) {
    for name in &report.loaded {
        let own = &module[name];
        own.copy_(&state[name].detach().to_dtype(own.dtype()));
    }
}

/// PyTorch too accepts a state without it: it came with version 0.4.1.
fn is_counter(name: &str) -> bool {
    name.rsplit('.').next() == Some("num_batches_tracked")
}

/// The last names and shapes of a module's tensors.
type Signature<'a> = BTreeSet<(&'a str, &'a [usize])>;

/// Pairs of a module of the state and one of the model whose tensors have the same last names and shapes, where neither
/// side has another candidate.
fn likely_renames(
    report: &LoadReport,
    module: &BTreeMap<String, Tensor>,
    state: &BTreeMap<String, Tensor>,
) -> Vec<(String, String)> {
    let missing = signatures(report.missing.iter().chain(&report.left), module);
    let unexpected = signatures(report.unexpected.iter(), state);
    let mut renames = Vec::new();
    for (to, signature) in &missing {
        let is_equal = |other: &&Signature<'_>| without_counter(other) == without_counter(signature);
        let mut candidates = unexpected.iter().filter(|(_, other)| is_equal(other));
        let rivals = missing.values().filter(is_equal).count();
        if let (Some((from, _)), None, 1) = (candidates.next(), candidates.next(), rivals) {
            renames.push(((*from).to_owned(), (*to).to_owned()));
        }
    }
    renames
}

fn without_counter<'a>(signature: &Signature<'a>) -> Signature<'a> {
    signature.iter().filter(|(leaf, _)| !is_counter(leaf)).copied().collect()
}

fn signatures<'a>(
    names: impl Iterator<Item = &'a String>,
    state: &'a BTreeMap<String, Tensor>,
) -> BTreeMap<&'a str, Signature<'a>> {
    let mut found: BTreeMap<&str, Signature<'_>> = BTreeMap::new();
    for name in names {
        if let (Some((path, leaf)), Some(tensor)) = (name.rsplit_once('.'), state.get(name)) {
            found.entry(path).or_default().insert((leaf, tensor.shape()));
        }
    }
    found
}
