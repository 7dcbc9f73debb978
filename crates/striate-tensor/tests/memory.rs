//! A training step that has run before takes no memory from the system. Alone in its program: the counters are global.

use striate_kernels::memory::stats;
use striate_tensor::random::Generator;
use striate_tensor::{AttentionOptions, DType, LstmParameters, Tensor, autocast, no_grad};

fn step(x: &Tensor, target: &Tensor, parameters: &[Tensor]) {
    let hidden = x.matmul(&parameters[0]).add(&parameters[1]).relu();
    let difference = hidden.matmul(&parameters[2]).sub(target);
    difference.square().mean_all().backward();
    no_grad(|| {
        for parameter in parameters {
            let gradient = parameter.grad().unwrap();
            parameter.update_with(&gradient, |w, g| w.iter_mut().zip(g).for_each(|(w, g)| *w -= 0.01 * g));
            parameter.zero_grad();
        }
    });
}

// One test, so that nothing else moves the counters.
#[test]
fn memory_is_used_again_and_freed_early() {
    a_steady_step_takes_nothing_from_the_system_and_keeps_nothing();
    a_steady_lstm_takes_nothing_from_the_system();
    backward_frees_saved_values_as_it_goes();
    attention_to_a_long_sequence_holds_no_weights();
}

fn a_steady_step_takes_nothing_from_the_system_and_keeps_nothing() {
    let mut generator = Generator::new(0);
    let x = Tensor::randn(&[64, 100], &mut generator);
    let target = Tensor::randn(&[64, 10], &mut generator);
    let parameters = [
        Tensor::randn(&[100, 50], &mut generator).requires_grad_(true),
        Tensor::zeros(&[50], DType::F32).requires_grad_(true),
        Tensor::randn(&[50, 10], &mut generator).requires_grad_(true),
    ];
    for _ in 0..3 {
        step(&x, &target, &parameters);
    }
    let before = stats();
    for _ in 0..20 {
        step(&x, &target, &parameters);
    }
    let after = stats();
    assert_eq!(after.system_allocations, before.system_allocations);
    assert_eq!(after.live_bytes, before.live_bytes);
}

fn a_steady_lstm_takes_nothing_from_the_system() {
    let mut generator = Generator::new(1);
    let x = Tensor::randn(&[7, 3, 5], &mut generator);
    let states = [(); 2].map(|()| Tensor::zeros(&[3, 20], DType::F32));
    let [weight_ih, weight_hh] =
        [[80, 5], [80, 20]].map(|shape| Tensor::randn(&shape, &mut generator).requires_grad_(true));
    let bias = Tensor::zeros(&[80], DType::F32).requires_grad_(true);
    let step = |precision| {
        let biases = Some([&bias, &bias]);
        let p = LstmParameters { weight_ih: &weight_ih, weight_hh: &weight_hh, biases, reverse: false };
        let (outputs, _) = autocast(precision, || x.lstm([&states[0], &states[1]], p));
        outputs.to_dtype(DType::F32).square().mean_all().backward();
        [&weight_ih, &weight_hh, &bias].into_iter().for_each(Tensor::zero_grad);
    };
    for precision in [DType::F32, DType::BF16] {
        (0..3).for_each(|_| step(precision));
        let before = stats();
        (0..20).for_each(|_| step(precision));
        let after = stats();
        assert_eq!(after.system_allocations, before.system_allocations);
        assert_eq!(after.live_bytes, before.live_bytes);
    }
}

fn backward_frees_saved_values_as_it_goes() {
    let x = Tensor::zeros(&[1 << 16], DType::F32).requires_grad_(true);
    let mut y = x.clone();
    for _ in 0..10 {
        y = y.sin();
    }
    let loss = y.sum_all();
    drop(y);
    let held = stats().live_bytes;
    loss.backward();
    // The loss keeps the record, but nothing that was saved in it: of the ten inputs nine are gone, one gradient came.
    assert!(stats().live_bytes + 7 * (4 << 16) < held);
    drop(loss);
}

fn attention_to_a_long_sequence_holds_no_weights() {
    let mut generator = Generator::new(0);
    let inputs = [(); 3].map(|()| Tensor::randn(&[1, 3, 2048, 8], &mut generator).requires_grad_(true));
    let attend = |keep_weights| {
        let options = AttentionOptions { keep_weights, ..AttentionOptions::default() };
        inputs[0].scaled_dot_product_attention(&inputs[1], &inputs[2], options)
    };
    let before = stats().live_bytes;
    let blocks = attend(None);
    assert!(stats().live_bytes - before < 1 << 20, "the output alone: 192 kB, and a number for each query");
    blocks.square().sum_all().backward();
    let gradients = inputs.each_ref().map(|input| (input.grad().unwrap(), input.zero_grad()).0);
    let before = stats().live_bytes;
    let whole = attend(Some(true));
    assert!(stats().live_bytes - before > 48 << 20, "the weights");
    let far = |a: &Tensor, b: &Tensor| a.sub(b).abs().max_all().item::<f32>();
    assert!(far(&blocks, &whole) < 1e-6);
    whole.square().sum_all().backward();
    for (input, gradient) in inputs.iter().zip(gradients) {
        let largest = gradient.abs().max_all().item::<f32>();
        assert!(far(&input.grad().unwrap(), &gradient) < 1e-5 * largest);
    }
}
