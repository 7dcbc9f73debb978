use striate_array::Array;

pub fn jacobian(f: &dyn Fn(&Array<f64>) -> Array<f64>, x: &Array<f64>) -> Array<f64> {
    let h = 1e-5;
    let outputs_at = |input: usize, step: f64| {
        let mut moved = x.clone();
        moved[[input]] += step;
        f(&moved).into_vec()
    };
    // One column per input: how all outputs answer when it moves.
    let columns: Vec<Vec<f64>> = (0..x.len())
        .map(|j| {
            let (ahead, behind) = (outputs_at(j, h), outputs_at(j, -h));
            ahead.iter().zip(&behind).map(|(ahead, behind)| (ahead - behind) / (2.0 * h)).collect()
        })
        .collect();
    let outputs = columns.first().map_or(0, Vec::len);
    Array::from_fn([outputs, x.len()], |[i, j]| columns[j][i])
}
