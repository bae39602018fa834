//! The shapes of bodies, for `/openapi.json`: what is taken, what is answered, which problems.
//!
//! The core renders payments, refunds and accounts, since their bytes are a promise; these types
//! describe them, and tests hold every answer against its description. Field order is that of the
//! answers.

mod accounts;
mod letters;
mod payments;

use semel_core::problem::Code;
use serde::Serialize;
use utoipa::{IntoParams, IntoResponses, OpenApi, ToSchema};

pub use accounts::{Account, AccountRequest, Entry, Overdraft, Pending, Posted};
pub use letters::{
    DeadLetter, DiscardAnswer, Ingest, LetterHeader, LetterSource, LettersRequest, RedriveAnswer,
};
pub use payments::{
    BatchAnswer, BatchBody, BatchItem, BatchRequest, BatchResult, CurrentPayment, Payment,
    PaymentRequest, Refund, RefundRequest,
};

/// Head and security of the description.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Semel",
        description = "Payments with exactly-once effects between the request, the ledger and its \
                       events. A request is checked in this order: access (401, 403), content \
                       type (415), size and time of the body (413, 408), the idempotency key's \
                       form (400), the body's form (400, 422); then the ledger decides: a known \
                       key is a replay or a conflict (422) whatever the values, then values, \
                       accounts (422) and limits (a declined payment, 201). Any request may \
                       also be answered with 405, 408, 431 or 500, each as a problem (RFC 9457) \
                       where an answer can still be written.",
    ),
    modifiers(&BearerKey),
    // A server without API keys asks for none.
    security(("api_key" = []), ()),
)]
pub struct Description;

struct BearerKey;

impl utoipa::Modify for BearerKey {
    fn modify(&self, description: &mut utoipa::openapi::OpenApi) {
        use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
        let components = description.components.get_or_insert_default();
        let scheme = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
        components.add_security_scheme("api_key", scheme);
    }
}

/// The key of a request.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
pub struct KeyHeader {
    /// The client's name for this wish, quoted or bare: 1 to 255 visible ASCII characters without
    /// quotes. Sent again, it gets the first answer.
    #[param(rename = "Idempotency-Key", min_length = 1, max_length = 257)]
    pub idempotency_key: String,
}

/// Which page of a list.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PageParams {
    /// How many rows a page has at most; 100 where nothing is said.
    #[param(minimum = 1, maximum = 1000)]
    pub limit: Option<usize>,
    /// `next` of the page before.
    pub cursor: Option<String>,
}

/// A page of a list.
#[derive(ToSchema)]
pub struct Page<T> {
    /// Its rows.
    pub data: Vec<T>,
    /// The cursor of the page behind it; `null` for the last.
    #[schema(required = true)]
    pub next: Option<String>,
}

/// The process answers.
#[derive(ToSchema)]
pub struct Alive {
    /// Always true.
    pub live: bool,
}

/// Whether the server takes requests.
#[derive(Serialize, ToSchema)]
pub struct Readiness {
    /// Whether it does.
    pub ready: bool,
    /// Why it does not.
    pub reasons: Vec<Unready>,
}

/// Why the server takes no requests.
#[derive(Serialize, ToSchema)]
pub struct Unready {
    /// The code; its page says what to do.
    pub code: String,
    /// The code for machines.
    pub name: String,
    /// What the code means. What was seen stands in the server's log, as no key is needed here.
    pub title: String,
}

impl From<Code> for Unready {
    fn from(code: Code) -> Unready {
        let [code, name, title] = [code.as_str(), code.name(), code.title()].map(str::to_owned);
        Unready { code, name, title }
    }
}

/// What is wrong (RFC 9457).
#[derive(ToSchema)]
pub struct Problem {
    /// The path of the code's page.
    pub r#type: String,
    /// What the code means.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What is wrong this time.
    pub detail: String,
    /// `SEMEL-…`
    pub code: String,
    /// The fields that are wrong; absent where there are none.
    pub fields: Option<Vec<Field>>,
}

/// A field that is wrong.
#[derive(ToSchema)]
pub struct Field {
    /// JSON pointer into the request.
    pub pointer: String,
    /// Why, a word.
    pub reason: String,
}

/// What every request under `/v1` may be told.
#[derive(IntoResponses)]
pub enum Guarded {
    /// The request cannot be read
    #[response(status = 400, content_type = "application/problem+json")]
    Malformed(Problem),
    /// No API key, or one that is not known
    #[response(status = 401, content_type = "application/problem+json")]
    Unauthorized(Problem),
    /// The API key lacks the scope
    #[response(status = 403, content_type = "application/problem+json")]
    Forbidden(Problem),
    /// The store is away
    #[response(status = 503, content_type = "application/problem+json")]
    Unavailable(Problem),
}

/// What every request with a body may be told.
#[derive(IntoResponses)]
pub enum WithBody {
    /// The body did not arrive in time
    #[response(status = 408, content_type = "application/problem+json")]
    Timeout(Problem),
    /// The body is too large
    #[response(status = 413, content_type = "application/problem+json")]
    TooLarge(Problem),
    /// The content type is not JSON
    #[response(status = 415, content_type = "application/problem+json")]
    UnsupportedMediaType(Problem),
    /// JSON, but not valid; or the key was used with another request
    #[response(status = 422, content_type = "application/problem+json")]
    Invalid(Problem),
}

/// What every request that goes through a door may be told.
#[derive(IntoResponses)]
pub enum Queued {
    /// Too many requests are waiting
    #[response(status = 429, content_type = "application/problem+json")]
    TooManyRequests(Problem),
}
