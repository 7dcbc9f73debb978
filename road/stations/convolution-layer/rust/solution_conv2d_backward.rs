use striate_array::Array;

pub fn conv2d_backward(
    dout: &Array<f64>,
    x: &Array<f64>,
    w: &Array<f64>,
    stride: i64,
    pad: i64,
) -> (Array<f64>, Array<f64>, Array<f64>) {
    let (stride, pad) = (stride as usize, pad as usize);
    let [n, channels, height, width] = x.dims();
    let [filters, _, kh, kw] = w.dims();
    let [_, _, out_height, out_width] = dout.dims();
    let mut dx = Array::zeros(x.shape());
    let mut dw = Array::zeros(w.shape());
    let mut db = Array::zeros(&[filters]);
    for image in 0..n {
        for f in 0..filters {
            for i in 0..out_height {
                for j in 0..out_width {
                    let g = dout[[image, f, i, j]];
                    db[[f]] += g;
                    // Every product of the forward pass passes the gradient on to both its factors.
                    for c in 0..channels {
                        for u in 0..kh {
                            for v in 0..kw {
                                // Row and column of the image; in the padding there is nothing to read or to return.
                                let row = (i * stride + u).wrapping_sub(pad);
                                let column = (j * stride + v).wrapping_sub(pad);
                                if row < height && column < width {
                                    dw[[f, c, u, v]] += g * x[[image, c, row, column]];
                                    dx[[image, c, row, column]] += g * w[[f, c, u, v]];
                                }
                            }
                        }
                    }
                }
            }
        }
    }
    (dx, dw, db)
}
