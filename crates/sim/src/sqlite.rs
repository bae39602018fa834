//! The real SQLite store, on files, in the simulated world: one process at a time, as it is.
//!
//! The store's own thread does its work at once while the world stands still, so nothing depends on
//! how quick it is. When the process dies, its files are copied as they are at that moment and the
//! next process opens the copy; what was written behind the last commit that anybody was told of
//! may be torn off anywhere.
//! Deliberately absent: another server to take over, and a disk that is full (the store's own tests
//! have one).

mod target;

use crate::copy;
use crate::evidence::{self, Evidence};
use crate::fate::{Moment, Server};
use crate::faults::Fault;
use crate::model::clock;
use crate::net::Net;
use crate::store::Backend;
use semel_core::account::Account;
use semel_core::event::Event;
use semel_core::exactly_once::Cursor;
use semel_store::sqlite::{Options, Reader, Sqlite};
use std::fs::{self, File};
use std::path::PathBuf;
use std::pin::pin;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Duration;
use target::FileStore;
use tempfile::TempDir;

/// Where the store lives, and how often it has moved.
pub struct OnFiles {
    net: Net,
    ledgers: Vec<String>,
    clock_offset: Arc<AtomicI64>,
    disk: Arc<Mutex<Disk>>,
}

struct Disk {
    dir: TempDir,
    /// How often a process died.
    moves: u64,
    /// How long the write-ahead log was before the last commit, if nobody was told of that yet.
    untold: Option<u64>,
}

impl Disk {
    fn path(&self) -> PathBuf {
        self.dir.path().join(format!("{}.db", self.moves))
    }

    fn log(&self, moves: u64) -> PathBuf {
        self.dir.path().join(format!("{moves}.db-wal"))
    }

    fn log_length(&self) -> u64 {
        fs::metadata(self.log(self.moves)).map_or(0, |file| file.len())
    }
}

impl OnFiles {
    /// A store with those ledgers, in a directory of its own; in memory where the machine has one.
    pub fn new(net: &Net, ledgers: &[String]) -> OnFiles {
        let memory = PathBuf::from("/dev/shm");
        let parent = if memory.is_dir() { memory } else { std::env::temp_dir() };
        let dir = TempDir::with_prefix_in("semel-sim-", parent).expect("a temporary directory");
        let disk = Disk { dir, moves: 0, untold: None };
        OnFiles {
            net: net.clone(),
            ledgers: ledgers.to_vec(),
            clock_offset: Arc::default(),
            disk: Arc::new(Mutex::new(disk)),
        }
    }

    fn reader(&self) -> Reader {
        let path = self.disk.lock().expect("nobody panics while holding it").path();
        Reader::open(&path).expect("the store is there")
    }
}

/// Wait for the store's own thread while the world stands still.
fn at_once<F: Future>(future: F) -> F::Output {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Unpark>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(done) => return done,
            Poll::Pending => thread::park(),
        }
    }
}

impl Backend for OnFiles {
    type Store = FileStore;

    fn open(&self) -> FileStore {
        let (world, offset) = (self.net.world.clone(), self.clock_offset.clone());
        let options = Options {
            clock: Arc::new(move || clock(&world, offset.load(Ordering::Relaxed))),
            key_generation: 100,
            ..Options::default()
        };
        let path = self.disk.lock().expect("nobody panics while holding it").path();
        let store = Sqlite::open_with(&path, options).expect("the copy of a store is a store");
        for ledger in &self.ledgers {
            at_once(store.ledger(ledger)).expect("a ledger is made or found");
        }
        FileStore {
            net: self.net.clone(),
            disk: self.disk.clone(),
            store,
            turn: Arc::default(),
            moves: self.disk.lock().expect("nobody panics while holding it").moves,
        }
    }

    fn crash(&self) {
        let mut disk = self.disk.lock().expect("nobody panics while holding it");
        let (from, log) = (disk.path(), disk.log(disk.moves));
        disk.moves += 1;
        fs::copy(&from, disk.path()).expect("the store's file is there");
        if !log.exists() {
            return;
        }
        let copy = disk.log(disk.moves);
        fs::copy(&log, &copy).expect("the log was there a moment ago");
        let (told, length) = (disk.untold.take(), disk.log_length());
        let told = told.unwrap_or(length);
        if told < length && self.net.faults.planned().rate(Fault::StoreTorn) > 0 {
            let kept = told + self.net.world.below(length - told);
            let file = File::options().write(true).open(&copy).expect("it was just made");
            file.set_len(kept).expect("a file can be cut");
            self.net.faults.happened(Fault::StoreTorn);
        }
    }

    fn tell(&self, evidence: &mut Evidence) {
        let reader = self.reader();
        let audit = reader.audit().expect("the store can be read");
        for ledger in reader.ledgers().expect("the store can be read") {
            let events = self.events(ledger.no);
            let mut accounts: Vec<Account> = Vec::new();
            audit
                .accounts(ledger.no, |account| accounts.extend(account.ok()))
                .expect("the store can be read");
            let anchors = audit.anchors(ledger.no).expect("the store can be read");
            let anchors = anchors.into_iter().flatten().map(|(seq, hash)| (seq, hash.0)).collect();
            let events = events.iter().map(|event| &**event);
            let rows =
                copy::ledger(ledger.no, &ledger.id, &ledger.position, events, accounts.iter());
            evidence.ledgers.push(evidence::Ledger { anchors, ..rows });
            let filter = Default::default();
            let letters = reader.letters(ledger.no, &filter, 0, usize::MAX >> 1);
            for letter in letters.expect("the store can be read").rows {
                // Sources are named after files here.
                evidence.letters.push(copy::letter(&letter.file, letter.line, letter.reason));
            }
        }
        for (ledger, leg) in audit.sources().expect("the store can be read").legs {
            let cursor = reader.cursor(&leg.source).expect("the store can be read");
            let cursor = cursor.expect("a leg that was read is there");
            let ledger = u32::try_from(ledger).expect("it is a ledger's number");
            evidence.legs.push(copy::leg(&leg.source, ledger, &cursor, &leg.counts));
        }
    }

    fn cursor(&self, source: &str) -> Option<Cursor> {
        self.reader().cursor(source).expect("the store can be read")
    }

    fn events(&self, ledger: u32) -> Vec<Arc<Event>> {
        let events = self.reader().events(ledger, 0, usize::MAX >> 1);
        events.expect("the store can be read").into_iter().map(Arc::new).collect()
    }
}

impl Server for OnFiles {
    fn fail_over(&self, _: usize) -> Option<usize> {
        None
    }

    fn is(&self, moment: Moment) -> bool {
        let untold = self.disk.lock().expect("nobody panics while holding it").untold;
        moment == Moment::CursorMoved || untold.is_some()
    }

    fn step_clock(&self, by: i64) {
        self.clock_offset.fetch_add(by, Ordering::Relaxed);
    }

    fn fill(&self, _: Duration) {}

    fn alter(&self) -> bool {
        false
    }
}
