//! Counts of ingests: each rule is broken once.

use semel_core::ingest::Counts;
use semel_core::verify::{Findings, Leg, Taken, compare_counts};

/// Two files of the ingest `shop`.
fn legs() -> [Leg; 2] {
    let leg = |source: &str, succeeded, declined| {
        let accepted = succeeded + declined;
        Leg {
            source: source.into(),
            ingest: "shop".into(),
            counts: Counts {
                read: accepted + 5,
                accepted,
                succeeded,
                declined,
                duplicates: 2,
                conflicts: 1,
                dead_letters: 3,
                discarded: 1,
            },
            letters: 2,
            conflicts: 1,
        }
    };
    [leg("a", 10, 1), leg("b", 0, 7)]
}

fn audit(alter: fn(&mut [Leg; 2], &mut Taken)) -> Vec<String> {
    let (mut legs, mut taken) = (legs(), Taken { succeeded: 10, declined: 8 });
    alter(&mut legs, &mut taken);
    let http = Taken { succeeded: 99, declined: 99 };
    let mut findings = Findings::default();
    compare_counts(
        "main",
        &legs,
        &[("".into(), http), ("shop".into(), taken)].into(),
        &mut findings,
    );
    findings.list().into_iter().map(|finding| finding.detail).collect()
}

type Alter = fn(&mut [Leg; 2], &mut Taken);

#[test]
fn counts_that_keep_their_rules_fit() {
    let fits: [Alter; 3] = [
        |_, _| {},
        // Discarded letters stay counted.
        |legs, _| {
            (legs[0].letters, legs[0].conflicts) = (0, 0);
            legs[0].counts.discarded = 3;
        },
        // What another source accepted counts for the same ingest.
        |legs, _| {
            legs[1].counts = legs[0].counts;
            legs[0].counts =
                Counts { succeeded: 0, declined: 7, accepted: 7, read: 12, ..legs[1].counts };
        },
    ];
    for alter in fits {
        assert_eq!(audit(alter), [""; 0]);
    }
}

#[test]
fn each_rule_is_told_when_it_is_broken() {
    let cases: [(Alter, &str); 11] = [
        (
            |legs, _| legs[0].counts.read += 1,
            "source a: not so: read = accepted + duplicates + dead letters",
        ),
        (
            |legs, _| legs[0].counts.accepted += 1,
            "source a: not so: read = accepted + duplicates + dead letters",
        ),
        (
            |legs, _| {
                legs[0].counts.accepted += 1;
                legs[0].counts.read += 1;
            },
            "source a: not so: accepted = succeeded + declined",
        ),
        (
            |legs, _| (legs[0].counts.duplicates, legs[0].counts.dead_letters) = (-1, 6),
            "source a: not so: no count is below zero",
        ),
        (
            |legs, _| legs[0].counts.conflicts = 4,
            "source a: not so: conflicts are among the dead letters",
        ),
        (
            |legs, _| legs[0].letters = 1,
            "source a: not so: every dead letter is kept or was discarded",
        ),
        (
            |legs, _| legs[0].conflicts = 2,
            "source a: not so: every conflict that is kept was counted",
        ),
        (|_, taken| taken.succeeded = 9, "ingest shop: 10 counted as succeeded, 9 in the log"),
        (|_, taken| taken.declined = 9, "ingest shop: 8 counted as declined, 9 in the log"),
        (|legs, _| legs[1].ingest = "".into(), "ingest : 7 counted as declined, 0 in the log"),
        (
            |legs, _| (legs[0].counts.read, legs[0].counts.accepted) = (i64::MAX, i64::MAX),
            "source a: not so: read = accepted + duplicates + dead letters",
        ),
    ];
    for (alter, expected) in cases {
        let found = audit(alter);
        assert!(found.contains(&format!("ledger main: {expected}")), "{expected}: {found:?}");
    }
}
