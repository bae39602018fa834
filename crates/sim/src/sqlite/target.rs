//! A process's handle to the store on files: the law's types and the log, each verb at once and in
//! its turn.

use super::{Disk, at_once};
use crate::faults::Fault;
use crate::net::{Net, SERVER_TIMEOUT};
use crate::store::{Rest, Store};
use crate::world::World;
use semel_core::event::Event;
use semel_core::exactly_once::{Claim, Cursor, Failure, Step, Target};
use semel_core::failure::Stop;
use semel_core::ledger::{Effect, Keys, Snapshot};
use semel_core::problem::Code;
use semel_core::publish::Log;
use semel_core::wire::Link;
use semel_store::rows::Binding;
use semel_store::sqlite::{Reader, Sqlite, SqliteClaim, SqliteStep, SqliteTarget};
use std::sync::{Arc, Mutex, MutexGuard};
use tokio::sync::{Mutex as Lock, OwnedMutexGuard};

/// A process's handle.
#[derive(Clone)]
pub struct FileStore {
    pub(super) net: Net,
    pub(super) disk: Arc<Mutex<Disk>>,
    pub(super) store: Sqlite,
    /// Whose step is open: as in the store's own queue, nobody else's comes between.
    pub(super) turn: Arc<Lock<()>>,
    /// Which of the files it has open.
    pub(super) moves: u64,
}

impl FileStore {
    /// Wait for one's turn, and for the time that a disk takes.
    async fn turn(&self) -> OwnedMutexGuard<()> {
        let turn = self.turn.clone().lock_owned().await;
        self.net.travel().await;
        turn
    }

    fn world(&self) -> &World {
        &self.net.world
    }

    fn disk(&self) -> MutexGuard<'_, Disk> {
        self.disk.lock().expect("nobody panics while holding it")
    }
}

impl Rest for FileStore {
    /// Rows never lag.
    async fn write_accounts(&self, _: u32) -> Result<(), Failure> {
        Ok(())
    }
}

impl Store for FileStore {
    type Target = FileTarget;
    type Log = FileLog;

    fn door(&self, ledger: u32) -> FileTarget {
        FileTarget { store: self.clone(), target: self.store.door(ledger) }
    }

    async fn leg(&self, ledger: u32, binding: Binding) -> Result<FileTarget, Failure> {
        let _turn = self.turn().await;
        let target = at_once(self.store.leg(ledger, binding))?;
        Ok(FileTarget { store: self.clone(), target })
    }

    fn log(&self, ledger: u32) -> FileLog {
        let (net, disk) = (self.net.clone(), self.disk.clone());
        FileLog { net, disk, reader: self.store.reader().clone(), ledger }
    }

    async fn is_rewound(&self) -> Result<bool, Failure> {
        Ok(false)
    }

    async fn adopt(&self) -> Result<(), Failure> {
        Ok(())
    }
}

/// A leg or a door.
pub struct FileTarget {
    store: FileStore,
    target: SqliteTarget,
}

/// A claim.
pub struct FileClaim {
    store: FileStore,
    claim: SqliteClaim,
}

/// An open step.
pub struct FileStep {
    store: FileStore,
    step: SqliteStep,
    turn: OwnedMutexGuard<()>,
    begun: u64,
}

impl Target for FileTarget {
    type Claim = FileClaim;

    async fn claim(&self) -> Result<FileClaim, Failure> {
        let _turn = self.store.turn().await;
        let claim = at_once(self.target.claim())?;
        Ok(FileClaim { store: self.store.clone(), claim })
    }
}

impl Claim for FileClaim {
    type Keys = Keys;
    type Step = FileStep;

    fn cursor(&self) -> &Cursor {
        self.claim.cursor()
    }

    async fn begin(self, keys: Keys) -> Result<FileStep, Failure> {
        let FileClaim { store, claim } = self;
        let turn = store.turn().await;
        let step = at_once(claim.begin(keys))?;
        let begun = store.world().now();
        Ok(FileStep { store, step, turn, begun })
    }
}

impl Step for FileStep {
    type Claim = FileClaim;
    type Snapshot = Snapshot;
    type Effect = Effect;

    fn snapshot(&self) -> &Snapshot {
        self.step.snapshot()
    }

    async fn commit(self, effects: Vec<Effect>, to: Cursor) -> Result<FileClaim, Failure> {
        let FileStep { store, step, turn, begun } = self;
        store.net.travel().await;
        if (SERVER_TIMEOUT.as_micros() as u64) < store.world().now() - begun {
            store.net.faults.happened(Fault::StepIdle);
            drop((step, turn));
            return Err(Failure::Retryable("the step lay open for too long".into()));
        }
        if store.net.faults.strikes(Fault::CommitRequestLost) {
            drop((step, turn));
            return Err(Failure::Retryable("the step was dropped".into()));
        }
        let before = store.disk().log_length();
        let committed = at_once(step.commit(effects, to));
        if store.disk().moves == store.moves {
            store.disk().untold = Some(before);
        }
        store.net.travel().await;
        store.disk().untold = None;
        drop(turn);
        if store.net.faults.strikes(Fault::CommitAnswerLost) {
            return Err(Failure::Unknown("the answer was lost".into()));
        }
        Ok(FileClaim { claim: committed?, store })
    }
}

/// A ledger's log.
#[derive(Clone)]
pub struct FileLog {
    net: Net,
    disk: Arc<Mutex<Disk>>,
    reader: Reader,
    ledger: u32,
}

impl FileLog {
    /// Wait for one's read. What can be read is on the disk and cannot be torn any more.
    async fn turn(&self) {
        self.net.travel().await;
        self.disk.lock().expect("nobody panics while holding it").untold = None;
    }
}

fn there<T>(found: Option<T>) -> Result<T, Failure> {
    found.ok_or_else(|| Stop::new(Code::NotFound, "there is no such ledger").into())
}

impl Log for FileLog {
    async fn events(&self, after: u64, limit: usize) -> Result<Vec<Event>, Failure> {
        self.turn().await;
        self.reader.events(self.ledger, after, limit)
    }

    async fn anchor(&self, at_most: u64) -> Result<Link, Failure> {
        self.turn().await;
        there(self.reader.anchor(self.ledger, at_most)?)
    }

    async fn head(&self) -> Result<Link, Failure> {
        self.turn().await;
        there(self.reader.head(self.ledger)?)
    }

    async fn cursor(&self, source: &str) -> Result<Option<Cursor>, Failure> {
        self.turn().await;
        self.reader.cursor(source)
    }
}
