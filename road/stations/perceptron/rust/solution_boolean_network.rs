use striate_array::Array;

/// A unit that fires if weight * (p + q) + bias reaches 0.
type Unit = (f64, f64);

const AND: Unit = (1.0, -1.5);
const OR: Unit = (1.0, -0.5);
const NAND: Unit = (-1.0, 1.5);
const NOR: Unit = (-1.0, 0.5);

pub fn boolean_network(f: &str) -> (Array<f64>, Array<f64>, Array<f64>, f64) {
    let hidden: &[Unit] = match f {
        "and" => &[AND],
        "or" => &[OR],
        "nand" => &[NAND],
        "nor" => &[NOR],
        // At least one, and not both.
        "xor" => &[OR, NAND],
        // Both, or none.
        "xnor" => &[AND, NOR],
        _ => panic!("there is no function called {f}"),
    };
    let h = hidden.len();
    let w1 = Array::from_fn([h, 2], |[unit, _]| hidden[unit].0);
    let b1 = Array::from_fn([h], |[unit]| hidden[unit].1);
    // Both hidden units must fire for xor; otherwise one is enough.
    let b2 = if f == "xor" { -1.5 } else { -0.5 };
    (w1, b1, Array::full(&[h], 1.0), b2)
}
