//! The log of events as server-sent events: from any place on, and live.
//!
//! Every event's `id` is its seq, which is dense, so a client that comes back with `Last-Event-ID`
//! misses nothing and can tell that it does (P5). The store is read again after every commit; what
//! wakes a stream carries no data, so a slow client costs its own time only.

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use semel_core::event::Event;
use semel_core::id::SEQ_MAX;
use semel_core::problem::Code;
use semel_core::render;
use tokio::sync::watch;
use tokio::time::timeout;

use super::access::Scope;
use super::app::App;
use super::problem::{Field, Problem};
use super::query::Query;
use super::schema::Guarded;

const LAST_EVENT_ID: &str = "last-event-id";
/// How many events are read at once.
const READ: usize = 256;
/// A comment: a sign of life, so that neither side takes the other for dead.
const SIGN_OF_LIFE: Bytes = Bytes::from_static(b":\n\n");

/// Follow the log of events
///
/// Server-sent events: `id` is the event's seq, `event` its type, `data` its message. Comes back
/// with `Last-Event-ID` where it left off.
#[utoipa::path(
    get,
    path = "/v1/events",
    operation_id = "follow_events",
    tag = "events",
    params(
        ("after" = Option<u64>, Query, description = "Begin behind this seq; 0 is the beginning"),
        ("Last-Event-ID" = Option<u64>, Header, description = "As `after`, and before it"),
    ),
    responses(
        (status = 200, description = "Events without end", body = String,
         content_type = "text/event-stream"),
        Guarded,
    ),
)]
pub(super) async fn follow(
    State(app): State<App>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let ledger = app.admit(&headers, Scope::EventsRead)?.no;
    let query = Query::parse(uri.query(), &["after"])?;
    let after = query.parsed("after", seq)?.unwrap_or(0);
    let after = last_event_id(&headers)?.unwrap_or(after);
    let (commits, closing) = (app.store().watch(), app.closing());
    // The first read may still be answered with a problem.
    let pending = app.read(move |reader| reader.events(ledger, after, READ)).await?;
    let follower = Follower { app, ledger, after, pending, commits, closing };
    let body = Body::from_stream(stream::unfold(follower, Follower::next));
    let mut response = (StatusCode::OK, body).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    Ok(response)
}

/// The seq that a text names.
pub(super) fn seq(text: &str) -> Option<u64> {
    text.parse().ok().filter(|seq| *seq <= SEQ_MAX)
}

fn last_event_id(headers: &HeaderMap) -> Result<Option<u64>, Problem> {
    let Some(value) = headers.get(LAST_EVENT_ID) else { return Ok(None) };
    let last = value.to_str().ok().and_then(seq);
    let refused = || {
        let fields = vec![Field::new("/Last-Event-ID", "wrong_type")];
        let detail = "The header Last-Event-ID is no seq of an event";
        Problem { fields, ..Problem::new(Code::Malformed, detail) }
    };
    last.map(Some).ok_or_else(refused)
}

/// A client that follows a ledger's log.
struct Follower {
    app: App,
    ledger: u32,
    /// The seq of the last event that was sent.
    after: u64,
    /// What was read behind it.
    pending: Vec<Event>,
    commits: watch::Receiver<u64>,
    closing: watch::Receiver<bool>,
}

impl Follower {
    /// What is sent next; `None` ends the stream, and the client comes back.
    async fn next(mut self) -> Option<(Result<Bytes, std::convert::Infallible>, Follower)> {
        loop {
            if *self.closing.borrow() {
                return None;
            }
            if let Some(last) = self.pending.last() {
                self.after = last.seq;
                let events = std::mem::take(&mut self.pending);
                return Some((Ok(sent(&events, self.ledger)), self));
            }
            // Marked as seen before the read, so that no commit is missed between the two.
            self.commits.borrow_and_update();
            let (ledger, after) = (self.ledger, self.after);
            let events = self.app.read(move |reader| reader.events(ledger, after, READ)).await;
            self.pending = events.ok()?;
            if !self.pending.is_empty() {
                continue;
            }
            let keep_alive = self.app.limits().keep_alive;
            let woken = async {
                tokio::select! {
                    commit = self.commits.changed() => commit.is_ok(),
                    _ = self.closing.wait_for(|closing| *closing) => false,
                }
            };
            match timeout(keep_alive, woken).await {
                Err(_) => return Some((Ok(SIGN_OF_LIFE), self)),
                Ok(true) => {}
                Ok(false) => return None,
            }
        }
    }
}

fn sent(events: &[Event], ledger: u32) -> Bytes {
    let one = |event: &Event| {
        // A message is one line: JSON escapes line ends in its strings and needs none elsewhere.
        let message = render::message(event, ledger);
        format!("id: {}\nevent: {}\ndata: {message}\n\n", event.seq, event.kind.as_str())
    };
    Bytes::from(events.iter().map(one).collect::<String>())
}
