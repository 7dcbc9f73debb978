//! Every operation of the registry against PyTorch: output and gradients, in f64, on dense inputs and on views.
//!
//! `golden/make_golden_registry.py` made the expected values from the inputs that the registry makes. With the environment
//! variable `STRIATE_REGISTRY_INPUTS` the inputs are written to the file it names, for that script.

use std::collections::BTreeMap;

use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use striate_tensor::random::Generator;
use striate_tensor::registry::{DifferentiableOp, REGISTRY};
use striate_tensor::{DType, Tensor};

const GOLDEN: &[u8] = include_bytes!("golden/registry.safetensors");

/// Not compared: the random mask of dropout is Striate's own.
const ELSEWHERE: [&str; 1] = ["dropout"];

/// Where single precision is in play: PyTorch's slope of `hardsigmoid` is a single-precision 1/6, and a cast rounds.
const SINGLE: [&str; 2] = ["hardsigmoid", "to_dtype"];

fn inputs(operation: &DifferentiableOp) -> Vec<Tensor> {
    // By name: another line in the registry does not change what the others get.
    let seed = operation.name.bytes().fold(7u64, |seed, byte| seed.wrapping_mul(131).wrapping_add(byte.into()));
    (operation.inputs)(&mut Generator::new(seed))
}

fn write_inputs(path: &str) {
    let mut bytes: BTreeMap<String, (Dtype, Vec<usize>, Vec<u8>)> = BTreeMap::new();
    for operation in REGISTRY {
        for (i, input) in inputs(operation).iter().enumerate() {
            let (dtype, data) = match input.dtype() {
                DType::F64 => (Dtype::F64, input.to_vec::<f64>().iter().flat_map(|x| x.to_le_bytes()).collect()),
                DType::I64 => (Dtype::I64, input.to_vec::<i64>().iter().flat_map(|x| x.to_le_bytes()).collect()),
                DType::Bool => (Dtype::BOOL, input.to_vec::<bool>().iter().map(|&x| u8::from(x)).collect()),
                other => panic!("{}: an input of {other}", operation.name),
            };
            bytes.insert(format!("{}.input{i}", operation.name), (dtype, input.shape().to_vec(), data));
        }
    }
    let views = bytes.iter().map(|(name, (dtype, shape, data))| {
        (name.as_str(), TensorView::new(*dtype, shape.clone(), data).expect("lengths fit"))
    });
    std::fs::write(path, safetensors::serialize(views, None).unwrap()).unwrap();
}

fn flipped(x: &Tensor) -> Tensor {
    // Every second element of a copy twice as long, the other way round in memory.
    let dims: Vec<isize> = (0..x.rank() as isize).collect();
    let reversed: Vec<isize> = dims.iter().rev().copied().collect();
    x.permute(&reversed).repeat_interleave(2, 0).slice(&[striate_tensor::Slice::from(..).step(2)]).permute(&reversed)
}

fn stored(file: &SafeTensors, name: &str) -> Option<Vec<f64>> {
    let view = file.tensor(name).ok()?;
    let values = view.data().chunks_exact(8).map(|bytes| f64::from_le_bytes(bytes.try_into().expect("eight bytes")));
    Some(values.collect())
}

fn compare(what: &str, found: &Tensor, expected: &[f64]) -> Option<String> {
    let tolerance = if SINGLE.iter().any(|name| what.starts_with(name)) { 1e-7 } else { 1e-11 };
    let found = found.to_vec::<f64>();
    if found.len() != expected.len() {
        return Some(format!("{what}: {} elements, PyTorch has {}", found.len(), expected.len()));
    }
    let far = |&i: &usize| (found[i] - expected[i]).abs() > tolerance * expected[i].abs().max(1.0) || found[i].is_nan();
    (0..found.len()).find(far).map(|i| format!("{what}: element {i} is {}, PyTorch has {}", found[i], expected[i]))
}

#[test]
fn every_operation_agrees_with_pytorch() {
    if let Ok(path) = std::env::var("STRIATE_REGISTRY_INPUTS") {
        return write_inputs(&path);
    }
    let file = SafeTensors::deserialize(GOLDEN).unwrap();
    let mut problems = Vec::new();
    for operation in REGISTRY.iter().filter(|operation| !ELSEWHERE.contains(&operation.name)) {
        let name = operation.name;
        for arrange in [Tensor::contiguous, flipped] {
            let leaf = |x: &Tensor| {
                if x.dtype() == DType::F64 { arrange(x).detach().requires_grad_(true) } else { x.clone() }
            };
            let leaves: Vec<Tensor> = inputs(operation).iter().map(leaf).collect();
            let output = (operation.function)(&leaves);
            let Some(expected) = stored(&file, &format!("{name}.output")) else {
                problems.push(format!("{name}: no case in golden/make_golden_registry.py"));
                break;
            };
            problems.extend(compare(name, &output, &expected));
            let weights: Vec<f64> = (0..output.numel()).map(|i| (i as f64).cos() + 0.2).collect();
            output.backward_with(&Tensor::from_slice(&weights, output.shape()));
            for (i, leaf) in leaves.iter().enumerate().filter(|(_, leaf)| leaf.requires_grad()) {
                let expected = stored(&file, &format!("{name}.grad{i}")).expect("stored with the output");
                let gradient = leaf.grad().unwrap_or_else(|| leaf.zeros_like());
                problems.extend(compare(&format!("{name}, gradient of input {i}"), &gradient, &expected));
            }
        }
    }
    assert!(problems.is_empty(), "{problems:#?}");
}
