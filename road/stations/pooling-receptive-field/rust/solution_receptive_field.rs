use striate_array::Array;

pub fn receptive_field(layers: &Array<i64>) -> (i64, i64, f64) {
    let (mut size, mut jump, mut start) = (1, 1, 0.0);
    let [rows, _] = layers.dims();
    for layer in 0..rows {
        let [kernel, stride, pad] = std::array::from_fn(|column| layers[[layer, column]]);
        // The kernel steps over units of the layer below, which lie `jump` pixels apart.
        start += ((kernel - 1) as f64 / 2.0 - pad as f64) * jump as f64;
        size += (kernel - 1) * jump;
        jump *= stride;
    }
    (size, jump, start)
}
