//! Datasets of labelled images, from the file to the batch: read, split, normalise, augment, shuffle.
//!
//! The path of one image: [`mnist`], [`fashion`] or [`dir::open`] read a [`Dataset`]; [`split::Splits`] parts it into
//! training, validation and test [`Subset`]s; [`Normalization`] is measured on the training part; [`Loader`] hands out
//! seeded, optionally augmented batches as tensors. [`digit::preprocess`] brings any picture of a digit into the form
//! the MNIST images have.
//!
//! Everything random is a function of (seed, epoch, sample): the same seed gives the same bytes, whatever the number of
//! threads, and an interrupted training can go on in the middle of an epoch.

pub mod augment;
mod batches;
pub mod cache;
mod dataset;
pub mod digit;
pub mod dir;
mod error;
pub mod fashion;
pub mod folder;
pub mod idx;
pub mod mnist;
mod normalization;
pub mod opencv_digits;
mod picture;
pub mod split;

pub use augment::Augmentation;
pub use batches::{Batch, Batches, Loader, LoaderOptions};
pub use dataset::{Dataset, Parts, Subset};
pub use error::DataError;
pub use normalization::Normalization;
pub use split::Splits;
