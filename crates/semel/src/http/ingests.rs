//! Ingests: what became of their items, to the last one.

use crate::legs::Kind;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use semel_core::failure::Stop;
use semel_core::ingest::Counts;
use semel_core::payment::json_text;
use semel_core::problem::Code;
use semel_store::rows::IngestRow;
use std::collections::BTreeMap;

use super::access::Scope;
use super::app::App;
use super::payments::json;
use super::problem::Problem;
use super::query::{Query, page};
use super::schema::{self, Guarded};

/// List ingests by name
#[utoipa::path(
    get,
    path = "/v1/ingests",
    operation_id = "list_ingests",
    tag = "ingests",
    params(schema::PageParams),
    responses(
        (status = 200, description = "A page", body = schema::Page<schema::Ingest>),
        Guarded,
    ),
)]
pub(super) async fn list(
    State(app): State<App>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let ledger = app.admit(&headers, Scope::IngestsRead)?.no;
    let query = Query::parse(uri.query(), &["limit", "cursor"])?;
    let limit = query.limit()?;
    let after = query.text("cursor").unwrap_or_default();
    let mut rows = app.read(move |reader| reader.ingests(ledger)).await?;
    // There are as many as an operator configured, so a page is cut from all of them.
    rows.retain(|row| &*row.name > after);
    let cursor = |shown: &IngestRow, _: &IngestRow| shown.name.to_string();
    let stops = stops(&app, ledger);
    Ok(json(StatusCode::OK, page(&rows, limit, |row| rendered(row, stops.get(&*row.name)), cursor)))
}

/// Show an ingest's counts
#[utoipa::path(
    get,
    path = "/v1/ingests/{name}",
    operation_id = "show_ingest",
    tag = "ingests",
    params(("name" = String, Path, description = "The ingest's name")),
    responses(
        (status = 200, description = "What became of its items", body = schema::Ingest),
        Guarded,
        (status = 404, description = "The ledger has no such ingest", body = schema::Problem,
         content_type = "application/problem+json"),
    ),
)]
pub(super) async fn show(
    State(app): State<App>,
    Path(name): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let ledger = app.admit(&headers, Scope::IngestsRead)?.no;
    Query::parse(uri.query(), &[])?;
    let row = app.read(move |reader| reader.ingest(ledger, &name)).await?;
    let row = row.ok_or_else(|| Problem::not_found("The ledger has no such ingest"))?;
    Ok(json(StatusCode::OK, rendered(&row, stops(&app, ledger).get(&*row.name))))
}

/// Why ingests of a ledger do nothing, by name.
fn stops(app: &App, ledger: u32) -> BTreeMap<String, Stop> {
    let id = app.ledgers().iter().find(|(_, known)| known.no == ledger).map(|(id, _)| id.clone());
    let legs = app.board().shown().into_iter();
    let own = legs.filter(|leg| leg.kind == Kind::Ingest && Some(&leg.ledger) == id.as_ref());
    own.filter_map(|leg| Some((leg.name, leg.trouble?))).collect()
}

/// An ingest as JSON, and what holds it up, if that is known.
pub fn rendered(row: &IngestRow, stop: Option<&Stop>) -> String {
    let stopped = stop.map_or(String::new(), |stop| {
        // What waits goes on by itself.
        let what = if stop.code == Code::WireUnavailable { "waits_for" } else { "stopped" };
        let (name, detail) = (json_text(stop.code.name()), json_text(&stop.detail));
        format!(r#","{what}":{name},"detail":{detail}"#)
    });
    format!(r#"{{"name":{},{}{stopped}}}"#, json_text(&row.name), members(&row.counts))
}

/// Counts as members of a JSON object, in the order of the contract.
pub fn members(counts: &Counts) -> String {
    let member = |(name, count): &(&str, i64)| format!(r#""{name}":{count}"#);
    counts.named().iter().map(member).collect::<Vec<_>>().join(",")
}
