//! A ledger's door: what waits together is one step, and everybody is told of their own.

use crate::block_on::block_on;
use crate::books::Books;
use crate::script::{ACCOUNTS, command, compare, say};
use crate::time::Clock;
use semel_core::exactly_once::conformance::Fault::{self, BeginRefused, LostAfter, LostBefore};
use semel_core::exactly_once::conformance::{Faults, Faulty};
use semel_core::failure::Failure;
use semel_core::ledger::door::{Request, STEP_COMMANDS, TRIES, answer, gather, step};
use semel_core::ledger::{Command, Outcome};
use std::sync::{Arc, Mutex};

/// What everybody was told, in the order in which they were.
type Told = Arc<Mutex<Vec<(usize, Result<Vec<String>, Failure>)>>>;

struct Asks {
    name: usize,
    commands: Vec<Command>,
    told: Told,
}

impl Request for Asks {
    fn commands(&self) -> &[Command] {
        &self.commands
    }

    fn answer(self, told: Result<Vec<Outcome>, Failure>) {
        let words = told.map(|outcomes| outcomes.iter().map(say).collect());
        self.told.lock().unwrap().push((self.name, words));
    }
}

/// What each of `requests` is told that wait at the door together, while `faults` happen.
fn asked(
    books: &Books,
    requests: &[&[&str]],
    faults: &[Fault],
) -> Vec<Result<Vec<String>, Failure>> {
    let told = Told::default();
    let mut waiting = requests.iter().enumerate().map(|(name, lines)| {
        let store = &books.state().store;
        let commands = lines.iter().map(|line| command(store, line)).collect();
        Asks { name, commands, told: told.clone() }
    });
    let first = waiting.next().unwrap();
    let waiting = gather(first, || waiting.next());
    assert_eq!(waiting.len(), requests.len(), "all wait together");
    let door = Faulty::new(books.door(), Faults::planned(faults));
    let result = block_on(step(&door, &waiting, |_, _| async {}));
    answer(waiting, result);
    let told = std::mem::take(&mut *told.lock().unwrap());
    assert!(told.iter().map(|one| one.0).eq(0..requests.len()), "each is told once, in order");
    told.into_iter().map(|one| one.1).collect()
}

fn books() -> Books {
    let books = Books::new(&Clock::default());
    compare(&mut books.state().store, ACCOUNTS);
    books
}

const REQUESTS: [&[&str]; 6] = [
    &["pay k1 10 USD bank alice"],
    &["pay k2 20 USD bank alice", "pay k3 99 USD alice shop", "pay k2 20 USD bank alice"],
    &[],
    &["pay k1 10 USD bank alice"],
    &["pay k1 11 USD bank alice"],
    &["open late USD none", "pay k4 30 USD alice late"],
];

const OUTCOMES: [&[&str]; 6] = [
    &["succeeded"],
    &["succeeded", "declined insufficient_funds", "replay succeeded"],
    &[],
    &["replay succeeded"],
    &["conflict /amount"],
    &["new", "succeeded"],
];

#[test]
fn everybody_is_told_of_their_own_in_one_step() {
    for (faults, again) in
        [(&[][..], false), (&[BeginRefused, LostBefore], false), (&[LostAfter], true)]
    {
        let books = books();
        let told = asked(&books, &REQUESTS, faults);
        for (told, expected) in told.iter().zip(OUTCOMES) {
            // A step that was committed, unknown to whoever ran it, is replayed.
            let replay = |word: &&str| match (again, *word) {
                (true, "succeeded" | "declined insufficient_funds") => format!("replay {word}"),
                (true, "new") => "same".into(),
                _ => word.to_string(),
            };
            let expected: Vec<String> = expected.iter().map(replay).collect();
            assert_eq!(told, &Ok(expected), "{faults:?}");
        }
        let state = books.state();
        let moments = state.store.log.iter().skip(7).map(|event| event.at);
        assert_eq!(moments.clone().count(), 5, "{faults:?}");
        assert!(
            moments.clone().all(|at| Some(at) == moments.clone().next()),
            "{faults:?}: one step"
        );
    }
}

#[test]
fn a_failed_step_tells_everyone_the_same() {
    let tries = TRIES as usize;
    #[rustfmt::skip]
    let cases: [(Vec<Fault>, bool, usize); 4] = [
        // what goes wrong                                    is it unknown? what is recorded
        (vec![BeginRefused; tries],                                  false, 0),
        (vec![LostBefore; tries],                                    true,  0),
        (vec![LostAfter; tries],                                     true,  5),
        ([&[LostAfter][..], &vec![BeginRefused; tries - 1]].concat(), true, 5),
    ];
    for (faults, unknown, recorded) in cases {
        let books = books();
        let told = asked(&books, &REQUESTS, &faults);
        assert!(told.iter().all(|one| *one == told[0]), "{faults:?}: {told:?}");
        match &told[0] {
            Err(Failure::Unknown(_)) => assert!(unknown, "{faults:?}"),
            Err(Failure::Retryable(_)) => assert!(!unknown, "{faults:?}"),
            other => panic!("{faults:?}: {other:?}"),
        }
        assert_eq!(books.state().store.log.len() - 7, recorded, "{faults:?}");
    }
}

#[test]
fn a_step_is_closed_when_it_is_full() {
    let close = |_: usize| Command::CloseAccount("bank".into());
    let ask = |name, count: usize| {
        let commands = (0..count).map(close).collect();
        Asks { name, commands, told: Told::default() }
    };
    for (each, waiting, expected) in [
        (1, 10, 10),
        (1, STEP_COMMANDS + 5, STEP_COMMANDS),
        (1_000, 10, 5),
        (STEP_COMMANDS, 3, 1),
        (STEP_COMMANDS - 1, 3, 2),
        (0, 20, 20),
    ] {
        let mut behind = 1..waiting;
        let gathered = gather(ask(0, each), || behind.next().map(|name| ask(name, each)));
        let names: Vec<usize> = gathered.iter().map(|one| one.name).collect();
        assert_eq!(names, (0..expected).collect::<Vec<_>>(), "{waiting} of {each}");
        assert_eq!(behind.len(), waiting - expected, "the others wait on");
    }
}
