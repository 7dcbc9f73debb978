use striate_array::Array;

pub fn col2im(columns: &Array<f64>, shape: &Array<i64>, kh: i64, kw: i64, stride: i64, pad: i64) -> Array<f64> {
    let (kh, kw, stride, pad) = (kh as usize, kw as usize, stride as usize, pad as usize);
    let sizes: Vec<usize> = shape.iter().map(|&size| size as usize).collect();
    let (height, width) = (sizes[2], sizes[3]);
    let (out_height, out_width) = ((height + 2 * pad - kh) / stride + 1, (width + 2 * pad - kw) / stride + 1);
    let mut out = Array::zeros(&sizes);
    let [rows, windows] = columns.dims();
    for row in 0..rows {
        let (c, u, v) = (row / (kh * kw), row / kw % kh, row % kw);
        for column in 0..windows {
            let (image, i, j) = (column / (out_height * out_width), column / out_width % out_height, column % out_width);
            // A place in the padding comes out as a huge number here, and nothing is added.
            let y = (i * stride + u).wrapping_sub(pad);
            let x = (j * stride + v).wrapping_sub(pad);
            if y < height && x < width {
                out[[image, c, y, x]] += columns[[row, column]];
            }
        }
    }
    out
}
