//! What is on its way to each partition, and how far each was walked to.
//!
//! A partition that is full, or from which nothing comes back, is left *behind*: the walk goes on
//! for the others, and comes back for it; to a silent one with no more than a page now and then.
//! Deliberately absent: anything that outlives the process.

use crate::failure::Failure;
use crate::wire::{Link, Message};
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::time::Duration;

/// How many messages may be on their way to a partition, unconfirmed.
const WINDOW: usize = 20_000;
/// How long nothing may be confirmed while something is to be before it is sent again: at once the
/// first time, then so much later, then twice that, and so on up to eight times.
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
    /// When that moved last, or there began to be something to confirm.
    moved_at: Duration,
    /// The last message.
    pub(super) last: Link,
    /// The seqs of all that is not confirmed.
    unconfirmed: VecDeque<u64>,
    /// Up to where nothing is left out.
    walked: Link,
    /// Up to where nothing is behind what is confirmed.
    clear: Link,
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
            clear: Link::NONE,
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
            if *link != lane.confirmed {
                (lane.confirmed, lane.clear) = (*link, *link);
                (lane.failed, lane.until) = (0, Duration::ZERO);
            }
            (lane.last, lane.walked) = (*link, farther(lane.clear, *link));
            lane.unconfirmed.clear();
            lane.is_behind = now < lane.until;
        }
    }

    /// Forget how far was walked without finding anything: the log is not what it was.
    pub(super) fn forget(&mut self) {
        for lane in &mut self.list {
            (lane.walked, lane.clear) = (lane.confirmed, lane.confirmed);
        }
    }

    /// Let those that were left behind go on if there is room again.
    pub(super) fn wake(&mut self, now: Duration) {
        let has_room = |lane: &Lane| match lane.failed {
            0 => lane.unconfirmed.len() < WINDOW / 2,
            _ => lane.unconfirmed.is_empty() && lane.until <= now,
        };
        for lane in self.list.iter_mut().filter(|lane| lane.is_behind && has_room(lane)) {
            (lane.is_behind, lane.walked) = (false, farther(lane.clear, lane.last));
        }
    }

    /// Behind which event somebody wants to go on; `None` when all are left behind.
    pub(super) fn need(&self) -> Option<Link> {
        let going = self.list.iter().filter(|lane| !lane.is_behind);
        going.map(|lane| lane.walked).min_by_key(|link| link.seq)
    }

    /// The farthest event that anything is known of.
    pub(super) fn farthest(&self) -> Link {
        let known = self.list.iter().map(|lane| farther(lane.walked, lane.last));
        known.fold(Link::NONE, farther)
    }

    /// How many messages are on their way, and up to which event of those that the walk `at` has
    /// passed all is confirmed.
    pub(super) fn open(&self, at: Link) -> (u64, u64) {
        let on_their_way = self.list.iter().map(|lane| lane.unconfirmed.len() as u64).sum();
        let behind = |lane: &Lane| match lane.unconfirmed.front() {
            Some(seq) => seq - 1,
            None if lane.is_behind => lane.walked.seq,
            None => at.seq,
        };
        (on_their_way, self.list.iter().map(behind).min().unwrap_or(at.seq))
    }

    /// Whether the event `this` is another one than was sent with its seq.
    pub(super) fn contradict(&self, this: &Link) -> bool {
        self.list.iter().any(|lane| lane.last.seq == this.seq && lane.last != *this)
    }

    /// The walk has come to `at`.
    pub(super) fn reach(&mut self, at: Link) {
        let going = self.list.iter_mut().filter(|lane| !lane.is_behind);
        for lane in going.filter(|lane| lane.walked.seq < at.seq) {
            lane.walked = at;
            match lane.unconfirmed.is_empty() {
                true => lane.clear = at,
                // That is enough to see whether anything comes back.
                false => lane.is_behind = lane.failed > 0,
            }
        }
    }

    /// Take in what is `confirmed` now; `is_looking` says whether who confirms a partition is still
    /// on the way to what was sent. Whether anything moved.
    ///
    /// # Errors
    /// `Retryable` when a partition fell back, `Unknown` when nothing came back from one and
    /// nothing is on its way to others.
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
    /// The message `this` is next: put it on its way, or leave it out, and be left behind. The one
    /// before it, if it is on its way.
    pub(super) fn push(&mut self, this: Link, now: Duration) -> Option<Link> {
        if self.is_behind || self.unconfirmed.len() >= WINDOW {
            self.is_behind = true;
            return None;
        }
        if self.unconfirmed.is_empty() {
            self.moved_at = now;
        }
        self.unconfirmed.push_back(this.seq);
        Some(core::mem::replace(&mut self.last, this))
    }

    fn settle(&mut self, link: &Link, now: Duration) -> bool {
        let has_moved = *link != self.confirmed;
        if has_moved {
            (self.confirmed, self.moved_at) = (*link, now);
            (self.failed, self.until) = (0, Duration::ZERO);
            // It may have come late, from another try.
            self.last = farther(*link, self.last);
        }
        while self.unconfirmed.pop_front_if(|seq| *seq <= link.seq).is_some() {}
        has_moved
    }

    fn give_up(&mut self, until: Duration) {
        self.last = self.confirmed;
        self.unconfirmed.clear();
        self.is_behind = true;
        let later = self.failed.checked_sub(1).map(|more| STALL * (1 << more.min(3)));
        self.until = until + later.unwrap_or_default();
        self.failed = self.failed.saturating_add(1);
    }
}

fn farther(one: Link, other: Link) -> Link {
    if one.seq < other.seq { other } else { one }
}
