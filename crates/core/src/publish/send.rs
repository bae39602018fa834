//! Send: the events behind what is confirmed, in order, each linked to the one before it in its
//! partition. It keeps no cursor and never decides what was sent.

use super::Publication;
use super::confirm::{Tally, link};
use super::lanes::Lanes;
use super::message::message;
use super::walk::{Log, Walk, is_in, rewound, vouch};
use crate::chain::ANCHOR_EVERY;
use crate::event::Event;
use crate::failure::{Failure, Stop};
use crate::leg::Pace;
use crate::wire::{About, Link, Message, Producer, Stamp, Topic, partition};
use alloc::vec::Vec;
use core::convert::Infallible;
use core::pin::pin;
use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;
use futures_util::future::{Either, select};

/// How often it is asked what is confirmed while there is something to send.
const ASK: Duration = Duration::from_millis(50);
/// How long to wait for the log to grow or the wire to confirm.
const IDLE: Duration = Duration::from_millis(500);

/// What sends a ledger's events to a topic.
pub(super) struct Sender<'a, T, L, P> {
    pub(super) publication: &'a Publication,
    pub(super) about: &'a About,
    pub(super) topic: &'a T,
    pub(super) log: &'a L,
    pub(super) pace: &'a P,
    pub(super) tally: &'a Tally,
    /// For each partition, whether who confirms it is still on the way to what was sent.
    pub(super) looking: &'a [AtomicBool],
}

impl<T: Topic, L: Log, P: Pace> Sender<'_, T, L, P> {
    /// Send, again from the beginning after every doubt; why it cannot go on.
    pub(super) async fn run(&self) -> Failure {
        let (mut failed, mut lanes) = (0, Lanes::new(self.about.partitions));
        // What the wire holds comes first: it may tell of what the store has forgotten, and then
        // nothing may be sent. A partition that cannot be read holds up nobody.
        while self.looking.iter().any(|looking| looking.load(Ordering::Relaxed)) {
            self.pace.idle(IDLE).await;
        }
        loop {
            match self.send(&mut failed, &mut lanes).await {
                Ok(never) => match never {},
                Err(ended @ (Failure::Permanent(_) | Failure::Fenced)) => return ended,
                Err(failure) => self.pace.sleep(self.pace.backoff(failed, &failure)).await,
            }
            failed = failed.saturating_add(1);
        }
    }

    /// Send from behind what is confirmed until there is a doubt, which ends the producer.
    async fn send(&self, failed: &mut u32, lanes: &mut Lanes) -> Result<Infallible, Failure> {
        lanes.begin(&self.confirmed().await?, self.pace.now());
        if !is_in(self.publication, self.log, lanes.farthest()).await? {
            lanes.forget();
        }
        let mut walk = Walk::from(self.log.anchor(0).await?);
        let mut producer = self.topic.producer();
        let mut ask_at = Duration::ZERO;
        loop {
            if lanes.held.is_empty() {
                lanes.wake(self.pace.now());
                self.place(&mut walk, lanes).await?;
            }
            // Up to the next anchor, which vouches for all before it, however the log grows.
            let is_going = lanes.need().is_some() || !lanes.held.is_empty();
            let limit = if is_going { walk.to_anchor() } else { 0 };
            let events = self.log.events(walk.at.seq, limit).await?;
            if !self.prepare(&events, &mut walk, lanes)? {
                return Err(self.rewound(walk.at.seq).await);
            }
            let is_open = !events.is_empty() || !lanes.held.is_empty();
            let is_vouched = is_open && walk.is_verified(self.publication, self.log).await?;
            if is_vouched && !lanes.held.is_empty() {
                let held = core::mem::take(&mut lanes.held);
                self.hand_over(&mut producer, held, lanes, failed).await?;
            }
            if events.is_empty() || ask_at <= self.pace.now() {
                self.settle(lanes, failed).await?;
                ask_at = self.pace.now() + ASK;
            }
            self.tell(lanes, walk.at);
            if events.is_empty() {
                if is_going {
                    walk.check_end(self.log).await?;
                }
                self.pace.idle(IDLE).await;
            }
        }
    }

    /// Walk on where somebody wants to go on: back for who was left behind, and forward again.
    /// What is held belongs to where the walk is.
    async fn place(&self, walk: &mut Walk, lanes: &Lanes) -> Result<(), Failure> {
        let Some(need) = lanes.need() else { return Ok(()) };
        if need.seq < walk.at.seq || walk.at.seq + ANCHOR_EVERY <= need.seq {
            let anchor = self.log.anchor(need.seq).await?;
            let farthest = lanes.farthest();
            if !is_in(self.publication, self.log, farthest).await? {
                return Err(self.rewound(farthest.seq).await);
            }
            *walk = Walk::from(anchor);
        }
        Ok(())
    }

    /// What was known up to the event `seq` is not so any more: the log was rewound, unless it does
    /// not hold together.
    async fn rewound(&self, seq: u64) -> Failure {
        let held = vouch(self.publication, self.log, seq).await;
        held.err().unwrap_or_else(rewound)
    }

    /// Hand messages to the producer, who may have too many already, for as long as some are
    /// confirmed in the meantime.
    async fn hand_over(
        &self,
        producer: &mut T::Producer,
        messages: Vec<Message>,
        lanes: &mut Lanes,
        failed: &mut u32,
    ) -> Result<(), Failure> {
        let mut sending = pin!(producer.send(messages));
        loop {
            match select(sending.as_mut(), pin!(self.pace.sleep(IDLE))).await {
                Either::Left((done, _)) => return done,
                Either::Right(_) => self.settle(lanes, failed).await?,
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

    /// Take in what is confirmed; when anything moved, nothing has failed.
    async fn settle(&self, lanes: &mut Lanes, failed: &mut u32) -> Result<(), Failure> {
        let confirmed = self.confirmed().await?;
        let is_looking = |partition: usize| self.looking[partition].load(Ordering::Relaxed);
        let backoff = |failed, failure: &Failure| self.pace.backoff(failed, failure);
        if lanes.settle(&confirmed, is_looking, self.pace.now(), backoff)? {
            *failed = 0;
        }
        Ok(())
    }

    fn tell(&self, lanes: &Lanes, at: Link) {
        let (on_their_way, settled) = lanes.open(at);
        self.tally.unconfirmed.store(on_their_way, Ordering::Relaxed);
        self.tally.walked.store(at.seq, Ordering::Relaxed);
        self.tally.settled.store(settled, Ordering::Relaxed);
    }

    /// Make messages of `events`, which are the next on the walk; whether they are those of which
    /// some were sent.
    fn prepare(&self, events: &[Event], walk: &mut Walk, lanes: &mut Lanes) -> Result<bool, Stop> {
        let Publication { ledger, name, key, .. } = self.publication;
        let now = self.pace.now();
        for event in events {
            let this = walk.step(event, *ledger)?;
            if lanes.contradict(&this) {
                return Ok(false);
            }
            let key = key.of(event, *ledger);
            let partition = partition(key.as_bytes(), self.about.partitions);
            let lane = &mut lanes.list[partition as usize];
            if this.seq <= lane.last.seq {
                continue;
            }
            let Some(prev) = lane.push(this, now) else { continue };
            let stamp = Stamp { ledger: name.clone(), this, prev };
            lanes.held.push(message(event, self.publication, &stamp, &key, partition));
        }
        lanes.reach(walk.at);
        Ok(true)
    }
}
