use striate_array::Array;

pub fn backward_ops(g: &Array<f64>, a: &Array<f64>, b: &Array<f64>) -> (Array<f64>, Array<f64>) {
    let [n, k] = matrix(a);
    let [_, m] = matrix(b);
    let batch = if g.ndim() == 3 { g.shape()[0] } else { 1 };
    let (mut da, mut db) = (Array::zeros(a.shape()), Array::zeros(b.shape()));
    for i in 0..batch {
        // Where this member's matrices begin. A shared one begins at 0 for all, and so collects the sum.
        let (of_g, of_a, of_b) = (i * n * m, start(a, i), start(b, i));
        for row in 0..n {
            for inner in 0..k {
                for column in 0..m {
                    let gradient = g.data()[of_g + row * m + column];
                    let (at_a, at_b) = (of_a + row * k + inner, of_b + inner * m + column);
                    da.data_mut()[at_a] += gradient * b.data()[at_b];
                    db.data_mut()[at_b] += gradient * a.data()[at_a];
                }
            }
        }
    }
    (da, db)
}

/// Rows and columns of the matrices.
fn matrix(array: &Array<f64>) -> [usize; 2] {
    let shape = array.shape();
    [shape[shape.len() - 2], shape[shape.len() - 1]]
}

/// Where the matrix for a member of the batch begins in memory.
fn start(array: &Array<f64>, member: usize) -> usize {
    let [rows, columns] = matrix(array);
    let shared = array.ndim() == 2 || array.shape()[0] == 1;
    if shared { 0 } else { member * rows * columns }
}
