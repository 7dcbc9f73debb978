//! The network of the two-layer lab: `striate-nn` layers, full-batch gradient descent.

use striate_nn::optim::{Optimizer, Sgd};
use striate_nn::{Context, Linear, Module, loss};
use striate_tensor::random::Generator;
use striate_tensor::{DType, Tensor, no_grad};

use super::pane::ClassPoint;

/// What follows the first layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// Hyperbolic tangent.
    Tanh,
    /// Rectified linear unit.
    Relu,
    /// Logistic function.
    Sigmoid,
    /// Nothing.
    Identity,
}

/// Weights at the beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// The layers' own initialisation.
    Random,
    /// Zero everywhere.
    Zero,
    /// Ten times the layers' own.
    Large,
}

/// Two inputs, one hidden layer, one output: the log-odds of class 1.
pub struct TwoLayer {
    first: Linear,
    activation: Activation,
    second: Linear,
    optimizer: Sgd,
    inputs: Tensor,
    targets: Tensor,
    hidden: usize,
}

fn named_parameters(first: &Linear, second: &Linear) -> Vec<(String, Tensor)> {
    let layer = |name: &str, layer: &Linear| {
        layer.named_parameters().into_iter().map(|(own, tensor)| (format!("{name}.{own}"), tensor)).collect()
    };
    let parts: [Vec<_>; 2] = [layer("fc1", first), layer("fc2", second)];
    parts.concat()
}

impl TwoLayer {
    /// A network with `hidden` units whose weights come from `seed`.
    pub fn new(hidden: usize, activation: Activation, start: Start, seed: u64) -> Self {
        let mut generator = Generator::new(seed);
        let first = Linear::new(2, hidden, &mut generator);
        let second = Linear::new(hidden, 1, &mut generator);
        let network = TwoLayer {
            optimizer: Sgd::new(named_parameters(&first, &second), 0.1),
            inputs: Tensor::zeros(&[1, 2], DType::F32),
            targets: Tensor::zeros(&[1, 1], DType::F32),
            first,
            activation,
            second,
            hidden,
        };
        let factor = match start {
            Start::Random => 1.0,
            Start::Zero => 0.0,
            Start::Large => 10.0,
        };
        for (_, parameter) in network.parameters() {
            no_grad(|| parameter.copy_(&(&parameter.copy() * factor)));
        }
        network
    }

    /// Sets the points to learn.
    pub fn learn_from(&mut self, points: &[ClassPoint]) {
        let inputs: Vec<f32> = points.iter().flat_map(|point| [point.x, point.y]).collect();
        let targets: Vec<f32> = points.iter().map(|point| point.class as f32).collect();
        self.inputs = Tensor::from_slice(&inputs, &[points.len(), 2]);
        self.targets = Tensor::from_slice(&targets, &[points.len(), 1]);
    }

    /// Sets learning rate and L2 (weight decay). Plain gradient descent has no memory, so a new optimiser loses nothing.
    pub fn tune(&mut self, rate: f64, l2: f64) {
        self.optimizer = Sgd::new(self.parameters(), rate).weight_decay(l2);
    }

    /// Hidden units.
    pub fn hidden(&self) -> usize {
        self.hidden
    }

    /// One step over all points; returns the loss before it.
    pub fn step(&mut self) -> f64 {
        self.optimizer.zero_grad();
        let loss = self.mean_loss();
        loss.backward();
        self.optimizer.step();
        f64::from(loss.item::<f32>())
    }

    /// The loss now.
    pub fn loss(&self) -> f64 {
        no_grad(|| f64::from(self.mean_loss().item::<f32>()))
    }

    fn mean_loss(&self) -> Tensor {
        loss::bce_with_logits(&self.logits(&self.inputs), &self.targets)
    }

    fn hidden_layer(&self, inputs: &Tensor) -> Tensor {
        let sums = self.first.forward(inputs, &Context::eval());
        match self.activation {
            Activation::Tanh => sums.tanh(),
            Activation::Relu => sums.relu(),
            Activation::Sigmoid => sums.sigmoid(),
            Activation::Identity => sums,
        }
    }

    fn logits(&self, inputs: &Tensor) -> Tensor {
        self.second.forward(&self.hidden_layer(inputs), &Context::eval())
    }

    fn parameters(&self) -> Vec<(String, Tensor)> {
        named_parameters(&self.first, &self.second)
    }

    fn parameter(&self, name: &str) -> Vec<f32> {
        let found = self.parameters().into_iter().find(|(own, _)| own == name);
        found.map_or(Vec::new(), |(_, tensor)| tensor.to_vec())
    }

    /// Probability of class 1 at x, y pairs.
    pub fn probabilities(&self, places: &[f32]) -> Vec<f32> {
        let places = Tensor::from_slice(places, &[places.len() / 2, 2]);
        let answers: Vec<f32> = no_grad(|| self.logits(&places).sigmoid().to_vec());
        answers.into_iter().map(|p| if p.is_finite() { p } else { 0.5 }).collect()
    }

    /// What the hidden units answer at x, y pairs: one row for each place.
    pub fn hidden_outputs(&self, places: &[f32]) -> Vec<f32> {
        let places = Tensor::from_slice(places, &[places.len() / 2, 2]);
        no_grad(|| self.hidden_layer(&places).to_vec())
    }

    /// The line of each hidden unit: `a x + b y + c = 0`.
    pub fn lines(&self) -> Vec<[f32; 3]> {
        let (weight, bias) = (self.parameter("fc1.weight"), self.parameter("fc1.bias"));
        let finite = |line: [f32; 3]| if line.iter().all(|value| value.is_finite()) { line } else { [0.0; 3] };
        weight.chunks_exact(2).zip(&bias).map(|(row, c)| finite([row[0], row[1], *c])).collect()
    }

    /// Weights of the first layer (hidden by 2) and of the second.
    pub fn weights(&self) -> (Vec<f32>, Vec<f32>) {
        (self.parameter("fc1.weight"), self.parameter("fc2.weight"))
    }

    /// Whether every parameter is a number.
    pub fn is_finite(&self) -> bool {
        self.parameters().iter().all(|(_, tensor)| tensor.to_vec::<f32>().iter().all(|value| value.is_finite()))
    }

    /// Whether all hidden units compute the same.
    pub fn units_are_twins(&self) -> bool {
        let lines = self.lines();
        lines.iter().all(|line| line.iter().zip(&lines[0]).all(|(a, b)| (a - b).abs() < 1e-6))
    }

    /// Share of points on the right side.
    pub fn accuracy(&self, points: &[ClassPoint]) -> f64 {
        let places: Vec<f32> = points.iter().flat_map(|point| [point.x, point.y]).collect();
        let answers = self.probabilities(&places);
        let right = points.iter().zip(answers).filter(|(point, p)| (*p > 0.5) == (point.class == 1)).count();
        right as f64 / points.len().max(1) as f64
    }
}
