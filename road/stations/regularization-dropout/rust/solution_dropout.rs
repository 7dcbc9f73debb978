use striate_array::Array;

pub fn dropout(
    x: &Array<f64>,
    u: &Array<f64>,
    p_drop: f64,
    train: bool,
    dout: &Array<f64>,
) -> (Array<f64>, Array<f64>) {
    if !train {
        return (x.clone(), dout.clone());
    }
    let [n, d] = x.dims();
    // One mask, scale included, serves both directions: neither can lose what the other has.
    let mask = Array::from_fn([n, d], |[i, j]| if u[[i, j]] >= p_drop { 1.0 / (1.0 - p_drop) } else { 0.0 });
    (x.zip_map(&mask, |x, mask| x * mask), dout.zip_map(&mask, |g, mask| g * mask))
}
