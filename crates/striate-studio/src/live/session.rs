//! Runs a lab's session behind a WebSocket: messages in, frames out, one thread for each open page.
//!
//! While the learner drags a slider, changes arrive faster than they can be computed; only the newest of each kind is
//! worth answering, so the thread empties its queue before it computes.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, TryRecvError};

use axum::extract::ws::{Message, WebSocket};
use serde::Deserialize;
use tokio::sync::mpsc::Sender;

use crate::labs::Session;
use crate::labs::control::{Cell, Control, Values};
use crate::labs::pane::Frame;

/// What a page sends.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Request {
    Set(BTreeMap<String, String>),
    Inspect(Cell),
    Act(String),
}

/// Speaks with one page until it leaves.
pub async fn converse(
    mut socket: WebSocket,
    controls: &'static [Control],
    open: impl FnOnce() -> Box<dyn Session> + Send + 'static,
) {
    let (requests, inbox) = std::sync::mpsc::channel();
    // A short queue: a page that cannot keep up slows the session down instead of piling up frames.
    let (outbox, mut frames) = tokio::sync::mpsc::channel(2);
    std::thread::spawn(move || run(open(), controls, &inbox, &outbox));
    loop {
        tokio::select! {
            message = socket.recv() => match message {
                Some(Ok(Message::Text(text))) => match serde_json::from_str::<Request>(&text) {
                    Ok(request) => if requests.send(request).is_err() { break },
                    Err(_) => break,
                },
                Some(Ok(Message::Close(_)) | Err(_)) | None => break,
                Some(Ok(_)) => {}
            },
            frame = frames.recv() => match frame {
                Some(text) => if socket.send(Message::text::<String>(text)).await.is_err() { break },
                None => break,
            },
        }
    }
}

fn run(mut session: Box<dyn Session>, controls: &[Control], inbox: &Receiver<Request>, outbox: &Sender<String>) {
    let mut running = false;
    loop {
        let Some(requests) = take_all(inbox, running) else { return };
        for frame in answer(session.as_mut(), controls, requests, running) {
            running = frame.running;
            let Ok(text) = serde_json::to_string(&frame) else { return };
            if outbox.blocking_send(text).is_err() {
                return;
            }
        }
    }
}

/// Everything that has arrived; waits for the first unless the session moves by itself. `None`: the page has left.
fn take_all(inbox: &Receiver<Request>, running: bool) -> Option<Vec<Request>> {
    let mut requests = Vec::new();
    if !running {
        requests.push(inbox.recv().ok()?);
    }
    loop {
        match inbox.try_recv() {
            Ok(request) => requests.push(request),
            Err(TryRecvError::Empty) => return Some(requests),
            Err(TryRecvError::Disconnected) => return None,
        }
    }
}

fn answer(session: &mut dyn Session, controls: &[Control], requests: Vec<Request>, running: bool) -> Vec<Frame> {
    let (mut values, mut cell) = (None, None);
    let mut frames = Vec::new();
    for request in requests {
        match request {
            Request::Set(given) => values = Some(given),
            Request::Inspect(at) => cell = Some(at),
            Request::Act(action) => {
                if let Some(given) = values.take() {
                    frames.push(session.update(&Values::new(controls, &given)));
                }
                frames.extend(session.act(&action));
            }
        }
    }
    if let Some(given) = values {
        frames.push(session.update(&Values::new(controls, &given)));
    }
    if let Some(cell) = cell {
        frames.extend(session.inspect(&cell).map(|frame| Frame { running, ..frame }));
    }
    if frames.is_empty() && running {
        frames.extend(session.advance());
    }
    frames
}
