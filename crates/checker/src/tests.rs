//! The whole comparison as a table: a small ledger as the wire, the database and clients have it,
//! one alteration a line, and what is found.

use crate::database::Ledger;
use crate::links::Reader;
use crate::record::Record;
use crate::testing::{ledger, link, record, records};
use crate::{Answer, Check, Followed, Held, Key, Options, Report, Until, judge};
use bytes::Bytes;
use std::collections::BTreeSet;
use std::time::Duration;

/// What is read.
struct World {
    records: Vec<Record>,
    held: Held,
    check: Check,
}

/// What the client of a payment was told.
fn answer(seq: u64, key: &str, state: &str, amount: i64) -> Answer {
    let id = Some(format!("pay_01a3185c-5000-7{seq:03x}-8000-0100{seq:08x}"));
    let (ledger, state) = ("main".into(), Some(state.into()));
    let (status, amount) = (Some(201), Some(amount));
    Answer { ledger, namespace: String::new(), key: key.into(), status, id, state, amount }
}

fn world() -> World {
    let follow = Options {
        bootstrap: String::new(),
        topic: String::new(),
        ledgers: Vec::new(),
        uncommitted: false,
        until: Until::End,
        patience: Duration::ZERO,
        may_begin_late: false,
    };
    let answers = vec![answer(3, "a", "succeeded", 500)];
    let held = Held { written: [("main".to_string(), 9)].into(), ledgers: vec![ledger()] };
    let check =
        Check { follow, covers_database: false, key: Key::DebitAccount, database: None, answers };
    World { records: records(), held, check }
}

impl World {
    fn judge(self) -> Report {
        let held = self.held.clone();
        self.judge_with(Some(held))
    }

    fn judge_alone(self) -> Report {
        self.judge_with(None)
    }

    fn judge_with(self, held: Option<Held>) -> Report {
        let only = &self.check.follow.ledgers;
        let mut reader = Reader::new(only, self.check.follow.may_begin_late);
        for (record, offset) in self.records.into_iter().zip(0..) {
            reader.read(Record { offset, ..record });
        }
        reader.finish();
        let followed = Followed { partitions: 1, reader };
        judge(followed, &self.check, held)
    }

    /// Replace a text in the value of the message with that seq.
    fn say(&mut self, seq: usize, old: &str, new: &str) {
        let value = self.records[seq - 1].value.take().expect("it has one");
        let text = String::from_utf8(value.to_vec()).expect("it is text");
        assert!(text.contains(old), "{old} in {text}");
        self.records[seq - 1].value = Some(Bytes::from(text.replace(old, new)));
    }

    /// Let a request be answered so, with that key.
    fn told(&mut self, key: &str, status: Option<u16>) {
        self.check.answers.push(Answer { status, ..answer(3, key, "succeeded", 500) });
    }

    fn answers(&mut self) -> &mut [Answer] {
        &mut self.check.answers
    }

    /// Let the first key be answered with the id of another payment too.
    fn two_ids(&mut self) {
        self.check.answers.push(answer(5, "a", "succeeded", 500));
    }

    /// Let a client of a ledger that nobody follows have been told something.
    fn elsewhere(&mut self) {
        self.check.follow.ledgers = vec!["main".into()];
        self.check.answers.push(Answer { ledger: "b".into(), ..answer(3, "a", "succeeded", 500) });
    }

    /// Let the last event have been written while the wire was read.
    fn grown(&mut self) {
        self.cut(9);
        self.held.written.insert("main".into(), 8);
    }

    /// Let the wire end before that seq.
    fn cut(&mut self, seq: usize) {
        self.records.truncate(seq - 1);
    }

    fn rows(&mut self) -> &mut Ledger {
        &mut self.held.ledgers[0]
    }

    fn key(&mut self, seq: usize, key: &str) {
        self.records[seq - 1].key = Some(Bytes::copy_from_slice(key.as_bytes()));
    }

    fn header(&mut self, seq: usize, name: &str, text: &str) {
        let mut headers = self.records[seq - 1].headers.iter_mut();
        let header = headers.find(|(other, _)| other == name).expect("it is there");
        header.1 = Some(Bytes::copy_from_slice(text.as_bytes()));
    }
}

/// The codes that were found, each once, by name.
fn codes_of(report: &Report) -> Vec<&str> {
    let codes: BTreeSet<&str> = report.findings.iter().map(|it| &*it.code).collect();
    codes.into_iter().collect()
}

/// The codes that one alteration leads to, and how much is lost and doubled.
type Case = (&'static str, fn(&mut World), &'static [&'static str], [u64; 2]);

fn run(cases: &[Case]) {
    for (why, alter, codes, counts) in cases {
        let mut world = world();
        alter(&mut world);
        let report = world.judge();
        assert_eq!(codes_of(&report), *codes, "{why}: {:#?}", report.findings);
        assert_eq!([report.lost, report.doubled], *counts, "{why}: {:#?}", report.findings);
        assert_eq!(report.ok, codes.is_empty(), "{why}");
    }
}

#[test]
fn what_is_right_is_counted() {
    let mut world = world();
    let repeated = world.records[..3].to_vec();
    world.records.extend(repeated);
    let foreign = Record { headers: Vec::new(), ..world.records[0].clone() };
    world.records.push(foreign);
    let report = world.judge();
    assert!(report.ok, "{:#?}", report.findings);
    let text = serde_json::to_string(&report).expect("it is plain data");
    let expected = concat!(
        r#"{"ok":true,"ledgers":[{"ledger":"main","events":9,"taken":9,"repeats":3,"holes":0,"#,
        r#""partitions":1,"deleted_up_to":0}],"foreign":1,"lost":0,"doubled":0,"findings":[]}"#,
    );
    assert_eq!(text, expected);
}

#[test]
fn messages_have_to_agree_with_themselves() {
    run(&[
        ("no value", |it| it.records[3].value = None, &["content"], [0, 0]),
        ("no JSON", |it| it.say(4, "{\"type\"", "{type"), &["content"], [0, 0]),
        ("an amount as text", |it| it.say(4, ":900", ":\"900\""), &["content"], [0, 0]),
        ("an amount beyond 64 bits", |it| it.say(4, "900", BEYOND), &["content"], [0, 0]),
        ("a name twice", |it| it.say(4, "\"state\"", TWICE), &["content"], [0, 0]),
        ("another seq", |it| it.say(4, "\"seq\":4", "\"seq\":5"), &["content"], [0, 0]),
        ("another body", |it| it.say(4, "\"payment\":", "\"refund\":"), &["content"], [0, 0]),
        ("another type", |it| it.say(4, "payment.declined", "payment.lost"), &["content"], [0, 0]),
        ("another attribute", |it| it.header(4, "ce_type", "x"), &["content"], [0, 0]),
        ("another source", |it| it.header(4, "ce_source", "/ledgers/b"), &["content"], [0, 0]),
        ("no key", |it| it.records[3].key = None, &["content"], [0, 0]),
        ("another's key", |it| it.key(4, "merchant:9"), &["wrong_key"], [0, 0]),
        ("a refund's other key", |it| it.key(7, "merchant:9"), &["wrong_key"], [0, 0]),
        ("another setting", |it| it.check.key = Key::CreditAccount, &["wrong_key"], [0, 0]),
    ]);
}

const BEYOND: &str = "9223372036854775808";
const TWICE: &str = "\"amount\":1,\"state\"";

#[test]
fn the_wire_and_the_database_have_to_agree() {
    run(&[
        ("an amount", |it| it.say(4, "900", "901"), &["altered"], [0, 0]),
        ("a side", |it| it.say(4, "merchant:9", "merchant:8"), &["altered"], [0, 0]),
        ("a currency", |it| it.say(4, "USD", "EUR"), &["altered"], [0, 0]),
        ("a key", |it| it.say(4, ":\"b\"", ":\"x\""), &["altered"], [0, 0]),
        ("a reason", |it| it.say(4, "insufficient_funds", "balance_limit"), &["altered"], [0, 0]),
        ("a description", |it| it.say(3, "tea", "coffee"), &["altered"], [0, 0]),
        ("a number in it", |it| it.say(3, "\"n\":1", "\"n\":2"), &["altered"], [0, 0]),
        ("a row's kind", |it| it.rows().events[3].kind = 7, &["altered", "balance"], [0, 0]),
        ("a balance", |it| it.rows().account_row(1).totals[1] = 0, &["balance"], [0, 0]),
        (
            "a row twice",
            |it| it.rows().events[3].key = Some("a".into()),
            &["acknowledged_altered", "altered", "key_twice"],
            [0, 1],
        ),
        ("an anchor", |it| it.rows().anchors[0].1 = [1; 32], &["chain"], [0, 0]),
        ("the tail", |it| it.rows().tail = [1; 32], &["chain"], [0, 0]),
        ("the last one lost", |it| it.cut(9), &["missing"], [1, 0]),
        ("one lost", |it| drop(it.records.remove(3)), &["hole", "missing"], [6, 0]),
        ("written since", |it| it.grown(), &[], [0, 0]),
        (
            "a row lost",
            |it| drop(it.rows().events.pop()),
            &["balance", "last_seq", "row_missing"],
            [1, 0],
        ),
        (
            "never recorded",
            |it| it.records.push(record("main", 0, 9, link(9), link(10))),
            &["content", "unknown"],
            [0, 0],
        ),
        (
            "a strange ledger",
            |it| it.records.push(record("b", 0, 9, link(0), link(1))),
            &["content", "unknown_ledger"],
            [0, 0],
        ),
        (
            "not its partition",
            |it| it.records[0].partition = 1,
            &["acknowledged_not_told", "hole", "missing", "wrong_partition"],
            [8, 0],
        ),
    ]);
}

#[test]
fn what_clients_were_told_has_to_be_so() {
    run(&[
        ("declined", |it| it.check.answers.push(answer(4, "b", "declined", 900)), &[], [0, 0]),
        ("an amount", |it| it.answers()[0].amount = Some(501), &["acknowledged_altered"], [0, 0]),
        ("a state", |it| it.answers()[0].state = None, &["acknowledged_altered"], [0, 0]),
        ("another id", |it| it.answers()[0].id = None, &["acknowledged_altered"], [0, 0]),
        ("a replay", |it| it.told("a", Some(201)), &[], [0, 0]),
        ("two ids", |it| it.two_ids(), &["acknowledged_altered", "two_answers"], [0, 1]),
        (
            "nowhere",
            |it| it.told("z", Some(201)),
            &["acknowledged_not_recorded", "acknowledged_not_told"],
            [1, 0],
        ),
        ("not on the wire", |it| it.cut(3), &["acknowledged_not_told", "missing"], [7, 0]),
        ("no answer, not there", |it| it.told("z", None), &[], [0, 0]),
        ("no answer, there", |it| it.told("c", None), &[], [0, 0]),
        ("unknown, not there", |it| it.told("z", Some(503)), &[], [0, 0]),
        ("refused, not there", |it| it.told("z", Some(422)), &[], [0, 0]),
        ("refused, there", |it| it.told("c", Some(422)), &["refused_applied"], [0, 0]),
        ("refused, by another", |it| it.told("a", Some(422)), &[], [0, 0]),
        ("another ledger", |it| it.elsewhere(), &[], [0, 0]),
    ]);
}

#[test]
fn without_a_database_the_wire_is_held_against_itself_and_clients() {
    for (why, alter, codes, counts) in [
        ("as it is", (|_| {}) as fn(&mut World), &[][..], [0, 0]),
        ("nowhere", |it| it.told("z", Some(201)), &["acknowledged_not_told"], [1, 0]),
        ("a key twice", |it| it.say(4, ":\"b\"", ":\"a\""), KEY_TWICE, [0, 1]),
    ] {
        let mut world = world();
        alter(&mut world);
        let report = world.judge_alone();
        assert_eq!(codes_of(&report), codes, "{why}: {:#?}", report.findings);
        assert_eq!([report.lost, report.doubled], counts, "{why}");
    }
}

const KEY_TWICE: &[&str] = &["acknowledged_altered", "key_twice"];
