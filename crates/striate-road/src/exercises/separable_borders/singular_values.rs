//! The singular value decomposition of a small matrix.

use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis};

/// Unit vectors and strengths: the matrix is the sum of `strength * outer(left, right)`, strongest first.
pub(super) struct SingularValues {
    pub(super) left: Vec<Array1<f64>>,
    pub(super) strengths: Vec<f64>,
    pub(super) right: Vec<Array1<f64>>,
}

/// One-sided Jacobi: columns are rotated pairwise until all are orthogonal (Hestenes 1958). As many triples come back as
/// the shorter side is long.
pub(super) fn singular_values(matrix: ArrayView2<'_, f64>) -> SingularValues {
    let columns = matrix.ncols();
    let mut turned = matrix.to_owned();
    let mut rotation = Array2::<f64>::eye(columns);
    for _ in 0..60 {
        let mut largest = 0.0f64;
        for p in 0..columns {
            for q in p + 1..columns {
                let (a, b) = (turned.column(p), turned.column(q));
                let (aa, bb, ab) = (a.dot(&a), b.dot(&b), a.dot(&b));
                if ab.abs() <= 1e-16 * (aa * bb).sqrt() {
                    continue;
                }
                largest = largest.max(ab.abs() / (aa * bb).sqrt());
                let zeta = (bb - aa) / (2.0 * ab);
                let tangent = zeta.signum() / (zeta.abs() + zeta.hypot(1.0));
                let cosine = 1.0 / tangent.hypot(1.0);
                rotate(&mut turned, p, q, cosine, cosine * tangent);
                rotate(&mut rotation, p, q, cosine, cosine * tangent);
            }
        }
        if largest < 1e-15 {
            break;
        }
    }
    let mut triples: Vec<(f64, ArrayView1<'_, f64>, ArrayView1<'_, f64>)> = turned
        .axis_iter(Axis(1))
        .zip(rotation.axis_iter(Axis(1)))
        .map(|(column, right)| (column.dot(&column).sqrt(), column, right))
        .collect();
    triples.sort_by(|one, other| other.0.total_cmp(&one.0));
    triples.truncate(matrix.nrows().min(columns));
    let mut result = SingularValues { left: Vec::new(), strengths: Vec::new(), right: Vec::new() };
    for (at, (strength, column, right)) in triples.into_iter().enumerate() {
        // Of a matrix of zeros any directions will do; these are LAPACK's.
        let unit = || Array1::from_shape_fn(column.len(), |i| f64::from(u8::from(i == at)));
        result.left.push(if strength > 0.0 { &column / strength } else { unit() });
        result.strengths.push(strength);
        result.right.push(right.to_owned());
    }
    result
}

fn rotate(matrix: &mut Array2<f64>, p: usize, q: usize, cosine: f64, sine: f64) {
    for mut row in matrix.rows_mut() {
        let (x, y) = (row[p], row[q]);
        row[p] = cosine * x - sine * y;
        row[q] = sine * x + cosine * y;
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn the_parts_add_up_and_are_orthogonal() {
        for matrix in [
            array![[1.0, 2.0, 0.0, -1.0], [0.5, -3.0, 2.0, 2.0], [4.0, 0.0, 1.0, 1.0]],
            array![[0.0, 1.0, 0.0], [1.0, -4.0, 1.0], [0.0, 1.0, 0.0]],
            array![[2.0], [0.0], [-1.0]],
            array![[0.0, 0.0], [0.0, 0.0]],
        ] {
            let SingularValues { left, strengths, right } = singular_values(matrix.view());
            assert_eq!(strengths.len(), matrix.nrows().min(matrix.ncols()));
            assert!(strengths.is_sorted_by(|a, b| a >= b));
            let sum = (0..strengths.len()).fold(Array2::zeros(matrix.dim()), |sum: Array2<f64>, at| {
                let (column, row) = (left[at].view().insert_axis(Axis(1)), right[at].view().insert_axis(Axis(0)));
                sum + column.dot(&row) * strengths[at]
            });
            assert!((sum - &matrix).iter().all(|difference| difference.abs() < 1e-13));
            for one in 0..strengths.len() {
                for other in 0..one {
                    assert!(right[one].dot(&right[other]).abs() < 1e-13);
                }
            }
        }
    }
}
