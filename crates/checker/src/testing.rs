//! Records and rows as the tests of this crate make them.

use crate::database::{Account, Event, Ledger};
use crate::record::{Link, Record, hex};
use bytes::Bytes;

/// The link of that seq; below zero it is one of another history.
pub fn link(seq: i64) -> Link {
    match seq.unsigned_abs() {
        0 => Link::NONE,
        number => Link { seq: number, hash: [number as u8 ^ if seq < 0 { 0x80 } else { 0 }; 32] },
    }
}

/// A record of ours without key and value.
pub fn record(ledger: &str, partition: u32, offset: u64, prev: Link, this: Link) -> Record {
    let headers = [
        ("semel-ledger", ledger.to_owned()),
        ("semel-seq", this.seq.to_string()),
        ("semel-hash", hex(&this.hash)),
        ("semel-prev", prev.seq.to_string()),
        ("semel-prev-hash", hex(&prev.hash)),
    ];
    let headers = headers.into_iter().map(|(name, text)| (name.into(), Some(Bytes::from(text))));
    Record { partition, offset, key: None, value: None, headers: headers.collect() }
}

/// What the account rows and the log of a small ledger hold: every type of event but a closing.
pub fn ledger() -> Ledger {
    type Row = (i64, &'static str, [u64; 2], i64, u64);
    let rows: [Row; 9] = [
        (1, "", [1, 0], 0, 0),
        (1, "", [2, 0], 0, 0),
        (3, "a", [1, 2], 500, 0),
        (4, "b", [1, 2], 900, 0),
        (7, "c", [1, 2], 300, 0),
        (8, "d", [1, 2], 200, 5),
        (5, "e", [2, 1], 100, 3),
        (7, "f", [1, 2], 50, 0),
        (9, "g", [1, 2], 50, 8),
    ];
    let some = |number: u64| Some(number).filter(|number| 0 < *number);
    let event = |((kind, key, [debit, credit], amount, reference), seq): (Row, u64)| Event {
        seq,
        at: 1_800_000_000_000_000 + seq as i64,
        kind,
        key: Some(key).filter(|key: &&str| !key.is_empty()).map(str::to_owned),
        debit: some(debit),
        credit: some(credit),
        amount,
        currency: "USD".into(),
        code: if kind == 4 { 2 } else { 0 },
        reference: some(reference),
        extra: (kind == 3).then(|| r#"{"description":"tea","metadata":{"n":1}}"#.into()),
        ..Event::default()
    };
    let account = |id: &str, totals| {
        let currency = "USD".into();
        Account { id: id.into(), currency, totals, last_seq: 9, ..Account::default() }
    };
    let accounts = [
        (1, account("customer:1", [700, 100, 0, 0])),
        (2, account("merchant:9", [100, 700, 0, 0])),
    ];
    Ledger {
        no: 1,
        id: "main".into(),
        next_seq: 10,
        tail: link(9).hash,
        events: rows.into_iter().zip(1..).map(event).collect(),
        accounts: accounts.into(),
        anchors: vec![(4, link(4).hash)],
        ..Ledger::default()
    }
}

impl Ledger {
    /// The row of an account.
    pub fn account_row(&mut self, number: u64) -> &mut Account {
        self.accounts.get_mut(&number).expect("it is one of the two")
    }

    /// Let the first account's row lag.
    pub fn lag(&mut self) {
        let row = self.account_row(1);
        (row.totals, row.last_seq) = ([500, 0, 300, 0], 5);
    }
}

/// What the wire says of that ledger, word for word, in a topic with one partition.
pub fn records() -> Vec<Record> {
    let id =
        |prefix: &str, seq: u64| format!("{prefix}_01a3185c-5000-7{seq:03x}-8000-0100{seq:08x}");
    let at = |seq: u64| format!("2027-01-15T08:00:00.{seq:06}Z");
    let sides = r#""debit_account":"customer:1","credit_account":"merchant:9""#;
    let back = r#""debit_account":"merchant:9","credit_account":"customer:1""#;
    let payment = |seq: u64, key: &str, state: &str, amount: i64, extra: &str| {
        let (id, at) = (id("pay", seq), at(seq));
        format!(
            r#""payment":{{"id":"{id}","state":{state},"amount":{amount},"currency":"USD",{sides},
            {extra},"idempotency_key":"{key}","created_at":"{at}"}}"#
        )
    };
    let later = |seq: u64, (name, prefix): (&str, &str), (of, key): (u64, &str), amount: i64| {
        let (id, of, at) = (id(prefix, seq), id("pay", of), at(seq));
        let sides = if name == "refund" { back } else { sides };
        format!(
            r#""payment":{{"id":"{of}"}},"{name}":{{"id":"{id}","payment_id":"{of}","state":
            "succeeded","amount":{amount},"currency":"USD",{sides},"idempotency_key":"{key}",
            "created_at":"{at}"}}"#
        )
    };
    let account =
        |id: &str| format!(r#""account":{{"id":"{id}","currency":"USD","overdraft":"unlimited"}}"#);
    let plain = r#""description":null,"metadata":{}"#;
    let tea = r#""description":"tea","metadata":{"n":1}"#;
    let declined = r#""declined","decline_code":"insufficient_funds""#;
    let messages = [
        ("account.opened", "customer:1", account("customer:1")),
        ("account.opened", "merchant:9", account("merchant:9")),
        ("payment.succeeded", "customer:1", payment(3, "a", r#""succeeded""#, 500, tea)),
        ("payment.declined", "customer:1", payment(4, "b", declined, 900, plain)),
        ("payment.pending", "customer:1", payment(5, "c", r#""pending""#, 300, plain)),
        ("payment.captured", "customer:1", later(6, ("capture", "cap"), (5, "d"), 200)),
        ("payment.refunded", "customer:1", later(7, ("refund", "ref"), (3, "e"), 100)),
        ("payment.pending", "customer:1", payment(8, "f", r#""pending""#, 50, plain)),
        ("payment.voided", "customer:1", later(9, ("void", "void"), (8, "g"), 50)),
    ];
    let record = |((word, key, body), seq): ((&str, &str, String), u64)| {
        let (id, at) = (id("evt", seq), at(seq));
        let value = format!(r#"{{"type":"{word}","id":"{id}","seq":{seq},"at":"{at}",{body}}}"#);
        let mut record = record("main", 0, seq - 1, link(seq as i64 - 1), link(seq as i64));
        (record.key, record.value) = (Some(key.to_owned().into()), Some(value.into()));
        record.headers.extend(
            [
                ("ce_specversion", "1.0"),
                ("ce_id", &id),
                ("ce_source", "/ledgers/main"),
                ("ce_type", word),
                ("ce_time", &at),
                ("content-type", "application/json"),
            ]
            .map(|(name, text)| (name.into(), Some(text.to_owned().into()))),
        );
        record
    };
    messages.into_iter().zip(1..).map(record).collect()
}
