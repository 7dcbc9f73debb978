use striate_array::Array;

pub fn condition_number(a: &Array<f64>) -> f64 {
    let [m, n] = a.dims();
    // A wide matrix has the singular values of its transpose, without the zeros.
    let tall = if m < n { Array::from_fn([n, m], |[i, j]| a[[j, i]]) } else { a.clone() };
    let lengths = lengths_when_perpendicular(tall);
    let largest = lengths.iter().copied().fold(0.0, f64::max);
    let smallest = lengths.iter().copied().fold(f64::INFINITY, f64::min);
    if smallest <= f64::EPSILON * m.max(n) as f64 * largest { f64::INFINITY } else { largest / smallest }
}

/// Rotates pairs of columns until all stand at right angles: their lengths are the singular values. Unlike the eigenvalues
/// of a.T a they are never squared and keep their digits.
fn lengths_when_perpendicular(mut a: Array<f64>) -> Vec<f64> {
    let [m, n] = a.dims();
    let dot = |a: &Array<f64>, x: usize, y: usize| (0..m).map(|i| a[[i, x]] * a[[i, y]]).sum::<f64>();
    // Fifteen sweeps are more than small matrices need.
    for _ in 0..15 {
        for p in 0..n {
            for q in p + 1..n {
                let (pp, qq, pq) = (dot(&a, p, p), dot(&a, q, q), dot(&a, p, q));
                if pq.abs() > 1e-15 * (pp * qq).sqrt() {
                    let tau = (qq - pp) / (2.0 * pq);
                    let tangent = 1f64.copysign(tau) / (tau.abs() + tau.hypot(1.0));
                    let c = 1.0 / tangent.hypot(1.0);
                    let s = tangent * c;
                    for i in 0..m {
                        let (x, y) = (a[[i, p]], a[[i, q]]);
                        (a[[i, p]], a[[i, q]]) = (c * x - s * y, s * x + c * y);
                    }
                }
            }
        }
    }
    (0..n).map(|j| dot(&a, j, j).sqrt()).collect()
}
