//! A store's file that has something in every table, and copies of it to be altered.

use indicatif::ProgressBar;
use rusqlite::Connection;
use semel::verify::{Head, Report, audit};
use semel::wiring::{Reader, Store};
use semel_core::account::Overdraft;
use semel_core::dead_letter::Raw;
use semel_core::exactly_once::{Claim, Cursor, Decide, Step, Target, door};
use semel_core::ingest::{Ingest, Item};
use semel_core::ledger::{self, AccountRequest, Command, Keys, Outcome};
use semel_core::mapping::{OpenAccounts, Rejection};
use semel_core::money::Currency;
use semel_core::payment::{Capture, Identity, Operation, Pay};
use semel_core::problem::Code;
use semel_core::reason::Reason;
use semel_store::rows::Binding;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

pub const SOURCE: &str = "file:shop.jsonl";

/// A store in a directory of its own.
pub struct File {
    pub path: PathBuf,
    _dir: TempDir,
}

impl File {
    pub fn new() -> File {
        let dir = tempfile::tempdir().unwrap();
        File { path: dir.path().join("semel.db"), _dir: dir }
    }

    /// A copy whose rows `sql` alters, with no constraint in the way.
    pub fn altered(&self, sql: &str) -> File {
        let copy = File::new();
        std::fs::copy(&self.path, &copy.path).unwrap();
        let conn = Connection::open(&copy.path).unwrap();
        conn.execute_batch("PRAGMA ignore_check_constraints = ON; PRAGMA synchronous = OFF")
            .unwrap();
        conn.execute_batch(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
        assert!(conn.total_changes() > 0, "{sql}: nothing altered");
        copy
    }

    pub fn audit(&self) -> Report {
        self.held_to(&[])
    }

    /// What the auditor tells somebody who holds these.
    pub fn held_to(&self, published: &[Head]) -> Report {
        let reader = Reader::embedded(&self.path).unwrap();
        audit(&reader, None, published, &ProgressBar::hidden()).unwrap()
    }
}

pub fn codes(report: &Report) -> BTreeSet<Code> {
    report.findings.iter().map(|finding| finding.code).collect()
}

/// The store, closed: every key in the index, nothing in the write-ahead log.
pub async fn full() -> File {
    let file = File::new();
    let store = Store::embedded(&file.path).unwrap();
    fill(&store).await;
    store.close().await;
    file
}

/// Two ledgers with every kind of event, an anchor, an ingest with every kind of count.
pub async fn fill(store: &Store) {
    let main = store.ledger("main").await.unwrap().no;
    run(store, main, &[opening("bank", Overdraft::Unlimited), opening("alice", Overdraft::None)])
        .await;
    let mut payments = vec![opening("shop", Overdraft::None)];
    payments.extend((0..1_100).map(|number| pay(&format!("key-{number}"), ["bank", "alice"], 10)));
    payments.push(pay("yacht", ["alice", "shop"], 1_000_000));
    run(store, main, &payments).await;
    let held = Pay { capture: Capture::Later, ..wish(["alice", "shop"], 70) };
    let held =
        [Command::Pay(identity("hotel"), held.clone()), Command::Pay(identity("table"), held)];
    let [hotel, table] = &run(store, main, &held).await[..] else { panic!("two holds") };
    let bread = described("bread");
    let bread = &run(store, main, &[bread]).await[0];
    let operate = |key: &str, to: &Outcome, operation| {
        let Outcome::Recorded { event, .. } = to else { panic!("{key}: {to:?}") };
        Command::Operate(identity(key), event.id(main), operation)
    };
    let operations = [
        operate("checkout", hotel, Operation::Capture(Some(50))),
        operate("sorry", table, Operation::Void),
        operate("stale", bread, Operation::Refund(Some(100))),
    ];
    run(store, main, &operations).await;
    run(store, main, &[pay("rent", ["shop", "bank"], 200)]).await;
    run(store, main, &[operate("sour", bread, Operation::Refund(None))]).await;
    run(
        store,
        main,
        &[opening("brief", Overdraft::Limit(5)), Command::CloseAccount("brief".into())],
    )
    .await;
    import(store, main).await;
    let other = store.ledger("other").await.unwrap().no;
    run(store, other, &[opening("bank", Overdraft::Unlimited), opening("bob", Overdraft::None)])
        .await;
    run(store, other, &[pay("key-1", ["bank", "bob"], 5)]).await;
}

pub async fn run(store: &Store, ledger: u32, commands: &[Command]) -> Vec<Outcome> {
    let target = store.door(ledger);
    let keys = || Keys::of(commands);
    let decide = |snapshot: &_| {
        let decision = ledger::decide(commands, snapshot);
        (decision.outcomes, decision.effects)
    };
    let outcomes =
        door::pass(&target, keys, decide, 1, |_, _| std::future::ready(())).await.unwrap();
    let refused = outcomes.iter().find(|outcome| matches!(outcome, Outcome::Refused(_)));
    assert!(refused.is_none(), "{refused:?}");
    outcomes
}

/// Two payments, one of them declined, a repeat of the first, a conflict with it, and nonsense.
async fn import(store: &Store, ledger: u32) {
    let [source, ingest, file, mapping] = [SOURCE, "shop", "shop.jsonl", ""].map(Into::into);
    let binding = Binding { source, ingest, file, mapping, start: Cursor::START };
    let leg = store.leg(ledger, binding).await.unwrap();
    let contents = [
        Ok(shop("a", 30)),
        Ok(shop("b", 10_000_000)),
        Ok(shop("a", 30)),
        Ok(shop("a", 31)),
        Err(Rejection { reason: Reason::Undecodable, detail: "not JSON".into() }),
    ];
    let item = |(index, content): (usize, _)| {
        let raw = Raw { value: Some(b"{}".to_vec()), ..Raw::default() };
        Item { line: index as u64 + 1, raw, content }
    };
    let items: Vec<Item> = contents.into_iter().enumerate().map(item).collect();
    let logic = Ingest { source: SOURCE.into() };
    let claim = leg.claim().await.unwrap();
    let keys = Decide::<Item, semel_store::sqlite::SqliteTarget>::keys(&logic, &items);
    let step = claim.begin(keys).await.unwrap();
    let effects =
        Decide::<Item, semel_store::sqlite::SqliteTarget>::decide(&logic, &items, step.snapshot());
    step.commit(effects, Cursor { next: 5, ..Cursor::START }).await.unwrap();
}

fn shop(key: &str, amount: i64) -> Command {
    let identity = Identity { namespace: "shop".into(), key: key.into() };
    Command::Pay(identity, wish(["alice", "shop"], amount))
}

fn described(key: &str) -> Command {
    let wish = wish(["alice", "shop"], 300);
    let description = Some("bread".into());
    Command::Pay(identity(key), Pay { description, metadata: Some(r#"{"a":1}"#.into()), ..wish })
}

fn opening(id: &str, overdraft: Overdraft) -> Command {
    let currency = Currency::parse("USD").unwrap();
    Command::OpenAccount(AccountRequest { id: id.into(), currency, overdraft })
}

pub fn pay(key: &str, sides: [&str; 2], amount: i64) -> Command {
    Command::Pay(identity(key), wish(sides, amount))
}

fn identity(key: &str) -> Identity {
    Identity { namespace: "".into(), key: key.into() }
}

fn wish([debit, credit]: [&str; 2], amount: i64) -> Pay {
    Pay {
        amount,
        currency: Currency::parse("USD"),
        debit_account: debit.into(),
        credit_account: credit.into(),
        description: None,
        metadata: None,
        metadata_problem: None,
        capture: Capture::Now,
        open: OpenAccounts::default(),
    }
}

/// Every column of every table that holds rows of ours, as `table.column`.
pub fn columns(path: &Path) -> Vec<String> {
    let conn = Connection::open(path).unwrap();
    let ask = "SELECT t.name || '.' || c.name
        FROM pragma_table_list t JOIN pragma_table_xinfo(t.name) c
        WHERE t.schema = 'main' AND t.type = 'table' AND c.hidden = 0
            AND t.name NOT LIKE 'sqlite_%' AND t.name NOT LIKE 'refinery_%'";
    let mut ask = conn.prepare(ask).unwrap();
    let columns = ask.query_map([], |row| row.get(0)).unwrap();
    columns.map(Result::unwrap).collect()
}
