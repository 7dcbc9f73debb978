use striate_array::Array;

struct Net {
    w: Array<f64>,
    b: Array<f64>,
    v: Array<f64>,
    c: Array<f64>,
}

/// What the forward pass of one image leaves behind.
struct Pass {
    z: Array<f64>,
    features: Vec<f64>,
    logits: Vec<f64>,
}

#[allow(clippy::too_many_arguments)]
pub fn train_cnn(
    x: &Array<u8>,
    y: &Array<i64>,
    order: &Array<i64>,
    size: i64,
    masks: &Array<f64>,
    w: &Array<f64>,
    b: &Array<f64>,
    v: &Array<f64>,
    c: &Array<f64>,
    lr: f64,
) -> (Array<f64>, Array<f64>, Array<f64>, Array<f64>, Array<f64>) {
    let x = x.map(|pixel| f64::from(pixel) / 255.0);
    let [epochs, n] = order.dims();
    let mut net = Net { w: w.clone(), b: b.clone(), v: v.clone(), c: c.clone() };
    let filters = net.b.len();
    let mut accuracy = Vec::new();
    for epoch in 0..epochs {
        let images: Vec<usize> = (0..n).map(|at| order[[epoch, at]] as usize).collect();
        for batch in images.chunks(size as usize) {
            let mut sum = Net { w: zeros(&net.w), b: zeros(&net.b), v: zeros(&net.v), c: zeros(&net.c) };
            for &image in batch {
                let mask: Vec<f64> = (0..filters).map(|f| masks[[epoch, image, f]]).collect();
                add_gradient(&net, &x, image, y[[image]] as usize, &mask, &mut sum);
            }
            let rate = lr / batch.len() as f64;
            for (parameter, gradient) in
                [(&mut net.w, sum.w), (&mut net.b, sum.b), (&mut net.v, sum.v), (&mut net.c, sum.c)]
            {
                parameter.iter_mut().zip(gradient.iter()).for_each(|(p, g)| *p -= rate * g);
            }
        }
        // To measure, every unit takes part.
        let ones = vec![1.0; filters];
        let right = (0..n).filter(|&image| best(&forward(&net, &x, image, &ones).logits) == y[[image]] as usize).count();
        accuracy.push(right as f64 / n as f64);
    }
    (net.w, net.b, net.v, net.c, Array::from_vec(&[epochs], accuracy))
}

fn zeros(like: &Array<f64>) -> Array<f64> {
    Array::zeros(like.shape())
}

fn best(logits: &[f64]) -> usize {
    (0..logits.len()).fold(0, |best, k| if logits[k] > logits[best] { k } else { best })
}

fn forward(net: &Net, x: &Array<f64>, image: usize, mask: &[f64]) -> Pass {
    let ([_, height, width], [filters, kh, kw]) = (x.dims(), net.w.dims());
    let [classes, _] = net.v.dims();
    let (rows, columns) = (height - kh + 1, width - kw + 1);
    let z = Array::from_fn([filters, rows, columns], |[f, i, j]| {
        let taps = (0..kh).flat_map(|u| (0..kw).map(move |v| (u, v)));
        net.b[[f]] + taps.map(|(u, v)| net.w[[f, u, v]] * x[[image, i + u, j + v]]).sum::<f64>()
    });
    let pixels = rows * columns;
    let mean = |map: &[f64]| map.iter().map(|z| z.max(0.0)).sum::<f64>() / pixels as f64;
    let features: Vec<f64> = z.data().chunks(pixels).zip(mask).map(|(map, keep)| mean(map) * keep).collect();
    let logit = |k| net.c[[k]] + (0..filters).map(|f| net.v[[k, f]] * features[f]).sum::<f64>();
    let logits = (0..classes).map(logit).collect();
    Pass { z, features, logits }
}

fn add_gradient(net: &Net, x: &Array<f64>, image: usize, class: usize, mask: &[f64], sum: &mut Net) {
    let Pass { z, features, logits } = forward(net, x, image, mask);
    let ([filters, rows, columns], [_, kh, kw]) = (z.dims(), net.w.dims());
    let largest = logits[best(&logits)];
    let powers: Vec<f64> = logits.iter().map(|logit| (logit - largest).exp()).collect();
    let total: f64 = powers.iter().sum();
    let mut dlogits: Vec<f64> = powers.iter().map(|power| power / total).collect();
    dlogits[class] -= 1.0;
    for (k, d) in dlogits.iter().enumerate() {
        sum.c[[k]] += d;
        (0..filters).for_each(|f| sum.v[[k, f]] += d * features[f]);
    }
    for f in 0..filters {
        let dfeature: f64 = dlogits.iter().enumerate().map(|(k, d)| d * net.v[[k, f]]).sum::<f64>() * mask[f];
        let dpixel = dfeature / (rows * columns) as f64;
        for i in 0..rows {
            for j in 0..columns {
                if z[[f, i, j]] > 0.0 {
                    sum.b[[f]] += dpixel;
                    for u in 0..kh {
                        for v in 0..kw {
                            sum.w[[f, u, v]] += dpixel * x[[image, i + u, j + v]];
                        }
                    }
                }
            }
        }
    }
}
