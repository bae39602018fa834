//! PostgreSQL as the suite's subject, in a database of its own on a real server.

use super::{binding, commands};
use semel_core::exactly_once::conformance::{Faults, Faulty, Item, Subject};
use semel_core::exactly_once::{Decide, Failure};
use semel_core::ledger::{self, Effect, Keys, Snapshot};
use semel_store::postgres::{Form, Options, Postgres, PostgresTarget};
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio_postgres::{Client, NoTls};

/// A session of the test's own, beside all that is tested.
pub async fn session(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.expect("the server is up");
    tokio::spawn(connection);
    client
}

/// A new database on the server at `url`, which names another one; its URL.
pub async fn database(url: &str) -> String {
    static MADE: AtomicU32 = AtomicU32::new(0);
    let number = MADE.fetch_add(1, Ordering::Relaxed);
    let admin = session(url).await;
    if number == 0 {
        sweep(&admin).await;
    }
    let name = format!("{PREFIX}{}_{number}", std::process::id());
    // One that a former process of the same number left.
    admin.execute(&format!("DROP DATABASE IF EXISTS {name} (FORCE)"), &[]).await.unwrap();
    admin.execute(&format!("CREATE DATABASE {name}"), &[]).await.unwrap();
    let (server, _) = url.rsplit_once('/').expect("a URL with a database");
    format!("{server}/{name}")
}

/// What the names of all databases begin with that tests make; the process comes next.
const PREFIX: &str = "semel_test_";

/// Drop what tests left here whose processes have ended.
async fn sweep(admin: &Client) {
    const ALL: &str = "SELECT datname FROM pg_database WHERE starts_with(datname, $1)";
    for row in admin.query(ALL, &[&PREFIX]).await.unwrap() {
        let name: String = row.get(0);
        let process = name[PREFIX.len()..].split('_').next().unwrap_or_default();
        // Where nothing tells who runs, everybody may.
        let proc = Path::new("/proc");
        if proc.join("self").exists() && !proc.join(process).exists() {
            // Another process may be faster.
            let _ = admin.execute(&format!("DROP DATABASE IF EXISTS {name} (FORCE)"), &[]).await;
        }
    }
}

/// The sources that the suite names.
const SOURCES: [&str; 3] = ["source", "a", "a/0"];

/// An empty ledger in a new database.
pub struct OnPostgres {
    pub store: Postgres,
    pub ledger: u32,
    pub url: String,
    legs: Vec<(String, PostgresTarget)>,
}

impl OnPostgres {
    pub async fn empty(server: String, form: Form) -> OnPostgres {
        let url = database(&server).await;
        // Claims are granted at once: their deadline has passed when they are made.
        let options = Options { leg_deadline: Duration::ZERO, form, ..Options::default() };
        let store = Postgres::open_with(&url, options).await.expect("a new store");
        let ledger = store.ledger("main").await.expect("a new ledger").no;
        let mut legs = Vec::new();
        for source in SOURCES {
            let leg = store.leg(ledger, binding(source)).await.expect("a new source");
            legs.push((source.to_owned(), leg));
        }
        OnPostgres { store, ledger, url, legs }
    }
}

impl Subject for OnPostgres {
    type Target = Faulty<PostgresTarget>;

    fn leg(&self, source: &str, faults: Faults) -> Self::Target {
        let found = self.legs.iter().find(|(name, _)| name == source);
        let (_, leg) = found.unwrap_or_else(|| panic!("the suite names the source {source}"));
        Faulty::new(leg.clone(), faults)
    }

    fn door(&self, faults: Faults) -> Self::Target {
        Faulty::new(self.store.door(self.ledger), faults)
    }

    async fn applied(&self) -> Result<Vec<u64>, Failure> {
        const ASK: &str = "SELECT key FROM event WHERE key IS NOT NULL ORDER BY pos";
        let rows = session(&self.url).await.query(ASK, &[]).await.expect("the server is up");
        Ok(rows.iter().filter_map(|row| Item::number_in(row.get(0))).collect())
    }
}

impl<T> Decide<Item, T> for OnPostgres
where
    T: semel_core::exactly_once::Target,
    T::Claim: semel_core::exactly_once::Claim<Keys = Keys>,
    semel_core::exactly_once::StepOf<T>:
        semel_core::exactly_once::Step<Snapshot = Snapshot, Effect = Effect>,
{
    fn keys(&self, items: &[Item]) -> Keys {
        Keys::of(&commands(items))
    }

    fn decide(&self, items: &[Item], snapshot: &Snapshot) -> Vec<Effect> {
        ledger::decide(&commands(items), snapshot).effects
    }
}
