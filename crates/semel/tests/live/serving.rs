//! Servers on one database: whatever becomes of one of them, every payment is there once.

use super::client::{Traffic, ask, open_accounts, pay};
use super::harness::{Place, Server};
use super::line::Line;
use super::{database, signal};
use std::thread;

/// Each is sent by two clients.
const KEYS: usize = 500;
const CLIENTS: usize = 4;

#[test]
fn whatever_becomes_of_one_process_every_payment_is_there_once() {
    let Some((server, url)) = database() else { return };
    let line = Line::to(server.port());
    let far = url.replace(&format!(":{}/", server.port()), &format!(":{}/", line.port()));
    let place = Place::new();
    let serve = |url: &str| place.serve(&["--store", url]);
    let (mut killed, first) = serve(&url);
    let (stopped, second) = serve(&url);
    let (_cut, third) = serve(&far);
    open_accounts(&first);
    let traffic = Traffic::to(vec![first, second, third]);
    thread::scope(|scope| {
        for client in 0..CLIENTS {
            let traffic = &traffic;
            let half = client / 2;
            let keys = (0..KEYS).map(move |number| format!("order-{half}-{number}"));
            scope.spawn(move || traffic.send(keys, client));
        }
        for _ in 0..3 {
            traffic.wait_for(100);
            killed.0.kill().unwrap();
            killed.0.wait().unwrap();
            traffic.wait_for(50);
            let (again, address) = serve(&url);
            killed = again;
            traffic.move_to(0, address);
        }
        traffic.wait_for(100);
        signal(stopped.0.id(), "STOP");
        traffic.wait_for(120);
        signal(stopped.0.id(), "CONT");
        traffic.wait_for(100);
        line.cut();
        traffic.wait_for(120);
        line.mend();
    });
    assert_eq!(traffic.keys(), KEYS * CLIENTS / 2);
    // All are alive again, and of one mind.
    drop(killed);
    let (_fourth, fourth) = serve(&url);
    let (status, body) = pay(&fourth, "order-0-0").unwrap();
    assert_eq!(status, 201, "{body}");
    let verified = place.json(&["verify", "--store", &url]);
    assert_eq!(verified["ok"], true, "{verified}");
    assert_eq!(verified["payments"], traffic.keys(), "{verified}");
    assert_eq!(credits(&fourth), traffic.keys() as u64);
}

#[test]
fn what_one_process_paid_another_one_shows_at_once() {
    let Some((_server, url)) = database() else { return };
    let place = Place::new();
    let serve = || place.serve(&["--store", &url]);
    let (one, two) = (serve(), serve());
    open_accounts(&one.1);
    let mut paid = 0;
    for number in 0..60 {
        // Now the one pays, now the other; both have accounts in mind that they have not written.
        let [pays, shows] = if number % 3 == 0 { [&two.1, &one.1] } else { [&one.1, &two.1] };
        assert_eq!(pay(pays, &format!("key-{number}")).unwrap().0, 201);
        paid += 1;
        assert_eq!(credits(shows), paid, "payment {number}");
        assert_eq!(listed(shows), paid, "payment {number}");
    }
    // What it had in mind is gone, and was not all that there was.
    let (server, _): (Server, String) = one;
    drop(server);
    assert_eq!(credits(&two.1), paid);
    let three = serve();
    assert_eq!((credits(&three.1), listed(&three.1)), (paid, paid));
}

/// What `merchant:9` was paid.
fn credits(address: &str) -> u64 {
    let (status, body) = ask(address, "GET /v1/accounts/merchant:9", None, "").unwrap();
    assert_eq!(status, 200, "{body}");
    let account: serde_json::Value = serde_json::from_str(&body).unwrap();
    account["posted"]["credits"].as_u64().unwrap()
}

/// The same, as the list of all accounts has it.
fn listed(address: &str) -> u64 {
    let (status, body) = ask(address, "GET /v1/accounts", None, "").unwrap();
    assert_eq!(status, 200, "{body}");
    let accounts: serde_json::Value = serde_json::from_str(&body).unwrap();
    let mut accounts = accounts["data"].as_array().unwrap().iter();
    let found = accounts.find(|account| account["id"] == "merchant:9").unwrap();
    found["posted"]["credits"].as_u64().unwrap()
}
