//! Batches of images as tensors, in an order that depends on (seed, epoch) only.

use striate_kernels::threads;
use striate_tensor::Tensor;
use striate_tensor::random::Generator;

use crate::{Augmentation, Normalization, Subset};

/// Streams of the seed, so that the order of the images and their augmentation do not follow each other.
const ORDER_STREAM: u64 = 0x6f72;
const AUGMENT_STREAM: u64 = 0x6175;
/// Images prepared by one task.
const IMAGES_PER_TASK: usize = 16;

/// How batches are made.
#[derive(Clone, Debug)]
pub struct LoaderOptions {
    /// Images in a batch.
    pub batch_size: usize,
    /// `Some(seed)`: training batches, shuffled anew each epoch, all of the same size. `None`: in order, all images.
    pub shuffle: Option<u64>,
    /// Changes of each image; needs a seed.
    pub augmentation: Augmentation,
}

/// Makes batches of a subset.
#[derive(Clone, Debug)]
pub struct Loader {
    subset: Subset,
    normalization: Normalization,
    options: LoaderOptions,
}

/// Some images and their classes.
#[derive(Clone, Debug)]
pub struct Batch {
    /// Normalised images, f32 `[batch, channels, height, width]`.
    pub images: Tensor,
    /// Classes, i64 `[batch]`.
    pub labels: Tensor,
    /// Index of each image within its dataset.
    pub indices: Vec<u32>,
}

impl Loader {
    /// A loader of `subset`.
    pub fn new(subset: Subset, normalization: Normalization, options: LoaderOptions) -> Self {
        assert!(options.batch_size > 0, "a batch needs at least one image");
        assert!(options.shuffle.is_some() || options.augmentation.is_none(), "augmentation needs a seed");
        Loader { subset, normalization, options }
    }

    /// Batches in an epoch. A last batch that would be short is left out when shuffling (each epoch leaves out other
    /// images), unless there is no other.
    pub fn batches_per_epoch(&self) -> usize {
        match self.options.shuffle {
            Some(_) => (self.subset.len() / self.options.batch_size).max(1),
            None => self.subset.len().div_ceil(self.options.batch_size),
        }
    }

    /// Images shown in an epoch.
    pub fn images_per_epoch(&self) -> usize {
        self.subset.len().min(self.batches_per_epoch() * self.options.batch_size)
    }

    /// The batches of `epoch` from batch number `first` on (0 for all).
    pub fn epoch(&self, epoch: u64, first: usize) -> Batches<'_> {
        let order = match self.options.shuffle {
            Some(seed) => {
                let order = Generator::new(seed).fork(ORDER_STREAM).fork(epoch).permutation(self.subset.len());
                order.into_iter().map(|position| position as u32).collect()
            }
            None => (0..self.subset.len() as u32).collect(),
        };
        Batches { loader: self, epoch, order, next: first, values: Vec::new() }
    }

    fn batch(&self, positions: &[u32], epoch: u64, values: &mut Vec<f32>) -> Batch {
        let dataset = self.subset.dataset();
        let image_len = dataset.image_len();
        values.resize(positions.len() * image_len, 0.0);
        threads::parallel_chunks_mut(values, IMAGES_PER_TASK * image_len, &|task, values| {
            for (offset, out) in values.chunks_exact_mut(image_len).enumerate() {
                self.prepare(positions[task * IMAGES_PER_TASK + offset] as usize, epoch, out);
            }
        });
        let labels: Vec<i64> = positions.iter().map(|&position| self.subset.label(position as usize)).collect();
        Batch {
            images: Tensor::from_slice(values, &[positions.len(), dataset.channels, dataset.height, dataset.width]),
            labels: Tensor::from_vec(labels, &[positions.len()]),
            indices: positions.iter().map(|&position| self.subset.indices()[position as usize]).collect(),
        }
    }

    /// One image: augmented as (seed, epoch, image) say, and normalised.
    fn prepare(&self, position: usize, epoch: u64, out: &mut [f32]) {
        let dataset = self.subset.dataset();
        let image = self.subset.image(position);
        match self.options.shuffle {
            Some(seed) if !self.options.augmentation.is_none() => {
                let sample = u64::from(self.subset.indices()[position]);
                let mut generator = Generator::new(seed).fork(AUGMENT_STREAM).fork(epoch).fork(sample);
                self.options.augmentation.apply(image, dataset.height, dataset.width, &mut generator, out);
            }
            _ => out.iter_mut().zip(image).for_each(|(out, &pixel)| *out = f32::from(pixel)),
        }
        for (channel, values) in out.chunks_exact_mut(dataset.height * dataset.width).enumerate() {
            let (scale, offset) = self.normalization.affine(channel);
            values.iter_mut().for_each(|value| *value = *value * scale + offset);
        }
    }
}

/// Iterator over the batches of an epoch.
#[derive(Clone, Debug)]
pub struct Batches<'a> {
    loader: &'a Loader,
    epoch: u64,
    order: Vec<u32>,
    next: usize,
    /// The images of a batch before they become a tensor; used again for the next.
    values: Vec<f32>,
}

impl Iterator for Batches<'_> {
    type Item = Batch;

    fn next(&mut self) -> Option<Batch> {
        if self.next >= self.loader.batches_per_epoch() {
            return None;
        }
        let size = self.loader.options.batch_size;
        let start = self.next * size;
        let end = (start + size).min(self.order.len());
        self.next += 1;
        Some(self.loader.batch(&self.order[start..end], self.epoch, &mut self.values))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::Dataset;

    fn loader(shuffle: Option<u64>, augmentation: Augmentation) -> Loader {
        let dataset = Dataset {
            images: (0..23 * 16).map(|i| (i % 251) as u8).collect(),
            labels: (0..23).map(|i| i % 3).collect(),
            channels: 1,
            height: 4,
            width: 4,
            class_names: ["a", "b", "c"].map(str::to_owned).to_vec(),
            source: String::new(),
        };
        let subset = Subset::all(Arc::new(dataset));
        let normalization = Normalization::of(&subset);
        Loader::new(subset, normalization, LoaderOptions { batch_size: 5, shuffle, augmentation })
    }

    fn order(loader: &Loader, epoch: u64) -> Vec<u32> {
        loader.epoch(epoch, 0).flat_map(|batch| batch.indices).collect()
    }

    #[test]
    fn in_order_every_image_comes_once() {
        let loader = loader(None, Augmentation::NONE);
        assert_eq!(order(&loader, 0), (0..23).collect::<Vec<u32>>());
        let last = loader.epoch(0, 0).last().unwrap();
        assert_eq!(last.images.shape(), [3, 1, 4, 4]);
        assert_eq!(last.labels.to_vec::<i64>(), [20 % 3, 21 % 3, 22 % 3]);
    }

    #[test]
    fn shuffled_batches_depend_on_seed_and_epoch_only() {
        let loader = loader(Some(3), Augmentation::AFFINE);
        assert_eq!((loader.batches_per_epoch(), loader.images_per_epoch()), (4, 20));
        let first = order(&loader, 0);
        assert_eq!(first, order(&loader, 0));
        assert_ne!(first, order(&loader, 1));
        let mut sorted = first;
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(sorted.len(), 20);
    }

    #[test]
    fn an_epoch_can_be_entered_in_the_middle() {
        let loader = loader(Some(3), Augmentation::AFFINE);
        let whole: Vec<Batch> = loader.epoch(2, 0).collect();
        let rest: Vec<Batch> = loader.epoch(2, 1).collect();
        assert_eq!(rest.len(), 3);
        for (a, b) in whole[1..].iter().zip(&rest) {
            assert_eq!(a.images.to_vec::<f32>(), b.images.to_vec::<f32>());
            assert_eq!(a.indices, b.indices);
        }
    }
}
