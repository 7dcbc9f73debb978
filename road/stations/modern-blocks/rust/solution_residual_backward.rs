use striate_array::Array;

pub fn residual_backward(
    dout: &Array<f64>,
    x: &Array<f64>,
    w1: &Array<f64>,
    w2: &Array<f64>,
    wp: &Array<f64>,
    stride: i64,
) -> (Array<f64>, Array<f64>, Array<f64>, Array<f64>) {
    let stride = stride as usize;
    let same_shape = stride == 1 && w1.shape()[0] == x.shape()[1];
    // Forward once more, for what the backward pass needs.
    let z1 = conv(x, w1, stride);
    let h = z1.map(|z| z.max(0.0));
    let shortcut = if same_shape { x.clone() } else { conv(x, wp, stride) };
    let s = conv(&h, w2, 1).zip_map(&shortcut, |branch, shortcut| branch + shortcut);
    // The sum hands its gradient to both ways.
    let ds = dout.zip_map(&s, passed);
    let (dh, dw2) = conv_backward(&ds, &h, w2, 1);
    let (dx_branch, dw1) = conv_backward(&dh.zip_map(&z1, passed), x, w1, stride);
    let (dx_shortcut, dwp) =
        if same_shape { (ds, Array::zeros(wp.shape())) } else { conv_backward(&ds, x, wp, stride) };
    (dx_branch.zip_map(&dx_shortcut, |branch, shortcut| branch + shortcut), dw1, dw2, dwp)
}

/// What a ReLU passes back: the gradient, where its input was above 0.
fn passed(gradient: f64, input: f64) -> f64 {
    if input > 0.0 { gradient } else { 0.0 }
}

/// Visits every product of a convolution without bias, padded so that stride 1 keeps the size: the places in the
/// output, in the kernels and in the image.
fn products(x: &Array<f64>, w: &Array<f64>, stride: usize, mut visit: impl FnMut([usize; 4], [usize; 4], [usize; 4])) {
    let [images, channels, height, width] = x.dims();
    let [filters, _, kh, kw] = w.dims();
    for n in 0..images {
        for f in 0..filters {
            for i in 0..(height - 1) / stride + 1 {
                for j in 0..(width - 1) / stride + 1 {
                    for c in 0..channels {
                        for u in 0..kh {
                            for v in 0..kw {
                                let row = (i * stride + u).wrapping_sub(kh / 2);
                                let column = (j * stride + v).wrapping_sub(kw / 2);
                                if row < height && column < width {
                                    visit([n, f, i, j], [f, c, u, v], [n, c, row, column]);
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn conv(x: &Array<f64>, w: &Array<f64>, stride: usize) -> Array<f64> {
    let [n, _, height, width] = x.dims();
    let mut out = Array::zeros(&[n, w.shape()[0], (height - 1) / stride + 1, (width - 1) / stride + 1]);
    products(x, w, stride, |output, weight, pixel| out[output] += w[weight] * x[pixel]);
    out
}

fn conv_backward(dout: &Array<f64>, x: &Array<f64>, w: &Array<f64>, stride: usize) -> (Array<f64>, Array<f64>) {
    let (mut dx, mut dw) = (Array::zeros(x.shape()), Array::zeros(w.shape()));
    products(x, w, stride, |output, weight, pixel| {
        dw[weight] += dout[output] * x[pixel];
        dx[pixel] += dout[output] * w[weight];
    });
    (dx, dw)
}
