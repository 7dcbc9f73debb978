//! Drawing by probability: `multinomial` and `bernoulli`. Without gradients.

use crate::error::OrPanic;
use crate::random::Generator;
use crate::{DType, Tensor, TensorError};

impl Tensor {
    /// Draws `count` class numbers (`i64`) for each row of weights `[classes]` or `[n, classes]`, which need not sum to 1:
    /// `[count]` or `[n, count]`. Without `replacement` no class comes twice.
    ///
    /// ```
    /// use striate_tensor::{Tensor, random::Generator};
    /// let weights = Tensor::from_slice(&[0.0f32, 3.0, 1.0], &[3]);
    /// let drawn = weights.multinomial(1000, true, &mut Generator::new(0)).to_vec::<i64>();
    /// let ones = drawn.iter().filter(|&&class| class == 1).count();
    /// assert!(!drawn.contains(&0) && (700..800).contains(&ones));
    /// ```
    ///
    /// # Panics
    /// When the weights are not floats, not finite, negative, or all 0 in a row, or there are too few classes to draw from
    /// without replacement.
    #[track_caller]
    pub fn multinomial(&self, count: usize, replacement: bool, generator: &mut Generator) -> Tensor {
        self.try_multinomial(count, replacement, generator).or_panic()
    }

    /// Like [`multinomial`](Self::multinomial), with a mistake as an error.
    pub fn try_multinomial(
        &self,
        count: usize,
        replacement: bool,
        generator: &mut Generator,
    ) -> Result<Tensor, TensorError> {
        const OP: &str = "multinomial";
        if !self.dtype().is_float() {
            return Err(TensorError::needs_float(OP, self.dtype()));
        }
        let (1 | 2, Some(&classes)) = (self.rank(), self.shape().last()) else {
            return Err(TensorError::shape(
                OP,
                format!("the weights must be [classes] or [n, classes], got {:?}", self.shape()),
                "reshape them to one row per draw",
            ));
        };
        let weights = self.detach().try_to_dtype(DType::F64)?.try_to_vec::<f64>()?;
        let mut drawn = Vec::with_capacity(self.numel() / classes.max(1) * count);
        for (row, weights) in weights.chunks(classes.max(1)).enumerate() {
            let possible = weights.iter().filter(|&&weight| weight > 0.0).count();
            let wrong = weights.iter().find(|weight| !(weight.is_finite() && **weight >= 0.0));
            let problem = match wrong {
                Some(weight) => format!("has the weight {weight}"),
                None if possible == 0 => "has no positive weight".to_owned(),
                None if !replacement && possible < count => {
                    format!("has {possible} classes to draw from, {count} are asked for without replacement")
                }
                None => {
                    draw(weights, count, replacement, generator, &mut drawn);
                    continue;
                }
            };
            let help = "weights are finite and not negative, with enough of them above 0";
            return Err(TensorError::argument(OP, format!("row {row} {problem}"), help));
        }
        let shape = [&self.shape()[..self.rank() - 1], &[count]].concat();
        Tensor::try_from_slice(&drawn, &shape)
    }

    /// For probabilities: 1 with that probability, else 0, of the same shape and dtype.
    ///
    /// # Panics
    /// When the tensor is not a float tensor, or an element is not from 0 to 1.
    #[track_caller]
    pub fn bernoulli(&self, generator: &mut Generator) -> Tensor {
        self.try_bernoulli(generator).or_panic()
    }

    /// Like [`bernoulli`](Self::bernoulli), with a mistake as an error.
    pub fn try_bernoulli(&self, generator: &mut Generator) -> Result<Tensor, TensorError> {
        const OP: &str = "bernoulli";
        if !self.dtype().is_float() {
            return Err(TensorError::needs_float(OP, self.dtype()));
        }
        let probabilities = self.detach().try_to_dtype(DType::F64)?.try_to_vec::<f64>()?;
        if let Some(wrong) = probabilities.iter().find(|p| !(0.0..=1.0).contains(*p)) {
            return Err(TensorError::argument(
                OP,
                format!("{wrong} is not a probability"),
                "take sigmoid, softmax or clamp first",
            ));
        }
        let drawn: Vec<f64> = probabilities.iter().map(|&p| f64::from(u8::from(generator.uniform() < p))).collect();
        Tensor::try_from_slice(&drawn, self.shape())?.try_to_dtype(self.dtype())
    }
}

fn draw(weights: &[f64], count: usize, replacement: bool, generator: &mut Generator, drawn: &mut Vec<i64>) {
    let mut weights = weights.to_vec();
    for _ in 0..count {
        let target = generator.uniform() * weights.iter().sum::<f64>();
        let mut sum = 0.0;
        let found = weights.iter().position(|&weight| {
            sum += weight;
            weight > 0.0 && target < sum
        });
        // Rounding may leave the target at the very end.
        let last = || weights.iter().rposition(|&weight| weight > 0.0).unwrap_or(0);
        let class = found.unwrap_or_else(last);
        drawn.push(class as i64);
        if !replacement {
            weights[class] = 0.0;
        }
    }
}
