use striate_array::Array;

const HIDDEN: usize = 32;
const EPOCHS: usize = 8;
const BATCH: usize = 25;
const RATE: f32 = 0.2;

pub fn mlp_train(x: &Array<u8>, y: &Array<i64>, x_new: &Array<u8>, k: i64, seed: i64) -> Array<i64> {
    let [n, height, width] = x.dims();
    let inputs = height * width;
    let mut random = Random(seed as u64);
    let mut hidden = Layer::new(inputs, HIDDEN, &mut random);
    let mut output = Layer::new(HIDDEN, k as usize, &mut random);
    let images = pixels(x);
    for _ in 0..EPOCHS {
        let order = random.permutation(n);
        for batch in order.chunks(BATCH) {
            let (mut hidden_step, mut output_step) = (hidden.gradient(), output.gradient());
            for &i in batch {
                let image = &images[i * inputs..(i + 1) * inputs];
                let h = relu(hidden.forward(image));
                let mut dlogits = softmax(&output.forward(&h));
                dlogits[y[[i]] as usize] -= 1.0;
                let mut dh = output.backward(&h, &dlogits, &mut output_step);
                // Where the ReLU gave 0, nothing passes.
                dh.iter_mut().zip(&h).for_each(|(d, &h)| *d *= f32::from(u8::from(h > 0.0)));
                hidden.accumulate(image, &dh, &mut hidden_step);
            }
            let rate = RATE / batch.len() as f32;
            hidden.descend(&hidden_step, rate);
            output.descend(&output_step, rate);
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

/// A fully connected layer: one row of weights per unit, and its gradients in the same form.
#[derive(Clone)]
struct Layer {
    w: Vec<f32>,
    b: Vec<f32>,
    inputs: usize,
}

impl Layer {
    fn new(inputs: usize, units: usize, random: &mut Random) -> Layer {
        let scale = (2.0 / inputs as f32).sqrt();
        Layer { w: (0..inputs * units).map(|_| scale * random.normal()).collect(), b: vec![0.0; units], inputs }
    }

    fn gradient(&self) -> Layer {
        Layer { w: vec![0.0; self.w.len()], b: vec![0.0; self.b.len()], inputs: self.inputs }
    }

    fn forward(&self, x: &[f32]) -> Vec<f32> {
        let unit = |(row, b): (&[f32], &f32)| b + row.iter().zip(x).map(|(w, x)| w * x).sum::<f32>();
        self.w.chunks(self.inputs).zip(&self.b).map(unit).collect()
    }

    /// Adds the gradients of one example: error of the output times input.
    fn accumulate(&self, x: &[f32], d: &[f32], sum: &mut Layer) {
        for ((row, b), &d) in sum.w.chunks_mut(self.inputs).zip(&mut sum.b).zip(d) {
            *b += d;
            // A unit without an error (behind a ReLU, half of them) has nothing to add.
            if d != 0.0 {
                row.iter_mut().zip(x).for_each(|(w, x)| *w += d * x);
            }
        }
    }

    /// Adds the gradients of one example and returns that of the input.
    fn backward(&self, x: &[f32], d: &[f32], sum: &mut Layer) -> Vec<f32> {
        self.accumulate(x, d, sum);
        let mut dx = vec![0.0; self.inputs];
        for (row, &d) in self.w.chunks(self.inputs).zip(d) {
            dx.iter_mut().zip(row).for_each(|(dx, w)| *dx += d * w);
        }
        dx
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
