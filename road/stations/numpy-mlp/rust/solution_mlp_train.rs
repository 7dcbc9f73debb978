use striate_array::Array;

const HIDDEN: usize = 128;
const BATCH: usize = 50;
const RATE: f32 = 0.4;

pub fn mlp_train(x: &Array<u8>, y: &Array<i64>, x_new: &Array<u8>, k: i64, seed: i64) -> Array<i64> {
    let [n, height, width] = x.dims();
    let inputs = height * width;
    let mut random = Random(seed as u64);
    let mut hidden = Layer::new(inputs, HIDDEN, &mut random);
    let mut output = Layer::new(HIDDEN, k as usize, &mut random);
    let images = pixels(x);
    let epochs = 5 + 18000 / n; // more images, fewer epochs
    let batches = epochs * n.div_ceil(BATCH);
    let mut done = 0;
    for _ in 0..epochs {
        let order = random.permutation(n);
        for batch in order.chunks(BATCH) {
            let (mut hidden_step, mut output_step) = (hidden.gradient(), output.gradient());
            for &i in batch {
                let image = &images[i * inputs..(i + 1) * inputs];
                let h = relu(hidden.forward(image));
                let mut dlogits = softmax(&output.forward(&h));
                dlogits[y[[i]] as usize] -= 1.0;
                output.accumulate(&h, &dlogits, &mut output_step);
                let mut dh = output.backward(&dlogits);
                // Where the ReLU gave 0, nothing passes.
                dh.iter_mut().zip(&h).for_each(|(d, &h)| *d *= f32::from(u8::from(h > 0.0)));
                hidden.accumulate(image, &dh, &mut hidden_step);
            }
            // The learning rate falls evenly to 0.
            let rate = RATE * (1.0 - done as f32 / batches as f32) / batch.len() as f32;
            hidden.descend(&hidden_step, rate);
            output.descend(&output_step, rate);
            done += 1;
        }
    }
    let new = pixels(x_new);
    let labels = new.chunks(inputs).map(|image| largest(&output.forward(&relu(hidden.forward(image))))).collect();
    Array::from_vec(&[x_new.shape()[0]], labels)
}

fn pixels(images: &Array<u8>) -> Vec<f32> {
    images.iter().map(|&pixel| f32::from(pixel) / 255.0).collect()
}

fn relu(mut z: Vec<f32>) -> Vec<f32> {
    z.iter_mut().for_each(|z| *z = z.max(0.0));
    z
}

fn softmax(logits: &[f32]) -> Vec<f32> {
    let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let powers: Vec<f32> = logits.iter().map(|logit| (logit - largest).exp()).collect();
    let sum: f32 = powers.iter().sum();
    powers.iter().map(|power| power / sum).collect()
}

fn largest(logits: &[f32]) -> i64 {
    (0..logits.len()).fold(0, |best, k| if logits[k] > logits[best] { k } else { best }) as i64
}

/// A fully connected layer: one row of weights per input, and its gradients in the same form.
#[derive(Clone)]
struct Layer {
    w: Vec<f32>,
    b: Vec<f32>,
}

impl Layer {
    fn new(inputs: usize, units: usize, random: &mut Random) -> Layer {
        let scale = (2.0 / inputs as f32).sqrt();
        Layer { w: (0..inputs * units).map(|_| scale * random.normal()).collect(), b: vec![0.0; units] }
    }

    fn gradient(&self) -> Layer {
        Layer { w: vec![0.0; self.w.len()], b: vec![0.0; self.b.len()] }
    }

    fn forward(&self, x: &[f32]) -> Vec<f32> {
        let mut out = self.b.clone();
        for (row, &x) in self.w.chunks(self.b.len()).zip(x) {
            // An input of 0 (four pixels of five, half of the ReLU units) adds nothing.
            if x != 0.0 {
                out.iter_mut().zip(row).for_each(|(out, w)| *out += x * w);
            }
        }
        out
    }

    /// Adds the gradients of one example: input times error of the output.
    fn accumulate(&self, x: &[f32], d: &[f32], sum: &mut Layer) {
        sum.b.iter_mut().zip(d).for_each(|(b, d)| *b += d);
        for (row, &x) in sum.w.chunks_mut(d.len()).zip(x) {
            if x != 0.0 {
                row.iter_mut().zip(d).for_each(|(w, d)| *w += x * d);
            }
        }
    }

    /// The error of the input.
    fn backward(&self, d: &[f32]) -> Vec<f32> {
        self.w.chunks(d.len()).map(|row| row.iter().zip(d).map(|(w, d)| w * d).sum()).collect()
    }

    fn descend(&mut self, gradient: &Layer, rate: f32) {
        self.w.iter_mut().zip(&gradient.w).for_each(|(w, g)| *w -= rate * g);
        self.b.iter_mut().zip(&gradient.b).for_each(|(b, g)| *b -= rate * g);
    }
}

/// Random numbers from a seed (SplitMix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn uniform(&mut self) -> f32 {
        ((self.next() >> 40) as f32 + 0.5) / (1 << 24) as f32
    }

    /// Box and Muller's way to normal numbers.
    fn normal(&mut self) -> f32 {
        let radius = (-2.0 * self.uniform().ln()).sqrt();
        radius * (std::f32::consts::TAU * self.uniform()).cos()
    }

    fn permutation(&mut self, n: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..n).collect();
        for at in (1..n).rev() {
            order.swap(at, (self.next() % (at as u64 + 1)) as usize);
        }
        order
    }
}
