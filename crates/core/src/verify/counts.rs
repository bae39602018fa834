//! Counts of ingests: every item that was read is a payment, a duplicate or a dead letter.

use super::Findings;
use crate::Text;
use crate::ingest::Counts;
use crate::problem::Code;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;

/// What a ledger's log holds of one namespace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Taken {
    /// Payments that moved or hold their amount.
    pub succeeded: u64,
    /// Payments that were declined.
    pub declined: u64,
}

/// A source of a ledger as the store keeps it.
#[derive(Clone, Debug)]
pub struct Leg {
    /// What names it.
    pub source: Text,
    /// The ingest: the namespace of its keys.
    pub ingest: Text,
    /// What became of its items.
    pub counts: Counts,
    /// Dead letters of it that are there.
    pub letters: i64,
    /// Those of them that are conflicts.
    pub conflicts: i64,
}

/// Compare the counts of a ledger's `legs` with what its log, called `ledger`, holds.
pub fn compare(ledger: &str, legs: &[Leg], taken: &BTreeMap<Text, Taken>, findings: &mut Findings) {
    let mut tell = |what: String| {
        findings.add(Code::CountsDiffer, || format!("ledger {ledger}: {what}"));
    };
    let mut ingests = BTreeMap::<&str, (i128, i128)>::new();
    for leg in legs {
        if let Some(rule) = broken_rule(leg) {
            tell(format!("source {}: not so: {rule}", leg.source));
        }
        let (succeeded, declined) = ingests.entry(&leg.ingest).or_default();
        *succeeded += i128::from(leg.counts.succeeded);
        *declined += i128::from(leg.counts.declined);
    }
    // HTTP is the empty namespace and counts nothing; nor does what takes no payments, as
    // publishing, whose legs name no ingest.
    let logged: BTreeMap<&str, Taken> = taken
        .iter()
        .filter(|(namespace, _)| !namespace.is_empty())
        .map(|(namespace, taken)| (&**namespace, *taken))
        .collect();
    for namespace in logged.keys() {
        ingests.entry(namespace).or_default();
    }
    for (ingest, (succeeded, declined)) in ingests {
        let log = logged.get(ingest).copied().unwrap_or_default();
        let pairs = [("succeeded", succeeded, log.succeeded), ("declined", declined, log.declined)];
        for (what, counted, logged) in pairs {
            if counted != i128::from(logged) {
                tell(format!("ingest {ingest}: {counted} counted as {what}, {logged} in the log"));
            }
        }
    }
}

/// The rule that a leg's counts do not keep.
fn broken_rule(leg: &Leg) -> Option<&'static str> {
    let Counts { read, accepted, succeeded, declined, duplicates, .. } = leg.counts;
    let Counts { conflicts, dead_letters, discarded, .. } = leg.counts;
    let sum = |parts: &[i64]| parts.iter().map(|part| i128::from(*part)).sum::<i128>();
    let rules = [
        (leg.counts.named().iter().all(|(_, count)| *count >= 0), "no count is below zero"),
        (
            sum(&[accepted, duplicates, dead_letters]) == i128::from(read),
            "read = accepted + duplicates + dead letters",
        ),
        (sum(&[succeeded, declined]) == i128::from(accepted), "accepted = succeeded + declined"),
        (conflicts <= dead_letters, "conflicts are among the dead letters"),
        (
            sum(&[leg.letters, discarded]) == i128::from(dead_letters),
            "every dead letter is kept or was discarded",
        ),
        (leg.conflicts <= conflicts, "every conflict that is kept was counted"),
    ];
    rules.into_iter().find(|(kept, _)| !kept).map(|(_, rule)| rule)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn legs_that_take_no_payments_count_none_of_those_of_http() {
        let leg = |succeeded| {
            let counts =
                Counts { read: succeeded, accepted: succeeded, succeeded, ..<_>::default() };
            let (source, ingest) = ("publish:main:id/0".into(), "".into());
            Leg { source, ingest, counts, letters: 0, conflicts: 0 }
        };
        let http = BTreeMap::from([("".into(), Taken { succeeded: 3, declined: 1 })]);
        for (counted, is_told) in [(0, false), (3, true)] {
            let mut findings = Findings::default();
            compare("main", &[leg(counted)], &http, &mut findings);
            assert_eq!(!findings.is_empty(), is_told, "{counted}");
        }
    }
}
