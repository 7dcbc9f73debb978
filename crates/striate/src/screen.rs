//! What this terminal can show, and writing to it.

use std::io::{ErrorKind, IsTerminal, Write};
use std::sync::OnceLock;

use striate_road::text::TerminalStyle;

/// Texts wider than this are hard to read.
const MAX_WIDTH: usize = 100;

/// Width and colours of standard output. `NO_COLOR` turns colours off.
pub fn style() -> TerminalStyle {
    let is_terminal = std::io::stdout().is_terminal();
    let width = match terminal_size::terminal_size() {
        Some((terminal_size::Width(columns), _)) if is_terminal => usize::from(columns).clamp(40, MAX_WIDTH),
        _ => MAX_WIDTH,
    };
    let color = is_terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    TerminalStyle { width, color }
}

/// The first failure to write to standard output.
static FAILURE: OnceLock<String> = OnceLock::new();

/// Writes a text to standard output. A reader who has seen enough (`striate road | head`) is no error; any other failure
/// (a full disk) lets the work go on and is told at its end, see [`output_failure`].
pub fn print(text: &str) {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            FAILURE.get_or_init(|| error.to_string());
        }
        _ => {}
    }
}

/// Why part of the output could not be written, if so.
pub fn output_failure() -> Option<&'static str> {
    FAILURE.get().map(String::as_str)
}

/// The text in bold, if colours are on.
pub fn bold(text: &str, style: TerminalStyle) -> String {
    styled(text, "1", style)
}

/// The text in a faint colour, if colours are on.
pub fn faint(text: &str, style: TerminalStyle) -> String {
    styled(text, "2", style)
}

fn styled(text: &str, code: &str, style: TerminalStyle) -> String {
    if style.color { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_string() }
}
