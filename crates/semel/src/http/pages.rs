//! What explains the door: `/openapi.json` for machines, and a page for each code for people.
//!
//! The pages are those of `docs/errors`, in the binary, so that the link in a problem leads to the
//! words of the version that wrote it. A code without a page does not compile.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::HeaderValue;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use semel_core::problem::Code;

use super::payments::json;
use super::problem::Problem;
use super::{routes, schema};

static OPENAPI: LazyLock<String> =
    LazyLock::new(|| routes::openapi().to_json().expect("the description is always JSON"));

/// This description
#[utoipa::path(
    get,
    path = "/openapi.json",
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
    let known = known.ok_or_else(|| Problem::not_found("There is no such code"))?;
    let markdown = HeaderValue::from_static("text/markdown; charset=utf-8");
    Ok(([(CONTENT_TYPE, markdown)], page(*known)).into_response())
}

macro_rules! pages {
    ($($code:ident = $number:literal,)*) => {
        /// The page of a code.
        pub fn page(code: Code) -> &'static str {
            match code {
                $(Code::$code => include_str!(
                    concat!("../../../../docs/errors/SEMEL-", $number, ".md")
                ),)*
            }
        }
    };
}

pages! {
    Malformed = "0001",
    InvalidKey = "0002",
    Unauthorized = "0003",
    Forbidden = "0004",
    NotFound = "0005",
    MethodNotAllowed = "0006",
    Invalid = "0007",
    KeyReused = "0008",
    Timeout = "0009",
    BodyTooLarge = "0010",
    HeadersTooLarge = "0011",
    UnsupportedMediaType = "0012",
    TooManyRequests = "0013",
    StoreUnavailable = "0014",
    OutcomeUnknown = "0015",
    RefundExceedsPayment = "0016",
    AccountExists = "0017",
    Internal = "0018",
    StoreLocked = "0101",
    StoreNewer = "0102",
    StoreCorrupt = "0103",
    StoreFull = "0104",
    StoreReadOnly = "0105",
    StoreSettings = "0106",
    StoreIo = "0107",
    IdentityBroken = "0108",
    StoreDefect = "0109",
    SourceChanged = "0110",
    SourceBound = "0111",
    Configuration = "0112",
    ListenRefused = "0113",
    DataUnusable = "0114",
    SourceUnreadable = "0115",
    ChainBroken = "0201",
    LogGap = "0202",
    AccountDiffers = "0203",
    LimitBroken = "0204",
    LinkBroken = "0205",
    Unbalanced = "0206",
    KeyTwice = "0207",
    RowUnreadable = "0208",
    AnchorDiffers = "0209",
    KeyIndexDiffers = "0210",
    DeclineDiffers = "0211",
    PaymentBroken = "0212",
    CountsDiffer = "0213",
}
