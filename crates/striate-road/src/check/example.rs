//! One input with the right result and the learner's, for the terminal: whole where it is small, and else the part of it in
//! which the first wrong number stands.

use std::fmt::Write;

use super::compare::{position, tuple};
use super::render::{Ink, line, paint, paragraph};
use super::report::{Case, Named, Shown};
use crate::text::{TerminalStyle, wrap};

/// Lines that all arguments together may take.
const ARGUMENT_LINES: usize = 12;
/// Lines that all results together may take.
const RESULT_LINES: usize = 8;
/// Wrong results that are shown; the others are told by name.
const MOST_RESULTS: usize = 2;
/// What stands for left-out lines and columns.
const LEFT_OUT: &str = "...";

pub(super) fn example(out: &mut String, style: TerminalStyle, case: &Case) {
    paragraph(out, style, "", &format!("The smallest input that shows it: {}", case.label), None);
    arguments(out, style, &case.arguments);
    if case.expected.is_empty() && case.got.is_empty() {
        return;
    }
    line(out, "");
    if case.expected.is_empty() {
        line(out, "  expected: an error");
    }
    let pairs: Vec<(&Named, &Named)> = case.expected.iter().zip(&case.got).collect();
    let differ = |(expected, got): &(&Named, &Named)| is_wrong(&got.value) || shapes_apart(expected, got);
    // Where none is marked it is not about the numbers.
    let marked = pairs.iter().any(differ);
    let (shown, right): (Vec<_>, Vec<_>) =
        if marked { pairs.into_iter().partition(differ) } else { (pairs, Vec::new()) };
    let (shown, others) = shown.split_at(if marked { shown.len().min(MOST_RESULTS) } else { shown.len() });
    for (expected, got) in shown {
        beside(out, style, expected, got, RESULT_LINES / shown.len());
    }
    let names = |pairs: &[(&Named, &Named)]| {
        pairs.iter().map(|(expected, _)| expected.name.as_str()).collect::<Vec<_>>().join(", ")
    };
    for (what, pairs) in [("wrong too", others), ("right", &right[..])] {
        if !pairs.is_empty() {
            line(out, &format!("  {what}: {}", names(pairs)));
        }
    }
    for expected in case.expected.iter().skip(case.got.len()) {
        block(
            out,
            style,
            &format!("expected {}", expected.name),
            &shortened(rows(&expected.value, style), RESULT_LINES),
        );
    }
    for got in case.got.iter().skip(case.expected.len()) {
        block(out, style, &format!("yours {}", got.name), &shortened(rows(&got.value, style), RESULT_LINES));
    }
    if !case.first_difference.is_empty() {
        line(out, &format!("  {}", case.first_difference));
    }
    paragraph(out, TerminalStyle { width: style.width.saturating_sub(2), ..style }, "  ", &case.worked, None);
}

/// The arguments, the longest ones cut short where they would fill the screen.
fn arguments(out: &mut String, style: TerminalStyle, arguments: &[Named]) {
    const FEWEST: usize = 3;
    let lines = |rows: &Vec<Row>| if rows.len() == 1 { 1 } else { rows.len() + 1 };
    let mut blocks: Vec<Vec<Row>> = arguments.iter().map(|argument| rows(&argument.value, style)).collect();
    loop {
        let all: usize = blocks.iter().map(lines).sum();
        let Some(longest) = blocks.iter_mut().max_by_key(|rows| rows.len()) else { break };
        if all <= ARGUMENT_LINES || longest.len() <= FEWEST + 1 {
            break;
        }
        // One line goes to the sign that something is missing.
        let most = longest.len().saturating_sub(all - ARGUMENT_LINES).max(FEWEST + 1);
        *longest = shortened(std::mem::take(longest), most);
        if longest.len() > most {
            break;
        }
    }
    while blocks.iter().map(lines).sum::<usize>() > ARGUMENT_LINES {
        let Some(at) = (0..blocks.len()).filter(|&at| blocks[at].len() > 1).max_by_key(|&at| blocks[at].len()) else {
            break;
        };
        let Shown::Array { element, shape, .. } = &arguments[at].value else { break };
        blocks[at] = vec![plain(format!("{element} array, left out here"))];
        if !without_titles(shape) {
            blocks[at] = vec![plain(format!("{element} array, shape {}, left out here", tuple(shape)))];
        }
    }
    for (Named { name, value }, rows) in arguments.iter().zip(&blocks) {
        block(out, style, &with_shape(name, value), rows);
    }
}

/// The name, and the shape where the lines of an array do not tell it.
fn with_shape(name: &str, value: &Shown) -> String {
    match value {
        Shown::Array { shape, cells, .. } if without_titles(shape) && !cells.is_empty() => {
            format!("{name}, shape {}", tuple(shape))
        }
        _ => name.to_string(),
    }
}

/// Whether an array with more than two axes can do without a title for each plane: there is one, or each is one row.
fn without_titles(shape: &[usize]) -> bool {
    let [planes @ .., rows, _] = shape else { return false };
    !planes.is_empty() && (*rows == 1 || planes.iter().all(|&length| length == 1))
}

/// At most `most` of the rows, those about the first wrong one.
fn shortened(rows: Vec<Row>, most: usize) -> Vec<Row> {
    if rows.len() <= most {
        return rows;
    }
    let inside = most.saturating_sub(2).max(1);
    let wrong = rows.iter().position(|row| row.wrong).unwrap_or(0);
    let start = wrong.saturating_sub(inside / 2).min(rows.len() - inside);
    let count = rows.len();
    let kept: Vec<Row> = rows.into_iter().skip(start).take(inside).collect();
    let mark = |there: bool| there.then(|| plain(LEFT_OUT.to_string()));
    mark(start > 0).into_iter().chain(kept).chain(mark(start + inside < count)).collect()
}

/// A value under its name.
fn block(out: &mut String, style: TerminalStyle, name: &str, rows: &[Row]) {
    match rows {
        [row] if name.chars().count() + row.width + "   = ".len() <= style.width => {
            line(out, &format!("  {name} = {}", row.text.trim_start()))
        }
        _ => {
            line(out, &format!("  {name} ="));
            rows.iter().for_each(|row| line(out, &format!("    {}", row.text)));
        }
    }
}

/// Right and learner's value side by side, at most so many rows of each.
fn beside(out: &mut String, style: TerminalStyle, expected: &Named, got: &Named, most: usize) {
    let (mut left, right) = (rows(&expected.value, style), rows(&got.value, style));
    if left.len() == right.len() {
        // The same rows of both: where the first wrong one is, only the learner's knows.
        left.iter_mut().zip(&right).for_each(|(left, right)| left.wrong = right.wrong);
    }
    let (left, right) = (shortened(left, most), shortened(right, most));
    let [head, other] = [("expected", expected), ("yours", got)].map(|(whose, named)| {
        let head = format!("{whose} {}", named.name);
        if shapes_apart(expected, got) {
            format!("{head}, shape {}", shape_text(&named.value))
        } else {
            with_shape(&head, &named.value)
        }
    });
    let width = left.iter().map(|row| row.width).chain([head.chars().count()]).max().unwrap_or(0);
    if width + right.iter().map(|row| row.width).max().unwrap_or(0) + 8 > style.width {
        block(out, style, &head, &left);
        block(out, style, &other, &right);
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

fn is_wrong(value: &Shown) -> bool {
    match value {
        Shown::Array { wrong, .. } => !wrong.is_empty(),
        Shown::Text { wrong, .. } => *wrong,
    }
}

/// Whether both are arrays, of different shapes.
fn shapes_apart(one: &Named, other: &Named) -> bool {
    matches!((&one.value, &other.value), (Shown::Array { shape: one, .. }, Shown::Array { shape: other, .. }) if one != other)
}

fn shape_text(value: &Shown) -> String {
    match value {
        Shown::Array { shape, .. } => tuple(shape),
        Shown::Text { .. } => String::new(),
    }
}

/// A line of a drawn value; escape codes do not count for its width.
struct Row {
    text: String,
    width: usize,
    /// Whether it holds a wrong number.
    wrong: bool,
}

fn plain(text: String) -> Row {
    Row { width: text.chars().count(), text, wrong: false }
}

fn rows(value: &Shown, style: TerminalStyle) -> Vec<Row> {
    let (shape, cells, wrong) = match value {
        Shown::Text { text, wrong } => {
            let marked = if *wrong { format!("[{text}]") } else { text.clone() };
            let row = |text: String| {
                let width = text.chars().count();
                Row { text: if *wrong { paint(style, Ink::Bad, &text) } else { text }, width, wrong: *wrong }
            };
            let room = style.width.saturating_sub(4);
            if marked.chars().count() <= room {
                return vec![row(marked)];
            }
            return wrap(&marked, room, 0).into_iter().map(row).collect();
        }
        Shown::Array { shape, cells, wrong, .. } => (shape, cells, wrong),
    };
    if cells.is_empty() {
        let Shown::Array { element, .. } = value else { return Vec::new() };
        let count: usize = shape.iter().product();
        let what = if count == 0 { "empty array" } else { "array, too large to show" };
        return vec![plain(format!("{element} {what}, shape {}", tuple(shape)))];
    }
    let columns = shape.last().copied().unwrap_or(1).max(1);
    let drawing =
        Drawing { cells, wrong, width: cells.iter().map(|cell| cell.chars().count()).max().unwrap_or(1), style };
    let fit = drawing.columns_that_fit();
    if columns > fit && cells.len() == columns {
        // A single row goes on in the next line.
        return (0..columns).step_by(fit).map(|start| drawing.row(start, fit.min(columns - start))).collect();
    }
    let first = wrong.first().map_or(0, |at| at % columns);
    let start = if columns > fit { first.saturating_sub(fit / 2).min(columns - fit) } else { 0 };
    let shown = fit.min(columns);
    let mut rows = Vec::new();
    for at in 0..cells.len() / columns {
        if let Some(title) = plane_title(shape, at) {
            rows.push(plain(title));
        }
        rows.push(drawing.part_of_row(at * columns, start, shown, columns));
    }
    rows
}

/// An array as it is drawn.
struct Drawing<'a> {
    cells: &'a [String],
    wrong: &'a [usize],
    /// Of the widest cell.
    width: usize,
    style: TerminalStyle,
}

impl Drawing<'_> {
    fn marks(&self) -> usize {
        2 * usize::from(!self.wrong.is_empty())
    }

    /// How many columns go into a line, with room for the indentation and the signs that some are left out.
    fn columns_that_fit(&self) -> usize {
        (self.style.width.saturating_sub(4 + 2 * (LEFT_OUT.len() + 1)) / (self.width + self.marks() + 1)).max(1)
    }

    /// Columns `start` to `start + shown` of the row that begins at a cell.
    fn part_of_row(&self, begin: usize, start: usize, shown: usize, columns: usize) -> Row {
        let mut row = self.row(begin + start, shown);
        if start > 0 {
            row.text.insert_str(0, &format!("{LEFT_OUT} "));
            row.width += LEFT_OUT.len() + 1;
        }
        if start + shown < columns {
            row.text.push_str(&format!(" {LEFT_OUT}"));
            row.width += LEFT_OUT.len() + 1;
        }
        row.wrong = (begin..begin + columns).any(|at| self.wrong.contains(&at));
        row
    }

    /// So many cells from one on.
    fn row(&self, start: usize, count: usize) -> Row {
        let marks = !self.wrong.is_empty();
        let mut row = Row { text: String::new(), width: 0, wrong: false };
        for at in start..start + count {
            let (cell, bad) = (&self.cells[at], self.wrong.contains(&at));
            let (open, close) = match (marks, bad) {
                (false, _) => ("", ""),
                (true, true) => ("[", "]"),
                (true, false) => (" ", " "),
            };
            let marked = format!("{open}{cell}{close}");
            let pad = self.width + self.marks() - marked.chars().count() + usize::from(at > start);
            row.width += pad + marked.chars().count();
            row.wrong |= bad;
            // Writing to a string cannot fail.
            let _ = write!(row.text, "{:pad$}{}", "", if bad { paint(self.style, Ink::Bad, &marked) } else { marked });
        }
        row
    }
}

/// The index of the leading axes before each plane of an array with several planes: `[1, 0]`.
fn plane_title(shape: &[usize], row: usize) -> Option<String> {
    let leading = shape.len().checked_sub(2).filter(|&axes| axes > 0 && !without_titles(shape))?;
    let per_plane = shape[shape.len() - 2];
    (per_plane > 0 && row.is_multiple_of(per_plane)).then(|| position(row / per_plane, &shape[..leading]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::show::show;
    use crate::value::Value;

    fn texts(rows: Vec<Row>) -> Vec<String> {
        rows.into_iter().map(|row| row.text).collect()
    }

    fn numbers(shape: &[usize]) -> Shown {
        let count = shape.iter().product::<usize>();
        show(&Value::array(shape, (0..count).map(|at| at as f64).collect::<Vec<f64>>()))
    }

    #[test]
    fn planes_of_an_array_with_more_axes_have_their_index() {
        assert_eq!(texts(rows(&numbers(&[2, 2, 1]), TerminalStyle::default())), ["[0]", "0", "1", "[1]", "2", "3"]);
        assert_eq!(texts(rows(&numbers(&[2, 1, 2]), TerminalStyle::default())), ["0 1", "2 3"]);
    }

    #[test]
    fn one_plane_has_its_shape_beside_its_name() {
        let shown = numbers(&[1, 1, 2, 2]);
        assert_eq!(texts(rows(&shown, TerminalStyle::default())), ["0 1", "2 3"]);
        assert_eq!(with_shape("x", &shown), "x, shape (1, 1, 2, 2)");
    }

    #[test]
    fn what_is_long_is_cut_about_the_first_wrong_number() {
        let mut shown = numbers(&[12, 1]);
        if let Shown::Array { wrong, .. } = &mut shown {
            *wrong = vec![7];
        }
        let style = TerminalStyle { width: 100, color: false };
        assert_eq!(texts(shortened(rows(&shown, style), 5)), ["...", "  6 ", " [7]", "  8 ", "..."]);
        assert_eq!(texts(shortened(rows(&numbers(&[12, 1]), style), 5)), [" 0", " 1", " 2", "..."]);
    }

    #[test]
    fn what_is_wide_is_wrapped_or_cut() {
        let style = TerminalStyle { width: 40, color: false };
        let row = texts(rows(&numbers(&[20]), style));
        assert_eq!(row.len(), 3);
        assert!(row.iter().all(|line| line.len() <= 36) && row[2].ends_with("19"), "{row:?}");
        let mut table = numbers(&[2, 20]);
        if let Shown::Array { wrong, .. } = &mut table {
            *wrong = vec![18];
        }
        let lines = texts(rows(&table, style));
        assert!(lines.iter().all(|line| line.chars().count() <= 36), "{lines:?}");
        assert!(lines[0].starts_with("... ") && lines[0].contains("[18]"), "{lines:?}");
    }
}
