//! Ingests and dead letters: what is counted, put aside, redriven and discarded.
//!
//! An item is a line of the tables' language or `bad REASON` for what could not be decoded.

use crate::script::{ACCOUNTS, command, compare};
use crate::store::Store;
use crate::target;
use semel_core::dead_letter::{
    DeadLetter, Raw, Redrive, Redriven, discard, discard_keys, keys, redrive,
};
use semel_core::ingest::{Counts, Item};
use semel_core::ledger::Command;
use semel_core::mapping::Rejection;
use semel_core::reason::Reason;

const SOURCE: &str = "file:shop";

fn decoded(store: &Store, line: &str) -> Result<Command, Rejection> {
    match line.strip_prefix("bad ") {
        Some(word) => Err(Rejection { reason: Reason::parse(word).unwrap(), detail: "bad".into() }),
        None => Ok(command(store, line)),
    }
}

fn ingest(store: &mut Store, lines: &[&str], limit: usize) {
    let item = |(line, text): (usize, &&str)| Item {
        line: line as u64 + 1,
        raw: Raw { value: Some(text.as_bytes().to_vec()), ..Raw::default() },
        content: decoded(store, text),
    };
    let items = lines.iter().enumerate().map(item).collect();
    target::ingest(store, SOURCE, items, limit);
}

fn redriven(store: &mut Store, letters: &[(i64, &str)]) -> Vec<String> {
    let redrives: Vec<Redrive> = letters
        .iter()
        .map(|(letter, line)| Redrive { letter: *letter, content: decoded(store, line) })
        .collect();
    let snapshot = store.snapshot(keys(&redrives));
    let (results, effects) = redrive(&redrives, &snapshot);
    store.take(effects);
    let word = |result: &Redriven| match result {
        Redriven::Accepted => "accepted".into(),
        Redriven::Duplicate => "duplicate".into(),
        Redriven::Gone => "gone".into(),
        Redriven::Refused(rejection) => rejection.reason.as_str().into(),
    };
    results.iter().map(word).collect()
}

/// In the order of the contract: read, accepted, succeeded, declined, duplicates, conflicts, dead.
#[track_caller]
fn counted(store: &Store, expected: [i64; 7]) {
    let counts = store.counts.get(SOURCE).copied().unwrap_or_default();
    assert_eq!(counts.named().map(|(_, count)| count), expected);
    let Counts { read, accepted, succeeded, declined, duplicates, .. } = counts;
    let Counts { conflicts, dead_letters, discarded, .. } = counts;
    assert_eq!(read, accepted + duplicates + dead_letters);
    assert_eq!(accepted, succeeded + declined);
    assert!(conflicts <= dead_letters);
    assert_eq!(store.letters.len() as i64 + discarded, dead_letters);
}

fn with_accounts() -> Store {
    let mut store = Store::default();
    compare(&mut store, ACCOUNTS);
    store
}

const LINES: [(&str, &str); 14] = [
    ("pay s:k1 100 USD bank  alice", ""),
    ("pay s:k1 100 USD bank  alice", ""),
    ("pay s:k1 101 USD bank  alice", "conflict"),
    ("pay s:k2 900 USD alice shop", ""),
    ("pay s:k2 900 USD alice shop", ""),
    ("pay s:k2 901 USD alice shop", "conflict"),
    ("bad undecodable", "undecodable"),
    ("bad undecodable", "undecodable"),
    ("pay s:k3   0 USD bank  alice", "amount_not_positive"),
    ("pay s:k3   1 EUR bank  alice", "currency_mismatch"),
    ("pay s:k3   1 USD new   nobody open=unlimited/-", "unknown_account"),
    ("pay s:k3   1 USD new   alice  open=unlimited/-", ""),
    ("pay s:k4   1 USD bank  bank", "same_account"),
    ("pay s:k4   0 XXX x     x", "amount_not_positive"),
];

#[test]
fn every_item_is_a_payment_a_duplicate_or_a_dead_letter_and_counted_as_such() {
    for limit in [1, 2, 5, 100] {
        let mut store = with_accounts();
        let lines: Vec<&str> = LINES.iter().map(|line| line.0).collect();
        ingest(&mut store, &lines, limit);
        counted(&store, [14, 3, 2, 1, 2, 2, 9]);
        let buried = |letter: &DeadLetter| (letter.line as usize, letter.reason.as_str());
        let expected = (1..).zip(LINES.map(|line| line.1)).filter(|(_, reason)| !reason.is_empty());
        assert!(store.letters.values().map(buried).eq(expected), "{:?}", store.letters);
        assert_eq!(store.log.len(), 7 + 3 + 1, "and one account was opened");
    }
}

#[test]
fn a_dead_letter_opens_no_account_and_uses_up_no_key() {
    let mut store = with_accounts();
    ingest(&mut store, &["pay s:k1 1 USD new nobody open=unlimited/-", "bad invalid_key"], 9);
    assert_eq!(store.log.len(), 7);
    assert!(!store.accounts.contains_key("new"));
    compare(&mut store, "pay s:k1 1 USD bank alice | succeeded\n log | 8");
}

#[test]
fn a_letter_names_its_fields_and_keeps_no_card_number() {
    let mut store = with_accounts();
    let lines =
        ["pay s:4111111111111111 1 USD a b", "pay s:k 1 USD bank euro", "pay s:k 1 XXX bank x"];
    ingest(&mut store, &lines, 9);
    let letter = |id| {
        let letter: &DeadLetter = &store.letters[&id];
        let value = String::from_utf8(letter.raw.value.clone().unwrap()).unwrap();
        (value, letter.masked, letter.detail.as_str())
    };
    let unknown = "debit_account: The ledger has no such account and may not open it.";
    assert_eq!(letter(1), ("pay s:************1111 1 USD a b".into(), true, unknown));
    let mismatch = "currency: An account holds another currency.";
    assert_eq!(letter(2), (lines[1].into(), false, mismatch));
    let code = "currency: Not a current ISO 4217 currency with a minor unit.";
    assert_eq!(letter(3), (lines[2].into(), false, code));
}

/// One letter of each way to die: 1 conflict, 2 unknown account, 3 undecodable, 4 unknown account.
fn with_letters() -> Store {
    let mut store = with_accounts();
    let lines = [
        "pay s:k1 5 USD bank alice",
        "pay s:k1 6 USD bank alice",
        "pay s:k2 5 USD bank late",
        "bad undecodable",
        "pay s:k2 5 USD bank late",
    ];
    ingest(&mut store, &lines, 9);
    counted(&store, [5, 1, 1, 0, 0, 1, 4]);
    store
}

#[test]
#[rustfmt::skip]
fn a_redrive_moves_the_counts_of_its_letter() {
    // The account that letters 2 and 4 wait for is opened first.
    //   letter  redriven as                        result                          counts
    for (letter, line,                              result,               expected) in [
        (2, "pay s:k2 5 USD bank  late",            "accepted",           [5, 2, 2, 0, 0, 1, 3]),
        (2, "pay s:k9 5 USD alice late",            "accepted",           [5, 2, 2, 0, 0, 1, 3]),
        (2, "pay s:k9 6 USD alice late",            "accepted",           [5, 2, 1, 1, 0, 1, 3]),
        (2, "pay s:k1 5 USD bank  alice",           "duplicate",          [5, 1, 1, 0, 1, 1, 3]),
        (2, "pay s:k1 6 USD bank  alice",           "conflict",           [5, 1, 1, 0, 0, 2, 4]),
        (2, "pay s:k2 5 USD bank  never",           "unknown_account",    [5, 1, 1, 0, 0, 1, 4]),
        (2, "bad amount_inexact",                   "amount_inexact",     [5, 1, 1, 0, 0, 1, 4]),
        (1, "pay s:k1 5 USD bank  alice",           "duplicate",          [5, 1, 1, 0, 1, 0, 3]),
        (1, "pay s:k7 5 USD bank  alice",           "accepted",           [5, 2, 2, 0, 0, 0, 3]),
        (1, "pay s:k1 6 USD bank  alice",           "conflict",           [5, 1, 1, 0, 0, 1, 4]),
        (1, "bad card_number",                      "card_number",        [5, 1, 1, 0, 0, 0, 4]),
        (8, "pay s:k8 5 USD bank  alice",           "gone",               [5, 1, 1, 0, 0, 1, 4]),
        (8, "bad empty",                            "gone",               [5, 1, 1, 0, 0, 1, 4]),
    ] {
        let mut store = with_letters();
        compare(&mut store, "open late USD none | new");
        let events = store.log.len();
        assert_eq!(redriven(&mut store, &[(letter, line)]), [result], "{line}");
        counted(&store, expected);
        let accepted = result == "accepted";
        assert_eq!(store.log.len(), events + usize::from(accepted), "{line}");
        let settled = accepted || result == "duplicate" || result == "gone";
        assert_eq!(store.letters.contains_key(&letter), !settled, "{line}");
        let reason = store.letters.get(&letter).map(|letter| letter.reason.as_str());
        assert_eq!(reason, (!settled).then_some(result), "{line}");
    }
}

#[test]
fn letters_of_one_redrive_see_each_other() {
    let mut store = with_letters();
    compare(&mut store, "open late USD none | new");
    let pay = "pay s:k2 5 USD bank late";
    let results = redriven(&mut store, &[(9, pay), (2, pay), (3, "bad empty"), (4, pay), (2, pay)]);
    assert_eq!(results, ["gone", "accepted", "empty", "duplicate", "gone"]);
    counted(&store, [5, 2, 2, 0, 1, 1, 2]);
    assert_eq!(store.letters.keys().copied().collect::<Vec<_>>(), [1, 3]);
}

#[test]
fn a_letter_named_twice_is_redriven_once() {
    let mut store = with_letters();
    compare(&mut store, "open late USD none | new");
    let [one, other] = ["pay s:k2 5 USD bank late", "pay s:k3 5 USD bank late"];
    assert_eq!(redriven(&mut store, &[(2, one), (2, other)]), ["accepted", "gone"]);
    counted(&store, [5, 2, 2, 0, 0, 1, 3]);
    assert_eq!(redriven(&mut store, &[(2, one)]), ["gone"]);
    counted(&store, [5, 2, 2, 0, 0, 1, 3]);
}

#[test]
fn a_discard_forgets_the_letter_and_keeps_the_counts() {
    let mut store = with_letters();
    let snapshot = store.snapshot(discard_keys(&[3, 8, 1, 3]));
    let (forgotten, effects) = discard(&snapshot);
    store.take(effects);
    assert_eq!(forgotten, [3, 1]);
    assert_eq!(store.letters.keys().copied().collect::<Vec<_>>(), [2, 4]);
    counted(&store, [5, 1, 1, 0, 0, 1, 4]);
}
