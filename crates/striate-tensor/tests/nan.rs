//! NaN and infinity: what IEEE arithmetic and PyTorch do with them.

use striate_tensor::random::Generator;
use striate_tensor::registry::REGISTRY;
use striate_tensor::{DType, Pool2dOptions, Tensor};

const NAN: f32 = f32::NAN;
const INF: f32 = f32::INFINITY;

fn vector(values: &[f32]) -> Tensor {
    Tensor::from_slice(values, &[values.len()])
}

/// Equality in which NaN equals NaN.
#[track_caller]
fn expect(found: &Tensor, expected: &[f32]) {
    let found = found.to_vec::<f32>();
    let same = |(a, b): (&f32, &f32)| a == b || (a.is_nan() && b.is_nan());
    assert!(found.len() == expected.len() && found.iter().zip(expected).all(same), "{found:?}, expected {expected:?}");
}

/// What gives a number for NaN: a power of 0, as in IEEE arithmetic.
const FORGIVING: [&str; 1] = ["pow, exponent 0"];

#[test]
fn every_operation_passes_nan_on() {
    for (i, operation) in REGISTRY.iter().enumerate().filter(|(_, op)| !FORGIVING.contains(&op.name)) {
        let mut inputs = (operation.inputs)(&mut Generator::new(5).fork(i as u64));
        let first = inputs.iter_mut().find(|input| input.dtype() == DType::F64).expect("a float input");
        *first = first.full_like(f64::NAN);
        let output = (operation.function)(&inputs);
        assert!(output.to_vec::<f64>().iter().any(|y| y.is_nan()), "{} swallows NaN", operation.name);
    }
}

#[test]
fn the_largest_and_the_smallest() {
    let x = vector(&[1.0, NAN, 3.0, NAN, -INF]);
    expect(&x.max_all(), &[NAN]);
    expect(&x.min_all(), &[NAN]);
    for (values, indices) in [x.max_with_indices(0, false), x.min_with_indices(0, false)] {
        expect(&values, &[NAN]);
        assert_eq!(indices.item::<i64>(), 1, "the first NaN");
    }
    assert_eq!((x.argmax(&[], false).item::<i64>(), x.argmin(&[0], false).item::<i64>()), (1, 1));
    let infinite = vector(&[INF, -INF, 0.0, INF]);
    assert_eq!((infinite.argmax(&[], false).item::<i64>(), infinite.argmin(&[], false).item::<i64>()), (0, 1));
    expect(&vector(&[-INF, -INF]).max_all(), &[-INF]);
    // In every place of vectors long enough for the wide loops, whatever lies around it.
    for length in [1, 2, 7, 16, 33, 257] {
        for place in [0, length / 2, length - 1] {
            let mut values = vec![2.0; length];
            values[place] = NAN;
            expect(&vector(&values).max_all(), &[NAN]);
            expect(&vector(&values).min_all(), &[NAN]);
            expect(&vector(&values).sum_all(), &[NAN]);
            assert_eq!(vector(&values).argmax(&[], false).item::<i64>(), place as i64);
            let mut relu = vec![2.0; length];
            relu[place] = NAN;
            expect(&vector(&values).relu(), &relu);
        }
    }
}

#[test]
fn pairs_and_limits() {
    let (a, b) = (vector(&[NAN, 1.0, NAN, INF, -0.0]), vector(&[1.0, NAN, NAN, 2.0, -1.0]));
    expect(&a.maximum(&b), &[NAN, NAN, NAN, INF, 0.0]);
    expect(&a.minimum(&b), &[NAN, NAN, NAN, 2.0, -1.0]);
    let x = vector(&[NAN, -INF, INF, 0.5]);
    expect(&x.clamp(0.0, 1.0), &[NAN, 0.0, 1.0, 0.5]);
    expect(&x.clamp(f64::NEG_INFINITY, 1.0), &[NAN, -INF, 1.0, 0.5]);
    expect(&x.relu(), &[NAN, 0.0, INF, 0.5]);
    expect(&x.leaky_relu(0.1), &[NAN, -INF, INF, 0.5]);
    expect(&x.abs(), &[NAN, INF, INF, 0.5]);
    expect(&x.sign(), &[NAN, -1.0, 1.0, 1.0]);
    assert_eq!(x.eq(&x).to_vec::<bool>(), [false, true, true, true]);
    assert_eq!(x.ne(&x).to_vec::<bool>(), [true, false, false, false]);
    assert_eq!((x.isnan().any(&[], false).item::<bool>(), x.isfinite().all(&[], false).item::<bool>()), (true, false));
}

#[test]
fn order() {
    // NaN counts as larger than everything.
    let x = vector(&[3.0, NAN, 1.0, INF]);
    let (values, indices) = x.sort(0, false);
    expect(&values, &[1.0, 3.0, INF, NAN]);
    assert_eq!(indices.to_vec::<i64>(), [2, 0, 3, 1]);
    expect(&x.sort(0, true).0, &[NAN, INF, 3.0, 1.0]);
    expect(&x.topk(2, 0, true).0, &[NAN, INF]);
    expect(&x.topk(2, 0, false).0, &[1.0, 3.0]);
    let (value, index) = x.median(0, false);
    expect(&value, &[NAN]);
    assert_eq!(index.item::<i64>(), 1);
    expect(&vector(&[3.0, -INF, 1.0, INF]).median(0, false).0, &[1.0]);
}

#[test]
fn windows() {
    let mut values = vec![1.0f32; 2 * 6 * 6];
    values[2 * (2 * 6 + 3)] = NAN;
    for channels_last in [false, true] {
        let x = Tensor::from_slice(&values, &[1, 6, 6, 2]).permute(&[0, 3, 1, 2]);
        let x = if channels_last { x } else { x.contiguous() };
        for pooled in [
            x.max_pool2d(Pool2dOptions::new(2)),
            x.avg_pool2d(Pool2dOptions::new(2)),
            x.adaptive_max_pool2d([3, 3]),
            x.adaptive_avg_pool2d([3, 3]),
        ] {
            let nan: Vec<usize> = (0..18).filter(|&i| pooled.to_vec::<f32>()[i].is_nan()).collect();
            assert_eq!(nan, [4], "the window in the middle of the first channel, and no other");
        }
    }
    let low = Tensor::full(&[1, 1, 4, 4], -INF);
    let padded = Pool2dOptions { padding: [1, 1], ..Pool2dOptions::new(3) };
    assert!(low.max_pool2d(padded).to_vec::<f32>().iter().all(|&y| y == -INF));
}

#[test]
fn sums_and_probabilities() {
    expect(&vector(&[INF, -INF]).sum_all(), &[NAN]);
    expect(&vector(&[INF, 1.0]).mean_all(), &[INF]);
    expect(&vector(&[0.0, INF]).prod(&[], false), &[NAN]);
    expect(&vector(&[1.0, NAN, 1.0]).cumsum(0), &[1.0, NAN, NAN]);
    expect(&vector(&[-INF, 0.0]).softmax(0), &[0.0, 1.0]);
    expect(&vector(&[-INF, -INF]).softmax(0), &[NAN, NAN]);
    expect(&vector(&[INF, 0.0]).softmax(0), &[NAN, NAN]);
    expect(&vector(&[-INF, -INF]).logsumexp(&[], false), &[-INF]);
    expect(&vector(&[INF, 1.0]).logsumexp(&[], false), &[INF]);
    expect(&vector(&[1.0, NAN]).norm(f64::INFINITY, &[], false), &[NAN]);
    // 0 · NaN is NaN in a product of matrices as well.
    let zero = Tensor::zeros(&[3, 5], DType::F32);
    let mut values = vec![1.0; 20];
    values[7] = NAN;
    let found = zero.matmul(&Tensor::from_slice(&values, &[5, 4])).to_vec::<f32>();
    assert!((0..12).all(|i| found[i].is_nan() == (i % 4 == 3)));
}
