//! Servers, databases and roles that are not fit for a store, each refused by name; and several
//! hosts, of which one will do.

use super::load::pace;
use super::{Code, Shop, pay, session, store};
use crate::common::postgres::database;
use semel_core::failure::{Failure, Stop};
use semel_servers::private;
use semel_store::postgres::{Postgres, Reader};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::time::Duration;
use tokio::time::timeout;

/// Longer than a server takes to read its settings again.
const PATIENCE: Duration = Duration::from_secs(30);

/// The stop that opening ends in, once the server has read its settings.
pub async fn refused(url: &str) -> Stop {
    let refused = async {
        loop {
            match Postgres::open(url).await {
                Err(Failure::Permanent(stop)) => return stop,
                Err(other) => panic!("no stop: {other}"),
                Ok(_) => pace().await,
            }
        }
    };
    timeout(PATIENCE, refused).await.expect("it is not let through")
}

/// Opening goes well, once the server has read its settings.
pub async fn accepted(url: &str) -> Postgres {
    let accepted = async {
        loop {
            match Postgres::open(url).await {
                Ok(store) => return store,
                Err(_) => pace().await,
            }
        }
    };
    timeout(PATIENCE, accepted).await.expect("it is let through in the end")
}

/// `url`, for another user or database.
pub fn with(url: &str, user: &str, database: &str) -> String {
    let (server, _) = url.rsplit_once('/').unwrap();
    format!("{}/{database}", server.replacen("semel@", &format!("{user}@"), 1))
}

/// What is set, how it is set back, and what the store says of it.
#[rustfmt::skip]
const SETTINGS: [(&str, &str, &str); 4] = [
    ("ALTER SYSTEM SET synchronous_commit = off",
        "ALTER SYSTEM RESET synchronous_commit",
        "synchronous_commit is off"),
    ("ALTER DATABASE {} SET synchronous_commit = off",
        "ALTER DATABASE {} RESET synchronous_commit",
        "synchronous_commit is off"),
    ("ALTER ROLE semel SET synchronous_commit = local",
        "ALTER ROLE semel RESET synchronous_commit",
        "synchronous_commit is local"),
    ("ALTER SYSTEM SET fsync = off",
        "ALTER SYSTEM RESET fsync",
        "fsync is off"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_set_wrongly_is_refused_by_name() {
    let Some(server) = private(&[]) else { return };
    let shop = Shop::on(&server.url("postgres")).await;
    let name = shop.url.rsplit_once('/').unwrap().1;
    for (set, reset, words) in SETTINGS {
        shop.by_hand(&set.replace("{}", name)).await;
        shop.by_hand("SELECT pg_reload_conf()").await;
        let stop = refused(&shop.url).await;
        assert_eq!(stop.code, Code::StoreSettings, "{set}: {stop}");
        assert!(stop.detail.contains(words), "{set}: {stop}");
        shop.by_hand(&reset.replace("{}", name)).await;
        shop.by_hand("SELECT pg_reload_conf()").await;
        accepted(&shop.url).await;
    }
    passwords(&server, &shop).await;
    shop.by_hand(&format!("ALTER DATABASE {name} SET default_transaction_read_only = on")).await;
    assert_eq!(refused(&shop.url).await.code, Code::StoreReadOnly);
}

/// A role gets in by its password alone.
async fn passwords(server: &semel_servers::Postgres, shop: &Shop) {
    const HBA: &str =
        "local all all trust\nhost all semel all trust\nhost all all all scram-sha-256\n";
    let name = shop.url.rsplit_once('/').unwrap().1;
    shop.by_hand("CREATE ROLE payer LOGIN SUPERUSER PASSWORD 'right'").await;
    server.write("pg_hba.conf", HBA).unwrap();
    server.reload().unwrap();
    for (user, words) in [("payer:wrong", "28P01"), ("payer", "password"), ("payer:", "28P01")] {
        let stop = refused(&with(&shop.url, user, name)).await;
        assert_eq!(stop.code, Code::StoreRefused, "{user}: {stop}");
        assert!(stop.detail.contains(words), "{user}: {stop}");
    }
    accepted(&with(&shop.url, "payer:right", name)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn databases_that_are_no_stores_are_refused_by_name() {
    let Some(shop) = Shop::open().await else { return };
    let name = shop.url.rsplit_once('/').unwrap().1;
    let stop = refused(&with(&shop.url, "semel", "nowhere")).await;
    assert_eq!(stop.code, Code::StoreRefused, "{stop}");

    let latin = format!("{name}_latin");
    let made = "TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'";
    shop.by_hand(&format!("CREATE DATABASE {latin} {made}")).await;
    let stop = refused(&with(&shop.url, "semel", &latin)).await;
    assert_eq!(stop.code, Code::StoreSettings, "{stop}");
    assert!(stop.detail.contains("LATIN1"), "{stop}");

    // Another program's, with a table of the same name.
    let theirs = database(&shop.url).await;
    let shell = session(&theirs).await;
    shell.batch_execute("CREATE TABLE event (n int); INSERT INTO event VALUES (1)").await.unwrap();
    for _ in 0..2 {
        let stop = refused(&theirs).await;
        assert_eq!(stop.code, Code::StoreCorrupt, "{stop}");
        assert!(stop.detail.contains("not empty"), "{stop}");
    }
    let kept = shell.query_one("SELECT n, to_regclass('ledger') IS NULL FROM event", &[]).await;
    assert_eq!(kept.map(|row| (row.get(0), row.get(1))).unwrap(), (1, true), "nothing was changed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_role_needs_its_rights_and_no_more() {
    let Some(shop) = Shop::open().await else { return };
    let name = shop.url.rsplit_once('/').unwrap().1;
    let [poor, owner] = ["poor", "owner"].map(|role| format!("{name}_{role}"));
    for role in [&poor, &owner] {
        // One that a former process of the same number left will do.
        let _exists = shop.shell.batch_execute(&format!("CREATE ROLE {role} LOGIN")).await;
    }
    let empty = database(&shop.url).await;
    let empty_name = empty.rsplit_once('/').unwrap().1.to_owned();
    for database in [name, &empty_name] {
        let stop = refused(&with(&shop.url, &poor, database)).await;
        assert_eq!(stop.code, Code::StoreRefused, "{stop}");
        assert!(stop.detail.contains("42501"), "{stop}");
    }
    // Whoever owns the database needs no other right.
    shop.by_hand(&format!("ALTER DATABASE {empty_name} OWNER TO {owner}")).await;
    let own = with(&shop.url, &owner, &empty_name);
    let store = store(&own).await;
    let ledger = store.ledger("main").await.unwrap().no;
    assert!(!pay(&store, ledger, "a").await.unwrap().1);
    // One that may only read may not pay, and is told what has to be granted.
    let owners = session(&empty).await;
    let grant = format!("GRANT SELECT ON ALL TABLES IN SCHEMA public TO {poor}");
    owners.batch_execute(&grant).await.unwrap();
    let theirs = with(&shop.url, &poor, &empty_name);
    assert_eq!(Reader::open(&theirs).await.unwrap().ledgers().unwrap().len(), 1);
    let stop = refused(&theirs).await;
    assert_eq!(stop.code, Code::StoreRefused);
    assert!(stop.detail.contains(&format!("GRANT INSERT ON event TO {poor}")), "{stop}");
    owners.batch_execute(&stop.detail).await.unwrap();
    let granted = accepted(&theirs).await;
    assert!(!pay(&granted, ledger, "b").await.unwrap().1);
    owners.batch_execute(&format!("REVOKE INSERT ON event FROM {poor}")).await.unwrap();
    assert_eq!(super::stop(pay(&granted, ledger, "c").await), Code::StoreRefused);
    assert!(pay(&store, ledger, "a").await.unwrap().1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_several_hosts_one_will_do() {
    let Some(shop) = Shop::open().await else { return };
    // Nobody listens there any more.
    let dead = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for [first, second] in [[true, false], [false, true]] {
        let (host, name) = shop.url.split_once('@').unwrap().1.split_once('/').unwrap();
        let dead = dead.to_string();
        let hosts = [first, second].map(|lives| if lives { host } else { &dead });
        let url = format!("postgres://semel@{}/{name}", hosts.join(","));
        let store = store(&url).await;
        let key = format!("{first}");
        assert!(!pay(&store, shop.ledger, &key).await.unwrap().1);
    }
    assert_eq!(shop.keys().await, ["true", "false"]);
    let nobody = format!("postgres://semel@{dead}/postgres");
    assert!(matches!(Postgres::open(&nobody).await, Err(Failure::Retryable(_))));
}

/// As PgBouncer answers to a parameter that it would have to set for each client.
fn pooler(listener: &TcpListener) -> std::io::Result<()> {
    let (mut client, _) = listener.accept()?;
    let mut length = [0; 4];
    client.read_exact(&mut length)?;
    let mut startup = vec![0; u32::from_be_bytes(length) as usize - 4];
    client.read_exact(&mut startup)?;
    let asks = |text: &[u8]| startup.windows(text.len()).any(|some| some == text);
    assert!(asks(b"options\0"), "a session's settings come with its start");
    let fields = b"SFATAL\0VFATAL\0C08P01\0Munsupported startup parameter: options\0\0";
    client.write_all(b"E")?;
    client.write_all(&(fields.len() as u32 + 4).to_be_bytes())?;
    client.write_all(fields)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pooler_that_shares_sessions_is_refused_by_name() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("postgres://semel@{}/shop", listener.local_addr().unwrap());
    let pooler = tokio::task::spawn_blocking(move || pooler(&listener));
    let stop = refused(&url).await;
    assert_eq!(stop.code, Code::StoreSettings, "{stop}");
    assert!(stop.detail.contains("startup parameter"), "{stop}");
    pooler.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_takes_no_writes_is_told_to_readers_too() {
    let Some(shop) = Shop::open().await else { return };
    drop(store(&shop.url).await);
    let (_, name) = shop.url.rsplit_once('/').unwrap();
    shop.by_hand(&format!("ALTER DATABASE {name} SET default_transaction_read_only = on")).await;
    assert_eq!(refused(&shop.url).await.code, Code::StoreReadOnly);
    let Err(Failure::Permanent(stop)) = Reader::open(&shop.url).await else { panic!("no stop") };
    assert_eq!(stop.code, Code::StoreReadOnly);
}
