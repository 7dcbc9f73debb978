//! A report for the terminal.

use std::fmt::Write;
use std::path::Path;

use crate::text::{TerminalStyle, wrap};

use super::report::{Case, Diagnosis, Named, Report, Shown, Status};

#[derive(Clone, Copy)]
enum Ink {
    Good,
    Bad,
    Careful,
    Bold,
    Faint,
}

fn paint(style: TerminalStyle, ink: Ink, text: &str) -> String {
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
        printed(&mut out, style, &report.printed);
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

fn line(out: &mut String, text: &str) {
    out.push_str(text);
    out.push('\n');
}

/// The file relative to the current folder, when it is below it.
fn short(file: &Path) -> &Path {
    std::env::current_dir().ok().and_then(|here| file.strip_prefix(here).ok()).unwrap_or(file)
}

/// `text` wrapped; its own line ends stay.
fn paragraph(out: &mut String, style: TerminalStyle, indent: &str, text: &str, ink: Option<Ink>) {
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

fn example(out: &mut String, style: TerminalStyle, case: &Case) {
    paragraph(out, style, "", &format!("The smallest input that shows it: {}", case.label), None);
    for Named { name, value } in &case.arguments {
        block(out, style, name, value);
    }
    if case.expected.is_empty() && case.got.is_empty() {
        return;
    }
    line(out, "");
    if case.expected.is_empty() {
        line(out, "  expected: an error");
    }
    for (at, expected) in case.expected.iter().enumerate() {
        match case.got.get(at) {
            Some(got) => beside(out, style, expected, got),
            None => block(out, style, &format!("expected {}", expected.name), &expected.value),
        }
    }
    for got in case.got.iter().skip(case.expected.len()) {
        block(out, style, &format!("yours {}", got.name), &got.value);
    }
    if !case.first_difference.is_empty() {
        line(out, &format!("  {}", case.first_difference));
    }
    paragraph(out, TerminalStyle { width: style.width.saturating_sub(2), ..style }, "  ", &case.worked, None);
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

/// A value under its name.
fn block(out: &mut String, style: TerminalStyle, name: &str, value: &Shown) {
    let rows = rows(value, style);
    match rows.as_slice() {
        [row] => line(out, &format!("  {name} = {}", row.text.trim_start())),
        _ => {
            line(out, &format!("  {name} ="));
            rows.iter().for_each(|row| line(out, &format!("    {}", row.text)));
        }
    }
}

/// Right and learner's value side by side.
fn beside(out: &mut String, style: TerminalStyle, expected: &Named, got: &Named) {
    let (left, right) = (rows(&expected.value, style), rows(&got.value, style));
    let [head, other] =
        [("expected", expected), ("yours", got)].map(|(whose, named)| match shapes_apart(expected, got) {
            true => format!("{whose} {}, shape {}", named.name, shape_text(&named.value)),
            false => format!("{whose} {}", named.name),
        });
    let width = left.iter().map(|row| row.width).chain([head.chars().count()]).max().unwrap_or(0);
    if width + right.iter().map(|row| row.width).max().unwrap_or(0) + 8 > style.width {
        block(out, style, &head, &expected.value);
        block(out, style, &other, &got.value);
        return;
    }
    line(out, &format!("  {head:width$}    {other}"));
    for at in 0..left.len().max(right.len()) {
        let text = left.get(at).map_or("", |row| &row.text);
        let pad = width - left.get(at).map_or(0, |row| row.width);
        let full = format!("  {text}{:pad$}    {}", "", right.get(at).map_or("", |row| &row.text));
        line(out, full.trim_end());
    }
}

/// Whether both are arrays, of different shapes.
fn shapes_apart(one: &Named, other: &Named) -> bool {
    matches!((&one.value, &other.value), (Shown::Array { shape: one, .. }, Shown::Array { shape: other, .. }) if one != other)
}

fn shape_text(value: &Shown) -> String {
    match value {
        Shown::Array { shape, .. } => super::compare::tuple(shape),
        Shown::Text { .. } => String::new(),
    }
}

/// A line of a drawn value; escape codes do not count for its width.
struct Row {
    text: String,
    width: usize,
}

fn plain(text: String) -> Row {
    Row { width: text.chars().count(), text }
}

fn rows(value: &Shown, style: TerminalStyle) -> Vec<Row> {
    let (shape, cells, wrong) = match value {
        Shown::Text { text, wrong } => {
            let marked = if *wrong { format!("[{text}]") } else { text.clone() };
            let width = marked.chars().count();
            let text = if *wrong { paint(style, Ink::Bad, &marked) } else { marked };
            return vec![Row { text, width }];
        }
        Shown::Array { shape, cells, wrong, .. } => (shape, cells, wrong),
    };
    let shape_text = super::compare::tuple(shape);
    if cells.is_empty() {
        let Shown::Array { element, .. } = value else { return Vec::new() };
        let count: usize = shape.iter().product();
        let what = if count == 0 { "empty array" } else { "array, too large to show" };
        return vec![plain(format!("{element} {what}, shape {shape_text}"))];
    }
    let columns = shape.last().copied().unwrap_or(1).max(1);
    let marks = !wrong.is_empty();
    let width = cells.iter().map(|cell| cell.chars().count()).max().unwrap_or(1);
    let mut rows = Vec::new();
    for (at, chunk) in cells.chunks(columns).enumerate() {
        if let Some(title) = plane_title(shape, at) {
            rows.push(plain(title));
        }
        rows.push(row(chunk, at * columns, wrong, width, marks, style));
    }
    rows
}

fn row(cells: &[String], start: usize, wrong: &[usize], width: usize, marks: bool, style: TerminalStyle) -> Row {
    let mut text = String::new();
    let mut total = 0;
    for (at, cell) in cells.iter().enumerate() {
        let bad = wrong.contains(&(start + at));
        let (open, close) = match (marks, bad) {
            (false, _) => ("", ""),
            (true, true) => ("[", "]"),
            (true, false) => (" ", " "),
        };
        let marked = format!("{open}{cell}{close}");
        let pad = width + 2 * usize::from(marks) - marked.chars().count() + usize::from(at > 0);
        total += pad + marked.chars().count();
        // Writing to a string cannot fail.
        let _ = write!(text, "{:pad$}{}", "", if bad { paint(style, Ink::Bad, &marked) } else { marked });
    }
    Row { text, width: total }
}

/// The index of the leading axes before each plane of an array with more than two axes: `[1, 0]`.
fn plane_title(shape: &[usize], row: usize) -> Option<String> {
    let leading = shape.len().checked_sub(2).filter(|&axes| axes > 0)?;
    let per_plane = shape[shape.len() - 2];
    (per_plane > 0 && row.is_multiple_of(per_plane))
        .then(|| super::compare::position(row / per_plane, &shape[..leading]))
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

    #[test]
    fn planes_of_an_array_with_more_axes_have_their_index() {
        let shown = super::super::show::show(&Value::array(&[2, 1, 2], vec![1.0, 2.0, 3.0, 4.0]));
        let texts: Vec<String> = rows(&shown, TerminalStyle::default()).into_iter().map(|row| row.text).collect();
        assert_eq!(texts, ["[0]", "1 2", "[1]", "3 4"]);
    }
}
