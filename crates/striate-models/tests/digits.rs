//! The digit classifiers: sizes, names, determinism, memory.

use striate_models::digits::{Architecture, BuildError, build, try_build};
use striate_nn::optim::{Adam, Optimizer};
use striate_nn::{Context, Module, loss};
use striate_tensor::random::Generator;
use striate_tensor::{DType, Tensor};

#[test]
fn names_are_read_and_written() {
    for architecture in Architecture::ALL {
        assert_eq!(architecture.to_string().parse(), Ok(architecture));
    }
    assert_eq!("LeNet".parse(), Ok(Architecture::LeNet));
    let error = "resnet".parse::<Architecture>().unwrap_err();
    assert_eq!(
        error.to_string(),
        "there is no architecture `resnet`: choose softmax, mlp, lenet, cnn, cnn4 or cnn4-wide"
    );
}

#[test]
fn every_size_gives_logits() {
    for architecture in Architecture::ALL {
        for input in
            [[1, 28, 28], [1, 12, 12], [3, 32, 32], [2, 13, 29], [1, 21, 22], [1, 40, 12], [1, 26, 27], [1, 27, 27]]
        {
            for classes in [1, 10, 37] {
                let model = build(architecture, input, classes, 0);
                let [c, h, w] = input;
                let logits = model.forward(&Tensor::zeros(&[2, c, h, w], DType::F32), &Context::eval());
                assert_eq!(logits.shape(), [2, classes], "{architecture} for {input:?}");
            }
        }
    }
}

#[test]
fn sizes_that_cannot_work_are_refused() {
    let error = try_build(Architecture::Cnn, [1, 11, 28], 10, 0).err().expect("too small");
    assert_eq!(error.to_string(), "cnn needs images of at least 12x12 pixels, these are 11x28");
    assert_eq!(try_build(Architecture::Mlp, [1, 8, 8], 0, 0).err(), Some(BuildError::Empty { what: "classes" }));
    assert!(try_build(Architecture::Mlp, [1, 1, 1], 2, 0).is_ok());
}

#[test]
fn parameter_counts_are_the_known_ones() {
    let count = |architecture| build(architecture, [1, 28, 28], 10, 0).num_parameters();
    assert_eq!(count(Architecture::Softmax), 7_850);
    assert_eq!(count(Architecture::Mlp), 235_146);
    // LeNet-5 with full connections between the stages: 61 706.
    assert_eq!(count(Architecture::LeNet), 61_706);
    assert_eq!(count(Architecture::Cnn), 400 + 32 + 12_800 + 64 + 5_130);
    assert_eq!(count(Architecture::Cnn4), 400 + 32 + 4_608 + 64 + 18_432 + 128 + 36_864 + 128 + 650);
    assert_eq!(count(Architecture::Cnn4Wide), 800 + 64 + 18_432 + 128 + 73_728 + 256 + 147_456 + 256 + 1290);
}

#[test]
fn layers_are_named_and_captured() {
    let model = build(Architecture::Cnn, [1, 28, 28], 10, 0);
    let names: Vec<String> = model.state_dict().into_keys().collect();
    for name in ["conv1.weight", "bn1.running_mean", "bn2.num_batches_tracked", "fc.bias"] {
        assert!(names.iter().any(|own| own == name), "{name} in {names:?}");
    }
    let context = Context::capture();
    model.forward(&Tensor::zeros(&[1, 1, 28, 28], DType::F32), &context);
    let captured = context.captured();
    let paths: Vec<&str> = captured.iter().map(|(path, _)| path.as_str()).collect();
    let expected = ["conv1", "bn1", "pool1", "relu1", "conv2", "bn2", "pool2", "relu2", "flatten", "fc"];
    assert_eq!(paths, expected);
    assert_eq!(captured[4].1.shape(), [1, 32, 8, 8]);
}

#[test]
fn the_seed_decides_the_weights() {
    let weights = |seed| build(Architecture::LeNet, [1, 28, 28], 10, seed).state_dict()["conv1.weight"].to_vec::<f32>();
    assert_eq!(weights(1), weights(1));
    assert_ne!(weights(1), weights(2));
}

/// Rows of dots whose position is the class, with noise: easy, but not for one step.
fn batch(step: u64, n: usize) -> (Tensor, Tensor) {
    let mut generator = Generator::new(9).fork(step);
    let mut images = vec![0.0_f32; n * 28 * 28];
    generator.fill_uniform(&mut images);
    let labels: Vec<i64> = (0..n).map(|_| generator.below(10) as i64).collect();
    for (image, &label) in images.chunks_exact_mut(28 * 28).zip(&labels) {
        for pixel in &mut image[(2 * label as usize + 3) * 28..][..28] {
            *pixel += 0.8;
        }
    }
    (Tensor::from_slice(&images, &[n, 1, 28, 28]), Tensor::from_slice(&labels, &[n]))
}

/// Trains and returns the losses and the final weights.
fn train(architecture: Architecture, steps: u64) -> (Vec<f32>, Vec<Vec<f32>>) {
    let model = build(architecture, [1, 28, 28], 10, 3);
    let mut optimizer = Adam::new(model.named_parameters(), 0.003);
    let losses = (0..steps)
        .map(|step| {
            let (x, y) = batch(step, 32);
            let loss = loss::cross_entropy(&model.forward(&x, &Context::train(5, step)), &y);
            optimizer.zero_grad();
            loss.backward();
            optimizer.step();
            loss.item::<f32>()
        })
        .collect();
    (losses, model.named_parameters().iter().map(|(_, parameter)| parameter.to_vec::<f32>()).collect())
}

#[test]
fn every_architecture_learns() {
    for architecture in Architecture::ALL {
        let (losses, _) = train(architecture, 25);
        assert!(losses[24] < 0.6 * losses[0], "{architecture}: {losses:?}");
    }
}
