//! Refunds, captures and voids: what is left, which states allow them, whom they belong to.

use crate::script::check;

#[test]
fn refunds_never_pass_what_was_paid() {
    check(
        "
  pay    k1 100 USD bank alice          | succeeded
  refund r1 k1 101                      | exceeds payment
  refund r1 k1   0                      | invalid /amount amount_not_positive
  refund r1 k1  -1                      | invalid /amount amount_not_positive
  refund r1 k1 100000000000000001       | invalid /amount amount_too_large
  refund r1 k1  40                      | refunded 40
  refund r2 k1  61                      | exceeds payment
  refund r2 k1 all                      | refunded 60
  refund r3 k1 all                      | exceeds payment
  refund r3 k1   1                      | exceeds payment
  see    alice                          | 100/100 0/0
  see    bank                           | 100/100 0/0
  log                                   | 10
",
    );
}

#[test]
fn refunds_in_one_step_see_each_other() {
    check(
        "
  pay    k1 100 USD bank alice          | succeeded
  refund r1 k1  70                      | refunded 70
+ refund r1 k1  70                      | replay refunded 70
+ refund r2 k1  40                      | exceeds payment
+ pay    k2   5 USD alice shop          | succeeded
+ refund r3 k1 all                      | refund_declined 30 insufficient_funds
+ refund r4 k1  25                      | refunded 25
  refund r5 k2 all                      | refunded 5
",
    );
}

#[test]
fn a_refund_is_declined_by_limits_and_then_uses_up_its_key() {
    check(
        "
  pay    k1 100 USD bank  alice         | succeeded
  pay    k2  80 USD alice shop          | succeeded
  refund r1 k1 all                      | refund_declined 100 insufficient_funds
  pay    k3  80 USD bank  alice         | succeeded
  refund r1 k1 all                      | replay refund_declined 100 insufficient_funds
  refund r2 k1 all                      | refunded 100
  close  shop                           | new
  refund r3 k2   1                      | refund_declined 1 account_closed
  close  alice                          | new
  refund r4 k3   1                      | refund_declined 1 account_closed
  log                                   | 16
",
    );
}

#[test]
fn a_hold_is_captured_once_or_voided() {
    check(
        "
  pay     k1 100 USD bank alice later   | pending
  see     bank                          | 0/0 100/0
  capture c1 k1 101                     | exceeds payment
  capture c1 k1   0                     | invalid /amount amount_not_positive
  capture c1 k1  60                     | captured 60
  see     bank                          | 60/0 0/0
  see     alice                         | 0/60 0/0
  capture c2 k1  40                     | wrong state captured
  void    v1 k1                         | wrong state captured
  refund  r1 k1  61                     | exceeds payment
  refund  r1 k1 all                     | refunded 60
  pay     k2 100 USD bank alice later   | pending
  void    v2 k2                         | voided 100
  void    v2 k2                         | replay voided 100
  void    v3 k2                         | wrong state voided
  capture c3 k2 all                     | wrong state voided
  refund  r2 k2   1                     | wrong state voided
  see     alice                         | 60/60 0/0
",
    );
}

#[test]
fn a_hold_ends_on_closed_accounts_too() {
    check(
        "
  pay     k1 100 USD bank alice later   | pending
  pay     k2  50 USD bank alice later   | pending
  close   bank                          | new
  close   alice                         | new
  capture c1 k1 all                     | captured 100
  void    v1 k2                         | voided 50
  refund  r1 k1 all                     | refund_declined 100 account_closed
  see     bank                          | 100/0 0/0 closed
  see     alice                         | 0/100 0/0 closed
",
    );
}

#[test]
fn a_state_allows_what_its_table_says() {
    check(
        "
  pay     good 100 USD bank  alice       | succeeded
  pay     held 100 USD bank  alice later | pending
  pay     poor 900 USD alice shop        | declined insufficient_funds
  refund  r1 held   1                    | wrong state pending
  refund  r1 poor   1                    | wrong state declined
  capture r1 good   1                    | wrong state succeeded
  capture r1 poor   1                    | wrong state declined
  void    r1 good                        | wrong state succeeded
  void    r1 poor                        | wrong state declined
  refund  r1 held 101                    | wrong state pending
  refund  r1 held   0                    | invalid /amount amount_not_positive
  refund  r1 good   1                    | refunded 1
",
    );
}

#[test]
fn an_id_means_one_payment_of_one_ledger_written_at_one_time() {
    check(
        "
  pay    k1 100 USD bank alice          | succeeded
  refund r1 nobody       all            | unknown payment
  refund r1 nobody         0            | invalid /amount amount_not_positive
  refund r1 k1@elsewhere all            | unknown payment
  refund r1 k1@rewound   all            | unknown payment
  refund r1 k1           all            | refunded 100
+ refund r2 k1@rewound   all            | unknown payment
  refund r1 k1@elsewhere all            | conflict /payment_id
  refund r1 k1@rewound   all            | conflict /payment_id
  refund r3 r1           all            | unknown payment
",
    );
}

#[test]
fn the_same_operation_is_the_same_payment_and_the_same_words() {
    check(
        "
  pay     k1 100 USD bank alice         | succeeded
  pay     k2 100 USD bank alice         | succeeded
  pay     k3 100 USD bank alice later   | pending
  refund  r1 k1  30                     | refunded 30
  refund  r1 k1  30                     | replay refunded 30
  refund  r1 k1  31                     | conflict /amount
  refund  r1 k1  -1                     | conflict /amount
  refund  r1 k1 all                     | conflict /amount
  refund  r1 k2  30                     | conflict /payment_id
  refund  r1 nobody 31                  | conflict /payment_id /amount
  refund  r2 k1 all                     | refunded 70
  refund  r2 k1 all                     | replay refunded 70
  refund  r2 k1  70                     | conflict /amount
  capture c1 k3 all                     | captured 100
  capture c1 k3 100                     | conflict /amount
  capture c1 k3 all                     | replay captured 100
",
    );
}

#[test]
fn a_key_names_one_operation() {
    check(
        "
  pay     k1 100 USD bank alice         | succeeded
  pay     k2 100 USD bank alice later   | pending
  refund  k1 k1 100                     | conflict /operation
  capture k1 k2 100                     | conflict /operation
  void    k1 k2                         | conflict /operation
  refund  r1 k1 100                     | refunded 100
+ pay     r1 100 USD bank alice         | conflict /operation
+ capture r1 k2 100                     | conflict /operation
+ void    v1 k2                         | voided 100
+ refund  v1 k1 100                     | conflict /operation
+ pay     v1 100 USD bank alice         | conflict /operation
  pay     r1   0 XXX x    x             | conflict /operation
  refund  s:r1 k1 1                     | exceeds payment
",
    );
}
