//! Exercises of the station `autograd-graph`.

use crate::exercise::Exercise;

mod graph;

mod backward_ops;
mod grad_check;
mod unbroadcast;
mod value_autograd;

/// In the order of the station.
pub(super) static EXERCISES: &[&Exercise] =
    &[&value_autograd::VALUE_AUTOGRAD, &unbroadcast::UNBROADCAST, &grad_check::GRAD_CHECK, &backward_ops::BACKWARD_OPS];
