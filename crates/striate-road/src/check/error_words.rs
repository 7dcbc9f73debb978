//! What the usual errors of array code want to say.

/// Words in the text of an error, and what they mean.
const KNOWN: [(&str, &str); 11] = [
    (
        "could not be broadcast together",
        "Shapes are compared from the last axis backwards, and a length fits an equal one, or 1. A number per row, shape (N,), needs a new \
         axis to meet rows of K: v[:, None] has shape (N, 1). Print both shapes.",
    ),
    (
        "not aligned",
        "In a @ b, a needs as many columns as b has rows. Print both shapes: is one of them to be transposed?",
    ),
    (
        "mismatch in its core dimension",
        "In a @ b, a needs as many columns as b has rows. Print both shapes: is one of them to be transposed?",
    ),
    (
        "truth value of an array",
        "if asks one question, and a comparison of arrays gives one answer per element: np.where(condition, a, b) chooses element by \
         element; .any() and .all() make one answer of many.",
    ),
    (
        "only length-1 arrays can be converted",
        "math.sqrt, math.exp and float() take one number. NumPy's own functions (np.sqrt, np.exp) take whole arrays.",
    ),
    (
        "only 0-dimensional arrays can be converted",
        "math.sqrt, math.exp and float() take one number. NumPy's own functions (np.sqrt, np.exp) take whole arrays.",
    ),
    (
        "arrays used as indices must be of integer",
        "Indices are whole numbers: use // in place of /, or .astype(int), where they are computed.",
    ),
    (
        "'float' object cannot be interpreted as an integer",
        "Lengths and counts are whole numbers, and / always makes a float, even of 6 / 2: use //.",
    ),
    (
        "expected a sequence of integers or a single integer",
        "Lengths and counts are whole numbers, and / always makes a float, even of 6 / 2: use //.",
    ),
    (
        "attempt to subtract with overflow",
        "Lengths and indices are usize, which has no numbers below 0. Compare before you subtract, or compute in isize (i as isize - 1).",
    ),
    (
        "'NoneType'",
        "Something that returns nothing was used as a value: a function without return, or a method that works in place, such as list.sort().",
    ),
];

/// A sentence or two on an error with this text; empty for one that is not so usual.
pub(super) fn words(text: &str) -> &'static str {
    KNOWN.iter().find(|(part, _)| text.contains(part)).map_or("", |(_, words)| *words)
}

#[cfg(test)]
mod tests {
    use super::words;

    #[test]
    fn usual_errors_are_explained_and_others_are_not() {
        let broadcast = "your code raises ValueError: operands could not be broadcast together with shapes (2,3) (2,)";
        assert!(words(broadcast).contains("v[:, None]"));
        assert!(words("panics: attempt to subtract with overflow").contains("isize"));
        assert_eq!(words("raises ZeroDivisionError: division by zero"), "");
    }
}
