//! The core's types as the auditor's plain data: copied, never judged.

use crate::evidence::{Account, Ledger, Leg, Letter, Row, Side};
use semel_core::account::{self, Overdraft};
use semel_core::event::{self, Event};
use semel_core::exactly_once::Cursor;
use semel_core::ingest::Counts;
use semel_core::ledger::Position;
use semel_core::reason::Reason;
use semel_core::render;
use std::collections::BTreeMap;

/// A ledger, without its anchors, whose accounts do not lag.
pub fn ledger<'a>(
    no: u32,
    name: &str,
    position: &Position,
    events: impl Iterator<Item = &'a Event>,
    accounts: impl Iterator<Item = &'a account::Account>,
) -> Ledger {
    Ledger {
        no,
        name: name.into(),
        next_seq: position.next_seq,
        tail: position.tail.0,
        events: events.map(|event| row(event, no)).collect(),
        accounts: accounts.map(account).collect(),
        accounts_seq: position.next_seq - 1,
        anchors: BTreeMap::new(),
    }
}

/// A leg.
pub fn leg(source: &str, ledger: u32, cursor: &Cursor, counts: &Counts) -> Leg {
    let counts = counts.named().map(|(_, count)| count);
    Leg { source: source.into(), ledger, next: cursor.next, counts }
}

/// A dead letter.
pub fn letter(source: &str, place: u64, reason: Reason) -> Letter {
    Letter { source: source.into(), place, reason: reason.as_str().into() }
}

fn row(event: &Event, ledger: u32) -> Row {
    let side = |side: &event::Side| Side { no: side.no, id: side.id.to_string(), prev: side.prev };
    let answer = match event.key {
        Some(_) => render::answer(event, ledger),
        None => String::new(),
    };
    Row {
        seq: event.seq,
        at: event.at,
        kind: event.kind.number(),
        format: event.format,
        namespace: event.namespace.to_string(),
        key: event.key.as_ref().map(ToString::to_string),
        debit: event.debit.as_ref().map(side),
        credit: event.credit.as_ref().map(side),
        amount: event.amount,
        currency: event.currency.code().into(),
        decline: event.decline.map_or(0, |decline| decline.number()),
        reference: event.reference.map(|reference| (reference.seq, reference.at)),
        extra: event.extra.as_ref().map(ToString::to_string),
        id: event.id(ledger).event(),
        answer,
    }
}

fn account(account: &account::Account) -> Account {
    let totals = &account.totals;
    Account {
        no: account.no,
        id: account.id.to_string(),
        currency: account.currency.code().into(),
        overdraft: match account.overdraft {
            Overdraft::None => -1,
            Overdraft::Unlimited => -2,
            Overdraft::Limit(minor) => minor,
        },
        closed: account.closed,
        debits: totals.debits,
        credits: totals.credits,
        pending_debits: totals.pending_debits,
        pending_credits: totals.pending_credits,
        last_seq: account.last_seq,
    }
}
