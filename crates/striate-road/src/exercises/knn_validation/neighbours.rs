//! Nearest neighbours and their vote, for points with whole coordinates, whose distances are exact.

use std::collections::BTreeMap;

use ndarray::{Array1, Array2, ArrayView1, ArrayView2};

use crate::exercises::numbers::Numbers;

/// Points with their labels.
pub(super) struct Labelled<'a> {
    pub(super) x: ArrayView2<'a, f64>,
    pub(super) y: ArrayView1<'a, i64>,
}

impl Labelled<'_> {
    /// Indices of the points from the nearest to the farthest, by `distance`; of equally far ones the earlier comes first.
    pub(super) fn by_distance(
        &self,
        query: ArrayView1<'_, f64>,
        distance: fn(ArrayView1<'_, f64>, ArrayView1<'_, f64>) -> f64,
    ) -> Vec<usize> {
        let distances: Vec<f64> = self.x.rows().into_iter().map(|point| distance(point, query)).collect();
        let mut order: Vec<usize> = (0..distances.len()).collect();
        order.sort_by(|&i, &j| distances[i].total_cmp(&distances[j]));
        order
    }

    /// The labels of some points.
    pub(super) fn labels(&self, of: &[usize]) -> Vec<i64> {
        of.iter().map(|&index| self.y[index]).collect()
    }

    /// The label that most of the `k` nearest points have, for each query; the smaller one at a tie.
    pub(super) fn predict(&self, queries: ArrayView2<'_, f64>, k: usize) -> Array1<i64> {
        let of = |query| smallest(&most_frequent(&self.labels(&self.by_distance(query, squared)[..k])));
        queries.rows().into_iter().map(of).collect()
    }

    /// The share of queries whose label is predicted wrongly.
    pub(super) fn error(&self, others: &Labelled<'_>, k: usize) -> f64 {
        let predicted = self.predict(others.x, k);
        let wrong = predicted.iter().zip(others.y).filter(|(a, b)| a != b).count();
        wrong as f64 / others.y.len() as f64
    }
}

/// The squared distance.
pub(super) fn squared(a: ArrayView1<'_, f64>, b: ArrayView1<'_, f64>) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum()
}

/// The labels that occur most often.
pub(super) fn most_frequent(labels: &[i64]) -> Vec<i64> {
    let mut counts: BTreeMap<i64, usize> = BTreeMap::new();
    for &label in labels {
        *counts.entry(label).or_default() += 1;
    }
    let most = counts.values().copied().max().unwrap_or(0);
    counts.into_iter().filter(|&(_, count)| count == most).map(|(label, _)| label).collect()
}

/// The smallest label.
pub(super) fn smallest(labels: &[i64]) -> i64 {
    labels.iter().copied().min().expect("at least one neighbour")
}

/// `n` points with whole coordinates in `d` dimensions, in `classes` clouds that overlap.
pub(super) fn clouds(numbers: &mut Numbers, n: usize, d: usize, classes: i64) -> (Array2<f64>, Array1<i64>) {
    let y = Array1::from_shape_simple_fn(n, || numbers.integer(0, classes - 1));
    let x = Array2::from_shape_fn((n, d), |(i, j)| {
        let center = if (y[i] + j as i64) % 2 == 0 { 2 * y[i] } else { -y[i] };
        (center + numbers.integer(-3, 3)) as f64
    });
    (x, y)
}
