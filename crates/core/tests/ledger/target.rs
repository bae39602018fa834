//! The store of maps as a target of the pump, and a list as a source: enough to run an ingest.

use crate::block_on::block_on;
use crate::store::Store;
use semel_core::exactly_once::pump::{Ended, pump};
use semel_core::exactly_once::{Batch, Claim, Cursor, Failure, Source, Step, Target};
use semel_core::ingest::{Ingest, Item};
use semel_core::ledger::{Effect, Keys, Snapshot};
use std::mem::take;
use std::sync::{Arc, Mutex};

/// A store that one ingest at a time writes to.
struct Memory {
    store: Arc<Mutex<Store>>,
}

/// The right to write to it.
struct Writer {
    store: Arc<Mutex<Store>>,
    cursor: Cursor,
}

struct Open {
    writer: Writer,
    snapshot: Snapshot,
}

impl Target for Memory {
    type Claim = Writer;

    async fn claim(&self) -> Result<Writer, Failure> {
        Ok(Writer { store: self.store.clone(), cursor: Cursor::START })
    }
}

impl Claim for Writer {
    type Keys = Keys;
    type Step = Open;

    fn cursor(&self) -> &Cursor {
        &self.cursor
    }

    async fn begin(self, keys: Keys) -> Result<Open, Failure> {
        let snapshot = self.store.lock().unwrap().snapshot(keys);
        Ok(Open { writer: self, snapshot })
    }
}

impl Step for Open {
    type Claim = Writer;
    type Snapshot = Snapshot;
    type Effect = Effect;

    fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    async fn commit(self, effects: Vec<Effect>, to: Cursor) -> Result<Writer, Failure> {
        self.writer.store.lock().unwrap().take(effects);
        Ok(Writer { cursor: to, ..self.writer })
    }
}

/// Each item once, at most `limit` a step.
struct Items(Vec<Item>);

impl Source for Items {
    type Item = Item;

    async fn read(&mut self, from: &Cursor, limit: usize) -> Result<Option<Batch<Item>>, Failure> {
        let rest = self.0.split_off(limit.min(self.0.len()));
        let items = std::mem::replace(&mut self.0, rest);
        let to = Cursor { next: from.next + items.len() as u64, ..*from };
        Ok((!items.is_empty()).then_some(Batch { items, to }))
    }
}

/// Carry `items` into `store` as the ingest of `source`.
pub fn ingest(store: &mut Store, source: &str, items: Vec<Item>, limit: usize) {
    let memory = Memory { store: Arc::new(Mutex::new(take(store))) };
    let logic = Ingest { source: source.into() };
    let mut items = Items(items);
    let ended = block_on(pump(&mut items, &memory, &logic, limit, |_, _| async {}));
    assert!(matches!(ended, Ended::Done), "{ended:?}");
    *store = take(&mut memory.store.lock().unwrap());
}
