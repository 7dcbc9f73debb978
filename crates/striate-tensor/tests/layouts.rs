//! Views are accepted everywhere: every operation gives the same values and gradients on inputs that are transposed,
//! sliced with a step, expanded or flipped.

use striate_tensor::random::Generator;
use striate_tensor::registry::{DifferentiableOp, REGISTRY};
use striate_tensor::{DType, Slice, Tensor};

fn outcome(operation: &DifferentiableOp, inputs: &[Tensor], view: impl Fn(&Tensor) -> Tensor) -> Vec<Vec<f64>> {
    let leaves: Vec<Tensor> =
        inputs.iter().map(|x| if x.dtype().is_float() { x.copy().requires_grad_(true) } else { x.clone() }).collect();
    // Differentiated through the view, so that its gradient is met as well.
    let views: Vec<Tensor> = leaves.iter().map(view).collect();
    let output = (operation.function)(&views);
    let weights: Vec<f64> = (0..output.numel()).map(|i| 1.0 + (i as f64 * 0.37).sin()).collect();
    output.backward_with(&Tensor::from_slice(&weights, output.shape()).to_dtype(output.dtype()));
    let values = |x: &Tensor| x.to_dtype(DType::F64).to_vec::<f64>();
    let gradients = leaves.iter().filter(|leaf| leaf.requires_grad());
    let gradients = gradients.map(|leaf| leaf.grad().map_or_else(|| vec![0.0; leaf.numel()], |grad| values(&grad)));
    [vec![values(&output)], gradients.collect()].concat()
}

/// `make` gives a view of other elements for each input; the same elements in a tensor of their own give what is expected.
fn check(name: &str, make: impl Fn(&Tensor) -> Tensor) {
    for (dtype, tolerance) in [(DType::F64, 1e-12), (DType::F32, 2e-5)] {
        for (i, operation) in REGISTRY.iter().enumerate() {
            let inputs: Vec<Tensor> = (operation.inputs)(&mut Generator::new(43).fork(i as u64))
                .iter()
                .map(|x| if x.dtype() == DType::F64 { x.to_dtype(dtype) } else { x.clone() })
                .collect();
            let found = outcome(operation, &inputs, &make);
            // `copy` leaves the graph: the copy is made inside it, by adding zeros.
            let dense = |x: &Tensor| {
                let view = make(x);
                if view.dtype().is_float() {
                    view.contiguous().add(&view.contiguous().zeros_like())
                } else {
                    view.copy()
                }
            };
            let expected = outcome(operation, &inputs, dense);
            for (part, (found, expected)) in found.iter().zip(&expected).enumerate() {
                assert_eq!(found.len(), expected.len(), "{}, {name}, part {part}", operation.name);
                for (a, b) in found.iter().zip(expected) {
                    let close = a == b || (a - b).abs() <= tolerance * b.abs().max(1.0) || (a.is_nan() && b.is_nan());
                    assert!(close, "{}, {dtype}, {name}, part {part} (0 is the output): {a} and {b}", operation.name);
                }
            }
        }
    }
}

fn reversed(x: &Tensor) -> Vec<isize> {
    (0..x.rank() as isize).rev().collect()
}

#[test]
fn transposed() {
    check("transposed", |x| x.permute(&reversed(x)).contiguous().permute(&reversed(x)));
}

#[test]
fn sliced_with_a_step() {
    check("sliced", |x| {
        let doubled = (0..x.rank() as isize).fold(x.clone(), |x, d| x.repeat_interleave(2, d));
        doubled.slice(&vec![Slice::from(1..).step(2); x.rank()])
    });
}

#[test]
fn expanded() {
    // All entries of the last dimension are the first one; indices and masks too.
    check("expanded", |x| if x.rank() == 0 { x.clone() } else { x.narrow(-1, 0, 1).broadcast_to(x.shape()) });
}

#[test]
fn flipped() {
    check("flipped", |x| {
        let dims: Vec<isize> = reversed(x);
        x.flip(&dims)
    });
}
