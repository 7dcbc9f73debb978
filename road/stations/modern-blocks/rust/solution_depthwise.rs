use striate_array::Array;

pub fn depthwise(x: &Array<f64>, w: &Array<f64>, pad: i64) -> Array<f64> {
    let pad = pad as usize;
    let [n, channels, height, width] = x.dims();
    let [_, kh, kw] = w.dims();
    assert!(kh <= height + 2 * pad && kw <= width + 2 * pad, "a {kh} by {kw} kernel does not fit into the padded image");
    Array::from_fn([n, channels, height + 2 * pad + 1 - kh, width + 2 * pad + 1 - kw], |[n, c, i, j]| {
        let mut sum = 0.0;
        for u in 0..kh {
            for v in 0..kw {
                // A place in the padding comes out as a huge number here, and counts as zero.
                let (row, column) = ((i + u).wrapping_sub(pad), (j + v).wrapping_sub(pad));
                if row < height && column < width {
                    sum += w[[c, u, v]] * x[[n, c, row, column]];
                }
            }
        }
        sum
    })
}
