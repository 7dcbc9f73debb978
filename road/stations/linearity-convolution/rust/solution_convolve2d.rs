use striate_array::Array;

pub fn convolve2d(img: &Array<f64>, k: &Array<f64>) -> Array<f64> {
    let [height, width] = img.dims();
    let [kh, kw] = k.dims();
    let mut out = Array::zeros(&[height + kh - 1, width + kw - 1]);
    // Every pixel paints a copy of the kernel, as strong as the pixel is bright; copies add up where they overlap.
    for i in 0..height {
        for j in 0..width {
            for u in 0..kh {
                for v in 0..kw {
                    out[[i + u, j + v]] += img[[i, j]] * k[[u, v]];
                }
            }
        }
    }
    out
}
