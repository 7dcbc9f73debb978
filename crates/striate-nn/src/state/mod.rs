//! Weights as bytes: reading files of PyTorch and safetensors, fitting them to a module, and writing them.
//!
//! ```text
//! bytes ──► WeightFile::read ──► NameMap::apply ──► Module::load_state_dict ──► LoadReport
//! ```
//!
//! Files may come from anywhere, so nothing in them is trusted: a pickle may name only what weights are made of
//! ([`StateError::Refused`] names anything else), and no size in a file decides how much memory is taken.
//!
//! ```
//! use striate_nn::state::{Format, NameMap, WeightFile, to_safetensors};
//! use striate_nn::{Linear, Module, Sequential};
//! use striate_tensor::random::Generator;
//!
//! let mut generator = Generator::new(0);
//! let trained = Sequential::new().with("head", Linear::new(3, 2, &mut generator));
//! let bytes = to_safetensors(&trained.state_dict())?; // std::fs::read("weights.pt") in a program
//!
//! let file = WeightFile::read(&bytes)?;
//! assert_eq!(file.format, Format::Safetensors);
//! let model = Sequential::new().with("fc", Linear::new(3, 2, &mut generator));
//! let state = NameMap::new().unwrap_wrappers().rename("head", "fc").apply(file.state_dict())?;
//! let report = model.load_state_dict(&state)?;
//! assert_eq!(report.to_string(), "2 of 2 tensors fit");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod element;
mod names;
mod pickle;
mod report;
mod safetensors;
mod torch;

use std::collections::BTreeMap;
use std::fmt;

use ::safetensors::tensor::SafeTensorError;
use striate_tensor::Tensor;

pub use element::StoredType;
pub use names::{NameClash, NameMap};
pub(crate) use report::load;
pub use report::{Conversion, LoadError, LoadReport, WrongShape};
pub use safetensors::{from_safetensors, to_safetensors};

/// What a file of weights holds.
#[derive(Debug)]
pub struct WeightFile {
    /// How it is written.
    pub format: Format,
    /// The entry of a checkpoint where the weights are (`state_dict`, `model`, ...), if they are not at the top.
    pub under: Option<String>,
    /// What else the file has: the state of an optimiser, the epoch. Not read.
    pub beside: Vec<String>,
    /// The tensors, in the order of the file.
    pub tensors: Vec<StoredTensor>,
}

/// A tensor of a file.
#[derive(Debug)]
pub struct StoredTensor {
    /// Its name.
    pub name: String,
    /// How its numbers are stored.
    pub dtype: StoredType,
    /// Its numbers: of the stored type, or the next larger that the engine has.
    pub tensor: Tensor,
}

/// A format of files of weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Safetensors.
    Safetensors,
    /// What `torch.save` writes: a zip archive with a pickle.
    PyTorch,
    /// What `torch.save` wrote before PyTorch 1.6: pickles, one after the other.
    PyTorchLegacy,
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Safetensors => "safetensors",
            Self::PyTorch => "PyTorch",
            Self::PyTorchLegacy => "PyTorch before 1.6",
        })
    }
}

impl WeightFile {
    /// Reads the bytes of a file of PyTorch (`.pt`, `.pth`, `.bin`) or of safetensors; which, the bytes say.
    ///
    /// A checkpoint may keep the weights in an entry (`{"state_dict": ...}`); the usual ones are looked into. Shared and
    /// strided tensors come out each on its own. Quantized, sparse and complex tensors are refused.
    ///
    /// # Errors
    /// [`StateError`]: the bytes are of neither format, damaged, or ask for more than weights.
    pub fn read(bytes: &[u8]) -> Result<Self, StateError> {
        Self::open(bytes, None)
    }

    /// As [`WeightFile::read`] for a checkpoint with its weights in the entry `key`.
    ///
    /// # Errors
    /// As [`WeightFile::read`]; also if there are no tensors in that entry.
    pub fn read_entry(bytes: &[u8], key: &str) -> Result<Self, StateError> {
        Self::open(bytes, Some(key))
    }

    fn open(bytes: &[u8], key: Option<&str>) -> Result<Self, StateError> {
        if bytes.starts_with(torch::ZIP_MAGIC) {
            return torch::read_zip(bytes, key);
        }
        if bytes.starts_with(torch::LEGACY_MAGIC) {
            return torch::read_legacy(bytes, key);
        }
        // Safetensors begin with the length of their header, which is JSON.
        if bytes.get(8) != Some(&b'{') {
            return Err(StateError::Unknown);
        }
        let tensors = safetensors::read(bytes)?;
        if let Some(key) = key {
            return Err(StateError::NoEntry { key: key.to_owned() });
        }
        Ok(Self { format: Format::Safetensors, under: None, beside: Vec::new(), tensors })
    }

    /// The tensors by name.
    pub fn state_dict(&self) -> BTreeMap<String, Tensor> {
        self.tensors.iter().map(|stored| (stored.name.clone(), stored.tensor.clone())).collect()
    }
}

/// Bytes are not a state dictionary this crate can read or write.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// Neither PyTorch's format nor safetensors.
    #[error(
        "this is neither a PyTorch nor a safetensors file\n\
         In Python, torch.save(model.state_dict(), \"weights.pt\") writes one."
    )]
    Unknown,
    /// Not safetensors, or damaged.
    #[error("not a valid safetensors file: {0}")]
    Format(#[from] SafeTensorError),
    /// A number type the engine does not have.
    #[error(
        "tensor `{name}` has the type {dtype}, which is not supported (floats of 16, 32 and 64 bits, integers and BOOL are)"
    )]
    Dtype {
        /// Name of the tensor.
        name: String,
        /// Its type, as the file spells it.
        dtype: String,
    },
    /// Not what PyTorch writes: cut off, changed, or made to do harm.
    #[error("this PyTorch file is damaged: {what}\nGet it anew, or save it again.")]
    Damaged {
        /// What is wrong.
        what: String,
    },
    /// A pickle wants a function or class that is no part of a dictionary of tensors.
    #[error(
        "this file asks to run `{global}`: refused\n\
         Weights need only tensors, numbers and dictionaries. If you trust its author, load it in Python and keep the \
         weights alone: torch.save(model.state_dict(), \"weights.pt\")."
    )]
    Refused {
        /// What it asks for, such as `os.system`, or the class of a whole model.
        global: String,
    },
    /// A compiled program, not weights.
    #[error(
        "this is a TorchScript program, not a file of weights\n\
         In Python: torch.save(torch.jit.load(\"program.pt\").state_dict(), \"weights.pt\")."
    )]
    Script,
    /// A PyTorch file without a dictionary of tensors.
    #[error("there is no dictionary of tensors in this file{}", what_is_there(found))]
    NoWeights {
        /// The entries of the file.
        found: Vec<String>,
    },
    /// An entry was asked for in a file that has none.
    #[error("a safetensors file has no entries such as `{key}`: all its tensors are at the top\nAsk without it.")]
    NoEntry {
        /// What was asked for.
        key: String,
    },
}

fn what_is_there(found: &[String]) -> String {
    const SHOWN: usize = 12;
    if found.is_empty() {
        return "\nIn Python, torch.save(model.state_dict(), \"weights.pt\") writes one.".to_owned();
    }
    let names: Vec<String> = found.iter().take(SHOWN).map(|name| format!("`{name}`")).collect();
    let more = if found.len() > SHOWN { ", ..." } else { "" };
    format!(" at the place it was looked for\nIt has the entries {}{more}: say which one to read.", names.join(", "))
}
