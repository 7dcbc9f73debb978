//! Reading the golden files and comparing tensors.

#![allow(dead_code, reason = "each test file uses its part")]

use std::collections::BTreeMap;

use striate_nn::Module;
use striate_nn::state::from_safetensors;
use striate_tensor::{DType, Tensor};

/// Expected values made by `golden/make_golden.py`.
pub struct Golden(BTreeMap<String, Tensor>);

impl Golden {
    pub fn new(bytes: &[u8]) -> Self {
        Self(from_safetensors(bytes).expect("golden files are valid safetensors"))
    }

    pub fn get(&self, name: &str) -> &Tensor {
        self.0.get(name).unwrap_or_else(|| panic!("the golden file has no `{name}`"))
    }

    pub fn find(&self, name: &str) -> Option<&Tensor> {
        self.0.get(name)
    }

    /// The part of the names before the first dot, once each.
    pub fn cases(&self) -> Vec<&str> {
        let mut cases: Vec<&str> = self.0.keys().map(|name| name.split('.').next().expect("a name")).collect();
        cases.dedup();
        cases
    }

    /// Everything under `prefix.`, without the prefix.
    pub fn under(&self, prefix: &str) -> BTreeMap<String, Tensor> {
        let entries = self.0.iter().filter_map(|(name, tensor)| {
            Some((name.strip_prefix(prefix)?.strip_prefix('.')?.to_owned(), tensor.clone()))
        });
        entries.collect()
    }
}

/// Every element within `tolerance` of the expected one, relative to the larger of it and 1.
#[track_caller]
pub fn assert_close(what: &str, found: &Tensor, expected: &Tensor, tolerance: f64) {
    assert_eq!(found.shape(), expected.shape(), "{what}: shape");
    let (found, expected) = (values(found), values(expected));
    for (index, (found, expected)) in found.iter().zip(&expected).enumerate() {
        let error = (found - expected).abs() / expected.abs().max(1.0);
        assert!(error <= tolerance, "{what}: element {index} is {found}, PyTorch has {expected} (error {error:.2e})");
    }
}

pub fn values(tensor: &Tensor) -> Vec<f64> {
    tensor.to_dtype(DType::F64).to_vec::<f64>()
}

/// Runs `op` on the stored inputs of `case` as leaves, in the given order, and compares output and gradients. Inputs
/// come in three memory layouts: as stored, channels last, and as a view with gaps.
pub fn check(golden: &Golden, case: &str, inputs: &[&str], op: impl Fn(&[Tensor]) -> Tensor) {
    for (dtype, tolerance) in [(DType::F64, 1e-11), (DType::F32, 2e-5)] {
        for layout in [Tensor::contiguous, Tensor::channels_last, with_gaps] {
            let leaves: Vec<Tensor> = inputs
                .iter()
                .filter_map(|name| golden.find(&format!("{case}.{name}")))
                .map(|tensor| {
                    if !tensor.dtype().is_float() {
                        return tensor.clone();
                    }
                    let tensor = layout(&tensor.to_dtype(dtype)).detach();
                    tensor.requires_grad_(true)
                })
                .collect();
            let output = op(&leaves);
            assert_close(case, &output, golden.get(&format!("{case}.output")), tolerance);
            output.backward_with(&layout(&golden.get(&format!("{case}.grad_output")).to_dtype(dtype)));
            for (name, leaf) in inputs.iter().zip(&leaves) {
                if let Some(expected) = golden.find(&format!("{case}.grad_{name}")) {
                    let gradient = leaf.grad().unwrap_or_else(|| panic!("{case}: no gradient for {name}"));
                    assert_close(&format!("{case}: gradient of {name}"), &gradient, expected, tolerance);
                }
            }
        }
    }
}

/// Values of layers are stored in single precision.
const LAYER_TOLERANCE: f64 = 3e-5;

/// Loads the stored weights, runs `call` on the stored inputs and compares output and all gradients.
pub fn check_layer(golden: &Golden, case: &str, module: &dyn Module, call: impl Fn(&[Tensor]) -> Tensor) {
    module.load_state_dict(&golden.under(&format!("{case}.state"))).unwrap();
    let stored = (0..).map_while(|index| golden.find(&format!("{case}.input_{index}")));
    let inputs: Vec<Tensor> =
        stored.map(|x| if x.dtype().is_float() { x.copy().requires_grad_(true) } else { x.clone() }).collect();
    assert!(!inputs.is_empty(), "no inputs for {case}");
    let output = call(&inputs);
    assert_close(case, &output, golden.get(&format!("{case}.output")), LAYER_TOLERANCE);
    output.backward_with(golden.get(&format!("{case}.grad_output")));
    for (index, input) in inputs.iter().enumerate().filter(|(_, input)| input.dtype().is_float()) {
        let what = format!("{case}: gradient of input {index}");
        let expected = golden.get(&format!("{case}.grad_input_{index}"));
        assert_close(&what, &input.grad().expect("a gradient"), expected, LAYER_TOLERANCE);
    }
    for (name, parameter) in module.named_parameters() {
        let expected = golden.get(&format!("{case}.grad.{name}"));
        let what = format!("{case}: gradient of {name}");
        assert_close(&what, &parameter.grad().expect("a gradient"), expected, LAYER_TOLERANCE);
    }
}

/// The same values as every second column of a tensor twice as wide.
fn with_gaps(tensor: &Tensor) -> Tensor {
    let Some(&width) = tensor.shape().last() else { return tensor.clone() };
    let mut shape = tensor.shape().to_vec();
    shape.push(2);
    let doubled = tensor.unsqueeze(-1).broadcast_to(&shape).contiguous();
    let view = doubled.select(-1, 1);
    assert!(width < 2 || !view.is_contiguous());
    view
}
