//! The log of events as server-sent events: from any place on, and live.
//!
//! Every event's `id` is its seq, which is dense, so a client that comes back with `Last-Event-ID`
//! misses nothing and can tell that it does (P5). What wakes a stream carries no data, so a slow
//! client costs its own time only; and all streams together read at a bounded pace, so that those
//! who follow never hold up those who pay.

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
use semel_store::rows::Commits;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio::sync::{Semaphore, watch};
use tokio::time::{sleep, timeout};

use super::access::Scope;
use super::app::App;
use super::problem::{Field, Problem};
use super::query::Query;
use super::schema::Guarded;

const LAST_EVENT_ID: &str = "last-event-id";
/// How many events are read at once.
const READ: usize = 256;
/// Streams that read the store at once.
const READERS: usize = 2;
/// How much longer each stream makes the others wait for the next read, once they have caught up.
const PACE: Duration = Duration::from_millis(1);
/// The longest such wait.
const PACE_MOST: Duration = Duration::from_millis(250);
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
    let place = app.followers().enter();
    // The first read may still be answered with a problem.
    let pending = place.read(&app, ledger, after).await?;
    let follower = Follower { app, ledger, after, pending, commits, closing, place };
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

/// All clients that follow a log.
pub(super) struct Followers {
    count: AtomicU32,
    reads: Semaphore,
}

impl Followers {
    /// Nobody yet.
    pub(super) fn new() -> Followers {
        Followers { count: AtomicU32::new(0), reads: Semaphore::new(READERS) }
    }

    fn enter(self: &Arc<Followers>) -> Place {
        self.count.fetch_add(1, Ordering::Relaxed);
        Place(self.clone())
    }
}

/// One of them, as long as it is held.
struct Place(Arc<Followers>);

impl Place {
    async fn read(&self, app: &App, ledger: u32, after: u64) -> Result<Vec<Event>, Problem> {
        let _turn = self.0.reads.acquire().await;
        app.read(move |reader| reader.events(ledger, after, READ)).await
    }

    /// How long to wait before the next read, so that a crowd reads no more often than a few.
    fn pace(&self) -> Duration {
        PACE.saturating_mul(self.0.count.load(Ordering::Relaxed)).min(PACE_MOST)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.count.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A client that follows a ledger's log.
struct Follower {
    app: App,
    ledger: u32,
    /// The seq of the last event that was sent.
    after: u64,
    /// What was read behind it.
    pending: Vec<Event>,
    commits: watch::Receiver<Commits>,
    closing: watch::Receiver<bool>,
    place: Place,
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
            let (ledger, after) = (self.ledger, self.after);
            let news = |commits: &Commits| after < commits.last_seq(ledger);
            let keep_alive = self.app.limits().keep_alive;
            let woken = async {
                tokio::select! {
                    commit = self.commits.wait_for(news) => commit.is_ok(),
                    _ = self.closing.wait_for(|closing| *closing) => false,
                }
            };
            match timeout(keep_alive, woken).await {
                Err(_) => return Some((Ok(SIGN_OF_LIFE), self)),
                Ok(true) => {
                    sleep(self.place.pace()).await;
                    self.pending = self.place.read(&self.app, ledger, after).await.ok()?;
                }
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
