//! A ledger in memory that runs the real decisions, so that the auditor meets a real log.

use semel_core::Text;
use semel_core::account::{Account, Overdraft};
use semel_core::chain::Hash;
use semel_core::event::Event;
use semel_core::ledger::{
    AccountRequest, Command, Effect, Keys, Outcome, Paid, Position, Snapshot, decide,
};
use semel_core::mapping::OpenAccounts;
use semel_core::money::Currency;
use semel_core::payment::{Capture, Identity, Operation, Pay, Payment};
use semel_core::verify::{Finding, Findings, Keys as IndexedKeys, Named, Replay, Report, Slot};
use std::collections::BTreeMap;

pub const LEDGER: u32 = 3;

/// What a store keeps of one ledger.
#[derive(Clone)]
pub struct Books {
    pub events: Vec<Event>,
    pub accounts: BTreeMap<u64, Account>,
    pub anchors: BTreeMap<u64, Hash>,
    pub position: Position,
    /// The index of keys.
    pub index: BTreeMap<i64, u64>,
    /// Keys up to this seq are in the index; those behind it may be.
    pub indexed_seq: u64,
}

impl Books {
    pub fn new() -> Books {
        Books {
            events: Vec::new(),
            accounts: BTreeMap::new(),
            anchors: BTreeMap::new(),
            position: Position::start("main"),
            index: BTreeMap::new(),
            indexed_seq: 0,
        }
    }

    /// Decide one command and keep what it did; the seq of the last event.
    pub fn run(&mut self, command: Command) -> u64 {
        let decision = decide([&command], &self.snapshot(Keys::of([&command])));
        let refused = matches!(decision.outcomes[0], Outcome::Refused(_));
        assert!(!refused, "{command:?}: {:?}", decision.outcomes);
        for effect in decision.effects {
            match effect {
                Effect::Append(event) => self.append((*event).clone()),
                Effect::Anchor { seq, hash } => {
                    self.anchors.insert(seq, hash);
                }
                Effect::Open(account) | Effect::Update(account) => {
                    self.accounts.insert(account.no, account);
                }
                Effect::Move(position) => self.position = position,
                other => panic!("no payment does this: {other:?}"),
            }
        }
        self.position.next_seq - 1
    }

    pub fn open(&mut self, id: &str, currency: &str, overdraft: Overdraft) -> u64 {
        let currency = Currency::parse(currency).unwrap();
        self.run(Command::OpenAccount(AccountRequest { id: id.into(), currency, overdraft }))
    }

    pub fn pay(&mut self, key: &str, sides: [&str; 2], amount: i64, capture: Capture) -> u64 {
        self.run(Command::Pay(identity("", key), self.wish(sides, amount, capture)))
    }

    /// A payment that has everything a payment can have.
    pub fn pay_richly(&mut self, key: &str, sides: [&str; 2], amount: i64) -> u64 {
        let described = Pay {
            description: Some("for \"bread\"\n".into()),
            metadata: Some(r#"{"a":1,"b":[null,"x"]}"#.into()),
            ..self.wish(sides, amount, Capture::Now)
        };
        self.run(Command::Pay(identity("shop", key), described))
    }

    pub fn operate(&mut self, key: &str, payment: u64, operation: Operation) -> u64 {
        let id = self.events[payment as usize - 1].id(LEDGER);
        self.run(Command::Operate(identity("", key), id, operation))
    }

    pub fn close(&mut self, id: &str) -> u64 {
        self.run(Command::CloseAccount(id.into()))
    }

    /// Make the chain, its anchors and the end of the log again, as somebody would who alters a log
    /// and hopes that nobody has kept a hash.
    pub fn seal(&mut self) {
        self.anchors.clear();
        let mut tail = Position::start("main").tail;
        for event in &self.events {
            let mut encoding = Vec::new();
            event.encode(LEDGER, &mut encoding);
            tail = tail.link(&encoding);
            if event.seq % 1_024 == 0 {
                self.anchors.insert(event.seq, tail);
            }
        }
        let next_seq = self.events.last().map_or(1, |event| event.seq + 1);
        self.position = Position { next_seq, tail };
    }

    /// All that the auditor has to say.
    pub fn audit(&self) -> Vec<Finding> {
        let mut findings = Findings::default();
        let report = self.replay();
        findings.extend(report.findings);
        self.compare_index(&mut findings);
        findings.list()
    }

    pub fn replay(&self) -> Report {
        self.held_to([])
    }

    /// The replay of somebody who holds hashes that were published.
    pub fn held_to(&self, published: impl IntoIterator<Item = (u64, Hash)>) -> Report {
        let replay = Replay::new(LEDGER, "main".into(), self.anchors.clone());
        let mut replay = replay.hold_to(published);
        for event in &self.events {
            let payment = event.reference.and_then(|reference| self.event(reference.seq));
            replay.feed(event, payment);
        }
        replay.finish(self.accounts.values().cloned(), self.position)
    }

    pub fn event(&self, seq: u64) -> Option<&Event> {
        self.events.iter().find(|event| event.seq == seq)
    }

    fn compare_index(&self, findings: &mut Findings) {
        let mut keys = IndexedKeys::new("main".into());
        let logged: Vec<Slot> = self.events.iter().filter_map(slot).collect();
        logged.iter().for_each(|key| keys.logged(*key, self.indexed_seq < key.seq));
        keys.turn();
        let index: Vec<Slot> =
            self.index.iter().map(|(slot, seq)| Slot { slot: *slot, seq: *seq }).collect();
        let look_up = |seq: u64| {
            let event = self.event(seq)?;
            let identity = Identity { namespace: event.namespace.clone(), key: event.key.clone()? };
            Some(Named { identity, hash: slot(event)?.slot })
        };
        index.iter().for_each(|entry| keys.indexed(*entry, look_up, findings));
        for span in keys.finish(look_up, findings) {
            let within = |slots: &[Slot]| -> Vec<Slot> {
                slots.iter().copied().filter(|slot| span.contains(&slot.seq)).collect()
            };
            keys.explain(&span, &within(&logged), &within(&index), findings);
        }
    }

    fn append(&mut self, event: Event) {
        self.enter(&event);
        self.indexed_seq = event.seq;
        self.events.push(event);
    }

    /// Put an event's key into the index.
    pub fn enter(&mut self, event: &Event) {
        let Some(Slot { mut slot, seq }) = slot(event) else { return };
        while self.index.contains_key(&slot) {
            slot += 1;
        }
        self.index.insert(slot, seq);
    }

    fn wish(&self, [debit, credit]: [&str; 2], amount: i64, capture: Capture) -> Pay {
        let account = self.accounts.values().find(|account| *account.id == *debit);
        Pay {
            amount,
            currency: Some(account.unwrap().currency),
            debit_account: debit.into(),
            credit_account: credit.into(),
            description: None,
            metadata: None,
            metadata_problem: None,
            capture,
            open: OpenAccounts::default(),
        }
    }

    fn snapshot(&self, keys: Keys) -> Snapshot {
        let named = |id: &Text| self.accounts.values().find(|account| account.id == *id).cloned();
        let recorded = keys.identities.iter().map(|(identity, _)| {
            let is = |event: &&Event| {
                event.key.as_ref() == Some(&identity.key) && event.namespace == identity.namespace
            };
            self.events.iter().find(is).cloned().map(Into::into)
        });
        let paid = keys.payments.iter().map(|id| {
            let mut payment = Payment::recorded(self.event(id.seq)?.clone())?;
            let refers = |event: &&Event| event.reference.is_some_and(|to| to.seq == id.seq);
            for later in self.events.iter().filter(refers) {
                assert!(payment.follow(later.kind, later.amount));
            }
            let account = |side: &Option<semel_core::event::Side>| {
                self.accounts[&side.as_ref().unwrap().no].clone()
            };
            let [debit, credit] = [&payment.event.debit, &payment.event.credit].map(account);
            Some(Paid { payment, debit, credit })
        });
        Snapshot {
            ledger: LEDGER,
            position: self.position,
            now: 1_795_262_400_000_000 + self.position.next_seq as i64,
            recorded: recorded.collect(),
            accounts: keys.accounts.iter().map(named).collect(),
            payments: paid.collect(),
            letters: Vec::new(),
            keys,
        }
    }
}

pub fn identity(namespace: &str, key: &str) -> Identity {
    Identity { namespace: namespace.into(), key: key.into() }
}

/// The key of an event as the index has it.
pub fn slot(event: &Event) -> Option<Slot> {
    let key = event.key.as_deref()?;
    Some(Slot { slot: Identity::hash(&event.namespace, key), seq: event.seq })
}
