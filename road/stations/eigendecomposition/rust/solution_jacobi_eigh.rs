use striate_array::Array;

pub fn jacobi_eigh(a: &Array<f64>) -> (Array<f64>, Array<f64>) {
    let [n, columns] = a.dims();
    assert!(n == columns && is_symmetric(a), "the matrix is not symmetric");
    let negligible = 1e-15 * largest(a, |_, _| true);
    let mut a = a.clone();
    let mut v = Array::from_fn([n, n], |[i, j]| if i == j { 1.0 } else { 0.0 });
    while largest(&a, |i, j| i != j) > negligible {
        for p in 0..n {
            for q in p + 1..n {
                if a[[p, q]] != 0.0 {
                    let (c, s) = rotation(a[[p, p]], a[[p, q]], a[[q, q]]);
                    turn_columns(&mut a, p, q, c, s);
                    turn_rows(&mut a, p, q, c, s);
                    a[[p, q]] = 0.0;
                    a[[q, p]] = 0.0;
                    turn_columns(&mut v, p, q, c, s);
                }
            }
        }
    }
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|&i, &j| a[[i, i]].total_cmp(&a[[j, j]]));
    (Array::from_fn([n], |[i]| a[[order[i], order[i]]]), Array::from_fn([n, n], |[i, j]| v[[i, order[j]]]))
}

/// Cosine and sine of the smaller angle that makes [[app, apq], [apq, aqq]] diagonal.
fn rotation(app: f64, apq: f64, aqq: f64) -> (f64, f64) {
    let tau = (aqq - app) / (2.0 * apq);
    let tangent = 1f64.copysign(tau) / (tau.abs() + tau.hypot(1.0));
    let cosine = 1.0 / tangent.hypot(1.0);
    (cosine, tangent * cosine)
}

/// Columns p and q times [[c, s], [-s, c]].
fn turn_columns(a: &mut Array<f64>, p: usize, q: usize, c: f64, s: f64) {
    for i in 0..a.shape()[0] {
        let (x, y) = (a[[i, p]], a[[i, q]]);
        a[[i, p]] = c * x - s * y;
        a[[i, q]] = s * x + c * y;
    }
}

/// The transpose of [[c, s], [-s, c]] times rows p and q.
fn turn_rows(a: &mut Array<f64>, p: usize, q: usize, c: f64, s: f64) {
    for j in 0..a.shape()[1] {
        let (x, y) = (a[[p, j]], a[[q, j]]);
        a[[p, j]] = c * x - s * y;
        a[[q, j]] = s * x + c * y;
    }
}

/// The largest magnitude among the elements whose place is chosen.
fn largest(a: &Array<f64>, chosen: fn(usize, usize) -> bool) -> f64 {
    let [rows, columns] = a.dims();
    let places = (0..rows).flat_map(|i| (0..columns).map(move |j| (i, j)));
    places.filter(|&(i, j)| chosen(i, j)).fold(0.0, |largest, (i, j)| a[[i, j]].abs().max(largest))
}

fn is_symmetric(a: &Array<f64>) -> bool {
    let [n, _] = a.dims();
    let difference = Array::from_fn([n, n], |[i, j]| a[[i, j]] - a[[j, i]]);
    largest(&difference, |_, _| true) <= 1e-12 * largest(a, |_, _| true)
}
