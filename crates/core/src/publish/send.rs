//! Send: the events behind what is confirmed, in order, each linked to the one before it in its
//! partition. It keeps no cursor and never decides what was sent.

use super::Publication;
use super::confirm::link;
use super::message::message;
use super::walk::{Log, Walk, is_in};
use crate::event::Event;
use crate::failure::{Failure, Stop};
use crate::leg::Pace;
use crate::wire::{About, Link, Message, Producer, Stamp, Topic, partition};
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::convert::Infallible;
use core::pin::pin;
use core::time::Duration;
use futures_util::future::{Either, select};

/// How many messages may be on their way, unconfirmed.
const WINDOW: usize = 20_000;
/// How long nothing may be confirmed while something is to be before it is all sent again.
const STALL: Duration = Duration::from_secs(5);
/// How long to wait for the log to grow or the wire to confirm.
const IDLE: Duration = Duration::from_millis(500);

/// What sends a ledger's events to a topic.
pub(super) struct Sender<'a, T, L, P> {
    pub(super) publication: &'a Publication,
    pub(super) about: &'a About,
    pub(super) topic: &'a T,
    pub(super) log: &'a L,
    pub(super) pace: &'a P,
}

/// What is on its way.
struct Sent {
    lanes: Vec<Lane>,
    /// Messages of rows that nothing vouches for yet.
    held: Vec<Message>,
}

/// What is on its way to a partition.
struct Lane {
    confirmed: Link,
    /// When that moved last, or there was nothing to confirm.
    moved_at: Duration,
    /// The last message.
    last: Link,
    /// The seqs of all that is not confirmed.
    unconfirmed: VecDeque<u64>,
}

/// A stretch of the log in which nothing belongs to a partition: behind its message `behind` up to
/// the event `to`.
struct Gap {
    behind: Link,
    to: Link,
}

impl<T: Topic, L: Log, P: Pace> Sender<'_, T, L, P> {
    /// Send, again from the beginning after every doubt; why it cannot go on.
    pub(super) async fn run(&self) -> Failure {
        let (mut failed, mut gaps) = (0, Vec::new());
        loop {
            match self.send(&mut failed, &mut gaps).await {
                Ok(never) => match never {},
                Err(stop @ Failure::Permanent(_)) => return stop,
                Err(failure) => self.pace.sleep(self.pace.backoff(failed, &failure)).await,
            }
            failed = failed.saturating_add(1);
        }
    }

    /// Send from behind what is confirmed until there is a doubt, which ends the producer.
    async fn send(&self, failed: &mut u32, gaps: &mut Vec<Gap>) -> Result<Infallible, Failure> {
        let confirmed = self.confirmed().await?;
        let first = self.first(&confirmed, gaps).await?;
        let mut walk = Walk::from(self.log.anchor(first).await?);
        let mut sent = Sent::behind(&confirmed, self.pace.now());
        let mut producer = self.topic.producer();
        loop {
            let room = WINDOW.saturating_sub(sent.unconfirmed());
            // Up to the next anchor, which vouches for all before it, however the log grows.
            let events = self.log.events(walk.at.seq, room.min(walk.to_anchor())).await?;
            self.prepare(&events, &mut walk, &mut sent)?;
            let is_open = !events.is_empty() || !sent.held.is_empty();
            let is_vouched = is_open && walk.is_verified(self.publication, self.log).await?;
            if is_vouched && !sent.held.is_empty() {
                let held = core::mem::take(&mut sent.held);
                self.hand_over(&mut producer, held, &mut sent).await?;
            }
            if sent.settle(&self.confirmed().await?, self.pace.now())? {
                *failed = 0;
            }
            *gaps = sent.gaps(walk.at);
            if events.is_empty() {
                walk.check_end(self.log, room).await?;
                self.pace.idle(IDLE).await;
            }
        }
    }

    /// Behind which event there may be something to send: partitions in which nothing happened for
    /// long do not make the whole log be read again.
    async fn first(&self, confirmed: &[Link], gaps: &[Gap]) -> Result<u64, Failure> {
        let gap = |(partition, link): (usize, &Link)| match gaps.get(partition) {
            Some(gap) if gap.behind == *link => gap.to,
            _ => *link,
        };
        let first = confirmed.iter().enumerate().map(gap).min_by_key(|link| link.seq);
        match first {
            // Unless it was rewound, and others were written in place of what was read.
            Some(first) if is_in(self.publication, self.log, first).await? => Ok(first.seq),
            _ => Ok(confirmed.iter().map(|link| link.seq).min().unwrap_or(0)),
        }
    }

    /// Hand messages to the producer, who may have too many already, for as long as some are
    /// confirmed in the meantime.
    async fn hand_over(
        &self,
        producer: &mut T::Producer,
        messages: Vec<Message>,
        sent: &mut Sent,
    ) -> Result<(), Failure> {
        let mut sending = pin!(producer.send(messages));
        loop {
            match select(sending.as_mut(), pin!(self.pace.sleep(IDLE))).await {
                Either::Left((done, _)) => return done,
                Either::Right(_) => drop(sent.settle(&self.confirmed().await?, self.pace.now())?),
            }
        }
    }

    /// Where the confirming half stands, by partition.
    async fn confirmed(&self) -> Result<Vec<Link>, Failure> {
        let mut links = Vec::new();
        for partition in 0..self.about.partitions {
            let source = self.publication.source(&self.about.id, partition);
            let cursor = self.log.cursor(&source).await?;
            links.push(cursor.map_or(Link::NONE, |cursor| link(&cursor)));
        }
        Ok(links)
    }

    /// Make messages of `events`, which are the next on the walk.
    fn prepare(&self, events: &[Event], walk: &mut Walk, sent: &mut Sent) -> Result<(), Stop> {
        let Publication { ledger, name, key, .. } = self.publication;
        for event in events {
            let this = walk.step(event, *ledger)?;
            let key = key.of(event, *ledger);
            let partition = partition(key.as_bytes(), self.about.partitions);
            let lane = &mut sent.lanes[partition as usize];
            if this.seq <= lane.last.seq {
                continue;
            }
            let stamp = Stamp { ledger: name.clone(), this, prev: lane.last };
            sent.held.push(message(event, *ledger, &stamp, &key, partition));
            lane.last = this;
            lane.unconfirmed.push_back(this.seq);
        }
        Ok(())
    }
}

impl Sent {
    /// Nothing yet, behind what is `confirmed`.
    fn behind(confirmed: &[Link], now: Duration) -> Sent {
        let lane = |link: &Link| Lane {
            confirmed: *link,
            moved_at: now,
            last: *link,
            unconfirmed: VecDeque::new(),
        };
        Sent { lanes: confirmed.iter().map(lane).collect(), held: Vec::new() }
    }

    fn unconfirmed(&self) -> usize {
        self.lanes.iter().map(|lane| lane.unconfirmed.len()).sum()
    }

    /// For each partition, what is known of the log up to `at`.
    fn gaps(&self, at: Link) -> Vec<Gap> {
        let gap = |lane: &Lane| match lane.unconfirmed.is_empty() {
            true => Gap { behind: lane.confirmed, to: at },
            false => Gap { behind: lane.confirmed, to: lane.confirmed },
        };
        self.lanes.iter().map(gap).collect()
    }

    /// Take in what is `confirmed` now; whether anything moved.
    ///
    /// # Errors
    /// When a partition fell back, or has something to confirm and has not moved for too long.
    fn settle(&mut self, confirmed: &[Link], now: Duration) -> Result<bool, Failure> {
        let mut moved = false;
        for (lane, link) in self.lanes.iter_mut().zip(confirmed) {
            if link.seq < lane.confirmed.seq {
                return Err(Failure::Retryable("the wire lost what was confirmed".into()));
            }
            moved |= *link != lane.confirmed;
            if *link != lane.confirmed || lane.unconfirmed.is_empty() {
                (lane.confirmed, lane.moved_at) = (*link, now);
            }
            while lane.unconfirmed.pop_front_if(|seq| *seq <= link.seq).is_some() {}
            let waits = !lane.unconfirmed.is_empty();
            if waits && STALL <= now.saturating_sub(lane.moved_at) {
                return Err(Failure::Unknown("nothing is confirmed of what was sent".into()));
            }
        }
        Ok(moved)
    }
}
