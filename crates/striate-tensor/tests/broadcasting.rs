//! Broadcasting against its definition, on random shapes and strided views.

use proptest::prelude::*;
use striate_tensor::Tensor;

/// NumPy's rule, spelled out.
fn broadcast(a: &[usize], b: &[usize]) -> Option<Vec<usize>> {
    let rank = a.len().max(b.len());
    let pad = |shape: &[usize]| [vec![1; rank - shape.len()], shape.to_vec()].concat();
    pad(a)
        .into_iter()
        .zip(pad(b))
        .map(|(a, b)| match (a, b) {
            (a, b) if a == b => Some(a),
            (1, other) | (other, 1) => Some(other),
            _ => None,
        })
        .collect()
}

/// The element of a row-major tensor that meets position `index` of `shape`.
fn element(values: &[f64], own: &[usize], index: &[usize]) -> f64 {
    let lead = index.len() - own.len();
    let position =
        own.iter().zip(&index[lead..]).fold(0, |position, (&size, &i)| position * size + if size == 1 { 0 } else { i });
    values[position]
}

fn indices(shape: &[usize]) -> Vec<Vec<usize>> {
    shape.iter().fold(vec![vec![]], |prefixes, &size| {
        prefixes.iter().flat_map(|prefix| (0..size).map(|i| [prefix.clone(), vec![i]].concat())).collect()
    })
}

/// A tensor of the shape with values that all differ, laid out with its dimensions in the order `order` points to.
fn tensor(shape: &[usize], start: f64, order: u64) -> Tensor {
    let numel: usize = shape.iter().product();
    let x = Tensor::arange(start, start + numel as f64, 1.0).reshape(shape);
    let dims = striate_tensor::random::Generator::new(order).permutation(shape.len());
    let mut inverse = vec![0; dims.len()];
    for (i, &d) in dims.iter().enumerate() {
        inverse[d] = i as isize;
    }
    let dims: Vec<isize> = dims.iter().map(|&d| d as isize).collect();
    x.permute(&dims).contiguous().permute(&inverse)
}

fn shape() -> impl Strategy<Value = Vec<usize>> {
    prop::collection::vec(prop_oneof![3 => 1usize..4, 1 => Just(1), 1 => 0usize..2], 0..5)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]

    #[test]
    fn pairs_follow_the_rule(a in shape(), b in shape(), orders in any::<[u64; 2]>()) {
        let (x, y) = (tensor(&a, 1.0, orders[0]), tensor(&b, 100.0, orders[1]));
        let Some(expected) = broadcast(&a, &b) else {
            prop_assert!(x.try_add(&y).is_err());
            return Ok(());
        };
        let (xs, ys) = (x.to_vec::<f64>(), y.to_vec::<f64>());
        let product = x.mul(&y);
        prop_assert_eq!(product.shape(), &expected[..]);
        let by_hand: Vec<f64> =
            indices(&expected).iter().map(|index| element(&xs, &a, index) * element(&ys, &b, index)).collect();
        prop_assert_eq!(product.to_vec::<f64>(), by_hand);
    }

    #[test]
    fn gradients_are_summed_over_what_was_repeated(a in shape(), b in shape(), orders in any::<[u64; 2]>()) {
        let Some(common) = broadcast(&a, &b) else { return Ok(()) };
        let (x, y) = (tensor(&a, 1.0, orders[0]).requires_grad_(true), tensor(&b, 100.0, orders[1]));
        x.mul(&y).sum_all().backward();
        let gradient = x.grad().unwrap();
        prop_assert_eq!(gradient.shape(), &a[..]);
        let ys = y.to_vec::<f64>();
        let mut expected = vec![0.0; x.numel()];
        let position: Vec<f64> = (0..x.numel()).map(|i| i as f64).collect();
        for index in indices(&common) {
            expected[element(&position, &a, &index) as usize] += element(&ys, &b, &index);
        }
        prop_assert_eq!(gradient.to_vec::<f64>(), expected);
    }

    #[test]
    fn sums_agree_with_adding_up(shape in shape(), order in any::<u64>(), chosen in any::<[bool; 5]>(), keepdim: bool) {
        let x = tensor(&shape, 1.0, order);
        let dims: Vec<isize> = (0..shape.len()).filter(|&d| chosen[d]).map(|d| d as isize).collect();
        prop_assume!(!dims.is_empty());
        let kept: Vec<usize> = shape.iter().enumerate().map(|(d, &s)| if chosen[d] { 1 } else { s }).collect();
        let (values, mut expected) = (x.to_vec::<f64>(), vec![0.0; kept.iter().product()]);
        let position: Vec<f64> = (0..expected.len()).map(|i| i as f64).collect();
        for (index, value) in indices(&shape).iter().zip(&values) {
            expected[element(&position, &kept, index) as usize] += value;
        }
        let sum = x.sum(&dims, keepdim);
        let shown: Vec<usize> =
            kept.iter().enumerate().filter(|&(d, _)| keepdim || !chosen[d]).map(|(_, &s)| s).collect();
        prop_assert_eq!(sum.shape(), &shown[..]);
        prop_assert_eq!(sum.to_vec::<f64>(), expected);
    }

    #[test]
    fn reshape_keeps_the_row_major_sequence(shape in shape(), order in any::<u64>(), cut in 0usize..5) {
        let x = tensor(&shape, 1.0, order);
        let cut = cut.min(shape.len());
        let merged = [shape[..cut].iter().product::<usize>(), 1, shape[cut..].iter().product()];
        let reshaped = x.reshape(&merged);
        prop_assert_eq!(reshaped.to_vec::<f64>(), x.to_vec::<f64>());
        prop_assert_eq!(reshaped.reshape(&shape).to_vec::<f64>(), x.to_vec::<f64>());
    }
}

/// Shapes large enough for the loops with tiles and long rows, and sizes that fill neither evenly.
#[test]
fn large_tensors_give_the_same_in_every_memory_order() {
    for shape in [[3, 5, 37, 41], [1, 3, 50, 70], [7, 33, 9, 19], [2, 600, 3, 5]] {
        let x = tensor(&shape, 1.0, 0).contiguous();
        let per_channel = Tensor::arange(0.0, shape[1] as f64, 1.0).reshape(&[shape[1], 1, 1]);
        let per_row = Tensor::arange(0.0, shape[2] as f64, 1.0).reshape(&[shape[2], 1]);
        let channels_last = x.channels_last();
        assert!(channels_last.is_channels_last());
        assert_eq!(channels_last.to_vec::<f64>(), x.to_vec::<f64>());
        assert_eq!(channels_last.contiguous().to_vec::<f64>(), x.to_vec::<f64>());
        for other in [&per_channel, &per_row] {
            let values = other.to_vec::<f64>();
            let expected: Vec<f64> = indices(&shape)
                .iter()
                .zip(x.to_vec::<f64>())
                .map(|(index, x)| x - element(&values, other.shape(), index))
                .collect();
            for x in [&x, &channels_last, &x.permute(&[3, 2, 1, 0]).contiguous().permute(&[3, 2, 1, 0])] {
                assert!((x - other).to_vec::<f64>() == expected, "{shape:?} {:?}", x.strides());
                assert!((other - x).neg().to_vec::<f64>() == expected, "{shape:?} {:?}", x.strides());
            }
        }
        let part = channels_last.narrow(2, 1, 2);
        assert_eq!((&part + &part).to_vec::<f64>(), x.narrow(2, 1, 2).mul_scalar(2.0).to_vec::<f64>());
        assert_eq!(part.sum(&[1, 3], false).to_vec::<f64>(), x.narrow(2, 1, 2).sum(&[1, 3], false).to_vec::<f64>());
    }
}
