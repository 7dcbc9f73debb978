//! A station's page: text, lab, exercises with the state of the last check, resources, the learner's notes.

use std::collections::BTreeMap;
use std::sync::Arc;

use askama::Template;
use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use striate_road::assignment::{self, Assignment};
use striate_road::map::{ExercisePlan, Goal, Resource, Station, StationMark};
use striate_road::progress::ProgressError;
use striate_road::runner::Language;
use striate_road::{Road, text};

use super::labs::Embedded;
use super::{Frame, html, message};
use crate::labs;
use crate::labs::control::Kind;
use crate::news::{self, ExerciseNews, StationNews};
use crate::server::App;
use crate::standing::StationView;

/// An exercise as a card.
pub struct Card {
    /// What the station says about it.
    pub plan: &'static ExercisePlan,
    /// The exercise itself, once it exists.
    pub exercise: Option<Assignment>,
    /// The last check.
    pub news: ExerciseNews,
    /// The learner's file by language, inside the workspace.
    pub files: Vec<(Language, String)>,
}

/// A place to read or watch.
pub struct Source {
    /// The resource.
    pub resource: &'static Resource,
    /// Where in it.
    pub at: &'static str,
    /// Address of that place, or of the resource, or nothing.
    pub url: &'static str,
}

#[derive(Template)]
#[template(path = "station.html")]
struct StationPage {
    frame: Frame,
    station: &'static Station,
    number: usize,
    stage: &'static str,
    view: StationView,
    /// Of the file that is checked.
    language: Language,
    workspace: String,
    before: Vec<(&'static Station, &'static str)>,
    after: Vec<&'static Station>,
    goals: Vec<&'static Goal>,
    text: Option<String>,
    cards: Vec<Card>,
    sources: Vec<Source>,
    embedded: Vec<Embedded>,
    has_digit_room: bool,
    note: String,
}

impl StationPage {
    fn can_be_checked(&self) -> bool {
        self.cards.iter().any(|card| card.exercise.is_some())
    }
}

/// One station.
pub async fn show(
    Path(id): Path<String>,
    Query(query): Query<BTreeMap<String, String>>,
    State(app): State<Arc<App>>,
) -> Response {
    let road = Road::embedded();
    let station = match road.find_station(&id) {
        Ok(station) if station.id == id => station,
        Ok(renamed) => return Redirect::permanent(&format!("/stations/{}", renamed.id)).into_response(),
        Err(error) => return message(&app, StatusCode::NOT_FOUND, "There is no such station", &error.to_string()),
    };
    let read =
        || Ok::<_, ProgressError>((app.snapshot()?, StationNews::read(&app, station)?, app.progress().note(&id)?));
    let (snapshot, mut news, note) = match read() {
        Ok(read) => read,
        Err(error) => {
            return message(
                &app,
                StatusCode::INTERNAL_SERVER_ERROR,
                "Your progress cannot be read",
                &error.to_string(),
            );
        }
    };
    let state_of = |id: &str| snapshot.stations.get(id).map_or("ahead", |view| view.state);
    let page = StationPage {
        frame: Frame::new(&app, "road"),
        station,
        number: road.stations().iter().position(|other| other.id == id).map_or(0, |index| index + 1),
        stage: road.stages().iter().find(|stage| stage.id == station.stage).map_or("", |stage| &stage.title),
        view: snapshot.stations[&station.id].clone(),
        before: station.prerequisites.iter().filter_map(|id| road.station(id)).map(|s| (s, state_of(&s.id))).collect(),
        after: road.stations().iter().filter(|later| later.prerequisites.contains(&id)).collect(),
        goals: road.goals().iter().filter(|goal| station.goals.contains(&goal.id)).collect(),
        text: station.text.as_deref().map(text::to_html),
        cards: station.exercises.iter().map(|plan| card(&app, station, plan, &mut news)).collect(),
        language: news::language(&app, station),
        workspace: app.workspace.root().display().to_string(),
        sources: station.resources.iter().filter_map(|pointer| source(road, pointer)).collect(),
        embedded: station
            .labs
            .iter()
            .filter_map(|id| labs::find(id))
            .filter(|lab| lab.id != labs::digits::LAB.id)
            .map(|lab| Embedded::new(lab, &query, false, &app.runs))
            .collect(),
        has_digit_room: station.labs.iter().any(|lab| lab == "digits"),
        note: note.map_or(String::new(), |note| note.text),
    };
    html(&page)
}

fn card(app: &App, station: &Station, plan: &'static ExercisePlan, news: &mut StationNews) -> Card {
    let file = |language| {
        let file = news::file(app, station, &plan.id, language)?;
        Some((language, file.strip_prefix(app.workspace.root()).unwrap_or(&file).display().to_string()))
    };
    Card {
        plan,
        exercise: assignment::find(&plan.id),
        news: news.exercises.remove(&plan.id).unwrap_or_default(),
        files: Language::ALL.into_iter().filter_map(file).collect(),
    }
}

fn source(road: &'static Road, pointer: &'static striate_road::map::Pointer) -> Option<Source> {
    let resource = road.resource(&pointer.id)?;
    Some(Source { resource, at: &pointer.at, url: pointer.url.as_deref().unwrap_or(&resource.url) })
}

/// The learner's note on a station.
#[derive(Deserialize)]
pub struct Note {
    text: String,
}

/// Saves the note.
pub async fn save_note(Path(id): Path<String>, State(app): State<Arc<App>>, Json(note): Json<Note>) -> Response {
    if Road::embedded().station(&id).is_none() {
        return (StatusCode::NOT_FOUND, "there is no such station\n").into_response();
    }
    match app.progress().set_note(&id, &note.text) {
        Ok(()) => Json(()).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")).into_response(),
    }
}

/// The goal the learner follows.
#[derive(Deserialize)]
pub struct Choice {
    goal: Option<String>,
}

/// Makes a goal the learner's own, or none.
pub async fn choose_goal(State(app): State<Arc<App>>, Json(choice): Json<Choice>) -> Response {
    if let Some(Err(error)) = choice.goal.as_deref().map(|goal| Road::embedded().find_goal(goal)) {
        return (StatusCode::BAD_REQUEST, format!("{error}\n")).into_response();
    }
    match app.progress().set_goal(choice.goal.as_deref()) {
        Ok(()) => Json(()).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")).into_response(),
    }
}

/// What the learner says about a station.
#[derive(Deserialize)]
pub struct Mark {
    mark: Option<StationMark>,
}

/// Marks a station as done or skipped, or takes the mark away.
pub async fn mark(Path(id): Path<String>, State(app): State<Arc<App>>, Json(Mark { mark }): Json<Mark>) -> Response {
    if Road::embedded().station(&id).is_none() {
        return (StatusCode::NOT_FOUND, "there is no such station\n").into_response();
    }
    match app.progress().set_mark(&id, mark) {
        Ok(()) => Json(()).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")).into_response(),
    }
}
