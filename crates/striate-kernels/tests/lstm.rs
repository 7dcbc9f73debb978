//! Long short-term memory: `f32` in register tiles against `f64` in plain loops, over sizes that fill no block, and the same
//! bits for any number of threads.

use striate_kernels::Element;
use striate_kernels::lstm::{self, LstmForward, LstmSaved, LstmShape, LstmState, LstmWeights};
use striate_kernels::threads::set_num_threads;

/// Numbers from -1/2 to 1/2 that follow no pattern of the sizes used here.
fn numbers<T: Element>(len: usize, seed: u64) -> Vec<T> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        // Few enough bits for both types.
        T::from_f64((state >> 44) as f64 / f64::from(1 << 20) - 0.5)
    };
    (0..len).map(|_| next()).collect()
}

/// Outputs, cells and all gradients, one after the other.
fn run<T: Element>(s: &LstmShape) -> Vec<T> {
    let (rows, state) = (4 * s.hidden, s.batch * s.hidden);
    let x = numbers::<T>(s.steps * s.batch * s.input, 1);
    let [first, cell, grad_cell] = [2, 3, 4].map(|seed| numbers::<T>(state, seed));
    let [input, hidden] = [(s.input, 5), (s.hidden, 6)].map(|(columns, seed)| numbers::<T>(rows * columns, seed));
    let biases = [7, 8].map(|seed| numbers::<T>(rows, seed));
    let grad_output = numbers::<T>(s.output_len(), 9);
    let weights = LstmWeights { input: &input, hidden: &hidden, biases: Some([&biases[0], &biases[1]]) };
    let [mut output, mut cells] = [vec![T::NAN; s.output_len()], vec![T::NAN; s.output_len()]];
    let mut gates = vec![T::NAN; s.gates_len()];
    let result = LstmForward { output: &mut output, cells: &mut cells, gates: &mut gates };
    lstm::forward(s, &x, LstmState { output: &first, cell: &cell }, &weights, result);
    let saved = LstmSaved { cells: &cells, gates: &gates, grad_output: &grad_output, grad_cell: &grad_cell };
    let back = lstm::backward(s, &cell, &weights, &saved);
    let mut grads = [x.len(), state, input.len(), hidden.len(), rows].map(|len| vec![T::NAN; len]);
    back.input(&weights, &mut grads[0]);
    back.first_output(&weights, &mut grads[1]);
    back.input_weight(&x, &mut grads[2]);
    back.hidden_weight(&first, &output, &mut grads[3]);
    back.bias(&mut grads[4]);
    [&output, &cells, back.first_cell()]
        .into_iter()
        .chain(grads.iter().map(|grad| &grad[..]))
        .flatten()
        .copied()
        .collect()
}

#[test]
fn single_and_double_precision_agree_and_threads_change_no_bit() {
    for (hidden, batch, steps, input) in [(1, 1, 1, 1), (5, 3, 4, 2), (16, 2, 3, 7), (33, 9, 5, 3), (64, 13, 2, 20)] {
        for reverse in [false, true] {
            let s = LstmShape { steps, batch, input, hidden, reverse };
            let (single, double) = (run::<f32>(&s), run::<f64>(&s));
            assert_eq!(single.len(), double.len());
            for (i, (&a, &b)) in single.iter().zip(&double).enumerate() {
                assert!((f64::from(a) - b).abs() <= 2e-5 * b.abs().max(1.0), "{s:?} at {i}: {a} and {b}");
            }
            for threads in [1, 2, 3, 7] {
                set_num_threads(threads);
                assert!(run::<f32>(&s).iter().zip(&single).all(|(a, b)| a.to_bits() == b.to_bits()), "{s:?}");
            }
        }
    }
}
