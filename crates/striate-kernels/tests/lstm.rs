//! Long short-term memory: `f32` and bf16 in register tiles against `f64` in plain loops, over sizes that fill no block, and
//! the same bits for any number of threads.

use striate_kernels::Element;
use striate_kernels::bf16::{Widen, bf16};
use striate_kernels::lstm::{self, LstmElement, LstmForward, LstmSaved, LstmShape, LstmState, LstmWeights};
use striate_kernels::threads::set_num_threads;

/// Numbers from -1/2 to 1/2 that follow no pattern of the sizes used here.
fn numbers<T: Element, S: Widen<T>>(len: usize, seed: u64) -> Vec<S> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        // Few enough bits for all types.
        S::narrow(T::from_f64((state >> 56) as f64 / 256.0 - 0.5))
    };
    (0..len).map(|_| next()).collect()
}

/// Outputs, last cells and all gradients, one after the other.
fn run<T: Element, S: LstmElement<Sum = T>>(s: &LstmShape) -> Vec<f64> {
    let (rows, state) = (4 * s.hidden, s.batch * s.hidden);
    let x = numbers::<T, S>(s.steps * s.batch * s.input, 1);
    let [first, grad_cell] = [2, 4].map(|seed| numbers::<T, S>(state, seed));
    let cell = numbers::<T, T>(state, 3);
    let [input, hidden] = [(s.input, 5), (s.hidden, 6)].map(|(columns, seed)| numbers::<T, T>(rows * columns, seed));
    let biases = [7, 8].map(|seed| numbers::<T, T>(rows, seed));
    let grad_output = numbers::<T, S>(s.output_len(), 9);
    let weights = LstmWeights { input: &input, hidden: &hidden, biases: Some([&biases[0], &biases[1]]) };
    let (mut output, mut cells) = (vec![S::narrow(T::NAN); s.output_len()], vec![T::NAN; s.output_len()]);
    let (mut gates, mut last_cell) = (vec![T::NAN; s.gates_len()], vec![T::NAN; state]);
    let result = LstmForward { output: &mut output, last_cell: &mut last_cell, cells: &mut cells, gates: &mut gates };
    lstm::forward(s, &x, LstmState { output: &first, cell: &cell }, &weights, result);
    let saved = LstmSaved { cells: &cells, gates: &gates, grad_output: &grad_output, grad_cell: &grad_cell };
    let back = lstm::backward(s, &cell, &weights, &saved);
    let mut narrow = [x.len(), state].map(|len| vec![S::narrow(T::NAN); len]);
    let mut wide = [state, input.len(), hidden.len(), rows].map(|len| vec![T::NAN; len]);
    let [grad_first_cell, grad_input, grad_hidden, grad_bias] = &mut wide;
    back.input(&weights, &mut narrow[0]);
    back.first_output(&weights, &mut narrow[1]);
    back.first_cell(grad_first_cell);
    back.weights(&x, &first, &output, [grad_input, grad_hidden]);
    back.bias(grad_bias);
    let narrow = [output].into_iter().chain(narrow).flatten().map(|x| x.widen());
    narrow.chain([last_cell].into_iter().chain(wide).flatten()).map(T::to_f64).collect()
}

/// Units, sequences, steps, features of the input.
const SIZES: [(usize, usize, usize, usize); 7] = [
    (1, 1, 1, 1),
    (5, 3, 4, 2),
    (16, 2, 3, 7),
    (33, 9, 5, 3),
    (64, 13, 2, 20),
    (40, 1, 40, 70),
    // So many sequences that the inputs of no two steps are multiplied together.
    (19, 37, 3, 5),
];

fn shapes() -> impl Iterator<Item = LstmShape> {
    let count = if cfg!(miri) { 2 } else { SIZES.len() };
    SIZES.into_iter().take(count).flat_map(|(hidden, batch, steps, input)| {
        [false, true].map(|reverse| LstmShape { steps, batch, input, hidden, reverse })
    })
}

/// Whether all numbers of threads give the same bits as `expected`.
fn threads_change_no_bit<S: LstmElement>(s: &LstmShape, expected: &[f64]) {
    for threads in [1, 2, 3, 7] {
        set_num_threads(threads);
        let found = run::<S::Sum, S>(s);
        assert!(found.iter().zip(expected).all(|(a, b)| a.to_bits() == b.to_bits()), "{s:?}, {threads} threads");
    }
}

#[test]
fn single_and_double_precision_agree_and_threads_change_no_bit() {
    for s in shapes() {
        let (single, double) = (run::<f32, f32>(&s), run::<f64, f64>(&s));
        assert_eq!(single.len(), double.len());
        for (i, (a, b)) in single.iter().zip(&double).enumerate() {
            assert!((a - b).abs() <= 2e-5 * b.abs().max(1.0), "{s:?} at {i}: {a} and {b}");
        }
        threads_change_no_bit::<f32>(&s, &single);
    }
}

/// What comes in is exact in bf16; rounded are the outputs, the gradients of the gates, and results that are bf16.
#[test]
fn bf16_is_near_double_precision_and_threads_change_no_bit() {
    for s in shapes() {
        let (mixed, double) = (run::<f32, bf16>(&s), run::<f64, f64>(&s));
        let typical = (double.iter().map(|x| x * x).sum::<f64>() / double.len() as f64).sqrt();
        for (i, (a, b)) in mixed.iter().zip(&double).enumerate() {
            assert!((a - b).abs() <= 0.02 * b.abs().max(typical), "{s:?} at {i}: {a} and {b}");
        }
        threads_change_no_bit::<bf16>(&s, &mixed);
    }
}
