//! A line search for the strong Wolfe conditions, as PyTorch's (after Schmidt's minFunc): brackets a step that lowers the
//! loss enough and flattens the slope enough, then narrows the bracket by cubic interpolation.

/// Sufficient decrease.
const C1: f64 = 1e-4;
/// How much of the slope may remain.
const C2: f64 = 0.9;

/// A place along the line.
#[derive(Clone, Debug)]
pub(super) struct Point {
    pub t: f64,
    pub loss: f64,
    pub gradient: Vec<f64>,
    /// The derivative of the loss along the line.
    pub slope: f64,
}

/// The place to go to, starting with `t`, and how often `at` was called, at most about `budget` times. `reach` is the
/// largest element of the direction.
pub(super) fn strong_wolfe(
    mut at: impl FnMut(f64) -> Point,
    t: f64,
    start: Point,
    reach: f64,
    tolerance_change: f64,
    budget: usize,
) -> (Point, usize) {
    let mut new = at(t);
    let (mut previous, mut iterations) = (start.clone(), 0);
    let too_high = |point: &Point| point.loss > start.loss + C1 * point.t * start.slope;
    let flat = |point: &Point| point.slope.abs() <= -C2 * start.slope;
    let mut bracket = loop {
        if iterations >= budget {
            break [start.clone(), new];
        }
        if too_high(&new) || (iterations > 1 && new.loss >= previous.loss) {
            break [previous, new];
        }
        if flat(&new) {
            return (new, iterations + 1);
        }
        if new.slope >= 0.0 {
            break [previous, new];
        }
        let bounds = (new.t + 0.01 * (new.t - previous.t), new.t * 10.0);
        let t = cubic_minimum(&previous, &new, bounds);
        previous = std::mem::replace(&mut new, at(t));
        iterations += 1;
    };
    // Which end is the lower one.
    let mut low = usize::from(bracket[0].loss > bracket[1].loss);
    let mut close_before = false;
    while iterations < budget && (bracket[1].t - bracket[0].t).abs() * reach >= tolerance_change {
        let (left, right) = (bracket[0].t.min(bracket[1].t), bracket[0].t.max(bracket[1].t));
        let mut t = cubic_minimum(&bracket[0], &bracket[1], (left, right));
        // Twice too close to an end is no progress: go a tenth of the way inside.
        let margin = 0.1 * (right - left);
        let close = (right - t).min(t - left) < margin;
        if close && (close_before || t >= right || t <= left) {
            t = if (t - right).abs() < (t - left).abs() { right - margin } else { left + margin };
            close_before = false;
        } else {
            close_before = close;
        }
        let new = at(t);
        iterations += 1;
        if too_high(&new) || new.loss >= bracket[low].loss {
            bracket[1 - low] = new;
            low = usize::from(bracket[0].loss > bracket[1].loss);
        } else {
            let done = flat(&new);
            if !done && new.slope * (bracket[1 - low].t - bracket[low].t) >= 0.0 {
                bracket[1 - low] = bracket[low].clone();
            }
            bracket[low] = new;
            if done {
                break;
            }
        }
    }
    let [first, second] = bracket;
    (if low == 0 { first } else { second }, iterations + 1)
}

/// The lowest place of the cubic with these values and slopes at two places, within `bounds`.
fn cubic_minimum(a: &Point, b: &Point, (low, high): (f64, f64)) -> f64 {
    let d1 = a.slope + b.slope - 3.0 * (a.loss - b.loss) / (a.t - b.t);
    let square = d1 * d1 - a.slope * b.slope;
    if square.is_nan() || square < 0.0 {
        return (low + high) / 2.0;
    }
    let d2 = square.sqrt();
    let (near, far) = if a.t <= b.t { (a, b) } else { (b, a) };
    let t = far.t - (far.t - near.t) * ((far.slope + d2 - d1) / (far.slope - near.slope + 2.0 * d2));
    t.max(low).min(high)
}
