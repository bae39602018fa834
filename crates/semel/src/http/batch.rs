//! A batch: many payments in one request, each with its own key and its own answer.
//!
//! The batch goes through the door as one unit, so the ledger sees its payments in their order and
//! no other between them. A bad item fails alone.

use std::collections::BTreeSet;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use semel_core::json::{self, Json};
use semel_core::ledger::{Command, Outcome};
use semel_core::render;

use super::access::Scope;
use super::app::App;
use super::decode::{self, Object};
use super::payments::{identity, json};
use super::problem::{Field, Problem};
use super::schema::{self, Guarded, Queued, WithBody};
use super::{body, key};

/// The most payments in a batch.
const MOST: usize = 1_000;
const NAME: &str = "payments";

/// Make up to 1,000 payments
///
/// Each item is answered as it would be alone, in the order of the items.
#[utoipa::path(
    post,
    path = "/v1/payments:batch",
    operation_id = "create_payments",
    tag = "payments",
    request_body = schema::BatchRequest,
    responses(
        (status = 200, description = "An answer for each item", body = schema::BatchAnswer),
        Guarded, WithBody, Queued,
    ),
)]
pub(super) async fn create(
    State(app): State<App>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let ledger = app.admit(&headers, Scope::PaymentsWrite)?;
    let body = body::json(&app, &headers, body, app.limits().batch_bytes).await?;
    let items = items(&body)?;
    let mut commands = Vec::with_capacity(items.len());
    let mut refused = Vec::with_capacity(items.len());
    for item in items {
        match item {
            Ok(command) => {
                commands.push(command);
                refused.push(None);
            }
            Err(problem) => refused.push(Some(problem)),
        }
    }
    let mut outcomes = ledger.door.pass(commands).await?.into_iter();
    let results: Vec<String> = refused
        .into_iter()
        .map(|problem| match problem {
            Some(problem) => failed(&problem),
            None => result(outcomes.next().expect("one for each command"), ledger.no),
        })
        .collect();
    Ok(json(StatusCode::OK, format!(r#"{{"results":[{}]}}"#, results.join(","))))
}

/// Each item as a command, or why it is none.
fn items(body: &[u8]) -> Result<Vec<Result<Command, Problem>>, Problem> {
    let document = json::parse(body)?;
    once(&document)?;
    let mut object = Object::of(&document)?;
    let payments = object.value(NAME);
    let reason = match payments {
        None => Some("missing_field"),
        Some(Json::Array(items)) if items.is_empty() => Some("missing_field"),
        Some(Json::Array(items)) if items.len() > MOST => Some("too_long"),
        Some(Json::Array(_)) => None,
        Some(_) => Some("wrong_type"),
    };
    if let Some(reason) = reason {
        object.refuse(NAME, reason);
    }
    object.close()?;
    match payments {
        Some(Json::Array(items)) => Ok(items.iter().map(item).collect()),
        _ => Err(Problem::invalid(vec![Field::new("/payments", "wrong_type")])),
    }
}

/// The body's own names; those within an item are the item's affair.
fn once(document: &Json<'_>) -> Result<(), Problem> {
    let Json::Object(members) = document else { return Ok(()) };
    let mut names = BTreeSet::new();
    match members.iter().all(|(name, _)| names.insert(name)) {
        true => Ok(()),
        false => Err(decode::name_twice()),
    }
}

fn item(json: &Json<'_>) -> Result<Command, Problem> {
    decode::unique(json)?;
    let key = match Object::of(json)?.value("idempotency_key") {
        Some(Json::Text(key)) => key::valid(key)?,
        Some(_) => return Err(key::bad("The idempotency key is no text")),
        None => return Err(key::bad("The item has no idempotency key")),
    };
    Ok(Command::Pay(identity(key), decode::pay(json, true)?))
}

fn result(outcome: Outcome, ledger: u32) -> String {
    match outcome {
        Outcome::Recorded { event, replayed } => {
            let body = render::answer(&event, ledger);
            format!(r#"{{"status":201,"replayed":{replayed},"body":{body}}}"#)
        }
        Outcome::Refused(refusal) => failed(&refusal.into()),
        Outcome::Account { .. } => unreachable!("only account commands have accounts as outcome"),
    }
}

fn failed(problem: &Problem) -> String {
    format!(r#"{{"status":{},"body":{}}}"#, problem.status().as_u16(), problem.json())
}
