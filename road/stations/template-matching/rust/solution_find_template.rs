use striate_array::Array;

pub fn find_template(scores: &Array<f64>, n: i64, min_dist: i64) -> Array<i64> {
    assert!(min_dist >= 1, "min_dist must be at least 1, it is {min_dist}");
    let [height, width] = scores.dims();
    let distance = min_dist as usize;
    let mut left = scores.clone();
    let mut places = Vec::new();
    for _ in 0..n {
        let mut best = [0, 0];
        for i in 0..height {
            for j in 0..width {
                // Not >=: of equal scores the first one stays.
                if left[[i, j]] > left[best] {
                    best = [i, j];
                }
            }
        }
        if left[best] == f64::NEG_INFINITY {
            break;
        }
        let [row, column] = best;
        places.extend([row as i64, column as i64]);
        for i in (row + 1).saturating_sub(distance)..(row + distance).min(height) {
            for j in (column + 1).saturating_sub(distance)..(column + distance).min(width) {
                left[[i, j]] = f64::NEG_INFINITY;
            }
        }
    }
    Array::from_vec(&[places.len() / 2, 2], places)
}
