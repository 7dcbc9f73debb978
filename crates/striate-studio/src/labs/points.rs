//! Two classes of points in the plane, in the square from -1 to 1.

use std::f64::consts::PI;

use striate_tensor::random::Generator;

use super::pane::ClassPoint;

/// Points of both classes in turn.
///
/// `kind` is `moons`, `spiral`, `flower` or `xor`; `noise` is the standard deviation of what is added to each coordinate.
pub fn generate(kind: &str, count: usize, noise: f64, seed: u64) -> Vec<ClassPoint> {
    let mut generator = Generator::new(seed).fork(1);
    (0..count)
        .map(|index| {
            let class = index % 2;
            let along = generator.uniform();
            let (x, y) = match kind {
                "moons" => moon(class, along),
                "spiral" => spiral(class, along),
                "flower" => flower(class, along, generator.uniform()),
                _ => xor(class, along, generator.uniform(), generator.uniform() < 0.5),
            };
            let (dx, dy) = (noise * generator.normal(), noise * generator.normal());
            ClassPoint { x: (x + dx) as f32, y: (y + dy) as f32, class }
        })
        .collect()
}

fn moon(class: usize, along: f64) -> (f64, f64) {
    let angle = PI * along;
    let (x, y) = if class == 0 { (angle.cos(), angle.sin()) } else { (1.0 - angle.cos(), 0.5 - angle.sin()) };
    ((x - 0.5) * 0.58, (y - 0.25) * 0.8)
}

fn spiral(class: usize, along: f64) -> (f64, f64) {
    let radius = 0.08 + 0.82 * along;
    let angle = 1.5 * 2.0 * PI * along * 0.9 + PI * class as f64;
    (radius * angle.cos(), radius * angle.sin())
}

/// Four petals, each half one class and half the other.
fn flower(class: usize, along: f64, spread: f64) -> (f64, f64) {
    let angle = (along + class as f64) * PI;
    let radius = 0.9 * (4.0 * angle).sin().abs() * (0.55 + 0.45 * spread);
    (radius * angle.cos(), radius * angle.sin())
}

fn xor(class: usize, across: f64, up: f64, left: bool) -> (f64, f64) {
    let (x, y) = (0.1 + 0.75 * across, 0.1 + 0.75 * up);
    let x = if left { -x } else { x };
    let same_sign = class == 0;
    (x, if (x > 0.0) == same_sign { y } else { -y })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_balanced_and_a_seed_repeats_itself() {
        for kind in ["moons", "spiral", "flower", "xor"] {
            let points = generate(kind, 200, 0.0, 7);
            assert_eq!(points.iter().filter(|point| point.class == 1).count(), 100, "{kind}");
            assert!(
                points.iter().all(|point| point.x.abs() <= 1.0 && point.y.abs() <= 1.0),
                "{kind} leaves the square"
            );
            let again = generate(kind, 200, 0.0, 7);
            assert!(points.iter().zip(&again).all(|(a, b)| a.x == b.x && a.y == b.y), "{kind}");
        }
        assert!(generate("xor", 100, 0.0, 3).iter().all(|p| (p.x * p.y > 0.0) == (p.class == 0)));
    }
}
