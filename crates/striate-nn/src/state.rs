//! State dictionaries: comparing, loading, and turning into safetensors bytes.

use std::collections::BTreeMap;
use std::fmt;

use safetensors::tensor::{Dtype, SafeTensorError, SafeTensors, TensorView};
use striate_tensor::{DType, Tensor};

/// How a state dictionary fits a module.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LoadReport {
    /// Names with the same shape on both sides.
    pub loaded: Vec<String>,
    /// The module has them, the state does not.
    pub missing: Vec<String>,
    /// The state has them, the module does not.
    pub unexpected: Vec<String>,
    /// On both sides, with different shapes.
    pub wrong_shape: Vec<WrongShape>,
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

impl LoadReport {
    pub(crate) fn compare(module: &BTreeMap<String, Tensor>, state: &BTreeMap<String, Tensor>) -> Self {
        let mut report = Self::default();
        for (name, own) in module {
            match state.get(name) {
                None => report.missing.push(name.clone()),
                Some(given) if given.shape() == own.shape() => report.loaded.push(name.clone()),
                Some(given) => report.wrong_shape.push(WrongShape {
                    name: name.clone(),
                    expected: own.shape().to_vec(),
                    found: given.shape().to_vec(),
                }),
            }
        }
        report.unexpected = state.keys().filter(|name| !module.contains_key(*name)).cloned().collect();
        report
    }

    /// Whether every tensor of the module was given, and nothing else.
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
            format!("`{name}` has shape {found:?}, the model expects {expected:?}")
        });
        missing.chain(unexpected).chain(wrong).collect()
    }
}

impl fmt::Display for LoadReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} of {} tensors fit",
            self.loaded.len(),
            self.loaded.len() + self.missing.len() + self.wrong_shape.len()
        )?;
        for problem in self.problems() {
            write!(f, "\n  {problem}")?;
        }
        Ok(())
    }
}

/// A state dictionary does not fit the module it was meant for.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the weights do not fit this model: {report}")]
pub struct LoadError {
    /// The differences.
    pub report: LoadReport,
}

/// Copies what `report` found to fit. Other dtypes are converted.
pub(crate) fn load(module: &BTreeMap<String, Tensor>, state: &BTreeMap<String, Tensor>, report: &LoadReport) {
    for name in &report.loaded {
        let own = &module[name];
        own.copy_(&state[name].detach().to_dtype(own.dtype()));
    }
}

/// Bytes are not a state dictionary this crate can read or write.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// Not safetensors, or damaged.
    #[error("not a valid safetensors file: {0}")]
    Format(#[from] SafeTensorError),
    /// A number type the engine does not have.
    #[error("tensor `{name}` has the type {dtype}, which is not supported (F32, F64, I64, U8 and BOOL are)")]
    Dtype {
        /// Name of the tensor.
        name: String,
        /// Its type, as the file spells it.
        dtype: String,
    },
}

/// The bytes of a safetensors file with these tensors. The same tensors give the same bytes.
///
/// # Errors
/// [`StateError::Format`] if the format cannot express the dictionary.
///
/// ```
/// use std::collections::BTreeMap;
/// use striate_nn::state::{from_safetensors, to_safetensors};
/// use striate_tensor::Tensor;
///
/// let state = BTreeMap::from([("bias".to_owned(), Tensor::from_slice(&[1.0_f32, 2.0], &[2]))]);
/// let bytes = to_safetensors(&state)?;
/// assert_eq!(from_safetensors(&bytes)?["bias"].to_vec::<f32>(), [1.0, 2.0]);
/// # Ok::<(), striate_nn::state::StateError>(())
/// ```
pub fn to_safetensors(state: &BTreeMap<String, Tensor>) -> Result<Vec<u8>, StateError> {
    let stored: Vec<(&String, Dtype, Vec<u8>)> = state
        .iter()
        .map(|(name, tensor)| {
            let (dtype, bytes) = to_bytes(tensor);
            (name, dtype, bytes)
        })
        .collect();
    let mut views = Vec::with_capacity(stored.len());
    for (name, dtype, bytes) in &stored {
        views.push((name.as_str(), TensorView::new(*dtype, state[*name].shape().to_vec(), bytes)?));
    }
    Ok(safetensors::serialize(views, None)?)
}

fn to_bytes(tensor: &Tensor) -> (Dtype, Vec<u8>) {
    macro_rules! little_endian {
        ($element:ty) => {
            tensor.to_vec::<$element>().into_iter().flat_map(<$element>::to_le_bytes).collect()
        };
    }
    match tensor.dtype() {
        DType::F32 => (Dtype::F32, little_endian!(f32)),
        DType::F64 => (Dtype::F64, little_endian!(f64)),
        DType::I64 => (Dtype::I64, little_endian!(i64)),
        DType::U8 => (Dtype::U8, tensor.to_vec::<u8>()),
        DType::Bool => (Dtype::BOOL, tensor.to_vec::<bool>().into_iter().map(u8::from).collect()),
    }
}

/// The tensors of a safetensors file given as bytes.
///
/// # Errors
/// [`StateError::Format`] for bytes that are no safetensors file, [`StateError::Dtype`] for a number type the engine
/// lacks.
pub fn from_safetensors(bytes: &[u8]) -> Result<BTreeMap<String, Tensor>, StateError> {
    let file = SafeTensors::deserialize(bytes)?;
    file.iter().map(|(name, view)| Ok((name.to_owned(), from_view(name, &view)?))).collect()
}

fn from_view(name: &str, view: &TensorView<'_>) -> Result<Tensor, StateError> {
    macro_rules! little_endian {
        ($element:ty) => {{
            let (words, _) = view.data().as_chunks();
            let values: Vec<$element> = words.iter().map(|word| <$element>::from_le_bytes(*word)).collect();
            Tensor::from_vec(values, view.shape())
        }};
    }
    Ok(match view.dtype() {
        Dtype::F32 => little_endian!(f32),
        Dtype::F64 => little_endian!(f64),
        Dtype::I64 => little_endian!(i64),
        Dtype::U8 => Tensor::from_slice(view.data(), view.shape()),
        Dtype::BOOL => Tensor::from_vec(view.data().iter().map(|&byte| byte != 0).collect::<Vec<bool>>(), view.shape()),
        other => return Err(StateError::Dtype { name: name.to_owned(), dtype: other.to_string() }),
    })
}
