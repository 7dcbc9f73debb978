use striate_array::Array;

pub fn signal_report(x: &Array<f64>, noise: &Array<f64>, act: &str, gain: f64) -> Array<f64> {
    let activation: fn(f64) -> f64 = match act {
        "relu" => |z| z.max(0.0),
        "tanh" => f64::tanh,
        "linear" => |z| z,
        _ => panic!("there is no activation {act:?}"),
    };
    let [depth, width, _] = noise.dims();
    let [_, examples] = x.dims();
    let scale = gain / (width as f64).sqrt();
    let mut a = x.clone();
    let mut stds = Array::zeros(&[depth]);
    for l in 0..depth {
        a = Array::from_fn([width, examples], |[i, j]| {
            activation((0..width).map(|k| scale * noise[[l, i, k]] * a[[k, j]]).sum())
        });
        stds[[l]] = standard_deviation(a.data());
    }
    stds
}

fn standard_deviation(values: &[f64]) -> f64 {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    (values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / count).sqrt()
}
