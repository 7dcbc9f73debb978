use striate_array::Array;

pub fn newton_step(theta: &Array<f64>, x: &Array<f64>, y: &Array<f64>, lam: f64) -> Array<f64> {
    let [examples, inputs] = x.dims();
    let m = examples as f64;
    let sum = |i: usize| (0..inputs).map(|k| x[[i, k]] * theta[[k]]).sum::<f64>();
    let p: Vec<f64> = (0..examples).map(|i| 1.0 / (1.0 + (-sum(i)).exp())).collect();
    let gradient = |k: usize| {
        lam * theta[[k]] + (0..examples).map(|i| x[[i, k]] * (p[i] - y[[i]])).sum::<f64>() / m
    };
    let hessian = |k: usize, l: usize| {
        let data = (0..examples).map(|i| x[[i, k]] * x[[i, l]] * p[i] * (1.0 - p[i])).sum::<f64>() / m;
        data + if k == l { lam } else { 0.0 }
    };
    let rows = (0..inputs).map(|k| (0..inputs).map(|l| hessian(k, l)).collect()).collect();
    let step = solve(rows, (0..inputs).map(gradient).collect());
    Array::from_fn([inputs], |[k]| theta[[k]] - step[k])
}

/// Solves `a s = b` by elimination, with the largest pivot of each column.
fn solve(mut a: Vec<Vec<f64>>, mut b: Vec<f64>) -> Vec<f64> {
    let n = b.len();
    for k in 0..n {
        let pivot = (k..n).max_by(|&i, &j| a[i][k].abs().total_cmp(&a[j][k].abs())).unwrap_or(k);
        assert!(a[pivot][k] != 0.0, "the matrix is singular");
        a.swap(k, pivot);
        b.swap(k, pivot);
        for i in k + 1..n {
            let factor = a[i][k] / a[k][k];
            for j in k..n {
                let above = a[k][j];
                a[i][j] -= factor * above;
            }
            b[i] -= factor * b[k];
        }
    }
    for k in (0..n).rev() {
        let known: f64 = (k + 1..n).map(|j| a[k][j] * b[j]).sum();
        b[k] = (b[k] - known) / a[k][k];
    }
    b
}
