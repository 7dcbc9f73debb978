//! Attention in blocks against the formula written out, over odd sizes, and the same bits with any number of threads.

mod common;

use common::{Values, assert_close, assert_close_f32};
use proptest::prelude::*;
use striate_kernels::Element;
use striate_kernels::attention::{AttentionGeometry, AttentionInputs, Heads, backward, forward};
use striate_kernels::threads::set_num_threads;

/// Row `i` of head `h` of sequence `n` in `[batch, rows, heads, columns]`.
fn row(g: &AttentionGeometry, rows: usize, (n, h, i): (usize, usize, usize), columns: usize) -> std::ops::Range<usize> {
    let start = ((n * rows + i) * g.heads + h) * columns;
    start..start + columns
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

struct Case {
    g: AttentionGeometry,
    query: Vec<f64>,
    key: Vec<f64>,
    value: Vec<f64>,
    mask: Option<Vec<f64>>,
    grad: Vec<f64>,
}

impl Case {
    fn new(g: AttentionGeometry, masked: bool, seed: u64) -> Self {
        let mut values = Values(seed);
        let rows = |rows: usize, columns: usize| g.batch * g.heads * rows * columns;
        let mut draw = |len| values.f64(len);
        let (query, key) = (draw(rows(g.queries, g.width)), draw(rows(g.keys, g.width)));
        let (value, grad) = (draw(rows(g.keys, g.value_width)), draw(rows(g.queries, g.value_width)));
        // Every third key hidden, but for the first.
        let hidden = |(i, x): (usize, f64)| if i % g.keys % 3 == 1 { f64::NEG_INFINITY } else { x };
        let mask = masked.then(|| draw(g.queries * g.keys).into_iter().enumerate().map(hidden).collect());
        Self { g, query, key, value, mask, grad }
    }

    /// The result and the gradients of queries, keys and values, all `[batch, rows, heads, columns]`.
    fn expected(&self) -> [Vec<f64>; 4] {
        let g = &self.g;
        let mut out = vec![0.0; self.grad.len()];
        let (mut dq, mut dk, mut dv) =
            (vec![0.0; self.query.len()], vec![0.0; self.key.len()], vec![0.0; self.value.len()]);
        let places = (0..g.batch).flat_map(|n| (0..g.heads).flat_map(move |h| (0..g.queries).map(move |i| (n, h, i))));
        for (n, h, i) in places {
            let q = &self.query[row(g, g.queries, (n, h, i), g.width)];
            let keys = (0..g.keys).map(|j| row(g, g.keys, (n, h, j), g.width));
            let keys: Vec<std::ops::Range<usize>> = keys.collect();
            let values: Vec<_> = (0..g.keys).map(|j| row(g, g.keys, (n, h, j), g.value_width)).collect();
            let score = |j: usize| {
                let mask = self.mask.as_ref().map_or(0.0, |mask| mask[i * g.keys + j]);
                let hidden = g.causal && j > i;
                if hidden { f64::NEG_INFINITY } else { g.scale * dot(q, &self.key[keys[j].clone()]) + mask }
            };
            let scores: Vec<f64> = (0..g.keys).map(score).collect();
            let max = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let sum: f64 = scores.iter().map(|s| (s - max).exp()).sum();
            let p: Vec<f64> = scores.iter().map(|s| (s - max).exp() / sum).collect();
            let grad = &self.grad[row(g, g.queries, (n, h, i), g.value_width)];
            let dp: Vec<f64> = values.iter().map(|v| dot(grad, &self.value[v.clone()])).collect();
            let mean = dot(&p, &dp);
            for j in 0..g.keys {
                let ds = p[j] * (dp[j] - mean) * g.scale;
                for c in 0..g.value_width {
                    out[row(g, g.queries, (n, h, i), g.value_width).start + c] +=
                        p[j] * self.value[values[j].start + c];
                    dv[values[j].start + c] += p[j] * grad[c];
                }
                for c in 0..g.width {
                    dq[row(g, g.queries, (n, h, i), g.width).start + c] += ds * self.key[keys[j].start + c];
                    dk[keys[j].start + c] += ds * q[c];
                }
            }
        }
        [out, dq, dk, dv]
    }

    fn found<T: Element>(&self) -> [Vec<T>; 4] {
        let g = &self.g;
        let convert = |x: &[f64]| -> Vec<T> { x.iter().map(|&x| T::from_f64(x)).collect() };
        let [query, key, value, grad] = [&self.query, &self.key, &self.value, &self.grad].map(|x| convert(x));
        let mask = self.mask.as_ref().map(|mask| convert(mask));
        let heads = |rows: usize, columns: usize| [rows * g.heads * columns, columns, g.heads * columns, 1];
        let inputs = AttentionInputs {
            query: Heads { data: &query, strides: heads(g.queries, g.width) },
            key: Heads { data: &key, strides: heads(g.keys, g.width) },
            value: Heads { data: &value, strides: heads(g.keys, g.value_width) },
            mask: mask.as_ref().map(|mask| Heads { data: mask, strides: [0, 0, g.keys, 1] }),
        };
        let mut out = vec![T::NAN; grad.len()];
        let mut sums = vec![T::NAN; g.batch * g.heads * g.queries];
        forward(g, &inputs, &mut out, &mut sums);
        let [mut dq, mut dk, mut dv] = [&query, &key, &value].map(|x| vec![T::NAN; x.len()]);
        let grad = Heads { data: &grad, strides: heads(g.queries, g.value_width) };
        backward(g, &inputs, &sums, grad, [&mut dq, &mut dk, &mut dv]);
        [out, dq, dk, dv]
    }
}

fn geometries() -> impl Strategy<Value = AttentionGeometry> {
    let sizes = (1_usize..3, 1_usize..6, 1_usize..150, 1_usize..150, 1_usize..20, 1_usize..20);
    (sizes, any::<bool>()).prop_map(|((batch, heads, queries, keys, width, value_width), causal)| AttentionGeometry {
        batch,
        heads,
        queries,
        keys,
        width,
        value_width,
        scale: 0.4,
        causal,
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn blocks_give_the_formula(g in geometries(), masked: bool, seed: u64) {
        let case = Case::new(g, masked, seed);
        let expected = case.expected();
        let (double, single) = (case.found::<f64>(), case.found::<f32>());
        for ((expected, double), single) in expected.iter().zip(&double).zip(&single) {
            assert_close(double, expected, 1e-11);
            assert_close_f32(single, expected, 1e-4);
        }
    }
}

const LONG: AttentionGeometry = AttentionGeometry {
    batch: 1,
    heads: 2,
    queries: 300,
    keys: 700,
    width: 16,
    value_width: 8,
    scale: 0.25,
    causal: false,
};

/// With few heads, whose products are parallel inside, and with many.
#[test]
fn the_same_bits_with_any_number_of_threads() {
    for g in [LONG, AttentionGeometry { batch: 3, heads: 5, queries: 140, keys: 130, causal: true, ..LONG }] {
        let case = Case::new(g, true, 9);
        let mut results = [1, 2, 3, 7].map(|threads| {
            set_num_threads(threads);
            case.found::<f32>().map(|x| x.into_iter().map(f32::to_bits).collect::<Vec<_>>())
        });
        let last = results[3].clone();
        assert!(results.iter_mut().all(|result| *result == last), "{g:?}");
    }
}

#[test]
fn nan_goes_through_and_what_is_hidden_stays_out() {
    let g = AttentionGeometry { queries: 4, keys: 4, causal: true, ..LONG };
    let mut case = Case::new(g, false, 1);
    let last = row(&g, 4, (0, 0, 3), g.width);
    case.key[last.start] = f64::NAN;
    let [out, ..] = case.found::<f32>();
    let seen = |i: usize| out[row(&g, 4, (0, 0, i), g.value_width)].iter().all(|x| x.is_nan());
    assert_eq!([0, 1, 2, 3].map(seen), [false, false, false, true], "only the last query sees the last key");
    assert!(out[row(&g, 4, (0, 1, 3), g.value_width)].iter().all(|x| x.is_finite()));
}

#[test]
fn without_keys_the_result_is_zero() {
    let g = AttentionGeometry { queries: 3, keys: 0, ..LONG };
    let case = Case::new(g, false, 1);
    let [out, dq, dk, dv] = case.found::<f32>();
    assert!(out.iter().chain(&dq).all(|&x| x == 0.0) && dk.is_empty() && dv.is_empty());
}

#[test]
fn holds_for_the_plainer_instruction_sets() {
    common::run_again_with_plainer_instruction_sets("holds_for_the_plainer_instruction_sets");
}
