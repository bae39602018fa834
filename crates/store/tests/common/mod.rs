//! SQLite as the suite's subject: an item is a payment of one cent under the item's name.

use semel_core::account::Overdraft;
use semel_core::exactly_once::conformance::{Faults, Faulty, Item, Subject};
use semel_core::exactly_once::{Cursor, Decide, Failure};
use semel_core::failure::Stop;
use semel_core::ledger::{self, AccountRequest, Command, Effect, Keys, Snapshot};
use semel_core::mapping::OpenAccounts;
use semel_core::money::Currency;
use semel_core::payment::{Capture, Identity, Pay};
use semel_store::rows::Binding;
use semel_store::sqlite::{Options, Sqlite, SqliteTarget};
use std::path::Path;
use std::time::Duration;
use tempfile::TempDir;

pub mod audit;
pub mod child;
pub mod hand;
pub mod postgres;

/// The sources that the suite names.
const SOURCES: [&str; 3] = ["source", "a", "a/0"];

/// An empty ledger in a new file.
pub struct OnSqlite {
    pub store: Sqlite,
    pub ledger: u32,
    legs: Vec<(String, SqliteTarget)>,
    _dir: TempDir,
}

impl OnSqlite {
    pub async fn empty() -> OnSqlite {
        let dir = tempfile::tempdir().expect("a temporary directory");
        // Claims are granted at once: their deadline has passed when they are made.
        let options = Options { leg_deadline: Duration::ZERO, ..Options::default() };
        let store = Sqlite::open_with(&dir.path().join("semel.db"), options).expect("a new store");
        let ledger = store.ledger("main").await.expect("a new ledger").no;
        let mut legs = Vec::new();
        for source in SOURCES {
            let leg = store.leg(ledger, binding(source)).await.expect("a new source");
            legs.push((source.to_owned(), leg));
        }
        OnSqlite { store, ledger, legs, _dir: dir }
    }
}

/// A store that remembers few keys, so that their generations pass by quickly.
pub fn open(path: &Path) -> Result<Sqlite, Stop> {
    Sqlite::open_with(path, Options { key_generation: 7, ..Options::default() })
}

/// A source of an ingest of the same name.
pub fn binding(source: &str) -> Binding {
    Binding {
        source: source.into(),
        ingest: source.into(),
        file: source.into(),
        mapping: "".into(),
        start: Cursor::START,
    }
}

/// What an item asks for.
pub fn command(name: &str) -> Command {
    let identity = Identity { namespace: "".into(), key: name.into() };
    let open = OpenAccounts { debit: Some(Overdraft::Unlimited), credit: Some(Overdraft::None) };
    let pay = Pay {
        amount: 1,
        currency: Currency::parse("USD"),
        debit_account: "customer:1".into(),
        credit_account: "merchant:1".into(),
        description: None,
        metadata: None,
        metadata_problem: None,
        capture: Capture::Now,
        open,
    };
    Command::Pay(identity, pay)
}

/// An account to be opened.
pub fn account(id: &str) -> Command {
    let currency = Currency::parse("USD").expect("a currency");
    Command::OpenAccount(AccountRequest {
        id: id.into(),
        currency,
        overdraft: Overdraft::Unlimited,
    })
}

impl Subject for OnSqlite {
    type Target = Faulty<SqliteTarget>;

    fn leg(&self, source: &str, faults: Faults) -> Self::Target {
        let found = self.legs.iter().find(|(name, _)| name == source);
        let (_, leg) = found.unwrap_or_else(|| panic!("the suite names the source {source}"));
        Faulty::new(leg.clone(), faults)
    }

    fn door(&self, faults: Faults) -> Self::Target {
        Faulty::new(self.store.door(self.ledger), faults)
    }

    async fn applied(&self) -> Result<Vec<u64>, Failure> {
        let events = self.store.reader().events(self.ledger, 0, usize::MAX)?;
        let names = events.iter().filter_map(|event| event.key.as_deref());
        Ok(names.filter_map(Item::number_in).collect())
    }
}

impl<T> Decide<Item, T> for OnSqlite
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

pub fn commands(items: &[Item]) -> Vec<Command> {
    items.iter().map(|item| command(&item.to_string())).collect()
}
