//! Convolution, batch norm, residual and ReLU in one pass against the modules one after the other, in `f32` and in bf16.

use striate_nn::{BatchNorm2d, Context, Conv2d, Conv2dConfig, ConvNorm, Module, Slot};
use striate_tensor::random::Generator;
use striate_tensor::{DType, Tensor, autocast, no_grad};

/// Statistics and affine parameters that are not those of a new module.
fn norm(channels: usize, generator: &mut Generator) -> BatchNorm2d {
    let norm = BatchNorm2d::new(channels);
    norm.visit(&mut |name, slot| {
        let (Slot::Parameter(tensor) | Slot::Buffer(tensor)) = slot else { return };
        if tensor.dtype() == DType::F32 {
            let drawn = Tensor::rand(tensor.shape(), generator);
            no_grad(|| tensor.copy_(&if name == "bias" { &drawn - 0.5 } else { &drawn + 0.5 }));
        }
    });
    norm
}

/// The largest difference in units of the largest value.
fn difference(a: &Tensor, b: &Tensor) -> f32 {
    let (a, b) = (a.to_dtype(DType::F32), b.to_dtype(DType::F32));
    a.sub(&b).abs().max_all().item::<f32>() / b.abs().max_all().item::<f32>()
}

fn separate(x: &Tensor, conv: &Conv2d, norm: &BatchNorm2d, residual: Option<&Tensor>) -> Tensor {
    let y = norm.forward(&conv.forward(x, &Context::eval()), &Context::eval());
    residual.map_or_else(|| y.clone(), |residual| y.add(residual)).relu()
}

#[test]
fn one_pass_equals_the_modules_one_after_the_other() {
    let mut generator = Generator::new(1);
    // Direct sums, Winograd's (from 32 tiles on), depthwise; channels in odd numbers.
    for (channels, filters, kernel, groups, size) in
        [(3, 8, 3, 1, 9), (32, 48, 3, 1, 13), (64, 32, 1, 1, 7), (32, 32, 3, 32, 8), (5, 7, 3, 1, 6)]
    {
        let config = Conv2dConfig::new(channels, filters, kernel).padding(kernel / 2).groups(groups).bias(false);
        let (conv, norm) = (config.build(&mut generator), norm(filters, &mut generator));
        let x = Tensor::randn(&[2, channels, size, size], &mut generator);
        let skip = Tensor::randn(&[2, filters, size, size], &mut generator);
        for residual in [None, Some(&skip)] {
            let block = ConvNorm { residual, relu: true, ..ConvNorm::new(("conv", &conv), ("bn", &norm)) };
            no_grad(|| {
                let fused = block.try_forward(&x, &Context::eval()).unwrap();
                let expected = separate(&x, &conv, &norm, residual);
                assert!(difference(&fused, &expected) < 1e-5, "{channels} channels");
                autocast(DType::BF16, || {
                    let narrow = block.try_forward(&x, &Context::eval()).unwrap();
                    assert!(difference(&narrow, &expected) < 0.02, "{channels} channels, bf16");
                });
            });
        }
    }
}

/// Arranged weights are kept with the storage, and must go when it is written to.
#[test]
fn weights_that_have_changed_are_arranged_anew() {
    let mut generator = Generator::new(2);
    let conv = Conv2dConfig::new(32, 32, 3).padding(1).bias(false).build(&mut generator);
    let x = Tensor::randn(&[1, 32, 16, 16], &mut generator);
    let run = || no_grad(|| autocast(DType::BF16, || conv.forward(&x, &Context::eval()).to_dtype(DType::F32)));
    let (before, wide) = (run(), no_grad(|| conv.forward(&x, &Context::eval())));
    assert!(difference(&before, &wide) < 0.02);
    assert_eq!(before.to_vec::<f32>(), run().to_vec::<f32>());
    no_grad(|| conv.weight().copy_(&(conv.weight() * -2.0)));
    assert!(difference(&run(), &(&before * -2.0)) < 1e-6);
}

/// An infinity reaches the nine pixels that look at it, and no others, also where the arranged weights are transformed.
#[test]
fn an_infinity_stays_in_its_window_in_bf16() {
    let mut generator = Generator::new(3);
    let conv = Conv2dConfig::new(32, 32, 3).padding(1).bias(false).build(&mut generator);
    let mut values = Tensor::randn(&[1, 32, 16, 16], &mut generator).to_vec::<f32>();
    values[5 * 16 + 7] = f32::INFINITY;
    let x = Tensor::from_vec(values, &[1, 32, 16, 16]);
    let y = no_grad(|| autocast(DType::BF16, || conv.forward(&x, &Context::eval()).to_dtype(DType::F32)));
    assert_eq!(y.to_vec::<f32>().iter().filter(|y| !y.is_finite()).count(), 9 * 32);
}
