//! A training in the toolkit's terms: the reference, and, with a setting changed, each mistake.

use ndarray::{Array1, ArrayView3, Axis};
use striate_tensor::random::Generator;
use striate_tensor::{Conv2dOptions, Pool2dOptions, Reduction, Tensor, no_grad};

use super::hidden::labels;
use crate::exercise::Outcome;
use crate::exercises::arguments::{bytes, count, int, returns};
use crate::value::Value;

/// What the network is made of.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::exercises) enum Layers {
    /// One layer of softmax units.
    Softmax,
    /// A hidden layer of 32 ReLU units.
    Mlp,
    /// 8 kernels of 5 by 5, ReLU, pooling by 4, softmax units.
    Cnn,
}

/// How it is trained.
#[derive(Clone, Copy)]
pub(in crate::exercises) struct Learner {
    /// The network.
    pub(in crate::exercises) layers: Layers,
    /// Epochs.
    pub(in crate::exercises) epochs: usize,
    /// Whether there are biases.
    pub(in crate::exercises) biases: bool,
    /// Whether every epoch has an order of its own.
    pub(in crate::exercises) shuffled: bool,
    /// Whether labels follow their images.
    pub(in crate::exercises) labels_follow: bool,
    /// Whether the weights start at zero.
    pub(in crate::exercises) zero_start: bool,
    /// Whether training and new images are each brought to mean 0 and deviation 1 by themselves.
    pub(in crate::exercises) own_statistics: bool,
    /// Every how many-th example is used.
    pub(in crate::exercises) every: usize,
}

impl Learner {
    /// As it should be, with these layers.
    pub(in crate::exercises) const fn new(layers: Layers) -> Self {
        Learner {
            layers,
            epochs: 8,
            biases: true,
            shuffled: true,
            labels_follow: true,
            zero_start: false,
            own_statistics: false,
            every: 1,
        }
    }

    /// Trains with x, y, k and a seed, and labels x_new.
    pub(in crate::exercises) fn labels(&self, arguments: &[Value], seed: u64) -> Vec<i64> {
        let (x, new): (ArrayView3<u8>, ArrayView3<u8>) = (bytes(arguments, 0), bytes(arguments, 2));
        let y = labels(arguments, 1);
        let chosen: Vec<usize> = (0..y.len()).step_by(self.every).collect();
        let y: Vec<i64> = chosen.iter().map(|&at| y[at]).collect();
        let x = self.inputs(x.select(Axis(0), &chosen).view());
        let mut generator = Generator::new(seed);
        let network = Network::new(self, x.shape(), count(arguments, 3), &mut generator);
        for _ in 0..self.epochs {
            let order = if self.shuffled { generator.permutation(y.len()) } else { (0..y.len()).collect() };
            for batch in order.chunks(BATCH) {
                let indices = |order: &mut dyn Iterator<Item = usize>| {
                    let order: Vec<i64> = order.map(|at| at as i64).collect();
                    let length = order.len();
                    Tensor::from_vec(order, &[length])
                };
                let images = x.index_select(0, &indices(&mut batch.iter().copied()));
                // Shuffled once without their labels, the images keep the label of another one.
                let label = |&image: &usize| y[if self.labels_follow { image } else { (image + 1) % y.len() }];
                let classes = indices(&mut batch.iter().map(|image| label(image) as usize));
                network.step(&network.logits(&images).cross_entropy(&classes, Reduction::Mean));
            }
        }
        let new = self.inputs(new);
        no_grad(|| network.logits(&new)).argmax(&[1], false).to_vec()
    }

    /// The labels as a result; the seed is the one of the arguments.
    pub(in crate::exercises) fn outcome(&self, arguments: &[Value]) -> Outcome {
        returns(Array1::from(self.labels(arguments, int(arguments, 4) as u64)))
    }

    /// Images as the network takes them.
    fn inputs(&self, images: ArrayView3<'_, u8>) -> Tensor {
        let mut pixels: Vec<f32> = images.iter().map(|&pixel| f32::from(pixel) / 255.0).collect();
        if self.own_statistics {
            let count = pixels.len() as f32;
            let mean = pixels.iter().sum::<f32>() / count;
            let std = (pixels.iter().map(|x| (x - mean).powi(2)).sum::<f32>() / count).sqrt();
            pixels.iter_mut().for_each(|x| *x = (*x - mean) / std);
        }
        let (n, height, width) = images.dim();
        let shape = if self.layers == Layers::Cnn { vec![n, 1, height, width] } else { vec![n, height * width] };
        Tensor::from_vec(pixels, &shape)
    }
}

const BATCH: usize = 25;
const RATE: f32 = 0.2;
const HIDDEN: usize = 32;
const KERNELS: usize = 8;

/// Weights and biases, layer by layer.
struct Network {
    layers: Layers,
    biases: bool,
    parameters: Vec<Tensor>,
}

impl Network {
    fn new(learner: &Learner, inputs: &[usize], classes: usize, generator: &mut Generator) -> Network {
        let mut parameters = Vec::new();
        let mut layer = |weights: &[usize]| {
            let fan_in: usize = weights[1..].iter().product();
            let scale = if learner.zero_start { 0.0 } else { (2.0 / fan_in as f64).sqrt() };
            let count: usize = weights.iter().product();
            let numbers: Vec<f32> = (0..count).map(|_| (scale * generator.normal()) as f32).collect();
            parameters.push(Tensor::from_vec(numbers, weights).requires_grad_(true));
            parameters.push(Tensor::from_vec(vec![0.0f32; weights[0]], &weights[..1]).requires_grad_(true));
        };
        match learner.layers {
            Layers::Softmax => layer(&[classes, inputs[1]]),
            Layers::Mlp => {
                layer(&[HIDDEN, inputs[1]]);
                layer(&[classes, HIDDEN]);
            }
            Layers::Cnn => {
                let pooled: usize = inputs[2..].iter().map(|length| (length - 4) / 4).product();
                layer(&[KERNELS, 1, 5, 5]);
                layer(&[classes, KERNELS * pooled]);
            }
        }
        Network { layers: learner.layers, biases: learner.biases, parameters }
    }

    fn logits(&self, x: &Tensor) -> Tensor {
        let parameter = |at: usize| &self.parameters[at];
        let bias = |at: usize| self.biases.then(|| parameter(at));
        let hidden = match self.layers {
            Layers::Softmax => return x.linear(parameter(0), bias(1)),
            Layers::Mlp => x.linear(parameter(0), bias(1)).relu(),
            Layers::Cnn => {
                let maps = x.conv2d(parameter(0), bias(1), Conv2dOptions::default()).relu();
                maps.max_pool2d(Pool2dOptions::new(4)).flatten(1, 3)
            }
        };
        hidden.linear(parameter(2), bias(3))
    }

    fn step(&self, loss: &Tensor) {
        loss.backward();
        for parameter in &self.parameters {
            if let Some(gradient) = parameter.grad() {
                parameter.update_with(&gradient, |p, g| p.iter_mut().zip(g).for_each(|(p, g)| *p -= RATE * g));
                parameter.zero_grad();
            }
        }
    }
}
