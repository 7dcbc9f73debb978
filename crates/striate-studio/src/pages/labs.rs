//! The list of labs and a lab's page.

use std::collections::BTreeMap;
use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use striate_train::RunStore;

use super::{Frame, html, message};
use crate::labs::control::{Control, Kind, Values};
use crate::labs::{self, Lab};
use crate::runs::digit_readers;
use crate::server::App;

#[derive(Template)]
#[template(path = "labs.html")]
struct ListPage {
    frame: Frame,
    labs: &'static [Lab],
}

/// All labs.
pub async fn list(State(app): State<Arc<App>>) -> Response {
    html(&ListPage { frame: Frame::new(&app, "labs"), labs: labs::LABS })
}

/// A control with its value, for the template.
pub struct Field {
    /// The control.
    pub control: &'static Control,
    /// Text form of its value.
    pub value: String,
    /// Ids of runs to choose from, of a [`Kind::Run`].
    pub runs: Vec<String>,
}

impl Field {
    /// Where a slider stands: the value, or its power of ten.
    pub fn position(&self) -> f64 {
        let value: f64 = self.value.parse().unwrap_or(0.0);
        match self.control.kind {
            Kind::Slider { logarithmic: true, .. } => value.max(1e-12).log10(),
            _ => value,
        }
    }

    /// Ends of a slider, in the same measure as [`Field::position`].
    pub fn ends(&self) -> [f64; 2] {
        match self.control.kind {
            Kind::Slider { min, max, logarithmic: true, .. } => [min.log10(), max.log10()],
            Kind::Slider { min, max, .. } => [min, max],
            _ => [0.0, 0.0],
        }
    }

    /// Name of the ready-made kernel that the value equals, or nothing.
    pub fn preset(&self) -> &'static str {
        match self.control.kind {
            Kind::KernelGrid(presets) => {
                presets.iter().find(|preset| preset.2 == self.value).map_or("", |preset| preset.0)
            }
            _ => "",
        }
    }

    /// Numbers of a kernel grid, row by row, as they were written.
    pub fn rows(&self) -> Vec<Vec<&str>> {
        self.value.split(';').map(|row| row.split(',').collect()).collect()
    }
}

/// A lab as part of a page.
pub struct Embedded {
    /// The lab.
    pub lab: &'static Lab,
    /// Its controls with the values of the address.
    pub fields: Vec<Field>,
    /// Whether its state goes into the page's address (not when it is a guest on another page).
    pub keeps_address: bool,
}

impl Embedded {
    /// With the values in `query` where they are valid.
    pub fn new(lab: &'static Lab, query: &BTreeMap<String, String>, keeps_address: bool, runs: &RunStore) -> Self {
        let values = Values::new(lab.controls, query);
        let field = |control: &'static Control| Field {
            control,
            value: values.text(control.id).to_owned(),
            runs: match control.kind {
                Kind::Run => digit_readers(runs).iter().map(|run| run.id().to_owned()).collect(),
                _ => Vec::new(),
            },
        };
        Embedded { lab, fields: lab.controls.iter().map(field).collect(), keeps_address }
    }
}

#[derive(Template)]
#[template(path = "lab.html")]
struct LabPage {
    frame: Frame,
    embedded: Embedded,
}

/// One lab; its state is in the address.
pub async fn show(
    Path(id): Path<String>,
    Query(query): Query<BTreeMap<String, String>>,
    State(app): State<Arc<App>>,
) -> Response {
    let Some(lab) = labs::find(&id) else {
        return message(&app, StatusCode::NOT_FOUND, "There is no such lab", "All labs are listed under Labs.");
    };
    if lab.address() != format!("/labs/{id}") {
        return Redirect::permanent(&lab.address()).into_response();
    }
    html(&LabPage { frame: Frame::new(&app, "labs"), embedded: Embedded::new(lab, &query, true, &app.runs) })
}
