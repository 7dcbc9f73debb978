//! Tells open pages about trainings, wherever they run: this process, a terminal. Both leave the same files.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{Message, WebSocket};
use serde::Serialize;
use striate_train::{Event, Run, Status};

use crate::runs::Reader;
use crate::server::App;

const LIST_PERIOD: Duration = Duration::from_millis(700);
const RUN_PERIOD: Duration = Duration::from_millis(200);

/// The list of runs, whenever it changes.
pub async fn list(mut socket: WebSocket, app: Arc<App>) {
    let (mut reader, mut shown) = (Reader::default(), String::new());
    let mut tick = tokio::time::interval(LIST_PERIOD);
    loop {
        tokio::select! {
            message = socket.recv() => if !matches!(message, Some(Ok(_))) { return },
            _ = tick.tick() => {
                let Ok(text) = serde_json::to_string(&reader.cards(&app.runs)) else { return };
                if text == shown {
                    continue;
                }
                if socket.send(Message::text(text.clone())).await.is_err() {
                    return;
                }
                shown = text;
            }
        }
    }
}

/// What is new about one run.
#[derive(Serialize)]
struct News {
    /// True: what was sent before is void (the metrics file was cut and begins anew).
    anew: bool,
    events: Vec<Event>,
    status: Status,
    /// Trained by this process, so that this page can stop it.
    ours: bool,
}

/// The events of a run from its first to its newest.
pub async fn one(mut socket: WebSocket, app: Arc<App>, run: Run) {
    let (mut offset, mut told) = (0, None);
    let mut tick = tokio::time::interval(RUN_PERIOD);
    loop {
        tokio::select! {
            message = socket.recv() => if !matches!(message, Some(Ok(_))) { return },
            _ = tick.tick() => {
                // The state before the events: a run seen as finished has no events still to come.
                let state = (run.status(), app.trainer.is_training(run.id()));
                let Ok((events, end)) = run.events_since(offset) else { continue };
                let anew = offset == 0 || end < offset;
                offset = end;
                if events.is_empty() && told == Some(state) {
                    continue;
                }
                let Ok(text) = serde_json::to_string(&News { anew, events, status: state.0, ours: state.1 }) else { return };
                if socket.send(Message::text(text)).await.is_err() {
                    return;
                }
                told = Some(state);
            }
        }
    }
}
