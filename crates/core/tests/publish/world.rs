//! A ledger, a topic and whoever publishes the one on the other.

use crate::books::{Books, beginning};
use crate::broker::Broker;
use crate::reader::strict;
use crate::script::{ACCOUNTS, command, compare};
use crate::store::LEDGER;
use crate::time::Clock;
use semel_core::event::{Event, Kind};
use semel_core::exactly_once::Cursor;
use semel_core::failure::Failure;
use semel_core::leg::Pace;
use semel_core::problem::Code;
use semel_core::publish::confirm::Tally;
use semel_core::publish::{Key, Publication, publish};
use semel_core::wire::{Link, partition};
use std::collections::BTreeMap;
use std::time::Duration;

/// Who publishes in most tests.
pub const OWNER: u32 = 1;

/// By then everything that is going to happen has happened.
pub const LONG: Duration = Duration::from_secs(120);

pub struct World {
    pub clock: Clock,
    pub broker: Broker,
    pub books: Books,
    pub tally: Tally,
    pub publication: Publication,
}

impl World {
    /// The accounts of every table, and a topic `t1`.
    pub fn new(partitions: u32) -> World {
        let clock = Clock::default();
        let books = Books::new(&clock);
        compare(&mut books.state().store, ACCOUNTS);
        let publication = Publication {
            ledger: LEDGER,
            name: "main".into(),
            topic: "t".into(),
            key: Key::default(),
            beside: false,
        };
        let broker = Broker::new("t1", partitions);
        World { clock, broker, books, tally: Tally::default(), publication }
    }

    /// As `new`, with `count` payments by ten accounts, 1,000 a step.
    pub fn with_payments(partitions: u32, count: usize) -> World {
        let world = World::new(partitions);
        world.pay(0, count);
        world
    }

    /// Record `count` payments, whose keys are numbered from `first` on.
    pub fn pay(&self, first: usize, count: usize) {
        let mut state = self.books.state();
        let line = |n: usize| format!("pay n{n} 5 USD payer{} shop open=unlimited/-", n % 10);
        let all: Vec<_> = (first..first + count).map(|n| command(&state.store, &line(n))).collect();
        all.chunks(1_000).for_each(|step| drop(state.store.step(step)));
    }

    /// Publish as `owner` for as long as there is `more` to wait for; why it ended, if it did.
    pub fn publish_while(&self, owner: u32, mut more: impl FnMut() -> bool) -> Option<Failure> {
        let end = self.clock.now() + LONG;
        let targets = |source: semel_core::Text, first| {
            std::future::ready(Ok(self.books.leg(&source, first, owner)))
        };
        let by = (&self.broker, &self.books, &self.clock);
        let published = publish(&self.publication, by, &self.tally, targets);
        self.clock.run(published, || self.clock.now() < end && more())
    }

    /// A process publishes until all is confirmed, and dies; a strict reader sees everything then.
    #[track_caller]
    pub fn settle(&self) {
        assert_eq!(self.publish_while(OWNER, || !self.is_confirmed()), None);
        assert!(self.is_confirmed(), "{LONG:?} are enough to confirm everything");
        assert_eq!(strict(&self.broker), self.expected(), "what a strict reader sees");
    }

    /// A process publishes for `LONG`; how many messages it sent.
    #[track_caller]
    pub fn sends(&self) -> usize {
        let before = self.broker.state().sent;
        assert_eq!(self.publish_while(OWNER, || true), None);
        self.broker.state().sent - before
    }

    /// The name of the stop that publishing ends with.
    #[track_caller]
    pub fn stops(&self) -> Code {
        match self.publish_while(OWNER, || true) {
            Some(Failure::Permanent(stop)) => stop.code,
            other => panic!("no stop, but {other:?}"),
        }
    }

    /// Whether every partition's cursor stands behind the last event that belongs there.
    pub fn is_confirmed(&self) -> bool {
        let (links, expected) = (self.links(), self.expected());
        let mut partitions = (0..).zip(&expected);
        partitions.all(|(partition, seqs)| {
            let Cursor { next, tail, .. } = self.cursor(partition);
            let last = seqs.last().map_or(Link::NONE, |seq| links[*seq as usize]);
            (next.saturating_sub(1), tail) == (last.seq, last.hash)
        })
    }

    /// Where the leg of `partition` stands, of the topic as it is now.
    pub fn cursor(&self, partition: u32) -> Cursor {
        self.books.at(&self.source(partition))
    }

    pub fn source(&self, partition: u32) -> semel_core::Text {
        let id = self.broker.state().about.id.clone();
        self.publication.source(&id, partition)
    }

    /// The seqs of each partition, as the contract spreads them by debit account.
    pub fn expected(&self) -> Vec<Vec<u64>> {
        let count = self.broker.state().about.partitions;
        let mut partitions = vec![Vec::new(); count as usize];
        let (state, mut payers) = (self.books.state(), BTreeMap::new());
        for event in &state.store.log {
            let payer = payer(event, &mut payers);
            partitions[partition(payer.as_bytes(), count) as usize].push(event.seq);
        }
        partitions
    }

    /// The chain after each event, the log's beginning first.
    pub fn links(&self) -> Vec<Link> {
        let mut links = vec![beginning()];
        for event in &self.books.state().store.log {
            let mut encoding = Vec::new();
            event.encode(LEDGER, &mut encoding);
            let hash = links.last().unwrap().hash.link(&encoding);
            links.push(Link { seq: event.seq, hash });
        }
        links
    }
}

/// The account by which an event is spread: what refers to a payment goes where the payment went.
fn payer(event: &Event, payers: &mut BTreeMap<u64, semel_core::Text>) -> semel_core::Text {
    let debit = || event.debit.as_ref().expect("every event has an account").id.clone();
    let payer = match event.reference {
        Some(payment) => payers[&payment.seq].clone(),
        None => debit(),
    };
    assert!(event.reference.is_some() || event.kind != Kind::PaymentRefunded);
    payers.insert(event.seq, payer.clone());
    payer
}
