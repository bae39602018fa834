//! What readers tell of ingests and dead letters, and a redrive.

use common::hand::{number, shop, sql};
use common::{binding, command};
use semel_core::dead_letter::{self, Raw, Redrive, Redriven};
use semel_core::exactly_once::{Claim, Cursor, Decide, Step, Target};
use semel_core::ingest::{Counts, Ingest, Item};
use semel_core::mapping::Rejection;
use semel_core::reason::Reason;
use semel_store::rows::{Binding, LetterFilter, LetterPage};
use semel_store::sqlite::{Sqlite, SqliteTarget};
use std::path::Path;

#[expect(dead_code, reason = "other tests use the rest")]
mod common;

/// One step of an ingest: for each key a payment, for each reason an item that is none.
async fn ingest(leg: &SqliteTarget, source: &str, keys: &[&str], reasons: &[Reason]) {
    let logic = Ingest { source: source.into() };
    let item = |line, content| {
        let raw = Raw { value: Some(b"4111 1111 1111 1111".to_vec()), ..Raw::default() };
        Item { line, raw, content }
    };
    let good = keys.iter().zip(1..).map(|(key, line)| item(line, Ok(command(key))));
    let bad = reasons.iter().zip(100..).map(|(reason, line)| {
        item(line, Err(Rejection { reason: *reason, detail: "amount".into() }))
    });
    let items: Vec<Item> = good.chain(bad).collect();
    let claim = leg.claim().await.unwrap();
    let Cursor { next, tail, hint } = *claim.cursor();
    let keys = Decide::<Item, SqliteTarget>::keys(&logic, &items);
    let step = claim.begin(keys).await.unwrap();
    let effects = Decide::<Item, SqliteTarget>::decide(&logic, &items, step.snapshot());
    let to = Cursor { next: next + items.len() as u64, tail, hint };
    step.commit(effects, to).await.unwrap();
}

fn of_ingest(source: &str, ingest: &str) -> Binding {
    Binding { ingest: ingest.into(), ..binding(source) }
}

#[tokio::test]
async fn ingests_and_letters_add_up_over_all_sources() {
    use Reason::{AmountInexact, Empty, MissingField};
    let (_dir, path, store, ledger) = shop().await;
    let one = store.leg(ledger, of_ingest("file:1", "shop")).await.unwrap();
    let two = store.leg(ledger, of_ingest("file:2", "shop")).await.unwrap();
    let bank = store.leg(ledger, of_ingest("file:3", "bank")).await.unwrap();
    ingest(&one, "file:1", &["a", "b"], &[Empty, AmountInexact]).await;
    ingest(&two, "file:2", &["b", "c"], &[Empty]).await;
    ingest(&bank, "file:3", &[], &[MissingField]).await;
    let reader = store.reader();
    let shop = Counts {
        read: 7,
        accepted: 3,
        succeeded: 3,
        declined: 0,
        duplicates: 1,
        conflicts: 0,
        dead_letters: 3,
        discarded: 0,
    };
    assert_eq!(reader.ingest(ledger, "shop").unwrap().unwrap().counts, shop);
    let names: Vec<_> = reader.ingests(ledger).unwrap().into_iter().map(|row| row.name).collect();
    assert_eq!(names, ["bank".into(), "shop".into()]);
    assert_eq!(reader.ingest(ledger, "nobody"), Ok(None));
    assert_eq!(reader.ingests(ledger + 1), Ok(vec![]));

    let all = LetterFilter::default();
    let of = |ingest: &str| LetterFilter { ingest: Some(ingest.into()), ..all.clone() };
    let why = |reason| LetterFilter { reason: Some(reason), ..all.clone() };
    let ids = |ids: &[i64]| LetterFilter { ids: Some(ids.to_vec()), ..all.clone() };
    for (filter, after, limit, expected) in [
        (all.clone(), 0, 9, vec![1, 2, 3, 4]),
        (all.clone(), 1, 2, vec![2, 3]),
        (of("shop"), 0, 9, vec![1, 2, 3]),
        (of("nobody"), 0, 9, vec![]),
        (why(Empty), 0, 9, vec![1, 3]),
        (LetterFilter { ingest: Some("bank".into()), ..why(Empty) }, 0, 9, vec![]),
        (ids(&[4, 2, 99]), 0, 9, vec![2, 4]),
        (ids(&[]), 0, 9, vec![]),
    ] {
        let found = reader.letters(ledger, &filter, after, limit).unwrap();
        let found: Vec<i64> = found.rows.iter().map(|letter| letter.id).collect();
        assert_eq!(found, expected, "{filter:?}");
    }
    assert_eq!(reader.letters(ledger + 1, &all, 0, 9), Ok(LetterPage::default()));
    let histogram = [(Empty, 2), (AmountInexact, 1), (MissingField, 1)];
    assert_eq!(reader.letter_reasons(ledger, &all, None).unwrap(), histogram);
    assert_eq!(reader.letter_reasons(ledger, &of("bank"), None).unwrap(), [(MissingField, 1)]);

    let letter = reader.letter(ledger, 2).unwrap().unwrap();
    assert_eq!((&*letter.file, letter.line, letter.attempts), ("file:1", 101, 1));
    assert!(letter.masked && !format!("{:?}", letter.raw).contains("1111 1111"));
    assert_eq!(reader.letter(ledger, 99), Ok(None));
    redriven(&store, ledger, &path).await;
}

/// Letter 1 becomes a payment, letter 2 fails again, letter 99 never was.
async fn redriven(store: &Sqlite, ledger: u32, path: &Path) {
    let rejection = Rejection { reason: Reason::TooLong, detail: "key".into() };
    let redrives = [
        Redrive { letter: 1, content: Ok(command("mended")) },
        Redrive { letter: 2, content: Err(rejection.clone()) },
        Redrive { letter: 99, content: Ok(command("ghost")) },
    ];
    let claim = store.door(ledger).claim().await.unwrap();
    let step = claim.begin(dead_letter::keys(&redrives)).await.unwrap();
    let (results, effects) = dead_letter::redrive(&redrives, step.snapshot());
    step.commit(effects, Cursor::START).await.unwrap();
    assert_eq!(results, [Redriven::Accepted, Redriven::Refused(rejection), Redriven::Gone]);
    let reader = store.reader();
    assert_eq!(reader.letter(ledger, 1), Ok(None));
    let again = reader.letter(ledger, 2).unwrap().unwrap();
    assert_eq!((again.reason, again.attempts), (Reason::TooLong, 2));
    assert!(again.first_failed_at <= again.last_failed_at);
    let counts = reader.ingest(ledger, "shop").unwrap().unwrap().counts;
    assert_eq!((counts.accepted, counts.dead_letters), (4, 2));
    assert_eq!(number(path, "SELECT count(*) FROM event WHERE key = 'ghost'"), 0);
}

#[tokio::test]
async fn a_letter_has_its_own_sources_mapping() {
    for [first, second] in [["major", "minor"], ["minor", "major"]] {
        let (_dir, _path, store, ledger) = shop().await;
        for (source, mapping) in [("file:1", first), ("file:2", second)] {
            let binding = Binding { mapping: mapping.into(), ..of_ingest(source, "shop") };
            let leg = store.leg(ledger, binding).await.unwrap();
            ingest(&leg, source, &[], &[Reason::UnknownAccount]).await;
        }
        let letters = store.reader().letters(ledger, &LetterFilter::default(), 0, 9).unwrap().rows;
        let told: Vec<_> = letters.iter().map(|row| (&*row.file, &*row.mapping)).collect();
        assert_eq!(told, [("file:1", first), ("file:2", second)]);
        let second_letter = store.reader().letter(ledger, letters[1].id).unwrap().unwrap();
        assert_eq!(&*second_letter.mapping, second);
    }
}

#[tokio::test]
async fn a_page_of_long_letters_is_short() {
    let (_dir, path, store, ledger) = shop().await;
    let leg = store.leg(ledger, of_ingest("file:1", "shop")).await.unwrap();
    ingest(&leg, "file:1", &[], &[Reason::Undecodable; 5]).await;
    sql(&path).execute("UPDATE dead_letter SET value = zeroblob(3 << 20)", []).unwrap();
    let page = |after, limit| {
        let all = LetterFilter::default();
        let page = store.reader().letters(ledger, &all, after, limit).unwrap();
        (page.rows.iter().map(|letter| letter.id).collect::<Vec<_>>(), page.more)
    };
    for (after, limit, expected) in [
        (0, 9, (vec![1, 2], true)),
        (2, 9, (vec![3, 4], true)),
        (4, 9, (vec![5], false)),
        (3, 1, (vec![4], true)),
        (3, 2, (vec![4, 5], false)),
    ] {
        assert_eq!(page(after, limit), expected, "{after} {limit}");
    }
}
