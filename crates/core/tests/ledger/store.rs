//! A store of maps: it takes effects, and all that it tells was made from them.
//!
//! On the way in it checks what every store may rely on: seqs are dense, the chain is right, a key
//! is recorded once, links lead to the event before, an account is written once a step and is what
//! its events add up to, the log's end is moved last. Deliberately absent: any rule about payments.

use semel_core::Text;
use semel_core::account::Account;
use semel_core::chain::{ANCHOR_EVERY, Hash};
use semel_core::dead_letter::DeadLetter;
use semel_core::event::{Event, Kind, Side};
use semel_core::id::EventId;
use semel_core::ingest::Counts;
use semel_core::ledger::{
    Command, Effect, Keys, Letter, Outcome, Paid, Position, Snapshot, decide,
};
use semel_core::movement::Movement;
use semel_core::payment::{Identity, Payment};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The ledger's number in every test.
pub const LEDGER: u32 = 7;

/// When the first step is taken: 2026-11-20T12:00:00.000001Z.
const BEGINNING: i64 = 1_795_176_000_000_001;

/// One ledger and the dead letters of its ingests.
#[derive(Clone)]
pub struct Store {
    now: i64,
    position: Position,
    pub log: Vec<Arc<Event>>,
    pub anchors: BTreeMap<u64, Hash>,
    pub accounts: BTreeMap<Text, Account>,
    pub letters: BTreeMap<i64, DeadLetter>,
    pub counts: BTreeMap<Text, Counts>,
}

impl Default for Store {
    fn default() -> Store {
        Store {
            now: BEGINNING,
            position: Position::start("main"),
            log: Vec::new(),
            anchors: BTreeMap::new(),
            accounts: BTreeMap::new(),
            letters: BTreeMap::new(),
            counts: BTreeMap::new(),
        }
    }
}

impl Store {
    /// Decide `commands` in one step and take what was decided.
    pub fn step(&mut self, commands: &[Command]) -> Vec<Outcome> {
        let snapshot = self.snapshot(Keys::of(commands));
        let decision = decide(commands, &snapshot);
        assert_eq!(decision.outcomes.len(), commands.len(), "one outcome for each command");
        self.take(decision.effects);
        decision.outcomes
    }

    /// What `keys` name, at a moment after every earlier step's.
    pub fn snapshot(&mut self, keys: Keys) -> Snapshot {
        self.now += 1_000;
        let letter =
            |letter: &DeadLetter| Letter { source: letter.source.clone(), reason: letter.reason };
        Snapshot {
            ledger: LEDGER,
            position: self.position,
            now: self.now,
            recorded: keys.identities.iter().map(|(identity, _)| self.recorded(identity)).collect(),
            accounts: keys.accounts.iter().map(|id| self.accounts.get(id).cloned()).collect(),
            payments: keys.payments.iter().map(|id| self.paid(id)).collect(),
            letters: keys.letters.iter().map(|id| self.letters.get(id).map(letter)).collect(),
            keys,
        }
    }

    /// The event that carries `identity`.
    pub fn recorded(&self, identity: &Identity) -> Option<Arc<Event>> {
        let carries = |event: &&Arc<Event>| {
            event.key.as_ref() == Some(&identity.key) && event.namespace == identity.namespace
        };
        self.log.iter().find(carries).cloned()
    }

    /// The payment at the seq of `id`, whatever else the id says.
    pub fn paid(&self, id: &EventId) -> Option<Paid> {
        let event = self.log.get(usize::try_from(id.seq.checked_sub(1)?).ok()?)?;
        let mut payment = Payment::recorded(Event::clone(event))?;
        for later in &self.log {
            if later.reference.is_some_and(|reference| reference.seq == id.seq) {
                assert!(payment.follow(later.kind, later.amount), "only what may follow follows");
            }
        }
        let account = |side: &Option<Side>| self.accounts[&side.as_ref().unwrap().id].clone();
        Some(Paid { debit: account(&event.debit), credit: account(&event.credit), payment })
    }

    /// Make the effects of one step durable, all or none.
    pub fn take(&mut self, effects: Vec<Effect>) {
        let before = self.clone();
        let (mut moved, mut written) = (false, Vec::new());
        for effect in effects {
            let of_the_log = matches!(
                effect,
                Effect::Append(_) | Effect::Anchor { .. } | Effect::Open(_) | Effect::Update(_)
            );
            assert!(!moved || !of_the_log, "the log's end is moved last: {effect:?}");
            match effect {
                Effect::Append(event) => self.append(event),
                Effect::Anchor { seq, hash } => {
                    assert_eq!((seq, hash), (self.log.len() as u64, self.position.tail));
                    self.anchors.insert(seq, hash);
                }
                Effect::Open(account) => {
                    assert!(!self.accounts.contains_key(&account.id), "it was not there");
                    written.push(account.id.clone());
                    self.accounts.insert(account.id.clone(), account);
                }
                Effect::Update(account) => {
                    let old = self.accounts.insert(account.id.clone(), account.clone());
                    assert!(old.is_some_and(|old| old != account), "it was there, and it changed");
                    written.push(account.id);
                }
                Effect::Move(position) => {
                    assert_eq!(position, self.position, "the log ends where its events end");
                    assert_ne!(position, before.position, "an end that stays is not moved");
                    moved = true;
                }
                other => self.take_letter(other),
            }
        }
        assert_eq!(moved, self.position != before.position, "the log's end was moved");
        written.sort();
        assert!(written.is_sorted_by(|a, b| a < b), "an account is written once: {written:?}");
        let mut replayed = before.accounts;
        replay(&self.log[before.log.len()..], &self.log, &mut replayed);
        assert_eq!(self.accounts, replayed, "accounts are what their events add up to");
        self.check_limits();
    }

    fn append(&mut self, event: Arc<Event>) {
        assert_eq!(event.seq, self.log.len() as u64 + 1, "seqs are dense");
        assert_eq!(event.at, self.now, "all of a step happens at one moment");
        if let Some(key) = &event.key {
            let identity = Identity { namespace: event.namespace.clone(), key: key.clone() };
            assert!(self.recorded(&identity).is_none(), "a key is recorded once: {identity:?}");
        }
        let mut encoding = Vec::new();
        event.encode(LEDGER, &mut encoding);
        let tail = self.position.tail.link(&encoding);
        self.position = Position { next_seq: event.seq + 1, tail };
        self.log.push(event);
    }

    fn take_letter(&mut self, effect: Effect) {
        match effect {
            Effect::Bury(letter) => {
                let id = self.letters.last_key_value().map_or(1, |(last, _)| last + 1);
                self.letters.insert(id, letter);
            }
            Effect::Refuse { letter, reason, detail, at } => {
                let letter = self.letters.get_mut(&letter).expect("only what is there is refused");
                (letter.reason, letter.detail, letter.at) = (reason, detail, at);
            }
            Effect::Settle(letter) => {
                self.letters.remove(&letter).expect("only what is there is settled");
            }
            Effect::Count(source, counts) => add(self.counts.entry(source).or_default(), &counts),
            other => unreachable!("{other:?} is an effect on the log"),
        }
    }

    /// Both sides of every currency are equal, and every account is within its limits.
    fn check_limits(&self) {
        let mut sums = BTreeMap::<_, [i128; 2]>::new();
        for account in self.accounts.values() {
            assert!(account.within_limits(), "{account:?}");
            let [posted, pending] = sums.entry(account.currency).or_default();
            *posted += account.totals.balance();
            let totals = account.totals;
            *pending += i128::from(totals.pending_credits) - i128::from(totals.pending_debits);
        }
        assert!(sums.values().all(|sums| *sums == [0, 0]), "debits equal credits: {sums:?}");
    }
}

/// Apply `events` of `log` to `accounts`.
pub fn replay(events: &[Arc<Event>], log: &[Arc<Event>], accounts: &mut BTreeMap<Text, Account>) {
    for event in events {
        if event.kind == Kind::AccountOpened {
            let account = opened(event);
            assert!(accounts.insert(account.id.clone(), account).is_none(), "opened once");
            continue;
        }
        let sides = [&event.debit, &event.credit];
        let mut touched = sides.into_iter().flatten().map(|side| {
            let account = accounts[&side.id].clone();
            let prev = if event.kind.is_linked() { account.last_seq } else { 0 };
            assert_eq!((side.no, side.prev), (account.no, prev), "a link to the event before");
            account
        });
        let (debit, credit) = (touched.next(), touched.next());
        let mut touched: Vec<Account> = debit.into_iter().chain(credit).collect();
        let held = event.reference.map_or(0, |payment| log[payment.seq as usize - 1].amount);
        if let Some(movement) = Movement::of(event.kind, event.amount, held) {
            let [debit, credit] = &mut touched[..] else { panic!("a movement has two sides") };
            movement.apply(debit, credit).expect("what was decided fits");
        }
        for mut account in touched.into_iter().filter(|_| event.kind.is_linked()) {
            account.last_seq = event.seq;
            account.closed |= event.kind == Kind::AccountClosed;
            accounts.insert(account.id.clone(), account);
        }
    }
}

/// The account that an opening opened, from its row alone.
fn opened(event: &Event) -> Account {
    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Properties {
        id: String,
        overdraft: semel_core::account::Overdraft,
    }
    let extra = event.extra.as_deref().expect("an opening keeps the account's properties");
    let Properties { id, overdraft } = serde_json::from_str(extra).unwrap();
    let side = event.debit.as_ref().expect("an opening names its account");
    assert_eq!((side.no, side.prev, &*side.id), (event.seq, 0, id.as_str()));
    Account::open(event.seq, id.into(), event.currency, overdraft)
}

/// Every anchor that belongs in a log of this length, and no other.
pub fn anchored(store: &Store) -> bool {
    let due = (1..=store.log.len() as u64).filter(|seq| seq.is_multiple_of(ANCHOR_EVERY));
    store.anchors.keys().copied().eq(due)
}

fn add(sum: &mut Counts, counts: &Counts) {
    sum.read += counts.read;
    sum.accepted += counts.accepted;
    sum.succeeded += counts.succeeded;
    sum.declined += counts.declined;
    sum.duplicates += counts.duplicates;
    sum.conflicts += counts.conflicts;
    sum.dead_letters += counts.dead_letters;
    sum.discarded += counts.discarded;
}
