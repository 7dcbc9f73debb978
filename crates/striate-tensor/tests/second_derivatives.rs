//! Second derivatives of every operation of the registry: checked against differences, or refused by name.

use std::collections::BTreeSet;

use striate_tensor::gradient_check::{SecondGradientError, check_second_gradients};
use striate_tensor::random::Generator;
use striate_tensor::registry::REGISTRY;
use striate_tensor::{DType, ErrorKind, GradOptions, Tensor, grad, grad_with, hessian, jacobian};

/// The operations whose gradient is computed by a kernel that is not recorded.
const REFUSING: [&str; 5] =
    ["ctc_loss", "ctc_loss, per sample", "grid_sample", "grid_sample, reflection", "grid_sample, bicubic"];

fn check(arrange: impl Fn(&Tensor) -> Tensor) {
    let mut refusing = BTreeSet::new();
    let mut problems = Vec::new();
    // The gradient through a cast is rounded as well, which differences see: `casts` below looks at it.
    for (i, operation) in REGISTRY.iter().enumerate().filter(|(_, operation)| operation.name != "to_dtype") {
        let inputs: Vec<Tensor> = (operation.inputs)(&mut Generator::new(31).fork(i as u64))
            .iter()
            .map(|input| if input.dtype() == DType::F64 { arrange(input) } else { input.clone() })
            .collect();
        match check_second_gradients(&inputs, operation.function) {
            Ok(()) => {}
            Err(SecondGradientError::Refused(error)) => {
                assert_eq!(error.kind(), ErrorKind::Autograd, "{}: {error}", operation.name);
                let family = operation.name.split(',').next().unwrap();
                assert_eq!(error.op(), family, "the operation that refuses is named");
                assert!(error.help().contains("docs/engine-ops.md"));
                refusing.insert(operation.name);
            }
            Err(problem) => problems.push(format!("{}: {problem}", operation.name)),
        }
    }
    assert!(problems.is_empty(), "{problems:#?}");
    assert_eq!(refusing, BTreeSet::from(REFUSING));
}

#[test]
fn second_derivatives_on_dense_inputs() {
    check(Tensor::clone);
}

#[test]
fn second_derivatives_on_permuted_views() {
    check(|x| {
        let reversed: Vec<isize> = (0..x.rank() as isize).rev().collect();
        x.permute(&reversed).contiguous().permute(&reversed)
    });
}

const CREATE: GradOptions = GradOptions { grad_outputs: None, retain_graph: false, create_graph: true };

#[test]
fn derivatives_of_any_order() {
    let x = Tensor::from_slice(&[0.3f64, -0.8], &[2]).requires_grad_(true);
    let mut y = x.sin().sum_all();
    // sin, cos, -sin, -cos, sin
    for order in 1..=4 {
        y = grad_with(&[&y], &[&x], CREATE).unwrap()[0].clone().unwrap().sum_all();
        let expected =
            x.to_vec::<f64>().iter().map(|x| (x + order as f64 * std::f64::consts::FRAC_PI_2).sin()).sum::<f64>();
        assert!((y.item::<f64>() - expected).abs() < 1e-14);
    }
}

#[test]
fn casts() {
    let x = Tensor::scalar(1.5f64).requires_grad_(true);
    let y = x.to_dtype(DType::F32).pow(3.0).to_dtype(DType::F64);
    assert_eq!(hessian(&y, &x).unwrap().item::<f64>(), 9.0);
}

#[test]
fn a_gradient_penalty_reaches_the_parameters() {
    let generator = &mut Generator::new(3);
    let (w, v) = (Tensor::randn(&[5, 4], generator), Tensor::randn(&[1, 5], generator));
    let (w, v) = (w.to_dtype(DType::F64).requires_grad_(true), v.to_dtype(DType::F64).requires_grad_(true));
    let x = Tensor::randn(&[6, 4], generator).to_dtype(DType::F64);
    let penalty = |w: &Tensor, v: &Tensor| {
        let x = x.detach().requires_grad_(true);
        let score = x.linear(w, None).tanh().linear(v, None).sum_all();
        let slope = grad_with(&[&score], &[&x], CREATE).unwrap()[0].clone().unwrap();
        slope.norm(2.0, &[1], false).add_scalar(-1.0).square().mean_all()
    };
    penalty(&w, &v).backward();
    let step = 1e-5;
    for (parameter, gradient) in [(&w, w.grad().unwrap()), (&v, v.grad().unwrap())] {
        let (values, gradient) = (parameter.to_vec::<f64>(), gradient.to_vec::<f64>());
        for i in 0..values.len() {
            let at = |shift: f64| {
                let mut values = values.clone();
                values[i] += shift;
                let moved = Tensor::from_slice(&values, parameter.shape());
                let first = std::ptr::eq(parameter, &w);
                let (w, v) = if first { (&moved, &v) } else { (&w, &moved) };
                penalty(w, v).item::<f64>()
            };
            let numeric = (at(step) - at(-step)) / (2.0 * step);
            assert!((numeric - gradient[i]).abs() < 1e-7, "{i}: {numeric} and {}", gradient[i]);
        }
    }
}

#[test]
fn jacobians_and_hessians() {
    let x = Tensor::from_slice(&[1.0f64, 2.0, 4.0], &[3]).requires_grad_(true);
    let weights = Tensor::from_slice(&[1.0f64, 0.0, 2.0, -1.0, 3.0, 0.5], &[2, 3]);
    let y = weights.matmul(&x);
    let found = jacobian(&y, &x).unwrap();
    assert_eq!((found.shape(), found.to_vec::<f64>()), (&[2, 3][..], weights.to_vec::<f64>()));
    // The graph is still there.
    assert_eq!(hessian(&y.square().sum_all(), &x).unwrap().to_vec::<f64>(), {
        weights.t().matmul(&weights).mul_scalar(2.0).to_vec::<f64>()
    });
    assert_eq!(hessian(&x.sum_all(), &x).unwrap().to_vec::<f64>(), [0.0; 9]);
    assert_eq!(hessian(&y, &x).unwrap_err().op(), "hessian");
}

#[test]
fn gradients_of_intermediates_leave_what_lies_before_alone() {
    let x = Tensor::scalar(2.0f64).requires_grad_(true);
    let middle = x.square();
    let y = middle.exp();
    let found = grad(&[&y], &[&middle]).unwrap();
    assert_eq!(found[0].as_ref().unwrap().item::<f64>(), 4f64.exp());
    // The record of the square was not used.
    middle.backward();
    assert_eq!(x.grad().unwrap().item::<f64>(), 4.0);
}

#[test]
fn options_are_checked() {
    let x = Tensor::from_slice(&[2.0f64, 1.0], &[2]).requires_grad_(true);
    let ones = Tensor::ones(&[2], DType::F64);
    let with = |given: &[&Tensor]| {
        grad_with(&[&x.square()], &[&x], GradOptions { grad_outputs: Some(given), ..GradOptions::default() })
    };
    assert_eq!(with(&[&ones.mul_scalar(3.0)]).unwrap()[0].as_ref().unwrap().to_vec::<f64>(), [12.0, 6.0]);
    assert_eq!(with(&[]).unwrap_err().kind(), ErrorKind::Argument);
    assert_eq!(with(&[&ones.select(0, 0)]).unwrap_err().kind(), ErrorKind::Shape);
    let kept = x.square();
    let options = GradOptions { retain_graph: true, ..GradOptions::default() };
    for _ in 0..2 {
        assert!(grad_with(&[&kept], &[&x], options).is_ok());
    }
    assert!(grad(&[&kept], &[&x]).is_ok() && grad(&[&kept], &[&x]).is_err());
}
