use striate_array::Array;

pub fn impulse_response(op: &dyn Fn(&Array<f64>) -> Array<f64>, radius: i64) -> Array<f64> {
    let radius = radius as usize;
    // Window and margin: what the border rule does stays outside of what is returned.
    let margin = 2 * radius + 1;
    let center = radius + margin;
    let mut impulse = Array::zeros(&[2 * center + 1, 2 * center + 1]);
    impulse[[center, center]] = 1.0;
    let response = op(&impulse);
    Array::from_fn([2 * radius + 1, 2 * radius + 1], |[i, j]| response[[margin + i, margin + j]])
}
