//! Rows of the sample, and more of them: each keeps the accounts and the calls in step, without a
//! look at any rule.

use crate::evidence::{Account, Answer, Ask, Call, Evidence, Row, Side, Told};

/// An account's side; `prev` is the account's event before.
pub(super) fn side(no: u64, prev: u64) -> Option<Side> {
    let id = id(no).into();
    Some(Side { no, id, prev })
}

pub(super) fn id(no: u64) -> &'static str {
    match no {
        1 => "a",
        2 => "b",
        3 => "c",
        19 => "d",
        _ => "x",
    }
}

/// A row of which only the kind and the two sides are known.
pub(super) fn row(seq: u64, kind: u8, debit: Option<Side>, credit: Option<Side>) -> Row {
    Row {
        seq,
        at: 1_000 * seq as i64,
        kind,
        format: 1,
        namespace: String::new(),
        key: None,
        debit,
        credit,
        amount: 0,
        currency: "USD".into(),
        decline: 0,
        reference: None,
        extra: None,
        id: format!("evt_{seq}"),
        answer: String::new(),
    }
}

/// The answer that clients get, in the words that the auditor knows.
pub(super) fn answer(row: &Row) -> String {
    let side = |side: &Option<Side>| side.as_ref().map(|s| s.id.clone()).unwrap_or_default();
    format!(
        concat!(
            r#"{{"id":"{}","amount":{},"currency":"{}","debit_account":"{}","#,
            r#""credit_account":"{}","idempotency_key":"{}","created_at":"x"}}"#
        ),
        row.id,
        row.amount,
        row.currency,
        side(&row.debit),
        side(&row.credit),
        row.key.as_deref().unwrap_or_default(),
    )
}

/// The request that a row records.
pub(super) fn ask(row: &Row) -> Ask {
    let id = |side: &Option<Side>| side.as_ref().map(|s| s.id.clone()).unwrap_or_default();
    let payment = format!("pay_{}", row.reference.map_or(0, |(seq, _)| seq));
    let amount = row.extra.is_none().then_some(row.amount);
    match row.kind {
        5 | 6 => Ask::Refund { payment, amount },
        8 => Ask::Capture { payment, amount },
        9 => Ask::Void { payment },
        kind => Ask::Pay {
            amount: row.amount,
            currency: row.currency.clone(),
            debit: id(&row.debit),
            credit: id(&row.credit),
            hold: kind == 7,
        },
    }
}

/// The call that a row answers: once, and once again.
pub(super) fn call(row: &Row) -> Call {
    let done = |replayed| Told::Done { body: row.answer.clone(), replayed };
    let told = [Told::Unknown, done(false), done(true)];
    let told = told.map(|told| Answer { asked_at: 0, told }).to_vec();
    Call { ledger: "main".into(), key: row.key.clone(), ask: ask(row), told }
}

fn account(evidence: &mut Evidence, no: u64) -> &mut Account {
    let mut accounts = evidence.ledgers[0].accounts.iter_mut();
    accounts.find(|account| account.no == no).expect("the sample has it")
}

/// Append a row that names two accounts and refers to nothing, with its call and its movement.
pub(super) fn pay(evidence: &mut Evidence, kind: u8, from: u64, to: u64, amount: i64) -> u64 {
    let added = row(0, kind, side(from, 0), side(to, 0));
    append(evidence, Row { amount, ..added }, 0)
}

/// Append a row that refers to the payment of that seq; `held` is what it releases.
pub(super) fn refer(
    evidence: &mut Evidence,
    kind: u8,
    (from, to): (u64, u64),
    amount: i64,
    payment: u64,
    held: i64,
) -> u64 {
    let added = row(0, kind, side(from, 0), side(to, 0));
    let reference = Some((payment, 1_000 * payment as i64));
    append(evidence, Row { amount, reference, ..added }, held)
}

/// Append a row as it comes next. Commits no longer fit it and are dropped.
pub(super) fn append(evidence: &mut Evidence, mut row: Row, held: i64) -> u64 {
    let seq = evidence.ledgers[0].next_seq;
    (row.seq, row.at, row.id) = (seq, 1_000 * seq as i64, format!("evt_{seq}"));
    let (posted, pending) = match row.kind {
        3 | 5 => (row.amount, 0),
        7 => (0, row.amount),
        8 => (row.amount, -held),
        9 => (0, -held),
        _ => (0, 0),
    };
    let linked = !matches!(row.kind, 4 | 6);
    for (side, is_debit) in [(&mut row.debit, true), (&mut row.credit, false)] {
        let Some(side) = side else { continue };
        let account = account(evidence, side.no);
        if linked {
            side.prev = std::mem::replace(&mut account.last_seq, seq);
        }
        if is_debit {
            account.debits = account.debits.saturating_add(posted);
            account.pending_debits += pending;
        } else {
            account.credits = account.credits.saturating_add(posted);
            account.pending_credits += pending;
        }
    }
    if row.kind > 2 {
        row.key = Some(format!("more-{seq}"));
        row.answer = answer(&row);
        evidence.calls.push(call(&row));
    }
    evidence.ledgers[0].events.push(row);
    evidence.ledgers[0].next_seq += 1;
    evidence.commits.clear();
    seq
}
