use striate_array::Array;

pub fn maxpool(x: &Array<f64>, kh: i64, kw: i64, stride: i64) -> (Array<f64>, Array<i64>) {
    let (kh, kw, stride) = (kh as usize, kw as usize, stride as usize);
    let [n, c, height, width] = x.dims();
    assert!(kh <= height && kw <= width, "a {kh} by {kw} window does not fit into {height} by {width} pixels");
    let size = [n, c, (height - kh) / stride + 1, (width - kw) / stride + 1];
    let mut indices = Array::<i64>::zeros(&size);
    let y = Array::from_fn(size, |[n, c, i, j]| {
        let (mut row, mut column) = (i * stride, j * stride);
        for u in i * stride..i * stride + kh {
            for v in j * stride..j * stride + kw {
                // Strictly larger: the first of equals stays.
                if x[[n, c, u, v]] > x[[n, c, row, column]] {
                    (row, column) = (u, v);
                }
            }
        }
        indices[[n, c, i, j]] = (row * width + column) as i64;
        x[[n, c, row, column]]
    });
    (y, indices)
}
