//! Opening and closing accounts, on request and by their first use; anchors over a long log.

use crate::script::{check, compare};
use crate::store::anchored;

#[test]
fn an_account_is_opened_once_and_its_properties_are_its_identity() {
    check(
        "
  open new USD 100                      | new
  open new USD 100                      | same
  open new USD 101                      | account differs
  open new USD none                     | account differs
  open new EUR 100                      | account differs
  open two USD none                     | new
+ open two USD none                     | same
+ open two EUR none                     | account differs
+ pay k1 5 USD bank two                 | succeeded
  see two                               | 0/5 0/0
  log                                   | 10
",
    );
}

#[test]
fn a_closed_account_takes_no_new_movement() {
    check(
        "
  pay k1 5 USD bank alice               | succeeded
  close nobody                          | unknown account
  close alice                           | new
  close alice                           | same
  open  alice USD none                  | same
  open  alice EUR none                  | account differs
  pay k2 1 USD alice shop               | declined account_closed
  pay k3 1 USD bank  alice              | declined account_closed
  pay k4 1 USD bank  alice later        | declined account_closed
  see alice                             | 0/5 0/0 closed
  open  brief USD none                  | new
+ close brief                           | new
+ close brief                           | same
+ pay k5 1 USD bank brief               | declined account_closed
",
    );
}

#[test]
fn the_first_use_opens_only_the_side_that_may_be_opened() {
    check(
        "
  pay k1 5 USD a b                      | invalid /debit_account unknown_account \
/credit_account unknown_account
  pay k1 5 USD a b open=-/none          | invalid /debit_account unknown_account
  pay k1 5 USD a b open=unlimited/-     | invalid /credit_account unknown_account
  pay k1 0 USD a b open=unlimited/none  | invalid /amount amount_not_positive
  pay k1 5 USD a euro open=unlimited/none | invalid /currency currency_mismatch
  log                                   | 7
  pay k1 5 USD a b open=unlimited/none  | succeeded
  see a                                 | 5/0 0/0
  see b                                 | 0/5 0/0
  log                                   | 10
  pay k2 6 USD b c open=unlimited/none  | declined insufficient_funds
  see c                                 | 0/0 0/0
  pay k3 9 USD d e open=8/none          | declined insufficient_funds
  pay k3 9 USD d e open=9/none          | replay declined insufficient_funds
  pay k4 8 USD d f open=none/none       | succeeded
  log                                   | 17
",
    );
}

#[test]
fn commands_of_one_step_meet_at_the_account_that_the_first_opened() {
    check(
        "
  pay k1 5 USD a    b open=unlimited/none | succeeded
+ pay k2 3 USD b    a open=unlimited/none | succeeded
+ pay k3 3 USD b    c open=unlimited/none | declined insufficient_funds
+ pay k4 2 USD b    c open=unlimited/none | succeeded
+ pay k5 1 EUR euro c open=unlimited/none | invalid /currency currency_mismatch
+ open c USD none                         | same
+ open a USD none                         | account differs
+ close a                                 | new
+ pay k6 1 USD a    b                     | declined account_closed
  see a                                   | 5/3 0/0 closed
  see b                                   | 5/5 0/0
  see c                                   | 0/2 0/0
",
    );
}

#[test]
fn a_refused_first_use_leaves_the_account_to_the_next() {
    check(
        "
  pay k1 5 USD a nobody open=unlimited/-  | invalid /credit_account unknown_account
+ pay k2 5 EUR a cafe   open=unlimited/-  | succeeded
+ pay k3 5 USD a alice  open=unlimited/-  | invalid /currency currency_mismatch
  log                                     | 9
",
    );
}

#[test]
fn every_1024th_event_is_anchored() {
    let mut store = check("");
    for round in 0..25 {
        let lines: String =
            (0..92).map(|n| format!("+ pay {round}-{n} 1 USD bank alice | succeeded\n")).collect();
        compare(&mut store, &lines);
    }
    assert_eq!(store.log.len(), 7 + 25 * 92);
    assert!(anchored(&store) && store.anchors.len() == 2);
}
