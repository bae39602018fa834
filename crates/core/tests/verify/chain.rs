//! The chain and its anchors: which of them is wrong, and from where to where.

use super::books::{Books, LEDGER};
use super::{anchored, codes, every_kind};
use semel_core::chain::Hash;
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
