//! What a station's page can do with the learner's files: lay the starters, check an exercise.

use std::path::Path as FilePath;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use striate_road::runner::Language;
use striate_road::{Road, assignment};

use super::apart;
use crate::server::App;
use crate::trainer::Refusal;
use crate::verdict;

/// The language of the files that are meant.
#[derive(Deserialize)]
pub struct Choice {
    language: Language,
}

/// A finished check.
#[derive(Serialize)]
struct Checked {
    headline: String,
    report: String,
}

/// Checks an exercise and answers with the report.
pub async fn check(Path(id): Path<String>, State(app): State<Arc<App>>, Json(choice): Json<Choice>) -> Response {
    let Some(exercise) = assignment::find(&id) else {
        return (StatusCode::NOT_FOUND, "there is no such exercise to check\n").into_response();
    };
    let work = move || {
        let report = app.checker.check(exercise.id(), choice.language)?;
        let html = verdict::to_html(&report, app.workspace.root());
        Ok(Checked { headline: report.headline, report: html })
    };
    match apart(work).await {
        Ok(Ok(checked)) => Json(checked).into_response(),
        Ok(Err(Refusal(text))) => (StatusCode::CONFLICT, format!("{text}\n")).into_response(),
        Err(failed) => failed,
    }
}

/// What lies in the learner's folder now.
#[derive(Serialize)]
struct Starters {
    folder: String,
    written: Vec<String>,
    kept: Vec<String>,
}

/// Lays the starters of a station, as `striate start` does.
pub async fn start(Path(id): Path<String>, State(app): State<Arc<App>>, Json(choice): Json<Choice>) -> Response {
    let road = Road::embedded();
    let Some(station) = road.station(&id) else {
        return (StatusCode::NOT_FOUND, "there is no such station\n").into_response();
    };
    let laid = match app.workspace.start(road, station, choice.language) {
        Ok(laid) => laid,
        Err(error) => return (StatusCode::CONFLICT, format!("{error}\n")).into_response(),
    };
    let remember = || {
        let mut progress = app.progress();
        progress.mark_started(&station.id)?;
        progress.set_setting("language", Some(choice.language.id()))
    };
    if let Err(error) = remember() {
        return (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")).into_response();
    }
    let inside = |path: &FilePath| path.strip_prefix(&laid.folder).unwrap_or(path).display().to_string();
    Json(Starters {
        folder: laid.folder.display().to_string(),
        written: laid.written.iter().map(|path| inside(path)).collect(),
        kept: laid.kept.iter().map(|path| inside(path)).collect(),
    })
    .into_response()
}
