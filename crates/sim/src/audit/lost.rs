//! What a store that came back older than it was has lost: by ledger, events that it had committed.
//!
//! It may have told them to clients and readers. That excuses what it forgot, and nothing of a
//! ledger that lost nothing.

use crate::evidence::Committed;
use std::collections::BTreeMap;
use std::ops::Range;

/// Seqs of lost events, by number of the ledger.
pub(super) struct Lost(BTreeMap<u32, Range<u64>>);

impl Lost {
    /// What the rewinds among `commits` took away.
    pub(super) fn of(commits: &[Committed]) -> Lost {
        let mut lost = BTreeMap::<u32, Range<u64>>::new();
        for (at, committed) in commits.iter().enumerate() {
            let Committed::Rewound { to } = committed else { continue };
            for committed in commits.get(*to..at).unwrap_or_default() {
                let Committed::Step { ledger, first_seq, next_seq, .. } = committed else {
                    continue;
                };
                if first_seq < next_seq {
                    let seqs = lost.entry(*ledger).or_insert(*first_seq..*next_seq);
                    *seqs = seqs.start.min(*first_seq)..seqs.end.max(*next_seq);
                }
            }
        }
        Lost(lost)
    }

    /// Whether the ledger lost any event.
    pub(super) fn any(&self, ledger: u32) -> bool {
        self.0.contains_key(&ledger)
    }

    /// Whether the ledger lost an event of that seq.
    pub(super) fn holds(&self, ledger: u32, seq: u64) -> bool {
        self.0.get(&ledger).is_some_and(|seqs| seqs.contains(&seq))
    }
}
