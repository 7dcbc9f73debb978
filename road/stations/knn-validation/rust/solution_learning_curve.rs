use std::collections::BTreeMap;

use striate_array::Array;

pub fn learning_curve(
    x: &Array<f64>,
    y: &Array<i64>,
    x_val: &Array<f64>,
    y_val: &Array<i64>,
    k: i64,
    sizes: &Array<i64>,
) -> (Array<f64>, Array<f64>) {
    let (n, k) = (y.len() as i64, k);
    assert!(sizes.iter().all(|size| (k..=n).contains(size)), "a training set has {k} to {n} examples here");
    // The share of the first `judged` examples whose label the first `size` training points predict wrongly.
    let error = |size: i64, examples: &Array<f64>, labels: &Array<i64>, judged: usize| {
        let [_, d] = examples.dims();
        let wrong = (0..judged).filter(|&i| {
            let query: Vec<f64> = (0..d).map(|j| examples[[i, j]]).collect();
            vote(x, y, size as usize, &query, k as usize) != labels[[i]]
        });
        wrong.count() as f64 / judged as f64
    };
    (sizes.map(|size| error(size, x, y, size as usize)), sizes.map(|size| error(size, x_val, y_val, y_val.len())))
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
