//! Labelled images in memory.

use std::sync::Arc;

/// Labelled images of one size: what every reader of this crate gives.
#[derive(Clone, Debug, PartialEq)]
pub struct Dataset {
    /// Pixels, `[len, channels, height, width]` in row-major order, 0 to 255.
    pub images: Vec<u8>,
    /// The class of each image, `0..class_names.len()`.
    pub labels: Vec<i64>,
    /// 1 for grey, 3 for red, green, blue.
    pub channels: usize,
    /// Rows of an image.
    pub height: usize,
    /// Columns of an image.
    pub width: usize,
    /// The name of each class.
    pub class_names: Vec<String>,
    /// Where the images come from, for people: `MNIST`, a folder.
    pub source: String,
}

impl Dataset {
    /// Number of images.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there is no image.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// Bytes of one image: channels × height × width.
    pub fn image_len(&self) -> usize {
        self.channels * self.height * self.width
    }

    /// Pixels of image `index`, `[channels, height, width]`.
    pub fn image(&self, index: usize) -> &[u8] {
        &self.images[index * self.image_len()..][..self.image_len()]
    }

    /// Number of classes.
    pub fn classes(&self) -> usize {
        self.class_names.len()
    }
}

/// A dataset as it lies on disk: with its own test part, or without.
#[derive(Clone, Debug)]
pub struct Parts {
    /// Images to learn from.
    pub train: Dataset,
    /// Images for the final measurement, if the source sets some apart.
    pub test: Option<Dataset>,
}

/// Some images of a dataset, by their index. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Subset {
    dataset: Arc<Dataset>,
    indices: Arc<[u32]>,
}

impl Subset {
    /// The images `indices` of `dataset`, in that order.
    pub fn new(dataset: Arc<Dataset>, indices: Vec<u32>) -> Self {
        debug_assert!(indices.iter().all(|&index| (index as usize) < dataset.len()));
        Subset { dataset, indices: indices.into() }
    }

    /// All images of `dataset`.
    pub fn all(dataset: Arc<Dataset>) -> Self {
        let indices = (0..dataset.len() as u32).collect();
        Subset::new(dataset, indices)
    }

    /// Number of images.
    pub fn len(&self) -> usize {
        self.indices.len()
    }

    /// Whether there is no image.
    pub fn is_empty(&self) -> bool {
        self.indices.is_empty()
    }

    /// The dataset the images belong to.
    pub fn dataset(&self) -> &Arc<Dataset> {
        &self.dataset
    }

    /// Index within the dataset of each image.
    pub fn indices(&self) -> &[u32] {
        &self.indices
    }

    /// Pixels of image `position`, `[channels, height, width]`.
    pub fn image(&self, position: usize) -> &[u8] {
        self.dataset.image(self.indices[position] as usize)
    }

    /// Class of image `position`.
    pub fn label(&self, position: usize) -> i64 {
        self.dataset.labels[self.indices[position] as usize]
    }
}
