//! Dead letters: items that could not become payments, kept with all that was known of them.
//!
//! A dead letter uses up no key and opens no account. Redriving one runs the same decision as
//! everything else, identity first, so it can never apply twice.
//! Deliberately absent: the bytes of card numbers. They are masked before anything is kept.

use crate::Text;
use crate::card;
use crate::ingest::{Counts, refused};
use crate::ledger::{self, Command, Effect, Keys, Letter, Outcome, Snapshot};
use crate::mapping::Rejection;
use crate::reason::Reason;
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
    /// Mask every card number; whether there was one.
    pub fn mask(&mut self) -> bool {
        let parts = self.key.iter_mut().chain(&mut self.value);
        let parts = parts.chain(self.headers.iter_mut().map(|(_, value)| value));
        parts.fold(false, |masked, bytes| card::mask_card_numbers(bytes) | masked)
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
pub fn redrive(redrives: &[Redrive], snapshot: &Snapshot) -> (Vec<Redriven>, Vec<Effect>) {
    let there = redrives.iter().zip(&snapshot.letters);
    let wanted = there.filter_map(|(redrive, letter)| {
        let command = redrive.content.as_ref().ok()?;
        Some((command, letter.is_some()))
    });
    let (outcomes, mut effects) = ledger::decide_wanted(wanted, snapshot);
    let mut outcomes = outcomes.into_iter();
    let mut results = Vec::with_capacity(redrives.len());
    for (redrive, letter) in redrives.iter().zip(&snapshot.letters) {
        let outcome = redrive.content.as_ref().map(|_| outcomes.next().flatten());
        let Some(letter) = letter else {
            results.push(Redriven::Gone);
            continue;
        };
        let result = match outcome {
            Ok(Some(outcome)) => result_of(outcome),
            Ok(None) => Redriven::Gone,
            Err(rejection) => Redriven::Refused(rejection.clone()),
        };
        let counts = recount(letter, &result, redrive, snapshot.now, &mut effects);
        effects.push(Effect::Count(letter.source.clone(), counts));
        results.push(result);
    }
    (results, effects)
}

/// What a discard has to look up.
pub fn discard_keys(letters: &[i64]) -> Keys {
    let mut keys = Keys::default();
    keys.letters = letters.to_vec();
    keys
}

/// Forget the dead letters that the snapshot's keys name and that are there; which they were.
///
/// Their source's counts stay: they were read, and they died.
pub fn discard(snapshot: &Snapshot) -> (Vec<i64>, Vec<Effect>) {
    let letters = snapshot.keys.letters.iter().zip(&snapshot.letters);
    let there: Vec<i64> = letters.filter_map(|(id, letter)| letter.as_ref().map(|_| *id)).collect();
    let effects = there.iter().map(|id| Effect::Settle(*id)).collect();
    (there, effects)
}

fn result_of(outcome: Outcome) -> Redriven {
    match outcome {
        Outcome::Refused(refusal) => Redriven::Refused(refused(&refusal)),
        Outcome::Recorded { replayed: true, .. } => Redriven::Duplicate,
        Outcome::Recorded { .. } | Outcome::Account { .. } => Redriven::Accepted,
    }
}

/// Settle or keep the letter, and say how its source's counts change.
fn recount(
    letter: &Letter,
    result: &Redriven,
    redrive: &Redrive,
    at: i64,
    effects: &mut Vec<Effect>,
) -> Counts {
    let was_conflict = i64::from(letter.reason == Reason::Conflict);
    let id = redrive.letter;
    match result {
        Redriven::Refused(Rejection { reason, detail }) => {
            let (reason, detail) = (*reason, detail.clone());
            effects.push(Effect::Refuse { letter: id, reason, detail, at });
            let is_conflict = i64::from(reason == Reason::Conflict);
            Counts { conflicts: is_conflict - was_conflict, ..Counts::default() }
        }
        Redriven::Gone => Counts::default(),
        Redriven::Accepted | Redriven::Duplicate => {
            let declined = was_declined(effects, redrive);
            effects.push(Effect::Settle(id));
            let accepted = i64::from(*result == Redriven::Accepted);
            Counts {
                accepted,
                succeeded: accepted * i64::from(!declined),
                declined: accepted * i64::from(declined),
                duplicates: 1 - accepted,
                conflicts: -was_conflict,
                dead_letters: -1,
                ..Counts::default()
            }
        }
    }
}

fn was_declined(effects: &[Effect], redrive: &Redrive) -> bool {
    let Ok(Command::Pay(identity, _)) = &redrive.content else { return false };
    effects.iter().any(|effect| match effect {
        Effect::Append(event) => {
            event.key.as_ref() == Some(&identity.key) && event.decline.is_some()
        }
        _ => false,
    })
}
