//! Identities: each stands in the log once, and the index finds it there.
//!
//! The index lists every key by a hash, in the order of the hashes, so one that stands twice has
//! neighbours in it; those few are looked up and compared as they are. That the index lists every
//! key, and no other, is shown by sums: each span of the log keeps the number of its (hash, place)
//! pairs and the sum over a bijection of them, from which the index's pairs are taken away again.
//! One pair more, less or different always leaves something; several leave nothing once in 2^128.
//! So memory stays flat, a sum for 4,096 events, and the index may come in any order.
//!
//! Only a span that is left with something is looked at pair by pair.

use super::Findings;
use crate::payment::Identity;
use crate::problem::Code;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::ops::RangeInclusive;

/// Two to this many places share a sum.
const SPAN_BITS: u32 = 12;
const SPAN_MASK: i64 = (1 << SPAN_BITS) - 1;
/// More neighbours than any honest index has; what is longer is looked at in pieces.
const NEIGHBOURS_MAX: usize = 4_096;

/// A key in the index: at which slot, and which place of the log it names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Slot {
    /// The key's hash or, where other keys stood there, the next free number.
    pub slot: i64,
    /// The event, as the store names it across its ledgers.
    pub pos: i64,
}

/// The key of an event, looked up.
#[derive(Clone, Debug)]
pub struct Named {
    /// The ledger's number.
    pub ledger: u32,
    /// Namespace and key.
    pub identity: Identity,
    /// The key's hash.
    pub slot: i64,
}

/// A span of the log for which the index holds something else.
pub type Misfit = RangeInclusive<i64>;

/// The keys of a store's logs on their way through the auditor.
#[derive(Default)]
pub struct Keys {
    spans: BTreeMap<i64, Sum>,
    /// Keys that the index need not hold yet, by hash.
    late: Vec<Slot>,
    /// Keys that rightly stand behind the slot of their hash.
    displaced: BTreeMap<i64, i64>,
}

impl Keys {
    /// Take a key of the log, with its own hash; `indexed`: whether the index has to hold it.
    pub fn logged(&mut self, key: Slot, indexed: bool) {
        match indexed {
            true => self.add(key),
            false => self.late.push(key),
        }
    }

    /// Compare with the index, in the order of its slots; the spans in which it differs.
    ///
    /// `place` says in words where an event stands.
    pub fn compare(
        &mut self,
        index: impl IntoIterator<Item = Slot>,
        mut look_up: impl FnMut(i64) -> Option<Named>,
        place: impl Fn(i64) -> String,
        findings: &mut Findings,
    ) -> Vec<Misfit> {
        self.late.sort_unstable();
        let late = core::mem::take(&mut self.late);
        let mut late = late.into_iter().peekable();
        let mut neighbours = Vec::<Neighbour>::new();
        let mut take = |keys: &mut Keys, next: Neighbour| {
            let gap = |last: &Neighbour| next.slot.slot.saturating_sub(last.slot.slot);
            if neighbours.last().is_some_and(|last| gap(last) > 1)
                || neighbours.len() == NEIGHBOURS_MAX
            {
                keys.settle(&neighbours, &mut look_up, &place, findings);
                neighbours.clear();
            }
            neighbours.push(next);
        };
        for slot in index {
            while let Some(late) = late.next_if(|late| *late <= slot) {
                take(self, Neighbour { slot: late, late: true });
            }
            take(self, Neighbour { slot, late: false });
        }
        for slot in late {
            take(self, Neighbour { slot, late: true });
        }
        self.settle(&neighbours, &mut look_up, &place, findings);
        let unequal = self.spans.iter().filter(|(_, sum)| **sum != Sum::default());
        unequal.map(|(span, _)| span << SPAN_BITS..=span << SPAN_BITS | SPAN_MASK).collect()
    }

    /// Say what differs in a span: `logged` are the keys that the index should hold, each with its
    /// own hash, `indexed` those that it holds.
    pub fn explain(
        &self,
        logged: &[Slot],
        indexed: &[Slot],
        place: impl Fn(i64) -> String,
        findings: &mut Findings,
    ) {
        let mut tell = |pos: i64, what: &str| {
            findings.add(Code::KeyIndexDiffers, || format!("{}: {what}", place(pos)));
        };
        let mut slots = BTreeMap::<i64, Vec<i64>>::new();
        for Slot { slot, pos } in indexed {
            slots.entry(*pos).or_default().push(*slot);
        }
        for Slot { slot, pos } in logged {
            match slots.remove(pos).as_deref() {
                None => tell(*pos, "its key is not in the index"),
                Some([at]) if at == slot || self.displaced.get(pos) == Some(at) => {}
                Some([_]) => tell(*pos, "its key is in the index where it is not looked for"),
                Some(_) => tell(*pos, "its key is in the index more than once"),
            }
        }
        for pos in slots.keys() {
            tell(*pos, "the index names it, but it has no key that belongs there");
        }
    }

    /// Take entries of the index away from the sums; look at those that have neighbours.
    fn settle(
        &mut self,
        neighbours: &[Neighbour],
        look_up: &mut impl FnMut(i64) -> Option<Named>,
        place: &impl Fn(i64) -> String,
        findings: &mut Findings,
    ) {
        match neighbours {
            [Neighbour { slot, late: false }] => return self.subtract(*slot),
            [] | [_] => return,
            _ => {}
        }
        let mut run = Run::default();
        let mut names = BTreeMap::<(u32, Identity), i64>::new();
        for Neighbour { slot: Slot { slot, pos }, late } in neighbours.iter().copied() {
            if !late {
                run.reach(slot);
            }
            let named = look_up(pos);
            let hash = named.as_ref().map_or(slot, |named| named.slot);
            if !late {
                let found = (run.first..=slot).contains(&hash);
                self.subtract(Slot { slot: if found { hash } else { slot }, pos });
                if found && hash != slot {
                    self.displaced.insert(pos, slot);
                }
            }
            let Some(Named { ledger, identity, .. }) = named else { continue };
            let first = *names.entry((ledger, identity)).or_insert(pos);
            if first != pos {
                findings.add(Code::KeyTwice, || {
                    format!("{} and {}: they have one key", place(first), place(pos))
                });
            }
        }
    }

    fn add(&mut self, key: Slot) {
        let Sum { pairs, sum } = self.spans.entry(key.pos >> SPAN_BITS).or_default();
        *pairs += 1;
        *sum = sum.wrapping_add(mix(key));
    }

    fn subtract(&mut self, key: Slot) {
        let Sum { pairs, sum } = self.spans.entry(key.pos >> SPAN_BITS).or_default();
        *pairs -= 1;
        *sum = sum.wrapping_sub(mix(key));
    }
}

/// What a span has more than the index.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Sum {
    pairs: i64,
    sum: u128,
}

/// An entry of the index or, `late`, a key that is not in it yet.
#[derive(Clone, Copy)]
struct Neighbour {
    slot: Slot,
    late: bool,
}

/// Slots that are taken without a gap: who looks for a key goes on until one is free.
#[derive(Default)]
struct Run {
    first: i64,
    last: Option<i64>,
}

impl Run {
    fn reach(&mut self, slot: i64) {
        if self.last.is_none_or(|last| slot.saturating_sub(last) > 1) {
            self.first = slot;
        }
        self.last = Some(slot);
    }
}

/// A bijection of pairs: two that differ have different values, as far apart as chance would.
fn mix(Slot { slot, pos }: Slot) -> u128 {
    const ODD: [u128; 2] =
        [0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835, 0xd6e8_feb8_6659_fd93_2545_f491_4f6c_dd1d];
    let mut value = u128::from(slot as u64) << 64 | u128::from(pos as u64);
    for odd in ODD {
        value ^= value >> 65;
        value = value.wrapping_mul(odd);
    }
    value ^ value >> 64
}
