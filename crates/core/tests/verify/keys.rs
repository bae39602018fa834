//! The index of keys: what it may hold, what it must, and what shows when it does not.

use semel_core::payment::Identity;
use semel_core::verify::{Findings, Keys, Named, Slot};
use std::collections::BTreeMap;

/// Slots and seqs.
type Index = Vec<(i64, u64)>;

/// A log of keys with hashes of one's choice, and an index.
#[derive(Clone, Default)]
struct Log {
    /// By seq: the key, and its hash.
    keys: BTreeMap<u64, (&'static str, i64)>,
    /// By slot: the seq.
    index: Index,
    /// The index has to hold the keys up to this seq.
    indexed_seq: u64,
}

impl Log {
    /// What is found, in words.
    fn audit(&self) -> Vec<String> {
        let mut keys = Keys::new("main".into());
        let mut findings = Findings::default();
        let slot = |(seq, (_, hash)): (&u64, &(&str, i64))| Slot { slot: *hash, seq: *seq };
        let logged: Vec<Slot> = self.keys.iter().map(slot).collect();
        let indexed: Vec<Slot> =
            self.index.iter().map(|(slot, seq)| Slot { slot: *slot, seq: *seq }).collect();
        let look_up = |seq: u64| {
            let (key, hash) = *self.keys.get(&seq)?;
            let identity = Identity { namespace: "".into(), key: key.into() };
            Some(Named { identity, hash })
        };
        logged.iter().for_each(|key| keys.logged(*key, self.indexed_seq < key.seq));
        keys.turn();
        indexed.iter().for_each(|entry| keys.indexed(*entry, look_up, &mut findings));
        for span in keys.finish(look_up, &mut findings) {
            let within = |slots: &[Slot]| -> Vec<Slot> {
                slots.iter().copied().filter(|slot| span.contains(&slot.seq)).collect()
            };
            keys.explain(&span, &within(&logged), &within(&indexed), &mut findings);
        }
        findings.list().into_iter().map(|finding| finding.detail).collect()
    }
}

/// Three keys of one hash, one of the next, and one that stands alone.
fn crowded() -> Log {
    Log {
        keys: [(1, ("a", 10)), (2, ("b", 10)), (3, ("c", 11)), (4, ("d", 10)), (5, ("e", 900))]
            .into(),
        index: vec![(10, 1), (11, 2), (12, 3), (13, 4), (900, 5)],
        indexed_seq: 5,
    }
}

#[test]
fn keys_that_share_a_hash_are_told_apart() {
    assert_eq!(crowded().audit(), [""; 0]);
}

#[test]
fn one_key_behind_another_of_the_same_hash_is_found() {
    let mut log = crowded();
    log.keys.insert(4, ("a", 10));
    assert_eq!(log.audit(), ["ledger main: events 1 and 4 have one key"]);
}

#[test]
fn the_index_may_lack_what_is_late_and_nothing_else() {
    for indexed_seq in 0..=5 {
        for there in 0..=5 {
            let mut log = Log { indexed_seq, ..crowded() };
            log.index.retain(|(_, seq)| *seq <= there);
            let missing = (there + 1..=indexed_seq)
                .map(|seq| format!("ledger main: event {seq}: its key is not in the index"));
            assert_eq!(log.audit(), missing.collect::<Vec<_>>(), "{indexed_seq}, {there}");
        }
    }
}

#[test]
fn a_late_key_is_compared_with_the_index_and_with_the_others() {
    let twice = ["ledger main: events 1 and 4 have one key"];
    for indexed_seq in [0, 1, 3] {
        let mut log = Log { indexed_seq, ..crowded() };
        log.keys.insert(4, ("a", 10));
        assert_eq!(log.audit(), twice, "in the index, {indexed_seq}");
        log.index.retain(|(_, seq)| *seq <= indexed_seq);
        assert_eq!(log.audit(), twice, "late, {indexed_seq}");
    }
}

#[test]
fn what_the_index_says_wrongly_is_told_key_by_key() {
    let cases: [(&str, Index, &[&str]); 7] = [
        (
            "a hole before a displaced key, so that nobody gets there",
            vec![(10, 1), (12, 3), (13, 4), (14, 2), (900, 5)],
            &[
                "event 3: its key is in the index where nobody looks for it",
                "event 4: its key is in the index where nobody looks for it",
                "event 2: its key is in the index where nobody looks for it",
            ],
        ),
        (
            "a key before its hash",
            vec![(9, 2), (10, 1), (11, 3), (12, 4), (900, 5)],
            &["event 2: its key is in the index where nobody looks for it"],
        ),
        (
            "a key listed twice, side by side",
            vec![(10, 1), (11, 2), (12, 3), (13, 4), (900, 5), (901, 5)],
            &["event 5: its key is in the index more than once"],
        ),
        (
            "a key listed twice, far apart",
            vec![(10, 1), (11, 2), (12, 3), (13, 4), (500, 5), (900, 5)],
            &["event 5: its key is in the index more than once"],
        ),
        (
            "an event that there is not",
            vec![(10, 1), (11, 2), (12, 3), (13, 4), (700, 77), (900, 5)],
            &["event 77: the index names it, and it has no key"],
        ),
        (
            "the other's event",
            vec![(10, 1), (11, 2), (12, 3), (13, 5), (900, 4)],
            &[
                "event 4: its key is in the index where nobody looks for it",
                "event 5: its key is in the index where nobody looks for it",
            ],
        ),
        (
            "nothing at all",
            vec![],
            &[
                "event 1: its key is not in the index",
                "event 2: its key is not in the index",
                "event 3: its key is not in the index",
                "event 4: its key is not in the index",
                "event 5: its key is not in the index",
            ],
        ),
    ];
    for (what, index, expected) in cases {
        let mut found = Log { index, ..crowded() }.audit();
        let mut expected: Vec<_> =
            expected.iter().map(|detail| format!("ledger main: {detail}")).collect();
        found.sort();
        expected.sort();
        assert_eq!(found, expected, "{what}");
    }
}

#[test]
fn a_late_key_at_a_wrong_place_is_told() {
    let mut log = Log { indexed_seq: 4, ..crowded() };
    log.index = vec![(10, 1), (11, 2), (12, 3), (13, 4), (899, 5)];
    let expected = "ledger main: event 5: its key is in the index where nobody looks for it";
    assert_eq!(log.audit(), [expected]);
    log.index = vec![(10, 1), (11, 2), (12, 3), (13, 4), (900, 5), (901, 5)];
    let expected = "ledger main: event 5: its key is in the index more than once";
    assert_eq!(log.audit(), [expected]);
}

#[test]
fn numbers_at_the_ends_of_their_range_are_numbers() {
    let mut log = crowded();
    log.index.insert(0, (i64::MIN, u64::MAX));
    log.index.push((i64::MAX, u64::MAX));
    let expected =
        format!("ledger main: event {}: the index names it, and it has no key", u64::MAX);
    assert_eq!(log.audit(), [expected]);
}

#[test]
fn an_index_full_of_neighbours_is_looked_at_in_pieces() {
    let keys = (0..10_000).map(|seq| (seq, ("k", seq as i64)));
    let index = (0..10_000).map(|seq| (seq as i64, seq)).collect();
    let log = Log { keys: keys.collect(), index, indexed_seq: 10_000 };
    let found = log.audit();
    // In a piece of 4,096 all but the first repeat it; a hundred of them are told.
    assert_eq!(found[0], "ledger main: events 0 and 1 have one key");
    assert_eq!(found[100], "and 9897 more like these");
}

#[test]
fn a_span_that_differs_is_never_passed_over() {
    let mut keys = Keys::new("main".into());
    let mut findings = Findings::default();
    keys.logged(Slot { slot: 10, seq: 1 }, false);
    keys.turn();
    let spans = keys.finish(|_| None, &mut findings);
    assert_eq!(spans, [0..=4_095]);
    // Whoever reads the span again finds nothing wrong.
    let key = [Slot { slot: 10, seq: 1 }];
    keys.explain(&spans[0], &key, &key, &mut findings);
    let expected = "ledger main: something among the keys of events 0 to 4095";
    assert_eq!(findings.list()[0].detail, expected);
}
