//! What can go wrong: each fault with an id, what it does, and how often it really happened.
//!
//! A seed plans some of them and leaves out others, so that each meets the product alone and in
//! company. A fault counts when it really happened, not when it was planned.

use crate::world::World;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// How a fault comes about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// At every opportunity, once in so many, from the first number to the second.
    OneIn(u64, u64),
    /// At some moments of the run, at most so many.
    Times(u64),
    /// Rarely planned, since it may end in a named stop; then once.
    Once,
    /// Nobody plans it: others bring it about.
    Follows,
}

macro_rules! faults {
    ($($variant:ident = $id:literal, $manner:expr, $what:literal;)*) => {
        /// A fault.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Fault { $(#[doc = $what] $variant,)* }

        impl Fault {
            /// All of them.
            pub const ALL: &[Fault] = &[$(Fault::$variant),*];

            /// Its name for people and for reports.
            pub fn id(self) -> &'static str {
                match self { $(Fault::$variant => $id,)* }
            }

            /// How it comes about.
            pub fn manner(self) -> Manner {
                use Manner::*;
                match self { $(Fault::$variant => $manner,)* }
            }
        }
    };
}

faults! {
    ProcessCrash = "process.crash", Times(5), "A process dies, at whatever it is waiting for.";
    ProcessPause = "process.pause", Times(4), "A process is stopped, for up to three deadlines.";
    TaskSlow = "task.slow", OneIn(20, 200), "A task is overtaken by others.";
    LegOverlap = "leg.overlap", Follows, "Somebody who lost his source to another still writes.";
    StepIdle = "step.idle", Follows, "A step lay open so long that the store gave it up.";
    MemoryBehind = "memory.behind", Follows, "Others wrote to a ledger that a process has in mind.";
    MemoryFarBehind = "memory.far_behind", Follows, "The same, so much that all is begun anew.";
    MemoryRewound = "memory.rewound", Follows, "A process has seen what the log does not hold.";
    RowsRewound = "rows.rewound", Follows, "The log is what a process has seen; rows may not be.";
    AccountsBehind = "accounts.behind", Follows, "Rows of accounts lag where a process begins.";
    KeyRefused = "key.refused", Follows, "A key that was taken for a new one is not.";
    HttpRequestLost = "http.request_lost", OneIn(20, 200), "A request does not arrive.";
    HttpAnswerLost = "http.answer_lost", OneIn(20, 200), "An answer to a request does not arrive.";
    ClientRepeat = "client.repeat", OneIn(5, 50), "A client sends a request again though it knows.";
    ClientStorm = "client.storm", OneIn(20, 200), "A client sends a request ten times at once.";
    ClientConflict = "client.conflict", OneIn(20, 200), "A client uses a key for another request.";
    StoreRequestLost = "store.request_lost", OneIn(50, 500), "A statement does not arrive.";
    StoreAnswerLost = "store.answer_lost", OneIn(50, 500), "A statement's answer does not arrive.";
    CommitRequestLost = "commit.request_lost", OneIn(20, 200), "A commit does not arrive.";
    CommitAnswerLost = "commit.answer_lost", OneIn(20, 200), "A commit's answer does not arrive.";
    StoreFailover = "store.failover", Times(2), "Another server takes over and lacks nothing.";
    StoreRewind = "store.rewind", Once, "Another server takes over and lacks the last commits.";
    StoreFull = "store.full", Times(2), "The disk is full for a while.";
    StoreTorn = "store.torn", Times(4), "A process dies and its last write is half on the disk.";
    ClockForward = "clock.forward", Times(3), "The store's clock jumps forward, up to an hour.";
    ClockBack = "clock.back", Times(3), "The store's clock jumps back, up to an hour.";
    RowAltered = "row.altered", Once, "A foreign hand alters a row of the log.";
    WireAway = "wire.away", Times(3), "The broker is away for a while.";
    WireRequestLost = "wire.request_lost", OneIn(20, 200), "A fetch fails.";
    WireRepeated = "wire.repeated", OneIn(10, 100), "A batch is appended twice.";
    WireUndelivered = "wire.undelivered", OneIn(20, 200), "A batch fails and is not appended.";
    WireDoubtful = "wire.doubtful", OneIn(20, 200), "A batch fails and is appended all the same.";
    WireZombie = "wire.zombie", OneIn(2, 4), "A closed producer's batch is appended late.";
    WireDropped = "wire.dropped", OneIn(20, 200), "A batch is acknowledged and lost.";
    WireTruncated = "wire.truncated", Times(2), "The published topic loses its last records.";
    WireRecreated = "wire.recreated", Times(1), "The published topic is made again, empty.";
    WireRespread = "wire.respread", Once, "It is made again with another number of partitions.";
    WireExpired = "wire.expired", Times(1), "The published topic's first records expire.";
    WireForeign = "wire.foreign", Times(5), "Somebody else writes to the published topic.";
    TopicAborted = "topic.aborted", OneIn(4, 20), "A Kafka transaction on a topic is aborted.";
    TopicLate = "topic.late", OneIn(4, 20), "A Kafka transaction stays open for a while.";
    TopicRepeat = "topic.repeat", OneIn(5, 40), "A payment is written to a topic again.";
    TopicConflict = "topic.conflict", OneIn(10, 100), "A key comes again with other content.";
    TopicGarbage = "topic.garbage", OneIn(10, 100), "A record cannot be decoded.";
    TopicExpired = "topic.expired", Times(2), "A topic's records that were read expire.";
    TopicGap = "topic.gap", Once, "A topic's records that were not read are deleted.";
    TopicTruncated = "topic.truncated", Once, "A topic loses its last records.";
    TopicRecreated = "topic.recreated", Once, "A topic is made again under its name.";
    TopicCompacted = "topic.compacted", Once, "A topic becomes compacted.";
}

const COUNT: usize = Fault::ALL.len();

/// What is planned for a run: for each fault its rate (once in so many) or how many times; 0:
/// never.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planned(pub [u64; COUNT]);

impl Planned {
    /// What the seed of `world` plans.
    pub fn draw(world: &World) -> Planned {
        let mut planned = [0; COUNT];
        // Some runs are calm, so that what needs calm happens too.
        let (some, of) = [(1, 2), (3, 4), (1, 6)][world.below(3) as usize];
        for (fault, rate) in Fault::ALL.iter().zip(&mut planned) {
            let is_planned = world.below(of) < some;
            *rate = match fault.manner() {
                Manner::OneIn(from, to) if is_planned => from + world.below(to - from + 1),
                Manner::Times(most) if is_planned => 1 + world.below(most),
                Manner::Once if world.one_in(12) => 1,
                _ => 0,
            };
        }
        // A standby's copy has no altered row.
        if planned[Fault::StoreRewind as usize] > 0 {
            planned[Fault::RowAltered as usize] = 0;
        }
        Planned(planned)
    }

    /// The rate of a fault.
    pub fn rate(&self, fault: Fault) -> u64 {
        self.0[fault as usize]
    }

    /// Leave a fault out.
    pub fn without(mut self, fault: Fault) -> Planned {
        self.0[fault as usize] = 0;
        self
    }

    /// Those that are planned.
    pub fn faults(&self) -> impl Iterator<Item = Fault> {
        Fault::ALL.iter().copied().filter(|fault| self.rate(*fault) > 0)
    }
}

/// The faults of a run. Cheap to clone.
#[derive(Clone)]
pub struct Faults(Arc<Inner>);

struct Inner {
    world: World,
    planned: Planned,
    fired: [AtomicU64; COUNT],
    are_over: AtomicBool,
}

impl Faults {
    /// As planned.
    pub fn new(world: &World, planned: Planned) -> Faults {
        let fired = std::array::from_fn(|_| AtomicU64::new(0));
        let are_over = AtomicBool::new(false);
        Faults(Arc::new(Inner { world: world.clone(), planned, fired, are_over }))
    }

    /// What is planned.
    pub fn planned(&self) -> &Planned {
        &self.0.planned
    }

    /// Whether `fault` strikes at this opportunity; then it has happened.
    pub fn strikes(&self, fault: Fault) -> bool {
        let strikes = !self.are_over() && self.0.world.one_in(self.0.planned.rate(fault));
        if strikes {
            self.happened(fault);
        }
        strikes
    }

    /// It has happened.
    pub fn happened(&self, fault: Fault) {
        self.0.fired[fault as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// How often it has happened.
    pub fn fired(&self, fault: Fault) -> u64 {
        self.0.fired[fault as usize].load(Ordering::Relaxed)
    }

    /// From now on nothing goes wrong any more.
    pub fn end(&self) {
        self.0.are_over.store(true, Ordering::Relaxed);
    }

    /// Whether nothing goes wrong any more.
    pub fn are_over(&self) -> bool {
        self.0.are_over.load(Ordering::Relaxed)
    }
}
