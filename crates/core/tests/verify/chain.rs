//! The chain, its anchors and what was published of it: which of them is wrong, and from where to
//! where.

use super::books::{Books, LEDGER};
use super::{anchored, codes, every_kind};
use semel_core::account::Overdraft;
use semel_core::chain::Hash;
use semel_core::ledger::Position;
use semel_core::problem::Code;
use semel_core::verify::Replay;

type AlterBooks = fn(&mut Books);

#[test]
fn the_end_of_the_log_is_compared() {
    for mut books in [Books::new(), every_kind(), anchored()] {
        books.position.tail.0[31] ^= 1;
        assert_eq!(codes(&books.audit()), [Code::ChainBroken].into());
        books.position.tail.0[31] ^= 1;
        books.position.next_seq += 1;
        assert_eq!(codes(&books.audit()), [Code::LogGap].into());
    }
}

#[test]
fn an_anchor_is_told_from_a_row() {
    let alter_row = |seq: usize| {
        let mut books = anchored();
        books.events[seq - 1].at += 1;
        books.audit().into_iter().map(|finding| finding.detail).collect::<Vec<_>>()
    };
    assert_eq!(
        [alter_row(5), alter_row(1_024), alter_row(1_025), alter_row(2_300)],
        [
            ["ledger main: the anchor at event 1024 does not follow from events 1 to 1024"],
            ["ledger main: the anchor at event 1024 does not follow from events 1 to 1024"],
            ["ledger main: the anchor at event 2048 does not follow from events 1025 to 2048"],
            ["ledger main: the ledger's hash does not follow from the events behind event 2048"],
        ]
    );
    let alter_anchor = |alter: AlterBooks| {
        let mut books = anchored();
        alter(&mut books);
        books.audit().into_iter().map(|finding| finding.detail).collect::<Vec<_>>()
    };
    let anchors: [(AlterBooks, &str); 5] = [
        (
            |books| books.anchors.get_mut(&1_024).unwrap().0[0] ^= 1,
            "ledger main: the anchor at event 1024 is not the chain's hash there",
        ),
        (
            |books| books.anchors.get_mut(&2_048).unwrap().0[0] ^= 1,
            "ledger main: the anchor at event 2048 is not the chain's hash there",
        ),
        (
            |books| {
                books.anchors.remove(&1_024);
            },
            "ledger main: there is no anchor at event 1024",
        ),
        (
            |books| {
                books.anchors.insert(1_025, Hash::ZERO);
            },
            "ledger main: no anchor belongs at 1025",
        ),
        (
            |books| {
                books.anchors.insert(3_072, Hash::ZERO);
            },
            "ledger main: no anchor belongs at 3072",
        ),
    ];
    for (alter, expected) in anchors {
        assert_eq!(alter_anchor(alter), [expected]);
    }
}

#[test]
fn damage_in_two_places_is_told_twice() {
    let mut books = anchored();
    books.events[10].at += 1;
    books.events[1_500].at += 1;
    let findings = books.audit();
    let details: Vec<_> = findings.iter().map(|finding| &*finding.detail).collect();
    assert_eq!(
        details,
        [
            "ledger main: the anchor at event 1024 does not follow from events 1 to 1024",
            "ledger main: the anchor at event 2048 does not follow from events 1025 to 2048",
        ]
    );
}

#[test]
fn behind_a_row_that_is_lost_the_next_anchor_is_believed() {
    let details = |lost: u64, alter: AlterBooks| {
        let mut books = anchored();
        alter(&mut books);
        let mut replay = Replay::new(LEDGER, "main".into(), books.anchors.clone());
        for event in &books.events {
            match event.seq == lost {
                true => replay.unreadable(lost, "nonsense"),
                false => replay.feed(event, None),
            }
        }
        // What the lost row moved is missing in the accounts, and told too.
        let report = replay.finish([], books.position);
        let findings = report.findings.list().into_iter();
        let of_chain = [Code::ChainBroken, Code::AnchorDiffers];
        findings.filter(|found| of_chain.contains(&found.code)).count()
    };
    let cases: [(u64, AlterBooks, usize); 7] = [
        (500, |_| {}, 0),
        (1_024, |_| {}, 0),
        (2_300, |_| {}, 0),
        // Before the lost row, and behind it in the same span: nothing more can be said.
        (500, |books| books.events[600].at += 1, 0),
        // In another span.
        (500, |books| books.events[1_100].at += 1, 1),
        (1_500, |books| books.events[600].at += 1, 1),
        // The anchor that has to be believed is wrong itself, and the next one says so.
        (500, |books| books.anchors.get_mut(&1_024).unwrap().0[0] ^= 1, 1),
    ];
    for (lost, alter, expected) in cases {
        assert_eq!(details(lost, alter), expected, "event {lost} is lost");
    }
}

/// The chain after each event, and before the first.
fn hashes(books: &Books) -> Vec<Hash> {
    let mut hashes = vec![Position::start("main").tail];
    for event in &books.events {
        let mut encoding = Vec::new();
        event.encode(LEDGER, &mut encoding);
        hashes.push(hashes[hashes.len() - 1].link(&encoding));
    }
    hashes
}

fn held_to(books: &Books, published: &[(u64, Hash)]) -> Vec<String> {
    let findings = books.held_to(published.iter().copied()).findings.list();
    findings.into_iter().map(|finding| finding.detail).collect()
}

#[test]
fn every_hash_of_a_log_may_have_been_published() {
    for books in [Books::new(), every_kind(), anchored()] {
        let all: Vec<_> = (0..).zip(hashes(&books)).collect();
        assert_eq!(held_to(&books, &all), [""; 0]);
    }
}

#[test]
fn a_published_hash_tells_what_was_sealed_again() {
    let books = anchored();
    let hashes = hashes(&books);
    let published = |seq: u64| (seq, hashes[seq as usize]);
    let differs = |seq: u64| {
        format!("ledger main: the hash published for event {seq} differs from the chain's there")
    };
    for seq in [1, 5, 1_023, 1_024, 1_025, 2_302] {
        let mut forged = books.clone();
        forged.events[seq - 1].at += 1;
        forged.seal();
        assert_eq!(forged.audit(), [], "event {seq}");
        let seq = seq as u64;
        assert_eq!(held_to(&forged, &[published(seq - 1)]), [""; 0], "a hash from before");
        assert_eq!(held_to(&forged, &[published(seq)]), [differs(seq)]);
        assert_eq!(held_to(&forged, &[published(2_302)]), [differs(2_302)]);
        assert_eq!(held_to(&forged, &[published(0), published(2_302)]), [differs(2_302)]);
    }
    assert_eq!(held_to(&books, &[(0, hashes[1])]), [differs(0)]);
    assert_eq!(held_to(&books, &[(7, hashes[8]), published(7)]).len(), 1, "one of two is wrong");
}

#[test]
fn a_log_that_lost_its_end_is_told_by_what_was_published() {
    let before = every_kind();
    let mut books = before.clone();
    let seq = books.open("lost", "USD", Overdraft::None);
    let last = hashes(&books)[seq as usize];
    assert_eq!(held_to(&books, &[(seq, last)]), [""; 0]);
    let told = format!("ledger main: a hash was published for event {seq}, but the log ends at 25");
    assert_eq!(held_to(&before, &[(seq, last)]), [told]);
}

#[test]
fn a_published_hash_decides_between_rows_and_anchors() {
    let books = anchored();
    let at_1_100 = (1_100, hashes(&books)[1_100]);
    let mut of_row = books.clone();
    of_row.events[4].at += 1;
    assert_eq!(
        held_to(&of_row, &[at_1_100]),
        ["ledger main: the anchor at event 1024 does not follow from events 1 to 1024"]
    );
    let mut of_anchor = books.clone();
    of_anchor.anchors.get_mut(&1_024).unwrap().0[0] ^= 1;
    assert_eq!(
        held_to(&of_anchor, &[at_1_100]),
        ["ledger main: the anchor at event 1024 is not the chain's hash there"]
    );
    // Behind a row that is not there it is believed, and shows that the rows up to the anchor fit.
    let mut of_gap = books.clone();
    of_gap.events.remove(1_099);
    let found = held_to(&of_gap, &[at_1_100]);
    assert!(found.contains(&"ledger main: event 1100 is missing".into()), "{found:?}");
    assert!(!found.iter().any(|detail| detail.contains("published")), "{found:?}");
    of_gap.events[1_199].at += 1;
    let found = held_to(&of_gap, &[at_1_100]);
    let span = "ledger main: the anchor at event 2048 does not follow from events 1101 to 2048";
    assert!(found.contains(&span.into()), "{found:?}");
}
