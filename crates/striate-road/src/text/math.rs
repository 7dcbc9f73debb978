//! Formulas: LaTeX to MathML for browsers and to one line of Unicode for terminals.

use std::convert::Infallible;

use pulldown_latex::config::{DisplayMode, RenderConfig};
use pulldown_latex::event::{
    Content, DelimiterType, EnvironmentFlow, Event, Font, Grouping, ScriptPosition, ScriptType, StateChange, Visual,
};
use pulldown_latex::{Parser, Storage, push_mathml};

/// A `<math>` element; LaTeX that cannot be read stays visible as code.
pub fn math_to_mathml(latex: &str, display: bool) -> String {
    let storage = Storage::new();
    let display_mode = if display { DisplayMode::Block } else { DisplayMode::Inline };
    let config = RenderConfig { display_mode, ..RenderConfig::default() };
    let mut mathml = String::new();
    let readable: Result<Vec<_>, _> = Parser::new(latex, &storage).collect();
    let written = readable
        .is_ok_and(|events| push_mathml(&mut mathml, events.into_iter().map(Ok::<_, Infallible>), config).is_ok());
    // The parser hands on an escaped space as this entity, and the writer escapes it once more.
    let mathml = mathml.replace("&amp;nbsp;", "&#160;");
    if written { mathml } else { format!("<code class=\"math\">{}</code>", escaped(latex)) }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// One readable line (lines of an environment are separated by line breaks): `x²`, `∑ᵢ₌₁ⁿ aᵢ`, `(a + b)/2`. LaTeX
/// that cannot be read is returned as it is.
///
/// ```
/// assert_eq!(striate_road::text::math_to_text(r"\frac{1}{N} \sum_{i=1}^{N} x_i^2"), "1/N ∑ᵢ₌₁ᴺ xᵢ²");
/// ```
pub fn math_to_text(latex: &str) -> String {
    let storage = Storage::new();
    let Ok(events) = Parser::new(latex, &storage).collect::<Result<Vec<_>, _>>() else {
        return latex.trim().to_string();
    };
    let mut reader = Reader { events: events.into_iter().peekable(), font: None };
    reader.row().finish()
}

struct Reader<'a> {
    events: std::iter::Peekable<std::vec::IntoIter<Event<'a>>>,
    font: Option<Font>,
}

/// A piece of a formula.
#[derive(Clone, Debug)]
struct Piece {
    text: String,
    /// How it stands beside its neighbours.
    kind: PieceKind,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum PieceKind {
    /// Stands by itself.
    Atom,
    /// `sin`, `log`, a sum: needs a space before what follows.
    Operator,
    /// `+`, `=`: spaces on both sides.
    Binary,
    /// Opening bracket: nothing follows with a space.
    Open,
    /// Closing bracket.
    Close,
    /// Comma: a space after.
    Punctuation,
    /// A space that was asked for.
    Space,
    /// Several pieces that need brackets when they are used as one.
    Compound,
    /// New line of an environment.
    Line,
}

/// Pieces of one row.
#[derive(Default)]
struct Row(Vec<Piece>);

impl Row {
    fn push(&mut self, text: impl Into<String>, kind: PieceKind) {
        self.0.push(Piece { text: text.into(), kind });
    }

    fn finish(&self) -> String {
        let mut line = String::new();
        let mut before: Option<PieceKind> = None;
        for piece in &self.0 {
            use PieceKind::*;
            // A sign after nothing, an operator or a bracket belongs to what follows: -x, not - x.
            let is_sign = piece.kind == Binary
                && matches!(piece.text.as_str(), "+" | "−" | "-" | "±" | "∓")
                && matches!(before, None | Some(Binary | Open | Punctuation | Line));
            let space_before = match (before, piece.kind) {
                (None | Some(Open | Line | Space), _) | (_, Close | Punctuation | Line | Space) => false,
                (Some(Operator), Open) => false,
                (Some(Binary | Punctuation | Operator), _) => true,
                (_, Binary | Operator) => true,
                (Some(Atom | Compound | Close), Compound) | (Some(Compound), Atom | Open) => true,
                _ => false,
            };
            if space_before && !line.ends_with([' ', '\n']) {
                line.push(' ');
            }
            line.push_str(&piece.text);
            before = Some(if is_sign { Open } else { piece.kind });
        }
        line.trim().to_string()
    }

    /// The row as one operand, in brackets when it is more than one piece.
    fn operand(&self) -> String {
        let text = self.finish();
        let single = match self.0.as_slice() {
            [] => true,
            [only] => only.kind != PieceKind::Compound,
            [first, .., last] => {
                first.kind == PieceKind::Open && last.kind == PieceKind::Close && is_one_bracket(&self.0)
            }
        };
        let plain = text.chars().count() <= 1 || text.chars().all(|c| c.is_alphanumeric() || c == '.');
        if single || plain { text } else { format!("({text})") }
    }
}

/// Whether the first bracket closes at the very end.
fn is_one_bracket(pieces: &[Piece]) -> bool {
    let mut depth = 0;
    for (position, piece) in pieces.iter().enumerate() {
        match piece.kind {
            PieceKind::Open => depth += 1,
            PieceKind::Close => depth -= 1,
            _ => {}
        }
        if depth == 0 && position + 1 < pieces.len() {
            return false;
        }
    }
    true
}

impl Reader<'_> {
    /// Everything up to the end of the group.
    fn row(&mut self) -> Row {
        let mut row = Row::default();
        let font = self.font;
        while let Some(event) = self.events.peek() {
            if matches!(event, Event::End) {
                break;
            }
            self.element(&mut row);
        }
        self.font = font;
        row
    }

    /// One element of the stream.
    fn element(&mut self, row: &mut Row) {
        match self.events.next() {
            None | Some(Event::End) => {}
            Some(Event::Content(content)) => self.content(content, row),
            Some(Event::Begin(grouping)) => self.group(&grouping, row),
            Some(Event::Visual(visual)) => self.visual(visual, row),
            Some(Event::Script { ty, position }) => self.script(ty, position, row),
            Some(Event::Space { width, .. }) => {
                if width.is_some_and(|width| width.value > 0.0)
                    && row.0.last().is_some_and(|p| p.kind != PieceKind::Space)
                {
                    row.push(" ", PieceKind::Space);
                }
            }
            Some(Event::StateChange(change)) => {
                if let StateChange::Font(font) = change {
                    self.font = font;
                }
            }
            Some(Event::EnvironmentFlow(flow)) => match flow {
                EnvironmentFlow::Alignment => row.push("  ", PieceKind::Space),
                EnvironmentFlow::NewLine { .. } => row.push("\n", PieceKind::Line),
                EnvironmentFlow::StartLines { .. } => {}
            },
        }
    }

    /// One element as a row of its own; a change of state before it belongs to it.
    fn single(&mut self) -> Row {
        let mut row = Row::default();
        while let Some(Event::StateChange(_)) = self.events.peek() {
            self.element(&mut row);
        }
        if let Some(Event::Begin(Grouping::Normal)) = self.events.peek() {
            self.events.next();
            let inner = self.row();
            self.events.next();
            return inner;
        }
        self.element(&mut row);
        row
    }

    fn content(&self, content: Content<'_>, row: &mut Row) {
        match content {
            Content::Text(text) => row.push(text, PieceKind::Atom),
            Content::Number(number) => row.push(number, PieceKind::Atom),
            Content::Function(name) => row.push(name, PieceKind::Operator),
            Content::Ordinary { content, .. } => row.push(in_font(content, self.font), PieceKind::Atom),
            Content::LargeOp { content, .. } => row.push(content, PieceKind::Operator),
            Content::BinaryOp { content: '/', .. } => row.push('/', PieceKind::Atom),
            Content::BinaryOp { content, .. } => row.push(content, PieceKind::Binary),
            Content::Relation { content, .. } => {
                let mut buffer = [0; 8];
                let text = String::from_utf8_lossy(content.encode_utf8_to_buf(&mut buffer)).into_owned();
                row.push(text, PieceKind::Binary);
            }
            Content::Delimiter { content, ty, .. } => row.push(content, bracket(content, ty, row)),
            Content::Punctuation(mark) => row.push(mark, PieceKind::Punctuation),
        }
    }

    fn group(&mut self, grouping: &Grouping, row: &mut Row) {
        let inner = self.row();
        self.events.next();
        match grouping {
            Grouping::LeftRight(open, close) => {
                if let Some(open) = open {
                    row.push(*open, PieceKind::Open);
                }
                row.0.extend(inner.0);
                if let Some(close) = close {
                    row.push(*close, PieceKind::Close);
                }
            }
            // Brackets, where there are any, are a group around this one.
            Grouping::Matrix { .. } | Grouping::Array(_) => {
                row.push(inner.finish().replace('\n', "; "), PieceKind::Atom);
            }
            Grouping::Cases { .. } => {
                let cases = inner.finish().replace("\n", "; ");
                row.push(format!("{{ {cases} }}"), PieceKind::Atom);
            }
            _ => row.0.extend(inner.0),
        }
    }

    fn visual(&mut self, visual: Visual, row: &mut Row) {
        match visual {
            Visual::SquareRoot => {
                let inner = self.single().operand();
                row.push(format!("√{inner}"), PieceKind::Atom);
            }
            Visual::Root => {
                let (radicand, index) = (self.single().operand(), self.single().finish());
                row.push(format!("{}√{radicand}", superscript(&index).unwrap_or(index)), PieceKind::Atom);
            }
            Visual::Fraction(_) => {
                let (above, below) = (self.single().operand(), self.single().operand());
                row.push(format!("{above}/{below}"), PieceKind::Compound);
            }
            Visual::Negation => {
                let negated = self.single().finish();
                row.push(format!("{negated}\u{338}"), PieceKind::Binary);
            }
        }
    }

    fn script(&mut self, ty: ScriptType, position: ScriptPosition, row: &mut Row) {
        let base_row = self.single();
        let is_operator = base_row.0.last().is_some_and(|piece| piece.kind == PieceKind::Operator);
        let base = base_row.operand();
        let (below, above) = match ty {
            ScriptType::Subscript => (Some(self.single()), None),
            ScriptType::Superscript => (None, Some(self.single())),
            ScriptType::SubSuperscript => {
                let below = self.single();
                (Some(below), Some(self.single()))
            }
        };
        let mut text = base;
        if let Some(below) = below {
            let below = below.finish();
            text.push_str(&subscript(&below).unwrap_or_else(|| marked('_', &below)));
        }
        if let Some(above) = above {
            let above = above.finish();
            match accent(&above).filter(|_| position == ScriptPosition::AboveBelow) {
                Some(mark) if text.chars().count() == 1 => text.push(mark),
                _ => text.push_str(&superscript(&above).unwrap_or_else(|| marked('^', &above))),
            }
        }
        row.push(text, if is_operator { PieceKind::Operator } else { PieceKind::Atom });
    }
}

fn bracket(content: char, ty: DelimiterType, row: &Row) -> PieceKind {
    match ty {
        DelimiterType::Open => PieceKind::Open,
        DelimiterType::Close => PieceKind::Close,
        DelimiterType::Fence => {
            let open = row.0.iter().filter(|piece| piece.text.chars().eq([content])).count() % 2 == 1;
            if open { PieceKind::Close } else { PieceKind::Open }
        }
    }
}

/// `_(i, j)`, or `_x` for one character.
fn marked(mark: char, script: &str) -> String {
    if script.chars().count() == 1 { format!("{mark}{script}") } else { format!("{mark}({script})") }
}

/// Letters that have a well-known form of their own; other fonts are not told apart in a terminal.
fn in_font(letter: char, font: Option<Font>) -> String {
    let changed = match (font, letter) {
        (Some(Font::DoubleStruck), 'R') => 'ℝ',
        (Some(Font::DoubleStruck), 'N') => 'ℕ',
        (Some(Font::DoubleStruck), 'Z') => 'ℤ',
        (Some(Font::DoubleStruck), 'Q') => 'ℚ',
        (Some(Font::DoubleStruck), 'C') => 'ℂ',
        (Some(Font::DoubleStruck), 'E') => '𝔼',
        (Some(Font::Script), 'L') => 'ℒ',
        _ => letter,
    };
    changed.to_string()
}

fn accent(script: &str) -> Option<char> {
    Some(match script {
        "^" | "ˆ" | "\u{302}" => '\u{302}',
        "~" | "˜" | "∼" | "\u{303}" => '\u{303}',
        "‾" | "¯" | "―" | "\u{304}" => '\u{304}',
        "→" | "\u{20d7}" => '\u{20d7}',
        "˙" | "." | "\u{307}" => '\u{307}',
        _ => return None,
    })
}

fn superscript(text: &str) -> Option<String> {
    mapped(
        text,
        "0123456789+−-=()abcdefghijklmnoprstuvwxyzABDEGHIJKLMNOPRTUVW′T⊤",
        "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁼⁽⁾ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻᴬᴮᴰᴱᴳᴴᴵᴶᴷᴸᴹᴺᴼᴾᴿᵀᵁⱽᵂ′ᵀᵀ",
    )
}

fn subscript(text: &str) -> Option<String> {
    mapped(text, "0123456789+−-=()aehijklmnoprstuvx", "₀₁₂₃₄₅₆₇₈₉₊₋₋₌₍₎ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓ")
}

/// The text with each character replaced, if all of them can be. Spaces within a script are not needed.
fn mapped(text: &str, from: &str, to: &str) -> Option<String> {
    let find = |c: char| from.chars().position(|known| known == c).and_then(|position| to.chars().nth(position));
    text.chars().filter(|&c| c != ' ').map(find).collect()
}
