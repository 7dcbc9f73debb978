//! The number of threads changes nothing, and a training step in steady state takes no memory from the system. Both
//! touch settings of the whole process, so they share one test.

use striate_kernels::{memory, threads};
use striate_models::digits::{Architecture, build};
use striate_nn::optim::{Optimizer, Sgd};
use striate_nn::{Context, Module, loss};
use striate_tensor::Tensor;
use striate_tensor::random::Generator;

fn batch(step: u64) -> (Tensor, Tensor) {
    let mut generator = Generator::new(1).fork(step);
    let labels: Vec<i64> = (0..64).map(|_| generator.below(10) as i64).collect();
    (Tensor::randn(&[64, 1, 28, 28], &mut generator), Tensor::from_slice(&labels, &[64]))
}

/// Trains; returns losses, weights, and how often the system was asked for memory after `warm_up` steps.
fn train(architecture: Architecture, steps: u64, warm_up: u64) -> (Vec<u32>, Vec<Vec<f32>>, u64) {
    let model = build(architecture, [1, 28, 28], 10, 3);
    let mut optimizer = Sgd::new(model.named_parameters(), 0.05).momentum(0.9);
    let mut allocations = 0;
    let mut losses = Vec::new();
    for step in 0..steps {
        if step == warm_up {
            allocations = memory::stats().system_allocations;
        }
        let (x, y) = batch(step);
        let loss = loss::cross_entropy(&model.forward(&x, &Context::train(5, step)), &y);
        optimizer.zero_grad();
        loss.backward();
        optimizer.step();
        losses.push(loss.item::<f32>().to_bits());
    }
    let allocated = memory::stats().system_allocations - allocations;
    (losses, model.named_parameters().iter().map(|(_, parameter)| parameter.to_vec::<f32>()).collect(), allocated)
}

#[test]
fn threads_change_nothing_and_steps_take_no_memory() {
    let before = threads::num_threads();
    for architecture in [Architecture::LeNet, Architecture::Cnn, Architecture::Cnn4] {
        let runs: Vec<_> = [1, 2, 3]
            .map(|count| {
                threads::set_num_threads(count);
                let (losses, weights, allocated) = train(architecture, 8, 3);
                assert_eq!(allocated, 0, "{architecture} on {count} threads takes memory in steady state");
                (losses, weights)
            })
            .into();
        assert!(runs[0] == runs[1], "{architecture}: 2 threads differ from 1");
        assert!(runs[0] == runs[2], "{architecture}: 3 threads differ from 1");
    }
    threads::set_num_threads(before);
}
