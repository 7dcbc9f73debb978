//! Exercises of the station `gradients-chain-rule`.

use crate::exercise::Exercise;

mod differences;

mod gradient_descent;
mod jacobian;
mod numeric_gradient;

/// In the order of the station.
pub(super) static EXERCISES: &[&Exercise] =
    &[&numeric_gradient::NUMERIC_GRADIENT, &jacobian::JACOBIAN, &gradient_descent::GRADIENT_DESCENT];
