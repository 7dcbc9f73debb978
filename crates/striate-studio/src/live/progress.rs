//! Tells open pages about progress made elsewhere: `striate check` in a terminal, another page.

use std::time::Duration;

use axum::extract::ws::{Message, WebSocket};
use serde::Serialize;

/// How often the database is asked.
const PERIOD: Duration = Duration::from_millis(600);

/// Sends what `read` gives at the start and whenever it differs from before.
pub async fn follow<T: PartialEq + Serialize>(mut socket: WebSocket, read: impl Fn() -> Option<T>) {
    let mut shown = None;
    let mut tick = tokio::time::interval(PERIOD);
    loop {
        tokio::select! {
            message = socket.recv() => if !matches!(message, Some(Ok(_))) { return },
            _ = tick.tick() => {
                // A database that cannot be read for a moment (a write in progress) is asked again at the next tick.
                let Some(news) = read() else { continue };
                if shown.as_ref() == Some(&news) {
                    continue;
                }
                let Ok(text) = serde_json::to_string(&news) else { return };
                if socket.send(Message::text(text)).await.is_err() {
                    return;
                }
                shown = Some(news);
            }
        }
    }
}
