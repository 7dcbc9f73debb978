//! Views: what shares memory, what a write reaches, which memory order results have.

use striate_tensor::{DType, Slice, Tensor};

fn grid() -> Tensor {
    Tensor::arange(0.0f32, 12.0, 1.0).reshape(&[3, 4])
}

#[test]
fn views_share_memory_and_copies_do_not() {
    let x = grid();
    for view in [
        x.reshape(&[2, 6]),
        x.t(),
        x.narrow(0, 1, 2),
        x.select(1, 2),
        x.slice(&[Slice::from(..).step(2)]),
        x.unsqueeze(0),
        x.broadcast_to(&[2, 3, 4]),
        x.detach(),
        x.contiguous(),
    ] {
        assert!(view.shares_storage_with(&x), "{view:?}");
    }
    for copy in [x.copy(), x.t().contiguous(), x.t().reshape(&[12]), &x + 0.0] {
        assert!(!copy.shares_storage_with(&x), "{copy:?}");
    }
}

#[test]
fn a_write_through_a_view_is_seen_by_all() {
    let x = grid();
    let column = x.select(1, 2);
    let transposed = x.t();
    column.copy_(&Tensor::from_slice(&[-1.0f32, -2.0, -3.0], &[3]));
    assert_eq!(x.to_vec::<f32>(), [0., 1., -1., 3., 4., 5., -2., 7., 8., 9., -3., 11.]);
    assert_eq!(transposed.select(0, 2).to_vec::<f32>(), [-1., -2., -3.]);
    assert_eq!(x.data_version(), 1);
    assert_eq!(transposed.data_version(), 1);
    x.narrow(0, 0, 1).copy_(&Tensor::scalar(9.0f32));
    assert_eq!(x.select(0, 0).to_vec::<f32>(), [9.0; 4]);
    // A tensor may be overwritten with a view of itself.
    let square = Tensor::arange(0i64, 4, 1).reshape(&[2, 2]);
    square.copy_(&square.t());
    assert_eq!(square.to_vec::<i64>(), [0, 2, 1, 3]);
}

#[test]
fn update_with_pairs_elements_by_position_whatever_the_memory_order() {
    let x = grid().t().contiguous().t();
    assert!(!x.is_contiguous());
    x.update_with(&grid(), |x, g| x.iter_mut().zip(g).for_each(|(x, g)| *x -= g));
    assert_eq!(x.to_vec::<f32>(), [0.0; 12]);
    let gaps = grid().narrow(1, 0, 2);
    assert!(gaps.try_update_with::<f32>(&gaps, |_, _| {}).is_err());
}

#[test]
fn element_by_element_results_keep_the_memory_order() {
    let x = Tensor::zeros(&[2, 3, 4, 5], DType::F32).channels_last();
    assert_eq!(x.strides(), [60, 1, 15, 3]);
    let per_channel = Tensor::zeros(&[3, 1, 1], DType::F32);
    let contiguous = Tensor::zeros(&[2, 3, 4, 5], DType::F32);
    for y in
        [x.relu(), &x + &x, &x * 2.0, &x + &per_channel, &per_channel - &x, &x + &contiguous, x.to_dtype(DType::U8)]
    {
        assert!(y.is_channels_last(), "{:?}", y.strides());
    }
    // Of two orders channels last stays: convolutions before and after want it.
    assert!((&contiguous + &x).is_channels_last());

    assert!(x.pad(&[(0, 0), (0, 0), (1, 1), (1, 1)], 0.0).is_channels_last());
    assert!(Tensor::cat(&[&x, &contiguous], 1).is_channels_last());
}

/// Large enough that matrices are transposed before the arithmetic, in types with and without a kernel for that.
#[test]
fn operands_in_different_orders_meet_element_by_element() {
    let shape = [2, 21, 9, 7];
    let ascending = Tensor::arange(0i64, 2 * 21 * 9 * 7, 1).view(&shape);
    for dtype in [DType::I64, DType::F32, DType::F64, DType::BF16] {
        let x = ascending.to_dtype(dtype);
        let y = x.channels_last();
        for difference in [&x - &y, &y - &x, &x.transpose(2, 3) - &y.transpose(2, 3)] {
            assert_eq!(difference.shape().iter().product::<usize>(), x.numel());
            assert!(difference.to_dtype(DType::F64).to_vec::<f64>().iter().all(|&d| d == 0.0), "{dtype:?}");
        }
    }
}

#[test]
fn a_view_that_needs_a_copy_is_refused() {
    assert!(grid().t().try_view(&[12]).is_err());
    assert_eq!(grid().narrow(1, 0, 2).view(&[3, 2, 1]).shape(), [3, 2, 1]);
}

#[test]
fn slices_clip_and_count_from_the_end_like_pythons() {
    let x = Tensor::arange(0i64, 10, 1);
    for (slice, expected) in [
        (Slice::from(2..5), vec![2, 3, 4]),
        (Slice::new(-3, -1), vec![7, 8]),
        (Slice::from(-2..), vec![8, 9]),
        (Slice::from(..100), (0..10).collect()),
        (Slice::new(5, 2), vec![]),
        (Slice::from(1..).step(4), vec![1, 5, 9]),
    ] {
        assert_eq!(x.slice(&[slice]).to_vec::<i64>(), expected, "{slice:?}");
    }
}

#[test]
fn printing_shortens_and_aligns() {
    let x = Tensor::from_slice(&[1.0f32, -2.5, 3.25, 1e9], &[2, 2]);
    assert_eq!(format!("{x:.2}"), "[[  1.00,  -2.50],\n [  3.25, 1.00e9]]");
    let long = Tensor::arange(0i64, 100, 1);
    assert_eq!(long.to_string(), "[ 0,  1,  2, ..., 97, 98, 99]");
    assert_eq!(format!("{:?}", Tensor::scalar(true)), "Tensor(bool, []) true");
    assert_eq!(Tensor::zeros(&[0, 3], DType::F32).to_string(), "[]");
}
