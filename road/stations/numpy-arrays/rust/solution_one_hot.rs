use striate_array::Array;

pub fn one_hot(y: &Array<i64>, k: i64) -> Array<f64> {
    let mut rows = Array::zeros(&[y.len(), k as usize]);
    for (i, &label) in y.iter().enumerate() {
        assert!((0..k).contains(&label), "label {label} is not in 0 .. {}", k - 1);
        rows[[i, label as usize]] = 1.0;
    }
    rows
}
