//! Identities: each stands in a ledger's log once, and the index of keys finds it there.
//!
//! The index lists keys by a hash, in the order of the hashes, so a key that stands twice has
//! neighbours in it; those few are looked up and compared as they are. That the index lists every
//! key, and no other, is shown by sums: each span of the log keeps one over its (hash, seq) pairs,
//! from which the index's pairs are taken away again. So memory stays flat, a sum for 4,096 events,
//! though the two come in different orders.
//!
//! Only a span that is left with something is looked at pair by pair.

use super::Findings;
use super::sum::Sum;
use crate::Text;
use crate::payment::Identity;
use crate::problem::Code;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::vec::Vec;
use core::ops::RangeInclusive;

/// Two to this many events share a sum.
const SPAN_BITS: u32 = 12;
/// More neighbours than any honest index has; what is longer is looked at in pieces.
const NEIGHBOURS_MAX: usize = 4_096;

/// Where the index has a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Slot {
    /// The key's hash or, where other keys stood there, the next free number.
    pub slot: i64,
    /// The event that carries the key.
    pub seq: u64,
}

/// The key of an event, looked up.
#[derive(Clone, Debug)]
pub struct Named {
    /// Namespace and key.
    pub identity: Identity,
    /// The key's hash, as the index has it.
    pub hash: i64,
}

/// The keys of a ledger's log on their way through the auditor.
pub struct Keys {
    ledger: Text,
    spans: BTreeMap<u64, Sum>,
    /// Keys that the index may lack: seq and hash.
    late: BTreeMap<u64, i64>,
    /// The same by hash, not yet met in the index, the greatest first.
    ahead: Vec<Slot>,
    /// What the index has at slots that follow each other, with the late keys that belong there.
    neighbours: Vec<Neighbour>,
    /// Keys that rightly stand behind the slot of their hash, and where.
    displaced: BTreeMap<u64, i64>,
}

/// An entry of the index, or a late key that is not in it.
#[derive(Clone, Copy)]
struct Neighbour {
    slot: Slot,
    indexed: bool,
}

impl Keys {
    /// Of the ledger that people call `ledger`.
    pub fn new(ledger: Text) -> Keys {
        Keys {
            ledger,
            spans: BTreeMap::new(),
            late: BTreeMap::new(),
            ahead: Vec::new(),
            neighbours: Vec::new(),
            displaced: BTreeMap::new(),
        }
    }

    /// Take a key of the log at the slot of its hash; `late`: the index may lack it.
    pub fn logged(&mut self, key: Slot, late: bool) {
        if late {
            self.late.insert(key.seq, key.slot);
        } else {
            self.span(key.seq).add(pair(key));
        }
    }

    /// Every key of the log is taken; entries of the index follow.
    pub fn turn(&mut self) {
        self.ahead = self.late.iter().map(|(&seq, &slot)| Slot { slot, seq }).collect();
        self.ahead.sort_unstable_by(|left, right| right.cmp(left));
    }

    /// Take an entry of the index, in the order of the slots.
    pub fn indexed(
        &mut self,
        entry: Slot,
        mut look_up: impl FnMut(u64) -> Option<Named>,
        findings: &mut Findings,
    ) {
        while let Some(late) = self.ahead.pop_if(|late| *late < entry) {
            self.meet(Neighbour { slot: late, indexed: false }, &mut look_up, findings);
        }
        // A late key that is in the index already is one key.
        self.ahead.pop_if(|late| *late == entry);
        self.meet(Neighbour { slot: entry, indexed: true }, &mut look_up, findings);
    }

    /// The index has ended; the spans of the log for which it holds something else.
    pub fn finish(
        &mut self,
        mut look_up: impl FnMut(u64) -> Option<Named>,
        findings: &mut Findings,
    ) -> Vec<RangeInclusive<u64>> {
        while let Some(late) = self.ahead.pop() {
            self.meet(Neighbour { slot: late, indexed: false }, &mut look_up, findings);
        }
        self.settle(&mut look_up, findings);
        let unequal = self.spans.iter().filter(|(_, sum)| **sum != Sum::NOTHING);
        let mask = (1 << SPAN_BITS) - 1;
        unequal.map(|(span, _)| span << SPAN_BITS..=span << SPAN_BITS | mask).collect()
    }

    /// Say what differs in a span, which [`Keys::finish`] told: `logged` are its keys, each at the
    /// slot of its hash, and `indexed` what the index has for it.
    pub fn explain(
        &self,
        span: &RangeInclusive<u64>,
        logged: &[Slot],
        indexed: &[Slot],
        findings: &mut Findings,
    ) {
        let mut told = false;
        let mut tell = |seq: u64, what: &str| {
            let place = || format!("ledger {}: event {seq}: {what}", self.ledger);
            findings.add(Code::KeyIndexDiffers, place);
            told = true;
        };
        let mut slots = BTreeMap::<u64, Vec<i64>>::new();
        for Slot { slot, seq } in indexed {
            slots.entry(*seq).or_default().push(*slot);
        }
        for Slot { slot, seq } in logged {
            match slots.remove(seq).as_deref() {
                None if self.late.contains_key(seq) => {}
                None => tell(*seq, "its key is not in the index"),
                Some([at]) if at == slot || self.displaced.get(seq) == Some(at) => {}
                Some([_]) => tell(*seq, "its key is in the index where nobody looks for it"),
                Some(_) => tell(*seq, "its key is in the index more than once"),
            }
        }
        for seq in slots.keys() {
            tell(*seq, "the index names it, and it has no key");
        }
        if !told {
            self.tell_span(span, findings);
        }
    }

    /// Say only that something differs in a span.
    pub fn tell_span(&self, span: &RangeInclusive<u64>, findings: &mut Findings) {
        findings.add(Code::KeyIndexDiffers, || {
            let (ledger, first, last) = (&self.ledger, span.start(), span.end());
            format!("ledger {ledger}: something among the keys of events {first} to {last}")
        });
    }

    fn meet(
        &mut self,
        next: Neighbour,
        look_up: &mut impl FnMut(u64) -> Option<Named>,
        findings: &mut Findings,
    ) {
        let gap = |last: &Neighbour| next.slot.slot.saturating_sub(last.slot.slot);
        let far = self.neighbours.last().is_some_and(|last| gap(last) > 1);
        if far || self.neighbours.len() == NEIGHBOURS_MAX {
            self.settle(look_up, findings);
        }
        self.neighbours.push(next);
    }

    /// Take the neighbours away from the sums; if they are several, look each of them up.
    fn settle(&mut self, look_up: &mut impl FnMut(u64) -> Option<Named>, findings: &mut Findings) {
        let neighbours = core::mem::take(&mut self.neighbours);
        match neighbours[..] {
            [Neighbour { slot, indexed: true }] => self.take_away(slot, slot.slot),
            [] | [_] => {}
            _ => self.tell_apart(&neighbours, look_up, findings),
        }
        self.neighbours = neighbours;
        self.neighbours.clear();
    }

    fn tell_apart(
        &mut self,
        neighbours: &[Neighbour],
        look_up: &mut impl FnMut(u64) -> Option<Named>,
        findings: &mut Findings,
    ) {
        let mut names = BTreeMap::<Identity, u64>::new();
        // Where the slots that are taken without a gap begin: who looks for a key goes on until one
        // is free.
        let mut run = RangeInclusive::new(0, i64::MIN);
        let (mut listed, mut met) = (BTreeSet::new(), BTreeSet::new());
        for Neighbour { slot: entry @ Slot { slot, seq }, indexed } in neighbours.iter().copied() {
            let named = look_up(seq);
            if indexed {
                let first = if slot.saturating_sub(*run.end()) > 1 { slot } else { *run.start() };
                run = first..=slot;
                let hash = named.as_ref().map(|named| named.hash).filter(|hash| run.contains(hash));
                // Listed again, it does not stand for its key again.
                let hash = hash.filter(|_| listed.insert(seq));
                self.take_away(entry, hash.unwrap_or(slot));
            }
            // A late key that is displaced in the index is met twice.
            let Some(Named { identity, .. }) = named.filter(|_| met.insert(seq)) else { continue };
            let first = *names.entry(identity).or_insert(seq);
            if first != seq {
                findings.add(Code::KeyTwice, || {
                    format!("ledger {}: events {first} and {seq} have one key", self.ledger)
                });
            }
        }
    }

    /// Take away an entry of the index whose key has this hash, as far as the entry shows.
    fn take_away(&mut self, Slot { slot, seq }: Slot, hash: i64) {
        if hash != slot {
            self.displaced.insert(seq, slot);
        }
        if self.late.get(&seq) != Some(&hash) {
            self.span(seq).take_away(pair(Slot { slot: hash, seq }));
        }
    }

    /// The sum of the span that the event numbered `seq` lies in: what the log has more than the
    /// index.
    fn span(&mut self, seq: u64) -> &mut Sum {
        self.spans.entry(seq >> SPAN_BITS).or_default()
    }
}

fn pair(key: Slot) -> (u64, u64) {
    (key.slot as u64, key.seq)
}
