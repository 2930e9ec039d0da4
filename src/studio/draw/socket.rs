//! The socket that draws. The page sends a text, `{model, seed, width, height}`, and then the
//! pixels as RGBA bytes. The studio answers with a text, `{milliseconds, width, height}`, and the
//! pixels, or with `{message}` alone. Each request is answered before the next one is read.

use super::{Drawer, Drawing, MOST_PIXELS};
use crate::studio::refusal::Refusal;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::response::Response;
use serde::Deserialize;
use serde_json::json;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    model: String,
    #[serde(default)]
    seed: u64,
    width: u32,
    height: u32,
}

/// Opens the socket.
pub fn upgrade(socket: WebSocketUpgrade, drawer: Drawer) -> Response {
    socket
        .max_message_size(MOST_PIXELS)
        .max_frame_size(MOST_PIXELS)
        .on_upgrade(|socket| serve(socket, drawer))
}

/// Answers until the page goes away.
async fn serve(mut socket: WebSocket, drawer: Drawer) {
    while let Some(asked) = next(&mut socket).await {
        let drawn = match asked {
            Ok(drawing) => drawer.draw(drawing).await,
            Err(refusal) => Err(refusal),
        };
        let (text, pixels) = match drawn {
            Ok(drawn) => {
                let text = json!({
                    "milliseconds": drawn.milliseconds,
                    "width": drawn.width,
                    "height": drawn.height,
                });
                (text, Some(drawn.rgba))
            }
            Err(refusal) => (json!({"message": refusal.message}), None),
        };
        let mut sent = socket.send(Message::Text(text.to_string().into())).await;
        if let (Ok(()), Some(pixels)) = (&sent, pixels) {
            sent = socket.send(Message::Binary(pixels.into())).await;
        }
        if sent.is_err() {
            return;
        }
    }
}

/// The next request; none where the page has gone away.
async fn next(socket: &mut WebSocket) -> Option<Result<Drawing, Refusal>> {
    let text = loop {
        match socket.recv().await?.ok()? {
            Message::Text(text) => break text,
            Message::Binary(_) => {
                return Some(Err(Refusal::bad(
                    "pixels come after their size; send that first",
                )));
            }
            Message::Close(_) => return None,
            Message::Ping(_) | Message::Pong(_) => {}
        }
    };
    let header = serde_json::from_str::<Header>(&text);
    let rgba = loop {
        match socket.recv().await?.ok()? {
            Message::Binary(bytes) => break bytes,
            Message::Text(_) => {
                return Some(Err(Refusal::bad(
                    "the size was sent twice; send its pixels",
                )));
            }
            Message::Close(_) => return None,
            Message::Ping(_) | Message::Pong(_) => {}
        }
    };
    let drawing = header.map_err(|error| Refusal::bad(format!("the size makes no sense: {error}")));
    Some(drawing.and_then(|header| {
        let Header {
            model,
            seed,
            width,
            height,
        } = header;
        Drawing::new(model, seed, (width, height), rgba.into())
    }))
}
