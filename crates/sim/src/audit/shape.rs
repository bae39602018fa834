//! What a row of each kind has to hold before anything else can be said of it.

use super::report::Report;
use crate::evidence::Row;

/// Kinds of rows, by the numbers of the contract.
pub(super) mod kind {
    pub(crate) const OPENED: u8 = 1;
    pub(crate) const CLOSED: u8 = 2;
    pub(crate) const SUCCEEDED: u8 = 3;
    pub(crate) const DECLINED: u8 = 4;
    pub(crate) const REFUNDED: u8 = 5;
    pub(crate) const REFUND_DECLINED: u8 = 6;
    pub(crate) const PENDING: u8 = 7;
    pub(crate) const CAPTURED: u8 = 8;
    pub(crate) const VOIDED: u8 = 9;
}

/// The types that the outside sees, by kind.
pub(super) const TYPES: [&str; 10] = [
    "",
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

/// Whether the kind is that of an account's own event.
pub(super) fn of_account(kind: u8) -> bool {
    matches!(kind, kind::OPENED | kind::CLOSED)
}

/// Whether the kind is that of a request to pay.
pub(super) fn of_payment(kind: u8) -> bool {
    matches!(kind, kind::SUCCEEDED | kind::DECLINED | kind::PENDING)
}

/// Whether the kind is that of a request to move money back.
pub(super) fn of_refund(kind: u8) -> bool {
    matches!(kind, kind::REFUNDED | kind::REFUND_DECLINED)
}

/// Whether the kind moved nothing because of a limit.
pub(super) fn declined(kind: u8) -> bool {
    matches!(kind, kind::DECLINED | kind::REFUND_DECLINED)
}

/// Whether the row can be read as what its kind says; tells if not.
pub(super) fn check(row: &Row, ledger: &str, report: &mut Report) -> bool {
    let fault = fault(row);
    if let Some(fault) = fault {
        report.tell("row_shape", || format!("{ledger}: event {}: {fault}", row.seq));
    }
    fault.is_none()
}

fn fault(row: &Row) -> Option<&'static str> {
    let account = of_account(row.kind);
    let same = |debit: &_| row.credit.as_ref().is_some_and(|credit| no(credit) == no(debit));
    let rules = [
        ((1..=9).contains(&row.kind), "its kind is not known"),
        (row.currency.len() == 3, "its currency has not three letters"),
        (row.debit.is_some(), "it has no debit side"),
        (row.credit.is_some() != account, "its credit side does not fit its kind"),
        (!row.debit.as_ref().is_some_and(same), "both sides are one account"),
        (row.key.is_some() != account, "its key does not fit its kind"),
        (!account || row.namespace.is_empty(), "an account's event has a namespace"),
        (if account { row.amount == 0 } else { 0 < row.amount }, "its amount does not fit"),
        ((row.decline != 0) == declined(row.kind), "its decline does not fit its kind"),
        (
            row.reference.is_none() == (account || of_payment(row.kind)),
            "its reference does not fit its kind",
        ),
    ];
    rules.into_iter().find(|(holds, _)| !holds).map(|(_, fault)| fault)
}

fn no(side: &crate::evidence::Side) -> u64 {
    side.no
}
