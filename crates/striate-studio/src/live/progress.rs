//! Tells open pages about progress made elsewhere: `striate check` in a terminal, another page.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{Message, WebSocket};

use crate::server::App;

/// How often the database is asked.
const PERIOD: Duration = Duration::from_millis(600);

/// Sends a snapshot at the start and whenever it differs from the one before.
pub async fn follow(mut socket: WebSocket, app: Arc<App>) {
    let mut shown = None;
    let mut tick = tokio::time::interval(PERIOD);
    loop {
        tokio::select! {
            message = socket.recv() => if !matches!(message, Some(Ok(_))) { return },
            _ = tick.tick() => {
                // A database that cannot be read for a moment (a write in progress) is asked again at the next tick.
                let Ok(snapshot) = app.snapshot() else { continue };
                if shown.as_ref() == Some(&snapshot) {
                    continue;
                }
                let Ok(text) = serde_json::to_string(&snapshot) else { return };
                if socket.send(Message::text(text)).await.is_err() {
                    return;
                }
                shown = Some(snapshot);
            }
        }
    }
}
