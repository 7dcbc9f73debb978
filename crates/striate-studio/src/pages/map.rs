//! The road: every station by stage, with a goal, a search and the next step.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use striate_road::Road;
use striate_road::map::{Goal, Stage, Station};

use super::{Frame, html, message};
use crate::server::App;
use crate::standing::{Snapshot, StationView};

/// The way of a learner who chose no goal: the road itself.
const DEFAULT_GOAL: &str = "recognition";

/// What the address may ask for.
#[derive(Deserialize)]
pub struct Wish {
    goal: Option<String>,
}

/// A station as a tile.
pub struct Tile {
    /// The station.
    pub station: &'static Station,
    /// Where the learner stands.
    pub view: StationView,
    /// On the way to the chosen goal.
    pub on_path: bool,
    /// Stations to do before.
    pub before: Vec<&'static Station>,
}

impl Tile {
    /// Stations outside the goal stay visible when something was done there: choosing a goal hides no progress.
    pub fn is_hidden(&self) -> bool {
        !self.on_path && matches!(self.view.state, "ready" | "ahead")
    }

    /// What the search looks through.
    pub fn searchable(&self) -> String {
        format!("{} {} {}", self.station.title, self.station.outcome, self.station.id.replace('-', " ")).to_lowercase()
    }
}

/// A stage with its tiles.
pub struct Section {
    /// The stage.
    pub stage: &'static Stage,
    /// Its stations.
    pub tiles: Vec<Tile>,
}

impl Section {
    /// Stations done.
    pub fn done(&self) -> usize {
        self.tiles.iter().filter(|tile| tile.view.state == "done").count()
    }

    /// Whether no station of it is shown.
    pub fn is_hidden(&self) -> bool {
        self.tiles.iter().all(Tile::is_hidden)
    }
}

#[derive(Template)]
#[template(path = "map.html")]
struct MapPage {
    frame: Frame,
    goals: &'static [Goal],
    goal: Option<&'static Goal>,
    /// The learner's own goal is the one shown.
    is_own_goal: bool,
    sections: Vec<Section>,
    /// The goal whose next step is shown.
    way: &'static str,
    next: Option<&'static Station>,
    shown: usize,
    hours: u32,
    done: usize,
}

impl MapPage {
    fn is_chosen(&self, goal: &Goal) -> bool {
        self.goal.is_some_and(|chosen| chosen.id == goal.id)
    }
}

/// The map.
pub async fn show(Query(wish): Query<Wish>, State(app): State<Arc<App>>) -> Response {
    let snapshot = match app.snapshot() {
        Ok(snapshot) => snapshot,
        Err(error) => {
            return message(
                &app,
                StatusCode::INTERNAL_SERVER_ERROR,
                "Your progress cannot be read",
                &error.to_string(),
            );
        }
    };
    let road = Road::embedded();
    let chosen = wish.goal.as_deref().or(snapshot.goal.as_deref());
    let goal = chosen.and_then(|id| road.goal(id));
    let sections: Vec<Section> = road.stages().iter().map(|stage| section(road, stage, goal, &snapshot)).collect();
    let tiles = || sections.iter().flat_map(|section| &section.tiles);
    let on_path = || tiles().filter(|tile| tile.on_path);
    let page = MapPage {
        frame: Frame::new(&app, "road"),
        goals: road.goals(),
        goal,
        way: goal.map_or(DEFAULT_GOAL, |goal| &goal.id),
        is_own_goal: goal.map(|goal| &goal.id) == snapshot.goal.as_ref(),
        next: snapshot.next.get(goal.map_or(DEFAULT_GOAL, |goal| &goal.id)).and_then(|id| road.station(id)),
        shown: on_path().count(),
        hours: on_path().map(|tile| tile.station.hours).sum(),
        done: tiles().filter(|tile| tile.view.state == "done").count(),
        sections,
    };
    html(&page)
}

fn section(road: &'static Road, stage: &'static Stage, goal: Option<&Goal>, snapshot: &Snapshot) -> Section {
    let tile = |station: &'static Station| Tile {
        view: snapshot.stations[&station.id].clone(),
        on_path: goal.is_none_or(|goal| station.goals.contains(&goal.id)),
        before: station.prerequisites.iter().filter_map(|id| road.station(id)).collect(),
        station,
    };
    Section { stage, tiles: road.stations_of(&stage.id).map(tile).collect() }
}
