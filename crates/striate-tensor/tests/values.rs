//! Values of operations where conventions decide: ties, NaN, integers, empty tensors.

use striate_tensor::{DType, Tensor};

const NAN: f64 = f64::NAN;

fn t(values: &[f64]) -> Tensor {
    Tensor::from_slice(values, &[values.len()])
}

/// Equality with NaN equal to itself.
#[track_caller]
fn same(found: &Tensor, expected: &[f64]) {
    let found = found.to_vec::<f64>();
    let bits = |values: &[f64]| values.iter().map(|x| if x.is_nan() { NAN.to_bits() } else { x.to_bits() }).collect();
    let (a, b): (Vec<u64>, Vec<u64>) = (bits(&found), bits(expected));
    assert!(a == b, "{found:?} instead of {expected:?}");
}

#[test]
fn nan_goes_through_everything() {
    let x = t(&[NAN, 1.0, NAN, -1.0]);
    let y = t(&[1.0, NAN, NAN, 2.0]);
    same(&x.maximum(&y), &[NAN, NAN, NAN, 2.0]);
    same(&x.minimum(&y), &[NAN, NAN, NAN, -1.0]);
    same(&x.relu(), &[NAN, 1.0, NAN, 0.0]);
    same(&x.clamp(0.0, 0.5), &[NAN, 0.5, NAN, 0.0]);
    same(&x.max_all(), &[NAN]);
    same(&x.min_all(), &[NAN]);
    same(&x.sum_all(), &[NAN]);
    assert_eq!(t(&[3.0, NAN, 5.0, NAN]).argmax(&[0], false).item::<i64>(), 1);
    assert_eq!(t(&[3.0, NAN, 5.0, NAN]).argmin(&[0], false).item::<i64>(), 1);
    same(&x.max_with_indices(0, false).0, &[NAN]);
}

#[test]
fn ties_share_the_gradient_of_max_and_the_first_wins_with_indices() {
    let x = t(&[1.0, 3.0, 3.0, 2.0]).requires_grad_(true);
    x.max_all().backward();
    same(&x.grad().unwrap(), &[0.0, 0.5, 0.5, 0.0]);
    x.zero_grad();
    let (value, index) = x.max_with_indices(0, false);
    assert_eq!((value.item::<f64>(), index.item::<i64>()), (3.0, 1));
    value.backward();
    same(&x.grad().unwrap(), &[0.0, 1.0, 0.0, 0.0]);
    x.zero_grad();
    x.maximum(&t(&[3.0, 3.0, 0.0, 2.0])).sum_all().backward();
    same(&x.grad().unwrap(), &[0.0, 0.5, 1.0, 0.5]);
}

#[test]
fn kinks_have_the_derivative_pytorch_gives_them() {
    let x = t(&[-1.0, 0.0, 1.0]).requires_grad_(true);
    x.relu().sum_all().backward();
    same(&x.grad().unwrap(), &[0.0, 0.0, 1.0]);
    x.zero_grad();
    x.abs().sum_all().backward();
    same(&x.grad().unwrap(), &[-1.0, 0.0, 1.0]);
    x.zero_grad();
    x.clamp(-1.0, 0.0).sum_all().backward();
    same(&x.grad().unwrap(), &[1.0, 1.0, 0.0]);
}

#[test]
fn argmax_along_every_dimension_and_over_all() {
    let x = Tensor::from_slice(&[1.0f32, 9.0, 3.0, 7.0, 5.0, 8.0], &[2, 3]);
    assert_eq!(x.argmax(&[0], false).to_vec::<i64>(), [1, 0, 1]);
    assert_eq!(x.argmax(&[-1], true).shape(), [2, 1]);
    assert_eq!(x.argmax(&[], false).item::<i64>(), 1);
    assert_eq!(x.t().argmax(&[], false).item::<i64>(), 2);
    assert_eq!(x.argmin(&[1], false).to_vec::<i64>(), [0, 1]);
    assert!(x.try_argmax(&[0, 1], false).is_err());
}

#[test]
fn integers_wrap_and_sum_to_i64() {
    let bytes = Tensor::from_slice(&[250u8, 10], &[2]);
    assert_eq!((&bytes + &bytes).to_vec::<u8>(), [244, 20]);
    assert_eq!((&bytes + -11.0).to_vec::<u8>(), [239, 255]);
    assert_eq!(bytes.neg().to_vec::<u8>(), [6, 246]);
    assert_eq!(bytes.sum_all().item::<i64>(), 260);
    assert_eq!(bytes.max_all().item::<u8>(), 250);
    let mask = Tensor::from_slice(&[true, false, true], &[3]);
    assert_eq!(mask.sum_all().item::<i64>(), 2);
    assert_eq!(mask.logical_not().to_vec::<bool>(), [false, true, false]);
    let big = Tensor::scalar((1i64 << 53) + 1);
    assert_eq!((&big * 1.0).item::<i64>(), (1 << 53) + 1);
    assert!(bytes.try_div(&bytes).is_err());
    assert!(mask.try_add(&mask).is_err());
}

#[test]
fn conversions_truncate_saturate_and_test_for_zero() {
    let x = t(&[-1.9, 2.9, 300.0, 0.0]);
    assert_eq!(x.to_dtype(DType::I64).to_vec::<i64>(), [-1, 2, 300, 0]);
    assert_eq!(x.to_dtype(DType::U8).to_vec::<u8>(), [0, 2, 255, 0]);
    assert_eq!(x.to_dtype(DType::Bool).to_vec::<bool>(), [true, true, true, false]);
    assert_eq!(Tensor::scalar(i64::MAX - 1).to_dtype(DType::I64).item::<i64>(), i64::MAX - 1);
    assert_eq!(Tensor::from_slice(&[true, false], &[2]).to_dtype(DType::F32).to_vec::<f32>(), [1.0, 0.0]);
}

#[test]
fn comparisons_are_boolean_and_broadcast() {
    let x = Tensor::from_slice(&[1i64, 2, 3], &[3]);
    let two = Tensor::scalar(2i64);
    assert_eq!(x.lt(&two).to_vec::<bool>(), [true, false, false]);
    assert_eq!(x.le(&two).to_vec::<bool>(), [true, true, false]);
    assert_eq!(x.eq(&two).to_vec::<bool>(), [false, true, false]);
    assert_eq!(x.ne(&two).to_vec::<bool>(), [true, false, true]);
    assert_eq!(x.gt(&two).logical_or(&x.lt(&two)).to_vec::<bool>(), [true, false, true]);
    assert_eq!(x.ge(&two).logical_and(&x.le(&two)).to_vec::<bool>(), [false, true, false]);
    let nan = t(&[NAN]);
    assert_eq!(nan.eq(&nan).to_vec::<bool>(), [false]);
}

#[test]
fn where_never_lets_the_other_branch_through() {
    let x = t(&[-1.0, 4.0]).requires_grad_(true);
    let positive = x.gt(&t(&[0.0]));
    let y = positive.where_(&x.sqrt(), &t(&[0.0]));
    same(&y, &[0.0, 2.0]);
    assert!(positive.try_where_(&x, &Tensor::scalar(0.0f32)).is_err());
    assert!(x.try_where_(&x, &x).is_err());
}

#[test]
fn empty_tensors_are_fine_where_there_is_an_answer() {
    let none = Tensor::zeros(&[0, 3], DType::F32);
    assert_eq!(none.sum(&[0], false).to_vec::<f32>(), [0.0; 3]);
    assert_eq!(none.sum(&[1], false).shape(), [0]);
    assert!(none.mean_all().item::<f32>().is_nan());
    assert_eq!(none.matmul(&Tensor::zeros(&[3, 2], DType::F32)).shape(), [0, 2]);
    let inner = Tensor::zeros(&[2, 0], DType::F32).matmul(&Tensor::zeros(&[0, 3], DType::F32));
    assert_eq!(inner.to_vec::<f32>(), [0.0; 6]);
    assert!(none.try_max(&[0], false).is_err());
    assert_eq!(none.max(&[1], false).shape(), [0]);
    assert_eq!(none.index_select(1, &Tensor::from_slice(&[2i64], &[1])).shape(), [0, 1]);
    assert_eq!(Tensor::cat(&[&none, &Tensor::ones(&[1, 3], DType::F32)], 0).shape(), [1, 3]);
    let picked = Tensor::zeros(&[2, 0], DType::F32).index_select(0, &Tensor::from_slice(&[1i64, 1, 0], &[3]));
    assert_eq!(picked.shape(), [3, 0]);
}

#[test]
fn chunk_and_split_cover_the_dimension() {
    let x = Tensor::arange(0i64, 7, 1);
    let sizes = |parts: Vec<Tensor>| parts.iter().map(Tensor::numel).collect::<Vec<_>>();
    assert_eq!(sizes(x.split(3, 0)), [3, 3, 1]);
    assert_eq!(sizes(x.chunk(3, 0)), [3, 3, 1]);
    assert_eq!(sizes(x.chunk(10, 0)), [1; 7]);
}

#[test]
fn a_long_f32_sum_keeps_its_digits() {
    // Added one after the other in f32 this gives 16777216, where the sum stops growing.
    let n = 20_000_000;
    let ones = Tensor::scalar(1.0f32).broadcast_to(&[n]);
    assert_eq!(ones.sum_all().item::<f32>(), n as f32);
    let tenths = Tensor::full(&[1000, 1000], 0.1f32);
    assert!((tenths.sum_all().item::<f32>() - 100_000.0).abs() < 0.1);
    assert!((tenths.mean(&[0], false).sum_all().item::<f32>() - 100.0).abs() < 1e-3);
}

#[test]
fn matmul_of_vectors_and_batches_by_hand() {
    let v = t(&[1.0, 2.0]);
    let m = Tensor::from_slice(&[1.0, 2.0, 3.0, 4.0], &[2, 2]);
    assert_eq!(v.matmul(&v).item::<f64>(), 5.0);
    same(&v.matmul(&m), &[7.0, 10.0]);
    same(&m.matmul(&v), &[5.0, 11.0]);
    same(&m.t().matmul(&m), &[10.0, 14.0, 14.0, 20.0]);
    let batch = Tensor::stack(&[&m, &m.t()], 0);
    assert_eq!(batch.matmul(&v).shape(), [2, 2]);
    same(&batch.matmul(&v), &[5.0, 11.0, 7.0, 10.0]);
    same(&m.matmul(&batch).select(0, 1), &[5.0, 11.0, 11.0, 25.0]);
}
