use striate_array::Array;

pub fn sample_categorical(p: &Array<f64>, u: &Array<f64>) -> Array<i64> {
    let total: f64 = p.iter().sum();
    assert!(total > 0.0 && p.iter().all(|&weight| weight >= 0.0), "weights must not be negative, and not all 0");
    // Dividing the running sums by the last of them makes that one exactly 1: no u falls off the end.
    let cuts: Vec<f64> = p
        .iter()
        .scan(0.0, |sum, weight| {
            *sum += weight;
            Some(*sum / total)
        })
        .collect();
    u.map(|u| cuts.iter().filter(|cut| **cut <= u).count() as i64)
}
