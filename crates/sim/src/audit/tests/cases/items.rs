//! What stood in a topic, its dead letters and its counts.

use super::super::sample::*;
use super::Case;
use crate::evidence::*;

pub(in super::super) const ITEMS: &[Case] = &[
    ("bad, and no dead letter", |e| without_letter(e, 1), &["item_lost"]),
    ("a payment without a row", |e| without_letter(e, 6), &["item_lost"]),
    (
        "other content, and no dead letter",
        |e| {
            without_letter(e, 3);
            counts(e)[5] -= 1;
        },
        &["item_lost"],
    ),
    ("a reason that is not its own", |e| reason(e, 1, "empty"), &["letter_reason"]),
    (
        "no conflict",
        |e| {
            reason(e, 6, "conflict");
            counts(e)[5] += 1;
        },
        &["letter_reason"],
    ),
    (
        "a conflict with itself",
        |e| content(e, 3, paid("o1", 30, "USD", "a", "c")),
        &["letter_reason"],
    ),
    ("its own currency", |e| content(e, 6, paid("o3", 30, "USD", "a", "c")), &["letter_reason"]),
    (
        "accounts that were there",
        |e| content(e, 7, paid("o4", 30, "USD", "a", "c")),
        &["letter_reason"],
    ),
    ("accounts that came later", |e| content(e, 7, paid("o4", 30, "USD", "a", "d")), &[]),
    (
        "accounts that came at some time",
        |e| {
            e.commits.clear();
            content(e, 7, paid("o4", 30, "USD", "a", "c"));
        },
        &[],
    ),
    ("two accounts", |e| reason(e, 6, "same_account"), &["letter_reason"]),
    (
        "one account",
        |e| {
            content(e, 6, paid("o3", 30, "USD", "a", "a"));
            reason(e, 6, "same_account");
        },
        &[],
    ),
    ("a payment is not undecodable", |e| reason(e, 6, "undecodable"), &["letter_reason"]),
    (
        "a payment, missed, then taken",
        |e| {
            content(e, 1, paid("o1", 30, "USD", "a", "c"));
            reason(e, 1, "unknown_account");
        },
        &["letter_reason"],
    ),
    (
        "a dead letter of nothing",
        |e| {
            e.letters.push(letter(8, "empty"));
            counts(e)[4] -= 1;
            counts(e)[6] += 1;
        },
        &["letter_without_item"],
    ),
    (
        "a dead letter of what was aborted",
        |e| {
            e.letters.push(letter(4, "empty"));
            counts(e)[4] -= 1;
            counts(e)[6] += 1;
        },
        &["letter_without_item"],
    ),
    (
        "a dead letter of what is to come",
        |e| {
            e.letters.push(letter(9, "unknown_account"));
            counts(e)[4] -= 1;
            counts(e)[6] += 1;
        },
        &["letter_untaken"],
    ),
    (
        "two dead letters",
        |e| {
            e.letters.push(letter(1, "undecodable"));
            counts(e)[4] -= 1;
            counts(e)[6] += 1;
        },
        &["letter_twice"],
    ),
    (
        "a row of no item",
        |e| {
            content(e, 5, Content::Bad("empty".into()));
            e.letters.push(letter(5, "empty"));
            counts(e)[4] -= 1;
            counts(e)[6] += 1;
        },
        &["row_without_item"],
    ),
    (
        "a row of what was aborted",
        |e| {
            content(e, 5, Content::Aborted);
            counts(e)[0] -= 1;
            counts(e)[4] -= 1;
        },
        &["row_without_item"],
    ),
    (
        "a row of what is to come",
        |e| e.items.iter_mut().filter(|item| item.place == 5).for_each(|item| item.place = 10),
        &["read_count", "row_without_item"],
    ),
    (
        "a row of another ingest",
        |e| e.items.iter_mut().for_each(|item| item.ingest = "shops".into()),
        &["item_lost", "letter_reason", "row_count", "row_without_item"],
    ),
    (
        "read once more",
        |e| {
            counts(e)[0] += 1;
            counts(e)[4] += 1;
        },
        &["read_count"],
    ),
    (
        "read by a leg without items",
        |e| {
            e.legs.push(Leg {
                source: "file:x".into(),
                ledger: 3,
                next: 2,
                counts: [1, 0, 0, 0, 1, 0, 0],
            })
        },
        &["read_count"],
    ),
    (
        "a leg that publishes",
        |e| e.legs.push(Leg { source: "publish:x".into(), ledger: 3, next: 2, counts: [0; 7] }),
        &[],
    ),
    ("a sum that is none", |e| counts(e)[4] += 1, &["count_rule"]),
    (
        "counts below zero",
        |e| {
            counts(e)[2] = 3;
            counts(e)[3] = -1;
        },
        &["count_rule", "row_count"],
    ),
    (
        "accepted is more than its parts",
        |e| {
            counts(e)[1] += 1;
            counts(e)[4] -= 1;
        },
        &["count_rule", "row_count"],
    ),
    (
        "accepted twice",
        |e| {
            counts(e)[1] += 1;
            counts(e)[2] += 1;
            counts(e)[4] -= 1;
        },
        &["row_count"],
    ),
    (
        "counted as declined",
        |e| {
            counts(e)[2] -= 1;
            counts(e)[3] += 1;
        },
        &["row_count"],
    ),
    (
        "dead letters not counted",
        |e| {
            counts(e)[6] -= 1;
            counts(e)[4] += 1;
        },
        &["letter_count"],
    ),
    ("conflicts not counted", |e| counts(e)[5] -= 1, &["letter_count"]),
    ("a leg of another ledger", |e| e.legs[0].ledger = 4, &["leg_ledger"]),
];

fn counts(e: &mut Evidence) -> &mut [i64; 7] {
    &mut e.legs[0].counts
}

fn without_letter(e: &mut Evidence, place: u64) {
    e.letters.retain(|letter| letter.place != place);
    counts(e)[6] -= 1;
    counts(e)[4] += 1;
}

fn reason(e: &mut Evidence, place: u64, reason: &str) {
    let letter = e.letters.iter_mut().find(|letter| letter.place == place);
    letter.expect("the sample has it").reason = reason.into();
}

fn content(e: &mut Evidence, place: u64, content: Content) {
    let item = e.items.iter_mut().find(|item| item.place == place);
    item.expect("the sample has it").content = content;
}
