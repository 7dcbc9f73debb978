//! What the axes of a result stand for, by their names in the signature: a border or a window means something in space
//! only, an error that builds up only along steps.

/// The two axes of space, rows and columns of an image or a feature map; none of a table or of weights.
pub(super) fn space(axes: &[&str]) -> Option<[usize; 2]> {
    let is = |name: &str, letter: char| {
        let rest = name.strip_prefix(letter);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['\'', '+', '-']))
    };
    let side = |name: &str| name.contains("radius");
    let pair = |pair: &[&str]| (is(pair[0], 'H') && is(pair[1], 'W')) || (side(pair[0]) && side(pair[1]));
    axes.windows(2).position(pair).map(|at| [at, at + 1])
}

/// Whether what stands at one index of an axis follows from what stands at the one before: time, steps, layers.
pub(super) fn is_sequence(name: &str) -> bool {
    ["T", "T_x", "E", "S", "L", "L+1", "depth", "steps", "steps+1"].contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn space_is_told_from_tables_and_weights() {
        assert_eq!(space(&["H", "W"]), Some([0, 1]));
        assert_eq!(space(&["N", "C", "H'", "W'"]), Some([2, 3]));
        assert_eq!(space(&["H", "W", "C"]), Some([0, 1]));
        assert_eq!(space(&["H+kh-1", "W+kw-1"]), Some([0, 1]));
        assert_eq!(space(&["2*radius+1", "2*radius+1"]), Some([0, 1]));
        // H is the number of hidden units in a recurrent network, kernels are weights, and a row of pixels is a row.
        for axes in [&["N", "H"][..], &["D", "H"], &["F", "C", "kh", "kw"], &["N", "D"], &["H*W*C", "1"], &["n"], &[]] {
            assert_eq!(space(axes), None, "{axes:?}");
        }
    }

    #[test]
    fn steps_are_told_from_features() {
        assert!(is_sequence("T") && is_sequence("depth") && is_sequence("E"));
        assert!(!is_sequence("N") && !is_sequence("D") && !is_sequence("H"));
    }
}
