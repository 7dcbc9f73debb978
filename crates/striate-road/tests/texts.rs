//! The stations' texts.

use striate_road::Road;
use striate_road::text::to_html;

#[test]
fn formulas_of_the_stations_can_be_read() {
    for station in Road::embedded().stations() {
        let Some(text) = &station.text else { continue };
        let html = to_html(text);
        let unread = html.find("<code class=\"math\">").map(|at| html[at..].chars().take(120).collect::<String>());
        assert_eq!(unread, None, "{}", station.id);
    }
}
