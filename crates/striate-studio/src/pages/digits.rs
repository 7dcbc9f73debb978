//! The digit room's page: the lab, or the offer to train its network.

use std::collections::BTreeMap;
use std::sync::Arc;

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;

use super::labs::Embedded;
use super::{Frame, html};
use crate::labs::control::Kind;
use crate::labs::digits;
use crate::runs::digit_readers;
use crate::server::App;

#[derive(Template)]
#[template(path = "digits.html")]
struct DigitsPage {
    frame: Frame,
    embedded: Embedded,
    /// Test accuracy of the newest network, in per cent.
    accuracy: Option<f64>,
    has_network: bool,
}

/// The room.
pub async fn show(Query(query): Query<BTreeMap<String, String>>, State(app): State<Arc<App>>) -> Response {
    let readers = digit_readers(&app.runs);
    let wanted = query.get("run").and_then(|id| readers.iter().find(|run| run.id() == id)).or(readers.first());
    let summary = wanted.and_then(|run| run.summary().ok().flatten());
    html(&DigitsPage {
        frame: Frame::new(&app, "digits"),
        embedded: Embedded::new(&digits::LAB, &query, true, &app.runs),
        accuracy: summary.map(|summary| summary.test_accuracy * 100.0),
        has_network: !readers.is_empty(),
    })
}
