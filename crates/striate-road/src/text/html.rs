//! Markdown to HTML with MathML.

use pulldown_cmark::{CowStr, Event, Parser, Tag, TagEnd, html};

use super::math::math_to_mathml;
use super::options;

/// HTML of a text: formulas as MathML, markup in the source as visible text, links only to the web, to mail and within
/// the studio.
///
/// ```
/// let html = striate_road::text::to_html("The **norm** $x^2$ <b>");
/// assert!(html.starts_with("<p>The <strong>norm</strong> <math"));
/// assert!(html.contains("&lt;b&gt;"));
/// ```
pub fn to_html(markdown: &str) -> String {
    // Whether each open link or image was let through; the end event does not say where it led.
    let mut open = Vec::new();
    let events = Parser::new_ext(markdown, options()).filter_map(move |event| match event {
        Event::Html(text) | Event::InlineHtml(text) => Some(Event::Text(text)),
        Event::InlineMath(latex) => Some(Event::InlineHtml(math_to_mathml(&latex, false).into())),
        Event::DisplayMath(latex) => Some(Event::InlineHtml(math_to_mathml(&latex, true).into())),
        Event::Start(Tag::Link { ref dest_url, .. }) => {
            open.push(is_harmless(dest_url, &["http:", "https:", "mailto:"]));
            open.last().copied().unwrap_or(false).then_some(event)
        }
        // A picture from the web would tell a stranger who reads what, and would be missing offline.
        Event::Start(Tag::Image { ref dest_url, .. }) => {
            open.push(is_harmless(dest_url, &[]));
            open.last().copied().unwrap_or(false).then_some(event)
        }
        Event::End(TagEnd::Link | TagEnd::Image) => open.pop().unwrap_or(false).then_some(event),
        other => Some(other),
    });
    let mut page = String::new();
    html::push_html(&mut page, events);
    page
}

/// Whether an address is relative or has one of the schemes.
fn is_harmless(address: &CowStr<'_>, schemes: &[&str]) -> bool {
    let address = address.trim();
    let lower = address.to_ascii_lowercase();
    if lower.chars().any(|c| c.is_control()) || lower.starts_with("//") || lower.starts_with('\\') {
        return false;
    }
    let scheme = lower.find(':').filter(|&colon| !lower[..colon].contains(['/', '?', '#']));
    scheme.is_none() || schemes.iter().any(|scheme| lower.starts_with(scheme))
}
