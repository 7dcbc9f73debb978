use striate_array::Array;

#[allow(clippy::too_many_arguments)]
pub fn lenet5(
    x: &Array<f64>,
    w1: &Array<f64>,
    b1: &Array<f64>,
    w2: &Array<f64>,
    b2: &Array<f64>,
    w3: &Array<f64>,
    b3: &Array<f64>,
    w4: &Array<f64>,
    b4: &Array<f64>,
    w5: &Array<f64>,
    b5: &Array<f64>,
) -> Array<f64> {
    let x = average_pool(&conv(x, w1, b1, 2).map(f64::tanh));
    let x = average_pool(&conv(&x, w2, b2, 0).map(f64::tanh));
    let (images, inputs) = (x.shape()[0], w3.shape()[1]);
    let x = x.reshape(&[images, inputs]);
    let x = dense(&x, w3, b3).map(f64::tanh);
    let x = dense(&x, w4, b4).map(f64::tanh);
    dense(&x, w5, b5)
}

fn conv(x: &Array<f64>, w: &Array<f64>, b: &Array<f64>, pad: usize) -> Array<f64> {
    let [n, channels, height, width] = x.dims();
    let [filters, _, kh, kw] = w.dims();
    Array::from_fn([n, filters, height + 2 * pad + 1 - kh, width + 2 * pad + 1 - kw], |[n, f, i, j]| {
        let mut sum = b[[f]];
        for c in 0..channels {
            for u in 0..kh {
                for v in 0..kw {
                    // A place in the padding comes out as a huge number here, and counts as zero.
                    let (row, column) = ((i + u).wrapping_sub(pad), (j + v).wrapping_sub(pad));
                    if row < height && column < width {
                        sum += w[[f, c, u, v]] * x[[n, c, row, column]];
                    }
                }
            }
        }
        sum
    })
}

fn average_pool(x: &Array<f64>) -> Array<f64> {
    let [n, channels, height, width] = x.dims();
    Array::from_fn([n, channels, height / 2, width / 2], |[n, c, i, j]| {
        let at = |u, v| x[[n, c, 2 * i + u, 2 * j + v]];
        (at(0, 0) + at(0, 1) + at(1, 0) + at(1, 1)) / 4.0
    })
}

/// x @ w.T + b
fn dense(x: &Array<f64>, w: &Array<f64>, b: &Array<f64>) -> Array<f64> {
    let [images, inputs] = x.dims();
    let [units, _] = w.dims();
    Array::from_fn([images, units], |[n, k]| b[[k]] + (0..inputs).map(|i| x[[n, i]] * w[[k, i]]).sum::<f64>())
}
