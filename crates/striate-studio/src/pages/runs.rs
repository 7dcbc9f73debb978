//! Runs: the list, a form that starts a training, and a run's page with its curves and its confusion matrix.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use askama::Template;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use striate_data::Augmentation;
use striate_models::digits::Architecture;
use striate_train::{Evaluation, OptimizerKind, Preparation, Run, ScheduleKind, Source, Status, TrainConfig};

use super::{Frame, apart, html, message};
use crate::runs::{Reader, RunCard, settings, status_name};
use crate::server::App;
use crate::trainer::Refusal;

/// Measurements made in this launch, by run.
pub type Evaluations = Mutex<HashMap<String, Arc<Evaluation>>>;

/// An architecture with its defaults, for the form.
struct Model {
    about: &'static str,
    config: TrainConfig,
}

#[derive(Template)]
#[template(path = "runs.html")]
struct RunsPage {
    frame: Frame,
    cards: Vec<RunCard>,
    models: Vec<Model>,
    optimizers: &'static [&'static str],
    schedules: &'static [&'static str],
}

/// All runs, and the form.
pub async fn list(State(app): State<Arc<App>>) -> Response {
    let about = |architecture| match architecture {
        Architecture::Softmax => "Softmax regression: one linear layer",
        Architecture::Mlp => "MLP: two hidden layers",
        Architecture::LeNet => "LeNet-5, 1998",
        Architecture::Cnn => "CNN with batch norm",
        Architecture::Cnn4 => "CNN of four convolutions",
        Architecture::Cnn4Wide => "The same, twice as wide",
    };
    let model = |architecture| Model { about: about(architecture), config: TrainConfig::new(architecture) };
    html(&RunsPage {
        frame: Frame::new(&app, "runs"),
        cards: Reader::default().cards(&app.runs),
        models: Architecture::ALL.into_iter().rev().map(model).collect(),
        optimizers: OptimizerKind::NAMES,
        schedules: ScheduleKind::NAMES,
    })
}

/// What the form sends. What is left out keeps the default of the network.
#[derive(Deserialize)]
pub struct Order {
    model: Architecture,
    dataset: Option<String>,
    epochs: Option<usize>,
    batch_size: Option<usize>,
    optimizer: Option<OptimizerKind>,
    learning_rate: Option<f64>,
    weight_decay: Option<f64>,
    schedule: Option<ScheduleKind>,
    seed: Option<u64>,
    #[serde(default)]
    augment: bool,
    train_limit: Option<usize>,
}

impl Order {
    fn config(self) -> Result<TrainConfig, Refusal> {
        let mut config = TrainConfig::new(self.model);
        config.dataset = match self.dataset.as_deref() {
            None | Some("digits") => Source::Mnist,
            Some("fashion") => Source::Fashion,
            Some(other) => return Err(Refusal(format!("there is no data set '{other}'; there are digits, fashion"))),
        };
        config.optimizer = self.optimizer.unwrap_or(config.optimizer);
        config.learning_rate =
            self.learning_rate.unwrap_or_else(|| TrainConfig::learning_rate_for(self.model, config.optimizer));
        config.epochs = self.epochs.unwrap_or(config.epochs);
        config.batch_size = self.batch_size.unwrap_or(config.batch_size);
        config.weight_decay = self.weight_decay.unwrap_or(config.weight_decay);
        config.schedule = self.schedule.unwrap_or(config.schedule);
        config.seed = self.seed.unwrap_or(config.seed);
        config.train_limit = self.train_limit;
        if self.augment {
            config.augmentation = Augmentation::AFFINE;
        }
        config.validate().map_err(|error| Refusal(error.to_string()))?;
        Ok(config)
    }
}

/// Id of the run that was started or resumed.
#[derive(Serialize)]
struct Started {
    run: String,
}

fn started(result: Result<String, Refusal>) -> Response {
    match result {
        Ok(run) => Json(Started { run }).into_response(),
        Err(Refusal(text)) => (StatusCode::CONFLICT, format!("{text}\n")).into_response(),
    }
}

/// Starts a training.
pub async fn start(State(app): State<Arc<App>>, Json(order): Json<Order>) -> Response {
    let begin = move || order.config().and_then(|config| app.trainer.start(&app.runs, config));
    apart(begin).await.map_or_else(|failed| failed, started)
}

/// Goes on with a run.
pub async fn resume(Path(id): Path<String>, State(app): State<Arc<App>>) -> Response {
    apart(move || app.trainer.resume(&app.runs, &id)).await.map_or_else(|failed| failed, started)
}

/// Stops a training that this studio started.
pub async fn stop(Path(id): Path<String>, State(app): State<Arc<App>>) -> Response {
    if app.trainer.stop(&id) {
        return Json(()).into_response();
    }
    let text = "this training runs in another program: stop it there with Ctrl-C\n";
    (StatusCode::CONFLICT, text).into_response()
}

/// Measures a run on the test images; the page is loaded again afterwards.
pub async fn evaluate(Path(id): Path<String>, State(app): State<Arc<App>>) -> Response {
    let measure = move || {
        let evaluation = app.runs.named(&id).and_then(|run| Evaluation::of(&run))?;
        app.evaluations.lock().unwrap_or_else(PoisonError::into_inner).insert(id, Arc::new(evaluation));
        Ok::<_, striate_train::TrainError>(())
    };
    match apart(measure).await {
        Ok(Ok(())) => Json(()).into_response(),
        Ok(Err(error)) => (StatusCode::CONFLICT, format!("{error}\n")).into_response(),
        Err(failed) => failed,
    }
}

/// The picture of the most confident mistakes.
pub async fn mistakes(Path(id): Path<String>, State(app): State<Arc<App>>) -> Response {
    match app.runs.named(&id).map(|run| std::fs::read(run.path("mistakes.png"))) {
        Ok(Ok(png)) => ([(CONTENT_TYPE, "image/png")], png).into_response(),
        _ => (StatusCode::NOT_FOUND, "there is no such picture\n").into_response(),
    }
}

/// A cell of the confusion matrix.
struct Cell {
    count: u64,
    /// Share of its row, 0 to 9, for the colour.
    level: usize,
    is_right: bool,
}

#[derive(Template)]
#[template(path = "run.html")]
struct RunPage {
    frame: Frame,
    id: String,
    about: String,
    settings: String,
    status: &'static str,
    test: Option<f64>,
    reads_digits: bool,
    evaluation: Option<Arc<Evaluation>>,
}

impl RunPage {
    fn rows(&self, evaluation: &Evaluation) -> Vec<(String, f64, Vec<Cell>)> {
        let row = |truth: usize| {
            let counts = &evaluation.confusion[truth];
            let sum = counts.iter().sum::<u64>().max(1);
            let most_wrong = evaluation.confusion.iter().enumerate();
            let most_wrong = most_wrong.flat_map(|(t, row)| row.iter().enumerate().filter(move |(a, _)| *a != t));
            let most_wrong = most_wrong.map(|(_, count)| *count).max().unwrap_or(1).max(1);
            let cell = |(answer, count): (usize, &u64)| {
                let is_right = answer == truth;
                let whole = if is_right { sum } else { most_wrong };
                Cell { count: *count, level: (count * 9).div_ceil(whole) as usize, is_right }
            };
            let score = &evaluation.classes[truth];
            (score.class.clone(), score.recall * 100.0, counts.iter().enumerate().map(cell).collect())
        };
        (0..evaluation.confusion.len()).map(row).collect()
    }
}

/// One run.
pub async fn show(Path(id): Path<String>, State(app): State<Arc<App>>) -> Response {
    let (run, config) = match app.runs.named(&id).and_then(|run| run.config().map(|config| (run, config))) {
        Ok(read) => read,
        Err(error) => return message(&app, StatusCode::NOT_FOUND, "This run cannot be shown", &error.to_string()),
    };
    let reads_digits = |run: &Run| {
        run.status() == Status::Finished && run.input().is_ok_and(|card| card.preparation == Preparation::Digit)
    };
    let evaluations = app.evaluations.lock().unwrap_or_else(PoisonError::into_inner);
    html(&RunPage {
        frame: Frame::new(&app, "runs"),
        about: format!("{} on {}", config.model, config.dataset.name()),
        settings: settings(&config),
        status: status_name(run.status()),
        test: run.summary().ok().flatten().map(|summary| summary.test_accuracy * 100.0),
        reads_digits: reads_digits(&run),
        evaluation: evaluations.get(run.id()).cloned(),
        id: run.id().to_owned(),
    })
}
