use striate_array::Array;

pub fn im2col(x: &Array<f64>, kh: i64, kw: i64, stride: i64, pad: i64) -> Array<f64> {
    let (kh, kw, stride, pad) = (kh as usize, kw as usize, stride as usize, pad as usize);
    let [n, channels, height, width] = x.dims();
    let (padded_height, padded_width) = (height + 2 * pad, width + 2 * pad);
    assert!(kh <= padded_height && kw <= padded_width, "a {kh} by {kw} window does not fit into {padded_height} by {padded_width} pixels");
    let (out_height, out_width) = ((padded_height - kh) / stride + 1, (padded_width - kw) / stride + 1);
    // Read backwards: which pixel stands in this row and this column of the matrix?
    Array::from_fn([channels * kh * kw, n * out_height * out_width], |[row, column]| {
        let (c, u, v) = (row / (kh * kw), row / kw % kh, row % kw);
        let (image, i, j) = (column / (out_height * out_width), column / out_width % out_height, column % out_width);
        // A place in the padding comes out as a huge number here, and counts as zero.
        let y = (i * stride + u).wrapping_sub(pad);
        let x_position = (j * stride + v).wrapping_sub(pad);
        if y < height && x_position < width { x[[image, c, y, x_position]] } else { 0.0 }
    })
}
