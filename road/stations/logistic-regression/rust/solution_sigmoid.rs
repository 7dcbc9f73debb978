use striate_array::Array;

pub fn sigmoid(z: &Array<f64>) -> Array<f64> {
    // exp may overflow to infinity for very negative z; 1 / infinity is the 0 that is wanted.
    z.map(|z| 1.0 / (1.0 + (-z).exp()))
}
