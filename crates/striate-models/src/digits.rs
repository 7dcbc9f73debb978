//! Small classifiers for small images: from one linear layer to a convolutional network that reads handwritten digits
//! with 99 % accuracy.
//!
//! All take `[n, channels, height, width]` and return `[n, classes]` logits.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use striate_nn::{BatchNorm2d, Conv2dConfig, Dropout, Flatten, Linear, MaxPool2d, ReLU, Sequential};
use striate_tensor::random::Generator;

/// The smallest height and width the convolutional architectures accept.
pub const MIN_SIZE: usize = 12;

/// Which classifier. Written as `softmax`, `mlp`, `lenet`, `cnn`, `cnn4` and `cnn4-wide`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Architecture {
    /// Softmax regression: one linear layer.
    Softmax,
    /// A multilayer perceptron with 256 and 128 hidden units and ReLU.
    Mlp,
    /// LeNet-5 (LeCun et al. 1998) as it is taught today: ReLU for the scaled tanh, max pooling for the trained
    /// subsampling, every feature map of the first stage joined to every one of the second.
    LeNet,
    /// Two 5x5 convolutions (16 and 32 channels), each with batch norm, max pooling and ReLU, and a linear layer.
    Cnn,
    /// Four convolutions (16, 32, 64 and 64 channels), each with batch norm and ReLU, and a linear layer. The first has
    /// stride 2: it costs less than [`Cnn`](Self::Cnn) and learns faster.
    #[default]
    Cnn4,
    /// [`Cnn4`](Self::Cnn4) with twice the channels, and dropout before its linear layer: for long trainings.
    #[serde(rename = "cnn4-wide")]
    Cnn4Wide,
}

impl Architecture {
    /// All of them, from the simplest to the default.
    pub const ALL: [Self; 6] = [Self::Softmax, Self::Mlp, Self::LeNet, Self::Cnn, Self::Cnn4Wide, Self::Cnn4];

    /// The name by which it is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::Softmax => "softmax",
            Self::Mlp => "mlp",
            Self::LeNet => "lenet",
            Self::Cnn => "cnn",
            Self::Cnn4 => "cnn4",
            Self::Cnn4Wide => "cnn4-wide",
        }
    }
}

impl fmt::Display for Architecture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Not the name of an architecture.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no architecture `{0}`: choose softmax, mlp, lenet, cnn, cnn4 or cnn4-wide")]
pub struct UnknownArchitecture(String);

impl FromStr for Architecture {
    type Err = UnknownArchitecture;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let lower = name.to_ascii_lowercase();
        Self::ALL.into_iter().find(|own| own.name() == lower).ok_or_else(|| UnknownArchitecture(name.to_owned()))
    }
}

/// The architecture does not fit the images.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BuildError {
    /// Too small for two convolutions and two poolings.
    #[error("{architecture} needs images of at least {MIN_SIZE}x{MIN_SIZE} pixels, these are {height}x{width}")]
    TooSmall {
        /// The architecture asked for.
        architecture: Architecture,
        /// Rows of an image.
        height: usize,
        /// Columns of an image.
        width: usize,
    },
    /// A size that is zero.
    #[error("{what} is 0: a classifier needs at least one")]
    Empty {
        /// Which size.
        what: &'static str,
    },
}

/// The classifier for images of `[channels, height, width]`, with the weights that `seed` gives.
///
/// Its layers are named `conv1`, `bn1`, `pool1`, `relu1`, `fc1`, ...; the last is `fc` or the highest `fc` number.
///
/// # Errors
/// When a size is 0, or the images are too small for a convolutional architecture.
///
/// ```
/// use striate_models::digits::{Architecture, try_build};
/// use striate_nn::{Context, Module};
/// use striate_tensor::{DType, Tensor};
///
/// let model = try_build(Architecture::Cnn, [1, 28, 28], 10, 0)?;
/// let logits = model.forward(&Tensor::zeros(&[2, 1, 28, 28], DType::F32), &Context::eval());
/// assert_eq!(logits.shape(), [2, 10]);
/// # Ok::<(), striate_models::digits::BuildError>(())
/// ```
pub fn try_build(
    architecture: Architecture,
    input: [usize; 3],
    classes: usize,
    seed: u64,
) -> Result<Sequential, BuildError> {
    let [channels, height, width] = input;
    for (what, size) in [("channels", channels), ("height", height), ("width", width), ("classes", classes)] {
        if size == 0 {
            return Err(BuildError::Empty { what });
        }
    }
    let convolutional = !matches!(architecture, Architecture::Softmax | Architecture::Mlp);
    if convolutional && height.min(width) < MIN_SIZE {
        return Err(BuildError::TooSmall { architecture, height, width });
    }
    let mut generator = Generator::new(seed);
    Ok(match architecture {
        Architecture::Softmax => softmax(input, classes, &mut generator),
        Architecture::Mlp => mlp(input, classes, &mut generator),
        Architecture::LeNet => lenet(input, classes, &mut generator),
        Architecture::Cnn => cnn(input, classes, &mut generator),
        Architecture::Cnn4 => cnn4(input, classes, 16, &mut generator),
        Architecture::Cnn4Wide => cnn4(input, classes, 32, &mut generator),
    })
}

/// [`try_build`] for sizes known to fit.
///
/// # Panics
/// Where [`try_build`] returns an error.
#[track_caller]
pub fn build(architecture: Architecture, input: [usize; 3], classes: usize, seed: u64) -> Sequential {
    try_build(architecture, input, classes, seed).unwrap_or_else(|error| panic!("digits::build: {error}"))
}

fn softmax(input: [usize; 3], classes: usize, generator: &mut Generator) -> Sequential {
    Sequential::new().with("flatten", Flatten).with("fc", Linear::new(input.iter().product(), classes, generator))
}

fn mlp(input: [usize; 3], classes: usize, generator: &mut Generator) -> Sequential {
    Sequential::new()
        .with("flatten", Flatten)
        .with("fc1", Linear::new(input.iter().product(), 256, generator))
        .with("relu1", ReLU)
        .with("fc2", Linear::new(256, 128, generator))
        .with("relu2", ReLU)
        .with("fc3", Linear::new(128, classes, generator))
}

fn lenet([channels, height, width]: [usize; 3], classes: usize, generator: &mut Generator) -> Sequential {
    // The original reads 32x32; two pixels of padding make that of 28x28. Convolution 2 has none: minus 4.
    let after = |size: usize| (size / 2 - 4) / 2;
    Sequential::new()
        .with("conv1", Conv2dConfig::new(channels, 6, 5).padding(2).build(generator))
        .with("relu1", ReLU)
        .with("pool1", MaxPool2d::new(2))
        .with("conv2", Conv2dConfig::new(6, 16, 5).build(generator))
        .with("relu2", ReLU)
        .with("pool2", MaxPool2d::new(2))
        .with("flatten", Flatten)
        .with("fc1", Linear::new(16 * after(height) * after(width), 120, generator))
        .with("relu3", ReLU)
        .with("fc2", Linear::new(120, 84, generator))
        .with("relu4", ReLU)
        .with("fc3", Linear::new(84, classes, generator))
}

fn cnn([channels, height, width]: [usize; 3], classes: usize, generator: &mut Generator) -> Sequential {
    // Without padding the second convolution of an MNIST image costs half. Small images cannot spare the border.
    let padding = if height.min(width) < 22 { 2 } else { 0 };
    let after = |size: usize| ((size - 4) / 2 + 2 * padding - 4) / 2;
    // Pooling before ReLU gives the same values (both are monotonic) with a quarter of the ReLU's work. The
    // convolutions need no bias: batch norm subtracts it again.
    Sequential::new()
        .with("conv1", Conv2dConfig::new(channels, 16, 5).bias(false).build(generator))
        .with("bn1", BatchNorm2d::new(16))
        .with("pool1", MaxPool2d::new(2))
        .with("relu1", ReLU)
        .with("conv2", Conv2dConfig::new(16, 32, 5).padding(padding).bias(false).build(generator))
        .with("bn2", BatchNorm2d::new(32))
        .with("pool2", MaxPool2d::new(2))
        .with("relu2", ReLU)
        .with("flatten", Flatten)
        .with("fc", Linear::new(32 * after(height) * after(width), classes, generator))
}

fn cnn4([channels, height, width]: [usize; 3], classes: usize, first: usize, generator: &mut Generator) -> Sequential {
    // Without padding an MNIST image shrinks from 28 to 12, 10, (pooled) 5, 3 and 1; smaller ones would vanish.
    let padded = height.min(width) < 27;
    let pad = |border: usize| if padded { border } else { 0 };
    let after = |size: usize| {
        let halved = (size + 2 * pad(2) - 5) / 2 + 1;
        let pooled = (halved + 2 * pad(1) - 2) / 2;
        pooled + 4 * pad(1) - 4
    };
    let mut conv = |from: usize, to: usize, kernel: usize, stride: usize| {
        Conv2dConfig::new(from, to, kernel).stride(stride).padding(pad(kernel / 2)).bias(false).build(generator)
    };
    let (second, last) = (2 * first, 4 * first);
    let [conv1, conv2] = [conv(channels, first, 5, 2), conv(first, second, 3, 1)];
    let [conv3, conv4] = [conv(second, last, 3, 1), conv(last, last, 3, 1)];
    let mut model = Sequential::new()
        .with("conv1", conv1)
        .with("bn1", BatchNorm2d::new(first))
        .with("relu1", ReLU)
        .with("conv2", conv2)
        .with("bn2", BatchNorm2d::new(second))
        .with("pool2", MaxPool2d::new(2))
        .with("relu2", ReLU)
        .with("conv3", conv3)
        .with("bn3", BatchNorm2d::new(last))
        .with("relu3", ReLU)
        .with("conv4", conv4)
        .with("bn4", BatchNorm2d::new(last))
        .with("relu4", ReLU)
        .with("flatten", Flatten);
    if first > 16 {
        model = model.with("dropout", Dropout::new(0.3));
    }
    model.with("fc", Linear::new(last * after(height) * after(width), classes, generator))
}
