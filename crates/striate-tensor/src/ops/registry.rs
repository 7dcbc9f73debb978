//! All differentiable operations, one line each.
//!
//! The list feeds the gradient checks (`tests/gradients.rs`), which also notice a backward rule that no line reaches.

use crate::random::Generator;
use crate::{
    AttentionOptions, BatchNormOptions, Conv1dOptions, Conv2dOptions, CtcOptions, DType, GridSampleOptions,
    Interpolation, LstmParameters, OutsideImage, PaddingMode, Pool2dOptions, RecurrentParameters, Reduction,
    SampleMode, Slice, Tensor, UnfoldOptions,
};

/// A differentiable operation with a way to try it.
pub struct DifferentiableOp {
    /// The name of the operation, with the variant where there are several.
    pub name: &'static str,
    /// Makes inputs around which the operation is smooth; those of dtype `F64` are differentiated.
    pub inputs: fn(&mut Generator) -> Vec<Tensor>,
    /// Applies the operation to such inputs.
    pub function: fn(&[Tensor]) -> Tensor,
}

const fn op(
    name: &'static str,
    inputs: fn(&mut Generator) -> Vec<Tensor>,
    function: fn(&[Tensor]) -> Tensor,
) -> DifferentiableOp {
    DifferentiableOp { name, inputs, function }
}

/// Normal numbers, none closer than 0.05 to 0, where many functions have a kink.
fn normal(shape: &[usize], generator: &mut Generator) -> Tensor {
    let values: Vec<f64> = (0..shape.iter().product())
        .map(|_| {
            let x = generator.normal();
            x + 0.05 * x.signum()
        })
        .collect();
    Tensor::from_slice(&values, shape)
}

/// Numbers in [0.5, 2.5).
fn positive(shape: &[usize], generator: &mut Generator) -> Tensor {
    let values: Vec<f64> = (0..shape.iter().product()).map(|_| 0.5 + 2.0 * generator.uniform()).collect();
    Tensor::from_slice(&values, shape)
}

/// All different by at least 0.1, in random order.
fn distinct(shape: &[usize], generator: &mut Generator) -> Tensor {
    let order = generator.permutation(shape.iter().product());
    let values: Vec<f64> = order.into_iter().map(|i| 0.1 * i as f64 - 0.45).collect();
    Tensor::from_slice(&values, shape)
}

fn indices(values: &[i64], shape: &[usize]) -> Tensor {
    Tensor::from_slice(values, shape)
}

fn one(generator: &mut Generator) -> Vec<Tensor> {
    vec![normal(&[2, 3, 4], generator)]
}

fn one_positive(generator: &mut Generator) -> Vec<Tensor> {
    vec![positive(&[2, 3, 4], generator)]
}

fn one_distinct(generator: &mut Generator) -> Vec<Tensor> {
    vec![distinct(&[2, 3, 4], generator)]
}

fn two(generator: &mut Generator) -> Vec<Tensor> {
    vec![normal(&[2, 3, 4], generator), normal(&[3, 1], generator)]
}

fn two_matrices(generator: &mut Generator) -> Vec<Tensor> {
    vec![normal(&[3, 4], generator), normal(&[4, 5], generator)]
}

/// A batch of images, kernels for it in two groups, and a bias.
fn convolution(generator: &mut Generator) -> Vec<Tensor> {
    vec![normal(&[2, 4, 5, 6], generator), normal(&[6, 2, 3, 2], generator), normal(&[6], generator)]
}

/// Images, scale and shift per channel, running mean and variance (not differentiated).
fn normalization(generator: &mut Generator) -> Vec<Tensor> {
    vec![normal(&[3, 2, 2, 3], generator), normal(&[2], generator), normal(&[2], generator)]
}

fn image_of_distinct(generator: &mut Generator) -> Vec<Tensor> {
    vec![distinct(&[2, 3, 5, 4], generator)]
}

/// Images and positions for samples of them, inside and outside.
fn sampling(generator: &mut Generator) -> Vec<Tensor> {
    vec![normal(&[2, 3, 5, 4], generator), normal(&[2, 2, 3, 2], generator).mul_scalar(0.7)]
}

/// Five steps for three samples of four classes, and labels to be read out of them; class 1 is the blank.
fn reading(generator: &mut Generator) -> Vec<Tensor> {
    vec![normal(&[5, 3, 4], generator), indices(&[2, 2, 0, 0, 3, 0, 3, 0, 0], &[3, 3])]
}

fn batch_norm(x: &[Tensor], training: bool) -> Tensor {
    let fixed = |values: [f64; 2]| Tensor::from_slice(&values, &[2]).to_dtype(x[0].dtype());
    let running = (fixed([0.3, -0.2]), fixed([1.7, 0.6]));
    let options = BatchNormOptions { training, ..Default::default() };
    x[0].batch_norm(Some((&running.0, &running.1)), Some((&x[1], &x[2])), options)
}

/// A sequence, states, weights and biases of a long short-term memory of 17 units: one block and one unit more.
fn lstm_inputs(generator: &mut Generator) -> Vec<Tensor> {
    let shapes: [&[usize]; 7] = [&[3, 2, 2], &[2, 17], &[2, 17], &[68, 2], &[68, 17], &[68], &[68]];
    shapes.iter().map(|shape| normal(shape, generator).mul_scalar(0.3)).collect()
}

/// Outputs, with the last cell below them.
fn lstm(x: &[Tensor], reverse: bool) -> Tensor {
    let parameters = LstmParameters { weight_ih: &x[3], weight_hh: &x[4], biases: Some([&x[5], &x[6]]), reverse };
    let (outputs, cell) = x[0].lstm([&x[1], &x[2]], parameters);
    Tensor::cat(&[&outputs, &cell.unsqueeze(0)], 0)
}

/// Queries of three positions, keys and values of five, in two sequences of two heads; keys are shared by the sequences.
fn attention_inputs(generator: &mut Generator) -> Vec<Tensor> {
    let shapes: [&[usize]; 3] = [&[2, 2, 3, 4], &[2, 5, 4], &[2, 2, 5, 6]];
    shapes.iter().map(|shape| normal(shape, generator)).collect()
}

/// Block by block, unless the options say otherwise.
fn attention(x: &[Tensor], options: AttentionOptions<'_>) -> Tensor {
    let options = AttentionOptions { keep_weights: options.keep_weights.or(Some(false)), ..options };
    x[0].scaled_dot_product_attention(&x[1], &x[2], options)
}

/// A sequence, a state, weights and biases of a layer of three units with so many gates.
fn recurrent_inputs(gates: usize, generator: &mut Generator) -> Vec<Tensor> {
    let rows = 3 * gates;
    let shapes: [&[usize]; 6] = [&[4, 2, 2], &[2, 3], &[rows, 2], &[rows, 3], &[rows], &[rows]];
    shapes.iter().map(|shape| normal(shape, generator).mul_scalar(0.5)).collect()
}

fn recurrent_parameters(x: &[Tensor], reverse: bool) -> RecurrentParameters<'_> {
    RecurrentParameters { weight_ih: &x[2], weight_hh: &x[3], biases: Some([&x[4], &x[5]]), reverse }
}

const STRIDED: Conv2dOptions = Conv2dOptions { stride: [2, 1], padding: [1, 2], dilation: [1, 2], groups: 2 };
const POOL: Pool2dOptions = Pool2dOptions { stride: [2, 1], padding: [1, 1], ..Pool2dOptions::new(3) };
/// Of images of 5 x 4: rows left over without the last window, and a last window that reaches past the padding.
const TO_THE_END: Pool2dOptions =
    Pool2dOptions { kernel: [2, 3], stride: [2, 2], padding: [0, 1], ceil_mode: true, ..Pool2dOptions::new(2) };

const WINDOWS: UnfoldOptions = UnfoldOptions { stride: [2, 1], padding: [1, 2], dilation: [1, 2], kernel: [3, 2] };

/// The operations.
pub const REGISTRY: &[DifferentiableOp] = &[
    op("add", two, |x| x[0].add(&x[1])),
    op("sub", two, |x| x[1].sub(&x[0])),
    op("mul", two, |x| x[0].mul(&x[1])),
    op("div", |g| vec![normal(&[2, 3], g), positive(&[2, 1], g)], |x| x[0].div(&x[1])),
    op("add_scalar", one, |x| x[0].add_scalar(1.5)),
    op("mul_scalar", one, |x| x[0].mul_scalar(-2.5)),
    op("div_scalar", one, |x| x[0].div_scalar(4.0)),
    op("neg", one, |x| x[0].neg()),
    op("relu", one, |x| x[0].relu()),
    op("sigmoid", one, |x| x[0].sigmoid()),
    op("tanh", one, |x| x[0].tanh()),
    op("gelu", one, |x| x[0].gelu()),
    op("gelu_tanh", one, |x| x[0].gelu_tanh()),
    op("silu", one, |x| x[0].silu()),
    op("erf", one, |x| x[0].erf()),
    op("leaky_relu", one, |x| x[0].leaky_relu(0.1)),
    op("elu", one, |x| x[0].elu(1.3)),
    op("selu", one, |x| x[0].selu()),
    op("softplus", one, |x| x[0].softplus(1.5)),
    op("mish", one, |x| x[0].mish()),
    op("hardsigmoid", one, |x| x[0].mul_scalar(2.0).hardsigmoid()),
    op("hardswish", one, |x| x[0].mul_scalar(2.0).hardswish()),
    op("exp", one, |x| x[0].exp()),
    op("log", one_positive, |x| x[0].log()),
    op("sqrt", one_positive, |x| x[0].sqrt()),
    op("square", one, |x| x[0].square()),
    op("abs", one, |x| x[0].abs()),
    op("sin", one, |x| x[0].sin()),
    op("cos", one, |x| x[0].cos()),
    op("log1p", one_positive, |x| x[0].log1p()),
    op("expm1", one, |x| x[0].expm1()),
    op("reciprocal", one_positive, |x| x[0].reciprocal()),
    op("rsqrt", one_positive, |x| x[0].rsqrt()),
    op("tan", one_positive, |x| x[0].mul_scalar(0.5).tan()),
    op("asin", one, |x| x[0].tanh().mul_scalar(0.9).asin()),
    op("acos", one, |x| x[0].tanh().mul_scalar(0.9).acos()),
    op("atan", one, |x| x[0].atan()),
    op("floor", one_distinct, |x| x[0].floor()),
    op("ceil", one_distinct, |x| x[0].ceil()),
    op("round", one_distinct, |x| x[0].round()),
    op("trunc", one_distinct, |x| x[0].trunc()),
    op("sign", one_distinct, |x| x[0].sign()),
    op("pow", one_positive, |x| x[0].pow(2.7)),
    op("pow, whole exponent", one, |x| x[0].pow(3.0)),
    op("pow, exponent 0", one, |x| x[0].pow(0.0)),
    op("clamp", one_distinct, |x| x[0].clamp(-0.21, 0.83)),
    op("maximum", |g| vec![distinct(&[2, 3], g), distinct(&[3], g).mul_scalar(1.07)], |x| x[0].maximum(&x[1])),
    op("minimum", |g| vec![distinct(&[2, 3], g), distinct(&[3], g).mul_scalar(1.07)], |x| x[0].minimum(&x[1])),
    op(
        "where_",
        |g| vec![normal(&[2, 3], g).gt(&normal(&[3], g)), normal(&[3], g), normal(&[2, 1], g)],
        |x| x[0].where_(&x[1], &x[2]),
    ),
    // The rounding, which differences would see, is taken back; the gradient has gone through the cast.
    op("to_dtype", one, |x| {
        let rounded = x[0].to_dtype(DType::F32).to_dtype(x[0].dtype());
        &rounded + (&x[0] - &rounded).detach()
    }),
    op("sum, all", one, |x| x[0].sum_all()),
    op("sum, dims", one, |x| x[0].sum(&[0, -1], false)),
    op("sum, keepdim", one, |x| x[0].sum(&[1], true)),
    op("mean", one, |x| x[0].mean(&[1], false)),
    op("mean, keepdim", one, |x| x[0].mean(&[0, 2], true)),
    op("var", one, |x| x[0].var(&[1, 2], false)),
    op("std", one, |x| x[0].std(&[0, 2], true)),
    op("norm, 2", one, |x| x[0].norm(2.0, &[1], false)),
    op("norm, 1", one, |x| x[0].norm(1.0, &[0, 2], true)),
    op("norm, 3.5", one, |x| x[0].norm(3.5, &[], false)),
    op("norm, maximum", one_distinct, |x| x[0].norm(f64::INFINITY, &[1], true)),
    op("logsumexp", one, |x| x[0].logsumexp(&[0, 2], false)),
    op("prod", one, |x| x[0].prod(&[0, 2], false)),
    op(
        "prod, one zero",
        |g| vec![normal(&[2, 4], g).mul(&Tensor::from_slice(&[1.0, 0.0, 1.0, 1.0], &[4]))],
        |x| x[0].prod(&[1], true),
    ),
    op("median", one_distinct, |x| x[0].median(1, false).0),
    op("cumsum", one, |x| x[0].cumsum(1)),
    op("cumprod", one, |x| x[0].cumprod(1)),
    op(
        "cumprod, one zero",
        |g| vec![normal(&[2, 5], g).mul(&Tensor::from_slice(&[1.0, 1.0, 0.0, 1.0, 1.0], &[5]))],
        |x| x[0].cumprod(-1),
    ),
    op("sort", one_distinct, |x| x[0].sort(1, false).0),
    op("topk", one_distinct, |x| x[0].topk(2, -1, true).0),
    op("max", one_distinct, |x| x[0].max(&[2, 0], false)),
    op("max, keepdim", one_distinct, |x| x[0].max(&[1], true)),
    op("min", one_distinct, |x| x[0].min(&[], false)),
    op("max_with_indices", one_distinct, |x| x[0].max_with_indices(1, false).0),
    op("min_with_indices", one_distinct, |x| x[0].min_with_indices(-1, true).0),
    op("reshape", one, |x| x[0].reshape(&[4, 6])),
    op("flatten", one, |x| x[0].flatten(1, -1)),
    op("unsqueeze and squeeze", one, |x| x[0].unsqueeze(1).squeeze(1)),
    op("permute", one, |x| x[0].permute(&[2, 0, 1])),
    op("transpose", one, |x| x[0].transpose(0, 2)),
    op("broadcast_to", |g| vec![normal(&[3, 1], g)], |x| x[0].broadcast_to(&[2, 3, 4])),
    op("contiguous", one, |x| x[0].t().contiguous()),
    op("channels_last", |g| vec![normal(&[2, 3, 2, 2], g)], |x| x[0].channels_last()),
    op("narrow", one, |x| x[0].narrow(1, 1, 2)),
    op("select", one, |x| x[0].select(2, -2)),
    op("slice", one, |x| x[0].slice(&[Slice::from(1..), Slice::from(..).step(2), Slice::new(1, -1)])),
    op("gather", |g| vec![normal(&[2, 3], g), indices(&[2, 0, 2, 1, 1, 1, 0, 2], &[2, 4])], |x| x[0].gather(1, &x[1])),
    op("index_select", |g| vec![normal(&[2, 3, 2], g), indices(&[2, 0, 2, 2], &[4])], |x| x[0].index_select(1, &x[1])),
    op(
        "scatter_add",
        |g| vec![normal(&[2, 3], g), indices(&[2, 0, 2, 1, 1, 1, 0, 2], &[2, 4]), normal(&[2, 4], g)],
        |x| x[0].scatter_add(1, &x[1], &x[2]),
    ),
    op(
        "scatter",
        |g| vec![normal(&[2, 4], g), indices(&[2, 0, 3, 1, 3, 0], &[2, 3]), normal(&[2, 3], g)],
        |x| x[0].scatter(1, &x[1], &x[2]),
    ),
    op(
        "index_add",
        |g| vec![normal(&[2, 3, 2], g), indices(&[2, 0, 2, 2], &[4]), normal(&[2, 4, 2], g)],
        |x| x[0].index_add(1, &x[1], &x[2]),
    ),
    op(
        "index",
        |g| vec![normal(&[3, 4, 2], g), indices(&[2, -3, 1], &[3, 1]), indices(&[0, 3, -4, 1], &[4])],
        |x| x[0].index(&[&x[1], &x[2]]),
    ),
    op(
        "index, mask",
        |g| vec![normal(&[3, 4, 2], g), normal(&[3, 4], g).gt(&normal(&[4], g))],
        |x| x[0].index(&[&x[1]]),
    ),
    op(
        "masked_select",
        |g| vec![normal(&[2, 3, 4], g), normal(&[3, 1], g).gt(&normal(&[4], g))],
        |x| x[0].masked_select(&x[1]),
    ),
    op(
        "masked_fill",
        |g| vec![normal(&[2, 3, 4], g), normal(&[3, 1], g).gt(&normal(&[4], g))],
        |x| x[0].masked_fill(&x[1], 7.0),
    ),
    op("cat", |g| vec![normal(&[2, 1, 2], g), normal(&[2, 3, 2], g)], |x| Tensor::cat(&[&x[0], &x[1], &x[0]], 1)),
    op("stack", |g| vec![normal(&[2, 3], g), normal(&[2, 3], g)], |x| Tensor::stack(&[&x[0], &x[1]], 1)),
    op("pad", one, |x| x[0].pad(&[(1, 0), (0, 0), (2, 1)], 0.5)),
    op("pad_with, reflect", one, |x| x[0].pad_with(&[(1, 0), (0, 2), (3, 2)], PaddingMode::Reflect)),
    op("pad_with, replicate", one, |x| x[0].pad_with(&[(0, 3), (2, 0), (1, 1)], PaddingMode::Replicate)),
    op("pad_with, circular", one, |x| x[0].pad_with(&[(1, 0), (0, 2), (4, 1)], PaddingMode::Circular)),
    op("flip", one, |x| x[0].flip(&[0, -1])),
    op("roll", one, |x| x[0].roll(-5, 1)),
    op("repeat", one, |x| x[0].repeat(&[2, 1, 3, 1])),
    op("repeat_interleave", one, |x| x[0].repeat_interleave(3, 1)),
    op("tril", one, |x| x[0].tril(-1)),
    op("triu", one, |x| x[0].triu(1)),
    op("embedding", |g| vec![normal(&[4, 3], g), indices(&[2, 0, 2, 3], &[2, 2])], |x| x[0].embedding(&x[1])),
    op("matmul", two_matrices, |x| x[0].matmul(&x[1])),
    op("matmul, vectors", |g| vec![normal(&[4], g), normal(&[4], g)], |x| x[0].matmul(&x[1])),
    op("matmul, vector and matrix", |g| vec![normal(&[4], g), normal(&[4, 2], g)], |x| x[0].matmul(&x[1])),
    op("matmul, batched", |g| vec![normal(&[2, 3, 4], g), normal(&[2, 4, 2], g)], |x| x[0].matmul(&x[1])),
    op("matmul, broadcast", |g| vec![normal(&[2, 1, 3, 4], g), normal(&[3, 4, 2], g)], |x| x[0].matmul(&x[1])),
    op("matmul, batch and matrix", |g| vec![normal(&[2, 3, 4], g), normal(&[4, 2], g)], |x| x[0].matmul(&x[1])),
    op(
        "einsum",
        |g| vec![normal(&[2, 3, 4], g), normal(&[5, 4, 2], g), normal(&[3, 3], g)],
        |x| Tensor::einsum("bij,kjb,ii->kb", &[&x[0], &x[1], &x[2]]),
    ),
    op(
        "linear",
        |g| vec![normal(&[2, 3, 4], g), normal(&[5, 4], g), normal(&[5], g)],
        |x| x[0].linear(&x[1], Some(&x[2])),
    ),
    op("linear, no bias", |g| vec![normal(&[3, 4], g), normal(&[5, 4], g)], |x| x[0].linear(&x[1], None)),
    op("conv2d, strided, dilated, in groups", convolution, |x| x[0].conv2d(&x[1], Some(&x[2]), STRIDED)),
    op(
        "conv2d",
        |g| vec![normal(&[2, 3, 4, 5], g), normal(&[2, 3, 3, 3], g)],
        |x| x[0].conv2d(&x[1], None, Conv2dOptions::default()),
    ),
    op(
        "conv_transpose2d, strided, dilated, in groups",
        |g| vec![normal(&[2, 4, 3, 4], g), normal(&[4, 3, 3, 2], g), normal(&[6], g)],
        |x| x[0].conv_transpose2d(&x[1], Some(&x[2]), STRIDED, [1, 0]),
    ),
    op(
        "conv_transpose2d",
        |g| vec![normal(&[2, 3, 2, 3], g), normal(&[3, 2, 3, 2], g)],
        |x| x[0].conv_transpose2d(&x[1], None, Conv2dOptions::default(), [0, 0]),
    ),
    op(
        "conv1d",
        |g| vec![normal(&[2, 4, 7], g), normal(&[6, 2, 3], g), normal(&[6], g)],
        |x| x[0].conv1d(&x[1], Some(&x[2]), Conv1dOptions { stride: 2, padding: 1, dilation: 2, groups: 2 }),
    ),
    op(
        "conv_transpose1d",
        |g| vec![normal(&[2, 4, 5], g), normal(&[4, 3, 3], g), normal(&[6], g)],
        |x| {
            x[0].conv_transpose1d(
                &x[1],
                Some(&x[2]),
                Conv1dOptions { stride: 2, padding: 1, dilation: 2, groups: 2 },
                1,
            )
        },
    ),
    op("adaptive_avg_pool2d", image_of_distinct, |x| x[0].adaptive_avg_pool2d([3, 6])),
    op("adaptive_max_pool2d", image_of_distinct, |x| x[0].adaptive_max_pool2d([2, 3])),
    op("interpolate, nearest", image_of_distinct, |x| x[0].interpolate(&[3, 7], Interpolation::Nearest)),
    op("interpolate, linear", image_of_distinct, |x| {
        x[0].interpolate(&[7, 3], Interpolation::Linear { align_corners: false })
    }),
    op("interpolate, cubic", image_of_distinct, |x| {
        x[0].interpolate(&[3, 6], Interpolation::Cubic { align_corners: true })
    }),
    op("grid_sample", sampling, |x| x[0].grid_sample(&x[1], GridSampleOptions::default())),
    op("grid_sample, reflection", sampling, |x| {
        let outside = OutsideImage::Reflection;
        x[0].grid_sample(&x[1], GridSampleOptions { outside, align_corners: true, ..GridSampleOptions::default() })
    }),
    op("grid_sample, bicubic", sampling, |x| {
        let (mode, outside) = (SampleMode::Bicubic, OutsideImage::Border);
        x[0].grid_sample(&x[1], GridSampleOptions { mode, outside, align_corners: false })
    }),
    op("unfold", image_of_distinct, |x| x[0].unfold(WINDOWS)),
    op("fold", |g| vec![normal(&[2, 12, 18], g)], |x| x[0].fold([5, 4], WINDOWS)),
    op("max_pool2d", image_of_distinct, |x| x[0].max_pool2d(Pool2dOptions::new(2))),
    op("max_pool2d, overlapping", image_of_distinct, |x| x[0].max_pool2d(POOL)),
    op("max_pool2d_with_indices", image_of_distinct, |x| {
        let (values, places) = x[0].max_pool2d_with_indices(POOL);
        values.add(&places.to_dtype(values.dtype()))
    }),
    op("max_unpool2d", image_of_distinct, |x| {
        let places = x[0].max_pool2d_with_indices(Pool2dOptions::new(2)).1;
        x[0].narrow(2, 0, 4).avg_pool2d(Pool2dOptions::new(2)).max_unpool2d(&places, [5, 4])
    }),
    op("max_pool2d, ceil_mode", image_of_distinct, |x| x[0].max_pool2d(TO_THE_END)),
    op("avg_pool2d", image_of_distinct, |x| x[0].avg_pool2d(Pool2dOptions { count_include_pad: false, ..POOL })),
    op("avg_pool2d, ceil_mode", image_of_distinct, |x| x[0].avg_pool2d(TO_THE_END)),
    op("batch_norm, training", normalization, |x| batch_norm(x, true)),
    op("batch_norm, evaluation", normalization, |x| batch_norm(x, false)),
    op(
        "layer_norm",
        |g| vec![normal(&[5, 3, 4], g), normal(&[3, 4], g), normal(&[3, 4], g)],
        |x| x[0].layer_norm(&[3, 4], Some((&x[1], &x[2])), 1e-5),
    ),
    op("layer_norm, not affine", one, |x| x[0].layer_norm(&[4], None, 1e-3)),
    op(
        "group_norm",
        |g| vec![normal(&[2, 6, 3, 2], g), normal(&[6], g), normal(&[6], g)],
        |x| x[0].group_norm(3, Some((&x[1], &x[2])), 1e-5),
    ),
    op("lstm", lstm_inputs, |x| lstm(x, false)),
    op("lstm, reverse", lstm_inputs, |x| lstm(x, true)),
    op("gru", |g| recurrent_inputs(3, g), |x| x[0].gru(&x[1], recurrent_parameters(x, false))),
    op("gru, reverse", |g| recurrent_inputs(3, g), |x| x[0].gru(&x[1], recurrent_parameters(x, true))),
    op("rnn_tanh", |g| recurrent_inputs(1, g), |x| x[0].rnn_tanh(&x[1], recurrent_parameters(x, false))),
    op("rnn_tanh, reverse", |g| recurrent_inputs(1, g), |x| x[0].rnn_tanh(&x[1], recurrent_parameters(x, true))),
    op("rnn_relu", |g| recurrent_inputs(1, g), |x| x[0].rnn_relu(&x[1], recurrent_parameters(x, false))),
    op("scaled_dot_product_attention", attention_inputs, |x| attention(x, AttentionOptions::default())),
    op("scaled_dot_product_attention, weights kept", attention_inputs, |x| {
        attention(x, AttentionOptions { keep_weights: Some(true), ..AttentionOptions::default() })
    }),
    op("scaled_dot_product_attention, causal", attention_inputs, |x| {
        attention(x, AttentionOptions { causal: true, scale: Some(0.3), ..AttentionOptions::default() })
    }),
    op(
        "scaled_dot_product_attention, masked",
        |g| [attention_inputs(g), vec![normal(&[2, 1, 3, 5], g)]].concat(),
        |x| attention(x, AttentionOptions { mask: Some(&x[3]), ..AttentionOptions::default() }),
    ),
    op(
        "scaled_dot_product_attention, fixed mask",
        |g| [attention_inputs(g), vec![normal(&[3, 5], g).gt(&positive(&[5], g))]].concat(),
        // Every query sees key 1.
        |x| {
            let seen = x[3].logical_or(&Tensor::arange(0_i64, 5, 1).eq(&Tensor::scalar(1_i64)));
            attention(x, AttentionOptions { mask: Some(&seen), ..AttentionOptions::default() })
        },
    ),
    op(
        "attention_weights",
        |g| attention_inputs(g)[..2].to_vec(),
        |x| x[0].attention_weights(&x[1], AttentionOptions { causal: true, ..AttentionOptions::default() }),
    ),
    op("softmax", one, |x| x[0].softmax(1)),
    op("log_softmax", one, |x| x[0].log_softmax(-1)),
    op(
        "cross_entropy",
        |g| vec![normal(&[3, 4], g), indices(&[3, 0, 1], &[3])],
        |x| x[0].cross_entropy(&x[1], Reduction::Mean),
    ),
    op(
        "cross_entropy, per position",
        |g| vec![normal(&[2, 3, 2], g), indices(&[2, 0, 1, 1], &[2, 2])],
        |x| x[0].cross_entropy(&x[1], Reduction::None),
    ),
    op(
        "cross_entropy, smoothed",
        |g| vec![normal(&[2, 3, 2], g), indices(&[2, 0, 1, 1], &[2, 2])],
        |x| x[0].cross_entropy_smoothed(&x[1], 0.1, Reduction::Mean),
    ),
    op("nll_loss", |g| vec![normal(&[3, 4], g), indices(&[3, 0, 1], &[3])], |x| x[0].nll_loss(&x[1], Reduction::Sum)),
    op("ctc_loss", reading, |x| {
        x[0].ctc_loss(&x[1], &[5, 4, 3], &[2, 3, 0], CtcOptions { blank: 1, ..CtcOptions::default() })
    }),
    op("ctc_loss, per sample", reading, |x| {
        let options = CtcOptions { blank: 1, reduction: Reduction::None, zero_infinity: true };
        x[0].ctc_loss(&x[1], &[5, 2, 3], &[2, 3, 1], options)
    }),
    op("dropout", one, |x| x[0].dropout(0.3, &mut Generator::new(5))),
];
