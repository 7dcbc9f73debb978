use striate_array::Array;

pub fn minibatches(
    x: &Array<f64>,
    y: &Array<i64>,
    orders: &Array<i64>,
    size: i64,
    step: i64,
) -> (Array<f64>, Array<i64>) {
    let [features, examples] = x.dims();
    let (size, step) = (size as usize, step as usize);
    let per_epoch = examples.div_ceil(size); // rounded up: the last batch may be short
    let (epoch, k) = (step / per_epoch, step % per_epoch);
    let chosen: Vec<usize> =
        (k * size..((k + 1) * size).min(examples)).map(|place| orders[[epoch, place]] as usize).collect();
    // The same examples for both: a label belongs to its column.
    let xb = Array::from_fn([features, chosen.len()], |[row, column]| x[[row, chosen[column]]]);
    let yb = Array::from_fn([chosen.len()], |[column]| y[[chosen[column]]]);
    (xb, yb)
}
