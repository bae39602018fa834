//! An ingest: items of somebody else's source, decided as payments, counted to the last one.
//!
//! Every item ends as a payment, a counted duplicate or a dead letter; the counts move in the same
//! step as the cursor, so they are as exact as the money.

pub mod topic;

use crate::Text;
use crate::dead_letter::{DeadLetter, Raw};
use crate::exactly_once::Decide;
use crate::ledger::door::LedgerTarget;
use crate::ledger::{self, Command, Effect, Keys, Outcome, Refusal, Snapshot};
use crate::mapping::Rejection;
use crate::payment::FieldProblem;
use crate::reason::Reason;
use alloc::format;
use alloc::vec::Vec;

/// What became of a source's items. Always: read = accepted + duplicates + dead letters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Items taken from the source.
    pub read: i64,
    /// Payments recorded: succeeded + declined.
    pub accepted: i64,
    /// Payments that moved money.
    pub succeeded: i64,
    /// Payments that were declined.
    pub declined: i64,
    /// Items whose payment was recorded before, with the same content.
    pub duplicates: i64,
    /// Dead letters whose key was recorded before, with other content.
    pub conflicts: i64,
    /// Items put aside, conflicts among them.
    pub dead_letters: i64,
    /// Dead letters that were discarded: counted there still, and no longer kept.
    pub discarded: i64,
}

impl Counts {
    /// Count what `more` counts too.
    pub fn add(&mut self, more: &Counts) {
        self.read += more.read;
        self.accepted += more.accepted;
        self.succeeded += more.succeeded;
        self.declined += more.declined;
        self.duplicates += more.duplicates;
        self.conflicts += more.conflicts;
        self.dead_letters += more.dead_letters;
        self.discarded += more.discarded;
    }

    /// Every count that ingests tell, with its name, in the order of the contract.
    pub fn named(&self) -> [(&'static str, i64); 7] {
        [
            ("read", self.read),
            ("accepted", self.accepted),
            ("succeeded", self.succeeded),
            ("declined", self.declined),
            ("duplicates", self.duplicates),
            ("conflicts", self.conflicts),
            ("dead_letters", self.dead_letters),
        ]
    }
}

/// An item of a source, decoded.
#[derive(Debug)]
pub struct Item {
    /// The line it began on, counted from 1; of a topic's record its offset.
    pub line: u64,
    /// What it was made of.
    pub raw: Raw,
    /// What it says: always a [`Command::Pay`], since an ingest only pays.
    pub content: Result<Command, Rejection>,
}

/// The logic of an ingest's leg.
#[derive(Clone, Debug)]
pub struct Ingest {
    /// The source, as the leg's row names it.
    pub source: Text,
}

impl<T: LedgerTarget> Decide<Item, T> for Ingest {
    fn keys(&self, items: &[Item]) -> Keys {
        Keys::of(commands(items))
    }

    fn decide(&self, items: &[Item], snapshot: &Snapshot) -> Vec<Effect> {
        let decision = ledger::decide(commands(items), snapshot);
        let (mut outcomes, mut effects) = (decision.outcomes.into_iter(), decision.effects);
        let mut counts = Counts { read: items.len() as i64, ..Counts::default() };
        for item in items {
            let rejection = match &item.content {
                Ok(_) => count(outcomes.next().expect("one for each command"), &mut counts),
                Err(rejection) => Some(rejection.clone()),
            };
            if let Some(rejection) = rejection {
                counts.dead_letters += 1;
                counts.conflicts += i64::from(rejection.reason == Reason::Conflict);
                effects.push(Effect::Bury(self.bury(item, rejection, snapshot.now)));
            }
        }
        let ended = counts.accepted + counts.duplicates + counts.dead_letters;
        assert_eq!(counts.read, ended, "every item ends as one of three");
        effects.push(Effect::Count(self.source.clone(), counts));
        effects
    }
}

impl Ingest {
    fn bury(&self, item: &Item, rejection: Rejection, at: i64) -> DeadLetter {
        let mut raw = item.raw.clone();
        let masked = raw.mask();
        let Rejection { reason, detail } = rejection;
        let source = self.source.clone();
        DeadLetter { source, line: item.line, reason, detail, raw, masked, at }
    }
}

fn commands(items: &[Item]) -> impl Iterator<Item = &Command> {
    items.iter().filter_map(|item| item.content.as_ref().ok())
}

/// Count the outcome of an item; a refusal is counted by whoever puts the item aside.
pub(crate) fn count(outcome: Outcome, counts: &mut Counts) -> Option<Rejection> {
    match outcome {
        Outcome::Refused(refusal) => return Some(refused(&refusal)),
        Outcome::Recorded { replayed: true, .. } => counts.duplicates += 1,
        Outcome::Recorded { event, .. } => {
            counts.accepted += 1;
            match event.decline {
                Some(_) => counts.declined += 1,
                None => counts.succeeded += 1,
            }
        }
        Outcome::Account { .. } => unreachable!("an ingest only pays"),
    }
    None
}

/// A refusal in the words of dead letters.
fn refused(refusal: &Refusal) -> Rejection {
    let name = |problem: &FieldProblem| problem.pointer.trim_start_matches('/');
    match refusal {
        Refusal::Conflict(problems) => {
            let names = problems.iter().map(name).collect::<Vec<_>>().join(", ");
            let detail = format!("the key was used with another {names}");
            Rejection { reason: Reason::Conflict, detail }
        }
        Refusal::Invalid(problems) => {
            let first = problems.first().expect("a refused request has a problem");
            let reason = Reason::parse(first.reason).expect("a problem has a word of the table");
            Rejection { reason, detail: format!("{}: {}", name(first), reason.meaning()) }
        }
        Refusal::UnknownPayment
        | Refusal::ExceedsPayment
        | Refusal::WrongState(_)
        | Refusal::UnknownAccount
        | Refusal::AccountDiffers => unreachable!("an ingest only pays"),
    }
}
