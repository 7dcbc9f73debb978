use striate_array::Array;

pub fn p_norm(x: &Array<f64>, p: f64) -> f64 {
    assert!(p >= 1.0, "p must be at least 1, it is {p}");
    let largest = x.iter().fold(0.0_f64, |largest, value| largest.max(value.abs()));
    if largest == 0.0 || p.is_infinite() {
        return largest;
    }
    // Everything is at most 1 now: no power can overflow.
    let powers: f64 = x.iter().map(|value| (value.abs() / largest).powf(p)).sum();
    largest * powers.powf(1.0 / p)
}
