//! Bodies: JSON by their content type, within their size, within their time.
//!
//! Each body takes its bytes from a budget that all of them share, as they arrive: who only
//! announces much keeps nobody out, and the memory for bodies has a bound whatever comes.
//! What is refused is not read any further; `linger.rs` lets the client read the answer.

use std::ops::Deref;

use axum::body::Body;
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use semel_core::problem::Code;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;

use super::app::App;
use super::problem::Problem;

/// The bytes of a body, and their share of the budget.
pub(super) struct Held {
    bytes: Vec<u8>,
    share: Option<OwnedSemaphorePermit>,
}

impl Deref for Held {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

/// The whole body of a request that must be JSON of at most `most` bytes.
pub(super) async fn json(
    app: &App,
    headers: &HeaderMap,
    body: Body,
    most: usize,
) -> Result<Held, Problem> {
    is_json(headers)?;
    if announced(headers).is_some_and(|bytes| bytes > most) {
        return Err(too_large(most));
    }
    timeout(app.limits().body_time, whole(app, body, most)).await.unwrap_or_else(|_| {
        let detail = "The body did not arrive in time; nothing was stored";
        Err(Problem::new(Code::Timeout, detail).closing())
    })
}

async fn whole(app: &App, body: Body, most: usize) -> Result<Held, Problem> {
    let mut body = Limited::new(body, most);
    let mut held = Held { bytes: Vec::new(), share: None };
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| match error.is::<LengthLimitError>() {
            true => too_large(most),
            false => Problem::new(Code::Malformed, "The body broke off").closing(),
        })?;
        let Ok(data) = frame.into_data() else { continue };
        let share = app.room(data.len()).ok_or_else(crowded)?;
        match &mut held.share {
            Some(all) => all.merge(share),
            none => *none = Some(share),
        }
        held.bytes.extend_from_slice(&data);
    }
    Ok(held)
}

fn crowded() -> Problem {
    let detail = "Too many bodies are being read; nothing was stored, send it again later";
    Problem::new(Code::TooManyRequests, detail).closing()
}

fn announced(headers: &HeaderMap) -> Option<usize> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn too_large(most: usize) -> Problem {
    let detail = format!("The body has more than {most} bytes");
    Problem::new(Code::BodyTooLarge, detail).closing()
}

/// `application/json`, which is UTF-8 whether it says so or not (RFC 8259, section 8.1).
fn is_json(headers: &HeaderMap) -> Result<(), Problem> {
    let mut types = headers.get_all(CONTENT_TYPE).iter();
    let (first, second) = (types.next(), types.next());
    let first = first.and_then(|value| value.to_str().ok()).filter(|_| second.is_none());
    if first.is_some_and(names_json) {
        return Ok(());
    }
    let detail = "The content type must be application/json, alone or with charset=utf-8";
    Err(Problem::new(Code::UnsupportedMediaType, detail))
}

fn names_json(content_type: &str) -> bool {
    let mut parts = content_type.split(';').map(str::trim);
    let essence = parts.next().unwrap_or_default();
    essence.eq_ignore_ascii_case("application/json")
        && parts.all(|parameter| match parameter.split_once('=') {
            Some((name, value)) => {
                name.eq_ignore_ascii_case("charset")
                    && value.trim_matches('"').eq_ignore_ascii_case("utf-8")
            }
            None => parameter.is_empty(),
        })
}
