//! Planted defects: each takes one promise away, as a wrapper around a public trait. The product
//! holds none of them.

use crate::broker::Broker;
use crate::model::memory::{Trust, Used};
use crate::model::{Law, Rules};
use crate::setup::PUBLISHED;
use crate::tampered::{self, Open, Tamper, Tampered};
use semel_core::event::Event;
use semel_core::exactly_once::{Cursor, Failure, Step};
use semel_core::ledger::door::LedgerTarget;
use semel_core::ledger::{Effect, Position};
use semel_core::publish::{Log, Publication};
use semel_core::wire::{Link, Stamp};
use semel_store::resident::{Resident, Stand};
use std::sync::Arc;

/// A defect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Defect {
    NoCompareAndSet,
    NoClaimCheck,
    CursorFirst,
    EffectsFirst,
    UnknownIsNothing,
    SendFromLast,
    NoIdentity,
    NoIdentityAtAll,
    EffectsTwice,
    NoLock,
    ChainUnchecked,
    DroppedCommits,
    MemoryTrusted,
    RowsTrusted,
    AccountsClaimed,
    KeysBelieved,
    RefusedBelieved,
}

/// A defect, its name, within how many seeds it is caught, and the invariants that may catch it:
/// what else breaks is not for this reason.
type Line = (Defect, &'static str, u64, &'static [&'static str]);

impl Defect {
    /// All of them.
    #[rustfmt::skip]
    pub const ALL: &[Line] = &[
        (Defect::NoCompareAndSet, "no compare-and-set", 6_000, &["cursor_jump"]),
        (Defect::NoClaimCheck, "no claim check", 1_000, &["elder_claim"]),
        (Defect::CursorFirst, "cursor committed apart, before the effects", 20, &["item_lost"]),
        (Defect::EffectsFirst, "cursor committed apart, after the effects", 20, &["read_count"]),
        (Defect::UnknownIsNothing, "unknown treated as not done", 50, OUR_DEFECT),
        (Defect::SendFromLast, "send going on from the last record", 100, INCOMPLETE),
        (Defect::NoIdentity, "identity check removed", 10, OUR_DEFECT),
        (Defect::NoIdentityAtAll, "no identity check, nor a unique index", 10, &["key_twice"]),
        (Defect::EffectsTwice, "effects applied twice", 10, OUR_DEFECT),
        (Defect::NoLock, "lock not taken", 20, OUR_DEFECT),
        (Defect::ChainUnchecked, "chain not checked", 1_000, FOREIGN),
        (Defect::DroppedCommits, "a dropped step commits", 200, OUR_DEFECT),
        (Defect::MemoryTrusted, "memory trusted without comparing the stamp", 20, OTHER_ACCOUNTS),
        (Defect::RowsTrusted, "rows trusted because the log is the same", 3_000, OTHER_ACCOUNTS),
        (Defect::AccountsClaimed, "rows of accounts said to have come too far", 20, AHEAD),
        (Defect::KeysBelieved, "keys believed to be new, no unique index", 200, &["key_twice"]),
        (Defect::RefusedBelieved, "keys of refused requests believed to be new", 3_000, REFUSED),
    ];
}

/// The store's constraints stand behind the locks: it stops by a name that no fault explains.
const OUR_DEFECT: &[&str] = &["unexpected_stop", "key_twice", "step_gap", "log_gap"];
/// Accounts are not those of the log.
const OTHER_ACCOUNTS: &[&str] = &["link_broken", "account_differs", "accounts_ahead"];
/// A ledger says of its rows what is not so.
const AHEAD: &[&str] = &["accounts_ahead"];
/// A client is told of a stored request that it was refused.
const REFUSED: &[&str] = &["refused_but_stored", "letter_reason", "letter_twice", "item_lost"];
/// Readers miss what was not sent again.
const INCOMPLETE: &[&str] = &["wire_incomplete", "reader_incomplete", "not_settled"];
/// Readers are told what the log does not hold.
const FOREIGN: &[&str] = &["wire_unknown_event", "wire_stranger", "reader_stranger"];

impl Defect {
    /// Its name for people.
    pub fn name(self) -> &'static str {
        Defect::ALL.iter().find(|(defect, ..)| *defect == self).expect("all are listed").1
    }
}

/// What is planted in a run: mostly nothing. Cheap to clone.
#[derive(Clone, Copy, Debug, Default)]
pub struct Planted(pub Option<Defect>);

impl Planted {
    /// The rules of the store.
    pub fn rules(self) -> Arc<dyn Rules> {
        match self.0 {
            Some(Defect::NoCompareAndSet) => Arc::new(NoCompareAndSet),
            Some(Defect::NoClaimCheck) => Arc::new(NoClaimCheck),
            Some(Defect::NoLock) => Arc::new(NoLock),
            Some(Defect::NoIdentity) => Arc::new(NoIdentity { constrains: true }),
            Some(Defect::NoIdentityAtAll) => Arc::new(NoIdentity { constrains: false }),
            Some(Defect::KeysBelieved) => Arc::new(NoIndex),
            _ => Arc::new(Law),
        }
    }

    /// What processes make of their memory.
    pub fn trust(self) -> Arc<dyn Trust> {
        match self.0 {
            Some(Defect::MemoryTrusted) => Arc::new(Trusted),
            Some(Defect::RowsTrusted) => Arc::new(RowsTrusted),
            Some(Defect::RefusedBelieved) => Arc::new(RefusedBelieved),
            Some(Defect::AccountsClaimed) => Arc::new(Claimed),
            _ => Arc::new(Used),
        }
    }

    /// What publishing reads.
    pub fn log<L: Log>(self, log: L, publication: &Publication, broker: &Broker) -> PlantedLog<L> {
        let (publication, broker) = (publication.clone(), broker.clone());
        PlantedLog { log, publication, broker, defect: self.0 }
    }

    /// What a process writes to.
    pub fn target<T: LedgerTarget>(self, target: T) -> Tampered<T, Tampering> {
        Tampered::new(target, Tampering(self.0))
    }
}

struct NoCompareAndSet;

impl Rules for NoCompareAndSet {
    fn is_at(&self, _: &Cursor, _: &Cursor) -> bool {
        true
    }
}

struct NoClaimCheck;

impl Rules for NoClaimCheck {
    fn is_newest(&self, _: u64, _: u64) -> bool {
        true
    }
}

struct NoLock;

impl Rules for NoLock {
    fn locks(&self) -> bool {
        false
    }
}

struct NoIdentity {
    constrains: bool,
}

impl Rules for NoIdentity {
    fn constrains(&self) -> bool {
        self.constrains
    }

    fn recorded(&self, _: Option<Arc<Event>>) -> Option<Arc<Event>> {
        None
    }
}

struct NoIndex;

impl Rules for NoIndex {
    fn constrains(&self) -> bool {
        false
    }
}

struct Trusted;

impl Trust for Trusted {
    fn is_here(&self, known: &Resident, _: &Stand) -> bool {
        known.position().is_some()
    }
}

struct RowsTrusted;

impl Trust for RowsTrusted {
    fn is_here(&self, known: &Resident, stand: &Stand) -> bool {
        known.position() == Some(stand.position)
    }
}

struct RefusedBelieved;

impl Trust for RefusedBelieved {
    fn looks_refused_up(&self) -> bool {
        false
    }
}

struct Claimed;

impl Trust for Claimed {
    fn says(&self, _: u64, end: u64) -> u64 {
        end
    }
}

/// A log that may tell publishing something else than there is.
pub struct PlantedLog<L> {
    log: L,
    publication: Publication,
    broker: Broker,
    defect: Option<Defect>,
}

impl<L: Log> PlantedLog<L> {
    /// The last message of ours in the partition that a leg confirms, as a cursor.
    fn last(&self, source: &str) -> Option<Cursor> {
        let partition = source.rsplit_once('/')?.1.parse().ok()?;
        if self.broker.about(PUBLISHED).partitions <= partition {
            return None;
        }
        let fetched = self.broker.fetch(PUBLISHED, partition, 0, usize::MAX);
        let stamps = fetched.records.iter().filter_map(|record| Stamp::read(&record.raw.headers));
        let last = stamps.filter(|stamp| stamp.ledger == self.publication.name).last()?.this;
        Some(Cursor { next: last.seq + 1, tail: last.hash, hint: 0 })
    }

    /// The chain as the rows make it, whatever is kept of it.
    async fn remade(&self, kept: Link) -> Result<Link, Failure> {
        let mut hash = Position::start(&self.publication.name).tail;
        let mut encoding = Vec::new();
        for event in self.log.events(0, kept.seq as usize).await? {
            encoding.clear();
            event.encode(self.publication.ledger, &mut encoding);
            hash = hash.link(&encoding);
        }
        Ok(Link { seq: kept.seq, hash })
    }
}

impl<L: Log> Log for PlantedLog<L> {
    async fn events(&self, after: u64, limit: usize) -> Result<Vec<Event>, Failure> {
        self.log.events(after, limit).await
    }

    async fn anchor(&self, at_most: u64) -> Result<Link, Failure> {
        let kept = self.log.anchor(at_most).await?;
        match self.defect {
            Some(Defect::ChainUnchecked) => self.remade(kept).await,
            _ => Ok(kept),
        }
    }

    async fn head(&self) -> Result<Link, Failure> {
        let kept = self.log.head().await?;
        match self.defect {
            Some(Defect::ChainUnchecked) => self.remade(kept).await,
            _ => Ok(kept),
        }
    }

    async fn cursor(&self, source: &str) -> Result<Option<Cursor>, Failure> {
        let kept = self.log.cursor(source).await?;
        match self.defect {
            Some(Defect::SendFromLast) => {
                Ok(kept.map(|_| self.last(source).unwrap_or(Cursor::START)))
            }
            _ => Ok(kept),
        }
    }
}

/// How commits go wrong, if they do.
#[derive(Clone)]
pub struct Tampering(Option<Defect>);

impl<T: LedgerTarget> Tamper<T> for Tampering {
    async fn commit(
        &self,
        open: Open<T>,
        effects: Vec<Effect>,
        to: Cursor,
    ) -> Result<T::Claim, Failure> {
        match self.0 {
            Some(Defect::CursorFirst) => tampered::CursorFirst.commit(open, effects, to).await,
            Some(Defect::EffectsFirst) => tampered::EffectsFirst.commit(open, effects, to).await,
            Some(Defect::EffectsTwice) => tampered::EffectsTwice.commit(open, effects, to).await,
            Some(Defect::UnknownIsNothing) => {
                tampered::UnknownIsNothing.commit(open, effects, to).await
            }
            Some(Defect::DroppedCommits) => {
                tampered::DroppedCommits.commit(open, effects, to).await
            }
            _ => open.step.commit(effects, to).await,
        }
    }
}
