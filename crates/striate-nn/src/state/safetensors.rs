//! The safetensors format.

use std::collections::BTreeMap;

use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use striate_tensor::{DType, Tensor, bf16};

use super::element::StoredType;
use super::{StateError, StoredTensor};

/// The bytes of a safetensors file with these tensors. The same tensors give the same bytes. A bf16 tensor is stored as bf16;
/// [`from_safetensors`] gives its numbers as f32, exactly, and loading them into a bf16 parameter makes them bf16 again.
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
        DType::BF16 => (Dtype::BF16, little_endian!(bf16)),
        DType::F64 => (Dtype::F64, little_endian!(f64)),
        DType::I64 => (Dtype::I64, little_endian!(i64)),
        DType::U8 => (Dtype::U8, tensor.to_vec::<u8>()),
        DType::Bool => (Dtype::BOOL, tensor.to_vec::<bool>().into_iter().map(u8::from).collect()),
    }
}

/// The tensors of a safetensors file given as bytes. 16-bit floats become f32, integers other than u8 become i64.
///
/// # Errors
/// [`StateError::Format`] for bytes that are no safetensors file, [`StateError::Dtype`] for a number type the engine
/// lacks.
pub fn from_safetensors(bytes: &[u8]) -> Result<BTreeMap<String, Tensor>, StateError> {
    Ok(read(bytes)?.into_iter().map(|stored| (stored.name, stored.tensor)).collect())
}

/// The tensors in the order of the file.
pub(super) fn read(bytes: &[u8]) -> Result<Vec<StoredTensor>, StateError> {
    let file = SafeTensors::deserialize(bytes)?;
    let mut views: Vec<(&str, TensorView<'_>)> = file.iter().collect();
    views.sort_by_key(|(_, view)| view.data().as_ptr());
    views.into_iter().map(|(name, view)| from_view(name, &view)).collect()
}

fn from_view(name: &str, view: &TensorView<'_>) -> Result<StoredTensor, StateError> {
    let dtype = view.dtype().to_string();
    let dtype = StoredType::of_safetensors(&dtype).ok_or(StateError::Dtype { name: name.to_owned(), dtype })?;
    Ok(StoredTensor { name: name.to_owned(), dtype, tensor: dtype.tensor(view.data(), view.shape()) })
}
