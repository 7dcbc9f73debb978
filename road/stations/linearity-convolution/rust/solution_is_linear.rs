use striate_array::Array;

pub fn is_linear(op: &dyn Fn(&Array<f64>) -> Array<f64>, trials: i64, seed: i64) -> bool {
    let mut random = Random(seed as u64);
    (0..trials).all(|_| {
        // Both signs and the whole range: clipping and magnitudes only show themselves there.
        let f = Array::from_fn([8, 9], |_| random.uniform(-255.0, 255.0));
        let g = Array::from_fn([8, 9], |_| random.uniform(-255.0, 255.0));
        let (a, b) = (random.uniform(-1.0, 1.0), random.uniform(-1.0, 1.0));
        let together = op(&f.zip_map(&g, |x, y| a * x + b * y));
        let apart = op(&f).zip_map(&op(&g), |x, y| a * x + b * y);
        let largest = |image: &Array<f64>| image.iter().fold(0.0_f64, |most, x| most.max(x.abs()));
        let scale = largest(&together).max(largest(&apart));
        largest(&together.zip_map(&apart, |x, y| x - y)) <= 1e-8 * scale
    })
}

/// A small random number generator (SplitMix64): the standard library has none.
struct Random(u64);

impl Random {
    fn uniform(&mut self, low: f64, high: f64) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^= z >> 31;
        low + (high - low) * (z >> 11) as f64 / (1u64 << 53) as f64
    }
}
