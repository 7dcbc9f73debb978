//! Station texts and notes: markdown with `$formulas$`, for the browser and for the terminal.
//!
//! HTML in the source never passes through, so that a learner's note cannot run anything in the studio.

mod html;
mod math;
mod terminal;
#[cfg(test)]
mod tests;

use pulldown_cmark::Options;

pub use html::to_html;
pub use math::{math_to_mathml, math_to_text};
pub use terminal::{TerminalStyle, to_terminal, wrap};

fn options() -> Options {
    Options::ENABLE_MATH | Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH
}
