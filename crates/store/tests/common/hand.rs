//! A store in a test's hands: requests through a door, items through a leg, the log proved after.

use super::{command, open};
use rusqlite::Connection;
use semel_core::account::Account;
use semel_core::event::{Event, Kind};
use semel_core::exactly_once::{Claim, Cursor, Failure, Step, Target};
use semel_core::ledger::{Command, Decision, Keys, Outcome, Position, decide};
use semel_core::movement::Movement;
use semel_core::problem::Code;
use semel_store::sqlite::{Reader, Sqlite, SqliteClaim};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A new store with one ledger: where it is, itself, the ledger's number.
pub async fn shop() -> (TempDir, PathBuf, Sqlite, u32) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let path = dir.path().join("semel.db");
    let store = open(&path).expect("a new store");
    let ledger = store.ledger("main").await.expect("a new ledger").no;
    (dir, path, store, ledger)
}

/// The store's file, as somebody with a database shell has it.
pub fn sql(path: &Path) -> Connection {
    Connection::open(path).expect("a file that can be opened")
}

/// One number.
pub fn number(path: &Path, ask: &str) -> i64 {
    sql(path).query_row(ask, [], |row| row.get(0)).expect("one number")
}

/// One step at the door of a ledger.
pub async fn ask(
    store: &Sqlite,
    ledger: u32,
    commands: &[Command],
) -> Result<Vec<Outcome>, Failure> {
    let step = store.door(ledger).claim().await?.begin(Keys::of(commands)).await?;
    let Decision { outcomes, effects } = decide(commands, step.snapshot());
    step.commit(effects, Cursor::START).await?;
    Ok(outcomes)
}

/// Pay one cent under `key`: the event, and whether it was there before.
pub async fn pay(store: &Sqlite, ledger: u32, key: &str) -> Result<(Event, bool), Failure> {
    let outcomes = ask(store, ledger, &[command(key)]).await?;
    Ok(recorded(&outcomes[0]))
}

/// What a payment's outcome recorded, and whether before.
pub fn recorded(outcome: &Outcome) -> (Event, bool) {
    match outcome {
        Outcome::Recorded { event, replayed } => ((**event).clone(), *replayed),
        other => panic!("not recorded: {other:?}"),
    }
}

/// One step of a leg: a payment for each of `keys`, which are as many items of the source.
pub async fn take(claim: SqliteClaim, keys: &[&str]) -> Result<SqliteClaim, Failure> {
    let Cursor { next, tail, .. } = *claim.cursor();
    let to = Cursor { next: next + keys.len() as u64, tail, hint: next };
    let commands: Vec<Command> = keys.iter().map(|key| command(key)).collect();
    let step = claim.begin(Keys::of(&commands)).await?;
    let effects = decide(&commands, step.snapshot()).effects;
    step.commit(effects, to).await
}

/// The named stop that a call ended in.
pub fn stop<T>(result: Result<T, Failure>) -> Code {
    match result {
        Err(Failure::Permanent(stop)) => stop.code,
        Err(other) => panic!("no stop: {other}"),
        Ok(_) => panic!("no stop: it went well"),
    }
}

/// The log, once it is proved: dense, chained up to the ledger's row, and its running totals are
/// the accounts.
pub fn proved(reader: &Reader, ledger: u32) -> Vec<Event> {
    let row = reader.ledgers().unwrap().into_iter().find(|row| row.no == ledger).unwrap();
    let events = reader.events(ledger, 0, usize::MAX).unwrap();
    let (mut tail, mut accounts) = (Position::start(&row.id).tail, BTreeMap::<u64, Account>::new());
    for (event, seq) in events.iter().zip(1..) {
        assert_eq!(event.seq, seq, "the log is dense");
        let mut encoding = Vec::new();
        event.encode(ledger, &mut encoding);
        tail = tail.link(&encoding);
        replay(event, &events, &mut accounts);
    }
    assert_eq!(row.position, Position { next_seq: events.len() as u64 + 1, tail });
    let mut replayed: Vec<Account> = accounts.into_values().collect();
    replayed.sort_by(|one, other| one.id.cmp(&other.id));
    assert_eq!(reader.accounts(ledger, None, usize::MAX).unwrap(), replayed);
    events
}

fn replay(event: &Event, log: &[Event], accounts: &mut BTreeMap<u64, Account>) {
    if event.kind == Kind::AccountOpened {
        let side = event.debit.as_ref().unwrap();
        // What the test's own commands ask for.
        let overdraft = match &*side.id {
            "merchant:1" => semel_core::account::Overdraft::None,
            _ => semel_core::account::Overdraft::Unlimited,
        };
        let account = Account::open(side.no, side.id.clone(), event.currency, overdraft);
        accounts.insert(side.no, account);
    }
    let held = event.reference.map_or(0, |reference| log[reference.seq as usize - 1].amount);
    if let Some(movement) = Movement::of(event.kind, event.amount, held) {
        let [debit, credit] = [&event.debit, &event.credit].map(|side| side.as_ref().unwrap().no);
        let mut debited = accounts.remove(&debit).unwrap();
        let credited = accounts.get_mut(&credit).unwrap();
        movement.apply(&mut debited, credited).expect("totals that fit");
        (debited.last_seq, credited.last_seq) = (event.seq, event.seq);
        accounts.insert(debit, debited);
    }
}
