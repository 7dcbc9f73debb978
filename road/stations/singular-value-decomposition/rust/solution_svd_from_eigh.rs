use striate_array::Array;

pub fn svd_from_eigh(a: &Array<f64>) -> (Array<f64>, Array<f64>, Array<f64>) {
    let [m, n] = a.dims();
    let gram = Array::from_fn([n, n], |[i, j]| (0..m).map(|k| a[[k, i]] * a[[k, j]]).sum());
    let (values, v) = eigenpairs(gram);
    // Singular values go down, and rounding may have made a zero negative.
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|&i, &j| values[j].total_cmp(&values[i]));
    let singular = |i: usize| values[order[i]].max(0.0).sqrt();
    let r = (0..n).filter(|&i| singular(i) > 1e-6 * singular(0)).count();
    let s = Array::from_fn([r], |[i]| singular(i));
    let vt = Array::from_fn([r, n], |[i, j]| v[[j, order[i]]]);
    // Taken from a, so that the signs of both sides belong together.
    let u = Array::from_fn([m, r], |[i, k]| (0..n).map(|j| a[[i, j]] * vt[[k, j]]).sum::<f64>() / s[[k]]);
    (u, s, vt)
}

/// Eigenvalues of a symmetric matrix and eigenvectors in columns, in no order: the rotations of jacobi_eigh.
fn eigenpairs(mut a: Array<f64>) -> (Vec<f64>, Array<f64>) {
    let [n, _] = a.dims();
    let mut v = Array::from_fn([n, n], |[i, j]| if i == j { 1.0 } else { 0.0 });
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
                        let (x, y) = (v[[i, p]], v[[i, q]]);
                        (v[[i, p]], v[[i, q]]) = (c * x - s * y, s * x + c * y);
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
    ((0..n).map(|i| a[[i, i]]).collect(), v)
}
