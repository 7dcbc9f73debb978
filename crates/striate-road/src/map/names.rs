//! Names that nobody knows, and what was probably meant.

/// A name that does not exist, with the nearest ones that do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownName {
    /// `station`, `goal`, `exercise`.
    pub what: &'static str,
    /// What was asked for.
    pub name: String,
    /// At most three names that are close, nearest first.
    pub nearest: Vec<String>,
}

impl UnknownName {
    /// Looks for names close to `name` among `known`.
    pub fn new<'a>(what: &'static str, name: &str, known: impl Iterator<Item = &'a str>) -> Self {
        UnknownName { what, name: name.to_string(), nearest: nearest(name, known) }
    }
}

impl std::fmt::Display for UnknownName {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "there is no {} '{}'", self.what, self.name)?;
        match self.nearest.as_slice() {
            [] => Ok(()),
            [only] => write!(formatter, "; did you mean '{only}'?"),
            [first @ .., last] => {
                let first: Vec<String> = first.iter().map(|name| format!("'{name}'")).collect();
                write!(formatter, "; did you mean {} or '{last}'?", first.join(", "))
            }
        }
    }
}

impl std::error::Error for UnknownName {}

/// At most three of `known` that are close to `name`, nearest first: few edits away, or sharing a whole word.
pub fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Vec<String> {
    let name = name.to_lowercase().replace(['_', ' '], "-");
    let mut close: Vec<(usize, &str)> =
        known.filter_map(|candidate| Some((cost(&name, candidate)?, candidate))).collect();
    close.sort_by_key(|&(cost, _)| cost);
    close.into_iter().take(3).map(|(_, candidate)| candidate.to_string()).collect()
}

/// Edits, or `None` when the two have too little in common to be worth a suggestion.
fn cost(name: &str, candidate: &str) -> Option<usize> {
    let normal = candidate.replace('_', "-");
    let edits = edit_distance(name, &normal);
    let shares_word = name.len() >= 3
        && (normal.contains(name) || normal.split('-').any(|word| word.len() >= 4 && edit_distance(word, name) <= 1))
        || name.split('-').any(|word| word.len() >= 4 && normal.split('-').any(|other| other == word));
    let allowed = name.chars().count().max(normal.chars().count()) / 3;
    // A shared word is about as good as two edits: "convolution" means "convolution-layer" before anything else.
    if shares_word { Some(edits.min(2)) } else { (edits <= allowed.max(1)).then_some(edits) }
}

/// Insertions, deletions, replacements and swaps of neighbours that turn one text into the other (optimal string
/// alignment distance).
fn edit_distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut before: Vec<usize> = vec![0; b.len() + 1];
    let mut previous: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut current = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let replaced = previous[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            current[j] = replaced.min(previous[j] + 1).min(current[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                current[j] = current[j].min(before[j - 2] + 1);
            }
        }
        before = std::mem::replace(&mut previous, current);
    }
    previous[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_of_known_pairs() {
        for (a, b, distance) in
            [("", "", 0), ("abc", "", 3), ("kitten", "sitting", 3), ("ab", "ba", 1), ("convolve2d", "convolev2d", 1)]
        {
            assert_eq!(edit_distance(a, b), distance, "{a} {b}");
            assert_eq!(edit_distance(b, a), distance, "{b} {a}");
        }
    }

    #[test]
    fn what_was_probably_meant() {
        let known =
            ["convolution-layer", "linearity-convolution", "correlation-filtering", "digit-classifier", "optimizers"];
        let first = |name: &str| nearest(name, known.into_iter()).into_iter().next();
        assert_eq!(first("convolution-layers").as_deref(), Some("convolution-layer"));
        assert_eq!(first("Convolution Layer").as_deref(), Some("convolution-layer"));
        assert_eq!(first("digits").as_deref(), Some("digit-classifier"));
        assert_eq!(first("optimisers").as_deref(), Some("optimizers"));
        assert_eq!(first("colrelation-filtering").as_deref(), Some("correlation-filtering"));
        assert_eq!(first("xyz"), None);
        let text = UnknownName::new("station", "convolution", known.into_iter()).to_string();
        assert_eq!(
            text,
            "there is no station 'convolution'; did you mean 'convolution-layer' or 'linearity-convolution'?"
        );
    }
}
