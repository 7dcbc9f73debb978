//! Long short-term memory.

use striate_tensor::{LstmParameters, RecurrentParameters, Tensor, TensorError};

use super::{Cell, Recurrent, SequenceFn};

/// Long short-term memory (Hochreiter and Schmidhuber 1997; PyTorch's `LSTM`).
///
/// ```text
/// i, f, g, o = the four blocks of W_ih x + b_ih + W_hh h + b_hh
/// c = sigmoid(f) * c + sigmoid(i) * tanh(g)        h = sigmoid(o) * tanh(c)
/// ```
///
/// ```
/// use striate_nn::{Context, LSTM};
/// use striate_tensor::{DType, Tensor, random::Generator};
///
/// let lstm = LSTM::new(3, 5, &mut Generator::new(0));
/// let (outputs, states) = lstm.run(&Tensor::zeros(&[7, 2, 3], DType::F32), None, &Context::eval())?;
/// assert_eq!(outputs.shape(), [7, 2, 5]);
/// assert_eq!(states[1].shape(), [1, 2, 5]); // c
/// # Ok::<(), striate_nn::ModuleError>(())
/// ```
pub type LSTM = Recurrent<LstmCell>;

/// One step of an [`LSTM`].
#[derive(Debug, Clone, Copy, Default)]
pub struct LstmCell;

impl Cell for LstmCell {
    const NAME: &'static str = "LSTM";
    const GATES: usize = 4;
    const STATES: usize = 2;
    const SEQUENCE: Option<SequenceFn> = Some(|input, states, parameters| {
        let RecurrentParameters { weight_ih, weight_hh, biases, reverse } = parameters;
        let parameters = LstmParameters { weight_ih, weight_hh, biases, reverse };
        let (outputs, cell) = input.try_lstm([&states[0], &states[1]], parameters)?;
        Ok((outputs, vec![cell]))
    });

    fn step(&self, from_input: &Tensor, from_hidden: &Tensor, states: &[Tensor]) -> Result<Vec<Tensor>, TensorError> {
        let blocks = from_input.try_add(from_hidden)?.try_chunk(4, 1)?;
        let kept = blocks[1].try_sigmoid()?.try_mul(&states[1])?;
        let memory = kept.try_add(&blocks[0].try_sigmoid()?.try_mul(&blocks[2].try_tanh()?)?)?;
        let output = blocks[3].try_sigmoid()?.try_mul(&memory.try_tanh()?)?;
        Ok(vec![output, memory])
    }
}
