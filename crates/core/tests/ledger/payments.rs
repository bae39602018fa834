//! Paying: outcomes, the order of checks, identity, limits.

use crate::script::check;

#[test]
fn a_payment_moves_its_amount_or_is_declined() {
    check(
        "
  pay k1 500 USD bank  alice            | succeeded
  pay k2 200 USD alice shop             | succeeded
  pay k3 300 USD alice shop             | succeeded
  pay k4   1 USD alice shop             | declined insufficient_funds
  see bank                              | 500/0 0/0
  see alice                             | 500/500 0/0
  see shop                              | 0/500 0/0
  log                                   | 11
",
    );
}

#[test]
fn values_are_refused_all_at_once_and_in_the_order_of_the_fields() {
    check(
        "
  pay k1    0 USD bank alice                    | invalid /amount amount_not_positive
  pay k1   -5 USD bank alice                    | invalid /amount amount_not_positive
  pay k1 -9223372036854775808 USD bank alice    | invalid /amount amount_not_positive
  pay k1  9223372036854775807 USD bank alice    | invalid /amount amount_too_large
  pay k1   100000000000000001 USD bank alice    | invalid /amount amount_too_large
  pay k1    1 XXX bank alice                    | invalid /currency unknown_currency
  pay k1    1 usd bank alice                    | invalid /currency unknown_currency
  pay k1    1 USD ..   alice                    | invalid /debit_account invalid_account
  pay k1    1 USD bank é                        | invalid /credit_account invalid_account
  pay k1    1 USD 4111111111111111 alice        | invalid /debit_account card_number
  pay k1    1 USD bank bank                     | invalid /credit_account same_account
  pay k1    1 USD bank alice note=4111111111111111 | invalid /description card_number
  pay k1    1 USD bank alice meta=CARD          | invalid /metadata card_number
  pay k1    0 XXX . . note=4111111111111111     | invalid /amount amount_not_positive \
/currency unknown_currency /debit_account invalid_account /credit_account invalid_account \
/credit_account same_account /description card_number
  log                                           | 7
",
    );
}

#[test]
fn values_come_before_accounts_and_accounts_before_currencies_and_limits() {
    check(
        "
  pay k1 0 USD nobody alice             | invalid /amount amount_not_positive
  pay k1 1 USD nobody alice             | invalid /debit_account unknown_account
  pay k1 1 USD bank   nobody            | invalid /credit_account unknown_account
  pay k1 1 USD no     body              | invalid /debit_account unknown_account \
/credit_account unknown_account
  pay k1 1 EUR nobody alice             | invalid /debit_account unknown_account
  pay k1 1 EUR bank   alice             | invalid /currency currency_mismatch
  pay k1 1 USD euro   alice             | invalid /currency currency_mismatch
  pay k1 1 USD bank   euro              | invalid /currency currency_mismatch
  pay k1 1 EUR gone   alice             | invalid /currency currency_mismatch
  pay k1 1 USD gone   shop              | declined account_closed
  log                                   | 8
",
    );
}

#[test]
fn declines_are_told_by_precedence() {
    check(
        "
  fill bank sink                        | invalid /credit_account unknown_account
  open sink  USD none                   | new
  open tight USD 100                    | new
  pay k1   1 USD alice gone             | declined account_closed
  pay k2   1 USD gone  alice            | declined account_closed
  fill bank sink                        | succeeded
  pay k3 23372036854775807 USD bank sink | succeeded
  pay k4   1 USD tight sink             | declined balance_limit
  pay k5 101 USD tight sink             | declined insufficient_funds
  pay k6   1 USD bank  alice            | declined balance_limit
  pay k7   1 USD sink  tight            | succeeded
  pay k8   1 USD tight sink             | declined balance_limit
",
    );
}

#[test]
fn an_overdraft_is_a_limit_and_pending_debits_count_but_pending_credits_do_not() {
    check(
        "
  open tab USD 100                      | new
  pay k1  60 USD tab  shop              | succeeded
  pay k2  41 USD tab  shop              | declined insufficient_funds
  pay k3  40 USD tab  shop later        | pending
  pay k4   1 USD tab  shop              | declined insufficient_funds
  pay k5   1 USD tab  shop later        | declined insufficient_funds
  pay k6  61 USD shop bank              | declined insufficient_funds
  pay k7  60 USD shop bank              | succeeded
  see tab                               | 60/0 40/0
  see shop                              | 60/60 0/40
  void v1 k3                            | voided 40
  pay k8  40 USD tab  shop              | succeeded
  pay k9   1 USD tab  shop              | declined insufficient_funds
",
    );
}

#[test]
fn totals_stay_within_64_bits_with_what_is_held() {
    check(
        "
  open a USD unlimited                  | new
  open b USD unlimited                  | new
  fill a b                              | succeeded
  pay k1 23372036854775800 USD a b later | pending
  pay k2 8 USD a b                      | declined balance_limit
  pay k3 8 USD bank b later             | declined balance_limit
  pay k4 8 USD a shop later             | declined balance_limit
  pay k5 7 USD a b                      | succeeded
  pay k6 1 USD a b                      | declined balance_limit
  capture c1 k1 all                     | captured 23372036854775800
  see a                                 | 9223372036854775807/0 0/0
  see b                                 | 0/9223372036854775807 0/0
  pay k7 100000000000000000 USD b a     | succeeded
",
    );
}

#[test]
fn a_known_key_is_a_replay_or_a_conflict_whatever_else_is_wrong() {
    check(
        "
  pay k1 500 USD bank alice note=a meta={}   | succeeded
  pay k1 500 USD bank alice note=a meta={}   | replay succeeded
  pay k1 500 USD bank alice note=a           | replay succeeded
  pay k1 501 USD bank alice note=a           | conflict /amount
  pay k1  -5 USD bank alice note=a           | conflict /amount
  pay k1 500 EUR bank alice note=a           | conflict /currency
  pay k1 500 XXX bank alice note=a           | conflict /currency
  pay k1 500 USD shop alice note=a           | conflict /debit_account
  pay k1 500 USD bank nobody note=a          | conflict /credit_account
  pay k1 500 USD bank bank note=a            | conflict /credit_account
  pay k1 500 USD bank alice                  | conflict /description
  pay k1 500 USD bank alice note=            | conflict /description
  pay k1 500 USD bank alice note=a meta={\"a\":1} | conflict /metadata
  pay k1 500 USD bank alice note=a meta=CARD | conflict /metadata
  pay k1 500 USD bank alice note=a later     | conflict /capture
  pay k1  -1 XXX x y later                   | conflict /amount /currency \
/debit_account /credit_account /description /capture
  close alice                                | new
  pay k1 500 USD bank alice note=a           | replay succeeded
  log                                        | 9
",
    );
}

#[test]
fn a_declined_payment_uses_up_its_key_and_a_refused_one_does_not() {
    check(
        "
  pay k1 500 USD alice shop             | declined insufficient_funds
  pay k2 900 USD bank  alice            | succeeded
  pay k1 500 USD alice shop             | replay declined insufficient_funds
  pay k1 400 USD alice shop             | conflict /amount
  pay k1 500 USD alice shop later       | replay declined insufficient_funds
  pay k3 500 USD alice nobody           | invalid /credit_account unknown_account
  pay k3 500 USD alice shop             | succeeded
  pay k4   0 USD alice shop             | invalid /amount amount_not_positive
  pay k4 400 USD alice shop             | succeeded
",
    );
}

#[test]
fn a_key_belongs_to_its_namespace() {
    check(
        "
  pay k1      1 USD bank alice          | succeeded
  pay shop:k1 1 USD bank alice          | succeeded
  pay shop:k1 2 USD bank alice          | conflict /amount
  pay k1      1 USD bank alice          | replay succeeded
  log                                   | 9
",
    );
}

#[test]
fn a_key_in_one_step_twice_is_decided_as_in_two() {
    check(
        "
  pay k1 100 USD bank  alice            | succeeded
+ pay k1 100 USD bank  alice            | replay succeeded
+ pay k1 101 USD bank  alice            | conflict /amount
+ pay k2 101 USD alice shop             | declined insufficient_funds
+ pay k2 101 USD alice shop             | replay declined insufficient_funds
+ pay k3   0 USD alice shop             | invalid /amount amount_not_positive
+ pay k3 100 USD alice shop             | succeeded
+ pay k3   0 USD alice shop             | conflict /amount
+ pay s:k3 1 USD bank  alice            | succeeded
  see alice                             | 100/101 0/0
  log                                   | 11
",
    );
}
