//! Symmetric matrices: their eigenpairs by Jacobi rotations, matrices with eigenvalues of one's choice, and the one form
//! in which sets of eigenvectors or singular vectors are compared.

use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis, array, s};

use crate::exercises::numbers::Numbers;
use crate::value::{Array, Value};

/// Eigenvalues with their eigenvectors in the columns.
#[derive(Clone)]
pub(in crate::exercises) struct Eigenpairs {
    /// Eigenvalues.
    pub(in crate::exercises) values: Array1<f64>,
    /// Column `i` belongs to value `i` and has length 1.
    pub(in crate::exercises) vectors: Array2<f64>,
}

impl Eigenpairs {
    /// The pairs in another order.
    pub(in crate::exercises) fn reordered(&self, order: &[usize]) -> Self {
        Eigenpairs { values: self.values.select(Axis(0), order), vectors: self.vectors.select(Axis(1), order) }
    }

    /// The order in which `key` of the values ascends.
    pub(in crate::exercises) fn ascending_by(&self, key: impl Fn(f64) -> f64) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.values.len()).collect();
        order.sort_by(|&i, &j| key(self.values[i]).total_cmp(&key(self.values[j])));
        order
    }

    /// The values and the vectors, as an answer.
    pub(in crate::exercises) fn into_value(self) -> Value {
        Value::Tuple(vec![self.values.into(), self.vectors.into()])
    }
}

/// Eigenpairs of a symmetric matrix, eigenvalues ascending (Golub and Van Loan, Matrix Computations, 8.5).
pub(in crate::exercises) fn eigenpairs(a: ArrayView2<'_, f64>) -> Eigenpairs {
    let pairs = Rotations::until_diagonal(a).eigenpairs();
    pairs.reordered(&pairs.ascending_by(|value| value))
}

/// A symmetric matrix on its way to a diagonal one: `matrix = vectors.t() a vectors` at every moment.
pub(super) struct Rotations {
    /// What has become of the matrix.
    pub(super) matrix: Array2<f64>,
    /// The product of the rotations so far.
    pub(super) vectors: Array2<f64>,
}

impl Rotations {
    /// No rotation yet.
    pub(super) fn start(a: ArrayView2<'_, f64>) -> Self {
        Rotations { matrix: a.to_owned(), vectors: Array2::eye(a.nrows()) }
    }

    /// Sweeps until nothing is left beside the diagonal that rounding does not hide.
    pub(super) fn until_diagonal(a: ArrayView2<'_, f64>) -> Self {
        let negligible = 1e-15 * largest(a);
        let mut rotations = Self::start(a);
        // Convergence is quadratic: matrices of this size need about six sweeps.
        for _ in 0..60 {
            if rotations.largest_off_diagonal() <= negligible {
                break;
            }
            rotations.sweep(|rotations, [p, q], turn| rotations.turn_vectors([p, q], turn));
        }
        rotations
    }

    /// One rotation for every pair `p < q`, row by row; `accumulate` is told of each.
    pub(super) fn sweep(&mut self, mut accumulate: impl FnMut(&mut Self, [usize; 2], &Array2<f64>)) {
        let n = self.matrix.nrows();
        for p in 0..n {
            for q in p + 1..n {
                if let Some(turn) = self.rotate(p, q) {
                    accumulate(self, [p, q], &turn);
                }
            }
        }
    }

    /// Makes the elements (p, q) and (q, p) zero; returns the 2 by 2 rotation that did it.
    fn rotate(&mut self, p: usize, q: usize) -> Option<Array2<f64>> {
        let off = self.matrix[[p, q]];
        if off == 0.0 {
            return None;
        }
        // The smaller of the two angles, from its tangent; no subtraction, so no digits are lost.
        let tau = (self.matrix[[q, q]] - self.matrix[[p, p]]) / (2.0 * off);
        let tangent = 1.0_f64.copysign(tau) / (tau.abs() + tau.hypot(1.0));
        let cosine = 1.0 / tangent.hypot(1.0);
        let sine = tangent * cosine;
        let turn = array![[cosine, sine], [-sine, cosine]];
        turn_columns(&mut self.matrix, [p, q], &turn);
        self.matrix.swap_axes(0, 1);
        turn_columns(&mut self.matrix, [p, q], &turn);
        self.matrix.swap_axes(0, 1);
        self.matrix[[p, q]] = 0.0;
        self.matrix[[q, p]] = 0.0;
        Some(turn)
    }

    /// The rotation enters the product from the right.
    pub(super) fn turn_vectors(&mut self, pair: [usize; 2], turn: &Array2<f64>) {
        turn_columns(&mut self.vectors, pair, turn);
    }

    /// The diagonal with the columns of the product, in their order.
    pub(super) fn eigenpairs(&self) -> Eigenpairs {
        Eigenpairs { values: self.matrix.diag().to_owned(), vectors: self.vectors.clone() }
    }

    fn largest_off_diagonal(&self) -> f64 {
        let off = self.matrix.indexed_iter().filter(|((i, j), _)| i != j);
        off.fold(0.0, |largest: f64, (_, value)| largest.max(value.abs()))
    }
}

/// Columns p and q times a 2 by 2 matrix.
pub(in crate::exercises) fn turn_columns(matrix: &mut Array2<f64>, [p, q]: [usize; 2], turn: &Array2<f64>) {
    for mut row in matrix.rows_mut() {
        let (x, y) = (row[p], row[q]);
        row[p] = x * turn[[0, 0]] + y * turn[[1, 0]];
        row[q] = x * turn[[0, 1]] + y * turn[[1, 1]];
    }
}

/// The largest magnitude in a matrix.
pub(in crate::exercises) fn largest(a: ArrayView2<'_, f64>) -> f64 {
    a.iter().fold(0.0, |largest: f64, value| largest.max(value.abs()))
}

/// Whether a matrix is symmetric, to 1e-12 of its largest element.
pub(super) fn is_symmetric(a: ArrayView2<'_, f64>) -> bool {
    a.is_square() && largest((&a - &a.t()).view()) <= 1e-12 * largest(a)
}

/// A symmetric matrix with these eigenvalues and eigenvectors that point anywhere.
pub(in crate::exercises) fn with_eigenvalues(numbers: &mut Numbers, values: &[f64]) -> Array2<f64> {
    let vectors = orthogonal(numbers, values.len());
    let a = (&vectors * &Array1::from(values.to_vec())).dot(&vectors.t());
    // Rounding must not make it unsymmetric.
    (&a + &a.t()) / 2.0
}

/// An orthogonal matrix: the product of two reflections.
pub(in crate::exercises) fn orthogonal(numbers: &mut Numbers, n: usize) -> Array2<f64> {
    let mut reflection = || {
        let normal: Array2<f64> = numbers.reals([n, 1], -1.0, 1.0);
        let squared_length = normal.mapv(|x| x * x).sum();
        Array2::<f64>::eye(n) - normal.dot(&normal.t()) * (2.0 / squared_length)
    };
    let first = reflection();
    first.dot(&reflection())
}

/// Brings the columns of `vectors`, which belong to `values`, to one of the forms that are equally right: the entry of
/// largest magnitude of each is positive, and columns that share a value (so that any orthonormal basis of their span
/// would do) are the Gram-Schmidt basis of the coordinate axes projected onto that span. The columns of `partner` make the
/// same turns.
pub(in crate::exercises) fn align(values: &[f64], vectors: &mut Array2<f64>, mut partner: Option<&mut Array2<f64>>) {
    let scale = values.iter().fold(0.0, |largest: f64, value| largest.max(value.abs()));
    let mut start = 0;
    while start < values.len() {
        let same = values[start..].iter().take_while(|value| (*value - values[start]).abs() <= 1e-9 * scale);
        let end = start + same.count().max(1);
        let block = vectors.slice(s![.., start..end]).to_owned();
        let turn = if end - start > 1 && has_orthonormal_columns(&block) {
            block.t().dot(&basis(&block))
        } else {
            Array2::from_diag(&block.columns().into_iter().map(sign).collect::<Array1<f64>>())
        };
        for matrix in [Some(&mut *vectors), partner.as_deref_mut()].into_iter().flatten() {
            if end - start == 1 {
                matrix.column_mut(start).mapv_inplace(|x| x * turn[[0, 0]]);
            } else {
                let turned = matrix.slice(s![.., start..end]).dot(&turn);
                matrix.slice_mut(s![.., start..end]).assign(&turned);
            }
        }
        start = end;
    }
}

/// -1 where the entry of largest magnitude is negative. Of entries that are equal up to rounding the first counts.
pub(in crate::exercises) fn sign(vector: ArrayView1<'_, f64>) -> f64 {
    let largest = vector.iter().fold(0.0, |largest: f64, x| largest.max(x.abs()));
    match vector.iter().find(|x| x.abs() >= (1.0 - 1e-6) * largest) {
        Some(&x) if x < 0.0 => -1.0,
        _ => 1.0,
    }
}

/// Whether the columns have length 1 and stand at right angles.
pub(in crate::exercises) fn has_orthonormal_columns(vectors: &Array2<f64>) -> bool {
    let products = vectors.t().dot(vectors) - Array2::<f64>::eye(vectors.ncols());
    products.iter().all(|product| product.abs() <= 1e-8)
}

/// The basis of the span of orthonormal columns that projected coordinate axes make, the first ones first.
fn basis(columns: &Array2<f64>) -> Array2<f64> {
    let projector = columns.dot(&columns.t());
    let mut found: Array2<f64> = Array2::zeros((columns.nrows(), 0));
    for axis in projector.columns() {
        let mut rest = axis.to_owned();
        for earlier in found.columns() {
            let along = earlier.dot(&rest);
            rest.scaled_add(-along, &earlier);
        }
        let length = rest.dot(&rest).sqrt();
        if found.ncols() < columns.ncols() && length > 1e-3 {
            rest /= length;
            found.push_column(rest.view()).expect("as long as the other columns");
        }
    }
    found
}

/// The parts of an answer that should be arrays of 64-bit floats, if they are.
pub(in crate::exercises) fn float_parts(value: &Value) -> Option<Vec<ndarray::ArrayD<f64>>> {
    let Value::Tuple(parts) = value else { return None };
    let array = |part: &Value| match part {
        Value::Array(Array::F64(array)) => Some(array.clone()),
        _ => None,
    };
    parts.iter().map(array).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eigenpairs_rebuild_the_matrix_and_have_the_eigenvalues_it_was_made_with() {
        let mut numbers = Numbers::stream(5);
        let a = with_eigenvalues(&mut numbers, &[-3.0, 0.5, 0.5, 2.0, 7.0]);
        let Eigenpairs { values, vectors } = eigenpairs(a.view());
        for (value, wanted) in values.iter().zip([-3.0, 0.5, 0.5, 2.0, 7.0]) {
            assert!((value - wanted).abs() < 1e-13, "{value} should be {wanted}");
        }
        assert!(has_orthonormal_columns(&vectors));
        let rebuilt = (&vectors * &values).dot(&vectors.t());
        assert!(largest((&rebuilt - &a).view()) < 1e-13);
    }

    #[test]
    fn any_basis_of_an_eigenspace_is_aligned_to_the_same_one() {
        let mut numbers = Numbers::stream(6);
        let mut vectors = orthogonal(&mut numbers, 4);
        let mut turned = vectors.clone();
        turn_columns(&mut turned, [1, 2], &array![[0.6, 0.8], [-0.8, 0.6]]);
        turned.column_mut(0).mapv_inplace(|x| -x);
        let values = [1.0, 2.0, 2.0, 3.0];
        align(&values, &mut vectors, None);
        align(&values, &mut turned, None);
        assert!(largest((&vectors - &turned).view()) < 1e-12);
    }
}
