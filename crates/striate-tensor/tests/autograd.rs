//! The backward pass: what it computes, what it frees, what it refuses.

use striate_tensor::{DType, Tensor, grad, no_grad};

fn parameter(values: &[f64]) -> Tensor {
    Tensor::from_slice(values, &[values.len()]).requires_grad_(true)
}

#[test]
fn gradients_accumulate_until_they_are_zeroed() {
    let w = parameter(&[1.0, 2.0]);
    for round in 1..=3 {
        (&w * &w).sum_all().backward();
        assert_eq!(w.grad().unwrap().to_vec::<f64>(), [2.0 * f64::from(round), 4.0 * f64::from(round)]);
    }
    w.zero_grad();
    assert!(w.grad().is_none());
}

#[test]
fn a_handle_on_a_gradient_does_not_change_under_its_owner() {
    let w = parameter(&[1.0]);
    w.sum_all().backward();
    let before = w.grad().unwrap();
    w.sum_all().backward();
    assert_eq!(before.to_vec::<f64>(), [1.0]);
    assert_eq!(w.grad().unwrap().to_vec::<f64>(), [2.0]);
}

#[test]
fn a_value_used_several_times_gets_the_sum_of_its_gradients() {
    let x = parameter(&[3.0]);
    let y = &x + &x;
    let z = (&y * &x).add(&y);
    z.sum_all().backward();
    // z = 2x² + 2x
    assert_eq!(x.grad().unwrap().to_vec::<f64>(), [14.0]);
}

#[test]
fn the_gradient_passed_in_is_not_written_to() {
    let x = parameter(&[1.0, 1.0]);
    let seed = Tensor::from_slice(&[5.0, 7.0], &[2]);
    for _ in 0..2 {
        (&x + &x).backward_with(&seed);
    }
    assert_eq!(seed.to_vec::<f64>(), [5.0, 7.0]);
    assert_eq!(x.grad().unwrap().to_vec::<f64>(), [20.0, 28.0]);
}

#[test]
fn a_chain_of_a_hundred_thousand_operations_neither_overflows_in_backward_nor_in_drop() {
    let run = || {
        let x = parameter(&[1.0]);
        let mut y = x.clone();
        for _ in 0..100_000 {
            y = y + 1.0;
        }
        (x, y)
    };
    let (x, y) = run();
    y.sum_all().backward();
    assert_eq!(x.grad().unwrap().to_vec::<f64>(), [1.0]);
    let (_, unused) = run();
    drop(unused);
}

#[test]
fn detach_and_no_grad_cut_the_graph() {
    let x = parameter(&[2.0]);
    let y = &x * &x.detach();
    y.sum_all().backward();
    assert_eq!(x.grad().unwrap().to_vec::<f64>(), [2.0]);
    assert!(!no_grad(|| &x * 2.0).requires_grad());
    assert!((&x * 2.0).requires_grad());
}

#[test]
fn grad_leaves_accumulated_gradients_alone_and_reaches_intermediate_results() {
    let x = parameter(&[2.0]);
    let other = parameter(&[1.0]);
    let y = &x * &x;
    let z = &y * 3.0;
    let found = grad(&[&z], &[&x, &y, &other]).unwrap();
    assert_eq!(found[0].as_ref().unwrap().to_vec::<f64>(), [12.0]);
    assert_eq!(found[1].as_ref().unwrap().to_vec::<f64>(), [3.0]);
    assert!(found[2].is_none());
    assert!(x.grad().is_none());
}

#[test]
fn modifying_a_saved_value_in_place_is_an_error() {
    let x = parameter(&[1.0, 2.0]);
    let w = parameter(&[3.0, 4.0]);
    let y = (&x * &w).sum_all();
    w.copy_(&Tensor::zeros(&[2], DType::F64));
    let message = y.try_backward().unwrap_err().to_string();
    assert!(message.contains("modified in place after mul used it"), "{message}");
}

#[test]
fn a_broadcast_gradient_kept_by_a_leaf_is_dense() {
    let x = parameter(&[1.0, 2.0, 3.0]);
    x.sum_all().backward();
    assert!(x.grad().unwrap().is_contiguous());
}

#[test]
fn tensors_can_be_sent_to_and_shared_with_other_threads() {
    let w = parameter(&[1.0, 2.0]);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..50).for_each(|_| w.square().sum_all().backward()));
        }
    });
    assert_eq!(w.grad().unwrap().to_vec::<f64>(), [400.0, 800.0]);
}
