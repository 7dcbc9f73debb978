//! A table of vectors.

use striate_tensor::Tensor;
use striate_tensor::random::Generator;

use crate::{Context, Module, ModuleError, Slot};

/// The vector of each index: `i64` of any shape `[...]` to `[..., width]` (PyTorch's `Embedding`).
///
/// The table `weight` `[entries, width]` starts standard normal.
///
/// ```
/// use striate_nn::{Context, Embedding, Module};
/// use striate_tensor::{Tensor, random::Generator};
///
/// let embedding = Embedding::new(10, 4, &mut Generator::new(0));
/// let words = Tensor::from_slice(&[3_i64, 1, 3], &[1, 3]);
/// assert_eq!(embedding.forward(&words, &Context::eval()).shape(), [1, 3, 4]);
/// ```
#[derive(Debug)]
pub struct Embedding {
    weight: Tensor,
    padding_idx: Option<i64>,
}

impl Embedding {
    /// A table of `entries` vectors of `width` numbers.
    pub fn new(entries: usize, width: usize, generator: &mut Generator) -> Self {
        Self { weight: Tensor::randn(&[entries, width], generator).requires_grad_(true), padding_idx: None }
    }

    /// A table of given vectors, `[entries, width]`, which goes on learning unless `freeze` (PyTorch's `from_pretrained`).
    ///
    /// # Panics
    /// If the table has not two dimensions.
    #[track_caller]
    pub fn from_pretrained(weight: Tensor, freeze: bool) -> Self {
        assert!(weight.rank() == 2, "Embedding: the table is {:?}; give [entries, width]", weight.shape());
        Self { weight: weight.requires_grad_(!freeze), padding_idx: None }
    }

    /// The vector of this index stands for "nothing here": it starts at 0 and is not learned.
    ///
    /// # Panics
    /// If the index is not below the number of entries.
    #[track_caller]
    pub fn padding_idx(mut self, padding_idx: usize) -> Self {
        let entries = self.weight.shape()[0];
        assert!(padding_idx < entries, "Embedding: padding_idx = {padding_idx} must be below the {entries} entries");
        let padding = Tensor::arange(0_i64, entries as i64, 1).eq(&Tensor::scalar(padding_idx as i64)).unsqueeze(1);
        let old = self.weight.detach();
        self.weight = padding.where_(&old.zeros_like(), &old).requires_grad_(self.weight.requires_grad());
        self.padding_idx = Some(padding_idx as i64);
        self
    }
}

impl Module for Embedding {
    fn try_forward(&self, input: &Tensor, _context: &Context) -> Result<Tensor, ModuleError> {
        let output = self.weight.try_embedding(input)?;
        let Some(padding_idx) = self.padding_idx else { return Ok(output) };
        let padding = input.try_eq(&Tensor::scalar(padding_idx))?.try_unsqueeze(-1)?;
        Ok(padding.try_where_(&output.detach(), &output)?)
    }

    fn visit<'a>(&'a self, visitor: &mut dyn FnMut(&str, Slot<'a>)) {
        visitor("weight", Slot::Parameter(&self.weight));
    }

    fn describe(&self) -> String {
        format!("Embedding({} -> {})", self.weight.shape()[0], self.weight.shape()[1])
    }
}
