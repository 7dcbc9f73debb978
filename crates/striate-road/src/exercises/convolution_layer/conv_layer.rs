//! What the exercises of the convolution layer share: the geometry of its windows, and the toolkit's own layer.

use ndarray::{Array4, ArrayView, ArrayView4, Dimension, s};
use striate_tensor::{Conv2dOptions, Tensor, TensorError};

/// Stride and padding, the same for rows and columns.
#[derive(Clone, Copy, Debug)]
pub(super) struct Geometry {
    /// Step of the window.
    pub(super) stride: usize,
    /// Zeros on each side.
    pub(super) pad: usize,
}

impl Geometry {
    /// Rows and columns of the output, or `None` if the kernel does not fit into the padded image.
    pub(super) fn output_size(self, image: [usize; 2], kernel: [usize; 2]) -> Option<[usize; 2]> {
        let along = |axis: usize| Some((image[axis] + 2 * self.pad).checked_sub(kernel[axis])? / self.stride + 1);
        Some([along(0)?, along(1)?])
    }

    fn options(self) -> Conv2dOptions {
        Conv2dOptions { stride: [self.stride; 2], padding: [self.pad; 2], ..Conv2dOptions::default() }
    }
}

/// The layer of the toolkit.
pub(super) fn toolkit_forward(
    x: ArrayView4<'_, f64>,
    w: ArrayView4<'_, f64>,
    b: &[f64],
    geometry: Geometry,
) -> Result<Array4<f64>, TensorError> {
    let bias = Tensor::from_slice(b, &[b.len()]);
    Ok(array(&tensor(x).try_conv2d(&tensor(w), Some(&bias), geometry.options())?))
}

/// Gradients of the toolkit's layer with respect to input, weights and biases, by automatic differentiation.
pub(super) fn toolkit_backward(
    grad: ArrayView4<'_, f64>,
    x: ArrayView4<'_, f64>,
    w: ArrayView4<'_, f64>,
    geometry: Geometry,
) -> Gradients {
    let (x, w) = (tensor(x).requires_grad_(true), tensor(w).requires_grad_(true));
    let b = Tensor::from_vec(vec![0.0; w.shape()[0]], &[w.shape()[0]]).requires_grad_(true);
    x.conv2d(&w, Some(&b), geometry.options()).backward_with(&tensor(grad));
    let gradient = |of: &Tensor| of.grad().expect("a layer has gradients with respect to all it takes");
    Gradients { dx: array(&gradient(&x)), dw: array(&gradient(&w)), db: gradient(&b).to_vec() }
}

/// What the backward pass of the layer returns.
pub(super) struct Gradients {
    /// With respect to the input.
    pub(super) dx: Array4<f64>,
    /// With respect to the weights.
    pub(super) dw: Array4<f64>,
    /// With respect to the biases.
    pub(super) db: Vec<f64>,
}

fn tensor<D: Dimension>(array: ArrayView<'_, f64, D>) -> Tensor {
    Tensor::from_vec(array.iter().copied().collect(), array.shape())
}

fn array(tensor: &Tensor) -> Array4<f64> {
    let shape: [usize; 4] = tensor.shape().try_into().expect("four axes");
    Array4::from_shape_vec(shape, tensor.to_vec()).expect("as many elements as the shape says")
}

/// The image batch with `pad` zeros on each side of rows and columns.
pub(super) fn padded(x: ArrayView4<'_, f64>, pad: usize) -> Array4<f64> {
    let (n, c, h, w) = x.dim();
    let mut out = Array4::zeros((n, c, h + 2 * pad, w + 2 * pad));
    out.slice_mut(s![.., .., pad..pad + h, pad..pad + w]).assign(&x);
    out
}

/// A size for probes: batch, channels, height, width, filters, kernel height and width, stride, padding.
#[derive(Clone, Copy, Debug)]
pub(super) struct Size {
    /// Input `[N, C, H, W]`.
    pub(super) x: [usize; 4],
    /// Filters.
    pub(super) filters: usize,
    /// Kernel height and width.
    pub(super) kernel: [usize; 2],
    /// Stride and padding.
    pub(super) geometry: Geometry,
    /// What is special, for hard probes.
    pub(super) special: Option<&'static str>,
}

impl Size {
    const fn new(x: [usize; 4], filters: usize, kernel: [usize; 2], stride: usize, pad: usize) -> Self {
        Size { x, filters, kernel, geometry: Geometry { stride, pad }, special: None }
    }

    const fn special(self, what: &'static str) -> Self {
        Size { special: Some(what), ..self }
    }

    /// Rows and columns of the output.
    pub(super) fn output(&self) -> Option<[usize; 2]> {
        self.geometry.output_size([self.x[2], self.x[3]], self.kernel)
    }

    /// In words.
    pub(super) fn label(&self) -> String {
        let Size { x: [n, c, h, w], filters, kernel: [kh, kw], geometry: Geometry { stride, pad }, special } = *self;
        let many = |count: usize, thing: &str| format!("{count} {thing}{}", if count == 1 { "" } else { "s" });
        let sizes = format!(
            "{} of {} of {h} by {w}, {} of {kh} by {kw}, stride {stride}, padding {pad}",
            many(n, "image"),
            many(c, "channel"),
            many(filters, "filter"),
        );
        special.map_or(sizes.clone(), |what| format!("{what}: {sizes}"))
    }
}

/// The sizes that every exercise of the layer tries: tiny ones first, then axes that all differ, then edges.
pub(super) const SIZES: &[Size] = &[
    Size::new([1, 1, 3, 4], 1, [2, 3], 1, 0),
    Size::new([1, 1, 4, 5], 1, [3, 2], 2, 0),
    Size::new([1, 2, 2, 3], 1, [2, 2], 1, 1),
    Size::new([2, 3, 5, 7], 4, [2, 3], 1, 0),
    Size::new([2, 3, 5, 7], 4, [3, 2], 2, 1),
    Size::new([2, 3, 7, 5], 4, [2, 3], 3, 2),
    Size::new([2, 3, 5, 6], 4, [2, 3], 1, 0),
    Size::new([3, 2, 4, 5], 5, [3, 3], 1, 1),
    Size::new([1, 1, 1, 1], 2, [3, 3], 1, 1).special("an image of one pixel"),
    Size::new([2, 1, 3, 4], 3, [3, 4], 1, 0).special("a kernel as large as the image"),
    Size::new([2, 3, 4, 5], 2, [1, 1], 2, 0).special("kernels of one weight, stride 2"),
    Size::new([1, 2, 7, 8], 3, [2, 2], 3, 0).special("a stride larger than the kernel"),
];

/// A kernel that fits nowhere, to be refused.
pub(super) const TOO_LARGE: Size =
    Size::new([1, 2, 3, 4], 2, [6, 3], 1, 1).special("a kernel larger than the padded image");
