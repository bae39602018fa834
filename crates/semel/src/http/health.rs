//! Whether the server lives, whether it is ready, and what it counts. No key is needed here.

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use semel_core::problem::Code;

use super::app::App;
use super::payments::json;
use super::schema;
use crate::wiring::Reader;

/// Whether the process answers
#[utoipa::path(
    get,
    path = "/livez",
    operation_id = "live",
    tag = "operation",
    responses((status = 200, description = "It does", body = schema::Alive)),
)]
pub(super) async fn live() -> Response {
    json(StatusCode::OK, r#"{"live":true}"#.into())
}

/// Whether the server takes requests, and if not, why
#[utoipa::path(
    get,
    path = "/readyz",
    operation_id = "ready",
    tag = "operation",
    responses(
        (status = 200, description = "It does", body = schema::Readiness),
        (status = 503, description = "It does not", body = schema::Readiness),
    ),
)]
pub(super) async fn ready(State(app): State<App>) -> Response {
    let mut reasons = Vec::new();
    if let Some(stop) = app.stop() {
        reasons.push(stop.code);
    }
    if *app.closing().borrow() {
        reasons.push(Code::StoreUnavailable);
    }
    for (id, ledger) in app.ledgers() {
        if !ledger.door.is_open() {
            tracing::error!(ledger = id, "the door is shut");
            reasons.push(Code::Internal);
        }
    }
    if let Err(problem) = app.read(|reader| reader.ledgers()).await {
        reasons.push(problem.code);
    }
    reasons.extend(app.board().shown().into_iter().filter_map(|leg| Some(leg.trouble?.code)));
    reasons.sort_unstable();
    reasons.dedup();
    let ready = reasons.is_empty();
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let reasons = reasons.into_iter().map(schema::Unready::from).collect();
    let readiness = schema::Readiness { ready, reasons };
    json(status, serde_json::to_string(&readiness).expect("texts are always JSON"))
}

/// Metrics, as Prometheus reads them
#[utoipa::path(
    get,
    path = "/metrics",
    operation_id = "metrics",
    tag = "operation",
    responses((status = 200, description = "Text format 0.0.4", body = String,
               content_type = "text/plain")),
)]
pub(super) async fn metrics(State(app): State<App>) -> Response {
    let logs = app.read(|reader| reader.ledgers()).await.unwrap_or_default();
    for (id, ledger) in app.ledgers() {
        let log = logs.iter().find(|log| log.no == ledger.no);
        let events = log.map(|log| log.position.next_seq - 1);
        app.meters().ledger(id, events, ledger.door.depth());
    }
    let (legs, board) = (app.meters().legs().clone(), app.board().clone());
    // What cannot be read now is told as it was.
    let look = move |reader: &Reader| {
        legs.look(&board, reader);
        Ok(())
    };
    let _unread = app.read(look).await;
    let text = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    ([(CONTENT_TYPE, text)], app.meters().render()).into_response()
}
