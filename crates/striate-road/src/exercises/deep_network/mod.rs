//! Exercises of the station `deep-network`.

use crate::exercise::Exercise;

mod layers;

mod init_params;
mod model_backward;
mod model_forward;

/// In the order of the station.
pub(super) static EXERCISES: &[&Exercise] =
    &[&init_params::INIT_PARAMS, &model_forward::MODEL_FORWARD, &model_backward::MODEL_BACKWARD];
