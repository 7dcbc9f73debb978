//! Optimiser steps on slices, with the arithmetic of PyTorch's `torch.optim`.

use crate::Element;
use crate::arch::{vectorize, vectorized};
use crate::pointwise::GRAIN;
use crate::threads::{Pieces, parallel_for};

/// Settings of [`sgd_step`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SgdOptions {
    /// Step size.
    pub learning_rate: f64,
    /// Share of the last step's velocity that is kept; 0 for none.
    pub momentum: f64,
    /// The gradient enters the velocity times `1 - dampening` (from the second step on).
    pub dampening: f64,
    /// L2 penalty added to the gradient.
    pub weight_decay: f64,
    /// Look ahead along the velocity.
    pub nesterov: bool,
    /// Whether this is the first step: the velocity then starts as the gradient.
    pub first_step: bool,
}

/// One step of stochastic gradient descent on `parameter`; `velocity` is the momentum buffer, needed when momentum is
/// not 0.
///
/// `g = grad + weight_decay * p`; `v = g` at first, then `v = momentum * v + (1 - dampening) * g`;
/// `p -= lr * (g + momentum * v if nesterov, else v)`.
///
/// # Panics
/// If the lengths differ, or momentum is set without a velocity.
pub fn sgd_step<T: Element>(parameter: &mut [T], gradient: &[T], velocity: Option<&mut [T]>, options: &SgdOptions) {
    assert_eq!(parameter.len(), gradient.len(), "sgd: lengths of parameter and gradient");
    let [rate, momentum, decay] = [options.learning_rate, options.momentum, options.weight_decay].map(T::from_f64);
    let keep = T::from_f64(1.0 - options.dampening);
    let decays = options.weight_decay != 0.0;
    let decayed = move |p: T, g: T| if decays { g + decay * p } else { g };
    if options.momentum == 0.0 {
        return crate::pointwise::zip_in_place(parameter, gradient, move |p, g| p - rate * decayed(p, g));
    }
    let velocity = velocity.expect("sgd: momentum needs a velocity buffer");
    assert_eq!(parameter.len(), velocity.len(), "sgd: lengths of parameter and velocity");
    let fresh = move |_: T, g: T| g;
    let mixed = move |v: T, g: T| momentum * v + keep * g;
    let plain = move |v: T, _: T| rate * v;
    let ahead = move |v: T, g: T| rate * (g + momentum * v);
    let step = (parameter, gradient, velocity);
    match (options.first_step, options.nesterov) {
        (true, false) => sgd_pass(step, decayed, fresh, plain),
        (true, true) => sgd_pass(step, decayed, fresh, ahead),
        (false, false) => sgd_pass(step, decayed, mixed, plain),
        (false, true) => sgd_pass(step, decayed, mixed, ahead),
    }
}

/// `g = decayed(p, g)`, `v = velocity(v, g)`, `p -= update(v, g)`.
fn sgd_pass<T: Element>(
    (parameter, gradient, velocity): (&mut [T], &[T], &mut [T]),
    decayed: impl Fn(T, T) -> T + Sync,
    next_velocity: impl Fn(T, T) -> T + Sync,
    update: impl Fn(T, T) -> T + Sync,
) {
    let parameters = Pieces::new(parameter, GRAIN);
    let velocities = Pieces::new(velocity, GRAIN);
    parallel_for(parameters.count(), &|chunk| {
        // SAFETY: each chunk runs once, and takes its own pieces.
        let (parameter, velocity) = unsafe { (parameters.get(chunk), velocities.get(chunk)) };
        let gradient = &gradient[chunk * GRAIN..][..parameter.len()];
        sgd_piece((parameter, gradient, velocity), &decayed, &next_velocity, &update);
    });
}

vectorize! {
    fn sgd_piece[T: Element, D: Fn(T, T) -> T, V: Fn(T, T) -> T, U: Fn(T, T) -> T](
        step: (&mut [T], &[T], &mut [T]),
        decayed: &D,
        next_velocity: &V,
        update: &U,
    ) {
        let (parameter, gradient, velocity) = step;
        for ((p, v), &g) in parameter.iter_mut().zip(velocity).zip(gradient) {
            let g = decayed(*p, g);
            *v = next_velocity(*v, g);
            *p -= update(*v, g);
        }
    }
}

/// Settings of [`adam_step`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdamOptions {
    /// Step size.
    pub learning_rate: f64,
    /// Decay of the running mean of gradients.
    pub beta1: f64,
    /// Decay of the running mean of squared gradients.
    pub beta2: f64,
    /// Added to the denominator.
    pub epsilon: f64,
    /// Weight decay.
    pub weight_decay: f64,
    /// `true`: AdamW (the decay shrinks the parameter); `false`: Adam (the decay is added to the gradient).
    pub decoupled: bool,
    /// Number of this step, from 1.
    pub step: u64,
}

/// One step of Adam or AdamW on `parameter`, with the running means `first_moment` and `second_moment` (zeros before the
/// first step).
///
/// `m += (1 - beta1) * (g - m)`; `v = beta2 * v + (1 - beta2) * g * g`;
/// `p -= lr / (1 - beta1^t) * m / (sqrt(v) / sqrt(1 - beta2^t) + epsilon)`.
///
/// # Panics
/// If the lengths differ, or the step is 0.
pub fn adam_step<T: Element>(
    parameter: &mut [T],
    gradient: &[T],
    first_moment: &mut [T],
    second_moment: &mut [T],
    options: &AdamOptions,
) {
    let len = parameter.len();
    assert!(gradient.len() == len && first_moment.len() == len && second_moment.len() == len, "adam: lengths differ");
    assert!(options.step > 0, "adam: steps are counted from 1");
    let step = options.step as f64;
    let correction1 = 1.0 - options.beta1.powf(step);
    let correction2 = T::from_f64((1.0 - options.beta2.powf(step)).sqrt());
    let step_size = T::from_f64(options.learning_rate / correction1);
    let shrink = T::from_f64(1.0 - options.learning_rate * options.weight_decay);
    let decay = T::from_f64(options.weight_decay);
    let (weight1, beta2) = (T::from_f64(1.0 - options.beta1), T::from_f64(options.beta2));
    let (weight2, epsilon) = (T::from_f64(1.0 - options.beta2), T::from_f64(options.epsilon));
    let update = move |start: T, g: T, m: &mut T, v: &mut T| {
        *m += weight1 * (g - *m);
        *v = *v * beta2 + weight2 * (g * g);
        start - step_size * (*m / (v.sqrt() / correction2 + epsilon))
    };
    let step = (parameter, gradient, first_moment, second_moment);
    match (options.weight_decay == 0.0, options.decoupled) {
        (true, _) => adam_pass(step, move |p, g, m, v| update(p, g, m, v)),
        (false, true) => adam_pass(step, move |p, g, m, v| update(p * shrink, g, m, v)),
        (false, false) => adam_pass(step, move |p, g, m, v| update(p, g + decay * p, m, v)),
    }
}

/// `p = update(p, g, m, v)`.
fn adam_pass<T: Element>(
    (parameter, gradient, first_moment, second_moment): (&mut [T], &[T], &mut [T], &mut [T]),
    update: impl Fn(T, T, &mut T, &mut T) -> T + Sync,
) {
    let parameters = Pieces::new(parameter, GRAIN);
    let (firsts, seconds) = (Pieces::new(first_moment, GRAIN), Pieces::new(second_moment, GRAIN));
    parallel_for(parameters.count(), &|chunk| {
        // SAFETY: each chunk runs once, and takes its own pieces.
        let (parameter, first, second) = unsafe { (parameters.get(chunk), firsts.get(chunk), seconds.get(chunk)) };
        let gradient = &gradient[chunk * GRAIN..][..parameter.len()];
        adam_piece((parameter, gradient, first, second), &update);
    });
}

vectorize! {
    fn adam_piece[T: Element, U: Fn(T, T, &mut T, &mut T) -> T](
        step: (&mut [T], &[T], &mut [T], &mut [T]),
        update: &U,
    ) {
        let (parameter, gradient, first, second) = step;
        for (((p, m), v), &g) in parameter.iter_mut().zip(first).zip(second).zip(gradient) {
            *p = update(*p, g, m, v);
        }
    }
}

/// Runs `body` on matching pieces of a parameter, its gradient and what is remembered of it, in parallel; a memory may be
/// empty, and is then in every piece. Gives the sums of what `body` gives, added in the order of the pieces: the same for
/// any number of threads.
///
/// ```
/// use striate_kernels::optimizer::update_in_pieces;
/// let (mut parameter, gradient, mut velocity) = ([1.0_f32, 2.0], [0.5_f32, 0.5], [0.0_f32; 2]);
/// let sums = update_in_pieces(&mut parameter, &gradient, [&mut velocity, &mut [], &mut []], |p, g, [v, ..]| {
///     v.iter_mut().zip(g).for_each(|(v, g)| *v += g);
///     p.iter_mut().zip(v).for_each(|(p, v)| *p -= *v);
///     [p.len() as f64, 0.0]
/// });
/// assert_eq!((parameter, sums), ([0.5, 1.5], [2.0, 0.0]));
/// ```
///
/// # Panics
/// If the lengths differ.
pub fn update_in_pieces<T: Element>(
    parameter: &mut [T],
    gradient: &[T],
    memories: [&mut [T]; 3],
    body: impl Fn(&mut [T], &[T], [&mut [T]; 3]) -> [f64; 2] + Sync,
) -> [f64; 2] {
    let len = parameter.len();
    let fits = |memory: &&mut [T]| memory.is_empty() || memory.len() == len;
    assert!(gradient.len() == len && memories.iter().all(fits), "update_in_pieces: lengths differ");
    let used = [0, 1, 2].map(|index| !memories[index].is_empty());
    let parameters = Pieces::new(parameter, GRAIN);
    let memories = memories.map(|memory| Pieces::new(memory, GRAIN));
    let mut sums = vec![[0.0; 2]; parameters.count()];
    let pieces = Pieces::new(&mut sums, 1);
    parallel_for(parameters.count(), &|chunk| {
        // SAFETY: each chunk runs once, and takes its own pieces; a memory in use has as many as the parameter.
        let (parameter, sum) = unsafe { (parameters.get(chunk), pieces.get(chunk)) };
        let memories = [0, 1, 2].map(|index| match used[index] {
            // SAFETY: as above.
            true => unsafe { memories[index].get(chunk) },
            false => Default::default(),
        });
        let gradient = &gradient[chunk * GRAIN..][..parameter.len()];
        sum[0] = vectorized(|| body(parameter, gradient, memories));
    });
    sums.iter().fold([0.0; 2], |total, sum| [total[0] + sum[0], total[1] + sum[1]])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_match_and_sums_keep_their_order() {
        let len = 3 * GRAIN + 5;
        let gradient: Vec<f32> = (0..len).map(|i| i as f32).collect();
        let run = |threads| {
            crate::threads::set_num_threads(threads);
            let (mut parameter, mut memory) = (vec![1.0f32; len], vec![0.0f32; len]);
            let sums =
                update_in_pieces(&mut parameter, &gradient, [&mut [], &mut memory, &mut []], |p, g, [a, b, c]| {
                    assert!(a.is_empty() && c.is_empty() && b.len() == p.len());
                    b.copy_from_slice(g);
                    p.iter_mut().zip(g).for_each(|(p, g)| *p += g);
                    [p.iter().map(|&p| f64::from(p).sqrt()).sum(), 1.0]
                });
            assert_eq!(memory, gradient);
            assert!(parameter.iter().zip(&gradient).all(|(p, g)| *p == 1.0 + g));
            sums.map(f64::to_bits)
        };
        let expected = run(1);
        assert_eq!(f64::from_bits(expected[1]), 4.0);
        for threads in [2, 3, 7] {
            assert_eq!(run(threads), expected, "{threads} threads");
        }
        let empty = update_in_pieces::<f32>(&mut [], &[], [&mut [], &mut [], &mut []], |_, _, _| [1.0; 2]);
        assert_eq!(empty, [0.0; 2]);
    }
}
