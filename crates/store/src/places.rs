//! The numbers that rows are found by, the same in every database.
//!
//! A *place* is ledger and seq in one number. A *slot* is a ledger's number and bits of a key's
//! hash or, where another key has that slot, the next free one: everybody who looks for a key walks
//! the same way, from its first slot to a free one, so no two events can have the same key while no
//! two have the same slot.

use semel_core::account::Overdraft;
use semel_core::event::Event;
use semel_core::id::SEQ_MAX;
use semel_core::payment::Identity;
use semel_core::verify::Slot;

const SEQ_BITS: u32 = 40;

/// The place of a row; `None` for a seq beyond 40 bits.
pub fn pos(ledger: u32, seq: u64) -> Option<i64> {
    (seq <= SEQ_MAX).then(|| i64::from(ledger) << SEQ_BITS | seq as i64)
}

/// The first place that a row of `ledger` can have.
pub fn first_pos(ledger: u32) -> i64 {
    i64::from(ledger) << SEQ_BITS
}

/// The last place that a row of `ledger` can have.
pub fn last_pos(ledger: u32) -> i64 {
    first_pos(ledger + 1) - 1
}

/// All places that rows of `ledger` can have: the first and the last.
pub fn places_of(ledger: u32) -> [i64; 2] {
    [first_pos(ledger), last_pos(ledger)]
}

/// What lies before, between and behind ranges that rise.
pub fn gaps(taken: impl IntoIterator<Item = [i64; 2]>) -> Vec<[i64; 2]> {
    let mut gaps = Vec::new();
    let mut next = i64::MIN;
    for [first, last] in taken {
        gaps.push([next, first - 1]);
        next = last + 1;
    }
    gaps.push([next, i64::MAX]);
    gaps.retain(|[first, last]| first <= last);
    gaps
}

/// The seq in a row's place.
pub fn seq_of(pos: i64) -> u64 {
    pos as u64 & SEQ_MAX
}

/// Slots of a ledger: its number, then so many bits of the key's hash. The tests beside this file
/// have so few that keys meet.
pub(crate) const SLOT_BITS: u32 = if cfg!(test) { 9 } else { 41 };

/// Where a key is looked for first, by the hash of its identity.
pub fn first_slot(ledger: u32, hash: i64) -> i64 {
    i64::from(ledger) << SLOT_BITS | hash >> (63 - SLOT_BITS)
}

/// All slots that keys of `ledger` can have: the first and the last.
pub fn slots_of(ledger: u32) -> [i64; 2] {
    [first_slot(ledger, 0), first_slot(ledger, i64::MAX)]
}

/// The ledger that `slot` belongs to.
pub fn ledger_of(slot: i64) -> u32 {
    u32::try_from(slot >> SLOT_BITS).expect("a slot begins with its ledger's number")
}

/// The one after `slot`, within its ledger's.
pub fn next_slot(slot: i64) -> i64 {
    const MASK: i64 = (1 << SLOT_BITS) - 1;
    slot & !MASK | (slot + 1) & MASK
}

/// The slot at which the key of `event` is looked for first; `None` when it has none.
pub fn slot_of(ledger: u32, event: &Event) -> Option<Slot> {
    let hash = Identity::hash(&event.namespace, event.key.as_deref()?);
    Some(Slot { slot: first_slot(ledger, hash), seq: event.seq })
}

/// An overdraft as its column has it.
pub fn overdraft_number(overdraft: Overdraft) -> i64 {
    match overdraft {
        Overdraft::None => -1,
        Overdraft::Unlimited => -2,
        Overdraft::Limit(minor) => minor,
    }
}

/// The overdraft that a column's number stands for.
pub fn overdraft_of(number: i64) -> Option<Overdraft> {
    match number {
        -1 => Some(Overdraft::None),
        -2 => Some(Overdraft::Unlimited),
        0.. => Some(Overdraft::Limit(number)),
        _ => None,
    }
}
