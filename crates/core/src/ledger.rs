//! The ledger's decisions: commands and a snapshot in, outcomes and effects out. Pure and total.
//!
//! Order of every decision: identity, validation of values by precedence, look-up, limits, *after
//! this point it must succeed*, effects. A batch is decided in the order of its commands, each
//! seeing what the ones before it left.
//! Deliberately absent: waiting, failing, and the order of locks (there is one: the ledger's row).

pub mod door;
mod draft;
mod keys;
mod operations;

pub use keys::Keys;

use crate::Text;
use crate::account::{Account, Overdraft};
use crate::chain::Hash;
use crate::dead_letter::DeadLetter;
use crate::event::Event;
use crate::id::EventId;
use crate::ingest::Counts;
use crate::payment::{FieldProblem, Identity, Operation, Pay, Payment};
use crate::reason::Reason;
use alloc::sync::Arc;
use alloc::vec::Vec;
use draft::Draft;
use keys::Places;

/// Where a ledger's log ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// The seq of the next event; 1 in an empty log.
    pub next_seq: u64,
    /// The chain's hash after the last event.
    pub tail: Hash,
}

impl Position {
    /// Of the empty log of the ledger named `ledger`: the chain begins with the hash of that name,
    /// so that no log can pass for another ledger's.
    pub fn start(ledger: &str) -> Position {
        Position { next_seq: 1, tail: Hash::of(ledger.as_bytes()) }
    }
}

/// A wish, with the identity under which it is wished once.
#[derive(Clone, Debug)]
pub enum Command {
    /// Make a payment.
    Pay(Identity, Pay),
    /// Do something to a payment.
    Operate(Identity, EventId, Operation),
    /// Open an account; its id is its identity.
    OpenAccount(AccountRequest),
    /// Close an account; its id is its identity.
    CloseAccount(Text),
}

/// An account as it was asked for; its values are valid.
#[derive(Clone, Debug)]
pub struct AccountRequest {
    /// The client's name for it.
    pub id: Text,
    /// Of every movement.
    pub currency: crate::money::Currency,
    /// How far it may be overdrawn.
    pub overdraft: Overdraft,
}

impl Command {
    fn identity(&self) -> Option<&Identity> {
        match self {
            Command::Pay(identity, _) | Command::Operate(identity, ..) => Some(identity),
            Command::OpenAccount(_) | Command::CloseAccount(_) => None,
        }
    }
}

/// What the keys name, as it is under the ledger's lock.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// What was asked for.
    pub keys: Keys,
    /// The ledger's number in its store.
    pub ledger: u32,
    /// Where its log ends.
    pub position: Position,
    /// The store's clock, in microseconds since 1970-01-01T00:00:00Z.
    pub now: i64,
    /// For each identity, the event that carries it.
    pub recorded: Vec<Option<Arc<Event>>>,
    /// For each account, the account as it is.
    pub accounts: Vec<Option<Account>>,
    /// For each payment, the payment at that seq as it is, and its two accounts. Whether it is the
    /// one that the id means is compared when it is decided.
    pub payments: Vec<Option<Paid>>,
    /// For each dead letter, what it is counted as.
    pub letters: Vec<Option<Letter>>,
}

/// A payment and its accounts.
#[derive(Clone, Debug)]
pub struct Paid {
    /// The payment.
    pub payment: Payment,
    /// The account that was debited.
    pub debit: Account,
    /// The account that was credited.
    pub credit: Account,
}

/// A dead letter that is there: whose counts it stands in, and why it was refused.
#[derive(Clone, Debug)]
pub struct Letter {
    /// The source whose counts it stands in.
    pub source: Text,
    /// Why it was refused last.
    pub reason: Reason,
}

/// What a step can do to a store. This is all of it.
#[derive(Clone, Debug)]
pub enum Effect {
    /// Append a row to the log.
    Append(Arc<Event>),
    /// Keep the chain's hash after an event.
    Anchor {
        /// The event's seq.
        seq: u64,
        /// The chain after it.
        hash: Hash,
    },
    /// Write an account that the log opened in this step.
    Open(Account),
    /// Write an account that was there before.
    Update(Account),
    /// Move the end of the log.
    Move(Position),
    /// Put an item aside.
    Bury(DeadLetter),
    /// A dead letter failed again.
    Refuse {
        /// Which.
        letter: i64,
        /// Why, this time.
        reason: Reason,
        /// For people.
        detail: alloc::string::String,
        /// When, by the store's clock, in microseconds since 1970.
        at: i64,
    },
    /// A dead letter is no more.
    Settle(i64),
    /// Add to the counts of a source.
    Count(Text, Counts),
}

/// What became of a command.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// It is recorded, by this step or, if `replayed`, by an earlier one.
    Recorded {
        /// The first answer is a pure function of it.
        event: Arc<Event>,
        /// Whether somebody was told before.
        replayed: bool,
    },
    /// The account exists: new or, if `replayed`, as it was asked for before.
    Account {
        /// As it is now.
        account: Account,
        /// Whether it was there before.
        replayed: bool,
    },
    /// Nothing happened, and the key is not used up.
    Refused(Refusal),
}

/// Why nothing happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The key names another request.
    Conflict(Vec<FieldProblem>),
    /// Values, accounts or currencies are wrong.
    Invalid(Vec<FieldProblem>),
    /// There is no such payment in this ledger.
    UnknownPayment,
    /// More than is left of the payment, or nothing is.
    ExceedsPayment,
    /// The payment's state does not allow it.
    WrongState(crate::payment::State),
    /// There is no such account.
    UnknownAccount,
    /// The account exists with other properties.
    AccountDiffers,
}

/// Outcomes in the order of the commands, and effects in the order of the log.
#[derive(Debug, Default)]
pub struct Decision {
    /// One for each command.
    pub outcomes: Vec<Outcome>,
    /// What makes them durable.
    pub effects: Vec<Effect>,
}

/// Decide `commands`, whose keys the snapshot was taken for.
///
/// # Panics
/// When the snapshot belongs to other commands, or a movement would not balance: our defect.
pub fn decide<'a>(
    commands: impl IntoIterator<Item = &'a Command>,
    snapshot: &Snapshot,
) -> Decision {
    let (outcomes, effects) = decide_wanted(commands.into_iter().map(|c| (c, true)), snapshot);
    Decision { outcomes: outcomes.into_iter().flatten().collect(), effects }
}

/// As [`decide`], but of the commands only those that are still wanted; the others have no outcome.
pub(crate) fn decide_wanted<'a>(
    commands: impl IntoIterator<Item = (&'a Command, bool)>,
    snapshot: &Snapshot,
) -> (Vec<Option<Outcome>>, Vec<Effect>) {
    let mut draft = Draft::open(snapshot);
    let mut outcomes = Vec::with_capacity(snapshot.keys.places.len());
    let mut places = snapshot.keys.places.iter();
    for (command, wanted) in commands {
        let places = places.next().expect("the snapshot is of fewer commands");
        let outcome = || draft.decide(command, places).unwrap_or_else(Outcome::Refused);
        outcomes.push(wanted.then(outcome));
    }
    assert_eq!(places.len(), 0, "the snapshot is of more commands");
    (outcomes, draft.close())
}
