//! A walk along the log: every event's chain hash, made again and held to what the store keeps.
//!
//! Publishing is verifying: a row that was altered stops the leg by name before long.

use super::Publication;
use crate::chain::{ANCHOR_EVERY, Hash};
use crate::event::Event;
use crate::exactly_once::Cursor;
use crate::failure::{Failure, Stop};
use crate::problem::Code;
use crate::wire::Link;
use alloc::format;
use alloc::vec::Vec;
use core::future::Future;

/// What publishing reads of a ledger. All of it is committed.
pub trait Log: Sync {
    /// Events above the seq `after`, in order, at most `limit`.
    ///
    /// # Errors
    /// As every read of a store.
    fn events(
        &self,
        after: u64,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<Event>, Failure>> + Send;

    /// The last anchor at or below the seq `at_most`; where the log begins (seq 0) without one.
    ///
    /// # Errors
    /// As every read of a store.
    fn anchor(&self, at_most: u64) -> impl Future<Output = Result<Link, Failure>> + Send;

    /// Where the log ends: its last event, and the ledger's tail.
    ///
    /// # Errors
    /// As every read of a store.
    fn head(&self) -> impl Future<Output = Result<Link, Failure>> + Send;

    /// The cursor of the leg on `source`; `None` when there is no such leg.
    ///
    /// # Errors
    /// As every read of a store.
    fn cursor(&self, source: &str) -> impl Future<Output = Result<Option<Cursor>, Failure>> + Send;
}

/// How many events are read at once.
const PAGE: usize = 1_024;

/// A place in the log, and the chain there.
#[derive(Debug)]
pub(super) struct Walk {
    pub(super) at: Link,
    encoding: Vec<u8>,
}

impl Walk {
    pub(super) fn from(at: Link) -> Walk {
        Walk { at, encoding: Vec::new() }
    }

    /// Go on over `event`; where that is.
    ///
    /// # Errors
    /// `LogGap` when it is not the next one.
    pub(super) fn step(&mut self, event: &Event, ledger: u32) -> Result<Link, Stop> {
        if event.seq != self.at.seq + 1 {
            let detail = format!("event {} follows event {}", event.seq, self.at.seq);
            return Err(Stop::new(Code::LogGap, detail));
        }
        self.encoding.clear();
        event.encode(ledger, &mut self.encoding);
        self.at = Link { seq: event.seq, hash: self.at.hash.link(&self.encoding) };
        Ok(self.at)
    }

    /// How many events there are to the next anchor.
    pub(super) fn to_anchor(&self) -> usize {
        (ANCHOR_EVERY - self.at.seq % ANCHOR_EVERY) as usize
    }

    /// The log ends here, where nothing more was found.
    ///
    /// # Errors
    /// `LogGap` when the ledger goes on: rows are missing at its end.
    pub(super) async fn check_end<L: Log>(&self, log: &L) -> Result<(), Failure> {
        let head = log.head().await?;
        if head.seq <= self.at.seq || !log.events(self.at.seq, 1).await?.is_empty() {
            return Ok(());
        }
        if log.head().await? != head {
            // It grew, or was rewound, between the two looks.
            return Ok(());
        }
        let detail = format!("nothing follows event {}, but the last is {}", self.at.seq, head.seq);
        Err(Stop::new(Code::LogGap, detail).into())
    }

    /// Whether the store vouches for the chain here, by an anchor or by the ledger's tail.
    ///
    /// # Errors
    /// `AnchorDiffers` or `ChainBroken` when it says otherwise: a row before was altered.
    /// `Retryable` when the store is another one than the walk began in: it was rewound.
    pub(super) async fn is_verified<L: Log>(
        &self,
        publication: &Publication,
        log: &L,
    ) -> Result<bool, Failure> {
        let (kept, code) = match self.at.seq.is_multiple_of(ANCHOR_EVERY) {
            true => (log.anchor(self.at.seq).await?, Code::AnchorDiffers),
            false => (log.head().await?, Code::ChainBroken),
        };
        if kept == self.at {
            return Ok(true);
        }
        if self.at.seq < kept.seq {
            return Ok(false);
        }
        let is_anchor = self.at.seq.is_multiple_of(ANCHOR_EVERY);
        let lacks = is_anchor && kept.seq < self.at.seq && self.at.seq <= log.head().await?.seq;
        // Once more, since it may have been rewound, and have grown, between the two looks.
        if lacks && log.anchor(self.at.seq).await?.seq < self.at.seq {
            let detail = format!("there is no anchor at event {}", self.at.seq);
            return Err(Stop::new(code, detail).into());
        }
        if kept.seq < self.at.seq {
            return Err(rewound());
        }
        let again = chain_from(publication, log, self.at.seq.saturating_sub(1), kept.seq).await?;
        if again == Some(kept.hash) {
            return Err(rewound());
        }
        let detail = format!("the store says otherwise of the chain after event {}", self.at.seq);
        Err(Stop::new(code, detail).into())
    }
}

/// The failure that says that a walk's log is another one now.
pub(super) fn rewound() -> Failure {
    Failure::Retryable("the log is not what it was: it was rewound".into())
}

/// Hold a message that was found on the wire against the store; `near` is one before it that was
/// held against it already.
///
/// # Errors
/// `WireFork` when the store has another event there, or none: what a store tells of is committed
/// before it is sent, so it has forgotten it. `AnchorDiffers`, `ChainBroken` or `LogGap` when it is
/// the store that does not hold together there.
pub(super) async fn hold<L: Log>(
    publication: &Publication,
    log: &L,
    near: Option<Link>,
    found: Link,
) -> Result<(), Failure> {
    let detail = match chain_at(publication, log, near, found.seq).await? {
        Some(hash) if hash == found.hash => return Ok(()),
        Some(_) => "is another one in the store",
        None => "is not in the store",
    };
    vouch(publication, log, found.seq).await?;
    Err(fork(publication, &found, detail))
}

/// Whether the store still has the event that a link names, with that chain behind it.
pub(super) async fn is_in<L: Log>(
    publication: &Publication,
    log: &L,
    link: Link,
) -> Result<bool, Failure> {
    let there = chain_from(publication, log, link.seq, link.seq).await?;
    Ok(link == Link::NONE || there == Some(link.hash))
}

/// Hold the rows around the event `seq` against what the store keeps of their chain.
pub(super) async fn vouch<L: Log>(
    publication: &Publication,
    log: &L,
    seq: u64,
) -> Result<(), Failure> {
    let mut walk = Walk::from(log.anchor(seq).await?);
    loop {
        let events = log.events(walk.at.seq, walk.to_anchor()).await?;
        for event in &events {
            walk.step(event, publication.ledger)?;
        }
        if events.is_empty() || walk.is_verified(publication, log).await? {
            return walk.check_end(log).await;
        }
    }
}

/// The stop that says that the wire tells another history than the store.
pub(super) fn fork(publication: &Publication, link: &Link, what: &str) -> Failure {
    let detail = format!("ledger {}: event {} on the wire {what}", publication.name, link.seq);
    Stop::new(Code::WireFork, detail).into()
}

/// The chain after the event `seq`, made again from `near` or from the anchor that is nearer;
/// `None` when the log ends before.
async fn chain_at<L: Log>(
    publication: &Publication,
    log: &L,
    near: Option<Link>,
    seq: u64,
) -> Result<Option<Hash>, Failure> {
    match near.filter(|near| near.seq <= seq && seq - near.seq < ANCHOR_EVERY) {
        Some(near) => walk_to(publication, log, near, seq).await,
        None => chain_from(publication, log, seq, seq).await,
    }
}

/// The chain after the event `seq`, made again from the last anchor at or below `at_most`.
async fn chain_from<L: Log>(
    publication: &Publication,
    log: &L,
    at_most: u64,
    seq: u64,
) -> Result<Option<Hash>, Failure> {
    let anchor = log.anchor(at_most).await?;
    walk_to(publication, log, anchor, seq).await
}

async fn walk_to<L: Log>(
    publication: &Publication,
    log: &L,
    from: Link,
    seq: u64,
) -> Result<Option<Hash>, Failure> {
    let mut walk = Walk::from(from);
    while walk.at.seq < seq {
        let left = usize::try_from(seq - walk.at.seq).unwrap_or(PAGE).min(PAGE);
        let events = log.events(walk.at.seq, left).await?;
        if events.is_empty() {
            return Ok(None);
        }
        for event in &events {
            walk.step(event, publication.ledger)?;
        }
    }
    Ok((walk.at.seq == seq).then_some(walk.at.hash))
}
