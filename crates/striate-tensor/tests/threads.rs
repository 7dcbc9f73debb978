//! The same bits with any number of threads.

use striate_kernels::threads::set_num_threads;
use striate_tensor::random::Generator;
use striate_tensor::{GridSampleOptions, Interpolation, RecurrentParameters, Tensor, grad};

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

/// Choosing by indices, sampling, running sums and sequences: forward and backward.
fn choices() -> Vec<Vec<u32>> {
    let mut generator = Generator::new(12);
    let table = Tensor::randn(&[300, 40], &mut generator).requires_grad_(true);
    let words = Tensor::randint(0, 300, &[50, 60], &mut generator);
    let vectors = table.embedding(&words);
    let columns = Tensor::randint(0, 40, &[300, 70], &mut generator);
    let gathered = table.gather(1, &columns);
    let sums = vectors.cumsum(1);
    let images = Tensor::randn(&[3, 5, 20, 21], &mut generator).requires_grad_(true);
    let grid = Tensor::uniform(&[3, 30, 31, 2], -1.1, 1.1, &mut generator).requires_grad_(true);
    let samples = images.grid_sample(&grid, GridSampleOptions::default());
    let parameter = |shape: &[usize]| Tensor::uniform(shape, -0.2, 0.2, &mut Generator::new(3)).requires_grad_(true);
    let (weight_ih, weight_hh, bias) = (parameter(&[192, 40]), parameter(&[192, 64]), parameter(&[192]));
    let parameters = RecurrentParameters {
        weight_ih: &weight_ih,
        weight_hh: &weight_hh,
        biases: Some([&bias, &bias]),
        reverse: true,
    };
    let read = vectors.gru(&parameter(&[60, 64]), parameters);
    let loss = gathered.square().mean_all()
        + sums.square().mean_all()
        + samples.square().mean_all()
        + read.square().mean_all();
    let gradients = grad(&[&loss], &[&table, &images, &grid, &weight_ih, &weight_hh, &bias]).unwrap();
    let mut all = vec![gathered, sums, samples, read];
    all.extend(gradients.into_iter().flatten());
    all.iter().map(|tensor| tensor.to_vec::<f32>().into_iter().map(f32::to_bits).collect()).collect()
}

#[test]
fn results_do_not_depend_on_the_number_of_threads() {
    set_num_threads(1);
    let (expected, chosen) = (results(), choices());
    assert_eq!((expected.len(), chosen.len()), (8, 10));
    for threads in [2, 3, 7] {
        set_num_threads(threads);
        assert!(results() == expected, "with {threads} threads");
        assert!(choices() == chosen, "with {threads} threads");
    }
}
