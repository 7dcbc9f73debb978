use striate_array::Array;

pub fn linear_classifier(
    x: &Array<f64>,
    y: &Array<i64>,
    classes: i64,
    order: &Array<i64>,
    batch: i64,
    lr: f64,
) -> (Array<f64>, Array<f64>) {
    let [examples, inputs] = x.dims();
    let classes = classes as usize;
    let (mean, scale) = statistics(x);
    let z = Array::from_fn([examples, inputs], |[i, k]| (x[[i, k]] - mean[k]) / scale[k]);
    let mut v = Array::<f64>::zeros(&[inputs, classes]);
    let mut c = Array::<f64>::zeros(&[classes]);
    for permutation in order.data().chunks(examples) {
        // The last batch may be shorter.
        for rows in permutation.chunks(batch as usize) {
            let (mut dv, mut dc) = (Array::<f64>::zeros(&[inputs, classes]), Array::<f64>::zeros(&[classes]));
            for &row in rows {
                let i = row as usize;
                let score = |j: usize| c[[j]] + (0..inputs).map(|k| z[[i, k]] * v[[k, j]]).sum::<f64>();
                let p = softmax((0..classes).map(score).collect());
                for (j, p) in p.iter().enumerate() {
                    let error = (p - if y[[i]] as usize == j { 1.0 } else { 0.0 }) / rows.len() as f64;
                    dc[[j]] += error;
                    for k in 0..inputs {
                        dv[[k, j]] += z[[i, k]] * error;
                    }
                }
            }
            v = v.zip_map(&dv, |v, d| v - lr * d);
            c = c.zip_map(&dc, |c, d| c - lr * d);
        }
    }
    // z @ v + c = x @ (v / scale) + (c - mean @ (v / scale))
    let w = Array::from_fn([inputs, classes], |[k, j]| v[[k, j]] / scale[k]);
    let b = Array::from_fn([classes], |[j]| c[[j]] - (0..inputs).map(|k| mean[k] * w[[k, j]]).sum::<f64>());
    (w, b)
}

/// Mean and standard deviation of each column; 1 where the column is constant.
fn statistics(x: &Array<f64>) -> (Vec<f64>, Vec<f64>) {
    let [examples, inputs] = x.dims();
    let column = |k: usize| (0..examples).map(move |i| x[[i, k]]);
    let mean: Vec<f64> = (0..inputs).map(|k| column(k).sum::<f64>() / examples as f64).collect();
    let deviation = |k: usize| (column(k).map(|v| (v - mean[k]).powi(2)).sum::<f64>() / examples as f64).sqrt();
    let scale = (0..inputs).map(deviation).map(|s| if s > 0.0 { s } else { 1.0 }).collect();
    (mean, scale)
}

fn softmax(scores: Vec<f64>) -> Vec<f64> {
    let largest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let powers: Vec<f64> = scores.iter().map(|s| (s - largest).exp()).collect();
    let sum: f64 = powers.iter().sum();
    powers.iter().map(|p| p / sum).collect()
}
