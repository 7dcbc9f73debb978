use striate_array::Array;

pub fn perceptron_train(x: &Array<f64>, y: &Array<i64>, max_epochs: i64) -> (Array<f64>, f64, i64) {
    let [points, features] = x.dims();
    let (mut w, mut b, mut mistakes) = (vec![0.0; features], 0.0, 0);
    for _ in 0..max_epochs {
        let before = mistakes;
        for i in 0..points {
            let label = y[[i]] as f64;
            let sum = (0..features).map(|j| w[j] * x[[i, j]]).sum::<f64>() + b;
            if label * sum <= 0.0 {
                for (j, weight) in w.iter_mut().enumerate() {
                    *weight += label * x[[i, j]];
                }
                b += label;
                mistakes += 1;
            }
        }
        if mistakes == before {
            break;
        }
    }
    (Array::from_vec(&[features], w), b, mistakes)
}
