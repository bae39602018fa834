//! What holds for every sequence of commands, in whatever steps they are decided.
//!
//! That debits equal credits in every currency, that no account is beyond its limit and that a key
//! is recorded once, the store asserts after every step of every test.

use crate::reference::Reference;
use crate::script::say;
use crate::store::{LEDGER, anchored, replay};
use crate::wishes::{name, run, wishes};
use proptest::prelude::*;
use semel_core::event::{Event, Reference as Refers};
use semel_core::ledger::{Command, Outcome};
use semel_core::render;
use std::collections::BTreeMap;

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, ..ProptestConfig::default() })]

    #[test]
    fn a_reference_ledger_says_the_same((wishes, cuts) in wishes()) {
        let (store, told) = run(&wishes, &cuts);
        let mut reference = Reference::default();
        for (wish, (_, outcome)) in wishes.iter().zip(&told) {
            let said = say(outcome);
            prop_assert_eq!(coarse(&said), reference.fulfil(wish), "{:?}", wish);
        }
        prop_assert_eq!(reference.accounts.len(), store.accounts.len());
        for account in &reference.accounts {
            let totals = store.accounts[&name(account.name)].totals;
            let own = [totals.debits, totals.credits, totals.pending_debits, totals.pending_credits];
            prop_assert_eq!(own.map(i128::from), reference.totals(account.name));
        }
    }

    #[test]
    fn whoever_asks_again_gets_the_first_answer((wishes, cuts) in wishes()) {
        let (mut store, told) = run(&wishes, &cuts);
        let recorded = told.iter().filter_map(|(command, outcome)| match outcome {
            Outcome::Recorded { event, .. } => Some((command.clone(), answer(event))),
            _ => None,
        });
        let (commands, answers): (Vec<Command>, Vec<String>) = recorded.unzip();
        let before = store.log.len();
        let again = store.step(&commands);
        prop_assert_eq!(store.log.len(), before, "nothing happened");
        for (outcome, answer_before) in again.iter().zip(answers) {
            let Outcome::Recorded { event, replayed: true } = outcome else {
                panic!("no replay: {outcome:?}")
            };
            prop_assert_eq!(answer(event), answer_before);
        }
    }

    #[test]
    fn steps_change_nothing_but_the_time((wishes, cuts) in wishes()) {
        let (together, told_together) = run(&wishes, &cuts);
        let (apart, told_apart) = run(&wishes, &vec![true; wishes.len()]);
        let words = |told: &[(Command, Outcome)]| -> Vec<String> {
            told.iter().map(|(_, outcome)| say(outcome)).collect()
        };
        prop_assert_eq!(words(&told_together), words(&told_apart));
        prop_assert_eq!(&together.accounts, &apart.accounts);
        let events = |log: &[std::sync::Arc<Event>]| -> Vec<Event> {
            log.iter().map(|event| timeless(event)).collect()
        };
        prop_assert_eq!(events(&together.log), events(&apart.log));
    }

    #[test]
    fn the_log_alone_gives_the_same_accounts_byte_for_byte((wishes, cuts) in wishes()) {
        let (store, _) = run(&wishes, &cuts);
        let mut accounts = BTreeMap::new();
        replay(&store.log, &store.log, &mut accounts);
        let replayed: Vec<String> = accounts.values().map(render::account).collect();
        let kept: Vec<String> = store.accounts.values().map(render::account).collect();
        prop_assert_eq!(replayed, kept);
        prop_assert_eq!(accounts, store.accounts.clone());
        prop_assert!(anchored(&store));
    }
}

/// What the reference says: without the fields of what is refused, and without states.
fn coarse(said: &str) -> &str {
    if said.starts_with("wrong state") { "wrong state" } else { said.split(" /").next().unwrap() }
}

fn answer(event: &Event) -> String {
    render::answer(event, LEDGER)
}

fn timeless(event: &Event) -> Event {
    let reference = event.reference.map(|reference| Refers { at: 0, ..reference });
    Event { at: 0, reference, ..event.clone() }
}
