//! What a store that came back older than it was has lost: by ledger, events that it had committed.
//!
//! It may have told them to clients and readers. That excuses what was told before, and nothing of
//! a ledger that lost nothing.

use crate::evidence::{Answer, Call, Committed, Stop, Told};
use std::collections::BTreeMap;
use std::ops::Range;

/// What all rewinds of a run took away.
pub(super) struct Lost {
    /// By number of the ledger.
    ledgers: BTreeMap<u32, Loss>,
    rewound: bool,
}

/// What a ledger lost.
struct Loss {
    seqs: Range<u64>,
    /// How often, and when last.
    times: u32,
    at: u64,
}

impl Lost {
    /// What the rewinds among `commits` took away.
    pub(super) fn of(commits: &[Committed]) -> Lost {
        let mut lost = Lost { ledgers: BTreeMap::new(), rewound: false };
        for (place, committed) in commits.iter().enumerate() {
            if let Committed::Rewound { to, at } = committed {
                lost.rewound = true;
                lost.add(commits.get(*to..place).unwrap_or_default(), *at);
            }
        }
        lost
    }

    fn add(&mut self, commits: &[Committed], at: u64) {
        let mut seqs = BTreeMap::<u32, Range<u64>>::new();
        for committed in commits {
            if let Committed::Step { ledger, first_seq, next_seq, .. } = committed
                && first_seq < next_seq
            {
                let seqs = seqs.entry(*ledger).or_insert(*first_seq..*next_seq);
                *seqs = seqs.start.min(*first_seq)..seqs.end.max(*next_seq);
            }
        }
        for (ledger, seqs) in seqs {
            let empty = Loss { seqs: seqs.clone(), times: 0, at };
            let loss = self.ledgers.entry(ledger).or_insert(empty);
            loss.seqs = loss.seqs.start.min(seqs.start)..loss.seqs.end.max(seqs.end);
            (loss.times, loss.at) = (loss.times + 1, at);
        }
    }

    /// Whether the ledger lost any event.
    pub(super) fn any(&self, ledger: u32) -> bool {
        self.times(ledger) > 0
    }

    /// How often the ledger lost events.
    pub(super) fn times(&self, ledger: u32) -> u32 {
        self.ledgers.get(&ledger).map_or(0, |loss| loss.times)
    }

    /// Whether the ledger lost an event of that seq.
    pub(super) fn holds(&self, ledger: u32, seq: u64) -> bool {
        self.ledgers.get(&ledger).is_some_and(|loss| loss.seqs.contains(&seq))
    }

    /// Whether what was asked of the ledger at that moment may have been answered from what was
    /// lost.
    pub(super) fn excuses(&self, ledger: u32, asked_at: u64) -> bool {
        self.ledgers.get(&ledger).is_some_and(|loss| asked_at <= loss.at)
    }

    /// Whether a fork, or a loss, that was found can be one: after a rewind there is none but in a
    /// ledger that lost events. `ledger` is the one that stopped; without one it was all of them.
    pub(super) fn explains(&self, stop: &Stop, ledger: Option<u32>) -> bool {
        let is_lost = || ledger.map_or(!self.ledgers.is_empty(), |ledger| self.any(ledger));
        let is_other = !matches!(&*stop.name, "wire_fork" | "store_rewound");
        is_other || !self.rewound || is_lost()
    }
}

/// What a ledger may have forgotten.
#[derive(Clone, Copy)]
pub(super) struct Excuse<'a> {
    pub(super) lost: &'a Lost,
    /// The ledger's number, if there is such a ledger.
    pub(super) no: Option<u32>,
}

impl Excuse<'_> {
    /// Whether an answer may have been lost.
    pub(super) fn covers(self, answer: &Answer) -> bool {
        self.no.is_some_and(|no| self.lost.excuses(no, answer.asked_at))
    }

    /// How often calls for one thing were told that they were the first, if that is too often: once
    /// more for each time that it may have been lost, and once after that.
    pub(super) fn too_many_firsts(self, calls: &[&Call]) -> Option<u32> {
        let answers = calls.iter().flat_map(|call| &call.told);
        let is_first = |it: &&Answer| matches!(it.told, Told::Done { replayed: false, .. });
        let (mut all, mut after) = (0, 0);
        for answer in answers.filter(is_first) {
            all += 1;
            after += u32::from(!self.covers(answer));
        }
        let lost = self.no.map_or(0, |no| self.lost.times(no));
        (after > 1 || all > 1 + lost).then_some(all)
    }
}
