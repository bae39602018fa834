//! A ledger in plain maps: what there is (`accounts`, `events`), and beside it what a database
//! would hold of it, rows that lag and how far they have come.

use super::super::*;
use crate::places::first_slot;
use semel_core::account::{Account, Overdraft};
use semel_core::event::Kind;
use semel_core::failure::Stop;
use semel_core::id::EventId;
use semel_core::ledger::{AccountRequest, Command, Keys, Paid, Snapshot, decide};
use semel_core::mapping::OpenAccounts;
use semel_core::money::Currency;
use semel_core::payment::{Capture, Identity, Operation, Pay, Payment};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

pub(super) const LEDGER: u32 = 7;
/// Events that are read at once.
const PAGE: usize = 7;
/// Accounts that a step may write whatever it appends.
const LEAST: usize = 64;

/// How a step ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// It is committed.
    Done,
    /// Nothing has happened, and the process knows.
    Failed,
    /// It is committed, and the process does not know.
    Unknown,
}

/// A ledger.
#[derive(Clone)]
pub(super) struct World {
    pub(super) now: i64,
    /// Where the log ended before each event, and where it ends.
    positions: Vec<Position>,
    pub(super) position: Position,
    events: Vec<Arc<Event>>,
    pub(super) accounts: BTreeMap<u64, Account>,
    numbers: HashMap<Text, u64>,
    payments: BTreeMap<u64, Payment>,
    /// The unique index, and the table.
    keys: HashMap<Identity, Arc<Event>>,
    pub(super) rows: BTreeMap<u64, Account>,
    pub(super) accounts_seq: u64,
    /// Another one after each rewind, unless somebody hides it.
    pub(super) history: Text,
    /// Rows of accounts that were written again.
    pub(super) written: usize,
}

impl Default for World {
    fn default() -> World {
        let position = Position::start("main");
        World {
            now: 1_000_000,
            positions: vec![position],
            position,
            events: Vec::new(),
            accounts: BTreeMap::new(),
            numbers: HashMap::new(),
            payments: BTreeMap::new(),
            keys: HashMap::new(),
            rows: BTreeMap::new(),
            accounts_seq: 0,
            history: "".into(),
            written: 0,
        }
    }
}

/// A payment between two accounts that are opened by their first use.
pub(super) fn pay(key: &str, from: u64, to: u64, amount: i64) -> Command {
    let identity = Identity { namespace: "".into(), key: key.into() };
    let name = |number: u64| Text::from(format!("account:{number}"));
    let open = OpenAccounts { debit: Some(Overdraft::Unlimited), credit: Some(Overdraft::None) };
    let pay = Pay {
        amount,
        currency: Currency::parse("EUR"),
        debit_account: name(from),
        credit_account: name(to),
        description: None,
        metadata: None,
        metadata_problem: None,
        capture: Capture::Now,
        open,
    };
    Command::Pay(identity, pay)
}

/// A command that `seed` chooses: mostly payments, some with a used key or with a hold.
pub(super) fn command(seed: u64, world: &World) -> Command {
    let [what, from, to, key] = [seed % 20, seed >> 8 & 7, seed >> 16 & 7, seed >> 24 & 127];
    let amount = 1 + (seed >> 40 & 31) as i64;
    let used = world.payments.values().nth(key as usize % world.payments.len().max(1));
    let identity = Identity { namespace: "".into(), key: format!("o{}", key % 40).into() };
    let id = format!("account:{from}");
    match (what, used) {
        (0, _) => Command::CloseAccount(id.into()),
        (1, _) => Command::OpenAccount(AccountRequest {
            id: id.into(),
            currency: Currency::parse("EUR").expect("it is one"),
            overdraft: Overdraft::Limit(60),
        }),
        (2..=7, Some(paid)) => {
            let EventId { at, seq, .. } = paid.event.id(LEDGER);
            let some = [None, Some(amount)][what as usize % 2];
            let operation = match what {
                2 | 3 => Operation::Refund(some),
                4..=6 => Operation::Capture(some),
                _ => Operation::Void,
            };
            Command::Operate(identity, EventId { at, ledger: LEDGER, seq }, operation)
        }
        _ => match pay(&format!("p{key}"), from, to, amount) {
            Command::Pay(identity, own) => {
                let capture = if what % 3 == 0 { Capture::Later } else { Capture::Now };
                let open = OpenAccounts { debit: Some(Overdraft::Limit(60)), ..own.open };
                Command::Pay(identity, Pay { capture, open, ..own })
            }
            other => other,
        },
    }
}

impl World {
    /// What `keys` name, as it is.
    pub(super) fn snapshot(&self, keys: Keys) -> Snapshot {
        let account = |id: &Text| Some(self.accounts[self.numbers.get(id)?].clone());
        Snapshot {
            ledger: LEDGER,
            position: self.position,
            now: self.now,
            recorded: keys.identities.iter().map(|(own, _)| self.keys.get(own).cloned()).collect(),
            accounts: keys.accounts.iter().map(account).collect(),
            payments: keys.payments.iter().map(|id| self.paid(id, &self.accounts)).collect(),
            letters: Vec::new(),
            keys,
        }
    }

    fn paid(&self, id: &EventId, accounts: &BTreeMap<u64, Account>) -> Option<Paid> {
        let payment = self.payments.get(&id.seq)?.clone();
        let [debit, credit] = [&payment.event.debit, &payment.event.credit]
            .map(|side| accounts[&side.as_ref().expect("payments have both").no].clone());
        Some(Paid { payment, debit, credit })
    }

    /// Where the log ended when the next event was to be `next_seq`.
    pub(super) fn position_before(&self, next_seq: u64) -> Option<Position> {
        self.positions.get(next_seq as usize - 1).copied()
    }

    /// An event as another process reads it.
    pub(super) fn late(&self, seq: u64) -> Late {
        let event = Event::clone(&self.events[seq as usize - 1]);
        let ends = matches!(event.kind, Kind::PaymentCaptured | Kind::PaymentVoided);
        let held = event.reference.filter(|_| ends);
        let held = held.map_or(0, |held| self.events[held.seq as usize - 1].amount);
        let slot = crate::places::slot_of(LEDGER, &event).map(|slot| slot.slot);
        Late { event, held, slot }
    }

    fn rows_of(&self, numbers: &[u64]) -> Vec<Account> {
        numbers.iter().filter_map(|no| self.rows.get(no)).cloned().collect()
    }

    /// Bring a process near, as the stores do before they have the lock. What it suspects then is
    /// told under the lock.
    pub(super) fn read_ahead(&self, own: &mut Resident, pages: usize) {
        own.rows_came_to(self.accounts_seq);
        let way = CatchUp::ahead(own, LEDGER, self.stand());
        let _suspicion = self.follow(own, way, pages);
    }

    /// Bring a process here, as the stores do. Whether it is; if not, it was cut off or forgets
    /// all, and whether the log that it had seen is still there was told rightly.
    fn catch_up(&self, own: &mut Resident, pages: usize) -> bool {
        if own.is_at(&self.stand()) {
            return true;
        }
        let seen = own.seen();
        let is_there = |seen: Position| self.position_before(seen.next_seq) == Some(seen);
        match self.follow(own, CatchUp::new(own, LEDGER, self.stand()), pages) {
            Ok(false) => false,
            Ok(true) => {
                assert!(seen.is_none_or(is_there), "{seen:?} is gone, and it went on");
                let lack =
                    own.unwritten.front().is_none_or(|(lacks, _)| self.accounts_seq < *lacks);
                assert!(lack, "nobody writes again what somebody else has written");
                true
            }
            Err(stop) => {
                assert!(seen.is_some_and(|seen| !is_there(seen)), "{stop}");
                *own = Resident::within(own.form, own.bounds);
                false
            }
        }
    }

    /// Whether the way was followed to its end, or cut off after so many pages.
    fn follow(&self, own: &mut Resident, mut way: CatchUp, pages: usize) -> Result<bool, Stop> {
        let mut page = 0;
        loop {
            match way.next(own)? {
                Next::Here => return Ok(true),
                Next::Events(_) if page == pages => return Ok(false),
                Next::Events(from) => {
                    page += 1;
                    let late = (from..self.position.next_seq).take(PAGE);
                    let late: Vec<Late> = late.map(|seq| self.late(seq)).collect();
                    let met = self.rows_of(&own.unmet(&late));
                    way.take(own, &late, met);
                }
                Next::Prove(seq) => {
                    let stood = self.positions.get(seq as usize - 1);
                    way.prove(stood.unwrap_or(&self.position).tail);
                }
                Next::Begin(seq) => way.begin(own, self.positions[seq as usize - 1]),
            }
        }
    }

    /// What the ledger's row says.
    pub(super) fn stand(&self) -> Stand {
        let World { position, accounts_seq, ref history, .. } = *self;
        Stand { position, accounts_seq, history: history.clone() }
    }

    /// A step of a process; whether it was committed, as far as that is known.
    pub(super) fn step(
        &mut self,
        own: &mut Resident,
        commands: &[Command],
        ending: Ending,
        pages: usize,
    ) -> bool {
        self.now += 1;
        if !self.catch_up(own, pages) {
            return false;
        }
        let exact = self.snapshot(Keys::of(commands));
        let (known, looked) = self.known(own, &exact);
        let effects = decide(commands, &known).effects;
        let after = after(self.position, &effects);
        let events: Vec<Arc<Event>> = appended(&effects).cloned().collect();
        let due = own.due(&effects, after.next_seq, LEAST + 2 * events.len());
        // The unique index refuses it, or who looks up what that does not see.
        let repeats = exact.recorded.iter().flatten().count();
        if known.recorded.iter().flatten().count() < repeats {
            assert!(!looked, "a key that was looked up is known");
            own.was_refused();
            return false;
        }
        let exact = decide(commands, &exact);
        assert_eq!(format!("{:?}", exact.effects), format!("{effects:?}"));
        if ending == Ending::Failed {
            return false;
        }
        self.write(&effects, &due, after);
        if ending == Ending::Unknown {
            return false;
        }
        let slots: Vec<i64> = events
            .iter()
            .filter_map(|event| Some(crate::places::slot_of(LEDGER, event)?.slot))
            .collect();
        if own.position() != Some(after) {
            own.arrive(effects, slots.into_iter(), &due, after);
        }
        true
    }

    /// What a process takes for the snapshot, and whether it looked all keys up. Everything in it
    /// is as it is, but for keys that were not looked up.
    fn known(&self, own: &mut Resident, exact: &Snapshot) -> (Snapshot, bool) {
        let keys = &exact.keys;
        let slots: Vec<i64> =
            keys.identities.iter().map(|(_, hash)| first_slot(LEDGER, *hash)).collect();
        let suspects = own.suspects(&slots);
        let numbers: Vec<u64> = own
            .missing(&keys.accounts)
            .iter()
            .filter_map(|id| self.numbers.get(*id))
            .copied()
            .collect();
        own.meet(self.rows_of(&numbers));
        let mut known = exact.clone();
        for (recorded, slot) in known.recorded.iter_mut().zip(&slots) {
            recorded.take_if(|_| !suspects.contains(slot));
        }
        known.accounts = own.accounts(&keys.accounts);
        assert_eq!(known.accounts, exact.accounts);
        for paid in exact.payments.iter().flatten() {
            for side in [&paid.debit, &paid.credit] {
                own.meet(self.rows_of(&[side.no]));
                assert_eq!(own.account(side.no), Some(side));
            }
        }
        (known, suspects.len() == slots.len())
    }

    /// Write accounts and nothing else; whether there were any.
    pub(super) fn rest(&mut self, own: &mut Resident, most: usize) -> bool {
        if !self.catch_up(own, usize::MAX) {
            return false;
        }
        let due = own.rest(most);
        if due.accounts.is_empty() {
            return false;
        }
        self.write(&[], &due, self.position);
        own.arrive(Vec::new(), std::iter::empty(), &due, self.position);
        true
    }

    fn write(&mut self, effects: &[Effect], due: &Writing, after: Position) {
        for effect in effects {
            match effect {
                Effect::Append(event) => self.append(event),
                Effect::Open(account) => {
                    self.numbers.insert(account.id.clone(), account.no);
                    self.accounts.insert(account.no, account.clone());
                    self.rows.insert(account.no, account.clone());
                }
                Effect::Update(account) => drop(self.accounts.insert(account.no, account.clone())),
                _ => {}
            }
        }
        for account in &due.accounts {
            assert_eq!(self.accounts.get(&account.no), Some(account), "a row is what there is");
            self.rows.insert(account.no, account.clone());
        }
        if self.position != after || !due.accounts.is_empty() {
            self.written += due.accounts.len();
            self.accounts_seq = self.accounts_seq.max(due.seq(after));
        }
        self.position = after;
    }

    fn append(&mut self, event: &Arc<Event>) {
        if let Some(own) = identity(event) {
            self.keys.insert(own, event.clone());
        }
        if let Some(payment) = Payment::recorded(Event::clone(event)) {
            self.payments.insert(event.seq, payment);
        }
        if let Some(payment) = event.reference.and_then(|of| self.payments.get_mut(&of.seq)) {
            payment.follow(event.kind, event.amount);
        }
        let before = self.positions[self.positions.len() - 1];
        let mut encoding = Vec::new();
        event.encode(LEDGER, &mut encoding);
        let tail = before.tail.link(&encoding);
        self.positions.push(Position { next_seq: event.seq + 1, tail });
        self.events.push(event.clone());
    }

    /// Rows and the events behind `accounts_seq` make the accounts, and rows do not lag further
    /// than they may.
    pub(super) fn check(&self, bounds: Bounds) {
        let mut raised = self.rows.clone();
        for seq in self.accounts_seq + 1..self.position.next_seq {
            let Late { event, held, .. } = self.late(seq);
            for side in event.debit.iter().chain(&event.credit) {
                let account = raised.get_mut(&side.no).expect("an account has a row");
                follow(account, &event, held).expect("rows and events belong together");
            }
        }
        assert_eq!(raised, self.accounts);
        let lag = self.position.next_seq - 1 - self.accounts_seq;
        assert!(lag <= bounds.lag, "rows lag by {lag} events, not {}", bounds.lag);
    }

    /// A memory is whole and no larger than it may be.
    pub(super) fn check_memory(&self, own: &Resident, bounds: Bounds) {
        assert_eq!(own.accounts.len(), own.numbers.len());
        let lacking = own.accounts.iter().filter_map(|(no, held)| Some((held.lacks?, *no)));
        assert!(own.unwritten.iter().is_sorted_by_key(|(lacks, _)| lacks));
        let unwritten: BTreeSet<(u64, u64)> = own.unwritten.iter().copied().collect();
        assert_eq!(unwritten.len(), own.unwritten.len());
        assert_eq!(unwritten, lacking.collect());
        assert!(own.recent.young.len() < bounds.recent);
        // A step has six commands at most, of two accounts each; what was met since is forgotten
        // when the next step begins.
        let most = bounds.accounts_max + own.unwritten.len() + 4 * 6;
        assert!(own.accounts.len() <= most, "{} accounts", own.accounts.len());
    }
}

fn identity(event: &Event) -> Option<Identity> {
    Some(Identity { namespace: event.namespace.clone(), key: event.key.clone()? })
}

fn appended(effects: &[Effect]) -> impl Iterator<Item = &Arc<Event>> {
    effects.iter().filter_map(|effect| match effect {
        Effect::Append(event) => Some(event),
        _ => None,
    })
}

fn after(before: Position, effects: &[Effect]) -> Position {
    let moved = effects.iter().find_map(|effect| match effect {
        Effect::Move(position) => Some(*position),
        _ => None,
    });
    moved.unwrap_or(before)
}
