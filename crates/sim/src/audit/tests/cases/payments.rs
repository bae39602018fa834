//! Payments, and what was done to them later.

use super::super::rows::{append, pay, refer, row as new, side};
use super::Case;
use super::ledger::{alter, more};
use crate::evidence::*;

pub(in super::super) const PAYMENTS: &[Case] = &[
    (
        "voided twice",
        |e| {
            more(e, |e| {
                pay(e, 7, 1, 3, 50);
                for _ in 0..2 {
                    refer(e, 9, (1, 3), 40, 22, 40);
                }
            })
        },
        &["payment_state"],
    ),
    (
        "captured twice",
        |e| {
            more(e, |e| {
                pay(e, 7, 1, 3, 50);
                for _ in 0..2 {
                    refer(e, 8, (1, 3), 40, 22, 40);
                }
            })
        },
        &["payment_state"],
    ),
    (
        "voided after capture",
        |e| {
            more(e, |e| {
                pay(e, 7, 1, 3, 50);
                refer(e, 8, (1, 3), 40, 22, 40);
                refer(e, 9, (1, 3), 40, 22, 40);
            })
        },
        &["payment_state"],
    ),
    (
        "a payment captured that was no hold",
        |e| {
            more(e, |e| {
                pay(e, 7, 1, 2, 600);
                refer(e, 8, (1, 2), 500, 4, 500);
            })
        },
        &["payment_state"],
    ),
    (
        "a hold refunded",
        |e| {
            more(e, |e| {
                refer(e, 5, (3, 1), 40, 22, 0);
            })
        },
        &["exceeds_payment", "payment_state"],
    ),
    (
        "refunded beyond the payment",
        |e| {
            more(e, |e| {
                pay(e, 3, 1, 2, 100);
                let paid = pay(e, 3, 1, 2, 100);
                refer(e, 5, (2, 1), 101, paid, 0);
            })
        },
        &["exceeds_payment"],
    ),
    (
        "refunded twice",
        |e| {
            more(e, |e| {
                pay(e, 3, 1, 2, 100);
                let paid = pay(e, 3, 1, 2, 100);
                for _ in 0..2 {
                    refer(e, 5, (2, 1), 60, paid, 0);
                }
            })
        },
        &["exceeds_payment"],
    ),
    (
        "refunded beyond the capture",
        |e| {
            more(e, |e| {
                pay(e, 3, 1, 2, 200);
                refer(e, 5, (2, 1), 101, 5, 0);
            })
        },
        &["exceeds_payment"],
    ),
    (
        "captured beyond the hold",
        |e| {
            more(e, |e| {
                refer(e, 8, (1, 3), 41, 22, 40);
            })
        },
        &["exceeds_payment"],
    ),
    (
        "voided in part",
        |e| {
            more(e, |e| {
                refer(e, 9, (1, 3), 39, 22, 40);
            })
        },
        &["exceeds_payment"],
    ),
    (
        "all is not all",
        |e| {
            more(e, |e| {
                pay(e, 3, 1, 2, 100);
                let paid = pay(e, 3, 1, 2, 100);
                append(
                    e,
                    Row {
                        amount: 99,
                        extra: Some(r#"{"all":true}"#.into()),
                        reference: Some((paid, 1_000 * paid as i64)),
                        ..new(0, 5, side(2, 0), side(1, 0))
                    },
                    0,
                );
            })
        },
        &["exceeds_payment"],
    ),
    (
        "a refund the wrong way",
        |e| {
            more(e, |e| {
                let paid = pay(e, 3, 1, 2, 100);
                refer(e, 5, (1, 2), 100, paid, 0);
            })
        },
        &["wrong_way"],
    ),
    (
        "a capture to somebody else",
        |e| {
            more(e, |e| {
                pay(e, 7, 1, 2, 50);
                refer(e, 8, (1, 2), 40, 22, 40);
            })
        },
        &["wrong_way"],
    ),
    (
        "a refund of nothing",
        |e| alter(e, 15, |row| row.reference = Some((5, 1))),
        &["done_for_another", "reference_unknown", "row_without_call"],
    ),
    (
        "a refund of a refund",
        |e| alter(e, 15, |row| row.reference = Some((7, 7_000))),
        &["done_for_another", "reference_unknown", "row_without_call"],
    ),
];
