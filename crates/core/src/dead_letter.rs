//! Dead letters: items that could not become payments, kept with all that was known of them.
//!
//! A dead letter uses up no key and opens no account. Redriving one runs the same decision as
//! everything else, identity first, so it can never apply twice.
//! Deliberately absent: the bytes of card numbers. They are masked before anything is kept.

use crate::Text;
use crate::card;
use crate::chain::Hash;
use crate::ingest::{Counts, count};
use crate::ledger::{self, Command, Effect, Keys, Letter, Outcome, Snapshot};
use crate::mapping::Rejection;
use crate::reason::Reason;
use alloc::collections::BTreeSet;
use alloc::string::String;
use alloc::vec::Vec;

/// What an item was made of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Raw {
    /// The record's key.
    pub key: Option<Vec<u8>>,
    /// The record's value, or the line.
    pub value: Option<Vec<u8>>,
    /// Names and values, in order.
    pub headers: Vec<(String, Vec<u8>)>,
}

impl Raw {
    /// How many bytes it holds.
    pub fn length(&self) -> u64 {
        let parts = self.key.iter().chain(&self.value).chain(self.headers.iter().map(|one| &one.1));
        parts.map(|bytes| bytes.len() as u64).sum()
    }

    /// Mask every card number, also one that the value's escapes hide; whether there was one.
    pub fn mask(&mut self) -> bool {
        let hidden =
            self.value.as_mut().is_some_and(|value| card::mask_escaped_card_numbers(value));
        let parts = self.key.iter_mut().chain(&mut self.value);
        let parts = parts.chain(self.headers.iter_mut().map(|(_, value)| value));
        parts.fold(hidden, |masked, bytes| card::mask_card_numbers(bytes) | masked)
    }
}

/// An item put aside.
#[derive(Clone, Debug)]
pub struct DeadLetter {
    /// The source whose counts it stands in.
    pub source: Text,
    /// The line it began on, counted from 1.
    pub line: u64,
    /// Why.
    pub reason: Reason,
    /// For people: names the field, never the value.
    pub detail: String,
    /// What it was made of, masked.
    pub raw: Raw,
    /// Whether something was masked. Such a letter cannot be redriven: its bytes are not what came.
    pub masked: bool,
    /// When it failed, by the store's clock, in microseconds since 1970.
    pub at: i64,
}

impl DeadLetter {
    /// What never changes of it, in one hash.
    pub fn digest(&self) -> Hash {
        digest(&self.source, self.line, &self.raw, self.masked, self.at)
    }
}

/// What never changes of a dead letter, in one hash (SHA-256), so that `verify` finds one that was
/// altered: a redrive would make another payment of it. Every part has its length before it.
pub fn digest(source: &str, line: u64, raw: &Raw, masked: bool, at: i64) -> Hash {
    let mut bytes = Vec::new();
    let mut put = |part: Option<&[u8]>| {
        let length = part.map_or(u64::MAX, |part| part.len() as u64);
        bytes.extend(length.to_be_bytes());
        bytes.extend(part.unwrap_or_default());
    };
    put(Some(source.as_bytes()));
    put(Some(&line.to_be_bytes()));
    put(Some(&at.to_be_bytes()));
    put(Some(&[u8::from(masked)]));
    put(raw.key.as_deref());
    put(raw.value.as_deref());
    for (name, value) in &raw.headers {
        put(Some(name.as_bytes()));
        put(Some(value));
    }
    Hash::of(&bytes)
}

/// A dead letter on its way back, decoded again.
#[derive(Debug)]
pub struct Redrive {
    /// Which letter.
    pub letter: i64,
    /// What it says now.
    pub content: Result<Command, Rejection>,
}

/// What a redrive did, or would do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Redriven {
    /// It is a payment now.
    Accepted,
    /// Its payment was recorded before.
    Duplicate,
    /// It failed again.
    Refused(Rejection),
    /// Somebody settled it first.
    Gone,
}

/// What a redrive has to look up.
pub fn keys(redrives: &[Redrive]) -> Keys {
    let commands = redrives.iter().filter_map(|redrive| redrive.content.as_ref().ok());
    let mut keys = Keys::of(commands);
    keys.letters = redrives.iter().map(|redrive| redrive.letter).collect();
    keys
}

/// Decide a redrive whose keys the snapshot was taken for.
///
/// A letter that is named twice is redriven once: it is gone the second time.
pub fn redrive(redrives: &[Redrive], snapshot: &Snapshot) -> (Vec<Redriven>, Vec<Effect>) {
    let letters = letters(snapshot);
    let wanted = redrives.iter().zip(&letters).filter_map(|(redrive, letter)| {
        let command = redrive.content.as_ref().ok()?;
        Some((command, letter.is_some()))
    });
    let (outcomes, mut effects) = ledger::decide_wanted(wanted, snapshot);
    let mut outcomes = outcomes.into_iter();
    let mut results = Vec::with_capacity(redrives.len());
    for (redrive, letter) in redrives.iter().zip(letters) {
        let outcome = match &redrive.content {
            Ok(_) => Ok(outcomes.next().expect("one for each command")),
            Err(rejection) => Err(rejection),
        };
        results.push(match letter {
            Some(letter) => file(letter, redrive.letter, outcome, snapshot.now, &mut effects),
            None => Redriven::Gone,
        });
    }
    (results, effects)
}

/// The letters that the snapshot's keys name, each where it is named first; `None`: gone.
fn letters(snapshot: &Snapshot) -> Vec<Option<&Letter>> {
    let mut seen = BTreeSet::new();
    let named = snapshot.keys.letters.iter().zip(&snapshot.letters);
    named.map(|(id, letter)| letter.as_ref().filter(|_| seen.insert(*id))).collect()
}

/// Settle or keep the letter numbered `id`, and say how its source's counts change.
fn file(
    letter: &Letter,
    id: i64,
    outcome: Result<Option<Outcome>, &Rejection>,
    at: i64,
    effects: &mut Vec<Effect>,
) -> Redriven {
    let mut counts = Counts::default();
    let rejection = match outcome {
        Ok(outcome) => count(outcome.expect("a letter that is there is wanted"), &mut counts),
        Err(rejection) => Some(rejection.clone()),
    };
    let result = match rejection {
        Some(rejection) => Redriven::Refused(rejection),
        None if counts.duplicates > 0 => Redriven::Duplicate,
        None => Redriven::Accepted,
    };
    counts.conflicts -= i64::from(letter.reason == Reason::Conflict);
    effects.push(match &result {
        Redriven::Refused(Rejection { reason, detail }) => {
            counts.conflicts += i64::from(*reason == Reason::Conflict);
            Effect::Refuse { letter: id, reason: *reason, detail: detail.clone(), at }
        }
        _ => {
            counts.dead_letters -= 1;
            Effect::Settle(id)
        }
    });
    effects.push(Effect::Count(letter.source.clone(), counts));
    result
}

/// What a discard has to look up.
pub fn discard_keys(letters: &[i64]) -> Keys {
    let mut keys = Keys::default();
    keys.letters = letters.to_vec();
    keys
}

/// Forget the dead letters that the snapshot's keys name and that are there; which they were.
///
/// Their source's counts stay: they were read, and they died. How many are gone is counted too.
pub fn discard(snapshot: &Snapshot) -> (Vec<i64>, Vec<Effect>) {
    let (mut there, mut effects) = (Vec::new(), Vec::new());
    for (id, letter) in snapshot.keys.letters.iter().zip(letters(snapshot)) {
        let Some(Letter { source, .. }) = letter else { continue };
        there.push(*id);
        effects.push(Effect::Settle(*id));
        let counts = Counts { discarded: 1, ..Counts::default() };
        effects.push(Effect::Count(source.clone(), counts));
    }
    (there, effects)
}
