//! The rule as tables: records by their own seq and the one before, and what becomes of them.

use super::*;
use crate::testing::{link, record};

/// Records of one partition of the ledger `main`: the seq before and the own one; below zero it is
/// another history.
fn read(pairs: &[(i64, i64)], may_begin_late: bool) -> Reader {
    let mut reader = Reader::new(&[], may_begin_late);
    for (offset, (prev, this)) in pairs.iter().enumerate() {
        reader.read(record("main", 0, offset as u64, link(*prev), link(*this)));
    }
    reader.finish();
    reader
}

#[test]
fn a_reader_goes_by_the_links() {
    type Case<'a> = (&'a str, &'a [(i64, i64)], &'a [u64], (u64, u64), &'a [&'a str]);
    let cases: &[Case<'_>] = &[
        ("nothing", &[], &[], (0, 0), &[]),
        ("good", &[(0, 1), (1, 4), (4, 5)], &[1, 4, 5], (0, 0), &[]),
        ("a repeat", &[(0, 1), (1, 2), (0, 1), (2, 3)], &[1, 2, 3], (1, 0), &[]),
        ("early, then filled", &[(0, 1), (2, 4), (1, 2), (2, 4)], &[1, 2, 4], (0, 1), &[]),
        ("early, never again", &[(0, 1), (2, 4), (1, 2)], &[1, 2], (0, 1), &["hole"]),
        ("a hole never filled", &[(0, 1), (2, 3)], &[1], (0, 1), &["hole"]),
        ("no beginning", &[(1, 2), (2, 3)], &[], (0, 2), &["hole"]),
        ("another history", &[(0, 1), (-1, 2)], &[1], (0, 0), &["fork"]),
        ("before the last", &[(0, 1), (1, 3), (1, 4)], &[1, 3], (0, 0), &["fork"]),
        ("behind a fork", &[(0, 1), (-1, 2), (1, 2)], &[1], (0, 0), &["fork"]),
        ("other repeat", &[(0, 1), (0, -1)], &[1], (1, 0), &["repeat_differs"]),
        ("repeat of none", &[(0, 1), (1, 3), (1, 2)], &[1, 3], (1, 0), &["stray"]),
        ("early of none", &[(0, 1), (2, 3), (1, 4)], &[1, 4], (0, 1), &["stray"]),
    ];
    for (why, pairs, taken, (repeats, early), codes) in cases {
        let reader = read(pairs, false);
        let place = reader.places.values().next();
        let found: Vec<u64> =
            place.iter().flat_map(|place| &place.taken).map(|taken| taken.link.seq).collect();
        assert_eq!(found, *taken, "{why}");
        let counts = place.map_or((0, 0), |place| (place.repeats, place.early));
        assert_eq!(counts, (*repeats, *early), "{why}");
        assert_eq!(reader.findings.codes(), *codes, "{why}");
    }
}

#[test]
fn who_may_begin_late_begins_at_the_first_record() {
    for (why, pairs, behind, codes) in [
        ("the beginning is there", &[(0, 1), (1, 2)][..], None, &[][..]),
        ("it was deleted", &[(3, 5), (5, 6)], Some(3), &[]),
        ("what was deleted comes again", &[(3, 5), (0, 2), (5, 6)], Some(3), &[]),
        ("what was not deleted is missing", &[(3, 5), (6, 7)], Some(3), &["hole"]),
    ] {
        let reader = read(pairs, true);
        let place = reader.places.values().next().expect("something was read");
        assert_eq!(place.began_behind.map(|link| link.seq), behind, "{why}");
        assert_eq!(reader.findings.codes(), codes, "{why}");
    }
}

#[test]
fn partitions_and_ledgers_are_apart_and_others_are_foreign() {
    let mut reader = Reader::new(&["main".into()], false);
    let mut foreign = record("main", 1, 1, link(1), link(2));
    foreign.headers.remove(0);
    for (record, taken) in [
        (record("main", 0, 0, link(0), link(1)), true),
        (record("main", 1, 0, link(0), link(2)), true),
        (record("other", 1, 2, link(0), link(1)), false),
        (foreign, false),
        (record("main", 0, 7, link(1), link(3)), true),
    ] {
        assert_eq!(reader.read(record.clone()).is_some(), taken, "{record:?}");
    }
    assert_eq!((reader.foreign, reader.places.len()), (1, 2));
    // The foreign one was read behind the other ledger's.
    assert_eq!(reader.findings.codes(), ["offset_order"]);
}
