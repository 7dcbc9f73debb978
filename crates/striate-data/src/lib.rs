//! Datasets, loaders and augmentation
