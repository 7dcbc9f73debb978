//! The pages: one file per room, each with its template.

mod checks;
mod digits;
mod labs;
mod map;
pub mod runs;
mod statics;
mod station;

use std::sync::Arc;

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};

use crate::server::App;

/// Addresses of the pages.
pub fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/", get(map::show))
        .route("/goal", post(station::choose_goal))
        .route("/stations/{id}", get(station::show))
        .route("/stations/{id}/note", post(station::save_note))
        .route("/stations/{id}/mark", post(station::mark))
        .route("/stations/{id}/start", post(checks::start))
        .route("/exercises/{id}/check", post(checks::check))
        .route("/labs", get(labs::list))
        .route("/labs/{id}", get(labs::show))
        .route("/digits", get(digits::show))
        .route("/runs", get(runs::list).post(runs::start))
        .route("/runs/{id}", get(runs::show))
        .route("/runs/{id}/stop", post(runs::stop))
        .route("/runs/{id}/resume", post(runs::resume))
        .route("/runs/{id}/evaluate", post(runs::evaluate))
        .route("/runs/{id}/mistakes.png", get(runs::mistakes))
        .route("/static/{*path}", get(statics::serve))
}

/// Runs work that takes a while away from the threads that answer pages.
async fn apart<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Response> {
    let failed =
        |_| (StatusCode::INTERNAL_SERVER_ERROR, "this failed inside Striate; see the terminal\n").into_response();
    tokio::task::spawn_blocking(work).await.map_err(failed)
}

/// What the frame around every page needs.
pub struct Frame {
    /// The token of this launch, for the page's own requests.
    pub token: String,
    /// Which entry of the navigation is current.
    pub room: &'static str,
}

impl Frame {
    /// For a page of `room`.
    pub fn new(app: &App, room: &'static str) -> Self {
        Frame { token: app.guard.token().to_owned(), room }
    }
}

/// Renders a template; a template that fails is a fault of ours and says so.
pub fn html(template: &impl Template) -> Response {
    match template.render() {
        Ok(text) => Html(text).into_response(),
        Err(error) => {
            (StatusCode::INTERNAL_SERVER_ERROR, format!("this page cannot be shown: {error}\n")).into_response()
        }
    }
}

#[derive(Template)]
#[template(path = "message.html")]
struct MessagePage {
    frame: Frame,
    title: String,
    text: String,
}

/// A page that says what went wrong and where to go on.
pub fn message(app: &App, status: StatusCode, title: &str, text: &str) -> Response {
    let page = MessagePage { frame: Frame::new(app, ""), title: title.to_owned(), text: text.to_owned() };
    (status, html(&page)).into_response()
}

/// For addresses that do not exist.
pub async fn not_found(State(app): State<Arc<App>>) -> Response {
    message(
        &app,
        StatusCode::NOT_FOUND,
        "There is no such page",
        "The address may be mistyped, or from a newer Striate.",
    )
}
