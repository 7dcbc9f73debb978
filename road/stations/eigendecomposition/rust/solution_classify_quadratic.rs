use striate_array::Array;

pub fn classify_quadratic(a: &Array<f64>) -> String {
    let [rows, columns] = a.dims();
    assert!(rows == columns, "a quadratic form needs a square matrix, this one is {rows} by {columns}");
    let values = eigenvalues(Array::from_fn([rows, rows], |[i, j]| (a[[i, j]] + a[[j, i]]) / 2.0));
    let negligible = 1e-10 * values.iter().fold(0f64, |largest, value| largest.max(value.abs()));
    let rises = values.iter().any(|&value| value > negligible);
    let falls = values.iter().any(|&value| value < -negligible);
    let level = values.iter().any(|&value| value.abs() <= negligible);
    let shape = match (rises, falls, level) {
        (true, true, _) => "saddle",
        (_, _, true) => "trough",
        (true, ..) => "bowl",
        _ => "dome",
    };
    shape.to_string()
}

/// Eigenvalues of a symmetric matrix, by the rotations of jacobi_eigh.
fn eigenvalues(mut a: Array<f64>) -> Vec<f64> {
    let [n, _] = a.dims();
    // Ten sweeps are more than small matrices need.
    for _ in 0..10 {
        for p in 0..n {
            for q in p + 1..n {
                if a[[p, q]] != 0.0 {
                    let tau = (a[[q, q]] - a[[p, p]]) / (2.0 * a[[p, q]]);
                    let tangent = 1f64.copysign(tau) / (tau.abs() + tau.hypot(1.0));
                    let c = 1.0 / tangent.hypot(1.0);
                    let s = tangent * c;
                    for i in 0..n {
                        let (x, y) = (a[[i, p]], a[[i, q]]);
                        (a[[i, p]], a[[i, q]]) = (c * x - s * y, s * x + c * y);
                    }
                    for j in 0..n {
                        let (x, y) = (a[[p, j]], a[[q, j]]);
                        (a[[p, j]], a[[q, j]]) = (c * x - s * y, s * x + c * y);
                    }
                    (a[[p, q]], a[[q, p]]) = (0.0, 0.0);
                }
            }
        }
    }
    (0..n).map(|i| a[[i, i]]).collect()
}
