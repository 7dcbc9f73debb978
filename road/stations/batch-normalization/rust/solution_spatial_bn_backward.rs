use striate_array::Array;

pub fn spatial_bn_backward(
    dout: &Array<f64>,
    x: &Array<f64>,
    gamma: &Array<f64>,
    eps: f64,
) -> (Array<f64>, Array<f64>, Array<f64>) {
    let [n, channels, h, w] = x.dims();
    let count = (n * h * w) as f64;
    let mut dx = Array::zeros(&[n, channels, h, w]);
    let mut dgamma = Array::zeros(&[channels]);
    let mut dbeta = Array::zeros(&[channels]);
    for c in 0..channels {
        // Every pixel of every image is an example of this channel.
        let over_pixels = |f: &dyn Fn([usize; 4]) -> f64| {
            let mut sum = 0.0;
            for image in 0..n {
                for i in 0..h {
                    for j in 0..w {
                        sum += f([image, c, i, j]);
                    }
                }
            }
            sum
        };
        let mean = over_pixels(&|at| x[at]) / count;
        let var = over_pixels(&|at| (x[at] - mean).powi(2)) / count;
        let deviation = (var + eps).sqrt();
        let xhat = |at: [usize; 4]| (x[at] - mean) / deviation;
        dgamma[[c]] = over_pixels(&|at| dout[at] * xhat(at));
        dbeta[[c]] = over_pixels(&|at| dout[at]);
        for image in 0..n {
            for i in 0..h {
                for j in 0..w {
                    let at = [image, c, i, j];
                    let rest = dout[at] - dbeta[[c]] / count - xhat(at) * dgamma[[c]] / count;
                    dx[at] = gamma[[c]] * rest / deviation;
                }
            }
        }
    }
    (dx, dgamma, dbeta)
}
