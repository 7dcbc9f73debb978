//! W2: single convolutions without bias: forward, and forward with both gradients.

use std::error::Error;

use striate_tensor::random::Generator;
use striate_tensor::{Conv2dOptions, Tensor, no_grad};

use crate::Settings;
use crate::measure::{Rate, time};
use crate::precision::Precision;

struct Shape {
    name: &'static str,
    batch: usize,
    channels: [usize; 2],
    kernel: usize,
    image: usize,
    stride: usize,
    padding: usize,
    groups: usize,
}

#[rustfmt::skip]
const SHAPES: [Shape; 6] = [
    Shape { name: "a_1-32_3x3_28", batch: 64, channels: [1, 32], kernel: 3, image: 28, stride: 1, padding: 0, groups: 1 },
    Shape { name: "b_64-64_3x3_32", batch: 64, channels: [64, 64], kernel: 3, image: 32, stride: 1, padding: 1, groups: 1 },
    Shape { name: "c_128-128_3x3_16", batch: 64, channels: [128, 128], kernel: 3, image: 16, stride: 1, padding: 1, groups: 1 },
    Shape { name: "d_64-128_1x1_32", batch: 64, channels: [64, 128], kernel: 1, image: 32, stride: 1, padding: 0, groups: 1 },
    Shape { name: "e_3-64_7x7s2_112", batch: 16, channels: [3, 64], kernel: 7, image: 112, stride: 2, padding: 3, groups: 1 },
    Shape { name: "f_dw64_3x3_32", batch: 64, channels: [64, 64], kernel: 3, image: 32, stride: 1, padding: 1, groups: 64 },
];

/// Input, weight and output gradient are given; both gradients are computed, that of the input too.
pub fn run(settings: &Settings) -> Result<(), Box<dyn Error>> {
    let mut generator = Generator::new(2);
    for Shape { name, batch, channels: [from, to], kernel, image, stride, padding, groups } in SHAPES {
        let mut draw = |shape: [usize; 4]| Tensor::randn(&shape, &mut generator).channels_last();
        let x = draw([batch, from, image, image]).requires_grad_(true);
        let weight = draw([to, from / groups, kernel, kernel]).contiguous().requires_grad_(true);
        let options = Conv2dOptions { stride: [stride; 2], padding: [padding; 2], groups, ..Conv2dOptions::default() };
        let y = no_grad(|| x.conv2d(&weight, None, options));
        let grad = draw([0, 1, 2, 3].map(|axis| y.shape()[axis]));
        let flops = 2.0 * (y.numel() * from / groups * kernel * kernel) as f64;
        for precision in Precision::ALL {
            let convolve = || precision.run(|| x.conv2d(&weight, None, options));
            let grad = grad.to_dtype(no_grad(convolve).dtype());
            time(&format!("w2{name}_fwd"), precision.peer(), settings, 0.08, &[Rate::flops(flops)], || {
                no_grad(|| drop(convolve()));
            });
            time(&format!("w2{name}_fwdbwd"), precision.peer(), settings, 0.12, &[Rate::flops(3.0 * flops)], || {
                x.zero_grad();
                weight.zero_grad();
                convolve().backward_with(&grad);
            });
        }
    }
    Ok(())
}
