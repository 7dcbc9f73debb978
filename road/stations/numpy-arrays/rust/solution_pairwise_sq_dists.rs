use striate_array::Array;

pub fn pairwise_sq_dists(a: &Array<f64>, b: &Array<f64>) -> Array<f64> {
    let [n, coordinates] = a.dims();
    let [m, _] = b.dims();
    // Differences first: exact wherever the points are, never negative, and no array in between.
    Array::from_fn([n, m], |[i, j]| {
        (0..coordinates)
            .map(|d| {
                let difference = a[[i, d]] - b[[j, d]];
                difference * difference
            })
            .sum()
    })
}
