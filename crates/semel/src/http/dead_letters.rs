//! Dead letters: list, show, redrive, discard.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use semel_core::json::Json;
use semel_core::reason::Reason;
use semel_core::render;
use semel_store::rows::{LetterFilter, LetterRow, Origin};
use serde::Serialize;

use super::access::Scope;
use super::app::App;
use super::body;
use super::decode::{self, Object};
use super::payments::json;
use super::problem::{Field, Problem};
use super::query::{Query, part};
use super::schema::{self, Guarded, WithBody};
use crate::redrive::{self, Plan, Summary};

/// The most ids that one request may name.
const MOST_IDS: usize = 1_000;

/// List dead letters in the order in which they came
#[utoipa::path(
    get,
    path = "/v1/dead-letters",
    operation_id = "list_dead_letters",
    tag = "dead letters",
    params(
        ("ingest" = Option<String>, Query, description = "Only of this ingest"),
        ("reason" = Option<String>, Query, description = "Only with this reason"),
        schema::PageParams,
    ),
    responses(
        (status = 200, description = "A page", body = schema::Page<schema::DeadLetter>),
        Guarded,
    ),
)]
pub(super) async fn list(
    State(app): State<App>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let ledger = app.admit(&headers, Scope::DeadLettersRead)?.no;
    let query = Query::parse(uri.query(), &["ingest", "reason", "limit", "cursor"])?;
    let limit = query.limit()?;
    let after = query.parsed("cursor", number)?.unwrap_or(0);
    let reason = query.parsed("reason", Reason::parse)?;
    let ingest = query.text("ingest").map(str::to_owned);
    let filter = LetterFilter { ids: None, ingest, reason };
    let page = app.read(move |reader| reader.letters(ledger, &filter, after, limit)).await?;
    let next = page.rows.last().filter(|_| page.more).map(|last| name(last.id));
    Ok(json(StatusCode::OK, part(&page.rows, rendered, next)))
}

/// Show a dead letter
#[utoipa::path(
    get,
    path = "/v1/dead-letters/{id}",
    operation_id = "show_dead_letter",
    tag = "dead letters",
    params(("id" = String, Path, description = "`dl_…`")),
    responses(
        (status = 200, description = "The dead letter", body = schema::DeadLetter),
        Guarded,
        (status = 404, description = "The ledger has no such dead letter",
         body = schema::Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn show(
    State(app): State<App>,
    Path(id): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let ledger = app.admit(&headers, Scope::DeadLettersRead)?.no;
    Query::parse(uri.query(), &[])?;
    let unknown = || Problem::not_found("The ledger has no such dead letter");
    let id = number(&id).ok_or_else(unknown)?;
    let row = app.read(move |reader| reader.letter(ledger, id)).await?.ok_or_else(unknown)?;
    Ok(json(StatusCode::OK, rendered(&row)))
}

/// Redrive dead letters
///
/// Each is decoded and decided again, as its ingest does now. It becomes a payment, a counted
/// duplicate, or stays with its new reason. Masked letters are left alone.
#[utoipa::path(
    post,
    path = "/v1/dead-letters:redrive",
    operation_id = "redrive_dead_letters",
    tag = "dead letters",
    request_body = schema::LettersRequest,
    responses(
        (status = 200, description = "What became of them, or with `dry_run` what they are",
         body = schema::RedriveAnswer),
        Guarded, WithBody,
    ),
)]
pub(super) async fn redrive(
    State(app): State<App>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let ledger = app.admit(&headers, Scope::DeadLettersWrite)?.no;
    let wish = wish(&app, &headers, body).await?;
    if wish.dry_run {
        return planned(&app, ledger, wish).await;
    }
    let _turn = app.letters_turn().await;
    let summary = redrive::redrive(app.store(), ledger, &wish.filter, wish.cap, None).await;
    let summary = summary.map_err(|failure| app.failed(failure))?;
    Ok(json(StatusCode::OK, redriven(summary)))
}

/// Discard dead letters
///
/// They are forgotten, and what they were counted as stays counted. At least one of `ids`, `ingest`
/// and `reason` has to say which.
#[utoipa::path(
    post,
    path = "/v1/dead-letters:discard",
    operation_id = "discard_dead_letters",
    tag = "dead letters",
    request_body = schema::LettersRequest,
    responses(
        (status = 200, description = "How many there were, or with `dry_run` what they are",
         body = schema::DiscardAnswer),
        Guarded, WithBody,
    ),
)]
pub(super) async fn discard(
    State(app): State<App>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let ledger = app.admit(&headers, Scope::DeadLettersWrite)?.no;
    let wish = wish(&app, &headers, body).await?;
    if wish.filter == LetterFilter::default() {
        return Err(Problem::invalid(vec![Field::new("/ids", "missing_field")]));
    }
    if wish.dry_run {
        return planned(&app, ledger, wish).await;
    }
    let _turn = app.letters_turn().await;
    let count = redrive::discard(app.store(), ledger, &wish.filter, wish.cap).await;
    let count = count.map_err(|failure| app.failed(failure))?;
    Ok(json(StatusCode::OK, discarded(count)))
}

/// Which letters are meant, and whether only to say so.
struct Wish {
    filter: LetterFilter,
    cap: Option<u64>,
    dry_run: bool,
}

async fn wish(app: &App, headers: &HeaderMap, body: Body) -> Result<Wish, Problem> {
    let body = body::json(app, headers, body, app.limits().body_bytes).await?;
    let document = decode::document(&body)?;
    let mut object = Object::of(&document)?;
    let ids = match object.value("ids") {
        None | Some(Json::Null) => None,
        Some(value) => {
            let ids = ids(value);
            ids.map_err(|reason| object.refuse("ids", reason)).ok()
        }
    };
    let ingest = object.optional_text("ingest").map(str::to_owned);
    let reason = object.optional_text("reason").and_then(|word| {
        let reason = Reason::parse(word);
        if reason.is_none() {
            object.refuse("reason", "wrong_type");
        }
        reason
    });
    let cap = match object.value("cap") {
        None | Some(Json::Null) => None,
        Some(_) => object.integer("cap").and_then(|cap| match u64::try_from(cap) {
            Ok(cap) if cap > 0 => Some(cap),
            _ => {
                object.refuse("cap", "amount_not_positive");
                None
            }
        }),
    };
    let dry_run = object.flag("dry_run");
    object.close()?;
    Ok(Wish { filter: LetterFilter { ids, ingest, reason }, cap, dry_run })
}

fn ids(value: &Json<'_>) -> Result<Vec<i64>, &'static str> {
    let Json::Array(items) = value else { return Err("wrong_type") };
    match items.len() {
        0 => return Err("missing_field"),
        1..=MOST_IDS => {}
        _ => return Err("too_long"),
    }
    let id = |item: &Json<'_>| match item {
        Json::Text(text) => number(text).ok_or("wrong_type"),
        _ => Err("wrong_type"),
    };
    items.iter().map(id).collect()
}

async fn planned(app: &App, ledger: u32, wish: Wish) -> Result<Response, Problem> {
    let Wish { filter, cap, .. } = wish;
    let plan = app.read(move |reader| redrive::plan(reader, ledger, &filter, cap)).await?;
    Ok(json(StatusCode::OK, meant(plan)))
}

/// What a redrive or a discard would be about, as JSON.
pub fn meant(plan: Plan) -> String {
    let (letters, reasons) = (Some(plan.letters), Some(histogram(plan.reasons)));
    text(&schema::RedriveAnswer { dry_run: true, letters, reasons, ..Default::default() })
}

/// What a redrive did, as JSON.
pub fn redriven(summary: Summary) -> String {
    text(&schema::RedriveAnswer {
        redriven: Some(summary.redriven),
        accepted: Some(summary.accepted),
        duplicates: Some(summary.duplicates),
        refused: Some(histogram(summary.refused)),
        masked: Some(summary.masked),
        gone: Some(summary.gone),
        ..Default::default()
    })
}

/// How many dead letters were discarded, as JSON.
pub fn discarded(count: u64) -> String {
    text(&schema::DiscardAnswer { discarded: Some(count), ..Default::default() })
}

fn histogram(reasons: impl IntoIterator<Item = (Reason, u64)>) -> BTreeMap<String, u64> {
    reasons.into_iter().map(|(reason, count)| (reason.to_string(), count)).collect()
}

fn text(answer: &impl Serialize) -> String {
    serde_json::to_string(answer).expect("texts and numbers are always JSON")
}

/// A dead letter's id as the outside sees it.
pub fn name(id: i64) -> String {
    format!("dl_{id}")
}

fn number(name: &str) -> Option<i64> {
    let digits = name.strip_prefix("dl_")?;
    let id = digits.parse().ok().filter(|id| *id > 0)?;
    // One name for a letter, so no `dl_+1` and no `dl_01`.
    (self::name(id) == name).then_some(id)
}

fn source(row: &LetterRow) -> schema::LetterSource {
    let (ingest, place) = (row.ingest.to_string(), row.file.to_string());
    match row.origin() {
        Origin::Line(line) => {
            let (file, line) = (Some(place), Some(line));
            schema::LetterSource { ingest, file, line, ..Default::default() }
        }
        Origin::Record { partition, offset, .. } => {
            let (topic, partition, offset) = (Some(place), Some(partition), Some(offset));
            schema::LetterSource { ingest, topic, partition, offset, ..Default::default() }
        }
    }
}

/// A dead letter as JSON.
pub fn rendered(row: &LetterRow) -> String {
    let base64 = |bytes: &Option<Vec<u8>>| bytes.as_ref().map(|bytes| STANDARD.encode(bytes));
    let header = |(name, value): &(String, Vec<u8>)| schema::LetterHeader {
        name: name.clone(),
        value_base64: STANDARD.encode(value),
    };
    let letter = schema::DeadLetter {
        id: name(row.id),
        reason: row.reason.as_str().to_owned(),
        detail: row.detail.clone(),
        source: source(row),
        key_base64: base64(&row.raw.key),
        value_base64: base64(&row.raw.value),
        headers: row.raw.headers.iter().map(header).collect(),
        masked: row.masked,
        first_failed_at: render::time(row.first_failed_at),
        last_failed_at: render::time(row.last_failed_at),
        attempts: row.attempts,
    };
    text(&letter)
}
