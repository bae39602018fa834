//! What stood in topics and files, held against rows, dead letters and counts.
//!
//! Promise P1 for ingests: every item below the cursor was taken exactly once and ended as a
//! payment, a duplicate or a dead letter; what was aborted, or stands behind the cursor, left
//! nothing; and the counts say just that.

use super::calls::is_movement;
use super::index::{Index, Indexes};
use super::placed::{Placed, Standing, ledger_of};
use super::report::Report;
use super::shape::{self, kind};
use crate::evidence::{Account, Content, Evidence, Item, Leg, Letter, Row};
use std::collections::{BTreeMap, HashMap, HashSet};

/// Check all items, dead letters, legs and the rows of ingests.
pub(super) fn check(evidence: &Evidence, indexes: &Indexes<'_>, report: &mut Report) {
    let placed = Placed::of(evidence);
    let mut made = HashSet::new();
    for item in &evidence.items {
        if placed.standing(&item.source, item.place) == Some(Standing::Taken)
            && let Some(row) = fate(item, &placed, indexes, report)
        {
            made.insert((&*item.ledger, row.seq));
        }
    }
    letters(&placed, &evidence.letters, report);
    indexes.list.iter().for_each(|index| strangers(index, &made, report));
    counts(evidence, &placed, indexes, report);
}

/// What became of an item that was taken: the row that it made, or repeated.
fn fate<'a>(
    item: &Item,
    placed: &Placed<'_>,
    indexes: &Indexes<'a>,
    report: &mut Report,
) -> Option<&'a Row> {
    let letter = placed.letter(item);
    let row = match &item.content {
        Content::Payment { key, .. } => {
            indexes.named(&item.ledger).and_then(|index| index.keyed(&item.ingest, key))
        }
        Content::Bad(_) | Content::Aborted => None,
    };
    let own = row.filter(|row| says(&item.content, row));
    match letter {
        Some(letter) if !is_justified(item, &letter.reason, (row, own), placed, indexes) => {
            tell(report, "letter_reason", item, || {
                format!("{}; event {:?}", letter.reason, row.map(|row| row.seq))
            });
        }
        None if own.is_none() => {
            let event = || format!("no dead letter; event {:?}", row.map(|row| row.seq));
            tell(report, "item_lost", item, event);
        }
        _ => {}
    }
    own.filter(|_| letter.is_none())
}

fn tell(report: &mut Report, invariant: &'static str, item: &Item, what: impl FnOnce() -> String) {
    report.tell(invariant, || {
        format!("{} at {}: {:?}: {}", item.source, item.place, item.content, what())
    });
}

/// Whether `row` records the item's payment.
fn says(content: &Content, row: &Row) -> bool {
    match content {
        Content::Payment { amount, currency, debit, credit, .. } => {
            matches!(row.kind, kind::SUCCEEDED | kind::DECLINED)
                && is_movement(row, *amount, currency, debit, credit)
        }
        Content::Bad(_) | Content::Aborted => false,
    }
}

/// Whether an item may be a dead letter for that reason. `row` has its key, `own` its content too.
fn is_justified(
    item: &Item,
    reason: &str,
    (row, own): (Option<&Row>, Option<&Row>),
    placed: &Placed<'_>,
    indexes: &Indexes<'_>,
) -> bool {
    let Content::Payment { currency, debit, credit, .. } = &item.content else {
        return item.content == Content::Bad(reason.into());
    };
    let account = |id| indexes.named(&item.ledger).and_then(|index| index.account(id));
    let [from, to] = [account(debit), account(credit)];
    match reason {
        "conflict" => row.is_some() && own.is_none(),
        "currency_mismatch" => {
            own.is_none() && [from, to].into_iter().flatten().any(|kept| kept.currency != *currency)
        }
        "same_account" => debit == credit,
        // The account may have been opened later, and the same payment come again.
        "unknown_account" => {
            let before = placed.taken_at(item).unwrap_or(0);
            let was_there = |kept: Option<&Account>| kept.is_some_and(|kept| kept.no < before);
            !(was_there(from) && was_there(to))
        }
        _ => false,
    }
}

/// Each dead letter has its item, alone and taken.
fn letters(placed: &Placed<'_>, letters: &[Letter], report: &mut Report) {
    for letter in letters {
        let Letter { source, place, reason } = letter;
        let invariant = match placed.standing(source, *place) {
            Some(Standing::Taken) => continue,
            Some(Standing::Untaken) => "letter_untaken",
            Some(Standing::Aborted) | None => "letter_without_item",
        };
        report.tell(invariant, || format!("{source} at {place}: {reason}"));
    }
    let mut twice: Vec<_> = placed.letters.iter().filter(|(_, (_, many))| *many > 1).collect();
    twice.sort_by_key(|(at, _)| **at);
    for ((source, place), (_, many)) in twice {
        report.tell("letter_twice", || format!("{source} at {place}: {many} dead letters"));
    }
}

/// Rows of an ingest that no item made.
fn strangers(index: &Index<'_>, made: &HashSet<(&str, u64)>, report: &mut Report) {
    for row in index.ledger.events.iter().filter(|row| !row.namespace.is_empty()) {
        if !made.contains(&(index.name(), row.seq)) {
            report.tell("row_without_item", || {
                let (seq, namespace, key) = (row.seq, &row.namespace, &row.key);
                format!("{}: event {seq}: no item of {namespace} made {key:?}", index.name())
            });
        }
    }
}

/// Sums over the sources of an ingest: accepted, succeeded, declined.
type Sums<'a> = BTreeMap<(&'a str, &'a str), [i64; 3]>;

fn counts(evidence: &Evidence, placed: &Placed<'_>, indexes: &Indexes<'_>, report: &mut Report) {
    let mut kept = HashMap::<&str, [i64; 2]>::new();
    for letter in &evidence.letters {
        let [letters, conflicts] = kept.entry(&letter.source).or_default();
        *letters += 1;
        *conflicts += i64::from(letter.reason == "conflict");
    }
    let mut counted = Sums::new();
    for leg in &evidence.legs {
        let kept = kept.get(&*leg.source).copied().unwrap_or_default();
        let source = placed.sources.get(&*leg.source);
        let taken = source.map_or(0, |source| source.taken);
        leg_counts(leg, taken, kept, report);
        let Some(source) = source else { continue };
        let ledger = ledger_of(leg, indexes);
        if ledger != Some(source.ledger) {
            report.tell("leg_ledger", || {
                format!("{} is of {ledger:?}, its items of {}", leg.source, source.ledger)
            });
        }
        let sums = counted.entry((source.ledger, source.ingest)).or_default();
        let [_, accepted, succeeded, declined, ..] = leg.counts;
        let each = sums.iter_mut().zip([accepted, succeeded, declined]);
        each.for_each(|(sum, count)| *sum = sum.saturating_add(count));
    }
    compare(counted, &logged(indexes), report);
}

/// What a leg counted, against what was taken and what was put aside.
fn leg_counts(leg: &Leg, taken: i64, [letters, conflicts]: [i64; 2], report: &mut Report) {
    let [read, accepted, succeeded, declined, duplicates, refused, buried] = leg.counts;
    let sum = |parts: &[i64]| parts.iter().map(|part| i128::from(*part)).sum::<i128>();
    let rules = [
        ("read_count", read == taken, "read is what was taken"),
        (
            "count_rule",
            sum(&[accepted, duplicates, buried]) == i128::from(read),
            "read = accepted + duplicates + dead letters",
        ),
        (
            "count_rule",
            sum(&[succeeded, declined]) == i128::from(accepted),
            "accepted = succeeded + declined",
        ),
        ("count_rule", leg.counts.iter().all(|count| 0 <= *count), "no count is below zero"),
        ("letter_count", buried == letters, "dead letters are those that are kept"),
        ("letter_count", refused == conflicts, "conflicts are those that are kept"),
    ];
    for (invariant, _, rule) in rules.into_iter().filter(|(_, holds, _)| !holds) {
        report.tell(invariant, || {
            let (source, counts) = (&leg.source, leg.counts);
            format!(
                "{source}: not so: {rule}; counts {counts:?}, taken {taken}, \
                 dead letters {letters}, conflicts {conflicts}"
            )
        });
    }
}

/// What the logs hold of each ingest.
fn logged<'a>(indexes: &Indexes<'a>) -> Sums<'a> {
    let mut logged = Sums::new();
    for index in &indexes.list {
        for row in index.ledger.events.iter().filter(|row| !row.namespace.is_empty()) {
            let sums = logged.entry((index.name(), &*row.namespace)).or_default();
            let declined = shape::declined(row.kind);
            sums[0] += 1;
            sums[if declined { 2 } else { 1 }] += 1;
        }
    }
    logged
}

fn compare(counted: Sums<'_>, logged: &Sums<'_>, report: &mut Report) {
    for ((ledger, ingest), counted) in counted {
        let logged = logged.get(&(ledger, ingest)).copied().unwrap_or_default();
        if counted != logged {
            report.tell("row_count", || {
                format!(
                    "{ledger}: {ingest}: accepted, succeeded, declined: \
                     counted {counted:?}, in the log {logged:?}"
                )
            });
        }
    }
}
