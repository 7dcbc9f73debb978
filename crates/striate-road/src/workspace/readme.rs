//! The README of a station's folder.

use crate::exercise::Exercise;
use crate::map::Station;

/// What the station is for and which commands come next.
pub(super) fn readme(station: &Station, exercises: &[&Exercise]) -> String {
    let id = &station.id;
    let mut text = format!("# {}\n\n{}\n\n{}\n\n## Exercises\n\n", station.title, station.outcome, station.why);
    for exercise in exercises {
        let first = exercise.task.trim().lines().next().unwrap_or_default().trim();
        text.push_str(&format!("- `{}`: {first}\n", exercise.id));
    }
    let first = exercises.first().map_or("", |exercise| exercise.id);
    text.push_str(&format!(
        "\n## Next\n\n\
         Write the first function, then let Striate look at it. The first check will not pass: that is expected.\n\n\
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
