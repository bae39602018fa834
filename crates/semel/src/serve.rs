//! `semel serve`: the ledgers of one store behind HTTP, until a signal or a named stop.
//!
//! Ends in order on SIGINT and SIGTERM: what was accepted is answered. Any other end, `kill -9`
//! among them, loses nothing that was answered; the next start goes on from the store.
//! Deliberately absent: a background mode. Whoever starts services knows how.

use crate::cli::{Global, Serve};
use crate::config::Config;
use crate::exit::Exit;
use crate::http::access::Access;
use crate::http::limits::Limits;
use crate::http::{self, App};
use crate::legs::{self, Board};
use crate::output::{note, say};
use crate::place;
use crate::signals;
use crate::wiring::{Form, Store};
use semel_core::failure::{Failure, Stop};
use semel_core::problem::Code;
use std::io::ErrorKind;
use std::net::SocketAddr;
use tokio::net::TcpListener;

/// Run `semel serve`.
///
/// # Errors
/// `Configuration` before anything is opened; `ListenRefused`, `DataUnusable` and every stop of a
/// store, then or later.
pub async fn run(global: &Global, args: &Serve) -> Result<Exit, Failure> {
    let config = Config::load(global, Some(&args.server))?;
    // Heard from now on: whoever is told where it listens may already want it to end.
    let end = signals::end()?;
    let listener = bind(config.listen).await?;
    place::prepare(&config)?;
    // What was published is held against a store that came back; without a wire nothing was.
    let adopts = config.wire.as_ref().is_none_or(|wire| wire.publish.is_none());
    let store = Store::open_in(&config.store, Form::default(), Some(adopts)).await?;
    for ledger in config.ledgers() {
        store.ledger(ledger).await?;
    }
    let is_open = config.api_keys.is_empty();
    let access = if is_open { Access::Open } else { Access::Keys(config.api_keys.clone()) };
    let board = Board::default();
    let app = App::new(store.clone(), access, Limits::STANDARD).await?;
    let app = app.beside(&board, config.roles);
    let mut legs = legs::start(&config, &store, &board, app.alarm()).await?;
    announce(global, &listener, is_open)?;
    let served = http::serve(listener, app, end).await;
    // Whatever they are in the middle of is found by its cursor.
    legs.shutdown().await;
    store.close().await;
    served?;
    Ok(Exit::Done)
}

async fn bind(address: SocketAddr) -> Result<TcpListener, Stop> {
    TcpListener::bind(address).await.map_err(|error| {
        let (seen, remedy) = match error.kind() {
            ErrorKind::AddrInUse => {
                let seen = "something listens there already".to_owned();
                (seen, "stop it, or choose another port with --listen (port 0 takes a free one)")
            }
            ErrorKind::PermissionDenied => {
                (error.to_string(), "choose a port above 1023 with --listen")
            }
            _ => (error.to_string(), "choose an address of this machine with --listen"),
        };
        Stop::new(Code::ListenRefused, format!("{address}: {seen}; {remedy}"))
    })
}

/// Say where the server listens, as data, and what to try, to people.
fn announce(global: &Global, listener: &TcpListener, is_open: bool) -> Result<(), Failure> {
    let address = listener.local_addr().map_err(|error| {
        Stop::new(Code::ListenRefused, format!("the system does not say where: {error}"))
    })?;
    let url = format!("http://{address}");
    if global.json {
        return say(&serde_json::json!({ "listening": url }).to_string());
    }
    say(&format!("listening on {url}"))?;
    note(&example(&url, is_open));
    Ok(())
}

/// Two accounts and a payment, to be pasted into a shell.
fn example(url: &str, is_open: bool) -> String {
    let key = if is_open { "" } else { " -H 'Authorization: Bearer YOUR-KEY'" };
    let post = |path: &str, more: &str, body: &str| {
        format!("curl {url}{path}{key} -H 'Content-Type: application/json'{more} -d '{body}'\n")
    };
    let customer = r#"{"id":"customer:1","currency":"USD","overdraft":"unlimited"}"#;
    let merchant = r#"{"id":"merchant:9","currency":"USD"}"#;
    let payment = concat!(
        r#"{"amount":4999,"currency":"USD","debit_account":"customer:1","#,
        r#""credit_account":"merchant:9"}"#
    );
    [
        "\nTry it; send the last line again, and it is still one payment:\n\n".to_owned(),
        post("/v1/accounts", "", customer),
        post("/v1/accounts", "", merchant),
        post("/v1/payments", " -H 'Idempotency-Key: order-1'", payment),
    ]
    .concat()
}
