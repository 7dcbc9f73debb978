//! The exercises, one file each, and the list of them all.

use crate::exercise::Exercise;

mod arguments;
mod conv_layer;
mod numbers;
mod planar_network;

mod backward2;
mod centroid_track;
mod col2im;
mod conv2d_backward;
mod conv2d_forward;
mod convolve2d;
mod correlate2d;
mod forward2;
mod gaussian_kernel;
mod im2col;
mod impulse_response;
mod is_linear;
mod mnist_preprocess;
mod train_planar;

/// Every exercise, in the order of the road.
pub fn all() -> &'static [&'static Exercise] {
    ALL
}

static ALL: &[&Exercise] = &[
    &correlate2d::CORRELATE2D,
    &gaussian_kernel::GAUSSIAN_KERNEL,
    &convolve2d::CONVOLVE2D,
    &is_linear::IS_LINEAR,
    &impulse_response::IMPULSE_RESPONSE,
    &forward2::FORWARD2,
    &backward2::BACKWARD2,
    &train_planar::TRAIN_PLANAR,
    &conv2d_forward::CONV2D_FORWARD,
    &conv2d_backward::CONV2D_BACKWARD,
    &im2col::IM2COL,
    &col2im::COL2IM,
    &mnist_preprocess::MNIST_PREPROCESS,
    &centroid_track::CENTROID_TRACK,
];
