//! The README of a station's folder.

use crate::assignment::Assignment;
use crate::map::Station;

/// What the station is for and which commands come next.
pub(super) fn readme(station: &Station, exercises: &[Assignment]) -> String {
    let id = &station.id;
    let mut text = format!("# {}\n\n{}\n\n{}\n\n## Exercises\n\n", station.title, station.outcome, station.why);
    for exercise in exercises {
        text.push_str(&format!("- `{}`: {}\n", exercise.id(), first_sentence(exercise.task())));
    }
    let first = exercises.first().map_or("", |exercise| exercise.id());
    text.push_str(&format!(
        "\n## Next\n\n\
         Begin with the first exercise, then let Striate look at it. The first check will not pass: that is expected.\n\n\
         ```text\n\
         striate check {first}          check one exercise\n\
         striate check {id} --watch     check again whenever you save\n\
         striate hint {first}           when stuck: one small step at a time\n\
         striate road {id}              text, reading and where you stand\n\
         striate notes {id} --add \"...\" keep what you want to remember\n\
         ```\n"
    ));
    text
}

/// A task's text up to the full stop that ends its first sentence, in one line. A full stop inside a number or a name,
/// and one after which the text goes on in lower case (`e.g. this`), ends nothing.
fn first_sentence(task: &str) -> String {
    let words: Vec<&str> = task.split_whitespace().collect();
    let ends = |at: usize| {
        let next = words.get(at + 1).and_then(|word| word.chars().next());
        words[at].ends_with('.') && next.is_none_or(|first| !first.is_lowercase())
    };
    let count = (0..words.len()).find(|&at| ends(at)).map_or(words.len(), |at| at + 1);
    words[..count].join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assignment;

    #[test]
    fn the_first_sentence_is_whole() {
        assert_eq!(first_sentence("Divide by 2.5,\n i.e. halve it. Then\nstop."), "Divide by 2.5, i.e. halve it.");
        assert_eq!(first_sentence("No stop at\nall"), "No stop at all");
        for assignment in assignment::all() {
            let sentence = first_sentence(assignment.task());
            assert!(sentence.ends_with(['.', ':']) && sentence.len() < 400, "{}: {sentence}", assignment.id());
        }
    }
}
