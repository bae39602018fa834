//! The auditor: replays a ledger's log from the beginning and tells what does not fit. Keeps P7.
//!
//! Everything that a store keeps beside the log can be made again from it: the chain and its
//! anchors, accounts, links, states of payments, counts of ingests, the index of keys. So each is
//! made again and compared, and each event is asked whether the decision that it records was the
//! right one when it was taken.
//!
//! What it cannot know by itself: an event altered together with every hash behind it. Whoever
//! holds a hash that was published before then hands it in, because the chain at that seq is
//! another one now.
//!
//! Memory grows with accounts and with payments that later events refer to, never with the log.
//! Deliberately absent: reading (rows are handed in, in the order of the log), mending, and what
//! only helps to read an event: an account's id beside its number, a payment's time beside its seq.

mod accounts;
mod chain;
mod counts;
mod events;
mod findings;
mod keys;
mod references;
mod shape;
mod sum;

pub use counts::{Leg, Taken, compare as compare_counts};
pub use findings::{Finding, Findings};
pub use keys::{Keys, Named, Slot};
pub use references::References;

use crate::Text;
use crate::account::Account;
use crate::chain::Hash;
use crate::event::Event;
use crate::ledger::Position;
use crate::payment::State;
use crate::problem::Code;
use accounts::Accounts;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use chain::Chain;
use core::ops::Range;

/// A ledger's log on its way through the auditor.
pub struct Replay {
    name: Text,
    last_seq: u64,
    chain: Chain,
    accounts: Accounts,
    /// What later events have made of the payments that they refer to.
    referred: BTreeMap<u64, Progress>,
    taken: BTreeMap<Text, Taken>,
    events: u64,
    payments: u64,
    findings: Findings,
}

/// Where a payment stands that a later event referred to.
#[derive(Clone, Copy)]
struct Progress {
    state: State,
    moved: i64,
    refunded: i64,
}

/// What a replay saw, and what did not fit.
#[derive(Debug)]
pub struct Report {
    /// Rows of the log, readable or not.
    pub events: u64,
    /// Events that recorded a payment, declined ones included.
    pub payments: u64,
    /// Accounts that the log opened.
    pub accounts: u64,
    /// Payments by the namespace of their keys.
    pub taken: BTreeMap<Text, Taken>,
    /// What did not fit.
    pub findings: Findings,
}

impl Replay {
    /// Before the first event of the ledger numbered `ledger`, which people call `name`; `anchors`
    /// are all that the store has for it, in any order.
    pub fn new(ledger: u32, name: Text, anchors: impl IntoIterator<Item = (u64, Hash)>) -> Replay {
        let chain = Chain::new(ledger, &name, anchors.into_iter().collect());
        Replay {
            name,
            last_seq: 0,
            chain,
            accounts: Accounts::default(),
            referred: BTreeMap::new(),
            taken: BTreeMap::new(),
            events: 0,
            payments: 0,
            findings: Findings::default(),
        }
    }

    /// Hold the log to hashes that were published: each with the seq of the event after which it
    /// was the chain's, in any order, and seq 0 for a log that was empty.
    #[must_use]
    pub fn hold_to(mut self, published: impl IntoIterator<Item = (u64, Hash)>) -> Replay {
        let misfits = self.chain.hold_to(published.into_iter().collect());
        self.found_all(misfits);
        self
    }

    /// Take the next row of the log; `payment` is the row that it refers to, if that is there.
    ///
    /// Rows come in the order of their seqs. After a misfit the replay goes on with what the row
    /// says, so that one altered row is told once and not again at each row behind it.
    pub fn feed(&mut self, event: &Event, payment: Option<&Event>) {
        self.place(event.seq);
        let misfits = self.chain.link(event);
        self.found_all(misfits);
        if let Some(fault) = shape::fault(event) {
            self.found(Code::RowUnreadable, Some(event.seq), || fault.into());
        }
        if event.kind.is_payment() {
            self.payments += 1;
            self.take(event);
        }
        self.apply(event, payment);
    }

    /// Take the next row of the log, which holds something that no event can be made of.
    pub fn unreadable(&mut self, seq: u64, why: &str) {
        self.place(seq);
        self.lose(seq..seq + 1);
        self.found(Code::RowUnreadable, Some(seq), || why.into());
    }

    /// Compare what the log made with what the store keeps: its accounts, each once and in any
    /// order, and the end of its log.
    pub fn finish(
        mut self,
        accounts: impl IntoIterator<Item = Account>,
        position: Position,
    ) -> Report {
        let Position { next_seq, tail } = position;
        if next_seq != self.last_seq + 1 {
            let last = self.last_seq;
            self.found(Code::LogGap, None, || {
                format!("the log ends at event {last}, but the next one would be {next_seq}")
            });
        }
        let misfits = core::mem::take(&mut self.chain).close(self.last_seq, tail);
        self.found_all(misfits);
        let replayed = core::mem::take(&mut self.accounts);
        let count = replayed.len() as u64;
        replayed.compare(accounts, |code, detail| self.found(code, None, detail));
        let Replay { events, payments, taken, findings, .. } = self;
        Report { events, payments, accounts: count, taken, findings }
    }

    /// Density: each seq is the one before it and one more.
    fn place(&mut self, seq: u64) {
        self.events += 1;
        let expected = self.last_seq + 1;
        if seq > expected {
            self.lose(expected..seq);
            self.found(Code::LogGap, None, || match seq - expected {
                1 => format!("event {expected} is missing"),
                _ => format!("events {expected} to {} are missing", seq - 1),
            });
        } else if seq < expected {
            self.found(Code::LogGap, Some(seq), || {
                format!("it comes after event {}", expected - 1)
            });
        }
        self.last_seq = self.last_seq.max(seq);
    }

    fn lose(&mut self, seqs: Range<u64>) {
        let misfits = self.chain.lose(seqs);
        self.found_all(misfits);
    }

    fn take(&mut self, event: &Event) {
        // Looked up before it is inserted, so that the name is not copied each time.
        if !self.taken.contains_key(&event.namespace) {
            self.taken.insert(event.namespace.clone(), Taken::default());
        }
        let taken = self.taken.get_mut(&event.namespace).expect("it was put there");
        match event.decline {
            Some(_) => taken.declined += 1,
            None => taken.succeeded += 1,
        }
    }

    fn found_all(&mut self, misfits: Vec<Finding>) {
        for Finding { code, detail } in misfits {
            self.found(code, None, || detail);
        }
    }

    fn found(&mut self, code: Code, seq: Option<u64>, detail: impl FnOnce() -> String) {
        let Replay { name, findings, .. } = self;
        findings.add(code, || match seq {
            Some(seq) => format!("ledger {name}: event {seq}: {}", detail()),
            None => format!("ledger {name}: {}", detail()),
        });
    }
}
