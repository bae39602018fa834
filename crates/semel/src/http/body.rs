//! Bodies: JSON by their content type, within their size, within their time.
//!
//! What is refused is not read any further; `linger.rs` lets the client read the answer.

use axum::body::{Body, Bytes};
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use semel_core::problem::Code;
use tokio::time::timeout;

use super::limits::Limits;
use super::problem::Problem;

/// The whole body of a request that must be JSON of at most `most` bytes.
pub(super) async fn json(
    headers: &HeaderMap,
    body: Body,
    most: usize,
    limits: &Limits,
) -> Result<Bytes, Problem> {
    is_json(headers)?;
    if announced(headers).is_some_and(|bytes| bytes > most) {
        return Err(too_large(most));
    }
    let whole = Limited::new(body, most).collect();
    match timeout(limits.body_time, whole).await {
        Err(_) => {
            let detail = "The body did not arrive in time; nothing was stored";
            Err(Problem::new(Code::Timeout, detail).closing())
        }
        Ok(Ok(whole)) => Ok(whole.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large(most)),
        Ok(Err(_)) => Err(Problem::new(Code::Malformed, "The body broke off").closing()),
    }
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
