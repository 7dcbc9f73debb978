use striate_array::Array;

const KERNELS: usize = 12;
const SIDE: usize = 5;
const POOL: usize = 4;
const BATCH: usize = 25;
const RATE: f32 = 0.2;

pub fn cnn_train(x: &Array<u8>, y: &Array<i64>, x_new: &Array<u8>, k: i64, seed: i64) -> Array<i64> {
    let [n, height, width] = x.dims();
    let pixels = height * width;
    let mut random = Random(seed as u64);
    let (rows, columns) = ((height - SIDE + 1) / POOL, (width - SIDE + 1) / POOL);
    let mut conv = Layer::new(SIDE * SIDE, KERNELS, &mut random);
    let mut output = Layer::new(KERNELS * rows * columns, k as usize, &mut random);
    let images = floats(x);
    let epochs = 2 + 12000 / n; // more images, fewer epochs
    let batches = epochs * n.div_ceil(BATCH);
    let mut done = 0;
    for _ in 0..epochs {
        let order = random.permutation(n);
        for batch in order.chunks(BATCH) {
            let (mut conv_step, mut output_step) = (conv.gradient(), output.gradient());
            for &i in batch {
                let image = Image { pixels: &images[i * pixels..(i + 1) * pixels], width };
                let maxima = image.pooled(&conv, rows, columns);
                let features: Vec<f32> = maxima.iter().map(|(value, _)| value.max(0.0)).collect();
                let mut dlogits = softmax(&output.forward(&features));
                dlogits[y[[i]] as usize] -= 1.0;
                let dfeatures = output.backward(&features, &dlogits, &mut output_step);
                for (at, (&(value, place), d)) in maxima.iter().zip(dfeatures).enumerate() {
                    // Each maximum passes its gradient to the one window it came from, if the ReLU lets it.
                    if value > 0.0 {
                        let kernel = at / (rows * columns);
                        conv_step.b[kernel] += d;
                        let weights = &mut conv_step.w[kernel * SIDE * SIDE..(kernel + 1) * SIDE * SIDE];
                        for (weights, pixels) in weights.chunks_mut(SIDE).zip(image.window(place)) {
                            weights.iter_mut().zip(pixels).for_each(|(w, x)| *w += d * x);
                        }
                    }
                }
            }
            // The learning rate falls evenly to 0.
            let rate = RATE * (1.0 - done as f32 / batches as f32) / batch.len() as f32;
            conv.descend(&conv_step, rate);
            output.descend(&output_step, rate);
            done += 1;
        }
    }
    let label = |pixels: &[f32]| {
        let maxima = Image { pixels, width }.pooled(&conv, rows, columns);
        largest(&output.forward(&maxima.iter().map(|(value, _)| value.max(0.0)).collect::<Vec<f32>>()))
    };
    Array::from_vec(&[x_new.shape()[0]], floats(x_new).chunks(pixels).map(label).collect())
}

fn floats(images: &Array<u8>) -> Vec<f32> {
    images.iter().map(|&pixel| f32::from(pixel) / 255.0).collect()
}

struct Image<'a> {
    pixels: &'a [f32],
    width: usize,
}

impl Image<'_> {
    /// The rows of the window whose corner is pixel `place`.
    fn window(&self, place: usize) -> impl Iterator<Item = &[f32]> {
        self.pixels[place..].chunks(self.width).take(SIDE).map(|row| &row[..SIDE])
    }

    /// The largest number of every pooling window of every map, and the corner of the image's window it came from.
    fn pooled(&self, conv: &Layer, rows: usize, columns: usize) -> Vec<(f32, usize)> {
        let mut maxima = Vec::with_capacity(KERNELS * rows * columns);
        let wide = columns * POOL;
        for (kernel, &bias) in conv.w.chunks(SIDE * SIDE).zip(&conv.b) {
            // The map, one weight at a time: the innermost loop walks along two rows in memory.
            let mut map = vec![bias; rows * POOL * wide];
            for (tap, weight) in kernel.iter().enumerate() {
                for (i, line) in map.chunks_mut(wide).enumerate() {
                    let start = (i + tap / SIDE) * self.width + tap % SIDE;
                    let pixels = &self.pixels[start..start + wide];
                    line.iter_mut().zip(pixels).for_each(|(z, x)| *z += weight * x);
                }
            }
            for row in 0..rows {
                for column in 0..columns {
                    let places = (0..POOL * POOL).map(|at| [row * POOL + at / POOL, column * POOL + at % POOL]);
                    let first = (f32::NEG_INFINITY, 0);
                    maxima.push(places.fold(first, |best, [i, j]| {
                        let value = map[i * wide + j];
                        if value > best.0 { (value, i * self.width + j) } else { best }
                    }));
                }
            }
        }
        maxima
    }
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
