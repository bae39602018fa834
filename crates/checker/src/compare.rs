//! What the wire tells against what the database holds: the same events, with the same content, and
//! the same chain.
//!
//! Deliberately absent: the chain's own computing. A hash on the wire has to be the one that is
//! kept; whether that is the hash of the rows is another question, and `semel verify` asks it.

use crate::database::{Account, Event, Ledger};
use crate::findings::Findings;
use crate::ids::{id, moment};
use crate::kind::Kind;
use crate::message::{Body, Message};
use crate::record::{Link, hex};
use crate::wire::OnWire;
use serde_json::{Value, json};
use std::collections::HashMap;

/// Why a payment was declined, by the number in its row.
const DECLINES: [(i64, &str); 3] =
    [(1, "account_closed"), (2, "insufficient_funds"), (3, "balance_limit")];

/// Compare a ledger with what the wire tells of it.
pub fn check(on_wire: &OnWire, ledger: &Ledger, findings: &mut Findings) {
    rows(ledger, findings);
    hashes(on_wire, ledger, findings);
    for message in &on_wire.messages {
        let Message { partition, offset, link, .. } = message;
        let place = || format!("{}: partition {partition} at {offset}", ledger.id);
        match ledger.event(link.seq) {
            // What is beyond the last row was told with its hash.
            None => {}
            Some(event) => {
                if let Some((field, expected)) = difference(ledger, event, message) {
                    findings.tell("altered", || {
                        format!("{}: event {}: {field} is not {expected}", place(), link.seq)
                    });
                }
            }
        }
    }
}

/// The log is dense, and no key stands in two of its rows.
fn rows(ledger: &Ledger, findings: &mut Findings) {
    let id = &ledger.id;
    let mut keys = HashMap::new();
    let mut next = 1;
    for event in &ledger.events {
        let seq = event.seq;
        if seq != next {
            findings.lost("row_missing", || format!("{id}: row {seq} follows row {}", next - 1));
        }
        next = seq + 1;
        let Some(key) = &event.key else { continue };
        if let Some(first) = keys.insert((&event.namespace, key), seq) {
            findings.doubled("key_twice", || {
                format!("{id}: rows {first} and {seq} have {:?} {key:?}", event.namespace)
            });
        }
    }
    if next != ledger.next_seq {
        let (last, wanted) = (next - 1, ledger.next_seq - 1);
        findings.lost("row_missing", || format!("{id}: the last row is {last}, not {wanted}"));
    }
}

/// Every hash on the wire that the database keeps too is the same; none is beyond its last event.
fn hashes(on_wire: &OnWire, ledger: &Ledger, findings: &mut Findings) {
    let mut kept: HashMap<u64, _> = ledger.anchors.iter().copied().collect();
    kept.insert(ledger.next_seq - 1, ledger.tail);
    for (Link { seq, hash }, partition) in &on_wire.taken {
        let place = || format!("{}: event {seq} in partition {partition}", ledger.id);
        if ledger.next_seq <= *seq {
            findings.tell("unknown", || format!("{}: the database does not hold it", place()));
        }
        if let Some(kept) = kept.get(seq).filter(|kept| *kept != hash) {
            findings.tell("chain", || {
                format!("{}: hash {}, in the database {}", place(), hex(hash), hex(kept))
            });
        }
    }
}

impl Ledger {
    /// The row of that seq.
    pub fn event(&self, seq: u64) -> Option<&Event> {
        let found = self.events.binary_search_by_key(&seq, |event| event.seq);
        found.ok().map(|index| &self.events[index])
    }

    /// The id of what that row records, by its type.
    pub fn named(&self, event: &Event, prefix: &str) -> String {
        id(prefix, event.at, self.no, event.seq)
    }

    fn account(&self, number: Option<u64>) -> Option<String> {
        self.accounts.get(&number?).map(|Account { id, .. }| id.clone())
    }
}

/// The first field in which a message is not what its row says, and what it should be.
fn difference(ledger: &Ledger, event: &Event, message: &Message) -> Option<(&'static str, String)> {
    let Some(kind) = Kind::of_number(event.kind) else {
        return Some(("the row's kind", "one that the contract names".into()));
    };
    let refers_to = event.reference.map(|seq| {
        let payment = ledger.event(seq);
        payment.map_or_else(|| "an event".into(), |payment| ledger.named(payment, "pay"))
    });
    let whole = [
        ("type", json!(kind.word), json!(message.kind.word)),
        ("id", json!(ledger.named(event, "evt")), json!(message.id)),
        ("at", json!(moment(event.at)), json!(message.at)),
        ("payment.id", json!(refers_to), json!(message.refers_to)),
    ];
    let expected = body(ledger, (event, kind), refers_to.as_deref());
    let fields = fields(&expected).into_iter().zip(fields(&message.body));
    let fields = fields.map(|((name, expected), (_, found))| (name, expected, found));
    let mut all = whole.into_iter().chain(fields);
    let (name, expected, _) = all.find(|(_, expected, found)| expected != found)?;
    Some((name, expected.to_string()))
}

/// What a message has to say of a row.
fn body(ledger: &Ledger, (event, kind): (&Event, Kind), refers_to: Option<&str>) -> Body {
    let currency = Some(event.currency.clone());
    if kind.is_of_account() {
        let id = ledger.account(event.debit).unwrap_or_default();
        return Body { id, currency, ..Body::default() };
    }
    let decline = DECLINES.iter().find(|(number, _)| *number == event.code);
    let mut body = Body {
        id: ledger.named(event, kind.prefix),
        payment_id: refers_to.map(str::to_owned),
        state: Some(kind.state.into()),
        decline_code: decline.map(|(_, word)| word.to_string()),
        amount: Some(event.amount),
        currency,
        debit_account: ledger.account(event.debit),
        credit_account: ledger.account(event.credit),
        idempotency_key: Some(event.key.clone().unwrap_or_default()),
        ingest: Some(event.namespace.clone()).filter(|namespace| !namespace.is_empty()),
        created_at: Some(moment(event.at)),
        ..Body::default()
    };
    if kind.is_payment() {
        let extra = event.extra.as_deref().and_then(|extra| serde_json::from_str(extra).ok());
        let extra: Value = extra.unwrap_or_default();
        body.description = extra.get("description").and_then(Value::as_str).map(str::to_owned);
        body.metadata = Some(extra.get("metadata").cloned().unwrap_or_else(|| json!({})));
    }
    body
}

/// A body's fields, by name.
fn fields(body: &Body) -> [(&'static str, Value); 13] {
    [
        ("id", json!(body.id)),
        ("payment_id", json!(body.payment_id)),
        ("state", json!(body.state)),
        ("decline_code", json!(body.decline_code)),
        ("amount", json!(body.amount)),
        ("currency", json!(body.currency)),
        ("debit_account", json!(body.debit_account)),
        ("credit_account", json!(body.credit_account)),
        ("idempotency_key", json!(body.idempotency_key)),
        ("ingest", json!(body.ingest)),
        ("created_at", json!(body.created_at)),
        ("description", json!(body.description)),
        ("metadata", json!(body.metadata)),
    ]
}
