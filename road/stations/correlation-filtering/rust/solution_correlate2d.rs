use striate_array::Array;

pub fn correlate2d(img: &Array<f64>, k: &Array<f64>, border: &str) -> Array<f64> {
    let [height, width] = img.dims();
    let [kh, kw] = k.dims();
    assert!(kh % 2 == 1 && kw % 2 == 1, "the kernel must have odd height and width, it is {kh} by {kw}");
    // The image goes on beyond its border: with zeros, or with its nearest pixel.
    let pixel = |i: isize, j: isize| {
        let (nearest_i, nearest_j) = (i.clamp(0, height as isize - 1), j.clamp(0, width as isize - 1));
        let inside = (nearest_i, nearest_j) == (i, j);
        if inside || border == "replicate" { img[[nearest_i as usize, nearest_j as usize]] } else { 0.0 }
    };
    Array::from_fn([height, width], |[i, j]| {
        let mut sum = 0.0;
        for u in 0..kh {
            for v in 0..kw {
                let row = (i + u) as isize - (kh / 2) as isize;
                let column = (j + v) as isize - (kw / 2) as isize;
                sum += k[[u, v]] * pixel(row, column);
            }
        }
        sum
    })
}
