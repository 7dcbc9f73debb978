//! `im2col`: every window becomes a column, and convolution becomes a matrix product.

use ndarray::{Array2, ArrayView4, Ix2, s};

use super::conv_layer::{Geometry, SIZES, TOO_LARGE, padded};
use crate::exercise::{Exercise, Misconception, Outcome, Probe, Property, Signature};
use crate::exercises::arguments::{count, f64_array, floats, int_named, rejects, returns};
use crate::exercises::numbers::Numbers;
use crate::value::Value;

/// The exercise.
pub static IM2COL: Exercise = Exercise {
    id: "im2col",
    station: "convolution-layer",
    task: "Lay every window of the padded images out as a column of a matrix, so that a convolution layer becomes one\n\
           matrix product: w.reshape(F, -1) @ im2col(x, kh, kw, stride, pad).\n\
           Row (c * kh + u) * kw + v holds channel c, row u, column v of the window: the order of w[f].ravel().\n\
           Column (n * H' + i) * W' + j holds the window of output pixel (i, j) of image n.\n\
           H' and W' are those of conv2d_forward; refuse a kernel that does not fit into the padded image.",
    signature: Signature {
        name: "im2col",
        parameters: &[
            f64_array("x", &["N", "C", "H", "W"], "N images of C channels"),
            int_named("kh", "rows of the window"),
            int_named("kw", "columns of the window"),
            int_named("stride", "step of the window along rows and columns, 1 or more"),
            int_named("pad", "zeros added on each side, 0 or more"),
        ],
        returns: f64_array("columns", &["C*kh*kw", "N*H'*W'"], "one window per column"),
    },
    probes,
    reference,
    misconceptions: MISCONCEPTIONS,
    properties: &[Property {
        title: "is the transpose of col2im: <im2col(x), g> = <x, col2im(g)>",
        violated: not_adjoint,
    }],
    hints: &[
        "Write down the first column of your matrix and the first window of the image side by side. Then the second.",
        "Collect the windows into an array with six axes, windows[c, u, v, n, i, j] = xp[n, c, i*stride + u, j*stride + v]: \
         two loops, over u and v, each copying a strided slice. In that order of axes a reshape to (C*kh*kw, N*H'*W') is right.",
        "One image, one channel, x = [[1 2 3], [4 5 6]], windows of 2 by 2, stride 1, no padding: two windows.\n\
         1 2 | 2 3\n\
         4 5 | 5 6\n\
         As columns: [[1 2], [2 3], [4 5], [5 6]]. With w = [1 10 100 1000], w @ columns = [5421 6532].",
    ],
    ..Exercise::DEFAULTS
};

fn probes() -> Vec<Probe> {
    let mut numbers = Numbers::stream(421);
    SIZES
        .iter()
        .chain([&TOO_LARGE])
        .map(|size| {
            let [n, c, h, w] = size.x;
            let [kh, kw] = size.kernel;
            let Geometry { stride, pad } = size.geometry;
            let mut arguments = vec![numbers.integers(size.x, 1, 99).into()];
            arguments.extend([kh, kw, stride, pad].map(|n| Value::Int(n as i64)));
            let label = format!("x of [{n}, {c}, {h}, {w}], windows of {kh} by {kw}, stride {stride}, padding {pad}");
            match size.special {
                None => Probe::ordinary(label, arguments),
                Some(what) => Probe::hard(format!("{what}: {label}"), arguments),
            }
        })
        .collect()
}

/// Windows of a batch: what `im2col` and `col2im` share.
pub(super) struct Layout {
    /// Shape of the images.
    pub(super) shape: [usize; 4],
    /// Rows and columns of a window.
    pub(super) kernel: [usize; 2],
    /// Rows and columns of the output.
    pub(super) output: [usize; 2],
    /// Stride and padding.
    pub(super) geometry: Geometry,
}

/// One number of the matrix: image, channel, tap and output pixel.
#[derive(Clone, Copy)]
pub(super) struct Cell {
    /// Image.
    pub(super) n: usize,
    /// Channel.
    pub(super) c: usize,
    /// Row and column in the window.
    pub(super) tap: [usize; 2],
    /// Row and column of the output pixel.
    pub(super) pixel: [usize; 2],
}

impl Layout {
    /// The layout, or `None` if the kernel does not fit.
    pub(super) fn new(shape: [usize; 4], kernel: [usize; 2], geometry: Geometry) -> Option<Self> {
        let output = geometry.output_size([shape[2], shape[3]], kernel)?;
        Some(Layout { shape, kernel, output, geometry })
    }

    /// Rows and columns of the matrix.
    pub(super) fn matrix_shape(&self) -> [usize; 2] {
        let [n, c, ..] = self.shape;
        [c * self.kernel[0] * self.kernel[1], n * self.output[0] * self.output[1]]
    }

    /// What stands at a place of the matrix, in the order that the task asks for.
    pub(super) fn cell(&self, row: usize, column: usize) -> Cell {
        let ([kh, kw], [height, width]) = (self.kernel, self.output);
        Cell {
            n: column / (height * width),
            c: row / (kh * kw),
            tap: [row / kw % kh, row % kw],
            pixel: [column / width % height, column % width],
        }
    }

    /// Row and column of the padded image that a cell is taken from, with windows `stride` apart.
    pub(super) fn source(cell: Cell, stride: usize) -> [usize; 2] {
        [0, 1].map(|axis| cell.pixel[axis] * stride + cell.tap[axis])
    }

    /// The matrix for images `x`.
    pub(super) fn columns(&self, x: ArrayView4<'_, f64>, stride: usize) -> Array2<f64> {
        let x = padded(x, self.geometry.pad);
        Array2::from_shape_fn(self.matrix_shape(), |(row, column)| {
            let cell = self.cell(row, column);
            let [i, j] = Self::source(cell, stride);
            x[[cell.n, cell.c, i, j]]
        })
    }

    /// Every number of the matrix back to where it came from, added up: the padded images.
    pub(super) fn scatter(&self, columns: ndarray::ArrayView2<'_, f64>, stride: usize) -> ndarray::Array4<f64> {
        let [n, c, h, w] = self.shape;
        let pad = self.geometry.pad;
        let mut out = ndarray::Array4::zeros((n, c, h + 2 * pad, w + 2 * pad));
        for ((row, column), value) in columns.indexed_iter() {
            let cell = self.cell(row, column);
            let [i, j] = Self::source(cell, stride);
            out[[cell.n, cell.c, i, j]] += value;
        }
        out
    }

    /// The images without their padding.
    pub(super) fn cropped(&self, padded: &ndarray::Array4<f64>) -> ndarray::Array4<f64> {
        let ([.., h, w], pad) = (self.shape, self.geometry.pad);
        padded.slice(s![.., .., pad..pad + h, pad..pad + w]).to_owned()
    }
}

fn call(arguments: &[Value]) -> (ArrayView4<'_, f64>, Option<Layout>) {
    let x: ArrayView4<f64> = floats(arguments, 0);
    let shape: [usize; 4] = x.shape().try_into().expect("four axes");
    let geometry = Geometry { stride: count(arguments, 3), pad: count(arguments, 4) };
    (x, Layout::new(shape, [count(arguments, 1), count(arguments, 2)], geometry))
}

/// A matrix, or the refusal.
fn with(arguments: &[Value], matrix: impl FnOnce(ArrayView4<'_, f64>, &Layout) -> Array2<f64>) -> Outcome {
    match call(arguments) {
        (x, Some(layout)) => returns(matrix(x, &layout)),
        _ => rejects("the kernel does not fit into the padded image"),
    }
}

fn right(x: ArrayView4<'_, f64>, layout: &Layout) -> Array2<f64> {
    layout.columns(x, layout.geometry.stride)
}

fn reference(arguments: &[Value]) -> Outcome {
    with(arguments, right)
}

fn not_adjoint(arguments: &[Value], result: &Value) -> Option<String> {
    let (x, Some(layout)) = call(arguments) else { return None };
    let columns = result.as_array()?.to_f64_array().into_dimensionality::<Ix2>().ok()?;
    let [rows, width] = layout.matrix_shape();
    let g = Numbers::stream(429).reals([rows, width], -1.0, 1.0);
    let forward = (&columns * &g).sum();
    let backward = (&x * &layout.cropped(&layout.scatter(g.view(), layout.geometry.stride))).sum();
    let scale = 1.0 + x.mapv(f64::abs).sum() * rows as f64;
    ((forward - backward).abs() > 1e-10 * scale).then(|| format!("one side is {forward}, the other {backward}"))
}

/// The right numbers with rows or columns of the matrix in another order.
fn reordered(
    x: ArrayView4<'_, f64>,
    layout: &Layout,
    row: impl Fn(Cell) -> usize,
    column: impl Fn(Cell) -> usize,
) -> Array2<f64> {
    let matrix = right(x, layout);
    let mut out = Array2::zeros(matrix.raw_dim());
    for ((i, j), &value) in matrix.indexed_iter() {
        let cell = layout.cell(i, j);
        out[[row(cell), column(cell)]] = value;
    }
    out
}

const MISCONCEPTIONS: &[Misconception] = &[
    Misconception {
        id: "reshape-scrambles",
        title: "the windows are collected as [N, H', W', C, kh, kw] and reshaped without moving the axes first",
        explanation: "reshape never moves a number in memory: it only draws the row breaks elsewhere, so windows run over \
                      several columns. Bring the axes into the order of the result first (transpose to C, kh, kw, N, H', W'), \
                      then reshape.",
        question: "Is the first column of your matrix the first window?",
        see: ("numpy", "numpy.reshape and numpy.transpose"),
        behaviour: |arguments| {
            with(arguments, |x, layout| {
                let windows_as_rows = right(x, layout).reversed_axes().as_standard_layout().into_owned();
                windows_as_rows.into_shape_with_order(layout.matrix_shape()).expect("the same number of elements")
            })
        },
    },
    Misconception {
        id: "windows-not-transposed",
        title: "sliding_window_view's [N, C, H', W', kh, kw] is reshaped without moving the axes first",
        explanation: "The view has the output pixels before the taps of the window; the matrix needs C, kh, kw first and N, H', W' after. reshape moves no \
                      number: transpose(1, 4, 5, 0, 2, 3) does, then reshape.",
        question: "Which axes of the view make a row of the matrix, and which make a column?",
        see: ("numpy", "numpy.reshape and numpy.transpose"),
        behaviour: |arguments| {
            with(arguments, |x, layout| {
                let ([n, c, ..], [kh, kw], [height, width]) = (layout.shape, layout.kernel, layout.output);
                let x = padded(x, layout.geometry.pad);
                let view = ndarray::Array6::from_shape_fn([n, c, height, width, kh, kw], |(n, c, i, j, u, v)| {
                    let [i, j] = Layout::source(Cell { n, c, tap: [u, v], pixel: [i, j] }, layout.geometry.stride);
                    x[[n, c, i, j]]
                });
                view.into_shape_with_order(layout.matrix_shape()).expect("the same number of elements")
            })
        },
    },
    Misconception {
        id: "matrix-transposed",
        title: "every window is a row and not a column",
        explanation: "The matrix is transposed: [N*H'*W', C*kh*kw]. For w.reshape(F, -1) @ columns the windows must stand \
                      upright.",
        question: "Does w.reshape(F, -1) @ your matrix work?",
        see: ("cs231n", "notes: convolutional networks, implementation as matrix multiplication"),
        behaviour: |arguments| with(arguments, |x, layout| right(x, layout).reversed_axes()),
    },
    Misconception {
        id: "batch-last",
        title: "the columns are ordered by output pixel first and by image last",
        explanation: "Column (i * W' + j) * N + n is a common order (an old course uses it), but then the product must be \
                      reshaped to [F, H', W', N]. Here image n comes first: (n * H' + i) * W' + j.",
        question: "What is in your second column: the next window, or the next image?",
        see: ("cs231n", "notes: convolutional networks, implementation as matrix multiplication"),
        behaviour: |arguments| {
            with(arguments, |x, layout| {
                let [images, ..] = layout.shape;
                let ([_, kw], [_, width]) = (layout.kernel, layout.output);
                let row = |cell: Cell| (cell.c * layout.kernel[0] + cell.tap[0]) * kw + cell.tap[1];
                reordered(x, layout, row, |cell| (cell.pixel[0] * width + cell.pixel[1]) * images + cell.n)
            })
        },
    },
    Misconception {
        id: "kernel-axes-swapped",
        title: "inside a window the columns run slower than the rows",
        explanation: "Row (c * kh + u) * kw + v: v, the column in the window, runs fastest, as in w[f].ravel(). Swapped, every \
                      weight meets the pixel mirrored at the window's diagonal.",
        question: "Which two pixels of the image stand in the first two rows of your first column?",
        see: ("cs231n", "notes: convolutional networks, implementation as matrix multiplication"),
        behaviour: |arguments| {
            with(arguments, |x, layout| {
                let ([kh, kw], [height, width]) = (layout.kernel, layout.output);
                let column = |cell: Cell| (cell.n * height + cell.pixel[0]) * width + cell.pixel[1];
                reordered(x, layout, |cell| (cell.c * kw + cell.tap[1]) * kh + cell.tap[0], column)
            })
        },
    },
    Misconception {
        id: "channels-last",
        title: "inside a window the channels run fastest",
        explanation: "That is the order for weights stored as [F, kh, kw, C]. w is [F, C, kh, kw], so the channel runs \
                      slowest: (c * kh + u) * kw + v.",
        question: "In which order does w[f].ravel() list the weights?",
        see: ("cs231n", "notes: convolutional networks, implementation as matrix multiplication"),
        behaviour: |arguments| {
            with(arguments, |x, layout| {
                let [_, channels, ..] = layout.shape;
                let ([_, kw], [height, width]) = (layout.kernel, layout.output);
                let column = |cell: Cell| (cell.n * height + cell.pixel[0]) * width + cell.pixel[1];
                reordered(x, layout, |cell| (cell.tap[0] * kw + cell.tap[1]) * channels + cell.c, column)
            })
        },
    },
    Misconception {
        id: "stride-ignored",
        title: "the matrix has the right size, but its windows are one pixel apart whatever the stride",
        explanation: "The window of output pixel (i, j) starts at (i * stride, j * stride) of the padded image.",
        question: "With stride 2, where does the second window start?",
        see: ("dls-c4", "W1 Padding; Strided convolutions; Convolutions over volume; One layer"),
        behaviour: |arguments| with(arguments, |x, layout| layout.columns(x, 1)),
    },
    Misconception {
        id: "padding-ignored",
        title: "nothing is padded",
        explanation: "pad zeros belong on each side of rows and columns; with them there are more windows.",
        question: "Where does your code use pad?",
        see: ("dls-c4", "W1 Padding; Strided convolutions; Convolutions over volume; One layer"),
        behaviour: |arguments| {
            let (x, layout) = call(arguments);
            let Some(layout) = layout else { return rejects("the kernel does not fit") };
            let geometry = Geometry { pad: 0, ..layout.geometry };
            match Layout::new(layout.shape, layout.kernel, geometry) {
                Some(unpadded) => returns(right(x, &unpadded)),
                None => rejects("the kernel does not fit"),
            }
        },
    },
    Misconception {
        id: "padding-one-side",
        title: "all the padding is added at the bottom and on the right",
        explanation: "pad zeros belong on each of the four sides, so the first window starts above and left of the image.",
        question: "With padding 1, is the first number of your first column a zero?",
        see: ("dls-c4", "W1 Padding; Strided convolutions; Convolutions over volume; One layer"),
        behaviour: |arguments| {
            with(arguments, |x, layout| {
                let (n, c, h, w) = x.dim();
                let pad = layout.geometry.pad;
                let mut shifted = ndarray::Array4::zeros((n, c, h + 2 * pad, w + 2 * pad));
                shifted.slice_mut(s![.., .., ..h, ..w]).assign(&x);
                // Already padded, so the layout pads no more.
                let size = [n, c, h + 2 * pad, w + 2 * pad];
                let geometry = Geometry { pad: 0, ..layout.geometry };
                Layout::new(size, layout.kernel, geometry)
                    .map_or_else(|| right(x, layout), |unpadded| right(shifted.view(), &unpadded))
            })
        },
    },
];
