use striate_array::Array;

pub fn ridge(x: &Array<f64>, y: &Array<f64>, lam: f64) -> (Array<f64>, f64) {
    assert!(lam >= 0.0, "the penalty must not be negative, it is {lam}");
    let [n, d] = x.dims();
    let mean = |values: &mut dyn Iterator<Item = f64>| values.sum::<f64>() / n as f64;
    let mean_x: Vec<f64> = (0..d).map(|j| mean(&mut (0..n).map(|i| x[[i, j]]))).collect();
    let mean_y = mean(&mut y.iter().copied());
    // Columns of the centred x, on top of sqrt(lam) times the identity: the penalty is data too.
    let mut columns: Vec<Vec<f64>> = (0..d)
        .map(|j| {
            let data = (0..n).map(|i| x[[i, j]] - mean_x[j]);
            let penalty = (0..d).map(|k| if k == j { lam.sqrt() } else { 0.0 });
            data.chain(penalty).collect()
        })
        .collect();
    let targets: Vec<f64> = y.iter().map(|y| y - mean_y).chain((0..d).map(|_| 0.0)).collect();
    let v = make_perpendicular(&mut columns);
    // With perpendicular columns each coordinate is found alone; those of no length are left at 0.
    let longest = columns.iter().map(|column| dot(column, column)).fold(0.0, f64::max);
    let coordinate = |column: &Vec<f64>| match dot(column, column) {
        squared if squared > 1e-20 * longest => dot(column, &targets) / squared,
        _ => 0.0,
    };
    let coordinates: Vec<f64> = columns.iter().map(coordinate).collect();
    let w = Array::from_fn([d], |[j]| (0..d).map(|k| v[k][j] * coordinates[k]).sum());
    let b = mean_y - dot(&mean_x, w.data());
    (w, b)
}

/// Rotates pairs of columns until all stand at right angles, as in low_rank; returns the columns of the rotation.
fn make_perpendicular(columns: &mut [Vec<f64>]) -> Vec<Vec<f64>> {
    let n = columns.len();
    let mut v: Vec<Vec<f64>> = (0..n).map(|i| (0..n).map(|j| if i == j { 1.0 } else { 0.0 }).collect()).collect();
    // Fifteen sweeps are more than small matrices need.
    for _ in 0..15 {
        for p in 0..n {
            for q in p + 1..n {
                let [pp, qq, pq] = [(p, p), (q, q), (p, q)].map(|(i, j)| dot(&columns[i], &columns[j]));
                if pq.abs() > 1e-15 * (pp * qq).sqrt() {
                    let tau = (qq - pp) / (2.0 * pq);
                    let tangent = 1f64.copysign(tau) / (tau.abs() + tau.hypot(1.0));
                    let c = 1.0 / tangent.hypot(1.0);
                    turn(columns, p, q, c, tangent * c);
                    turn(&mut v, p, q, c, tangent * c);
                }
            }
        }
    }
    v
}

/// Columns p and q times [[c, s], [-s, c]].
fn turn(columns: &mut [Vec<f64>], p: usize, q: usize, c: f64, s: f64) {
    for i in 0..columns[p].len() {
        let (x, y) = (columns[p][i], columns[q][i]);
        columns[p][i] = c * x - s * y;
        columns[q][i] = s * x + c * y;
    }
}

fn dot(u: &[f64], v: &[f64]) -> f64 {
    u.iter().zip(v).map(|(x, y)| x * y).sum()
}
