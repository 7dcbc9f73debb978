use striate_array::Array;

pub fn conv2d_forward(x: &Array<f64>, w: &Array<f64>, b: &Array<f64>, stride: i64, pad: i64) -> Array<f64> {
    let (stride, pad) = (stride as usize, pad as usize);
    let [n, channels, height, width] = x.dims();
    let [filters, _, kh, kw] = w.dims();
    let (padded_height, padded_width) = (height + 2 * pad, width + 2 * pad);
    assert!(kh <= padded_height && kw <= padded_width, "a {kh} by {kw} kernel does not fit into {padded_height} by {padded_width} pixels");
    let (out_height, out_width) = ((padded_height - kh) / stride + 1, (padded_width - kw) / stride + 1);
    // Rows and columns only: the axes of images and channels are not padded.
    let mut xp = Array::zeros(&[n, channels, padded_height, padded_width]);
    for image in 0..n {
        for c in 0..channels {
            for i in 0..height {
                for j in 0..width {
                    xp[[image, c, i + pad, j + pad]] = x[[image, c, i, j]];
                }
            }
        }
    }
    Array::from_fn([n, filters, out_height, out_width], |[image, f, i, j]| {
        let mut sum = b[[f]]; // once per output pixel
        for c in 0..channels {
            for u in 0..kh {
                for v in 0..kw {
                    sum += w[[f, c, u, v]] * xp[[image, c, i * stride + u, j * stride + v]];
                }
            }
        }
        sum
    })
}
