use striate_array::Array;

pub fn gram_schmidt(a: &Array<f64>) -> (Array<f64>, Array<f64>) {
    let [n, k] = a.dims();
    let mut basis: Vec<Vec<f64>> = Vec::new();
    let mut coefficients: Vec<Vec<f64>> = Vec::new(); // one row of R per basis vector
    for j in 0..k {
        let column: Vec<f64> = (0..n).map(|i| a[[i, j]]).collect();
        let mut rest = column.clone();
        for (q, row) in basis.iter().zip(&mut coefficients) {
            // Of what is left, not of the column: that keeps q orthogonal.
            row[j] = dot(q, &rest);
            rest.iter_mut().zip(q).for_each(|(x, q)| *x -= row[j] * q);
        }
        let length = norm(&rest);
        if length > 1e-10 * norm(&column) {
            basis.push(rest.iter().map(|x| x / length).collect());
            let mut row = vec![0.0; k];
            row[j] = length;
            coefficients.push(row);
        }
    }
    let rank = basis.len();
    (Array::from_fn([n, rank], |[i, j]| basis[j][i]), Array::from_vec(&[rank, k], coefficients.concat()))
}

fn dot(x: &[f64], y: &[f64]) -> f64 {
    x.iter().zip(y).map(|(x, y)| x * y).sum()
}

fn norm(x: &[f64]) -> f64 {
    dot(x, x).sqrt()
}
