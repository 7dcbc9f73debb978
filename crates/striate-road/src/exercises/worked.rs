//! Sums worked through by hand.

/// "0*10 + 1*20 + 2*30": products in the order of the sum. Of a long sum the terms that are zero are left out, and what is
/// beyond a line.
pub(super) fn products(terms: impl IntoIterator<Item = (f64, f64)>) -> String {
    const IN_A_LINE: usize = 9;
    let mut terms: Vec<(f64, f64)> = terms.into_iter().collect();
    if terms.len() > IN_A_LINE {
        terms.retain(|(a, b)| *a != 0.0 && *b != 0.0);
    }
    let more = terms.len().saturating_sub(IN_A_LINE);
    let mut text: Vec<String> =
        terms.iter().take(IN_A_LINE).map(|(a, b)| format!("{}*{}", short(*a), short(*b))).collect();
    if more > 0 {
        text.push(format!("... ({more} more)"));
    }
    if text.is_empty() { "0".into() } else { text.join(" + ") }
}

/// A number in few digits, a negative one in brackets.
pub(super) fn short(x: f64) -> String {
    let text = crate::check::number_text(x);
    if x < 0.0 { format!("({text})") } else { text }
}

#[cfg(test)]
mod tests {
    use super::products;

    #[test]
    fn long_sums_lose_their_zeros_first() {
        assert_eq!(products([(0.0, 10.0), (1.0, -20.0), (0.5, 30.0)]), "0*10 + 1*(-20) + 0.5*30");
        let long = (0..12).map(|i| (f64::from(i % 2), 3.0));
        assert_eq!(products(long), ["1*3"; 6].join(" + "));
        assert_eq!(products([(1.0, 1.0); 11]), format!("{} + ... (2 more)", ["1*1"; 9].join(" + ")));
        assert_eq!(products([]), "0");
    }
}
