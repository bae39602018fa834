//! What a process knows of a ledger without looking: accounts as they are, and recent keys.
//!
//! It is stamped with the ledger's position. Under the lock the stamp is compared with the row;
//! where others wrote meanwhile, their events are read and taken in, and where those do not lead on
//! from the stamp, everything is forgotten and met again. So it is never trusted, only used.
//!
//! **Accounts are written later.** A row says by its `last_seq` how far it has come, and the ledger
//! says up to which seq all rows have; whoever meets an account takes in the events behind that. An
//! account that changed is written when the log has gone on by so many events, once for all that
//! happened to it meanwhile. With a lag of 0 every step writes what it changed.
//!
//! **Keys are looked up when it matters.** A key that is not among the recent ones is most likely
//! new. If it is not, the unique index refuses the step, nothing has happened, and the steps that
//! follow look their keys up; each time twice as many, and half as many after as long a calm.
//!
//! Deliberately absent: SQL, and any decision.

use rustc_hash::{FxHashMap, FxHashSet};
use semel_core::Text;
use semel_core::account::Account;
use semel_core::event::Event;
use semel_core::ledger::{Effect, Position};
use semel_core::movement::follow;
use std::collections::{BTreeSet, HashMap};

/// Events that the rows of accounts may lag behind the log: what a process that takes over reads.
const LAG: u64 = 50_000;
/// Steps with fewer keys than this look all of them up: that costs little, and one that is refused
/// would keep everybody in it waiting.
const FEW_KEYS: usize = 512;
/// Accounts kept at most, besides those that are still to be written.
const ACCOUNTS_MAX: usize = 100_000;
/// Recent keys kept at least, and half of those kept at most.
const RECENT: usize = 200_000;
/// Steps that look all keys up after one that was refused: the first time, and at most.
const LOOKS: (u32, u32) = (8, 1_024);

/// How a process keeps accounts and keys in mind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// Every step looks all keys up and writes all accounts that it changes.
    Plain,
    /// As described here.
    #[default]
    Resident,
}

/// An event that another writer appended, with what stands elsewhere.
#[derive(Clone, Debug)]
pub struct Late {
    /// The event; ids of accounts are not needed.
    pub event: Event,
    /// The amount of the hold that it ends; else 0.
    pub held: i64,
    /// The slot of its key.
    pub slot: Option<i64>,
}

/// Of one ledger.
#[derive(Default)]
pub struct Resident {
    form: Form,
    /// The position that all of it belongs to; `None` before anything is known.
    at: Option<Position>,
    /// The chain at the position is made up: the way there is not at its end yet.
    unproved: bool,
    accounts: FxHashMap<u64, Held>,
    numbers: HashMap<Text, u64>,
    /// Accounts that are to be written: the first seq that their row lacks, and their number.
    unwritten: BTreeSet<(u64, u64)>,
    recent: Recent,
    caution: Caution,
}

/// An account, and the first seq that its row lacks.
struct Held {
    account: Account,
    lacks: Option<u64>,
}

impl Resident {
    /// Nothing yet.
    pub fn new(form: Form) -> Resident {
        Resident { form, ..Resident::default() }
    }

    /// Where the ledger stood when it was last looked at.
    pub fn position(&self) -> Option<Position> {
        self.at
    }

    /// Forget everything, and stand at `position`, where every row has come so far.
    pub fn begin_anew(&mut self, position: Position) {
        let (form, caution) = (self.form, std::mem::take(&mut self.caution));
        let (at, unproved) = (Some(position), true);
        *self = Resident { form, at, unproved, caution, ..Resident::default() };
    }

    /// Where the ledger stood when somebody committed, as this process has seen it.
    pub fn seen(&self) -> Option<Position> {
        self.at.filter(|_| !self.unproved)
    }

    /// After the last event of the log: whether what is known belongs to `position`. Where it was
    /// met anew, the chain is not known and the seq has to do.
    pub fn stand(&mut self, position: Position, anew: bool) -> bool {
        let same =
            |at: Position| if anew { at.next_seq == position.next_seq } else { at == position };
        if !self.at.is_some_and(same) {
            return false;
        }
        (self.at, self.unproved) = (Some(position), false);
        true
    }

    /// The numbers of accounts that `late` events concern and that are not here.
    pub fn unmet(&self, late: &[Late]) -> Vec<u64> {
        let sides = late.iter().flat_map(|late| late.event.debit.iter().chain(&late.event.credit));
        let unmet = sides.map(|side| side.no).filter(|no| !self.accounts.contains_key(no));
        unmet.collect::<BTreeSet<u64>>().into_iter().collect()
    }

    /// Take in the next event of the log, whose accounts are here. Whether it leads on from the
    /// position; if not, the log is another one.
    pub fn follow(&mut self, ledger: u32, late: &Late) -> bool {
        let Some(at) = self.at else { return false };
        let Late { event, held, slot } = late;
        if event.seq != at.next_seq {
            return false;
        }
        for side in event.debit.iter().chain(&event.credit) {
            let Some(held_here) = self.accounts.get_mut(&side.no) else { return false };
            let before = held_here.account.last_seq;
            if follow(&mut held_here.account, event, *held).is_none() {
                return false;
            }
            if before < event.seq && event.kind.is_linked() && held_here.lacks.is_none() {
                held_here.lacks = Some(event.seq);
                self.unwritten.insert((event.seq, side.no));
            }
        }
        self.recent.extend(*slot);
        let mut encoding = Vec::new();
        event.encode(ledger, &mut encoding);
        let tail = at.tail.link(&encoding);
        self.at = Some(Position { next_seq: event.seq + 1, tail });
        true
    }

    /// The ids, of those that a step names, whose accounts are not here.
    pub fn missing<'a>(&mut self, ids: &'a [Text]) -> Vec<&'a str> {
        if self.accounts.len() - self.unwritten.len() + ids.len() > ACCOUNTS_MAX {
            self.accounts.retain(|_, held| held.lacks.is_some());
            let accounts = &self.accounts;
            self.numbers.retain(|_, no| accounts.contains_key(no));
        }
        let missing = ids.iter().filter(|id| !self.numbers.contains_key(&***id));
        missing.map(|id| &**id).collect()
    }

    /// Accounts as their rows have them, of which no later event is known.
    pub fn meet(&mut self, accounts: Vec<Account>) {
        for account in accounts {
            if !self.accounts.contains_key(&account.no) {
                self.hold(account, None);
            }
        }
    }

    fn hold(&mut self, account: Account, lacks: Option<u64>) {
        if !self.accounts.contains_key(&account.no) {
            self.numbers.insert(account.id.clone(), account.no);
        }
        self.accounts.insert(account.no, Held { account, lacks });
    }

    /// For each id, the account as it is.
    pub fn accounts(&self, ids: &[Text]) -> Vec<Option<Account>> {
        let account = |id: &Text| self.account(*self.numbers.get(id)?).cloned();
        ids.iter().map(account).collect()
    }

    /// The account numbered `no`, if it is here.
    pub fn account(&self, no: u64) -> Option<&Account> {
        self.accounts.get(&no).map(|held| &held.account)
    }

    /// Which of the first slots of a step's keys have to be looked up.
    pub fn suspects(&self, slots: &[i64]) -> Vec<i64> {
        if self.looks(slots.len()) {
            return slots.to_vec();
        }
        slots.iter().filter(|slot| self.recent.contains(**slot)).copied().collect()
    }

    /// Whether a step with so many keys looks all of them up.
    pub fn looks(&self, keys: usize) -> bool {
        self.form == Form::Plain || self.caution.looks() || keys < FEW_KEYS
    }

    /// The unique index knows a key that was not looked up.
    pub fn was_refused(&mut self) {
        self.caution.refused();
    }

    /// What a step that has `effects` and ends before `next_seq` writes of accounts, at most `most`
    /// of them, by number. Which is enough, as long as it is no less than a step can change.
    pub fn due(&self, effects: &[Effect], next_seq: u64, most: usize) -> Writing {
        let lag = if self.form == Form::Plain { 0 } else { LAG };
        self.writing(effects, most, |lacks| lacks.saturating_add(lag) < next_seq)
    }

    /// What a step writes of accounts that does nothing else.
    pub fn rest(&self, most: usize) -> Writing {
        self.writing(&[], most, |_| true)
    }

    fn writing(&self, effects: &[Effect], most: usize, is_due: impl Fn(u64) -> bool) -> Writing {
        let begun = self.at.map_or(1, |at| at.next_seq);
        let mut writing = Writing { accounts: Vec::new(), lacks: None };
        if let Some((lacks, _)) = self.unwritten.first().filter(|(lacks, _)| !is_due(*lacks)) {
            writing.lacks = Some(*lacks);
            return writing;
        }
        let changed: FxHashMap<u64, &Account> =
            changed(effects).map(|account| (account.no, account)).collect();
        let new = changed.keys().filter(|no| self.lacks(**no).is_none());
        // In the order in which their rows began to lag; what this step changes first is last.
        let all = self.unwritten.iter().copied().chain(new.map(|no| (begun, *no)));
        for (lacks, no) in all {
            if writing.accounts.len() >= most || !is_due(lacks) {
                writing.lacks = Some(lacks);
                break;
            }
            let account = changed.get(&no).copied().or_else(|| self.account(no));
            writing.accounts.extend(account.cloned());
        }
        writing.accounts.sort_unstable_by_key(|account| account.no);
        writing
    }

    fn lacks(&self, no: u64) -> Option<u64> {
        self.accounts.get(&no)?.lacks
    }

    /// A step with `effects` and with new keys at `slots` was committed and left the ledger at
    /// `position`; it wrote what was due.
    pub fn arrive(
        &mut self,
        effects: Vec<Effect>,
        slots: impl Iterator<Item = i64>,
        written: &Writing,
        position: Position,
    ) {
        let begun = self.at.map_or(1, |at| at.next_seq);
        for effect in effects {
            match effect {
                Effect::Open(account) => self.hold(account, None),
                Effect::Update(account) => match self.accounts.get_mut(&account.no) {
                    Some(held) => {
                        if held.lacks.is_none() {
                            self.unwritten.insert((begun, account.no));
                            held.lacks = Some(begun);
                        }
                        held.account = account;
                    }
                    None => {
                        self.unwritten.insert((begun, account.no));
                        self.hold(account, Some(begun));
                    }
                },
                _ => {}
            }
        }
        for account in &written.accounts {
            let Some(held) = self.accounts.get_mut(&account.no) else { continue };
            if let Some(lacks) = held.lacks.take() {
                self.unwritten.remove(&(lacks, account.no));
            }
        }
        self.recent.extend(slots);
        self.at = Some(position);
        self.caution.passed();
    }

    /// How many accounts and recent keys are remembered.
    pub fn size(&self) -> usize {
        self.accounts.len() + self.recent.young.len() + self.recent.old.len()
    }

    /// Whether there is nothing to write.
    pub fn is_written(&self) -> bool {
        self.unwritten.is_empty()
    }
}

/// What a step writes of accounts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Writing {
    /// As they are behind the step, by number.
    pub accounts: Vec<Account>,
    /// The first seq that the row of another account lacks.
    lacks: Option<u64>,
}

impl Writing {
    /// Up to which seq all rows have come, once it is written and the ledger stands at `position`.
    pub fn seq(&self, position: Position) -> u64 {
        self.lacks.unwrap_or(position.next_seq) - 1
    }
}

/// The accounts that `effects` change and that were there before.
fn changed(effects: &[Effect]) -> impl Iterator<Item = &Account> {
    effects.iter().filter_map(|effect| match effect {
        Effect::Update(account) => Some(account),
        _ => None,
    })
}

/// Slots of recent keys, in two generations: the elder is forgotten when the younger is full.
#[derive(Default)]
struct Recent {
    young: FxHashSet<i64>,
    old: FxHashSet<i64>,
}

impl Recent {
    fn contains(&self, slot: i64) -> bool {
        self.young.contains(&slot) || self.old.contains(&slot)
    }

    fn extend(&mut self, slots: impl IntoIterator<Item = i64>) {
        self.young.extend(slots);
        if self.young.len() >= RECENT {
            self.old = std::mem::take(&mut self.young);
        }
    }
}

/// How many steps to come look all their keys up.
struct Caution {
    steps: u32,
    next: u32,
    /// Steps since then that were not refused.
    calm: u32,
}

impl Default for Caution {
    /// What happened before is not known.
    fn default() -> Caution {
        Caution { steps: LOOKS.0, next: LOOKS.0, calm: 0 }
    }
}

impl Caution {
    fn looks(&self) -> bool {
        self.steps > 0
    }

    fn refused(&mut self) {
        self.steps = self.next;
        self.next = (self.next * 2).min(LOOKS.1);
        self.calm = 0;
    }

    fn passed(&mut self) {
        if self.steps > 0 {
            self.steps -= 1;
            return;
        }
        self.calm += 1;
        if self.calm >= self.next {
            self.next = (self.next / 2).max(LOOKS.0);
            self.calm = 0;
        }
    }
}
