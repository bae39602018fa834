//! The accounts' rows against the log: every total is the sum of the events that the row has taken
//! in.
//!
//! A row may lag behind the log. Then it is compared as of its own `last_seq`, and no event of the
//! account may stand between that and what `ledger.accounts_seq` says of all rows.
//! Deliberately absent: limits and overdrafts, which are questions to a decision, not to a sum.

use crate::database::{Event, Ledger};
use crate::findings::Findings;
use crate::kind::Kind;
use std::collections::BTreeMap;

/// What the log says of an account.
#[derive(Default)]
struct Sum {
    /// Debits, credits, pending debits, pending credits, as of the row's `last_seq`.
    totals: [i128; 4],
    is_closed: bool,
    /// The account's last event up to there.
    last_seq: u64,
    /// Its first event behind that.
    next_seq: Option<u64>,
}

/// Compare all accounts of a ledger.
pub fn check(ledger: &Ledger, findings: &mut Findings) {
    let id = &ledger.id;
    let mut sums: BTreeMap<u64, Sum> = BTreeMap::new();
    for event in &ledger.events {
        let Some(kind) = Kind::of_number(event.kind).filter(|kind| kind.is_linked()) else {
            continue;
        };
        let changes = changes(ledger, event, kind);
        for (number, [posted, pending]) in [(event.debit, [0, 2]), (event.credit, [1, 3])] {
            let Some(number) = number else { continue };
            let Some(account) = ledger.accounts.get(&number) else {
                findings.lost("account_missing", || {
                    format!("{id}: event {} names account {number}, which has no row", event.seq)
                });
                continue;
            };
            let sum = sums.entry(number).or_default();
            if account.last_seq < event.seq {
                sum.next_seq.get_or_insert(event.seq);
                continue;
            }
            sum.last_seq = event.seq;
            sum.totals[posted] += changes.0;
            sum.totals[pending] += changes.1;
            sum.is_closed |= event.kind == 2;
        }
    }
    for (number, account) in &ledger.accounts {
        let sum = sums.remove(number).unwrap_or_default();
        let place = || format!("{id}: account {:?}", account.id);
        let totals = account.totals.map(i128::from);
        if (totals, account.closed) != (sum.totals, sum.is_closed) {
            findings.tell("balance", || {
                let (row, log) = (totals, sum.totals);
                format!("{}: {row:?} as of event {}, by the log {log:?}", place(), sum.last_seq)
            });
        }
        // Only what `accounts_seq` says of all rows has to be in each of them.
        let lags = sum.next_seq.filter(|seq| ledger.accounts_seq.is_none_or(|all| *seq <= all));
        if sum.last_seq != account.last_seq || lags.is_some() {
            findings.tell("last_seq", || {
                let (row, log) = (account.last_seq, lags.unwrap_or(sum.last_seq));
                format!("{}: its last event is {row}, by the log {log}", place())
            });
        }
    }
}

/// By how much an event changes posted and pending totals, on both of its sides.
fn changes(ledger: &Ledger, event: &Event, kind: Kind) -> (i128, i128) {
    let held = || {
        let payment = event.reference.and_then(|seq| ledger.event(seq));
        payment.map_or(0, |payment| i128::from(payment.amount))
    };
    let amount = i128::from(event.amount);
    let posted = if kind.moves { amount } else { 0 };
    let pending = match kind.word {
        "payment.pending" => amount,
        // What was not captured is released.
        "payment.captured" | "payment.voided" => -held(),
        _ => 0,
    };
    (posted, pending)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::ledger;

    #[test]
    fn rows_are_what_the_log_sums_up_to() {
        type Alter = fn(&mut Ledger);
        let cases: [(&str, Alter, &[&str]); 8] = [
            ("as it is", |_| {}, &[]),
            ("a total", |it| it.account_row(1).totals[0] += 1, &["balance"]),
            ("a hold", |it| it.account_row(1).totals[2] += 1, &["balance"]),
            ("a closing", |it| it.account_row(2).closed = true, &["balance"]),
            ("an amount", |it| it.events[2].amount += 1, &["balance"]),
            ("behind", |it| it.lag(), &["last_seq"]),
            ("behind, as it may be", |it| (it.lag(), it.accounts_seq = Some(5)).0, &[]),
            ("no row", |it| drop(it.accounts.remove(&2)), &["account_missing"]),
        ];
        for (why, alter, codes) in cases {
            let mut ledger = ledger();
            alter(&mut ledger);
            let mut findings = Findings::default();
            check(&ledger, &mut findings);
            assert_eq!(findings.codes(), codes, "{why}: {:?}", findings.into_list());
        }
    }
}
