//! Ingests and dead letters.

use super::{Shop, binding};
use crate::common::command;
use semel_core::dead_letter::Raw;
use semel_core::exactly_once::{Claim, Cursor, Decide, Step, Target};
use semel_core::ingest::{Counts, Ingest, Item};
use semel_core::ledger::Command;
use semel_core::mapping::Rejection;
use semel_core::payment::Identity;
use semel_core::reason::Reason;
use semel_store::postgres::PostgresTarget;
use semel_store::rows::{Binding, LetterFilter, LetterPage};

/// One step of an ingest, by a source of that name and for keys of that namespace: for each key a
/// payment, for each reason an item of so many bytes that is none.
pub(crate) async fn ingest(
    leg: &PostgresTarget,
    [source, namespace]: [&str; 2],
    keys: &[&str],
    bad: &[(Reason, usize)],
) {
    let logic = Ingest { source: source.into() };
    let item = |line, value: &[u8], content| {
        let raw = Raw { value: Some(value.to_vec()), ..Raw::default() };
        Item { line, raw, content }
    };
    let pay = |key: &str| match command(key) {
        Command::Pay(identity, pay) => {
            Command::Pay(Identity { namespace: namespace.into(), ..identity }, pay)
        }
        other => other,
    };
    let good = keys.iter().zip(1..).map(|(key, line)| item(line, b"good", Ok(pay(key))));
    let bad = bad.iter().zip(100..).map(|((reason, length), line)| {
        let rejection = Rejection { reason: *reason, detail: "amount".into() };
        item(line, &vec![b'x'; *length], Err(rejection))
    });
    let items: Vec<Item> = good.chain(bad).collect();
    let claim = leg.claim().await.unwrap();
    let Cursor { next, tail, hint } = *claim.cursor();
    let keys = Decide::<Item, PostgresTarget>::keys(&logic, &items);
    let step = claim.begin(keys).await.unwrap();
    let effects = Decide::<Item, PostgresTarget>::decide(&logic, &items, step.snapshot());
    let to = Cursor { next: next + items.len() as u64, tail, hint };
    step.commit(effects, to).await.unwrap();
}

fn of_ingest(source: &str, ingest: &str) -> Binding {
    Binding { ingest: ingest.into(), ..binding(source) }
}

fn ids(page: &LetterPage) -> Vec<i64> {
    page.rows.iter().map(|letter| letter.id).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ingests_and_letters_add_up_over_all_sources() {
    use Reason::{AmountInexact, Empty, MissingField};
    let Some(shop) = Shop::open().await else { return };
    let ledger = shop.ledger;
    for (source, name, keys, bad) in [
        ("file:1", "shop", vec!["a", "b"], vec![(Empty, 9), (AmountInexact, 9)]),
        ("file:2", "shop", vec!["b", "c"], vec![(Empty, 9)]),
        ("file:3", "bank", vec![], vec![(MissingField, 9)]),
    ] {
        let leg = shop.store.leg(ledger, of_ingest(source, name)).await.unwrap();
        ingest(&leg, [source, name], &keys, &bad).await;
    }
    let reader = shop.reader();
    let counts = Counts {
        read: 7,
        accepted: 3,
        succeeded: 3,
        declined: 0,
        duplicates: 1,
        conflicts: 0,
        dead_letters: 3,
        discarded: 0,
    };
    assert_eq!(reader.ingest(ledger, "shop").unwrap().unwrap().counts, counts);
    let names: Vec<_> = reader.ingests(ledger).unwrap().into_iter().map(|row| row.name).collect();
    assert_eq!(names, ["bank".into(), "shop".into()]);
    assert_eq!(reader.ingest(ledger, "nobody"), Ok(None));
    assert_eq!(reader.ingests(ledger + 1), Ok(vec![]));
    assert_eq!(reader.cursor("file:1").unwrap().unwrap().next, 4);

    let all = LetterFilter::default();
    let of = |ingest: &str| LetterFilter { ingest: Some(ingest.into()), ..all.clone() };
    let why = |reason| LetterFilter { reason: Some(reason), ..all.clone() };
    let named = |ids: &[i64]| LetterFilter { ids: Some(ids.to_vec()), ..all.clone() };
    for (filter, after, limit, expected, more) in [
        (all.clone(), 0, 9, vec![1, 2, 3, 4], false),
        (all.clone(), 0, 4, vec![1, 2, 3, 4], false),
        (all.clone(), 0, 3, vec![1, 2, 3], true),
        (all.clone(), 1, 2, vec![2, 3], true),
        (all.clone(), 0, 0, vec![], true),
        (all.clone(), 4, 0, vec![], false),
        (of("shop"), 0, 9, vec![1, 2, 3], false),
        (of("nobody"), 0, 9, vec![], false),
        (why(Empty), 0, 9, vec![1, 3], false),
        (LetterFilter { ingest: Some("bank".into()), ..why(Empty) }, 0, 9, vec![], false),
        (named(&[4, 2, 99]), 0, 9, vec![2, 4], false),
        (named(&[]), 0, 9, vec![], false),
    ] {
        let page = reader.letters(ledger, &filter, after, limit).unwrap();
        assert_eq!((ids(&page), page.more), (expected, more), "{filter:?} {after} {limit}");
    }
    assert_eq!(reader.letters(ledger + 1, &all, 0, 9), Ok(LetterPage::default()));
    let letter = reader.letter(ledger, 2).unwrap().unwrap();
    assert_eq!((&*letter.file, letter.line, letter.attempts), ("file:1", 101, 1));
    assert_eq!((letter.reason, &*letter.detail, letter.masked), (AmountInexact, "amount", false));
    assert_eq!(reader.letter(ledger, 99), Ok(None));
    let reasons = |filter, cap| reader.letter_reasons(ledger, filter, cap).unwrap();
    assert_eq!(reasons(&all, None), [(Empty, 2), (AmountInexact, 1), (MissingField, 1)]);
    assert_eq!(reasons(&all, Some(2)), [(AmountInexact, 1), (Empty, 1)]);
    assert_eq!(reasons(&of("shop"), None), [(Empty, 2), (AmountInexact, 1)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn long_letters_fill_a_page_sooner() {
    let Some(shop) = Shop::open().await else { return };
    let leg = shop.store.leg(shop.ledger, binding("file:1")).await.unwrap();
    ingest(&leg, ["file:1"; 2], &[], &[(Reason::Empty, 1_500_000); 7]).await;
    let all = LetterFilter::default();
    for (after, limit, expected, more) in
        [(0, 99, vec![1, 2, 3], true), (3, 99, vec![4, 5, 6], true), (6, 99, vec![7], false)]
    {
        let page = shop.reader().letters(shop.ledger, &all, after, limit).unwrap();
        assert_eq!((ids(&page), page.more), (expected, more), "after {after}");
    }
}
