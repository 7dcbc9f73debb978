//! The exercises: a folder per station, a file per exercise.

use std::sync::LazyLock;

use crate::exercise::Exercise;

mod arguments;
mod digit_training;
pub(crate) mod numbers;
mod standardization;
mod worked;

mod activations_initialization;
mod autograd_graph;
pub(crate) mod batch_normalization;
mod classic_cnns;
mod convolution_layer;
mod correlation_filtering;
mod deep_network;
mod digit_classifier;
mod eigendecomposition;
mod filter_bench;
mod gradients_chain_rule;
mod image_as_function;
mod knn_validation;
mod least_squares;
mod linear_regression;
mod linearity_convolution;
mod logistic_regression;
mod modern_blocks;
mod numpy_arrays;
mod numpy_cnn;
mod numpy_mlp;
pub(crate) mod optimizers;
mod perceptron;
pub(crate) mod pooling_receptive_field;
mod principal_components;
mod probability_stability;
mod python_essentials;
mod regularization_dropout;
mod separable_borders;
mod shallow_network;
mod singular_value_decomposition;
mod softmax_svm;
mod template_matching;
mod vectors_matrices_norms;

/// Every exercise, in the order of the road.
pub fn all() -> &'static [&'static Exercise] {
    &ALL
}

/// The exercise of that id.
pub fn find(id: &str) -> Option<&'static Exercise> {
    all().iter().copied().find(|exercise| exercise.id == id)
}

static ALL: LazyLock<Vec<&Exercise>> = LazyLock::new(|| STATIONS.concat());

/// The exercises of each station, in the order of the road.
static STATIONS: &[&[&Exercise]] = &[
    image_as_function::EXERCISES,
    correlation_filtering::EXERCISES,
    linearity_convolution::EXERCISES,
    separable_borders::EXERCISES,
    template_matching::EXERCISES,
    filter_bench::EXERCISES,
    python_essentials::EXERCISES,
    numpy_arrays::EXERCISES,
    vectors_matrices_norms::EXERCISES,
    eigendecomposition::EXERCISES,
    singular_value_decomposition::EXERCISES,
    least_squares::EXERCISES,
    principal_components::EXERCISES,
    gradients_chain_rule::EXERCISES,
    probability_stability::EXERCISES,
    perceptron::EXERCISES,
    knn_validation::EXERCISES,
    linear_regression::EXERCISES,
    logistic_regression::EXERCISES,
    softmax_svm::EXERCISES,
    shallow_network::EXERCISES,
    autograd_graph::EXERCISES,
    deep_network::EXERCISES,
    activations_initialization::EXERCISES,
    regularization_dropout::EXERCISES,
    optimizers::EXERCISES,
    batch_normalization::EXERCISES,
    convolution_layer::EXERCISES,
    pooling_receptive_field::EXERCISES,
    classic_cnns::EXERCISES,
    modern_blocks::EXERCISES,
    numpy_mlp::EXERCISES,
    numpy_cnn::EXERCISES,
    digit_classifier::EXERCISES,
];
