//! The chain, made again: each anchor and the ledger's row must hold the hash that comes out.
//!
//! An anchor that does not fit leaves two explanations: a row before it was altered, or the anchor
//! was. Both chains are carried on to the next hash that was kept, and that one decides.
//!
//! A hash that was published is one more that was kept, but out of the reach of whoever alters the
//! store: where it fits neither chain, nothing that the store keeps can excuse that.

use super::findings::Finding;
use crate::chain::{ANCHOR_EVERY, Hash};
use crate::event::Event;
use crate::ledger::Position;
use crate::problem::Code;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;

#[derive(Default)]
pub(super) struct Chain {
    ledger: u32,
    /// Those that have not been passed.
    anchors: BTreeMap<u64, Hash>,
    /// Those that have not been passed either, and are not the store's.
    published: BTreeSet<(u64, Hash)>,
    /// The seq of the last hash that fitted.
    sure: u64,
    /// The chain as the rows make it; `None` behind a row that could not be read or is not there,
    /// up to the next hash that was kept.
    tail: Option<Hash>,
    doubt: Option<Doubt>,
    encoding: Vec<u8>,
}

/// An anchor that did not fit, and the chain as it goes on from there if the anchor is right.
struct Doubt {
    anchor: u64,
    tail: Hash,
}

impl Chain {
    pub(super) fn new(ledger: u32, name: &str, anchors: BTreeMap<u64, Hash>) -> Chain {
        let tail = Some(Position::start(name).tail);
        Chain { ledger, anchors, tail, ..Chain::default() }
    }

    /// Hold the log to `published` too; the misfits before its first event.
    pub(super) fn hold_to(&mut self, published: BTreeSet<(u64, Hash)>) -> Vec<Finding> {
        let mut misfits = Vec::new();
        self.published = published;
        self.attest(0, &mut misfits);
        misfits
    }

    /// Append `event`; the misfits that show here.
    pub(super) fn link(&mut self, event: &Event) -> Vec<Finding> {
        self.encoding.clear();
        event.encode(self.ledger, &mut self.encoding);
        self.tail = self.tail.map(|tail| tail.link(&self.encoding));
        if let Some(doubt) = &mut self.doubt {
            doubt.tail = doubt.tail.link(&self.encoding);
        }
        let mut misfits = Vec::new();
        if event.seq.is_multiple_of(ANCHOR_EVERY) {
            misfits.extend(match self.anchors.remove(&event.seq) {
                Some(anchor) => self.compare(event.seq, anchor),
                None => Some(misplaced(format!("there is no anchor at event {}", event.seq))),
            });
        }
        self.attest(event.seq, &mut misfits);
        misfits
    }

    /// The chain cannot be followed through the rows at `seqs`; the misfits that stay
    /// undecided or show at their end.
    pub(super) fn lose(&mut self, seqs: Range<u64>) -> Vec<Finding> {
        let doubt = self.doubt.take();
        let doubted = doubt.map(|Doubt { anchor, .. }| self.broken(anchor));
        let mut misfits: Vec<Finding> = doubted.into_iter().collect();
        self.tail = None;
        let mut later = self.anchors.split_off(&seqs.start);
        let behind = later.split_off(&seqs.end);
        // An anchor at the very end is as good as the row before it.
        if let Some((seq, anchor)) = later.pop_last().filter(|(seq, _)| seq + 1 == seqs.end) {
            self.trust(seq, anchor);
        }
        self.anchors.extend(behind);
        // Nothing can be said of a hash between rows that are not there, and their loss is told.
        self.published.retain(|(seq, _)| !(seqs.start..seqs.end - 1).contains(seq));
        self.attest(seqs.end - 1, &mut misfits);
        misfits
    }

    /// The log ended after `last`, where the ledger's row says that the chain is `tail`.
    pub(super) fn close(mut self, last: u64, tail: Hash) -> Vec<Finding> {
        let mut misfits: Vec<Finding> = self.compare(last, tail).into_iter().collect();
        if let Some(Doubt { anchor, .. }) = self.doubt.take() {
            misfits.push(match anchor == last {
                true => broken(format!(
                    "the ledger's hash does not follow from the events behind event {}",
                    self.sure
                )),
                false => self.broken(anchor),
            });
        }
        misfits.extend(
            self.anchors.keys().map(|seq| misplaced(format!("no anchor belongs at {seq}"))),
        );
        misfits.extend(self.published.iter().map(|(seq, _)| Finding {
            code: Code::LogGap,
            detail: format!("a hash was published for event {seq}, but the log ends at {last}"),
        }));
        misfits
    }

    /// Compare with the hashes that were published after event `seq`.
    fn attest(&mut self, seq: u64, misfits: &mut Vec<Finding>) {
        while let Some((_, published)) = self.published.first().copied().filter(|at| at.0 == seq) {
            self.published.pop_first();
            // Behind a row that was lost it is the next hash to go on from, as an anchor is.
            let by_rows = self.tail.is_none_or(|tail| tail == published);
            let by_anchor = self.doubt.as_ref().is_some_and(|doubt| doubt.tail == published);
            match by_rows || by_anchor {
                true => misfits.extend(self.compare(seq, published)),
                false => misfits.push(broken(format!(
                    "the hash published for event {seq} differs from the chain's there"
                ))),
            }
        }
    }

    /// Compare with a hash that was kept after event `seq`.
    fn compare(&mut self, seq: u64, kept: Hash) -> Option<Finding> {
        let doubt = self.doubt.take();
        let misfit = match (self.tail, doubt) {
            // Behind a row that was lost, and told, there is nothing to compare.
            (None, _) => None,
            (Some(tail), None) if tail == kept => None,
            (Some(tail), Some(Doubt { anchor, .. })) if tail == kept => Some(misplaced(format!(
                "the anchor at event {anchor} is not the chain's hash there"
            ))),
            (Some(_), Some(Doubt { anchor, tail })) if tail == kept => Some(self.broken(anchor)),
            (Some(_), doubt) => {
                let misfit = doubt.map(|Doubt { anchor, .. }| {
                    let misfit = self.broken(anchor);
                    self.sure = anchor;
                    misfit
                });
                self.doubt = Some(Doubt { anchor: seq, tail: kept });
                return misfit;
            }
        };
        self.trust(seq, kept);
        misfit
    }

    fn trust(&mut self, seq: u64, kept: Hash) {
        self.sure = seq;
        self.tail = Some(kept);
    }

    fn broken(&self, anchor: u64) -> Finding {
        let first = self.sure + 1;
        broken(format!(
            "the anchor at event {anchor} does not follow from events {first} to {anchor}"
        ))
    }
}

fn broken(detail: String) -> Finding {
    Finding { code: Code::ChainBroken, detail }
}

fn misplaced(detail: String) -> Finding {
    Finding { code: Code::AnchorDiffers, detail }
}
