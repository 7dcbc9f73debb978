use striate_array::Array;

pub fn normalize_splits(
    train: &Array<f64>,
    validation: &Array<f64>,
    test: &Array<f64>,
) -> (Array<f64>, Array<f64>, Array<f64>) {
    let [examples, features] = train.dims();
    let average = |f: &dyn Fn(usize) -> f64| (0..examples).map(f).sum::<f64>() / examples as f64;
    let mean: Vec<f64> = (0..features).map(|d| average(&|n| train[[n, d]])).collect();
    let std: Vec<f64> = (0..features).map(|d| average(&|n| (train[[n, d]] - mean[d]).powi(2)).sqrt()).collect();
    // A constant feature has nothing to be divided by.
    let std: Vec<f64> = std.into_iter().map(|std| if std == 0.0 { 1.0 } else { std }).collect();
    let apply = |part: &Array<f64>| Array::from_fn(part.dims(), |[n, d]| (part[[n, d]] - mean[d]) / std[d]);
    (apply(train), apply(validation), apply(test))
}
