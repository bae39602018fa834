//! Refunds: money of a payment on its way back, with a key of its own.

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use semel_core::id::EventId;
use semel_core::ledger::Command;
use semel_core::render;

use super::access::Scope;
use super::app::App;
use super::payments::{identity, json, recorded, unknown_payment};
use super::problem::Problem;
use super::query::Query;
use super::schema::{self, Guarded, Queued, WithBody};
use super::{body, decode, key};

/// Refund a payment, in full or in part
#[utoipa::path(
    post,
    path = "/v1/payments/{id}/refunds",
    operation_id = "create_refund",
    tag = "refunds",
    params(("id" = String, Path, description = "`pay_…`"), schema::KeyHeader),
    request_body = schema::RefundRequest,
    responses(
        (status = 201, description = "The refund, as it was first answered",
         body = schema::Refund, headers(
            ("Location" = String, description = "The refund's path"),
            ("Idempotent-Replayed" = bool, description = "Whether it was there before"))),
        Guarded, WithBody, Queued,
        (status = 404, description = "The ledger has no such payment", body = schema::Problem,
         content_type = "application/problem+json"),
    ),
)]
pub(super) async fn create(
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let ledger = app.admit(&headers, Scope::PaymentsWrite)?;
    let body = body::json(&app, &headers, body, app.limits().body_bytes).await?;
    let identity = identity(key::from_headers(&headers)?);
    let refund = decode::refund(&decode::document(&body)?)?;
    // Of another ledger it is as unknown as any stranger; but the key is looked up first.
    let payment = EventId::parse("pay", &id).ok_or_else(unknown_payment)?;
    let outcome = ledger.door.pass_one(Command::Operate(identity, payment, refund)).await?;
    recorded(outcome, ledger)
}

/// Show a refund
#[utoipa::path(
    get,
    path = "/v1/refunds/{id}",
    operation_id = "show_refund",
    tag = "refunds",
    params(("id" = String, Path, description = "`ref_…`")),
    responses(
        (status = 200, description = "The refund", body = schema::Refund),
        Guarded,
        (status = 404, description = "The ledger has no such refund", body = schema::Problem,
         content_type = "application/problem+json"),
    ),
)]
pub(super) async fn show(
    State(app): State<App>,
    Path(id): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let ledger = app.admit(&headers, Scope::PaymentsRead)?.no;
    Query::parse(uri.query(), &[])?;
    let unknown = || Problem::not_found("The ledger has no such refund");
    let id = EventId::parse("ref", &id).filter(|id| id.ledger == ledger && id.seq > 0);
    let id = id.ok_or_else(unknown)?;
    let events = app.read(move |reader| reader.events(ledger, id.seq - 1, 1)).await?;
    let mut events = events.into_iter();
    let event = events.find(|event| event.kind.is_refund() && event.id(ledger) == id);
    let event = event.ok_or_else(unknown)?;
    Ok(json(StatusCode::OK, render::answer(&event, ledger)))
}
