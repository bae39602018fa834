//! What the sample has published, and what somebody took of it: all, in order.

use crate::audit::chain::hex;
use crate::evidence::*;

/// Three partitions, with a stranger, a record that came early and one that came again.
pub(super) fn wire(ledger: &Ledger, chain: &[[u8; 32]], setting: &str) -> Vec<Vec<Record>> {
    let mut wire = vec![Vec::new(), vec![stranger()], Vec::new()];
    let mut last = [(0, [0; 32]); 3];
    for (row, hash) in ledger.events.iter().zip(chain) {
        let key = key(row, setting);
        let partition = partition(&key);
        let this = (row.seq, *hash);
        wire[partition].push(record(row, &key, this, last[partition]));
        last[partition] = this;
    }
    let (early, again) = (wire[1][4].clone(), wire[1][1].clone());
    wire[1].insert(2, early);
    wire[1].insert(4, again);
    for records in &mut wire {
        records.iter_mut().zip(10..).for_each(|(record, offset)| record.offset = offset);
    }
    wire
}

/// What somebody took of each partition: all of it.
pub(super) fn followed(ledger: &Ledger, chain: &[[u8; 32]], setting: &str) -> Vec<Followed> {
    let of = |partition: usize| {
        let rows = ledger.events.iter().zip(chain);
        let own = rows.filter(|(row, _)| self::partition(&key(row, setting)) == partition);
        let taken: Vec<_> = own.map(|(row, hash)| (row.seq, *hash)).collect();
        let followed =
            Followed { ledger: ledger.name.clone(), partition, taken, has_stopped: false };
        (!followed.taken.is_empty()).then_some(followed)
    };
    (0..3).filter_map(of).collect()
}

/// The key of a row's record, by the words of the contract.
fn key(row: &Row, setting: &str) -> String {
    let id = |side: &Option<Side>| side.as_ref().map(|side| side.id.clone()).unwrap_or_default();
    let is_back = matches!(row.kind, 5 | 6);
    match setting {
        _ if row.kind < 3 => id(&row.debit),
        "payment" => format!("pay_{}", row.reference.map_or(row.seq, |(seq, _)| seq)),
        "credit_account" if is_back => id(&row.debit),
        "credit_account" => id(&row.credit),
        _ if is_back => id(&row.credit),
        _ => id(&row.debit),
    }
}

/// Of three partitions, the one of a key; computed by a program of another language.
fn partition(key: &str) -> usize {
    match key {
        "pay_5" | "pay_13" => 0,
        "a" | "c" | "x" | "pay_8" | "pay_12" | "pay_17" | "pay_21" => 1,
        _ => 2,
    }
}

fn stranger() -> Record {
    let headers = vec![("semel-seq".to_string(), b"1".to_vec())];
    Record { offset: 0, key: None, value: Some(b"hello".to_vec()), headers }
}

fn record(row: &Row, key: &str, this: (u64, [u8; 32]), prev: (u64, [u8; 32])) -> Record {
    const TYPES: [&str; 9] = [
        "account.opened",
        "account.closed",
        "payment.succeeded",
        "payment.declined",
        "payment.refunded",
        "payment.refund_declined",
        "payment.pending",
        "payment.captured",
        "payment.voided",
    ];
    let kind = TYPES.get(usize::from(row.kind) - 1).copied().unwrap_or_default();
    let micros = row.at % 1_000_000;
    let at = format!("1970-01-01T00:00:{:02}.{micros:06}Z", row.at / 1_000_000);
    let (id, seq) = (&row.id, row.seq);
    let body = body(row, key);
    let value = format!(r#"{{"type":"{kind}","id":"{id}","seq":{seq},"at":"{at}",{body}}}"#);
    let texts = [
        ("semel-ledger", "main".to_string()),
        ("semel-seq", this.0.to_string()),
        ("semel-hash", hex(&this.1)),
        ("semel-prev", prev.0.to_string()),
        ("semel-prev-hash", hex(&prev.1)),
        ("ce_specversion", "1.0".into()),
        ("ce_id", row.id.clone()),
        ("ce_source", "/ledgers/main".into()),
        ("ce_type", kind.into()),
        ("ce_time", at),
        ("content-type", "application/json".into()),
    ];
    let headers = texts.map(|(name, text)| (name.to_string(), text.into_bytes())).to_vec();
    Record { offset: 0, key: Some(key.into()), value: Some(value.into_bytes()), headers }
}

/// What a value says behind the event's own fields.
fn body(row: &Row, key: &str) -> String {
    let named = |name: &str| {
        let (payment, _) = row.reference.unwrap_or_default();
        format!(r#""payment":{{"id":"pay_{payment}"}},"{name}":{}"#, row.answer)
    };
    match row.kind {
        1 => {
            // The row says both, in this order.
            let extra = row.extra.as_deref().unwrap_or_default();
            format!(r#""account":{}"#, extra.replace(r#"","ov"#, r#"","currency":"USD","ov"#))
        }
        2 => format!(r#""account":{{"id":"{key}","currency":"USD"}}"#),
        5 | 6 => named("refund"),
        8 => named("capture"),
        9 => named("void"),
        _ => format!(r#""payment":{}"#, row.answer),
    }
}
