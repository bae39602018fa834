//! Accounts: open, show, list, close, and their entries.

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::header::LOCATION;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri};
use axum::response::Response;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use semel_core::Text;
use semel_core::account::Account;
use semel_core::event::Kind;
use semel_core::id::EventId;
use semel_core::ledger::{Command, Outcome, Refusal};
use semel_core::limits::valid_account;
use semel_core::render;
use semel_store::rows::Entry;

use super::access::Scope;
use super::app::App;
use super::payments::json;
use super::problem::Problem;
use super::query::{Query, page};
use super::schema::{self, Guarded, Queued, WithBody};
use super::{body, decode, events};

/// Open an account
///
/// The id is its identity: an equal request again finds the account.
#[utoipa::path(
    post,
    path = "/v1/accounts",
    operation_id = "open_account",
    tag = "accounts",
    request_body = schema::AccountRequest,
    responses(
        (status = 201, description = "The new account", body = schema::Account,
         headers(("Location" = String, description = "The account's path"))),
        (status = 200, description = "The account as it is; it was there before",
         body = schema::Account,
         headers(("Location" = String, description = "The account's path"))),
        Guarded, WithBody, Queued,
        (status = 409, description = "The account exists with other properties",
         body = schema::Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn open(
    State(app): State<App>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let ledger = app.admit(&headers, Scope::AccountsWrite)?;
    let body = body::json(&app, &headers, body, app.limits().body_bytes).await?;
    let request = decode::account(&decode::document(&body)?)?;
    let (account, replayed) = account(ledger.door.pass_one(Command::OpenAccount(request)).await?)?;
    let status = if replayed { StatusCode::OK } else { StatusCode::CREATED };
    let mut response = json(status, render::account(&account));
    response.headers_mut().insert(LOCATION, location(&account.id));
    Ok(response)
}

/// Close an account
///
/// A closed account takes no new movement. Closing it again changes nothing.
#[utoipa::path(
    post,
    path = "/v1/accounts/{id}/close",
    operation_id = "close_account",
    tag = "accounts",
    params(("id" = String, Path, description = "The account's id, percent-encoded")),
    responses(
        (status = 200, description = "The closed account", body = schema::Account),
        Guarded, Queued,
        (status = 404, description = "The ledger has no such account", body = schema::Problem,
         content_type = "application/problem+json"),
    ),
)]
pub(super) async fn close(
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let ledger = app.admit(&headers, Scope::AccountsWrite)?;
    let id = existing(&id)?;
    let (account, _) = account(ledger.door.pass_one(Command::CloseAccount(id)).await?)?;
    Ok(json(StatusCode::OK, render::account(&account)))
}

/// Show an account
#[utoipa::path(
    get,
    path = "/v1/accounts/{id}",
    operation_id = "show_account",
    tag = "accounts",
    params(("id" = String, Path, description = "The account's id, percent-encoded")),
    responses(
        (status = 200, description = "The account as it is now", body = schema::Account),
        Guarded,
        (status = 404, description = "The ledger has no such account", body = schema::Problem,
         content_type = "application/problem+json"),
    ),
)]
pub(super) async fn show(
    State(app): State<App>,
    Path(id): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let ledger = app.admit(&headers, Scope::AccountsRead)?.no;
    Query::parse(uri.query(), &[])?;
    let id = existing(&id)?;
    let account = app.read(move |reader| reader.account(ledger, &id)).await?;
    let account = account.ok_or_else(unknown)?;
    Ok(json(StatusCode::OK, render::account(&account)))
}

/// List accounts by id
#[utoipa::path(
    get,
    path = "/v1/accounts",
    operation_id = "list_accounts",
    tag = "accounts",
    params(schema::PageParams),
    responses(
        (status = 200, description = "A page", body = schema::Page<schema::Account>),
        Guarded,
    ),
)]
pub(super) async fn list(
    State(app): State<App>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let ledger = app.admit(&headers, Scope::AccountsRead)?.no;
    let query = Query::parse(uri.query(), &["limit", "cursor"])?;
    let limit = query.limit()?;
    let after = query.text("cursor").map(str::to_owned);
    let rows = app.read(move |reader| reader.accounts(ledger, after.as_deref(), limit + 1)).await?;
    let cursor = |shown: &Account, _: &Account| shown.id.to_string();
    Ok(json(StatusCode::OK, page(&rows, limit, render::account, cursor)))
}

/// List an account's entries, newest first, each with the balance after it
#[utoipa::path(
    get,
    path = "/v1/accounts/{id}/entries",
    operation_id = "list_entries",
    tag = "accounts",
    params(
        ("id" = String, Path, description = "The account's id, percent-encoded"),
        schema::PageParams,
    ),
    responses(
        (status = 200, description = "A page", body = schema::Page<schema::Entry>),
        Guarded,
        (status = 404, description = "The ledger has no such account", body = schema::Problem,
         content_type = "application/problem+json"),
    ),
)]
pub(super) async fn entries(
    State(app): State<App>,
    Path(id): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let ledger = app.admit(&headers, Scope::AccountsRead)?.no;
    let query = Query::parse(uri.query(), &["limit", "cursor"])?;
    let limit = query.limit()?;
    let from = query.parsed("cursor", place)?;
    let id = existing(&id)?;
    let rows = app.read(move |reader| reader.entries(ledger, &id, from, limit + 1)).await?;
    let rows = rows.ok_or_else(unknown)?;
    let cursor = |_: &Entry, next: &Entry| format!("{}.{}", next.event.seq, next.balance);
    Ok(json(StatusCode::OK, page(&rows, limit, |entry| rendered(entry, ledger), cursor)))
}

fn rendered(entry: &Entry, ledger: u32) -> String {
    let Entry { event, posted, balance } = entry;
    let id = event.id(ledger);
    let payment =
        event.reference.map_or(id, |payment| EventId { at: payment.at, ledger, seq: payment.seq });
    format!(
        concat!(
            r#"{{"id":"{}","seq":{},"type":"{}","payment_id":"{}","#,
            r#""debit":{},"credit":{},"balance":{},"created_at":"{}"}}"#
        ),
        id.event(),
        event.seq,
        event.kind.as_str(),
        payment.named(Kind::PaymentSucceeded),
        (-posted).max(0),
        (*posted).max(0),
        balance,
        render::time(event.at),
    )
}

/// Where a page of entries begins: an event, and the balance after it.
fn place(cursor: &str) -> Option<(u64, i128)> {
    let (seq, balance) = cursor.split_once('.')?;
    // As far as totals of 64 bits can make a balance.
    let balance = balance.parse::<i64>().ok()?;
    Some((events::seq(seq)?, balance.into()))
}

/// The id that a path names, if an account can have it.
fn existing(id: &str) -> Result<Text, Problem> {
    valid_account(id).map(|()| Text::from(id)).map_err(|_| unknown())
}

fn unknown() -> Problem {
    Refusal::UnknownAccount.into()
}

fn account(outcome: Outcome) -> Result<(Account, bool), Problem> {
    match outcome {
        Outcome::Account { account, replayed } => Ok((account, replayed)),
        Outcome::Refused(refusal) => Err(refusal.into()),
        Outcome::Recorded { .. } => unreachable!("account commands have accounts as outcome"),
    }
}

/// What has a meaning in a path, or in a client that reads one.
const RESERVED: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'/')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'\\')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

fn location(id: &str) -> HeaderValue {
    let path = format!("/v1/accounts/{}", utf8_percent_encode(id, RESERVED));
    HeaderValue::try_from(path).expect("percent-encoding leaves visible ASCII")
}
