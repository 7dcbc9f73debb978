use striate_array::Array;

pub fn pad2d(img: &Array<f64>, r: i64, rule: &str) -> Array<f64> {
    assert!(r >= 0, "r must not be negative, it is {r}");
    let [height, width] = img.dims();
    let side = |length: usize| length + 2 * r as usize;
    Array::from_fn([side(height), side(width)], |[i, j]| {
        match (source(i as i64 - r, height, rule), source(j as i64 - r, width, rule)) {
            (Some(i), Some(j)) => img[[i, j]],
            _ => 0.0,
        }
    })
}

/// The row (or column) of the image that stands for `index`; none where zeros do.
fn source(index: i64, length: usize, rule: &str) -> Option<usize> {
    let n = length as i64;
    let index = match rule {
        "zero" if !(0..n).contains(&index) => return None,
        "zero" => index,
        "replicate" => index.clamp(0, n - 1),
        "wrap" => index.rem_euclid(n),
        "reflect" => {
            // Forwards and backwards, again and again.
            let folded = index.rem_euclid(2 * n);
            folded.min(2 * n - 1 - folded)
        }
        _ => panic!("there is no rule {rule:?}"),
    };
    Some(index as usize)
}
