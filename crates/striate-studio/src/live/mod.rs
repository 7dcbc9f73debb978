//! What moves on a page, over WebSockets.

mod progress;
mod runs;
mod session;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State, WebSocketUpgrade};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use striate_road::Road;

use crate::guard::SOCKET_PROTOCOL;
use crate::labs;
use crate::news::StationNews;
use crate::server::App;

/// Addresses of the live channels.
pub fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/live/labs/{id}", any(lab))
        .route("/live/progress", any(progress))
        .route("/live/stations/{id}", any(station))
        .route("/live/runs", any(list_of_runs))
        .route("/live/runs/{id}", any(run))
}

async fn lab(Path(id): Path<String>, State(app): State<Arc<App>>, upgrade: WebSocketUpgrade) -> Response {
    let Some(lab) = labs::find(&id) else { return StatusCode::NOT_FOUND.into_response() };
    upgrade.protocols([SOCKET_PROTOCOL]).on_upgrade(move |socket| async move {
        let runs = app.runs.clone();
        session::converse(socket, lab.controls, move || (lab.open)(&runs)).await;
    })
}

async fn progress(State(app): State<Arc<App>>, upgrade: WebSocketUpgrade) -> Response {
    upgrade.protocols([SOCKET_PROTOCOL]).on_upgrade(move |socket| progress::follow(socket, move || app.snapshot().ok()))
}

async fn station(Path(id): Path<String>, State(app): State<Arc<App>>, upgrade: WebSocketUpgrade) -> Response {
    let Some(station) = Road::embedded().station(&id) else { return StatusCode::NOT_FOUND.into_response() };
    let read = move || StationNews::read(&app, station).ok();
    upgrade.protocols([SOCKET_PROTOCOL]).on_upgrade(move |socket| progress::follow(socket, read))
}

async fn list_of_runs(State(app): State<Arc<App>>, upgrade: WebSocketUpgrade) -> Response {
    upgrade.protocols([SOCKET_PROTOCOL]).on_upgrade(|socket| runs::list(socket, app))
}

async fn run(Path(id): Path<String>, State(app): State<Arc<App>>, upgrade: WebSocketUpgrade) -> Response {
    let Ok(run) = app.runs.named(&id) else { return StatusCode::NOT_FOUND.into_response() };
    upgrade.protocols([SOCKET_PROTOCOL]).on_upgrade(|socket| runs::one(socket, app, run))
}
