//! Names of other libraries and wrappers, translated to ours.

use std::collections::BTreeMap;

use striate_tensor::Tensor;

use crate::PathPattern;

/// What wrappers put before every name: `DataParallel` and `DistributedDataParallel`, `torch.compile`.
const WRAPPERS: [&str; 2] = ["module.", "_orig_mod."];

/// Rules that translate the names of a state dictionary, applied one after the other.
///
/// ```
/// use std::collections::BTreeMap;
/// use striate_nn::state::NameMap;
/// use striate_tensor::Tensor;
///
/// let names = ["module.backbone.0.weight", "module.backbone.0.bias", "module.teacher.weight"];
/// let state: BTreeMap<String, Tensor> = names.map(|name| (name.to_owned(), Tensor::scalar(1.0_f32))).into();
/// let map = NameMap::new().unwrap_wrappers().ignore("teacher.*").rename("backbone.0", "conv1");
/// let translated = map.apply(state)?;
/// assert_eq!(translated.keys().collect::<Vec<_>>(), ["conv1.bias", "conv1.weight"]);
/// # Ok::<(), striate_nn::state::NameClash>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NameMap {
    rules: Vec<Rule>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Rule {
    Unwrap,
    Rename { from: String, to: String },
    Ignore(PathPattern),
}

/// Two names of a state became the same.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{first}` and `{second}` would both be called `{name}`: change the rename rules, or ignore one of them")]
pub struct NameClash {
    /// One of them.
    pub first: String,
    /// The other.
    pub second: String,
    /// What both would be called.
    pub name: String,
}

impl NameMap {
    /// No rules: names stay as they are, which is right for weights of PyTorch modules.
    pub fn new() -> Self {
        Self::default()
    }

    /// Removes `module.` and `_orig_mod.`, which `DataParallel` and `torch.compile` put before names, where all names
    /// begin with them.
    pub fn unwrap_wrappers(mut self) -> Self {
        self.rules.push(Rule::Unwrap);
        self
    }

    /// Calls the module or tensor `from`, and all that is inside it, `to`. An empty `to` takes the level away; an empty
    /// `from` puts all names below `to`.
    pub fn rename(mut self, from: impl Into<String>, to: impl Into<String>) -> Self {
        self.rules.push(Rule::Rename { from: from.into(), to: to.into() });
        self
    }

    /// Leaves out the tensors whose names fit the pattern.
    pub fn ignore(mut self, pattern: impl Into<PathPattern>) -> Self {
        self.rules.push(Rule::Ignore(pattern.into()));
        self
    }

    /// The state with translated names.
    ///
    /// # Errors
    /// When two names become the same.
    pub fn apply(&self, state: BTreeMap<String, Tensor>) -> Result<BTreeMap<String, Tensor>, NameClash> {
        let mut named: Vec<(String, String, Tensor)> =
            state.into_iter().map(|(name, tensor)| (name.clone(), name, tensor)).collect();
        for rule in &self.rules {
            match rule {
                Rule::Unwrap => unwrap(&mut named),
                Rule::Ignore(pattern) => named.retain(|(name, ..)| !pattern.matches(name)),
                Rule::Rename { from, to } => named.iter_mut().for_each(|(name, ..)| {
                    if let Some(renamed) = rename(name, from, to) {
                        *name = renamed;
                    }
                }),
            }
        }
        let mut result: BTreeMap<String, (String, Tensor)> = BTreeMap::new();
        for (name, original, tensor) in named {
            if let Some((first, _)) = result.get(&name) {
                return Err(NameClash { first: first.clone(), second: original, name });
            }
            result.insert(name, (original, tensor));
        }
        Ok(result.into_iter().map(|(name, (_, tensor))| (name, tensor)).collect())
    }
}

fn unwrap(named: &mut [(String, String, Tensor)]) {
    // A compiled model inside a parallel one has both, in either order.
    while let Some(wrapper) =
        WRAPPERS.iter().find(|wrapper| !named.is_empty() && named.iter().all(|(name, ..)| name.starts_with(**wrapper)))
    {
        named.iter_mut().for_each(|(name, ..)| {
            name.drain(..wrapper.len());
        });
    }
}

/// `name` with its leading path `from` replaced, if it has it.
fn rename(name: &str, from: &str, to: &str) -> Option<String> {
    let rest = match name.strip_prefix(from)? {
        rest if from.is_empty() => rest,
        "" => "",
        rest => rest.strip_prefix('.')?,
    };
    Some(if to.is_empty() || rest.is_empty() { format!("{to}{rest}") } else { format!("{to}.{rest}") })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(names: &[&str]) -> BTreeMap<String, Tensor> {
        names.iter().map(|name| ((*name).to_owned(), Tensor::scalar(1.0_f32))).collect()
    }

    fn names(map: &NameMap, from: &[&str]) -> Vec<String> {
        map.apply(state(from)).unwrap().into_keys().collect()
    }

    #[test]
    fn wrappers_go_only_where_every_name_has_them() {
        let map = NameMap::new().unwrap_wrappers();
        assert_eq!(names(&map, &["module._orig_mod.a.b", "module._orig_mod.c"]), ["a.b", "c"]);
        assert_eq!(names(&map, &["module.a", "b"]), ["b", "module.a"]);
        assert!(names(&map, &[]).is_empty());
    }

    #[test]
    fn a_rename_is_of_a_whole_path() {
        let map = NameMap::new().rename("layer1", "stage1");
        assert_eq!(names(&map, &["layer1.0.weight", "layer10.weight"]), ["layer10.weight", "stage1.0.weight"]);
        assert_eq!(names(&NameMap::new().rename("encoder", ""), &["encoder.a"]), ["a"]);
        assert_eq!(names(&NameMap::new().rename("", "net"), &["a"]), ["net.a"]);
        assert_eq!(names(&NameMap::new().rename("a.weight", "b.kernel"), &["a.weight"]), ["b.kernel"]);
    }

    #[test]
    fn two_tensors_of_one_name_are_refused() {
        let clash = NameMap::new().rename("a", "b").apply(state(&["a.w", "b.w"])).unwrap_err();
        assert_eq!((clash.first.as_str(), clash.second.as_str(), clash.name.as_str()), ("a.w", "b.w", "b.w"));
    }
}
