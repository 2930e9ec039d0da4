//! What a request is answered with if it is not met: a status, and one sentence with the remedy.

use axum::body::{Body, HttpBody, to_bytes};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::error::Error;
use std::fmt::Display;

use crate::train::ConfigError;
use crate::train::run::RunError;

/// Bytes of a request in JSON at most.
const MOST_JSON: usize = 1 << 20;

/// The answer to a request that is not met.
#[derive(Debug)]
pub struct Refusal {
    pub status: StatusCode,
    pub message: String,
    /// The field of a configuration that breaks a rule.
    pub field: Option<&'static str>,
    /// What there is now, where somebody else was faster.
    pub now: Option<Value>,
}

impl Refusal {
    pub fn new(status: StatusCode, message: impl Display) -> Self {
        Self {
            status,
            message: message.to_string(),
            field: None,
            now: None,
        }
    }

    /// A request that makes no sense.
    pub fn bad(message: impl Display) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    /// Something that is not there.
    pub fn missing(message: impl Display) -> Self {
        Self::new(StatusCode::NOT_FOUND, message)
    }

    /// Something that does not go now.
    pub fn conflict(message: impl Display) -> Self {
        Self::new(StatusCode::CONFLICT, message)
    }

    /// A failure of the disk, the device or the studio itself.
    pub fn failed(message: impl Display) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, message)
    }
}

impl From<ConfigError> for Refusal {
    fn from(error: ConfigError) -> Self {
        Self {
            field: Some(error.field),
            ..Self::new(StatusCode::UNPROCESSABLE_ENTITY, error)
        }
    }
}

impl From<RunError> for Refusal {
    fn from(error: RunError) -> Self {
        let status = match error {
            RunError::Name { .. } => StatusCode::BAD_REQUEST,
            RunError::Missing { .. } | RunError::NoRun { .. } => StatusCode::NOT_FOUND,
            RunError::InUse { .. } | RunError::Exists { .. } | RunError::Unsaved { .. } => {
                StatusCode::CONFLICT
            }
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self::new(status, error)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut body = json!({"message": self.message});
        if let Some(field) = self.field {
            body["field"] = field.into();
        }
        if let Some(now) = self.now {
            body["now"] = now;
        }
        (self.status, Json(body)).into_response()
    }
}

/// An answer in JSON.
pub struct Json<T>(pub T);

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        // Plain structs of numbers and strings: this cannot fail.
        let text = serde_json::to_string(&self.0).unwrap_or_default();
        ([(header::CONTENT_TYPE, "application/json")], text).into_response()
    }
}

/// The body of a request, as JSON.
pub async fn read_json<T: DeserializeOwned>(body: Body) -> Result<T, Refusal> {
    let bytes = read_body(body, MOST_JSON).await?;
    serde_json::from_slice(&bytes)
        .map_err(|error| Refusal::bad(format!("the request is no such JSON: {error}")))
}

/// The body of a request, of so many bytes at most. One that says it is larger is not read.
pub async fn read_body(body: Body, most: usize) -> Result<Vec<u8>, Refusal> {
    let too_large = || {
        Refusal::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("the request is larger than {most} bytes; send less"),
        )
    };
    if body.size_hint().lower() > most as u64 {
        return Err(too_large());
    }
    to_bytes(body, most).await.map(Into::into).map_err(|error| {
        match error.source().map(ToString::to_string) {
            Some(reason) if reason.contains("length limit") => too_large(),
            _ => Refusal::bad("the request was cut off on the way; send it again"),
        }
    })
}

/// Does what waits for the disk, on a thread that may wait.
pub async fn on_disk<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Refusal> + Send + 'static,
) -> Result<T, Refusal> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(_) => Err(Refusal::failed(
            "the studio failed at this; report it, and try again",
        )),
    }
}
