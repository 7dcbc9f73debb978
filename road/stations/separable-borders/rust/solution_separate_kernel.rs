use striate_array::Array;

pub fn separate_kernel(k: &Array<f64>) -> (Array<f64>, Array<f64>, f64) {
    let [n, m] = k.dims();
    let row_of = |i: usize| Array::from_fn([m], |[j]| k[[i, j]]);
    // Start with the strongest row: it cannot be at right angles to the answer.
    let mut row = (0..n).map(row_of).max_by(|one, other| norm(one).total_cmp(&norm(other))).expect("a kernel has rows");
    let mut column = Array::zeros(&[n]);
    // Each turn through k and its transpose makes the strongest part stronger, compared with the others.
    for _ in 0..500 {
        let length = norm(&row);
        if length == 0.0 {
            break; // a kernel of zeros
        }
        row = row.map(|x| x / length);
        column = Array::from_fn([n], |[i]| (0..m).map(|j| k[[i, j]] * row[[j]]).sum());
        let length = norm(&column);
        row = Array::from_fn([m], |[j]| (0..n).map(|i| k[[i, j]] * column[[i]]).sum::<f64>() / (length * length));
    }
    let left = Array::from_fn([n, m], |[i, j]| k[[i, j]] - column[[i]] * row[[j]]);
    (column, row, norm(&left))
}

fn norm(numbers: &Array<f64>) -> f64 {
    numbers.iter().map(|x| x * x).sum::<f64>().sqrt()
}
