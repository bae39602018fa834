//! What explains the door: `/openapi.json` for machines, and a page for each code for people.
//!
//! The pages are those of `docs/errors`, in the binary, so that the link in a problem leads to the
//! words of the version that wrote it.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::HeaderValue;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use include_dir::{Dir, include_dir};
use semel_core::problem::Code;

use super::payments::json;
use super::problem::Problem;
use super::{routes, schema};

/// One page for each code, named after it.
static PAGES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../docs/errors");

static OPENAPI: LazyLock<String> =
    LazyLock::new(|| routes::openapi().to_json().expect("the description is always JSON"));

/// This description
#[utoipa::path(
    get,
    path = "/openapi.json",
    operation_id = "description",
    tag = "operation",
    responses((status = 200, description = "OpenAPI 3.1", body = serde_json::Value)),
)]
pub(super) async fn description() -> Response {
    json(StatusCode::OK, OPENAPI.clone())
}

/// What a code means, and what to do
#[utoipa::path(
    get,
    path = "/errors/{code}",
    operation_id = "error_page",
    tag = "operation",
    params(("code" = String, Path, description = "`SEMEL-…`")),
    responses(
        (status = 200, description = "Its page", body = String, content_type = "text/markdown"),
        (status = 404, description = "There is no such code", body = schema::Problem,
         content_type = "application/problem+json"),
    ),
)]
pub(super) async fn error(Path(code): Path<String>) -> Result<Response, Problem> {
    let known = Code::ALL.iter().find(|known| known.as_str() == code);
    let page = known.and_then(|known| PAGES.get_file(format!("{known}.md")));
    let page = page.ok_or_else(|| Problem::not_found("There is no such code"))?;
    let markdown = HeaderValue::from_static("text/markdown; charset=utf-8");
    Ok(([(CONTENT_TYPE, markdown)], page.contents()).into_response())
}
