use striate_array::Array;

pub fn residual_block(x: &Array<f64>, w1: &Array<f64>, w2: &Array<f64>, wp: &Array<f64>, stride: i64) -> Array<f64> {
    let stride = stride as usize;
    let branch = conv(&conv(x, w1, stride).map(relu), w2, 1);
    let same_shape = stride == 1 && w1.shape()[0] == x.shape()[1];
    let shortcut = if same_shape { x.clone() } else { conv(x, wp, stride) };
    branch.zip_map(&shortcut, |branch, shortcut| relu(branch + shortcut))
}

fn relu(z: f64) -> f64 {
    z.max(0.0)
}

/// A convolution without bias, padded so that stride 1 keeps the size.
fn conv(x: &Array<f64>, w: &Array<f64>, stride: usize) -> Array<f64> {
    let [n, channels, height, width] = x.dims();
    let [filters, _, kh, kw] = w.dims();
    Array::from_fn([n, filters, (height - 1) / stride + 1, (width - 1) / stride + 1], |[n, f, i, j]| {
        let mut sum = 0.0;
        for c in 0..channels {
            for u in 0..kh {
                for v in 0..kw {
                    // A place in the padding comes out as a huge number here, and counts as zero.
                    let row = (i * stride + u).wrapping_sub(kh / 2);
                    let column = (j * stride + v).wrapping_sub(kw / 2);
                    if row < height && column < width {
                        sum += w[[f, c, u, v]] * x[[n, c, row, column]];
                    }
                }
            }
        }
        sum
    })
}
