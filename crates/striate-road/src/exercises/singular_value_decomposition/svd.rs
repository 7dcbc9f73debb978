//! The singular value decomposition, by rotations of columns, and matrices with singular values of one's choice.

use ndarray::{Array1, Array2, ArrayView2, Axis, s};

use crate::exercises::eigendecomposition::symmetric::{orthogonal, turn_columns};
use crate::exercises::numbers::Numbers;
use crate::value::Value;

/// `a = u diag(s) vt`, thin: as many components as the smaller side of the matrix has, or fewer.
#[derive(Clone)]
pub(in crate::exercises) struct Svd {
    /// Left singular vectors in columns; zeros where the singular value is zero.
    pub(in crate::exercises) u: Array2<f64>,
    /// Singular values, descending.
    pub(in crate::exercises) s: Array1<f64>,
    /// Right singular vectors in rows.
    pub(in crate::exercises) vt: Array2<f64>,
}

impl Svd {
    /// The first `k` components, or all of them.
    pub(in crate::exercises) fn first(&self, k: usize) -> Self {
        self.components(0..k.min(self.s.len()))
    }

    /// Some of the components.
    pub(in crate::exercises) fn components(&self, range: std::ops::Range<usize>) -> Self {
        Svd {
            u: self.u.slice(s![.., range.clone()]).to_owned(),
            s: self.s.slice(s![range.clone()]).to_owned(),
            vt: self.vt.slice(s![range, ..]).to_owned(),
        }
    }

    /// How many singular values are larger than `relative` times the largest.
    pub(in crate::exercises) fn rank(&self, relative: f64) -> usize {
        let limit = self.s.first().map_or(0.0, |largest| relative * largest);
        self.s.iter().filter(|&&value| value > limit).count()
    }

    /// `u diag(s) vt`.
    pub(in crate::exercises) fn product(&self) -> Array2<f64> {
        (&self.u * &self.s).dot(&self.vt)
    }

    /// The three parts, as an answer.
    pub(in crate::exercises) fn into_value(self) -> Value {
        Value::Tuple(vec![self.u.into(), self.s.into(), self.vt.into()])
    }
}

/// Decomposes a matrix with one-sided Jacobi rotations, which find small singular values as exactly as large ones
/// (Golub and Van Loan, Matrix Computations, 8.6.3).
pub(in crate::exercises) fn svd(a: ArrayView2<'_, f64>) -> Svd {
    if a.nrows() < a.ncols() {
        let Svd { u, s, vt } = svd(a.t());
        return Svd { u: vt.t().to_owned(), s, vt: u.t().to_owned() };
    }
    // Rotates columns of a until all are at right angles; what is left is u diag(s), the rotations make up v.
    let mut columns = a.to_owned();
    let mut v = Array2::eye(a.ncols());
    for _ in 0..60 {
        let mut turned = false;
        for p in 0..a.ncols() {
            for q in p + 1..a.ncols() {
                turned |= make_perpendicular(&mut columns, &mut v, [p, q]);
            }
        }
        if !turned {
            break;
        }
    }
    let lengths: Array1<f64> = columns.columns().into_iter().map(|column| column.dot(&column).sqrt()).collect();
    let mut order: Vec<usize> = (0..lengths.len()).collect();
    order.sort_by(|&i, &j| lengths[j].total_cmp(&lengths[i]));
    let s = lengths.select(Axis(0), &order);
    let divisors = s.mapv(|length| if length == 0.0 { 1.0 } else { length });
    Svd { u: columns.select(Axis(1), &order) / &divisors, s, vt: v.select(Axis(1), &order).t().to_owned() }
}

/// One rotation; returns whether it was needed.
fn make_perpendicular(columns: &mut Array2<f64>, v: &mut Array2<f64>, pair: [usize; 2]) -> bool {
    let [p, q] = pair.map(|index| columns.column(index));
    let (pp, qq, pq) = (p.dot(&p), q.dot(&q), p.dot(&q));
    if pq == 0.0 || pq.abs() <= 1e-15 * (pp * qq).sqrt() {
        return false;
    }
    let tau = (qq - pp) / (2.0 * pq);
    let tangent = 1.0_f64.copysign(tau) / (tau.abs() + tau.hypot(1.0));
    let cosine = 1.0 / tangent.hypot(1.0);
    let sine = tangent * cosine;
    let turn = ndarray::array![[cosine, sine], [-sine, cosine]];
    turn_columns(columns, pair, &turn);
    turn_columns(v, pair, &turn);
    true
}

/// An `m` by `n` matrix with these singular values and, for the rest, zeros.
pub(in crate::exercises) fn with_singular_values(
    numbers: &mut Numbers,
    [m, n]: [usize; 2],
    values: &[f64],
) -> Array2<f64> {
    let r = values.len();
    let (u, v) = (orthogonal(numbers, m), orthogonal(numbers, n));
    (&u.slice(s![.., ..r]) * &Array1::from(values.to_vec())).dot(&v.slice(s![.., ..r]).t())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exercises::eigendecomposition::symmetric::{has_orthonormal_columns, largest};

    #[test]
    fn the_factors_rebuild_the_matrix_and_have_the_singular_values_it_was_made_with() {
        let mut numbers = Numbers::stream(8);
        for [m, n] in [[5, 3], [3, 5], [4, 4]] {
            let a = with_singular_values(&mut numbers, [m, n], &[6.0, 2.0, 1e-7]);
            let found = svd(a.view());
            assert_eq!([found.u.ncols(), found.vt.nrows()], [m.min(n); 2]);
            assert_eq!(found.rank(1e-10), 3);
            for (value, wanted) in found.s.iter().zip([6.0, 2.0, 1e-7]) {
                assert!((value - wanted).abs() < 1e-14, "{value} should be {wanted}");
            }
            let found = found.first(3);
            assert!(has_orthonormal_columns(&found.u) && has_orthonormal_columns(&found.vt.t().to_owned()));
            assert!(largest((&found.product() - &a).view()) < 1e-13);
        }
    }
}
