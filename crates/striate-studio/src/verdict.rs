//! A check's report as a part of a page.

use std::path::Path;

use askama::Template;
use striate_road::Road;
use striate_road::check::{Case, Report, Shown, Status};

#[derive(Template)]
#[template(path = "report.html")]
struct ReportPart<'a> {
    report: &'a Report,
    /// The file as the learner knows it: inside the workspace.
    file: String,
}

#[derive(Template)]
#[template(path = "value.html")]
struct ValuePart<'a> {
    drawing: Drawing<'a>,
}

/// The report in HTML. `workspace` is taken off the file's path.
pub fn to_html(report: &Report, workspace: &Path) -> String {
    let file = report.file.strip_prefix(workspace).unwrap_or(&report.file).display().to_string();
    let part = ReportPart { report, file };
    part.render().unwrap_or_else(|error| format!("<p>This report cannot be shown: {error}</p>"))
}

/// A value of the smallest case, laid out.
enum Drawing<'a> {
    Inline { text: String, is_wrong: bool },
    Planes(Vec<Plane<'a>>),
}

/// The last two axes of an array.
struct Plane<'a> {
    /// Indices of the axes before them, as `[1, 0]`; empty when there are none.
    title: String,
    rows: Vec<Vec<Cell<'a>>>,
}

struct Cell<'a> {
    text: &'a str,
    is_wrong: bool,
}

fn draw(shown: &Shown) -> Drawing<'_> {
    let (element, shape, cells, wrong) = match shown {
        Shown::Text { text, wrong } => return Drawing::Inline { text: text.clone(), is_wrong: *wrong },
        Shown::Array { element, shape, cells, wrong } => (element, shape, cells, wrong),
    };
    if cells.is_empty() {
        let what = if shape.contains(&0) { "empty array" } else { "array, too large to show" };
        return Drawing::Inline { text: format!("{element} {what}, shape {shape:?}"), is_wrong: false };
    }
    if let [number] = cells.as_slice()
        && shape.is_empty()
    {
        return Drawing::Inline { text: number.clone(), is_wrong: !wrong.is_empty() };
    }
    let columns = shape.last().copied().unwrap_or(1).max(1);
    let rows_of_plane = shape.len().checked_sub(2).map_or(1, |axis| shape[axis].max(1));
    let planes = cells.chunks(columns * rows_of_plane).enumerate().map(|(index, plane)| {
        let start = index * columns * rows_of_plane;
        let row = |(row, cells)| line(cells, start + row * columns, wrong);
        Plane { title: position(index, shape), rows: plane.chunks(columns).enumerate().map(row).collect() }
    });
    Drawing::Planes(planes.collect())
}

fn line<'a>(cells: &'a [String], start: usize, wrong: &[usize]) -> Vec<Cell<'a>> {
    let cell = |(at, text)| Cell { text, is_wrong: wrong.contains(&(start + at)) };
    cells.iter().map(String::as_str).enumerate().map(cell).collect()
}

/// Indices of the plane number `index` of an array: `[1, 0]`; nothing when it has only one.
fn position(mut index: usize, shape: &[usize]) -> String {
    let leading = &shape[..shape.len().saturating_sub(2)];
    if leading.is_empty() {
        return String::new();
    }
    let mut indices = Vec::new();
    for &length in leading.iter().rev() {
        indices.push((index % length.max(1)).to_string());
        index /= length.max(1);
    }
    indices.reverse();
    format!("[{}]", indices.join(", "))
}

impl ReportPart<'_> {
    fn value(&self, shown: &Shown) -> askama::Result<String> {
        ValuePart { drawing: draw(shown) }.render()
    }

    /// Every part of the result: the right value and the learner's, with their names.
    fn results<'c>(&self, case: &'c Case) -> Vec<Vec<(String, &'c Shown)>> {
        let part = |at: usize| {
            let right = case.expected.get(at).map(|named| (format!("expected {}", named.name), &named.value));
            let yours = case.got.get(at).map(|named| (format!("yours {}", named.name), &named.value));
            right.into_iter().chain(yours).collect()
        };
        (0..case.expected.len().max(case.got.len())).map(part).collect()
    }

    /// Title and address of the resource to read.
    fn source(&self, id: &str) -> (String, String) {
        Road::embedded()
            .resource(id)
            .map_or_else(|| (id.to_owned(), String::new()), |found| (found.title.clone(), found.url.clone()))
    }

    /// A message with columns of its own (a compiler's words) keeps them.
    fn has_columns(&self) -> bool {
        self.report.message.lines().any(|line| line.starts_with(' ') || line.contains("   "))
    }

    fn has_counts(&self) -> bool {
        matches!(self.report.status, Status::Wrong | Status::Fragile)
    }

    fn printed(&self) -> Option<&str> {
        let printed = self.report.printed.trim_end();
        (!printed.trim().is_empty() && self.report.status != Status::Passed).then_some(printed)
    }

    /// File name and line the report is about.
    fn place(&self) -> Option<(String, &str)> {
        let place = self.report.place.as_ref()?;
        let name = place.file.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        Some((format!("{name}, line {}", place.line), &place.code))
    }
}

#[cfg(test)]
mod tests {
    use striate_road::check::content::check_behaviour;
    use striate_road::exercises;

    use super::*;

    #[test]
    fn a_named_mistake_is_explained_with_its_smallest_case() {
        let exercise = exercises::find("correlate2d").unwrap();
        let mistake = &exercise.misconceptions[0];
        let mut report = check_behaviour(exercise, mistake.behaviour);
        report.file = "/there/station/python/correlate2d.py".into();
        report.printed = "<b>mine</b>\n".into();
        let html = to_html(&report, Path::new("/there"));
        assert!(html.contains(mistake.title.trim_end_matches('.')), "{html}");
        assert!(html.contains("<code>station/python/correlate2d.py</code>"), "{html}");
        assert!(html.contains("class=\"off\"") && html.contains("expected") && html.contains("yours"), "{html}");
        assert!(!html.contains("<b>mine"), "what a learner prints is text");
    }

    #[test]
    fn an_array_is_cut_into_planes_and_its_wrong_cells_are_known() {
        let cells = (0..12).map(|number| number.to_string()).collect();
        let shown = Shown::Array { element: "float64".into(), shape: vec![2, 1, 2, 3], cells, wrong: vec![10] };
        let Drawing::Planes(planes) = draw(&shown) else { panic!("an array has planes") };
        let titles: Vec<&str> = planes.iter().map(|plane| plane.title.as_str()).collect();
        assert_eq!(titles, ["[0, 0]", "[1, 0]"]);
        let rows: Vec<String> = planes[1]
            .rows
            .iter()
            .map(|row| {
                row.iter().map(|cell| format!("{}{} ", cell.text, if cell.is_wrong { "!" } else { "" })).collect()
            })
            .collect();
        assert_eq!(rows, ["6 7 8 ", "9 10! 11 "]);
        let vector = Shown::Array {
            element: "float64".into(),
            shape: vec![2],
            cells: vec!["1".into(), "2".into()],
            wrong: vec![],
        };
        assert!(matches!(draw(&vector), Drawing::Planes(planes) if planes.len() == 1 && planes[0].rows.len() == 1));
    }
}
