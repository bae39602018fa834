//! Problems: what a request is told when it is not answered, as RFC 9457 describes it.
//!
//! Every code has one status, in one table, and a page (`/errors/SEMEL-0007`) that `type` links to
//! without naming a host, so that a problem is the same bytes on every machine. `fields` names what
//! is wrong by JSON pointer and a word of the contract, never by value.
//! Deliberately absent: `instance`, and anything of the request.

use std::borrow::Cow;

use axum::body::Body;
use axum::http::header::{CONNECTION, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use semel_core::failure::Failure;
use semel_core::json::JsonError;
use semel_core::ledger::Refusal;
use semel_core::payment::FieldProblem;
use semel_core::problem::Code;
use serde::Serialize;

use crate::doors::Shut;

/// A problem on its way to the client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Its code; status, title and page follow from it.
    pub code: Code,
    /// What is wrong this time, a sentence for people.
    pub detail: Cow<'static, str>,
    /// The fields that are wrong, in their order.
    pub fields: Vec<Field>,
    /// Whether the connection ends with it, because the rest of the request was not read.
    pub closes: bool,
}

/// A field that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Field {
    /// JSON pointer into the body, or `/name` of a header or a query parameter.
    pub pointer: Cow<'static, str>,
    /// A word of the contract.
    pub reason: &'static str,
}

impl Field {
    /// The field at `pointer`, wrong for `reason`.
    pub fn new(pointer: impl Into<Cow<'static, str>>, reason: &'static str) -> Field {
        Field { pointer: pointer.into(), reason }
    }
}

impl From<FieldProblem> for Field {
    fn from(problem: FieldProblem) -> Field {
        Field::new(problem.pointer, problem.reason)
    }
}

/// The status of a code: the one table.
pub fn status(code: Code) -> StatusCode {
    match code {
        Code::Malformed | Code::InvalidKey => StatusCode::BAD_REQUEST,
        Code::Unauthorized => StatusCode::UNAUTHORIZED,
        Code::Forbidden => StatusCode::FORBIDDEN,
        Code::NotFound => StatusCode::NOT_FOUND,
        Code::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
        Code::Invalid | Code::KeyReused | Code::RefundExceedsPayment => {
            StatusCode::UNPROCESSABLE_ENTITY
        }
        Code::AccountExists => StatusCode::CONFLICT,
        Code::Timeout => StatusCode::REQUEST_TIMEOUT,
        Code::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Code::HeadersTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
        Code::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        Code::TooManyRequests => StatusCode::TOO_MANY_REQUESTS,
        Code::StoreUnavailable | Code::OutcomeUnknown => StatusCode::SERVICE_UNAVAILABLE,
        // Named stops and findings are told by the process; should one reach a client, it is a
        // failure of ours.
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

#[derive(Serialize)]
struct Document<'a> {
    r#type: String,
    title: &'static str,
    status: u16,
    detail: &'a str,
    code: &'static str,
    #[serde(skip_serializing_if = "<[Field]>::is_empty")]
    fields: &'a [Field],
}

impl Problem {
    /// A problem of `code`, with what is wrong this time.
    pub fn new(code: Code, detail: impl Into<Cow<'static, str>>) -> Problem {
        Problem { code, detail: detail.into(), fields: Vec::new(), closes: false }
    }

    /// JSON of the right form with wrong content.
    pub fn invalid(fields: Vec<Field>) -> Problem {
        let detail = "Some fields are not valid; each is named with its reason";
        Problem { fields, ..Problem::new(Code::Invalid, detail) }
    }

    /// The end of the connection goes with it.
    pub fn closing(self) -> Problem {
        Problem { closes: true, ..self }
    }

    /// Nothing that the client may see has this name.
    pub fn not_found(detail: impl Into<Cow<'static, str>>) -> Problem {
        Problem::new(Code::NotFound, detail)
    }

    /// A read of the store failed.
    pub fn unreadable(failure: &Failure) -> Problem {
        tracing::warn!(%failure, "the store could not be read");
        Problem::new(Code::StoreUnavailable, "The store cannot be read at the moment")
    }

    /// Its status.
    pub fn status(&self) -> StatusCode {
        status(self.code)
    }

    /// The document.
    pub fn json(&self) -> String {
        let document = Document {
            r#type: format!("/errors/{}", self.code.as_str()),
            title: self.code.title(),
            status: self.status().as_u16(),
            detail: &self.detail,
            code: self.code.as_str(),
            fields: &self.fields,
        };
        serde_json::to_string(&document).expect("texts and numbers are always JSON")
    }
}

impl From<JsonError> for Problem {
    fn from(error: JsonError) -> Problem {
        Problem::new(Code::Malformed, format!("The body is no JSON document: {error}"))
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Problem {
        let fields = |problems: Vec<FieldProblem>| problems.into_iter().map(Field::from).collect();
        match refusal {
            Refusal::Invalid(problems) => Problem::invalid(fields(problems)),
            Refusal::Conflict(problems) => Problem {
                fields: fields(problems),
                ..Problem::new(
                    Code::KeyReused,
                    "The key was used with another request; the fields that differ are named",
                )
            },
            Refusal::UnknownPayment => Problem::not_found("The ledger has no such payment"),
            Refusal::UnknownAccount => Problem::not_found("The ledger has no such account"),
            Refusal::ExceedsPayment => exceeds("The amount is more than is left of the payment"),
            Refusal::WrongState(state) => {
                exceeds(format!("The payment is {}: nothing of it can go back", state.as_str()))
            }
            Refusal::AccountDiffers => Problem::new(
                Code::AccountExists,
                "The account exists with another currency or overdraft",
            ),
        }
    }
}

fn exceeds(detail: impl Into<Cow<'static, str>>) -> Problem {
    let fields = vec![Field::new("/amount", Code::RefundExceedsPayment.name())];
    Problem { fields, ..Problem::new(Code::RefundExceedsPayment, detail) }
}

impl From<Shut> for Problem {
    fn from(shut: Shut) -> Problem {
        match shut {
            Shut::Full => Problem::new(
                Code::TooManyRequests,
                "Too many requests are waiting; nothing was stored, send it again later",
            ),
            Shut::Failed(Failure::Unknown(_)) => Problem::new(
                Code::OutcomeUnknown,
                "Whether it was stored is not known; send it again with the same key",
            ),
            Shut::Failed(_) => Problem::new(
                Code::StoreUnavailable,
                "Nothing was stored; send it again later with the same key",
            ),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::from(self.json()));
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        match self.status() {
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
                headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
            }
            StatusCode::UNAUTHORIZED => {
                headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            _ => {}
        }
        if self.closes {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}
