//! Exercises of the station `convolution-layer`.

use crate::exercise::Exercise;

mod conv_layer;

mod col2im;
mod conv2d_backward;
mod conv2d_forward;
mod im2col;

/// In the order of the station.
pub(super) static EXERCISES: &[&Exercise] =
    &[&conv2d_forward::CONV2D_FORWARD, &conv2d_backward::CONV2D_BACKWARD, &im2col::IM2COL, &col2im::COL2IM];
