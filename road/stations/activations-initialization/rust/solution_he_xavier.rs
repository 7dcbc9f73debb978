use striate_array::Array;

pub fn he_xavier(noise: &Array<f64>, kind: &str) -> Array<f64> {
    let [n_out, n_in] = noise.dims();
    let he = (2.0 / n_in as f64).sqrt();
    let xavier = (2.0 / (n_in + n_out) as f64).sqrt();
    // Evenly spread from -bound to bound, the variance is bound * bound / 3.
    let uniform = |std: f64| noise.map(|u| 3f64.sqrt() * std * (2.0 * u - 1.0));
    match kind {
        "he_normal" => noise.map(|z| he * z),
        "xavier_normal" => noise.map(|z| xavier * z),
        "he_uniform" => uniform(he),
        "xavier_uniform" => uniform(xavier),
        _ => panic!("there is no kind {kind:?}"),
    }
}
