use std::collections::BTreeMap;

use striate_array::Array;

pub fn knn_predict(xtr: &Array<f64>, ytr: &Array<i64>, xte: &Array<f64>, k: i64) -> Array<i64> {
    let [n, _] = xtr.dims();
    let [m, d] = xte.dims();
    assert!(1 <= k && k as usize <= n, "1 to {n} points can vote, not {k}");
    Array::from_fn([m], |[q]| {
        let query: Vec<f64> = (0..d).map(|j| xte[[q, j]]).collect();
        vote(xtr, ytr, n, &query, k as usize)
    })
}

/// The label that most of the k nearest points have.
fn vote(xtr: &Array<f64>, ytr: &Array<i64>, points: usize, query: &[f64], k: usize) -> i64 {
    let squared = |i: usize| query.iter().enumerate().map(|(j, q)| (xtr[[i, j]] - q).powi(2)).sum::<f64>();
    let mut nearest: Vec<(f64, usize)> = (0..points).map(|i| (squared(i), i)).collect();
    // By distance, then by index.
    nearest.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    let mut counts = BTreeMap::new();
    for &(_, i) in &nearest[..k] {
        *counts.entry(ytr[[i]]).or_insert(0) += 1;
    }
    // Labels ascend in the map; a later one wins with more votes only.
    let (winner, _) = counts.into_iter().reduce(|best, next| if next.1 > best.1 { next } else { best }).expect("k > 0");
    winner
}
