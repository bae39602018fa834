//! The HTTP door: requests in, one answer each, the same bytes for ever after.
//!
//! A handler authenticates, decodes, passes a command through its ledger's door and renders the
//! outcome; no handler holds a rule. The order of checks is the same everywhere: access (401, 403),
//! content type (415), size and time of the body (413, 408), the key's form (400), the body's form
//! (400, 422), and then the ledger decides: key, values, accounts, limits.
//!
//! Promises kept here: an answer is written only after the commit, and what was accepted is
//! answered, also at shutdown. One client cannot hold up the others: headers, bodies, connections
//! and waiting commands are bounded in size, time and number.
//! Deliberately absent: TLS and HTTP/2 (a proxy's business), sessions, and any state of a request
//! outside the store.

pub mod access;
mod accounts;
mod app;
mod batch;
mod body;
pub mod dead_letters;
mod decode;
mod events;
mod health;
pub mod ingests;
mod key;
pub mod limits;
mod linger;
mod pages;
mod payments;
pub mod problem;
mod query;
mod refunds;
mod routes;
pub mod schema;

use std::convert::Infallible;
use std::panic::AssertUnwindSafe;

use axum::Router;
use axum::body::Body;
use axum::extract::MatchedPath;
use axum::http::header::ALLOW;
use axum::http::{HeaderValue, Method, Request, StatusCode};
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use percent_encoding::percent_decode_str;
use semel_core::failure::Stop;
use semel_core::problem::Code;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{Duration, Instant, interval, sleep, timeout};
use tower::ServiceExt;

pub use app::App;
pub use routes::openapi;

use linger::Lingering;
use problem::Problem;

/// Serve `app` on `listener` until `shutdown` is ready, then answer what was accepted.
///
/// # Errors
/// The named stop for which the process cannot go on. Until a little later the server still
/// answers, so that whoever asks learns the name.
pub async fn serve(
    listener: TcpListener,
    app: App,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), Stop> {
    let end = async {
        tokio::select! {
            () = shutdown => {}
            () = app.stopped() => sleep(app.limits().stop_time).await,
        }
    };
    let graceful = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    tokio::select! {
        () = end => {}
        never = accept(&listener, &app, &graceful, &mut connections) => match never {},
    }
    drop(listener);
    app.close();
    if timeout(app.limits().drain_time, graceful.shutdown()).await.is_err() {
        tracing::warn!(open = connections.len(), "connections did not end in time and are cut");
    }
    connections.shutdown().await;
    app.end().await
}

/// How often the store is asked how it is.
const UPKEEP: Duration = Duration::from_secs(5);
/// How long to wait when the system has no socket to give.
const ACCEPT_AGAIN: Duration = Duration::from_millis(20);

async fn accept(
    listener: &TcpListener,
    app: &App,
    graceful: &GracefulShutdown,
    connections: &mut JoinSet<()>,
) -> Infallible {
    let router = routes::router(app.clone());
    let mut upkeep = interval(UPKEEP);
    loop {
        let room = connections.len() < app.limits().connections;
        tokio::select! {
            _ = upkeep.tick() => app.upkeep(),
            Some(_) = connections.join_next() => app.meters().connections(connections.len()),
            accepted = listener.accept(), if room => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(connection(stream, app, graceful, router.clone()));
                    app.meters().connections(connections.len());
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    sleep(ACCEPT_AGAIN).await;
                }
            },
        }
    }
}

/// All requests of one connection.
fn connection(
    stream: TcpStream,
    app: &App,
    graceful: &GracefulShutdown,
    router: Router,
) -> impl Future<Output = ()> + Send + use<> {
    // Answers are written whole; waiting for more to send only delays them.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a connection keeps Nagle's algorithm");
    }
    let served = app.clone();
    let service = service_fn(move |request| respond(served.clone(), router.clone(), request));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(app.limits().header_time)
        .max_header_size(app.limits().header_bytes)
        .serve_connection(TokioIo::new(Lingering::new(stream, app.limits().write_time)), service);
    let connection = graceful.watch(connection);
    async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "a connection ended early");
        }
    }
}

/// The answer to one request, whatever happens.
async fn respond(
    app: App,
    router: Router,
    request: Request<Incoming>,
) -> Result<Response, Infallible> {
    let begun = Instant::now();
    let method = request.method().clone();
    let path = request.uri().path();
    let mut response = if path.contains('%') && !decodable(path) {
        Problem::new(Code::Malformed, "The path is not percent-encoded UTF-8").into_response()
    } else {
        let response = router.oneshot(request.map(Body::new));
        match AssertUnwindSafe(response).catch_unwind().await {
            Ok(Ok(response)) => response,
            Err(_) => failed(),
        }
    };
    if method == Method::OPTIONS && response.status() == StatusCode::METHOD_NOT_ALLOWED {
        response = options(&response);
    }
    let route = response.extensions_mut().remove::<MatchedPath>();
    let route = route.as_ref().map_or("none", MatchedPath::as_str);
    app.meters().request(known(&method), route, response.status().as_u16(), begun.elapsed());
    Ok(response)
}

fn decodable(path: &str) -> bool {
    query::well_encoded(path) && percent_decode_str(path).decode_utf8().is_ok()
}

/// A defect of ours: what the request did is not known.
fn failed() -> Response {
    tracing::error!("a defect ended a request; the message above says which");
    let detail = "The request ran into a defect; whether it was stored is not known, \
                  send it again with the same key";
    Problem::new(Code::Internal, detail).into_response()
}

/// What a resource takes, for whoever asks with `OPTIONS`.
fn options(refused: &Response) -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    let allow = refused.headers().get(ALLOW).cloned();
    response.headers_mut().insert(ALLOW, allow.unwrap_or(HeaderValue::from_static("")));
    response
}

/// Methods are a client's choice, labels must not be.
fn known(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}
