//! A report for the terminal.

use std::path::Path;

use crate::text::{TerminalStyle, wrap};

use super::example::example;
use super::report::{Case, Diagnosis, Report, Status};

#[derive(Clone, Copy)]
pub(super) enum Ink {
    Good,
    Bad,
    Careful,
    Bold,
    Faint,
}

pub(super) fn paint(style: TerminalStyle, ink: Ink, text: &str) -> String {
    let code = match ink {
        Ink::Good => "32",
        Ink::Bad => "31",
        Ink::Careful => "33",
        Ink::Bold => "1",
        Ink::Faint => "2",
    };
    if style.color { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_string() }
}

/// The report as text, ending in a line feed.
pub fn render(report: &Report, style: TerminalStyle) -> String {
    let mut out = String::new();
    let (sign, ink) = match report.status {
        Status::Passed => ("✓", Ink::Good),
        Status::NotAttempted => ("○", Ink::Careful),
        Status::Fragile => ("◐", Ink::Careful),
        Status::CannotRun => ("!", Ink::Careful),
        Status::DoesNotLoad | Status::Wrong => ("✗", Ink::Bad),
    };
    let language = report.language.map_or(String::new(), |language| format!(" in {language}"));
    let name = format!("{sign} {}{language}: {}", report.exercise, report.status.words());
    line(&mut out, &paint(style, ink, &name));
    line(&mut out, "");
    paragraph(&mut out, style, "", &report.headline, Some(Ink::Bold));
    if let Some(place) = &report.place {
        line(&mut out, &format!("  at {}:{}", short(&place.file).display(), place.line));
        if !place.code.is_empty() {
            line(&mut out, &format!("  {} {}", paint(style, Ink::Faint, "|"), place.code));
        }
    }
    paragraph(&mut out, style, "", &report.message, None);
    if let Some(diagnosis) = &report.diagnosis {
        line(&mut out, "");
        diagnosed(&mut out, style, diagnosis);
    }
    if let Some(case) = &report.case {
        line(&mut out, "");
        example(&mut out, style, case);
    }
    if !report.printed.trim().is_empty() && report.status != Status::Passed {
        line(&mut out, "");
        line(&mut out, "Your program printed:");
        printed(&mut out, style, &in_short(report));
    }
    line(&mut out, "");
    line(&mut out, &paint(style, Ink::Faint, &footer(report)));
    out
}

/// One input with the right result and another one, as text.
pub fn render_case(case: &Case, style: TerminalStyle) -> String {
    let mut out = String::new();
    example(&mut out, style, case);
    out
}

pub(super) fn line(out: &mut String, text: &str) {
    out.push_str(text);
    out.push('\n');
}

/// The file relative to the current folder, when it is below it.
fn short(file: &Path) -> &Path {
    std::env::current_dir().ok().and_then(|here| file.strip_prefix(here).ok()).unwrap_or(file)
}

/// `text` wrapped; its own line ends stay.
pub(super) fn paragraph(out: &mut String, style: TerminalStyle, indent: &str, text: &str, ink: Option<Ink>) {
    for source in text.lines() {
        // Lines with columns of their own are left alone.
        let lines = if source.starts_with(' ') || source.contains("   ") {
            vec![source.to_string()]
        } else {
            wrap(source, style.width, 0)
        };
        for text in lines {
            let text = ink.map_or(text.clone(), |ink| paint(style, ink, &text));
            line(out, &format!("{indent}{text}"));
        }
    }
}

fn diagnosed(out: &mut String, style: TerminalStyle, diagnosis: &Diagnosis) {
    paragraph(out, style, "", &diagnosis.sentence(), Some(Ink::Bold));
    for (_, title) in diagnosis.alternatives() {
        paragraph(out, style, "", &format!("Or when {}.", title.trim_end_matches('.')), None);
    }
    paragraph(out, style, "", &diagnosis.explanation, None);
    // With an explanation the question would come too late; it is the first hint then.
    if diagnosis.explanation.is_empty() && !diagnosis.question.is_empty() {
        paragraph(out, style, "", &format!("Ask yourself: {}", diagnosis.question), None);
    }
    if let Some(see) = &diagnosis.see {
        let title = crate::Road::embedded().resource(&see.resource).map_or(see.resource.as_str(), |found| &found.title);
        paragraph(out, style, "", &format!("Read: {title}, {}", see.at), None);
    }
}

/// What was printed; Python's warnings name the file by its whole path, which leaves no room for their words.
fn in_short(report: &Report) -> String {
    match (report.file.to_str(), report.file.file_name().and_then(|name| name.to_str())) {
        (Some(path), Some(name)) if !path.is_empty() => report.printed.replace(path, name),
        _ => report.printed.clone(),
    }
}

fn printed(out: &mut String, style: TerminalStyle, text: &str) {
    const SHOWN: usize = 12;
    for text in text.lines().take(SHOWN) {
        let cut: String = text.chars().take(style.width.saturating_sub("  | ".len())).collect();
        line(out, &format!("  {} {cut}", paint(style, Ink::Faint, "|")));
    }
    let more = text.lines().count().saturating_sub(SHOWN);
    if more > 0 {
        line(out, &format!("  {} and {more} more lines", paint(style, Ink::Faint, "|")));
    }
}

fn footer(report: &Report) -> String {
    let mut time = format!("{:.2} s", report.timings.total_seconds);
    if report.protection.is_some_and(|protection| !protection.is_apart()) {
        time.push_str(", not kept apart (striate doctor tells more)");
    }
    match report.status {
        Status::Passed => time,
        // A course's function, which has no station, has no hints either.
        Status::Wrong | Status::Fragile if report.station.is_empty() => format!("{}, {time}", report.counts()),
        Status::Wrong | Status::Fragile => {
            format!("{}, {time}. More: striate hint {}", report.counts(), report.exercise)
        }
        _ => time,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::content::check_behaviour;
    use crate::exercise::{Behaviour, Exercise, Outcome};
    use crate::exercises;
    use crate::value::Value;

    fn correlate2d() -> &'static Exercise {
        exercises::find("correlate2d").expect("an exercise")
    }

    fn rendered(behaviour: Behaviour, color: bool) -> String {
        render(&check_behaviour(correlate2d(), behaviour), TerminalStyle { width: 80, color })
    }

    fn doubled(arguments: &[Value]) -> Outcome {
        match (correlate2d().reference)(arguments) {
            Outcome::Value(Value::Array(array)) => Outcome::Value(Value::from(array.to_f64_array() * 2.0)),
            other => other,
        }
    }

    #[test]
    fn a_wrong_result_stands_beside_the_right_one() {
        insta::assert_snapshot!(rendered(doubled, false));
    }

    #[test]
    fn colours_change_no_text() {
        let mut plain = rendered(doubled, true);
        for code in ["31", "32", "33", "1", "2", "0"] {
            plain = plain.replace(&format!("\x1b[{code}m"), "");
        }
        assert_eq!(plain, rendered(doubled, false));
    }
}
