use striate_array::Array;

pub fn svm_loss(w: &Array<f64>, x: &Array<f64>, y: &Array<i64>, reg: f64, delta: f64) -> (f64, Array<f64>) {
    let [inputs, classes] = w.dims();
    let [examples, _] = x.dims();
    let n = examples as f64;
    let mut loss = reg * w.iter().map(|w| w * w).sum::<f64>();
    let mut dw = w.map(|w| 2.0 * reg * w);
    for i in 0..examples {
        let score = |c: usize| (0..inputs).map(|k| x[[i, k]] * w[[k, c]]).sum::<f64>();
        let scores: Vec<f64> = (0..classes).map(score).collect();
        let class = y[[i]] as usize;
        for wrong in (0..classes).filter(|&c| c != class) {
            let margin = scores[wrong] - scores[class] + delta;
            if margin > 0.0 {
                loss += margin / n;
                for k in 0..inputs {
                    dw[[k, wrong]] += x[[i, k]] / n;
                    dw[[k, class]] -= x[[i, k]] / n;
                }
            }
        }
    }
    (loss, dw)
}
