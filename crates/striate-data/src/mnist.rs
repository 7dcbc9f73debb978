//! MNIST: handwritten digits, 28 × 28 grey, light on black; 60 000 to learn from, 10 000 to test on. Carried by the
//! program; decoded once into the cache folder.

use std::path::Path;

use striate_mnist::{File, TEST_IMAGES, TEST_LABELS, TRAIN_IMAGES, TRAIN_LABELS};

use crate::{DataError, Dataset, cache, idx};

/// The 60 000 training digits.
pub fn train() -> Result<Dataset, DataError> {
    read(&TRAIN_IMAGES, &TRAIN_LABELS)
}

/// The 10 000 test digits.
pub fn test() -> Result<Dataset, DataError> {
    read(&TEST_IMAGES, &TEST_LABELS)
}

fn read(images: &File, labels: &File) -> Result<Dataset, DataError> {
    let folder = cache::folder();
    let array = |file: &File| {
        let decoded = cache::decoded(file, folder.as_deref())?;
        idx::with_header(&decoded.header, decoded.data, Path::new(file.name))
    };
    let class_names = (0..10).map(|digit| digit.to_string()).collect();
    let (images_path, labels_path) = (Path::new(images.name), Path::new(labels.name));
    idx::dataset((array(images)?, images_path), (array(labels)?, labels_path), class_names, "MNIST".to_owned())
}

#[cfg(test)]
mod tests {
    #[test]
    fn has_ten_thousand_test_digits() {
        let test = super::test().unwrap();
        assert_eq!((test.len(), test.channels, test.height, test.width), (10_000, 1, 28, 28));
        assert_eq!(test.labels[..5], [7, 2, 1, 0, 4]);
        assert_eq!(test.labels.iter().filter(|&&label| label == 5).count(), 892);
    }
}
