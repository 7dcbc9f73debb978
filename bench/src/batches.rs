//! Batches that lie in memory before the clock starts.

use striate_data::Dataset;
use striate_tensor::Tensor;
use striate_tensor::random::Generator;

/// Images and labels of one step.
pub struct Batch {
    pub images: Tensor,
    pub labels: Tensor,
}

/// The first `count` batches of these digits, normalised as PyTorch's example does.
pub fn of_digits(digits: &Dataset, count: usize, batch: usize) -> Vec<Batch> {
    let pixels = 28 * 28;
    let batches = (0..count.min(digits.len() / batch)).map(|index| {
        let images = &digits.images[index * batch * pixels..][..batch * pixels];
        let images = images.iter().map(|&pixel| (f32::from(pixel) / 255.0 - 0.1307) / 0.3081).collect();
        let labels = digits.labels[index * batch..][..batch].to_vec();
        Batch { images: Tensor::from_vec(images, &[batch, 1, 28, 28]), labels: Tensor::from_vec(labels, &[batch]) }
    });
    batches.collect()
}

/// Random inputs of `shape` (the batch first) with labels below 10.
pub fn random(count: usize, shape: &[usize], generator: &mut Generator) -> Vec<Batch> {
    let draw = |generator: &mut Generator| {
        let labels = (0..shape[0]).map(|_| generator.below(10) as i64).collect();
        Batch { images: Tensor::randn(shape, generator), labels: Tensor::from_vec(labels, &[shape[0]]) }
    };
    (0..count).map(|_| draw(generator)).collect()
}
