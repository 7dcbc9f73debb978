//! The operations of layers over many geometries: gradients by central differences on dense, channels-last and strided
//! inputs, values against sums written out, edge cases.

use striate_tensor::gradient_check::check_gradients;
use striate_tensor::random::Generator;
use striate_tensor::{BatchNormOptions, Conv2dOptions, DType, Pool2dOptions, Reduction, Tensor};

fn normal(shape: &[usize], generator: &mut Generator) -> Tensor {
    let values: Vec<f64> = (0..shape.iter().product()).map(|_| generator.normal()).collect();
    Tensor::from_slice(&values, shape)
}

/// All different by at least 0.1, so that no maximum changes its place under a small step.
fn distinct(shape: &[usize], generator: &mut Generator) -> Tensor {
    let order = generator.permutation(shape.iter().product());
    let values: Vec<f64> = order.into_iter().map(|i| 0.1 * i as f64 - 1.0).collect();
    Tensor::from_slice(&values, shape)
}

/// The same values with the channels last in memory, with gaps, or as they are, by turns.
fn arranged(tensor: Tensor, turn: usize) -> Tensor {
    match turn % 3 {
        0 => tensor,
        1 => tensor.channels_last(),
        _ => {
            let mut shape = tensor.shape().to_vec();
            shape.push(2);
            tensor.unsqueeze(-1).broadcast_to(&shape).contiguous().select(-1, 1)
        }
    }
}

/// A number in `low..=high`.
fn pick(low: u64, high: u64, generator: &mut Generator) -> usize {
    (low + generator.below(high - low + 1)) as usize
}

fn pick_pair(low: u64, high: u64, generator: &mut Generator) -> [usize; 2] {
    [pick(low, high, generator), pick(low, high, generator)]
}

/// A random convolution: input, weight, bias and options.
fn convolution(case: u64) -> ([Tensor; 3], Conv2dOptions) {
    let g = &mut Generator::new(31).fork(case);
    let groups = pick(1, 3, g);
    let options =
        Conv2dOptions { stride: pick_pair(1, 3, g), padding: pick_pair(0, 2, g), dilation: pick_pair(1, 2, g), groups };
    let kernel = pick_pair(1, 3, g);
    let size = |axis: usize, g: &mut Generator| options.dilation[axis] * (kernel[axis] - 1) + 1 + pick(0, 3, g);
    let (height, width) = (size(0, g), size(1, g));
    let (in_channels, out_channels) = (groups * pick(1, 2, g), groups * pick(1, 2, g));
    let input = normal(&[pick(1, 2, g), in_channels, height, width], g);
    let weight = normal(&[out_channels, in_channels / groups, kernel[0], kernel[1]], g);
    ([input, weight, normal(&[out_channels], g)], options)
}

#[test]
fn gradients_of_convolutions() {
    for case in 0..60 {
        let ([input, weight, bias], options) = convolution(case);
        let turn = case as usize;
        let inputs = [arranged(input, turn), arranged(weight, turn / 3), arranged(bias, turn / 9)];
        let result = check_gradients(&inputs, |x| x[0].conv2d(&x[1], (case % 4 > 0).then_some(&x[2]), options));
        result.unwrap_or_else(|problem| panic!("case {case}, {options:?}, input {:?}: {problem}", inputs[0].shape()));
    }
}

/// The definition, one sum for each output.
fn convolution_by_definition(x: &Tensor, w: &Tensor, b: &Tensor, options: Conv2dOptions) -> Vec<f64> {
    let ([n, c, h, width], [out, per_group, kh, kw]) = (sizes(x), sizes(w));
    let Conv2dOptions { stride, padding, dilation, groups } = options;
    let count = |size: usize, axis: usize, kernel: usize| {
        (size + 2 * padding[axis] - dilation[axis] * (kernel - 1) - 1) / stride[axis] + 1
    };
    let (x, w, b) = (x.to_vec::<f64>(), w.to_vec::<f64>(), b.to_vec::<f64>());
    let mut y = Vec::new();
    for (image, o) in (0..n).flat_map(|image| (0..out).map(move |o| (image, o))) {
        for (i, j) in (0..count(h, 0, kh)).flat_map(|i| (0..count(width, 1, kw)).map(move |j| (i, j))) {
            let mut sum = b[o];
            for (p, u, v) in (0..per_group * kh * kw).map(|tap| (tap / (kh * kw), tap / kw % kh, tap % kw)) {
                let row = (i * stride[0] + u * dilation[0]).wrapping_sub(padding[0]);
                let column = (j * stride[1] + v * dilation[1]).wrapping_sub(padding[1]);
                if row < h && column < width {
                    let channel = o / (out / groups) * per_group + p;
                    let pixel = x[((image * c + channel) * h + row) * width + column];
                    sum += pixel * w[((o * per_group + p) * kh + u) * kw + v];
                }
            }
            y.push(sum);
        }
    }
    y
}

fn sizes(tensor: &Tensor) -> [usize; 4] {
    tensor.shape().try_into().expect("four dimensions")
}

#[test]
fn convolutions_equal_their_definition() {
    for case in 100..200 {
        let ([input, weight, bias], options) = convolution(case);
        let expected = convolution_by_definition(&input, &weight, &bias, options);
        let found = arranged(input, case as usize).conv2d(&weight, Some(&bias), options);
        assert!(found.is_channels_last());
        assert_eq!(found.numel(), expected.len(), "case {case}, {options:?}");
        for (found, expected) in found.to_vec::<f64>().iter().zip(&expected) {
            assert!((found - expected).abs() < 1e-12, "case {case}, {options:?}: {found} instead of {expected}");
        }
    }
}

#[test]
fn gradients_of_poolings() {
    for case in 0..60 {
        let g = &mut Generator::new(32).fork(case);
        let kernel = pick_pair(1, 3, g);
        let padding = [pick(0, kernel[0] as u64 / 2, g), pick(0, kernel[1] as u64 / 2, g)];
        let options = Pool2dOptions {
            kernel,
            stride: pick_pair(1, 3, g),
            padding,
            dilation: [1; 2],
            count_include_pad: case % 2 == 0,
            ceil_mode: case % 3 == 0,
        };
        let input = distinct(&[pick(1, 2, g), pick(1, 3, g), pick(3, 5, g), pick(3, 5, g)], g);
        let inputs = [arranged(input, case as usize)];
        let dilated = Pool2dOptions { dilation: if kernel == [2, 2] { [2; 2] } else { [1; 2] }, ..options };
        let fail = |problem| panic!("case {case}, {options:?}, input {:?}: {problem}", inputs[0].shape());
        check_gradients(&inputs, |x| x[0].max_pool2d(dilated)).unwrap_or_else(fail);
        check_gradients(&inputs, |x| x[0].avg_pool2d(options)).unwrap_or_else(fail);
    }
}

#[test]
fn the_first_of_equal_maxima_gets_the_gradient() {
    let x = Tensor::from_slice(&[1.0f32, 2.0, 2.0, 2.0], &[1, 1, 2, 2]).requires_grad_(true);
    x.max_pool2d(Pool2dOptions::new(2)).sum_all().backward();
    assert_eq!(x.grad().unwrap().to_vec::<f32>(), [0.0, 1.0, 0.0, 0.0]);
}

#[test]
fn the_maximum_with_a_nan_is_nan_and_all_minus_infinity_stays() {
    let low = f32::NEG_INFINITY;
    let x = Tensor::from_slice(&[1.0f32, f32::NAN, 3.0, 4.0, low, low, low, low], &[1, 2, 2, 2]);
    let y = x.max_pool2d(Pool2dOptions::new(2)).to_vec::<f32>();
    assert!(y[0].is_nan() && y[1] == low, "{y:?}");
}

#[test]
fn gradients_of_batch_norm() {
    for case in 0..18 {
        let g = &mut Generator::new(33).fork(case);
        let channels = pick(1, 4, g);
        let shape = [pick(2, 3, g), channels, pick(1, 3, g), pick(1, 3, g)];
        let shape = if case % 4 == 0 { &shape[..2] } else { &shape[..] };
        let inputs = [normal(shape, g), normal(&[channels], g), normal(&[channels], g)];
        let inputs = inputs.map(|tensor| arranged(tensor, case as usize));
        let (mean, var) = (normal(&[channels], g), normal(&[channels], g).square().add_scalar(0.5));
        // A pair of values normalises to about ±1 whatever they are: eps keeps the derivative away from rounding.
        for options in [true, false].map(|training| BatchNormOptions { training, momentum: 0.1, eps: 0.1 }) {
            let running = || (mean.copy(), var.copy());
            check_gradients(&inputs, |x| {
                let (mean, var) = running();
                x[0].batch_norm(Some((&mean, &var)), Some((&x[1], &x[2])), options)
            })
            .unwrap_or_else(|problem| panic!("case {case}, {options:?}, shape {shape:?}: {problem}"));
            let plain = BatchNormOptions { training: true, ..options };
            check_gradients(&inputs[..1], |x| x[0].batch_norm(None, None, plain)).unwrap();
        }
    }
}

#[test]
fn gradients_of_softmax_and_losses() {
    for case in 0..18 {
        let g = &mut Generator::new(34).fork(case);
        let shape = [pick(1, 3, g), pick(1, 4, g), pick(1, 3, g), pick(1, 3, g)];
        let shape = &shape[..1 + case as usize % 4];
        let logits = [arranged(normal(shape, g).mul_scalar(3.0), case as usize / 4)];
        for dim in 0..shape.len() as isize {
            check_gradients(&logits, |x| x[0].softmax(dim)).unwrap();
            check_gradients(&logits, |x| x[0].log_softmax(dim)).unwrap();
        }
        let class_dim = usize::from(shape.len() > 1);
        let (classes, mut positions) = (shape[class_dim], shape.to_vec());
        positions.remove(class_dim);
        let targets: Vec<i64> = (0..positions.iter().product()).map(|_| g.below(classes as u64) as i64).collect();
        let targets = Tensor::from_slice(&targets, &positions);
        for reduction in [Reduction::Mean, Reduction::Sum, Reduction::None] {
            check_gradients(&logits, |x| x[0].cross_entropy(&targets, reduction)).unwrap();
            check_gradients(&logits, |x| x[0].nll_loss(&targets, reduction)).unwrap();
        }
    }
}

#[test]
fn gradients_of_linear() {
    for case in 0..12 {
        let g = &mut Generator::new(35).fork(case);
        let (in_features, out_features) = (pick(1, 5, g), pick(1, 5, g));
        let shape = [pick(1, 3, g), pick(1, 3, g), in_features];
        let input = normal(&shape[2 - case as usize % 3..], g);
        let inputs = [input, normal(&[out_features, in_features], g), normal(&[out_features], g)];
        let inputs = inputs.map(|tensor| arranged(tensor, case as usize * 2));
        check_gradients(&inputs, |x| x[0].linear(&x[1], Some(&x[2]))).unwrap();
        check_gradients(&inputs[..2], |x| x[0].linear(&x[1], None)).unwrap();
    }
}

#[test]
fn empty_batches_pass_through() {
    let x = Tensor::zeros(&[0, 2, 6, 6], DType::F32).requires_grad_(true);
    let weight = Tensor::ones(&[3, 2, 3, 3], DType::F32).requires_grad_(true);
    let bias = Tensor::ones(&[3], DType::F32).requires_grad_(true);
    let y = x.conv2d(&weight, Some(&bias), Conv2dOptions::default()).max_pool2d(Pool2dOptions::new(2));
    assert_eq!(y.shape(), [0, 3, 2, 2]);
    let running = (Tensor::zeros(&[3], DType::F32), Tensor::ones(&[3], DType::F32));
    let options = BatchNormOptions { training: false, ..Default::default() };
    let y = y.batch_norm(Some((&running.0, &running.1)), None, options).avg_pool2d(Pool2dOptions::new(2));
    let y = y.flatten(1, -1).linear(&Tensor::ones(&[4, 3], DType::F32), None).log_softmax(1);
    assert_eq!(y.shape(), [0, 4]);
    y.nll_loss(&Tensor::zeros(&[0], DType::I64), Reduction::Sum).backward();
    assert_eq!(weight.grad().unwrap().to_vec::<f32>(), [0.0; 54]);
    assert_eq!(bias.grad().unwrap().to_vec::<f32>(), [0.0; 3]);
}

#[test]
fn extreme_logits_stay_finite() {
    let logits = Tensor::from_slice(&[1e30f32, -1e30, 0.0, 88.0, 89.0, -745.0], &[2, 3]).requires_grad_(true);
    let loss = logits.cross_entropy(&Tensor::from_slice(&[0i64, 1], &[2]), Reduction::Mean);
    assert!((loss.item::<f32>() - 0.5 * 0.313_261_7).abs() < 1e-5);
    loss.backward();
    assert!(logits.grad().unwrap().to_vec::<f32>().iter().all(|gradient| gradient.is_finite()));
}

/// Message of a refused call.
fn refusal(result: Result<Tensor, striate_tensor::TensorError>) -> String {
    result.expect_err("a mistake").to_string()
}

#[test]
fn mistakes_are_explained() {
    let x = Tensor::zeros(&[2, 3, 5, 5], DType::F32);
    let weight = |shape: &[usize]| Tensor::zeros(shape, DType::F32);
    let default = Conv2dOptions::default();
    let options = |stride, dilation, groups| Conv2dOptions { stride, dilation, groups, ..default };
    let pool = |kernel, padding| Pool2dOptions { padding, ..Pool2dOptions::new(kernel) };
    let one_value = Tensor::zeros(&[1, 3], DType::F32);
    let targets = Tensor::zeros(&[2, 3, 5, 5], DType::I64);
    let table = [
        (
            x.try_conv2d(&weight(&[4, 5, 3, 3]), None, default),
            "input has 3 channels, weight expects 5\n  help: the input looks like [n, h, w, c]",
        ),
        (
            x.try_conv2d(&weight(&[4, 2, 3, 3]), None, options([1; 2], [1; 2], 2)),
            "weight expects 4 (2 in each of 2 groups)",
        ),
        (
            x.try_conv2d(&weight(&[4, 1, 3, 3]), None, options([1; 2], [1; 2], 3)),
            "3 groups do not divide the 4 output channels",
        ),
        (x.try_conv2d(&weight(&[4, 3, 3, 3]), None, options([1, 0], [1; 2], 1)), "stride is [1, 0]"),
        (
            x.try_conv2d(&weight(&[4, 3, 3, 3]), None, options([1; 2], [1, 3], 1)),
            "the kernel spans 7 columns, the padded input has 5",
        ),
        (
            x.try_conv2d(&weight(&[4, 3, 3, 3]), Some(&weight(&[3])), default),
            "the bias must be [4], one number per output channel, got [3]",
        ),
        (
            x.try_conv2d(&weight(&[4, 3, 3, 3]).to_dtype(DType::F64), None, default),
            "dtypes differ: left is f32, right is f64",
        ),
        (x.to_dtype(DType::I64).try_conv2d(&weight(&[4, 3, 3, 3]), None, default), "needs a float tensor, got i64"),
        (x.try_max_pool2d(pool(2, [2, 0])), "padding [2, 0] is more than half the kernel [2, 2]"),
        (x.try_avg_pool2d(pool(6, [0, 0])), "the kernel spans 6 rows, the padded input has 5"),
        (
            one_value.try_batch_norm(None, None, BatchNormOptions::default()),
            "training needs more than one value per channel, got shape [1, 3]",
        ),
        (
            x.try_batch_norm(None, None, BatchNormOptions { training: false, ..Default::default() }),
            "evaluation needs the running mean and variance",
        ),
        (x.try_linear(&weight(&[10, 75]), None), "help: flatten(1, -1) turns the feature maps into vectors"),
        (one_value.try_linear(&weight(&[3, 7]), None), "help: the weight looks transposed"),
        (x.try_cross_entropy(&targets, Reduction::Mean), "help: the targets look one-hot"),
        (
            x.try_cross_entropy(&targets.to_dtype(DType::F32), Reduction::Mean),
            "targets are class numbers in i64, got f32",
        ),
        (x.try_dropout(1.5, &mut Generator::new(0)), "p = 1.5 is not a probability"),
    ];
    for (result, expected) in table {
        let text = refusal(result);
        assert!(text.contains(expected), "expected `{expected}` in:\n{text}");
    }
}
