use striate_array::Array;

pub fn softmax_loss(w: &Array<f64>, x: &Array<f64>, y: &Array<i64>, reg: f64) -> (f64, Array<f64>) {
    let [inputs, classes] = w.dims();
    let [examples, _] = x.dims();
    let n = examples as f64;
    let mut loss = reg * w.iter().map(|w| w * w).sum::<f64>();
    let mut dw = w.map(|w| 2.0 * reg * w);
    for i in 0..examples {
        let score = |c: usize| (0..inputs).map(|k| x[[i, k]] * w[[k, c]]).sum::<f64>();
        let scores: Vec<f64> = (0..classes).map(score).collect();
        // Softmax does not change when the largest is subtracted from all, and nothing overflows.
        let largest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let log_sum = scores.iter().map(|s| (s - largest).exp()).sum::<f64>().ln() + largest;
        let class = y[[i]] as usize;
        loss += (log_sum - scores[class]) / n;
        for (c, score) in scores.iter().enumerate() {
            let error = (score - log_sum).exp() - if c == class { 1.0 } else { 0.0 };
            for k in 0..inputs {
                dw[[k, c]] += x[[i, k]] * error / n;
            }
        }
    }
    (loss, dw)
}
