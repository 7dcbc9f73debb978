use striate_array::Array;

pub fn early_stopping(losses: &Array<f64>, patience: i64, min_delta: f64) -> (i64, i64) {
    let (mut best_loss, mut best, mut waited) = (f64::INFINITY, 0, 0);
    for (epoch, &loss) in losses.iter().enumerate() {
        // False for NaN, as it should be.
        if loss < best_loss - min_delta {
            (best_loss, best, waited) = (loss, epoch as i64, 0);
        } else {
            waited += 1;
            if waited == patience {
                return (best, epoch as i64);
            }
        }
    }
    (best, losses.len() as i64 - 1)
}
