//! The log, replayed into accounts, which must be those of the store.
//!
//! Promise P2 and what a ledger is for: money moves between two accounts of one currency, never
//! below a limit, never to or from a closed account, and a decline has its reason.

use super::index::Index;
use super::money;
use super::payments::Payments;
use super::report::Report;
use super::shape::{self, kind};
use crate::evidence::{Account, Row, Side};
use std::collections::BTreeMap;

/// Replay a ledger and compare.
pub(super) fn check(index: &Index<'_>, report: &mut Report) {
    let mut replay = Replay {
        ledger: index.name(),
        accounts: BTreeMap::new(),
        kept: index.ledger.accounts.iter().map(|kept| (kept.no, kept.clone())).collect(),
        accounts_seq: index.ledger.accounts_seq,
        payments: Payments::of(index.name()),
    };
    for row in &index.ledger.events {
        if shape::check(row, replay.ledger, report) {
            replay.take(row, report);
        }
    }
    if index.ledger.accounts_seq >= index.ledger.next_seq {
        let (ledger, seq) = (index.name(), index.ledger.accounts_seq);
        report.tell("accounts_ahead", || format!("{ledger}: rows are said to have come to {seq}"));
    }
    replay.compare(report);
    replay.balanced(report);
}

struct Replay<'a> {
    ledger: &'a str,
    accounts: BTreeMap<u64, Account>,
    /// The store's rows, which may lag, brought up to the events behind `accounts_seq`.
    kept: BTreeMap<u64, Account>,
    accounts_seq: u64,
    payments: Payments<'a>,
}

impl<'a> Replay<'a> {
    fn take(&mut self, row: &'a Row, report: &mut Report) {
        let Some(debit) = &row.debit else { return };
        match (row.kind, &row.credit) {
            (kind::OPENED, _) => self.open(row, debit, report),
            (kind::CLOSED, _) => self.close(row, debit, report),
            (_, Some(credit)) => self.money(row, debit, credit, report),
            _ => {}
        }
    }

    fn open(&mut self, row: &Row, side: &Side, report: &mut Report) {
        let overdraft = overdraft(row, side);
        if overdraft.is_none() || side.no != row.seq || side.prev != 0 {
            report.tell("row_shape", || {
                let (ledger, seq, extra) = (self.ledger, row.seq, &row.extra);
                format!("{ledger}: event {seq} opens {side:?} with {extra:?}")
            });
        }
        let account = Account {
            no: side.no,
            id: side.id.clone(),
            currency: row.currency.clone(),
            overdraft: overdraft.unwrap_or(-1),
            closed: false,
            debits: 0,
            credits: 0,
            pending_debits: 0,
            pending_credits: 0,
            last_seq: row.seq,
        };
        self.accounts.insert(side.no, account);
    }

    fn close(&mut self, row: &Row, side: &Side, report: &mut Report) {
        let Some(mut account) = self.fetch(row, side, report) else { return };
        if account.closed {
            let (ledger, seq, id) = (self.ledger, row.seq, &side.id);
            report.tell("closed_twice", || format!("{ledger}: event {seq} closes {id} again"));
        }
        account.closed = true;
        self.put(row, side, account, report);
        self.raise(row, side, |kept| {
            kept.closed = true;
            Some(())
        });
    }

    fn money(&mut self, row: &'a Row, debit: &Side, credit: &Side, report: &mut Report) {
        let held = self.payments.take(row, report);
        let from = self.fetch(row, debit, report);
        let to = self.fetch(row, credit, report);
        let (Some(mut from), Some(mut to)) = (from, to) else { return };
        self.may(row, &from, &to, report);
        let movement = money::movement(row, held);
        let moved = money::debit(&mut from, movement).and(money::credit(&mut to, movement));
        if moved.is_none() {
            let (ledger, seq) = (self.ledger, row.seq);
            report.tell("total_range", || format!("{ledger}: event {seq}: a total out of range"));
        }
        if !shape::declined(row.kind) {
            self.within(row, &from, report);
            self.put(row, debit, from, report);
            self.put(row, credit, to, report);
            self.raise(row, debit, |kept| money::debit(kept, movement));
            self.raise(row, credit, |kept| money::credit(kept, movement));
        }
    }

    /// A row of the store that lags behind this event takes it in, if it is the account's next.
    fn raise(&mut self, row: &Row, side: &Side, moves: impl FnOnce(&mut Account) -> Option<()>) {
        let Some(kept) = self.kept.get_mut(&side.no) else { return };
        let is_next = self.accounts_seq < row.seq && kept.last_seq < row.seq;
        if is_next && kept.last_seq == side.prev && moves(kept).is_some() {
            kept.last_seq = row.seq;
        }
    }

    /// The account of a side, out of the accounts, if it is what the side and the row say.
    fn fetch(&mut self, row: &Row, side: &Side, report: &mut Report) -> Option<Account> {
        let (ledger, seq) = (self.ledger, row.seq);
        let account = self.accounts.get(&side.no).cloned();
        match &account {
            None => report.tell("side_unknown", || {
                format!("{ledger}: event {seq} names account {} ({})", side.no, side.id)
            }),
            Some(account) if account.id != side.id || account.currency != row.currency => {
                report.tell("side_differs", || {
                    let found = (&side.id, &row.currency);
                    let opened = (&account.id, &account.currency);
                    format!("{ledger}: event {seq} says {found:?} of account {opened:?}")
                });
            }
            Some(_) => {}
        }
        account
    }

    /// The account as the row leaves it, back among the accounts, once the link to its event
    /// before this one has been checked.
    fn put(&mut self, row: &Row, side: &Side, mut account: Account, report: &mut Report) {
        if side.prev != account.last_seq {
            report.tell("link_broken", || {
                let (ledger, seq, id) = (self.ledger, row.seq, &side.id);
                let (said, last) = (side.prev, account.last_seq);
                format!("{ledger}: event {seq}: {id}: the event before is {last}, not {said}")
            });
        }
        account.last_seq = row.seq;
        self.accounts.insert(side.no, account);
    }

    /// Whether limits say the same as the row; holds are ended whatever they say.
    fn may(&self, row: &Row, from: &Account, to: &Account, report: &mut Report) {
        if matches!(row.kind, kind::CAPTURED | kind::VOIDED) {
            return;
        }
        let expected = money::decline(from, to, row.amount);
        let invariant = match (row.decline, expected) {
            (said, expected) if said == expected => return,
            (0, 1) => "closed_moved",
            // That one is told of the balance after the movement.
            (0, 2) => return,
            (0, _) => "total_range",
            _ => "decline_unjustified",
        };
        report.tell(invariant, || {
            let (ledger, seq, said, left) = (self.ledger, row.seq, row.decline, money::left(from));
            let (from, to, amount) = (&from.id, &to.id, row.amount);
            format!(
                "{ledger}: event {seq}: {amount} from {from}, which has {left}, to {to}: \
                 decline {said}, not {expected}"
            )
        });
    }

    fn within(&self, row: &Row, account: &Account, report: &mut Report) {
        let left = money::left(account);
        if left < 0 {
            report.tell("overdrawn", || {
                let (ledger, seq, id) = (self.ledger, row.seq, &account.id);
                format!("{ledger}: event {seq} leaves {id} {left} beyond its limit")
            });
        }
    }

    fn compare(&self, report: &mut Report) {
        let ledger = self.ledger;
        for (no, account) in &self.accounts {
            match self.kept.get(no) {
                Some(kept) if kept == account => {}
                Some(kept) => report.tell("account_differs", || {
                    format!("{ledger}: kept {kept:?}, its events make it {account:?}")
                }),
                None => report.tell("account_differs", || {
                    format!("{ledger}: account {} ({no}) is not kept", account.id)
                }),
            }
        }
        for account in self.kept.values().filter(|kept| !self.accounts.contains_key(&kept.no)) {
            let (no, id) = (account.no, &account.id);
            report.tell("account_differs", || format!("{ledger}: no event opened {id} ({no})"));
        }
    }

    /// Double entry: what left one kept account of a currency came to another.
    fn balanced(&self, report: &mut Report) {
        let mut sums = BTreeMap::<&str, (i128, i128)>::new();
        for account in self.kept.values() {
            let (posted, pending) = sums.entry(&account.currency).or_default();
            *posted += i128::from(account.debits) - i128::from(account.credits);
            *pending += i128::from(account.pending_debits) - i128::from(account.pending_credits);
        }
        for (currency, (posted, pending)) in sums.into_iter().filter(|(_, sums)| *sums != (0, 0)) {
            report.tell("unbalanced", || {
                let ledger = self.ledger;
                format!(
                    "{ledger}: {currency}: debits − credits: posted {posted}, pending {pending}"
                )
            });
        }
    }
}

/// What the opening's row says: −1 none, −2 unlimited, else a limit.
fn overdraft(row: &Row, side: &Side) -> Option<i64> {
    let extra: serde_json::Value = serde_json::from_str(row.extra.as_deref()?).ok()?;
    if extra.get("id")?.as_str() != Some(&side.id) {
        return None;
    }
    let overdraft = extra.get("overdraft")?;
    match overdraft.as_str() {
        Some("none") => Some(-1),
        Some("unlimited") => Some(-2),
        Some(_) => None,
        None => overdraft.as_i64().filter(|limit| 0 <= *limit),
    }
}
