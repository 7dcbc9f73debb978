use striate_array::Array;

pub fn polyfit_design(x: &Array<f64>, deg: i64) -> Array<f64> {
    assert!(deg >= 0, "the degree must not be negative, it is {deg}");
    Array::from_fn([x.len(), deg as usize + 1], |[i, k]| x[[i]].powi(k as i32))
}
