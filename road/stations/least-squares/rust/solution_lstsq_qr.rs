use striate_array::Array;

pub fn lstsq_qr(a: &Array<f64>, b: &Array<f64>) -> Array<f64> {
    let [m, n] = a.dims();
    let columns: Vec<Vec<f64>> = (0..n).map(|j| (0..m).map(|i| a[[i, j]]).collect()).collect();
    // The shortest solution, built along one direction p of the row space after the other.
    let mut x = vec![0.0; n];
    let mut directions: Vec<Vec<f64>> = Vec::new();
    for q in column_basis(&columns) {
        // The equation q.a x = q.b; what the earlier directions contribute to it is in x already.
        let row: Vec<f64> = columns.iter().map(|column| dot(&q, column)).collect();
        let p = shortened(without_parts(&without_parts(&row, &directions), &directions));
        let missing = dot(&q, b.data()) - dot(&row, &x);
        let step = missing / dot(&row, &p);
        x.iter_mut().zip(&p).for_each(|(x, p)| *x += step * p);
        directions.push(p);
    }
    Array::from_vec(&[n], x)
}

/// Orthonormal vectors that span the columns: Gram-Schmidt, the longest remaining column first.
fn column_basis(columns: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let negligible = 1e-10 * columns.iter().map(|column| length(column)).fold(0.0, f64::max);
    let mut basis: Vec<Vec<f64>> = Vec::new();
    while basis.len() < columns.len().min(columns[0].len()) {
        // Subtracted twice: the second time removes what rounding has left.
        let rests = columns.iter().map(|column| without_parts(&without_parts(column, &basis), &basis));
        let longest = rests.max_by(|u, v| length(u).total_cmp(&length(v))).expect("there are columns");
        if length(&longest) <= negligible {
            break;
        }
        basis.push(shortened(longest));
    }
    basis
}

/// `vector` minus its parts along orthonormal directions.
fn without_parts(vector: &[f64], directions: &[Vec<f64>]) -> Vec<f64> {
    let mut rest = vector.to_vec();
    for direction in directions {
        let part = dot(direction, &rest);
        rest.iter_mut().zip(direction).for_each(|(x, d)| *x -= part * d);
    }
    rest
}

fn dot(u: &[f64], v: &[f64]) -> f64 {
    u.iter().zip(v).map(|(x, y)| x * y).sum()
}

fn length(v: &[f64]) -> f64 {
    dot(v, v).sqrt()
}

fn shortened(v: Vec<f64>) -> Vec<f64> {
    let length = length(&v);
    v.into_iter().map(|x| x / length).collect()
}
