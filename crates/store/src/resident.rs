//! What a process knows of a ledger without looking: accounts as they are, and recent keys.
//!
//! It is stamped with where the ledger stands. Under the lock the stamp is compared with the row;
//! where others wrote meanwhile, their events are read and taken in, and those that do not lead on
//! from the stamp are of another log. Rows of accounts may go back where the log does not: a step
//! that writes nothing else can be lost alone. Where the server's history has changed, or rows have
//! not come as far as they had, everything is forgotten and met again. So it is never trusted, only
//! used.
//!
//! **Accounts are written later.** A row says by its `last_seq` how far it has come, and the ledger
//! says up to which seq all rows have; whoever meets an account takes in the events behind that. An
//! account that changed is written when the log has gone on by so many events, once for all that
//! happened to it meanwhile. With a lag of 0 every step writes what it changed.
//!
//! **Keys are looked up when it matters.** A key that is not among the recent ones is most likely
//! new. If it is not, the unique index refuses the step, nothing has happened, and the steps that
//! follow look their keys up; each time twice as many, and half as many after as long a calm. Of a
//! command that appends nothing the index says nothing: its key is looked up before the step is
//! committed.
//!
//! Deliberately absent: SQL, and any decision.

mod catch_up;
mod excerpt;
mod keys;
#[cfg(test)]
mod tests;

pub use catch_up::{CatchUp, Next};
pub use excerpt::{Excerpt, raise};

use foldhash::fast::RandomState;
use keys::{Caution, Recent};
use rustc_hash::FxHashMap;
use semel_core::Text;
use semel_core::account::Account;
use semel_core::chain::Hash;
use semel_core::event::Event;
use semel_core::ledger::{Effect, Position};
use semel_core::movement::follow;
use std::collections::{BTreeSet, HashMap, VecDeque};

/// By default, events that are few enough to be read while others wait.
pub const FAR: u64 = 2_000;

/// How much a process keeps in mind, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Events that the rows of accounts may lag behind the log: what a process that takes over
    /// reads.
    pub lag: u64,
    /// Steps with fewer keys than this look all of them up: that costs little, and one that is
    /// refused would keep everybody in it waiting.
    pub few_keys: usize,
    /// Accounts kept at most, besides those that are still to be written.
    pub accounts_max: usize,
    /// Recent keys kept at least, and half of those kept at most.
    pub recent: usize,
    /// Steps that look all keys up after one that was refused: the first time, and at most.
    pub looks: (u32, u32),
    /// Events that are read under the lock for nothing but to see that the log is still the same.
    pub far: u64,
}

impl Default for Bounds {
    fn default() -> Bounds {
        Bounds {
            lag: 100_000,
            few_keys: 512,
            accounts_max: 100_000,
            recent: 200_000,
            looks: (8, 1_024),
            far: FAR,
        }
    }
}

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

/// Where a ledger stands, as its row says under the lock.
#[derive(Clone, Debug)]
pub struct Stand {
    /// The end of the log.
    pub position: Position,
    /// Up to which seq all rows of accounts have come.
    pub accounts_seq: u64,
    /// The server's history, in any words.
    pub history: Text,
}

/// Of one ledger.
pub struct Resident {
    form: Form,
    bounds: Bounds,
    /// The position that all of it belongs to; `None` before anything is known.
    at: Option<Position>,
    /// Whether it has been where the ledger stood, and where it was before all was begun anew.
    has_stood: bool,
    before: Option<Position>,
    /// How far rows had come, wherever they were read.
    rows: Option<Rows>,
    accounts: FxHashMap<u64, Held>,
    numbers: HashMap<Text, u64, RandomState>,
    /// Accounts that are to be written: the first seq that their row lacks, which rises, and their
    /// number.
    unwritten: VecDeque<(u64, u64)>,
    recent: Recent,
    caution: Caution,
}

/// What of a [`Stand`] is about rows.
#[derive(Clone)]
struct Rows {
    accounts_seq: u64,
    history: Text,
}

impl Rows {
    /// Whether those of `stand` may be elder, whatever the log says.
    fn are_newer(&self, stand: &Stand) -> bool {
        self.history != stand.history || stand.accounts_seq < self.accounts_seq
    }
}

/// An account, and the first seq that its row lacks.
struct Held {
    account: Account,
    lacks: Option<u64>,
}

impl Resident {
    /// Nothing yet.
    pub fn new(form: Form) -> Resident {
        Resident::within(form, Bounds::default())
    }

    /// Nothing yet, and never more than `bounds` allow.
    pub fn within(form: Form, bounds: Bounds) -> Resident {
        Resident {
            form,
            bounds,
            at: None,
            has_stood: false,
            before: None,
            rows: None,
            accounts: FxHashMap::default(),
            numbers: HashMap::default(),
            unwritten: VecDeque::new(),
            recent: Recent::default(),
            caution: Caution::new(bounds.looks),
        }
    }

    /// Where the ledger stood when it was last looked at, and what was taken in since. `None`
    /// before that.
    pub fn position(&self) -> Option<Position> {
        self.at.filter(|_| self.has_stood)
    }

    /// What was seen committed, whatever has been forgotten since.
    fn seen(&self) -> Option<Position> {
        self.position().or(self.before)
    }

    /// Whether what is known belongs to where the ledger stands.
    pub fn is_at(&self, stand: &Stand) -> bool {
        self.position() == Some(stand.position) && !self.has_gone_back(stand)
    }

    /// Whether rows may be elder than they were, whatever the log says.
    pub fn has_gone_back(&self, stand: &Stand) -> bool {
        self.rows.as_ref().is_some_and(|rows| rows.are_newer(stand))
    }

    /// The seq of the event that is to be taken in next.
    pub fn next_seq(&self) -> u64 {
        self.at.map_or(1, |at| at.next_seq)
    }

    /// Whether nothing is known, not even where to begin.
    pub fn is_blank(&self) -> bool {
        self.at.is_none()
    }

    /// Forget everything, and begin at `from`: all rows have come so far in the `history` there.
    pub fn begin_anew(&mut self, from: Position, history: Text) {
        let (caution, before) = (self.caution, self.seen());
        *self = Resident::within(self.form, self.bounds);
        (self.at, self.before, self.caution) = (Some(from), before, caution);
        self.rows = Some(Rows { accounts_seq: from.next_seq - 1, history });
    }

    /// What is known belongs to where the ledger stands.
    fn stand(&mut self, stand: &Stand) {
        let Stand { position, accounts_seq, ref history } = *stand;
        (self.at, self.has_stood) = (Some(position), true);
        self.rows = Some(Rows { accounts_seq, history: history.clone() });
        self.rows_came_to(accounts_seq);
    }

    /// The numbers of accounts that `late` events concern and that are not here.
    pub fn unmet(&self, late: &[Late]) -> Vec<u64> {
        let sides = late.iter().flat_map(|late| late.event.debit.iter().chain(&late.event.credit));
        let unmet = sides.map(|side| side.no).filter(|no| !self.accounts.contains_key(no));
        unmet.collect::<BTreeSet<u64>>().into_iter().collect()
    }

    /// Take in the next events of the log, and the rows of [`Resident::unmet`] accounts. Whether
    /// there are any and they lead on from the position; if not, the log is another one.
    pub fn take(&mut self, ledger: u32, late: &[Late], met: Vec<Account>) -> bool {
        self.meet(met);
        let leads_on = !late.is_empty() && late.iter().all(|late| self.follow(ledger, late));
        self.make_room(0);
        leads_on
    }

    /// All rows of accounts have come up to `seq`, whoever wrote them.
    pub fn rows_came_to(&mut self, seq: u64) {
        if let Some(rows) = &mut self.rows {
            rows.accounts_seq = rows.accounts_seq.max(seq);
        }
        let mut further = Vec::new();
        while let Some((_, no)) = self.unwritten.pop_front_if(|(lacks, _)| *lacks <= seq) {
            let Some(held) = self.accounts.get_mut(&no) else { continue };
            let lacks_more = held.account.last_seq > seq;
            held.lacks = lacks_more.then_some(seq + 1);
            further.extend(lacks_more.then_some((seq + 1, no)));
        }
        further.into_iter().rev().for_each(|one| self.unwritten.push_front(one));
        self.make_room(0);
    }

    fn follow(&mut self, ledger: u32, late: &Late) -> bool {
        let Some(at) = self.at else { return false };
        let Late { event, held, slot } = late;
        let Some(after) = after(at, ledger, event) else { return false };
        let mut changed = Vec::with_capacity(2);
        for side in event.debit.iter().chain(&event.credit) {
            let Some(mut account) = self.account(side.no).cloned() else { return false };
            if follow(&mut account, event, *held).is_none() {
                return false;
            }
            changed.push(account);
        }
        for account in changed {
            let Some(held) = self.accounts.get_mut(&account.no) else { return false };
            let is_new = held.account.last_seq < account.last_seq;
            if is_new && held.lacks.is_none() {
                held.lacks = Some(event.seq);
                self.unwritten.push_back((event.seq, account.no));
            }
            held.account = account;
        }
        self.recent.extend(*slot, self.bounds.recent);
        self.at = Some(after);
        true
    }

    /// The ids, of those that a step names, whose accounts are not here.
    pub fn missing<'a>(&mut self, ids: &'a [Text]) -> Vec<&'a str> {
        self.make_room(ids.len());
        let missing = ids.iter().filter(|id| !self.numbers.contains_key(&***id));
        missing.map(|id| &**id).collect()
    }

    /// Forget accounts that rows have as they are, when with so many `more` they would be too many.
    fn make_room(&mut self, more: usize) {
        if self.accounts.len() - self.unwritten.len() + more > self.bounds.accounts_max {
            self.accounts.retain(|_, held| held.lacks.is_some());
            let accounts = &self.accounts;
            self.numbers.retain(|_, no| accounts.contains_key(no));
        }
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
        self.form == Form::Plain || self.caution.looks() || keys < self.bounds.few_keys
    }

    /// The unique index knows a key that was not looked up.
    pub fn was_refused(&mut self) {
        self.caution.refused(self.bounds.looks.1);
    }

    /// What a step that has `effects` and ends before `next_seq` writes of accounts, at most `most`
    /// of them, by number. Which is enough, as long as it is no less than a step can change.
    pub fn due(&self, effects: &[Effect], next_seq: u64, most: usize) -> Writing {
        let lag = if self.form == Form::Plain { 0 } else { self.bounds.lag };
        self.writing(effects, most, |lacks| lacks.saturating_add(lag) < next_seq)
    }

    /// What a step writes of accounts that does nothing else: at most `most`, and those that began
    /// to lag with the last of them. So it raises how far rows have come, and is missed when it is
    /// lost alone.
    pub fn rest(&self, most: usize) -> Writing {
        self.writing(&[], most, |_| true)
    }

    fn writing(&self, effects: &[Effect], most: usize, is_due: impl Fn(u64) -> bool) -> Writing {
        let begun = self.next_seq();
        let mut writing = Writing { accounts: Vec::new(), lacks: None };
        if let Some((lacks, _)) = self.unwritten.front().filter(|(lacks, _)| !is_due(*lacks)) {
            writing.lacks = Some(*lacks);
            return writing;
        }
        let changed: FxHashMap<u64, &Account> =
            changed(effects).map(|account| (account.no, account)).collect();
        let new = changed.keys().filter(|no| self.lacks(**no).is_none());
        // In the order in which their rows began to lag; what this step changes first is last.
        let all = self.unwritten.iter().copied().chain(new.map(|no| (begun, *no)));
        let (is_rest, mut last) = (effects.is_empty(), None);
        for (lacks, no) in all {
            let is_full = writing.accounts.len() >= most && !(is_rest && last == Some(lacks));
            last = Some(lacks);
            if is_full || !is_due(lacks) {
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
        let begun = self.next_seq();
        for effect in effects {
            match effect {
                Effect::Open(account) => self.hold(account, None),
                Effect::Update(account) => self.update(account, begun, written),
                _ => {}
            }
        }
        for account in &written.accounts {
            if let Some(held) = self.accounts.get_mut(&account.no) {
                held.lacks = None;
            }
        }
        // What was written of what stood here before, stood first.
        while let Some((_, no)) = self.unwritten.front()
            && self.lacks(*no).is_none()
        {
            self.unwritten.pop_front();
        }
        self.recent.extend(slots, self.bounds.recent);
        if let Some(rows) = &mut self.rows {
            rows.accounts_seq = rows.accounts_seq.max(written.seq(position));
        }
        self.at = Some(position);
        self.caution.passed(self.bounds.looks.0);
    }

    /// An account as a step left it that began before `begun`.
    fn update(&mut self, account: Account, begun: u64, written: &Writing) {
        let no = account.no;
        let lacks = (!written.has(no)).then_some(begun);
        let held = self.accounts.get_mut(&no);
        if lacks.is_some() && held.as_ref().is_none_or(|held| held.lacks.is_none()) {
            self.unwritten.push_back((begun, no));
        }
        match held {
            Some(held) => *held = Held { account, lacks: held.lacks.or(lacks) },
            None => self.hold(account, lacks),
        }
    }

    /// How many accounts and recent keys are remembered.
    pub fn size(&self) -> usize {
        self.accounts.len() + self.recent.len()
    }

    /// Forget recent keys; how many there were.
    pub fn forget_keys(&mut self) -> usize {
        std::mem::take(&mut self.recent).len()
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
    fn has(&self, no: u64) -> bool {
        self.accounts.binary_search_by_key(&no, |account| account.no).is_ok()
    }

    /// Up to which seq all rows have come, once it is written and the ledger stands at `position`.
    pub fn seq(&self, position: Position) -> u64 {
        self.lacks.unwrap_or(position.next_seq) - 1
    }
}

/// Where the log stands after `event`, if that is the next one.
fn after(at: Position, ledger: u32, event: &Event) -> Option<Position> {
    let tail = chained(at.tail, ledger, [event]);
    (event.seq == at.next_seq).then_some(Position { next_seq: event.seq + 1, tail })
}

/// The chain's hash after `events`, which follow where it is `tail`.
pub fn chained<'a>(tail: Hash, ledger: u32, events: impl IntoIterator<Item = &'a Event>) -> Hash {
    let mut encoding = Vec::new();
    events.into_iter().fold(tail, |tail, event| {
        encoding.clear();
        event.encode(ledger, &mut encoding);
        tail.link(&encoding)
    })
}

/// The accounts that `effects` change and that were there before.
fn changed(effects: &[Effect]) -> impl Iterator<Item = &Account> {
    effects.iter().filter_map(|effect| match effect {
        Effect::Update(account) => Some(account),
        _ => None,
    })
}
