//! The same bits with any number of threads.

use striate_kernels::threads::set_num_threads;
use striate_tensor::random::Generator;
use striate_tensor::{Interpolation, Tensor, grad};

/// Large enough that every loop is cut into several chunks.
fn results() -> Vec<Vec<u32>> {
    let mut generator = Generator::new(11);
    let x = Tensor::randn(&[16, 24, 20, 21], &mut generator).requires_grad_(true);
    let per_channel = Tensor::randn(&[24, 1, 1], &mut generator).requires_grad_(true);
    let scale = Tensor::randn(&[24], &mut generator).requires_grad_(true);
    let channels_last = x.channels_last();
    let y = (&channels_last * &per_channel).tanh();
    let rows = y.reshape(&[160, 1008]);
    let product = rows.matmul(&rows.t());
    let normalised = y.group_norm(4, Some((&scale, &scale)), 1e-5).layer_norm(&[21], None, 1e-5);
    let resized = normalised.interpolate(&[17, 33], Interpolation::Cubic { align_corners: false });
    let loss = product.relu().mean_all()
        + y.sum(&[0, 2, 3], false).square().mean_all()
        + x.max(&[1], false).sum_all()
        + resized.square().sum_all();
    let gradients = grad(&[&loss], &[&x, &per_channel, &scale]).unwrap();
    let mut all =
        vec![loss.clone(), resized.clone(), product.clone(), x.sum(&[1], false), channels_last.sum(&[0, 2, 3], true)];
    all.extend(gradients.into_iter().flatten());
    all.iter().map(|tensor| tensor.to_vec::<f32>().into_iter().map(f32::to_bits).collect()).collect()
}

#[test]
fn results_do_not_depend_on_the_number_of_threads() {
    set_num_threads(1);
    let expected = results();
    assert_eq!(expected.len(), 8);
    for threads in [2, 3, 7] {
        set_num_threads(threads);
        assert!(results() == expected, "with {threads} threads");
    }
}
