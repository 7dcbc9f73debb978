//! The ten digits as pen strokes in a square of side 1, written as people write them for MNIST.

use std::f64::consts::PI;

/// Points of one stroke.
pub type Stroke = Vec<(f64, f64)>;

/// The strokes of a digit.
pub fn of_digit(digit: usize) -> Vec<Stroke> {
    match digit {
        0 => vec![arc((0.5, 0.5), (0.22, 0.33), -0.5, 1.5)],
        1 => vec![line(&[(0.56, 0.16), (0.46, 0.84)])],
        2 => vec![joined(&[arc((0.48, 0.34), (0.2, 0.18), -1.05, 0.25), line(&[(0.3, 0.82), (0.76, 0.8)])])],
        3 => vec![joined(&[arc((0.46, 0.33), (0.2, 0.17), -0.9, 0.5), arc((0.46, 0.67), (0.22, 0.18), -0.5, 0.85)])],
        4 => vec![line(&[(0.34, 0.16), (0.28, 0.52), (0.74, 0.5)]), line(&[(0.68, 0.18), (0.62, 0.86)])],
        5 => vec![
            joined(&[line(&[(0.36, 0.18), (0.33, 0.46)]), arc((0.46, 0.64), (0.22, 0.2), -0.62, 0.8)]),
            line(&[(0.36, 0.18), (0.72, 0.16)]),
        ],
        6 => vec![joined(&[
            line(&[(0.62, 0.14), (0.44, 0.34), (0.34, 0.56)]),
            arc((0.5, 0.66), (0.17, 0.18), 1.0, -1.1),
        ])],
        7 => vec![line(&[(0.26, 0.2), (0.74, 0.18), (0.56, 0.5), (0.44, 0.86)])],
        8 => vec![joined(&[arc((0.5, 0.33), (0.16, 0.17), 0.5, -1.5), arc((0.5, 0.67), (0.19, 0.18), -0.5, 1.5)])],
        _ => vec![joined(&[
            arc((0.48, 0.34), (0.17, 0.17), 0.0, -2.0),
            line(&[(0.65, 0.36), (0.63, 0.6), (0.56, 0.86)]),
        ])],
    }
}

/// Part of an ellipse, angles in units of pi, clockwise from the right.
fn arc(center: (f64, f64), radius: (f64, f64), from: f64, to: f64) -> Stroke {
    let steps = 16;
    let at = |step: usize| {
        let angle = (from + (to - from) * step as f64 / steps as f64) * PI;
        (center.0 + radius.0 * angle.cos(), center.1 + radius.1 * angle.sin())
    };
    (0..=steps).map(at).collect()
}

/// Straight pieces, with points in between as a moving pointer gives them.
fn line(corners: &[(f64, f64)]) -> Stroke {
    let between = |pair: &[(f64, f64)]| {
        let ((x0, y0), (x1, y1)) = (pair[0], pair[1]);
        (0..=5).map(|step| f64::from(step) / 5.0).map(|t| (x0 + (x1 - x0) * t, y0 + (y1 - y0) * t)).collect::<Stroke>()
    };
    corners.windows(2).flat_map(between).collect()
}

fn joined(parts: &[Stroke]) -> Stroke {
    parts.concat()
}
