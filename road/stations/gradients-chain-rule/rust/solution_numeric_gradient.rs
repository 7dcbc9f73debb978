use striate_array::Array;

pub fn numeric_gradient(f: &dyn Fn(&Array<f64>) -> Array<f64>, x: &Array<f64>, h: f64) -> Array<f64> {
    Array::from_fn([x.len()], |[i]| {
        let value_at = |step: f64| {
            let mut moved = x.clone();
            moved[[i]] += step;
            f(&moved)[[]]
        };
        (value_at(h) - value_at(-h)) / (2.0 * h)
    })
}
