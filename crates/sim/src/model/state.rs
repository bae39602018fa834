//! What the model store keeps: the same rows as a real one, in maps, and how a step changes them.

use crate::evidence::{Committed, Moved};
use semel_core::Text;
use semel_core::account::Account;
use semel_core::chain::Hash;
use semel_core::dead_letter::DeadLetter;
use semel_core::event::{Event, Kind};
use semel_core::exactly_once::Cursor;
use semel_core::failure::{Failure, Stop};
use semel_core::id::EventId;
use semel_core::ingest::Counts;
use semel_core::ledger::{Effect, Letter, Position};
use semel_core::payment::{Identity, Payment};
use semel_core::problem::Code;
use semel_store::places::slot_of;
use semel_store::resident::{Late, chained};
use std::collections::BTreeMap;
use std::sync::Arc;

/// All rows. A clone is a copy of the disk.
#[derive(Clone, Default)]
pub struct State {
    pub ledgers: Vec<Ledger>,
    pub legs: BTreeMap<Text, Leg>,
    pub letters: BTreeMap<i64, DeadLetter>,
    pub last_letter: i64,
    /// Which server's commits these are.
    pub timeline: u64,
}

/// A ledger's rows; its number is its place, counted from 1.
#[derive(Clone)]
pub struct Ledger {
    pub id: Text,
    pub position: Position,
    pub events: Vec<Arc<Event>>,
    /// As they were when they were written last.
    pub accounts: BTreeMap<u64, Account>,
    /// Up to which seq all of them have come.
    pub accounts_seq: u64,
    pub anchors: BTreeMap<u64, Hash>,
    account_nos: BTreeMap<Text, u64>,
    keys: BTreeMap<Identity, u64>,
    payments: BTreeMap<u64, Payment>,
}

/// A leg's row.
#[derive(Clone)]
pub struct Leg {
    pub ledger: u32,
    pub ingest: Text,
    pub cursor: Cursor,
    pub claim: u64,
    pub owner: u64,
    pub until: i64,
    pub counts: Counts,
}

/// What was committed, so that it can be lost again.
#[derive(Clone)]
pub enum Commit {
    Bind {
        source: Text,
        leg: Leg,
    },
    Claim {
        source: Text,
        claim: u64,
        owner: u64,
        until: i64,
    },
    Step {
        ledger: u32,
        effects: Arc<Vec<Effect>>,
        written: Option<Arc<Written>>,
        moved: Option<Move>,
    },
    Adopt {
        timeline: u64,
    },
}

/// What a step writes of accounts that were there before.
#[derive(Clone)]
pub struct Written {
    pub accounts: Vec<Account>,
    /// Up to which seq it says that all rows have come.
    pub seq: u64,
}

/// A leg's cursor on its way.
#[derive(Clone)]
pub struct Move {
    pub source: Text,
    /// Under which claim, and from where its owner believed it to stand.
    pub claim: u64,
    pub from: Cursor,
    pub to: Cursor,
    pub until: i64,
}

impl Ledger {
    pub fn new(id: &str) -> Ledger {
        Ledger {
            id: id.into(),
            position: Position::start(id),
            events: Vec::new(),
            accounts: BTreeMap::new(),
            accounts_seq: 0,
            anchors: BTreeMap::new(),
            account_nos: BTreeMap::new(),
            keys: BTreeMap::new(),
            payments: BTreeMap::new(),
        }
    }

    /// The row of an account, which may lag.
    pub fn account(&self, id: &str) -> Option<&Account> {
        self.account_nos.get(id).map(|no| &self.accounts[no])
    }

    pub fn recorded(&self, identity: &Identity) -> Option<Arc<Event>> {
        let seq = self.keys.get(identity)?;
        Some(self.events[*seq as usize - 1].clone())
    }

    pub fn payment(&self, id: &EventId) -> Option<Payment> {
        self.payments.get(&id.seq).cloned()
    }

    /// The chain's hash before the event of this seq, as the rows have it now.
    pub fn tail_at(&self, ledger: u32, seq: u64) -> Hash {
        let anchor = self.anchors.range(..seq).next_back();
        let start = (0, Position::start(&self.id).tail);
        let (anchored, tail) = anchor.map_or(start, |(seq, hash)| (*seq, *hash));
        let events = self.events[anchored as usize..].iter().take_while(|event| event.seq < seq);
        chained(tail, ledger, events.map(|event| &**event))
    }

    /// An event, with what stands elsewhere.
    pub fn late(&self, ledger: u32, event: &Event) -> Late {
        let ends = matches!(event.kind, Kind::PaymentCaptured | Kind::PaymentVoided);
        let held = event.reference.filter(|_| ends).and_then(|of| self.payments.get(&of.seq));
        Late {
            event: event.clone(),
            held: held.map_or(0, |held| held.event.amount),
            slot: slot_of(ledger, event).map(|slot| slot.slot),
        }
    }

    /// The unique index behind identity, and the primary key behind the lock.
    fn check(&self, effects: &[Effect]) -> Result<(), Failure> {
        let (mut next_seq, mut seen) = (self.position.next_seq, std::collections::BTreeSet::new());
        for effect in effects {
            let Effect::Append(event) = effect else { continue };
            if event.seq != next_seq {
                let detail = format!("event {} in the place of {next_seq}", event.seq);
                return Err(Stop::new(Code::StoreDefect, detail).into());
            }
            next_seq += 1;
            let Some(identity) = identity(event) else { continue };
            if self.keys.contains_key(&identity) || !seen.insert(identity.clone()) {
                return Err(Stop::new(Code::IdentityBroken, identity.key.to_string()).into());
            }
        }
        Ok(())
    }

    fn append(&mut self, event: &Arc<Event>) {
        if let Some(identity) = identity(event) {
            self.keys.insert(identity, event.seq);
        }
        if let Some(payment) = Payment::recorded(Event::clone(event)) {
            self.payments.insert(event.seq, payment);
        }
        if let Some(payment) = event.reference.and_then(|of| self.payments.get_mut(&of.seq)) {
            payment.follow(event.kind, event.amount);
        }
        self.events.push(event.clone());
    }
}

fn identity(event: &Event) -> Option<Identity> {
    let key = event.key.clone()?;
    Some(Identity { namespace: event.namespace.clone(), key })
}

impl State {
    /// A ledger's rows.
    pub fn ledger(&self, ledger: u32) -> &Ledger {
        &self.ledgers[ledger as usize - 1]
    }

    /// A dead letter.
    pub fn letter(&self, id: i64) -> Option<Letter> {
        let letter = self.letters.get(&id)?;
        Some(Letter { source: letter.source.clone(), reason: letter.reason })
    }

    /// Whether the constraints of the tables allow a step.
    ///
    /// # Errors
    /// The named stop that a real store gives.
    pub fn check(&self, ledger: u32, effects: &[Effect]) -> Result<(), Failure> {
        self.ledger(ledger).check(effects)
    }

    /// Make a commit durable.
    pub fn apply(&mut self, commit: &Commit) {
        match commit {
            Commit::Bind { source, leg } => drop(self.legs.insert(source.clone(), leg.clone())),
            Commit::Claim { source, claim, owner, until } => {
                if let Some(leg) = self.legs.get_mut(source) {
                    (leg.claim, leg.owner, leg.until) = (*claim, *owner, *until);
                }
            }
            Commit::Adopt { timeline } => self.timeline = *timeline,
            Commit::Step { ledger, effects, written, moved } => {
                effects.iter().for_each(|effect| self.perform(*ledger, effect));
                let rows = &mut self.ledgers[*ledger as usize - 1];
                if let Some(Written { accounts, seq }) = written.as_deref() {
                    let accounts = accounts.iter().map(|account| (account.no, account.clone()));
                    rows.accounts.extend(accounts);
                    rows.accounts_seq = *seq;
                }
                if let Some(moved) = moved
                    && let Some(leg) = self.legs.get_mut(&moved.source)
                {
                    (leg.cursor, leg.until) = (moved.to, moved.until);
                }
            }
        }
    }

    fn perform(&mut self, ledger: u32, effect: &Effect) {
        let rows = &mut self.ledgers[ledger as usize - 1];
        match effect {
            Effect::Append(event) => rows.append(event),
            Effect::Anchor { seq, hash } => drop(rows.anchors.insert(*seq, *hash)),
            Effect::Open(account) => {
                rows.account_nos.insert(account.id.clone(), account.no);
                rows.accounts.insert(account.no, account.clone());
            }
            // Written when it is due.
            Effect::Update(_) => {}
            Effect::Move(position) => rows.position = *position,
            Effect::Bury(letter) => {
                self.last_letter += 1;
                self.letters.insert(self.last_letter, letter.clone());
            }
            Effect::Refuse { letter, reason, detail, at: _ } => {
                if let Some(letter) = self.letters.get_mut(letter) {
                    (letter.reason, letter.detail) = (*reason, detail.clone());
                }
            }
            Effect::Settle(letter) => drop(self.letters.remove(letter)),
            Effect::Count(source, counts) => {
                if let Some(leg) = self.legs.get_mut(source) {
                    leg.counts = sum(&leg.counts, counts);
                }
            }
        }
    }

    /// What the auditor is told of a commit that is about to be made.
    pub fn evidence(&self, commit: &Commit) -> Vec<Committed> {
        match commit {
            Commit::Claim { source, claim, .. } => {
                vec![Committed::Claim { source: source.to_string(), claim: *claim }]
            }
            Commit::Step { ledger, effects, written, moved } => {
                let first_seq = self.ledger(*ledger).position.next_seq;
                let appended = effects.iter().filter(|e| matches!(e, Effect::Append(_))).count();
                let pair = |cursor: Cursor| (cursor.next, cursor.tail.0);
                let moved = moved.as_ref().map(|moved| Moved {
                    source: moved.source.to_string(),
                    claim: moved.claim,
                    from: pair(moved.from),
                    to: pair(moved.to),
                });
                let next_seq = first_seq + appended as u64;
                let step = Committed::Step { ledger: *ledger, first_seq, next_seq, moved };
                let written = written.as_deref().map(|it| accounts(*ledger, effects, it));
                [step].into_iter().chain(written).collect()
            }
            Commit::Bind { .. } | Commit::Adopt { .. } => Vec::new(),
        }
    }
}

fn accounts(ledger: u32, effects: &[Effect], written: &Written) -> Committed {
    let mut events = Vec::new();
    let mut rows: Vec<(u64, u64)> =
        written.accounts.iter().map(|account| (account.no, account.last_seq)).collect();
    for effect in effects {
        match effect {
            Effect::Append(event) => {
                let sides = event.debit.iter().chain(&event.credit).map(|side| side.no).collect();
                events.push((event.seq, event.kind.number(), sides));
            }
            Effect::Open(account) => rows.push((account.no, account.last_seq)),
            _ => {}
        }
    }
    Committed::Accounts { ledger, events, rows, seq: written.seq }
}

fn sum(a: &Counts, b: &Counts) -> Counts {
    Counts {
        read: a.read + b.read,
        accepted: a.accepted + b.accepted,
        succeeded: a.succeeded + b.succeeded,
        declined: a.declined + b.declined,
        duplicates: a.duplicates + b.duplicates,
        conflicts: a.conflicts + b.conflicts,
        dead_letters: a.dead_letters + b.dead_letters,
        discarded: a.discarded + b.discarded,
    }
}
