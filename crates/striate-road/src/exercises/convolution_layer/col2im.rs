//! `col2im`: columns back to images, the transpose of `im2col`.

use ndarray::{Array1, Array4, ArrayView2, Ix4, s};

use super::conv_layer::{Geometry, SIZES};
use super::im2col::Layout;
use crate::exercise::{Element, Exercise, Kind, Misconception, Outcome, Parameter, Probe, Property, Signature};
use crate::exercises::arguments::{count, f64_array, floats, int_named, returns, sizes};
use crate::exercises::numbers::Numbers;
use crate::value::Value;

/// The exercise.
pub static COL2IM: Exercise = Exercise {
    id: "col2im",
    station: "convolution-layer",
    task: "The way back from im2col: add every number of the columns to the pixel that im2col would have taken it from,\n\
           and return images of the given shape [N, C, H, W], without the padding.\n\
           This is not the inverse but the transpose of im2col: a pixel that lies in several windows gets the sum of what\n\
           arrives. It is what the backward pass of the layer needs: dx = col2im(w.reshape(F, -1).T @ dout_columns, ...).",
    signature: Signature {
        name: "col2im",
        parameters: &[
            f64_array("columns", &["C*kh*kw", "N*H'*W'"], "one window per column, in the order of im2col"),
            Parameter {
                name: "shape",
                kind: Kind::Array { element: Element::I64, axes: &["4"] },
                meaning: "N, C, H, W of the images",
            },
            int_named("kh", "rows of the window"),
            int_named("kw", "columns of the window"),
            int_named("stride", "step of the window along rows and columns, 1 or more"),
            int_named("pad", "zeros that im2col adds on each side, 0 or more"),
        ],
        returns: f64_array("x", &["N", "C", "H", "W"], "sums per pixel"),
    },
    probes,
    reference,
    misconceptions: MISCONCEPTIONS,
    properties: &[Property {
        title: "is the transpose of im2col: <col2im(g), x> = <g, im2col(x)>",
        violated: not_adjoint,
    }],
    hints: &[
        "Fill the columns with ones. Each pixel of the result then says in how many windows it lies. Does it?",
        "Make padded images of zeros. Reshape the columns to [C, kh, kw, N, H', W'] and, for every u and v, add the slice \
         [:, u, v] to the pixels [u : u + stride*H' : stride, v : v + stride*W' : stride]. Cut off the padding at the end.",
        "One row, x of 3 pixels, windows of 2, stride 1: im2col gives [[x0 x1], [x1 x2]].\n\
         col2im of [[1 2], [10 20]]: x0 gets 1, x1 gets 10 (from the first window) + 2 (from the second), x2 gets 20.\n\
         Result [1 12 20].",
    ],
    ..Exercise::DEFAULTS
};

fn probes() -> Vec<Probe> {
    let mut numbers = Numbers::stream(431);
    let mut probes = Vec::new();
    for size in SIZES {
        let Some(layout) = Layout::new(size.x, size.kernel, size.geometry) else { continue };
        let [kh, kw] = size.kernel;
        let Geometry { stride, pad } = size.geometry;
        let shape = Array1::from(size.x.map(|n| n as i64).to_vec());
        let mut arguments = vec![numbers.integers(layout.matrix_shape(), 1, 99).into(), shape.into()];
        arguments.extend([kh, kw, stride, pad].map(|n| Value::Int(n as i64)));
        let [n, c, h, w] = size.x;
        let label = format!("images of [{n}, {c}, {h}, {w}], windows of {kh} by {kw}, stride {stride}, padding {pad}");
        probes.push(match size.special {
            None => Probe::ordinary(label, arguments),
            Some(what) => Probe::hard(format!("{what}: {label}"), arguments),
        });
    }
    probes
}

fn call(arguments: &[Value]) -> (ArrayView2<'_, f64>, Layout) {
    let shape: [usize; 4] = sizes(arguments, 1).try_into().expect("four sizes");
    let geometry = Geometry { stride: count(arguments, 4), pad: count(arguments, 5) };
    let layout = Layout::new(shape, [count(arguments, 2), count(arguments, 3)], geometry);
    (floats(arguments, 0), layout.expect("probes of col2im have kernels that fit"))
}

fn right(columns: ArrayView2<'_, f64>, layout: &Layout) -> Array4<f64> {
    layout.cropped(&layout.scatter(columns, layout.geometry.stride))
}

fn reference(arguments: &[Value]) -> Outcome {
    let (columns, layout) = call(arguments);
    returns(right(columns, &layout))
}

fn not_adjoint(arguments: &[Value], result: &Value) -> Option<String> {
    let (columns, layout) = call(arguments);
    let images = result.as_array()?.to_f64_array().into_dimensionality::<Ix4>().ok()?;
    let x = Numbers::stream(439).reals(layout.shape, -1.0, 1.0);
    let forward = (&images * &x).sum();
    let backward = (&columns * &layout.columns(x.view(), layout.geometry.stride)).sum();
    let scale = 1.0 + columns.mapv(f64::abs).sum();
    ((forward - backward).abs() > 1e-10 * scale).then(|| format!("one side is {forward}, the other {backward}"))
}

/// The columns with their numbers taken in another order of axes `[C, kh, kw, N, H', W']`.
fn reread(columns: ArrayView2<'_, f64>, layout: &Layout, place: impl Fn([usize; 2]) -> usize) -> ndarray::Array2<f64> {
    let flat: Vec<f64> = columns.iter().copied().collect();
    ndarray::Array2::from_shape_fn(layout.matrix_shape(), |(row, column)| flat[place([row, column])])
}

const MISCONCEPTIONS: &[Misconception] = &[
    Misconception {
        id: "overlap-overwritten",
        title: "each window overwrites what earlier windows left in place of adding to it",
        explanation: "A pixel in several windows must get the sum of all that arrives: += and not =. In NumPy even += with an \
                      index array adds only once per pixel; use slices, or np.add.at.",
        question: "With all columns 1, windows of 2 and stride 1, what should the inner pixels of a row become?",
        see: ("cs231n", "notes: convolutional networks, implementation as matrix multiplication"),
        behaviour: |arguments| {
            let (columns, layout) = call(arguments);
            let [n, c, h, w] = layout.shape;
            let Geometry { stride, pad } = layout.geometry;
            let mut out = Array4::zeros((n, c, h + 2 * pad, w + 2 * pad));
            // Window after window, as a loop over output pixels writes them.
            for column in 0..columns.ncols() {
                for row in 0..columns.nrows() {
                    let cell = layout.cell(row, column);
                    let [i, j] = Layout::source(cell, stride);
                    out[[cell.n, cell.c, i, j]] = columns[[row, column]];
                }
            }
            returns(layout.cropped(&out))
        },
    },
    Misconception {
        id: "overlap-averaged",
        title: "each pixel gets the mean of what arrives and not the sum",
        explanation: "Dividing by the number of windows would undo im2col. But a gradient needs the transpose, not the \
                      inverse: what arrives at a pixel from different windows adds up.",
        question: "If a pixel takes part in four sums, does it get one share of the gradient or four?",
        see: ("dlbook", "9.5 Variants of the basic convolution function"),
        behaviour: |arguments| {
            let (columns, layout) = call(arguments);
            let ones = ndarray::Array2::ones(columns.dim());
            let visits = right(ones.view(), &layout);
            returns(right(columns, &layout) / visits.mapv(|count| count.max(1.0)))
        },
    },
    Misconception {
        id: "padding-returned",
        title: "the images still have the padding around them",
        explanation: "im2col added the zeros itself; nobody asks what arrives there. Cut them off: the result has the shape \
                      that was given.",
        question: "Is the shape of your result the shape you were given?",
        see: ("dls-c4", "W1 assignment Convolution model step by step"),
        behaviour: |arguments| {
            let (columns, layout) = call(arguments);
            returns(layout.scatter(columns, layout.geometry.stride))
        },
    },
    Misconception {
        id: "empty-when-unpadded",
        title: "the padding is cut off with [pad:-pad], which leaves nothing when pad is 0",
        explanation: "x[0:-0] is x[0:0]: empty. Write the end as a position, [pad : pad + H].",
        question: "What is [1, 2, 3][0:-0] in Python?",
        see: ("numpy", "Indexing: slicing"),
        behaviour: |arguments| {
            let (columns, layout) = call(arguments);
            let [n, c, ..] = layout.shape;
            if layout.geometry.pad == 0 {
                return returns(Array4::<f64>::zeros((n, c, 0, 0)));
            }
            returns(right(columns, &layout))
        },
    },
    Misconception {
        id: "padding-one-side",
        title: "all the padding is cut off at the bottom and on the right",
        explanation: "The image starts pad rows down and pad columns to the right in the padded array: keep [pad : pad + H, \
                      pad : pad + W].",
        question: "Where in the padded array is pixel (0, 0) of the image?",
        see: ("dls-c4", "W1 assignment Convolution model step by step"),
        behaviour: |arguments| {
            let (columns, layout) = call(arguments);
            let [.., h, w] = layout.shape;
            returns(layout.scatter(columns, layout.geometry.stride).slice(s![.., .., ..h, ..w]).to_owned())
        },
    },
    Misconception {
        id: "stride-ignored",
        title: "the windows are put back one pixel apart whatever the stride",
        explanation: "Column (n * H' + i) * W' + j belongs to the window that starts at (i * stride, j * stride).",
        question: "With stride 2, where does the second window start?",
        see: ("cs231n", "notes: convolutional networks, implementation as matrix multiplication"),
        behaviour: |arguments| {
            let (columns, layout) = call(arguments);
            returns(layout.cropped(&layout.scatter(columns, 1)))
        },
    },
    Misconception {
        id: "reshape-scrambles",
        title: "the columns are reshaped to [N, C, kh, kw, H', W'] where their axes are [C, kh, kw, N, H', W']",
        explanation: "reshape never moves a number: it only gives the axes other lengths. Reshape to the order in which the \
                      numbers lie, then transpose. With a single image it makes no difference.",
        question: "Which axis of the columns runs slowest: the image or the channel?",
        see: ("numpy", "numpy.reshape and numpy.transpose"),
        behaviour: |arguments| {
            let (columns, layout) = call(arguments);
            let [rows, pixels] = [layout.matrix_shape()[0], layout.output[0] * layout.output[1]];
            let place = |[row, column]: [usize; 2]| ((column / pixels) * rows + row) * pixels + column % pixels;
            returns(right(reread(columns, &layout, place).view(), &layout))
        },
    },
    Misconception {
        id: "batch-last",
        title: "the columns are read with the image index running fastest",
        explanation: "Column (n * H' + i) * W' + j: the image runs slowest and the column of the output fastest.",
        question: "Which image and output pixel does your second column belong to?",
        see: ("cs231n", "notes: convolutional networks, implementation as matrix multiplication"),
        behaviour: |arguments| {
            let (columns, layout) = call(arguments);
            let [images, ..] = layout.shape;
            let [_, width] = layout.matrix_shape();
            let pixels = layout.output[0] * layout.output[1];
            let place = |[row, column]: [usize; 2]| row * width + (column % pixels) * images + column / pixels;
            returns(right(reread(columns, &layout, place).view(), &layout))
        },
    },
];
