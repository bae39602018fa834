//! What is on its way to each partition, and how far each was walked to.
//!
//! A partition from which nothing comes back is left *behind*: the walk goes on for the others, and
//! comes back for it now and then. Deliberately absent: anything that outlives the process.

use crate::failure::Failure;
use crate::wire::{Link, Message};
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::time::Duration;

/// How many messages may be on their way to a partition, unconfirmed.
const WINDOW: usize = 20_000;
/// So many are tried where nothing was confirmed of the last ones.
const PROBE: usize = 1_000;
/// How long nothing may be confirmed while something is to be before it is sent again.
const STALL: Duration = Duration::from_secs(5);

/// All partitions.
pub(super) struct Lanes {
    pub(super) list: Vec<Lane>,
    /// Messages of rows that nothing vouches for yet.
    pub(super) held: Vec<Message>,
}

/// A partition.
pub(super) struct Lane {
    confirmed: Link,
    /// When that moved last, or there was nothing to confirm.
    moved_at: Duration,
    /// The last message.
    pub(super) last: Link,
    /// The seqs of all that is not confirmed.
    unconfirmed: VecDeque<u64>,
    /// Up to where nothing is left out.
    walked: Link,
    /// Whether something behind that was left out.
    is_behind: bool,
    /// How often in a row nothing was confirmed of what was sent, and until when nothing is sent.
    failed: u32,
    until: Duration,
}

impl Lanes {
    /// Nothing is on its way, to none of `partitions`.
    pub(super) fn new(partitions: u32) -> Lanes {
        let lane = || Lane {
            confirmed: Link::NONE,
            moved_at: Duration::ZERO,
            last: Link::NONE,
            unconfirmed: VecDeque::new(),
            walked: Link::NONE,
            is_behind: false,
            failed: 0,
            until: Duration::ZERO,
        };
        Lanes { list: (0..partitions).map(|_| lane()).collect(), held: Vec::new() }
    }

    /// Begin again, behind what is `confirmed`: whatever was on its way may be lost.
    pub(super) fn begin(&mut self, confirmed: &[Link], now: Duration) {
        self.held.clear();
        for (lane, link) in self.list.iter_mut().zip(confirmed) {
            let is_done = lane.unconfirmed.is_empty() && !lane.is_behind;
            if *link != lane.confirmed || !is_done {
                lane.walked = *link;
            }
            if *link != lane.confirmed {
                (lane.failed, lane.until) = (0, Duration::ZERO);
            }
            (lane.confirmed, lane.last, lane.moved_at) = (*link, *link, now);
            lane.unconfirmed.clear();
            lane.is_behind = now < lane.until;
        }
    }

    /// Forget how far was walked without finding anything: the log is not what it was.
    pub(super) fn forget(&mut self) {
        self.list.iter_mut().for_each(|lane| lane.walked = lane.confirmed);
    }

    /// Let those that were left behind go on if they may.
    pub(super) fn wake(&mut self, now: Duration) {
        for lane in self.list.iter_mut().filter(|lane| lane.is_behind && lane.is_open(now)) {
            (lane.is_behind, lane.walked) = (false, lane.last);
        }
    }

    /// Behind which event somebody wants to go on; `None` when all are left behind.
    pub(super) fn need(&self) -> Option<Link> {
        let going = self.list.iter().filter(|lane| !lane.is_behind);
        going.map(|lane| lane.walked).min_by_key(|link| link.seq)
    }

    /// For how many messages there is room.
    pub(super) fn room(&self) -> usize {
        let going = || self.list.iter().filter(|lane| !lane.is_behind);
        let well = going().filter(|lane| lane.failed == 0);
        let room = well.map(|lane| WINDOW.saturating_sub(lane.unconfirmed.len())).min();
        room.unwrap_or(if going().next().is_some() { PROBE } else { 0 })
    }

    /// The walk has come to `at`.
    pub(super) fn reach(&mut self, at: Link) {
        let going = self.list.iter_mut().filter(|lane| !lane.is_behind);
        for lane in going.filter(|lane| lane.walked.seq < at.seq) {
            lane.walked = at;
        }
    }

    /// Take in what is `confirmed` now; `is_looking` says whether who confirms a partition is still
    /// on the way to what was sent. Whether anything moved.
    ///
    /// # Errors
    /// `Retryable` when a partition fell back, `Unknown` when nothing comes back from any.
    pub(super) fn settle(
        &mut self,
        confirmed: &[Link],
        is_looking: impl Fn(usize) -> bool,
        now: Duration,
        backoff: impl Fn(u32, &Failure) -> Duration,
    ) -> Result<bool, Failure> {
        let (mut has_moved, mut stalled) = (false, None);
        for (partition, (lane, link)) in self.list.iter_mut().zip(confirmed).enumerate() {
            if link.seq < lane.confirmed.seq {
                return Err(Failure::Retryable("the wire lost what was confirmed".into()));
            }
            has_moved |= lane.settle(link, now);
            if lane.unconfirmed.is_empty() || is_looking(partition) {
                lane.moved_at = now;
            } else if STALL <= now.saturating_sub(lane.moved_at) {
                let failure = Failure::Unknown("nothing is confirmed of what was sent".into());
                lane.give_up(now + backoff(lane.failed, &failure));
                stalled = Some(failure);
            }
        }
        let is_alone = self.list.iter().all(|lane| lane.unconfirmed.is_empty());
        stalled.filter(|_| is_alone).map_or(Ok(has_moved), Err)
    }
}

impl Lane {
    /// Whether a message that is next may go out; else the lane is left behind.
    pub(super) fn takes(&mut self, now: Duration) -> bool {
        self.is_behind |= !self.is_open(now);
        !self.is_behind
    }

    /// The message `this` is on its way.
    pub(super) fn push(&mut self, this: Link) {
        self.last = this;
        self.unconfirmed.push_back(this.seq);
    }

    fn is_open(&self, now: Duration) -> bool {
        self.failed == 0 || self.until <= now && self.unconfirmed.len() < PROBE
    }

    fn settle(&mut self, link: &Link, now: Duration) -> bool {
        let has_moved = *link != self.confirmed;
        if has_moved {
            (self.confirmed, self.moved_at) = (*link, now);
            (self.failed, self.until) = (0, Duration::ZERO);
        }
        while self.unconfirmed.pop_front_if(|seq| *seq <= link.seq).is_some() {}
        has_moved
    }

    fn give_up(&mut self, until: Duration) {
        self.last = self.confirmed;
        self.unconfirmed.clear();
        self.is_behind = true;
        (self.failed, self.until) = (self.failed.saturating_add(1), until);
    }
}
