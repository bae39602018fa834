//! A topic in memory, and everything that can happen to one.
//!
//! Offsets are those of a real broker: they have holes, and they go on where a log was emptied from
//! its beginning. Deliberately absent: replicas, and what leads to the losses.

use semel_core::dead_letter::Raw;
use semel_core::failure::Failure;
use semel_core::wire::{About, Fetched, Message, Producer, Record, Topic};
use std::collections::{BTreeMap, VecDeque};
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::Poll;

/// A topic that tests share with the code under test.
#[derive(Clone)]
pub struct Broker(Arc<Mutex<State>>);

pub struct State {
    pub about: About,
    pub logs: Vec<Log>,
    /// Whether nobody can reach it.
    pub away: bool,
    /// The partition that has no leader, if there is one.
    pub dead: Option<u32>,
    /// How many offsets a fetch covers at most.
    pub reach: u64,
    /// Whether others get on while a fetch waits for its answer.
    pub slow: bool,
    /// How many messages producers were given.
    pub sent: usize,
    /// What happens right after something was fetched.
    pub fetched: Option<Happens>,
    fates: VecDeque<Fate>,
    late: Vec<Message>,
}

/// Told of a fetch; whether it has happened now.
pub type Happens = Box<dyn FnMut(&Broker, &Fetched) -> bool + Send>;

/// A partition.
#[derive(Clone, Default)]
pub struct Log {
    pub start: u64,
    pub end: u64,
    pub records: BTreeMap<u64, Raw>,
    /// When each was written: no two at once.
    times: BTreeMap<u64, i64>,
    written: i64,
}

/// What becomes of a message on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It arrives.
    Arrives,
    /// It arrives, and so does a copy.
    Twice,
    /// It is lost, and nobody says so.
    Lost,
    /// It arrives when the test says so.
    Late,
    /// It is lost; the producer hears of it, when those behind it have arrived.
    Fails,
    /// It arrives, but the producer hears that it did not.
    Doubted,
}

impl Broker {
    pub fn new(id: &str, partitions: u32) -> Broker {
        let logs = vec![Log::default(); partitions as usize];
        let about = About { id: id.into(), partitions, compacted: false };
        let (fates, late) = (VecDeque::new(), Vec::new());
        Broker(Arc::new(Mutex::new(State {
            about,
            logs,
            away: false,
            dead: None,
            reach: u64::MAX,
            slow: false,
            sent: 0,
            fetched: None,
            fates,
            late,
        })))
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// What becomes of the messages that are sent next; after that, all arrive.
    pub fn plan(&self, fates: &[Fate]) {
        self.state().fates = fates.iter().copied().collect();
    }

    /// Let arrive what was late; how many that were.
    pub fn deliver_late(&self) -> usize {
        let mut state = self.state();
        let late = std::mem::take(&mut state.late);
        late.iter().for_each(|message| state.append(message));
        late.len()
    }

    /// Append a record of somebody else.
    pub fn put(&self, partition: usize, raw: Raw) {
        self.state().logs[partition].append(raw);
    }

    /// Use up an offset, as the marker does with which a Kafka transaction ends.
    pub fn mark(&self, partition: usize) {
        self.state().logs[partition].end += 1;
    }

    /// The log ends at the offset `end`, as after the election of a leader that lacked the rest.
    pub fn truncate(&self, partition: usize, end: u64) {
        let log = &mut self.state().logs[partition];
        log.records.split_off(&end);
        (log.end, log.start) = (log.end.min(end), log.start.min(end));
    }

    /// Records below the offset `start` are deleted.
    pub fn expire(&self, partition: usize, start: u64) {
        let log = &mut self.state().logs[partition];
        log.records = log.records.split_off(&start);
        log.start = start;
    }

    /// Make the topic again under its name.
    pub fn recreate(&self, id: &str, partitions: u32) {
        let mut state = self.state();
        state.about = About { id: id.into(), partitions, compacted: false };
        state.logs = vec![Log::default(); partitions as usize];
    }

    /// Give the topic another number of partitions.
    pub fn resize(&self, partitions: u32) {
        let mut state = self.state();
        state.about.partitions = partitions;
        state.logs.resize(partitions as usize, Log::default());
    }

    fn reach(&self) -> Result<MutexGuard<'_, State>, Failure> {
        let state = self.state();
        match state.away {
            true => Err(Failure::Retryable("the broker is away".into())),
            false => Ok(state),
        }
    }
}

impl State {
    fn append(&mut self, message: &Message) {
        self.logs[message.partition as usize].append(message.raw.clone());
    }

    fn deliver(&mut self, message: Message) -> Result<(), Failure> {
        let fate = self.fates.pop_front().unwrap_or(Fate::Arrives);
        let is_dead = self.dead == Some(message.partition);
        let copies = match fate {
            _ if is_dead => 0,
            Fate::Arrives | Fate::Doubted => 1,
            Fate::Twice => 2,
            Fate::Lost | Fate::Late | Fate::Fails => 0,
        };
        (0..copies).for_each(|_| self.append(&message));
        self.sent += 1;
        match fate {
            Fate::Late => self.late.push(message),
            Fate::Fails | Fate::Doubted => return Err(Failure::Unknown("not delivered".into())),
            Fate::Arrives | Fate::Twice | Fate::Lost => {}
        }
        Ok(())
    }
}

impl Log {
    fn append(&mut self, raw: Raw) {
        self.written += 1;
        self.times.insert(self.end, self.written);
        self.records.insert(self.end, raw);
        self.end += 1;
    }
}

impl Topic for Broker {
    type Producer = Sending;

    async fn about(&self) -> Result<About, Failure> {
        Ok(self.reach()?.about.clone())
    }

    async fn fetch(&self, partition: u32, from: u64, limit: usize) -> Result<Fetched, Failure> {
        let mut waits = self.state().slow;
        poll_fn(|_| if std::mem::take(&mut waits) { Poll::Pending } else { Poll::Ready(()) }).await;
        let state = self.reach()?;
        let missing = || Failure::Retryable("there is no such partition".into());
        let log = state.logs.get(partition as usize).ok_or_else(missing)?;
        if state.dead == Some(partition) {
            return Err(Failure::Retryable("it has no leader".into()));
        }
        let &Log { start, end, .. } = log;
        let is_there = (start..=end).contains(&from);
        let far = from.saturating_add(state.reach).min(end);
        let found = log.records.range(from..far.max(from)).take(limit).filter(|_| is_there);
        let record = |(&offset, raw): (&u64, &Raw)| Record {
            offset,
            timestamp: log.times.get(&offset).copied().unwrap_or_default(),
            raw: raw.clone(),
        };
        let records: Vec<Record> = found.map(record).collect();
        let next = match records.last() {
            Some(last) if records.len() == limit => last.offset + 1,
            _ if is_there => far,
            _ => from,
        };
        let fetched = Fetched { topic: state.about.id.clone(), start, end, records, next };
        drop(state);
        let happens = self.state().fetched.take();
        if let Some(mut happens) = happens
            && !happens(self, &fetched)
        {
            self.state().fetched = Some(happens);
        }
        Ok(fetched)
    }

    fn producer(&self) -> Sending {
        Sending { broker: self.clone(), broken: false }
    }
}

/// A producer, until a delivery fails.
pub struct Sending {
    broker: Broker,
    broken: bool,
}

impl Producer for Sending {
    async fn send(&mut self, messages: Vec<Message>) -> Result<(), Failure> {
        assert!(!self.broken, "a producer that lost something sends nothing more");
        let mut state = self.broker.reach()?;
        let mut outcome = Ok(());
        for message in messages {
            outcome = outcome.and(state.deliver(message));
        }
        self.broken = outcome.is_err();
        outcome
    }
}
