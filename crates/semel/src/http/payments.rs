//! Payments: make one, see one, list them, find one by its key.

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::header::{CONTENT_TYPE, LOCATION};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use semel_core::Text;
use semel_core::event::Event;
use semel_core::id::EventId;
use semel_core::ledger::{Command, Outcome, Refusal};
use semel_core::payment::{Identity, Payment, State as PaymentState};
use semel_core::problem::Code;
use semel_core::render;
use tokio::time::{Duration, Instant, timeout_at};

use super::access::Scope;
use super::app::{App, Ledger};
use super::problem::{Field, Problem};
use super::query::{Query, page};
use super::schema::{self, Guarded, Queued, WithBody};
use super::{body, decode, events, key};

const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");
/// The longest that a client may ask to wait for a final state, in seconds.
const WAIT_MOST: u64 = 60;

/// Make a payment
///
/// Answered after the payment is stored. Sent again with the same key, it is answered with the same
/// bytes and makes no second payment.
#[utoipa::path(
    post,
    path = "/v1/payments",
    operation_id = "create_payment",
    tag = "payments",
    params(schema::KeyHeader),
    request_body = schema::PaymentRequest,
    responses(
        (status = 201, description = "The payment, as it was first answered",
         body = schema::Payment, headers(
            ("Location" = String, description = "The payment's path"),
            ("Idempotent-Replayed" = bool, description = "Whether it was there before"))),
        Guarded, WithBody, Queued,
    ),
)]
pub(super) async fn create(
    State(app): State<App>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let ledger = app.admit(&headers, Scope::PaymentsWrite)?;
    let body = body::json(&app, &headers, body, app.limits().body_bytes).await?;
    let identity = identity(key::from_headers(&headers)?);
    let pay = decode::pay(&decode::document(&body)?, false)?;
    let outcome = ledger.door.pass_one(Command::Pay(identity, pay)).await?;
    recorded(outcome, ledger)
}

/// Show a payment
#[utoipa::path(
    get,
    path = "/v1/payments/{id}",
    operation_id = "show_payment",
    tag = "payments",
    params(
        ("id" = String, Path, description = "`pay_…`"),
        ("wait" = Option<u64>, Query, maximum = 60,
         description = "Wait so many seconds for a final state"),
    ),
    responses(
        (status = 200, description = "The payment as it is now", body = schema::CurrentPayment),
        Guarded,
        (status = 404, description = "The ledger has no such payment", body = schema::Problem,
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
    let within = |text: &str| text.parse().ok().filter(|wait| *wait <= WAIT_MOST);
    let wait = Query::parse(uri.query(), &["wait"])?.parsed("wait", within)?.unwrap_or(0);
    let id = payment_id(&id, ledger)?;
    let until = Instant::now() + Duration::from_secs(wait);
    let mut commits = app.store().watch();
    let mut closing = app.closing();
    loop {
        commits.borrow_and_update();
        let payment = app.read(move |reader| reader.payment(ledger, id)).await?;
        let payment = payment.ok_or_else(unknown_payment)?;
        let final_state = payment.state != PaymentState::Pending;
        let in_time = async {
            tokio::select! {
                commit = timeout_at(until, commits.changed()) => matches!(commit, Ok(Ok(()))),
                _ = closing.wait_for(|closing| *closing) => false,
            }
        };
        if final_state || !in_time.await {
            return Ok(json(StatusCode::OK, render::current(&payment, ledger)));
        }
    }
}

/// List payments, newest first, or find one by its key
#[utoipa::path(
    get,
    path = "/v1/payments",
    operation_id = "list_payments",
    tag = "payments",
    params(
        ("idempotency_key" = Option<String>, Query, description = "Only the payment of this key"),
        ("ingest" = Option<String>, Query,
         description = "The ingest whose key it is; without it, a key of this door"),
        schema::PageParams,
    ),
    responses(
        (status = 200, description = "A page", body = schema::Page<schema::CurrentPayment>),
        Guarded,
    ),
)]
pub(super) async fn list(
    State(app): State<App>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let ledger = app.admit(&headers, Scope::PaymentsRead)?.no;
    let query = Query::parse(uri.query(), &["idempotency_key", "ingest", "limit", "cursor"])?;
    let limit = query.limit()?;
    let before = query.parsed("cursor", events::seq)?;
    let rows = match (query.text("idempotency_key"), query.text("ingest")) {
        (Some(key), ingest) => {
            let key = key::from_query(key)?;
            find(&app, ledger, ingest.unwrap_or_default(), &key).await?
        }
        (None, None) => app.read(move |reader| reader.payments(ledger, before, limit + 1)).await?,
        (None, Some(_)) => {
            let fields = vec![Field::new("/idempotency_key", "missing_field")];
            let detail = "`ingest` says whose key is meant, so it needs `idempotency_key`";
            return Err(Problem { fields, ..Problem::new(Code::Malformed, detail) });
        }
    };
    let render = |payment: &Payment| render::current(payment, ledger);
    let cursor = |shown: &Payment, _: &Payment| shown.event.seq.to_string();
    Ok(json(StatusCode::OK, page(&rows, limit, render, cursor)))
}

/// The payment that `key` names in `namespace`, if it names one.
async fn find(app: &App, ledger: u32, namespace: &str, key: &str) -> Result<Vec<Payment>, Problem> {
    let recorded = app.store().recorded(ledger, namespace, key).await;
    let recorded = recorded.map_err(|failure| Problem::unreadable(&failure))?;
    let Some(event) = recorded.filter(|event| event.kind.is_payment()) else {
        return Ok(Vec::new());
    };
    let id = event.id(ledger);
    let payment = app.read(move |reader| reader.payment(ledger, id)).await?;
    Ok(payment.into_iter().collect())
}

/// A request of this door: its namespace is the empty one.
pub(super) fn identity(key: Text) -> Identity {
    Identity { namespace: Text::from(""), key }
}

/// The payment that a path names; of another ledger it is as unknown as any stranger.
pub(super) fn payment_id(text: &str, ledger: u32) -> Result<EventId, Problem> {
    let id = EventId::parse("pay", text).filter(|id| id.ledger == ledger);
    id.ok_or_else(unknown_payment)
}

pub(super) fn unknown_payment() -> Problem {
    Refusal::UnknownPayment.into()
}

/// The first answer to a request that was recorded, now or before.
pub(super) fn recorded(outcome: Outcome, ledger: &Ledger) -> Result<Response, Problem> {
    let (event, replayed) = match outcome {
        Outcome::Recorded { event, replayed } => (event, replayed),
        Outcome::Refused(refusal) => return Err(refusal.into()),
        Outcome::Account { .. } => unreachable!("only account commands have accounts as outcome"),
    };
    let mut response = json(StatusCode::CREATED, render::answer(&event, ledger.no));
    let headers = response.headers_mut();
    headers.insert(LOCATION, location(&event, ledger.no));
    headers.insert(REPLAYED, HeaderValue::from_static(if replayed { "true" } else { "false" }));
    Ok(response)
}

fn location(event: &Event, ledger: u32) -> HeaderValue {
    let kind = if event.kind.is_refund() { "refunds" } else { "payments" };
    let path = format!("/v1/{kind}/{}", event.id(ledger).named(event.kind));
    HeaderValue::try_from(path).expect("ids are letters, digits and hyphens")
}

/// A JSON answer.
pub(super) fn json(status: StatusCode, body: String) -> Response {
    let mut response = (status, Body::from(body)).into_response();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
