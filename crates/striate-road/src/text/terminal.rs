//! Markdown to lines for a terminal.

use pulldown_cmark::{Event, Parser, Tag, TagEnd};

use super::math::math_to_text;
use super::options;

/// How a terminal shows text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TerminalStyle {
    /// Columns to use.
    pub width: usize,
    /// Whether bold, italic and dim are shown by escape codes.
    pub color: bool,
}

impl Default for TerminalStyle {
    fn default() -> Self {
        TerminalStyle { width: 80, color: false }
    }
}

/// A space at which no line breaks, until the very end.
const STAY: char = '\u{a0}';

/// Readable lines of a text, each at most `style.width` columns wide where words allow, ending in a line break.
pub fn to_terminal(markdown: &str, style: TerminalStyle) -> String {
    let mut writer = Writer {
        style,
        out: String::new(),
        line: String::new(),
        blocks: Vec::new(),
        marker: None,
        table: Vec::new(),
        links: Vec::new(),
    };
    for event in Parser::new_ext(markdown, options()) {
        writer.event(event);
    }
    writer.out.trim_end().replace(STAY, " ") + "\n"
}

enum Block {
    /// Number of the next item, or `None` for bullets.
    List(Option<u64>),
    Item,
    Quote,
}

struct Writer {
    style: TerminalStyle,
    out: String,
    line: String,
    blocks: Vec<Block>,
    /// What stands before the first line of a list item.
    marker: Option<String>,
    table: Vec<Vec<String>>,
    links: Vec<String>,
}

impl Writer {
    fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Start(tag) => self.start(tag),
            Event::End(tag) => self.end(tag),
            Event::Text(text) => self.line.push_str(&text),
            Event::Code(code) => {
                let code = code.replace(' ', &STAY.to_string());
                if self.style.color { self.styled("36", &code) } else { self.line.push_str(&format!("`{code}`")) }
            }
            Event::Html(text) | Event::InlineHtml(text) => self.line.push_str(&text),
            Event::InlineMath(latex) => {
                let math = math_to_text(&latex).replace('\n', "; ");
                // A long formula may break; a short one reads better whole.
                let math = if math.chars().count() <= 24 { math.replace(' ', &STAY.to_string()) } else { math };
                self.line.push_str(&math);
            }
            Event::DisplayMath(latex) => {
                self.paragraph();
                let math = math_to_text(&latex);
                for line in math.lines() {
                    self.raw_line(&format!("    {}", line.trim()));
                }
                self.blank();
            }
            Event::SoftBreak => self.line.push(' '),
            Event::HardBreak => self.line.push('\n'),
            Event::Rule => {
                self.raw_line(&"─".repeat(self.style.width.min(40)));
                self.blank();
            }
            Event::FootnoteReference(_) | Event::TaskListMarker(_) => {}
        }
    }

    fn start(&mut self, tag: Tag<'_>) {
        match tag {
            Tag::Heading { .. } => self.on("1"),
            Tag::Strong => self.on("1"),
            Tag::Emphasis => self.on("3"),
            Tag::List(first) => {
                self.paragraph();
                self.blocks.push(Block::List(first));
            }
            Tag::Item => {
                let marker = match self.blocks.last_mut() {
                    Some(Block::List(Some(number))) => {
                        *number += 1;
                        format!("{}. ", *number - 1)
                    }
                    _ => "• ".to_string(),
                };
                self.blocks.push(Block::Item);
                self.marker = Some(marker);
            }
            Tag::BlockQuote(_) => self.blocks.push(Block::Quote),
            Tag::CodeBlock(_) => self.paragraph(),
            Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. } => self.links.push(dest_url.to_string()),
            Tag::TableHead | Tag::TableRow => self.table.push(Vec::new()),
            _ => {}
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Heading(_) => {
                self.off();
                self.paragraph();
                self.blank();
            }
            TagEnd::Strong | TagEnd::Emphasis => self.off(),
            TagEnd::Paragraph => {
                self.paragraph();
                if !self.in_item() {
                    self.blank();
                }
            }
            TagEnd::Item => {
                self.paragraph();
                self.marker = None;
                self.blocks.pop();
            }
            TagEnd::List(_) => {
                self.blocks.pop();
                if !self.in_item() {
                    self.blank();
                }
            }
            TagEnd::BlockQuote(_) => {
                self.paragraph();
                self.blocks.pop();
            }
            TagEnd::CodeBlock => {
                let code = std::mem::take(&mut self.line);
                for line in code.lines() {
                    self.raw_line(&format!("    {line}"));
                }
                self.blank();
            }
            TagEnd::Link | TagEnd::Image => {
                let address = self.links.pop().unwrap_or_default();
                if !address.is_empty() && !self.line.ends_with(&address) {
                    self.line.push_str(&format!(" ({address})"));
                }
            }
            TagEnd::TableCell => {
                let cell = std::mem::take(&mut self.line).trim().to_string();
                if let Some(row) = self.table.last_mut() {
                    row.push(cell);
                }
            }
            TagEnd::Table => self.finish_table(),
            _ => {}
        }
    }

    fn in_item(&self) -> bool {
        self.blocks.iter().any(|block| matches!(block, Block::Item))
    }

    /// What stands before each line but the first of an item.
    fn indent(&self) -> String {
        self.blocks.iter().map(|block| if matches!(block, Block::Quote) { "│ " } else { "" }).collect::<String>()
            + &"  ".repeat(self.blocks.iter().filter(|block| matches!(block, Block::Item)).count())
    }

    /// Writes the collected words as wrapped lines.
    fn paragraph(&mut self) {
        let text = std::mem::take(&mut self.line);
        if text.trim().is_empty() {
            return;
        }
        let indent = self.indent();
        let first = match self.marker.take() {
            Some(marker) => format!("{}{marker}", indent.strip_suffix("  ").unwrap_or(&indent)),
            None => indent.clone(),
        };
        for (position, line) in wrap(text.trim(), self.style.width, width(&first)).into_iter().enumerate() {
            self.out.push_str(if position == 0 { &first } else { &indent });
            self.out.push_str(&line);
            self.out.push('\n');
        }
    }

    fn raw_line(&mut self, line: &str) {
        let indent = self.indent();
        self.out.push_str(indent.trim_end_matches("│ "));
        self.out.push_str(line.trim_end());
        self.out.push('\n');
    }

    fn blank(&mut self) {
        if !self.out.is_empty() && !self.out.ends_with("\n\n") {
            self.out.push('\n');
        }
    }

    fn finish_table(&mut self) {
        let rows = std::mem::take(&mut self.table);
        let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
        let column_width =
            |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| width(cell)).max().unwrap_or(0);
        let widths: Vec<usize> = (0..columns).map(column_width).collect();
        for (position, row) in rows.iter().enumerate() {
            let cells =
                row.iter().zip(&widths).map(|(cell, &wide)| format!("{cell}{}", " ".repeat(wide - width(cell))));
            let line = cells.collect::<Vec<_>>().join("  ");
            self.raw_line(&line);
            if position == 0 {
                let rule = widths.iter().map(|&wide| "─".repeat(wide)).collect::<Vec<_>>().join("  ");
                self.raw_line(&rule);
            }
        }
        self.blank();
    }

    fn styled(&mut self, code: &str, text: &str) {
        self.line.push_str(&format!("\u{1b}[{code}m{text}\u{1b}[0m"));
    }

    fn on(&mut self, code: &str) {
        if self.style.color {
            self.line.push_str(&format!("\u{1b}[{code}m"));
        }
    }

    fn off(&mut self) {
        if self.style.color {
            self.line.push_str("\u{1b}[0m");
        }
    }
}

/// Breaks a text into lines of at most `columns`, leaving room for `indent` columns before each. A word longer than a
/// line stays whole; line breaks in the text stay.
pub fn wrap(text: &str, columns: usize, indent: usize) -> Vec<String> {
    let room = columns.saturating_sub(indent).max(10);
    let mut lines = Vec::new();
    for paragraph in text.lines() {
        let mut line = String::new();
        for word in paragraph.split([' ', '\t']).filter(|word| !word.is_empty()) {
            if !line.is_empty() && width(&line) + 1 + width(word) > room {
                lines.push(std::mem::take(&mut line));
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        lines.push(line);
    }
    lines
}

/// Columns a text takes: escape codes and combining marks take none.
fn width(text: &str) -> usize {
    let mut columns = 0;
    let mut escape = false;
    for c in text.chars() {
        match c {
            '\u{1b}' => escape = true,
            'm' if escape => escape = false,
            _ if escape => {}
            '\u{300}'..='\u{36f}' | '\u{20d0}'..='\u{20ff}' => {}
            _ => columns += 1,
        }
    }
    columns
}
