use striate_array::Array;

pub fn speedup(x: &Array<f64>, w: &Array<f64>, b: &Array<f64>, stride: i64, pad: i64) -> Array<f64> {
    let (stride, pad) = (stride as usize, pad as usize);
    let [n, channels, height, width] = x.dims();
    let [filters, _, kh, kw] = w.dims();
    let (padded_height, padded_width) = (height + 2 * pad, width + 2 * pad);
    assert!(kh <= padded_height && kw <= padded_width, "a {kh} by {kw} kernel does not fit into {padded_height} by {padded_width} pixels");
    let (rows, columns) = ((padded_height - kh) / stride + 1, (padded_width - kw) / stride + 1);
    let mut padded = vec![0.0; channels * padded_height * padded_width];
    let mut out = Vec::with_capacity(n * filters * rows * columns);
    for image in x.data().chunks(channels * height * width) {
        for (line, row) in image.chunks(width).enumerate() {
            let start = (line / height * padded_height + line % height + pad) * padded_width + pad;
            padded[start..start + width].copy_from_slice(row);
        }
        for (filter, &bias) in w.data().chunks(channels * kh * kw).zip(b.iter()) {
            let mut map = vec![bias; rows * columns];
            // One weight at a time over the whole map: the innermost loop walks along two rows in memory.
            for (tap, &weight) in filter.iter().enumerate() {
                let (c, u, v) = (tap / (kh * kw), tap / kw % kh, tap % kw);
                for (i, line) in map.chunks_mut(columns).enumerate() {
                    let start = (c * padded_height + i * stride + u) * padded_width + v;
                    let pixels = padded[start..].iter().step_by(stride);
                    line.iter_mut().zip(pixels).for_each(|(out, pixel)| *out += weight * pixel);
                }
            }
            out.extend(map);
        }
    }
    Array::from_vec(&[n, filters, rows, columns], out)
}
