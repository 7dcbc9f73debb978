use striate_array::Array;

pub fn mlp_gradcheck(
    x: &Array<f64>,
    y: &Array<i64>,
    w1: &Array<f64>,
    b1: &Array<f64>,
    w2: &Array<f64>,
    b2: &Array<f64>,
) -> (f64, Array<f64>, Array<f64>, Array<f64>, Array<f64>) {
    let [examples, inputs] = x.dims();
    let [hidden, classes] = w2.dims();
    // Forward.
    let z = Array::from_fn([examples, hidden], |[n, u]| {
        b1[[u]] + (0..inputs).map(|d| x[[n, d]] * w1[[d, u]]).sum::<f64>()
    });
    let h = z.map(|z| z.max(0.0));
    let mut loss = 0.0;
    let mut dlogits = Array::zeros(&[examples, classes]);
    for n in 0..examples {
        let logit = |k: usize| b2[[k]] + (0..hidden).map(|u| h[[n, u]] * w2[[u, k]]).sum::<f64>();
        let logits: Vec<f64> = (0..classes).map(logit).collect();
        // The same softmax, and no exponential above 1.
        let largest = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let sum: f64 = logits.iter().map(|logit| (logit - largest).exp()).sum();
        let truth = y[[n]] as usize;
        loss += (sum.ln() - (logits[truth] - largest)) / examples as f64;
        for k in 0..classes {
            let p = (logits[k] - largest).exp() / sum;
            // The 1/B enters once, here.
            dlogits[[n, k]] = (p - f64::from(u8::from(k == truth))) / examples as f64;
        }
    }
    // Backward.
    let dz = Array::from_fn([examples, hidden], |[n, u]| {
        let passes = z[[n, u]] > 0.0;
        if passes { (0..classes).map(|k| dlogits[[n, k]] * w2[[u, k]]).sum() } else { 0.0 }
    });
    let dw1 = Array::from_fn([inputs, hidden], |[d, u]| (0..examples).map(|n| x[[n, d]] * dz[[n, u]]).sum());
    let dw2 = Array::from_fn([hidden, classes], |[u, k]| (0..examples).map(|n| h[[n, u]] * dlogits[[n, k]]).sum());
    (loss, dw1, column_sums(&dz), dw2, column_sums(&dlogits))
}

fn column_sums(of: &Array<f64>) -> Array<f64> {
    let [rows, columns] = of.dims();
    Array::from_fn([columns], |[j]| (0..rows).map(|i| of[[i, j]]).sum())
}
