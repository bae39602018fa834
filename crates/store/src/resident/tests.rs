//! Several processes take turns on one ledger, each with its own memory, and everything that they
//! say is compared with a plain map of accounts and a list of events.
//!
//! What can go wrong goes wrong at random: steps fail, commits have no answer, catching up is cut
//! off, processes start again, the store goes back in time.

mod world;

use super::*;
use proptest::prelude::*;
use semel_core::chain::Hash;
use semel_core::ledger::Command;
use semel_core::problem::Code;
use world::{Ending, LEDGER, World, command};

/// One turn of a process.
#[derive(Clone, Debug)]
struct Turn {
    process: usize,
    /// Seeds of the commands of its step.
    commands: Vec<u64>,
    ending: Ending,
    /// After how many pages catching up is cut off.
    pages: usize,
    /// Whether it reads ahead before.
    is_early: bool,
    /// The process writes accounts and does nothing else.
    rests: bool,
    /// The process has lost its memory before.
    is_new: bool,
}

const ENDINGS: [Ending; 4] = [Ending::Done, Ending::Done, Ending::Failed, Ending::Unknown];

fn turns() -> impl Strategy<Value = Vec<Turn>> {
    let commands = prop::collection::vec(any::<u64>(), 1..7);
    let cut = prop_oneof![3 => Just(usize::MAX), 1 => 0..3_usize];
    let chances = (0..9_u8, 0..25_u8, any::<bool>());
    let turn = (0..3_usize, commands, 0..4_usize, cut, chances).prop_map(
        |(process, commands, ending, pages, (rest, new, is_early))| Turn {
            process,
            commands,
            ending: ENDINGS[ending],
            pages,
            is_early,
            rests: rest == 0,
            is_new: new == 0,
        },
    );
    prop::collection::vec(turn, 1..60)
}

fn bounds() -> impl Strategy<Value = Bounds> {
    let looks = (1..3_u32, 1..9_u32);
    (0..30_u64, 0..5_usize, 1..12_usize, 1..9_usize, looks, 0..30_u64).prop_map(
        |(lag, few_keys, accounts_max, recent, looks, far)| Bounds {
            lag,
            few_keys,
            accounts_max,
            recent,
            looks,
            far,
        },
    )
}

fn processes(bounds: Bounds) -> Vec<Resident> {
    let forms = [Form::Resident, Form::Resident, Form::Plain];
    forms.map(|form| Resident::within(form, bounds)).into()
}

fn take(world: &mut World, processes: &mut [Resident], turn: &Turn, bounds: Bounds) {
    let Turn { process, commands, ending, pages, is_early, rests, is_new } = turn;
    let form = if *process == 2 { Form::Plain } else { Form::Resident };
    let own = &mut processes[*process];
    if *is_new {
        *own = Resident::within(form, bounds);
    }
    if *is_early {
        world.read_ahead(own, *pages);
    }
    if *rests {
        world.rest(own, 1 + commands.len());
    } else {
        let commands: Vec<Command> = commands.iter().map(|seed| command(*seed, world)).collect();
        world.step(own, &commands, *ending, *pages);
    }
    world.check(bounds);
    world.check_memory(&processes[*process], bounds);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_known_is_what_there_is(turns in turns(), bounds in bounds()) {
        let (mut world, mut processes) = (World::default(), processes(bounds));
        for turn in &turns {
            take(&mut world, &mut processes, turn, bounds);
        }
    }

    #[test]
    fn an_excerpt_comes_to_what_there_is(
        turns in turns(),
        bounds in bounds(),
        taken in 0..40_usize,
    ) {
        let (mut world, mut processes) = (World::default(), processes(bounds));
        let ids: Vec<Text> = (0..8).map(|number| format!("account:{number}").into()).collect();
        let excerpt = |own: &Resident| own.excerpt(ids.iter().map(|id| &**id));
        let mut excerpts = Vec::new();
        for (number, turn) in turns.iter().enumerate() {
            take(&mut world, &mut processes, turn, bounds);
            if number == taken {
                excerpts = processes.iter().filter_map(excerpt).collect();
            }
        }
        excerpts.extend(processes.iter().filter_map(excerpt));
        let is_asked = |account: &&Account| ids.contains(&account.id);
        let all: Vec<Account> = world.accounts.values().filter(is_asked).cloned().collect();
        for excerpt in excerpts {
            let rows: Vec<Account> = world.rows.values().filter(is_asked).cloned().collect();
            let late = excerpt.next_seq()..world.position.next_seq;
            let late: Vec<Late> = late.map(|seq| world.late(seq)).collect();
            prop_assert_eq!(excerpt.exact(LEDGER, rows, &late, &world.stand()), Some(all.clone()));
        }
    }

    #[test]
    fn a_log_that_was_rewound_is_never_followed(
        turns in turns(),
        bounds in bounds(),
        rewinds in prop::collection::vec((0..60_usize, 0..60_usize), 1..4),
    ) {
        let (mut world, mut processes) = (World::default(), processes(bounds));
        let mut kept = Vec::new();
        for (number, turn) in turns.iter().enumerate() {
            kept.push(world.clone());
            take(&mut world, &mut processes, turn, bounds);
            let rewind = rewinds.iter().find(|(at, _)| *at == number);
            if let Some((_, to)) = rewind.filter(|(_, to)| *to <= number) {
                world = kept[*to].clone();
                // What is written from now on is another history.
                world.now += 1_000_000 * (1 + number as i64);
                world.history = format!("{number}").into();
            }
        }
    }

    #[test]
    fn all_is_written_at_rest(turns in turns(), bounds in bounds(), most in 1..9_usize) {
        let (mut world, mut processes) = (World::default(), processes(bounds));
        for turn in &turns {
            take(&mut world, &mut processes, turn, bounds);
        }
        while world.rest(&mut processes[0], most) {
            world.check(bounds);
        }
        prop_assert!(processes[0].is_written());
        prop_assert_eq!(&world.rows, &world.accounts);
    }
}

/// One payment a step, between accounts that are few or many.
fn pay_on(world: &mut World, own: &mut Resident, steps: u64, accounts: u64) {
    for step in 0..steps {
        let from = step % accounts;
        let command = world::pay(&format!("k{step}"), from, accounts + step % 3, 5);
        let before = world.position;
        assert!(world.step(own, &[command], Ending::Done, usize::MAX));
        assert_ne!(before, world.position, "payment {step} is new");
    }
}

fn quiet(lag: u64) -> Bounds {
    Bounds { lag, ..Bounds::default() }
}

#[test]
fn an_account_is_written_once_for_all_that_happened_to_it() {
    let bounds = quiet(50);
    let (mut world, mut own) = (World::default(), Resident::within(Form::Resident, bounds));
    pay_on(&mut world, &mut own, 400, 1);
    world.check(bounds);
    // Two accounts or three in each fifty events, not two in every one.
    assert!(world.written < 60, "{} rows were written", world.written);
    let (mut world, mut own) = (World::default(), Resident::within(Form::Plain, bounds));
    pay_on(&mut world, &mut own, 400, 1);
    assert!(world.written > 700, "{} rows were written", world.written);
}

#[test]
fn what_was_begun_anew_and_cut_off_is_begun_anew_again() {
    let bounds = quiet(1_000);
    let mut world = World::default();
    let mut elder = Resident::within(Form::Resident, bounds);
    pay_on(&mut world, &mut elder, 40, 3);
    let mut own = Resident::within(Form::Resident, bounds);
    let command = world::pay("last", 0, 1, 5);
    world.step(&mut own, std::slice::from_ref(&command), Ending::Done, 1);
    assert_eq!(own.position(), None, "it never stood at an end of the log");
    assert!(own.next_seq() > 1, "it was on its way");
    world.step(&mut own, &[command], Ending::Done, usize::MAX);
    assert_eq!(own.position(), Some(world.position));
}

#[test]
fn who_was_cut_off_goes_on_where_he_was() {
    let bounds = quiet(1_000);
    let mut world = World::default();
    let [mut own, mut other] = [(); 2].map(|()| Resident::within(Form::Resident, bounds));
    pay_on(&mut world, &mut own, 10, 3);
    let command = world::pay("others", 0, 1, 5);
    for number in 0..40 {
        let command = world::pay(&format!("other {number}"), 0, 1, 5);
        world.step(&mut other, &[command], Ending::Done, usize::MAX);
    }
    world.step(&mut own, std::slice::from_ref(&command), Ending::Done, 1);
    let reached = own.position().expect("it had stood before");
    assert!(reached.next_seq < world.position.next_seq);
    assert_eq!(Some(reached), world.position_before(reached.next_seq));
    world.step(&mut own, &[command], Ending::Done, usize::MAX);
    assert_eq!(own.position(), Some(world.position));
}

#[test]
fn a_key_that_is_not_recent_is_looked_up_once_it_was_refused() {
    let bounds = Bounds { few_keys: 0, recent: 1, looks: (2, 4), ..Bounds::default() };
    let (mut world, mut own) = (World::default(), Resident::within(Form::Resident, bounds));
    pay_on(&mut world, &mut own, 10, 3);
    assert!(!own.looks(1), "nothing was refused for a while");
    for looks in [2, 4, 4] {
        let again = world::pay("k0", 0, 3, 5);
        assert!(!world.step(&mut own, &[again], Ending::Done, usize::MAX), "it is refused");
        for number in 0..looks {
            assert!(own.looks(1), "look-up {number} of {looks}");
            let again = world::pay("k0", 0, 3, 5);
            let more = world::pay(&format!("{number} {}", world.position.next_seq), 0, 3, 5);
            assert!(world.step(&mut own, &[again, more], Ending::Done, usize::MAX));
        }
        assert!(!own.looks(1));
    }
}

#[test]
fn a_recent_key_is_looked_up() {
    let bounds = Bounds { few_keys: 0, recent: 4, looks: (1, 1), ..Bounds::default() };
    let (mut world, mut own) = (World::default(), Resident::within(Form::Resident, bounds));
    pay_on(&mut world, &mut own, 10, 3);
    for recent in 7..10 {
        let again = world::pay(&format!("k{recent}"), recent % 3, 3 + recent % 3, 5);
        let before = world.position;
        assert!(world.step(&mut own, &[again], Ending::Done, usize::MAX));
        assert_eq!(world.position, before, "k{recent} was repeated");
    }
}

#[test]
fn few_accounts_are_written_in_a_step_and_the_eldest_first() {
    let (mut world, mut own) =
        (World::default(), Resident::within(Form::Resident, quiet(1_000_000)));
    pay_on(&mut world, &mut own, 30, 10);
    let mut before = world.accounts_seq;
    while !own.is_written() {
        let writing = own.rest(2);
        assert!(writing.accounts.len() <= 2);
        let seq = writing.seq(world.position);
        assert!(before < seq, "from {before} to {seq}");
        before = seq;
        world.rest(&mut own, 2);
        world.check(quiet(1_000_000));
    }
    assert_eq!(before, world.position.next_seq - 1);
}

#[test]
fn a_step_that_writes_accounts_alone_is_missed_when_it_is_lost() {
    let bounds = Bounds { accounts_max: 1, ..quiet(1_000_000) };
    let (mut world, mut own) = (World::default(), Resident::within(Form::Resident, bounds));
    for turn in ["a", "b"] {
        let pay = |number| world::pay(&format!("{turn}{number}"), number, 9, 5);
        let step: Vec<Command> = (0..6).map(pay).collect();
        assert!(world.step(&mut own, &step, Ending::Done, usize::MAX));
    }
    let before = world.clone();
    assert!(world.rest(&mut own, 2));
    // A disk that was set back has the same history.
    world = before;
    let command = world::pay("k9", 0, 9, 5);
    assert!(world.step(&mut own, &[command], Ending::Done, usize::MAX));
}

#[test]
fn what_was_seen_is_missed_by_who_was_cut_off_since() {
    let bounds = Bounds { far: 3, ..quiet(10) };
    let mut world = World::default();
    let [mut own, mut other] = [(); 2].map(|()| Resident::within(Form::Resident, bounds));
    let before = world.clone();
    pay_on(&mut world, &mut own, 20, 3);
    for number in 0..40 {
        let command = world::pay(&format!("other {number}"), number % 3, 4, 5);
        assert!(world.step(&mut other, &[command], Ending::Done, usize::MAX));
    }
    let command = world::pay("own", 0, 4, 5);
    assert!(!world.step(&mut own, std::slice::from_ref(&command), Ending::Done, 0), "cut off");
    assert_eq!(own.position(), None, "it had begun anew");
    world = before;
    let way = CatchUp::new(&own, LEDGER, world.stand());
    let (tail, mut way) = (world.position.tail, way);
    while let Ok(next) = way.next(&mut own) {
        assert!(matches!(next, Next::Prove(_)), "{next:?}");
        way.prove(tail);
    }
    assert_eq!(way.next(&mut own).map_err(|stop| stop.code), Err(Code::StoreRewound));
}

#[test]
fn rows_that_went_back_before_the_end_was_reached_are_noticed() {
    for tells_history in [false, true] {
        let bounds = quiet(1_000_000);
        let (mut world, mut own) = (World::default(), Resident::within(Form::Resident, bounds));
        pay_on(&mut world, &mut own, 30, 10);
        let before = world.clone();
        assert!(world.rest(&mut own, 1_000));
        // It begins where all rows have come to, and is cut off; then that is lost.
        let mut late = Resident::within(Form::Resident, bounds);
        let mut way = CatchUp::ahead(&late, LEDGER, world.stand());
        let begin = world.position.next_seq;
        assert_eq!(way.next(&mut late), Ok(Next::Begin(begin)));
        way.begin(&mut late, world.position);
        world = before;
        if tells_history {
            world.history = "promoted".into();
        }
        for number in 0..20 {
            let command = world::pay(&format!("more {number}"), number % 10, 10, 5);
            assert!(world.step(&mut late, &[command], Ending::Done, usize::MAX));
            world.check(bounds);
        }
    }
}

#[test]
fn an_event_is_taken_in_whole_or_not_at_all() {
    let bounds = quiet(1_000);
    let mut world = World::default();
    let [mut own, mut other] = [(); 2].map(|()| Resident::within(Form::Resident, bounds));
    pay_on(&mut world, &mut own, 5, 3);
    let command = world::pay("next", 0, 1, 5);
    assert!(world.step(&mut other, &[command], Ending::Done, usize::MAX));
    let mut forged = world.late(world.position.next_seq - 1);
    let credit = forged.event.credit.as_mut().expect("a payment has one");
    credit.prev += 1;
    assert!(!own.take(LEDGER, &[forged], Vec::new()));
    let command = world::pay("then", 0, 1, 5);
    assert!(world.step(&mut own, &[command], Ending::Done, usize::MAX), "accounts are as they are");
}

#[test]
fn a_log_of_another_history_or_place_is_not_followed() {
    let bounds = quiet(1_000);
    let mut world = World::default();
    let mut own = Resident::within(Form::Resident, bounds);
    pay_on(&mut world, &mut own, 5, 3);
    let late = |seq: u64| world.late(seq);
    let end = own.next_seq();
    assert!(!Resident::new(Form::Resident).follow(LEDGER, &late(1)), "nothing is known");
    assert!(!own.follow(LEDGER, &late(end - 1)), "it was taken in before");
    let mut other = late(end - 1);
    other.event.seq = end;
    assert!(!own.follow(LEDGER, &other), "its link leads elsewhere");
    assert_eq!(own.position(), Some(world.position), "nothing was taken in");
    let mut to = |position| {
        let way = CatchUp::new(&own, LEDGER, Stand { position, ..world.stand() });
        way.next(&mut own).map_err(|stop| stop.code)
    };
    let rewound = Err(Code::StoreRewound);
    assert_eq!(to(Position { next_seq: end - 1, ..world.position }), rewound);
    assert_eq!(to(Position { tail: Hash::ZERO, ..world.position }), rewound);
    assert_eq!(to(Position { next_seq: end + 1, ..world.position }), Ok(Next::Events(end)));
    assert_eq!(to(world.position), Ok(Next::Here));
}

#[test]
fn what_another_process_wrote_is_not_written_again() {
    let bounds = Bounds { accounts_max: 4, ..quiet(1_000) };
    let mut world = World::default();
    let [mut own, mut other] = [(); 2].map(|()| Resident::within(Form::Resident, bounds));
    pay_on(&mut world, &mut other, 1, 1);
    for number in 0..100 {
        let command = world::pay(&format!("own {number}"), number % 30, 40, 5);
        assert!(world.step(&mut own, &[command], Ending::Done, usize::MAX));
    }
    assert!(world.rest(&mut own, 1_000));
    assert!(!world.rest(&mut other, 1_000), "all of it is written");
    world.check_memory(&other, bounds);
    assert!(other.accounts.len() <= bounds.accounts_max, "{} accounts", other.accounts.len());
}

#[test]
fn an_excerpt_of_another_log_or_of_other_accounts_is_not_used() {
    let mut world = World::default();
    let mut own = Resident::within(Form::Resident, quiet(1_000));
    let before = world.clone();
    pay_on(&mut world, &mut own, 5, 3);
    let excerpt = || own.excerpt(["account:0"]).expect("something is known");
    let row = |id: &str| world.rows.values().find(|row| &*row.id == id).cloned().into_iter();
    let exact = |id, stand: Stand| excerpt().exact(LEDGER, row(id).collect(), &[], &stand);
    let at = |position| Stand { position, ..world.stand() };
    assert!(exact("account:0", world.stand()).is_some());
    assert_eq!(exact("account:1", world.stand()), None, "it was not taken");
    assert_eq!(exact("account:0", at(before.position)), None, "the log went back");
    let other = Position { tail: Hash::ZERO, ..world.position };
    assert_eq!(exact("account:0", at(other)), None, "the log is another one");
    let promoted = Stand { history: "promoted".into(), ..world.stand() };
    assert_eq!(exact("account:0", promoted), None, "rows may be elder");
    assert!(Resident::new(Form::Resident).excerpt(["account:0"]).is_none());
}

#[test]
fn rows_that_went_back_under_a_log_that_did_not_are_noticed() {
    for tells_history in [false, true] {
        let bounds = Bounds { accounts_max: 1, ..quiet(1_000_000) };
        let (mut world, mut own) = (World::default(), Resident::within(Form::Resident, bounds));
        pay_on(&mut world, &mut own, 30, 10);
        let before = world.clone();
        assert!(world.rest(&mut own, 1_000));
        world = before;
        if tells_history {
            world.history = "promoted".into();
        }
        assert_eq!(own.position(), Some(world.position), "the log is the same");
        assert!(!own.is_at(&world.stand()));
        for number in 0..20 {
            let command = world::pay(&format!("more {number}"), number % 10, 10, 5);
            assert!(world.step(&mut own, &[command], Ending::Done, usize::MAX));
            world.check(bounds);
        }
    }
}
