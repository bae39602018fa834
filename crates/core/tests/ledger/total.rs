//! Whatever comes in, something comes out: no text and no number makes the core panic.

use crate::script::{ACCOUNTS, compare};
use crate::store::{LEDGER, Store};
use proptest::prelude::*;
use semel_core::Text;
use semel_core::account::{Account, Decline, Overdraft, Totals};
use semel_core::event::{Event, Kind, Reference, Side};
use semel_core::id::{EventId, LEDGER_MAX, SEQ_MAX};
use semel_core::ledger::{AccountRequest, Command, Keys, decide};
use semel_core::mapping::OpenAccounts;
use semel_core::money::Currency;
use semel_core::movement::Movement;
use semel_core::payment::{Capture, Identity, Operation, Pay, Payment, json_text, split_extra};
use semel_core::reason::Reason;
use semel_core::render;

/// No total is beyond this while 100 are held.
const ROOM: i64 = i64::MAX - 100;

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn a_row_keeps_description_and_metadata_apart(pay in pay()) {
        let extra = pay.extra();
        let (description, metadata) = split_extra(extra.as_deref());
        let read: Option<String> = serde_json::from_str(description).unwrap();
        prop_assert_eq!(read.as_deref(), pay.description.as_deref());
        prop_assert_eq!(metadata, pay.metadata.as_deref().unwrap_or("{}"));
    }

    #[test]
    fn any_text_is_split(text in odd_text(), tail in ".*") {
        split_extra(Some(&text));
        split_extra(Some(&format!(r#"{{"description":{text},"metadata":{tail}}}"#)));
    }

    #[test]
    fn any_text_is_an_id_or_none(prefix in "[a-z]{0,4}", text in odd_text(), id in id()) {
        EventId::parse(&prefix, &text);
        EventId::parse(&prefix, &format!("{prefix}_{text}"));
        let at = id.at.clamp(0, (1 << 48) * 1_000 - 1);
        let id = EventId { at, ledger: id.ledger.min(LEDGER_MAX), seq: id.seq.min(SEQ_MAX) };
        for kind in kinds() {
            let name = id.named(kind);
            let (prefix, _) = name.split_once('_').unwrap();
            prop_assert_eq!(EventId::parse(prefix, &name), Some(id));
        }
    }

    #[test]
    fn any_text_but_its_own_is_no_id(id in id(), at in 0..40_usize, letter in any::<char>()) {
        let name = id.event();
        let mut other: Vec<char> = name.chars().collect();
        let place = at % other.len();
        other[place] = letter;
        let other: String = other.into_iter().collect();
        if let Some(read) = EventId::parse("evt", &other) {
            prop_assert_eq!(read.event(), other);
        }
    }

    #[test]
    fn any_row_is_rendered_compared_and_moved(
        event in event(),
        pay in pay(),
        (id, operation) in (id(), operation()),
    ) {
        render::message(&event, LEDGER);
        render::answer(&event, LEDGER);
        event.encode(LEDGER, &mut Vec::new());
        pay.differences(&event);
        operation.differences(&id, &event, LEDGER);
        let mut accounts =
            ["a", "b"].map(|id| Account::open(1, id.into(), event.currency, Overdraft::None));
        let [debit, credit] = &mut accounts;
        if let Some(movement) = Movement::of(event.kind, event.amount, event.amount) {
            let moved = movement.apply(debit, credit);
            prop_assert!(moved.is_some() || debit.totals == Totals::default());
        }
        if let Some(mut payment) = Payment::recorded(event.clone()) {
            payment.follow(event.kind, event.amount);
            payment.left();
            render::current(&payment, LEDGER);
        }
    }

    #[test]
    fn any_commands_are_decided(
        mut commands in proptest::collection::vec(command(), 0..20),
        totals in proptest::collection::vec([0..=ROOM, 0..=ROOM], 6),
        recorded in proptest::option::of(event()),
    ) {
        let mut store = Store::default();
        compare(&mut store, ACCOUNTS);
        compare(&mut store, "pay k 100 USD bank alice later | pending");
        let payment = store.log.last().unwrap().id(LEDGER);
        for command in &mut commands {
            if let Command::Operate(_, id, _) = command && id.seq < 12 {
                *id = payment;
            }
        }
        for (account, [debits, credits]) in store.accounts.values_mut().zip(totals) {
            account.totals.debits = debits;
            account.totals.credits = credits;
        }
        let mut snapshot = store.snapshot(Keys::of(&commands));
        if let Some(first) = snapshot.recorded.first_mut() {
            *first = recorded.map(Into::into);
        }
        let decision = decide(&commands, &snapshot);
        prop_assert_eq!(decision.outcomes.len(), commands.len());
    }
}

fn kinds() -> impl Iterator<Item = Kind> {
    (1..=9).map(|number| Kind::from_number(number).expect("kinds are numbered from 1 to 9"))
}

/// Texts that look like what is kept and shown, and texts that look like nothing.
fn odd_text() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "\"",
        "\\",
        "{",
        "}",
        ",\"metadata\":",
        "{\"description\":",
        "null",
        "\0",
        "\u{7f}",
        "é",
        "\u{2028}",
        "😀",
        "pay_",
        "-",
        "7",
        "0",
        "a",
        " ",
    ]);
    prop_oneof![
        proptest::collection::vec(pieces, 0..12).prop_map(|pieces| pieces.concat()),
        any::<String>(),
    ]
}

fn text() -> impl Strategy<Value = Text> {
    let known = prop::sample::select(vec!["", "k", "bank", "alice", "shop", "euro", "gone", "new"]);
    prop_oneof![4 => known.prop_map(Text::from), 1 => odd_text().prop_map(Text::from)]
}

fn amount() -> impl Strategy<Value = i64> {
    let edges = vec![i64::MIN, -1, 0, 1, 100, 100_000_000_000_000_000, i64::MAX];
    prop_oneof![prop::sample::select(edges), any::<i64>()]
}

fn overdraft() -> impl Strategy<Value = Overdraft> {
    prop_oneof![
        Just(Overdraft::None),
        Just(Overdraft::Unlimited),
        any::<i64>().prop_map(Overdraft::Limit),
    ]
}

fn pay() -> impl Strategy<Value = Pay> {
    let currency = prop::sample::select(vec![None, Currency::parse("USD"), Currency::parse("EUR")]);
    let object = odd_text().prop_map(|text| format!(r#"{{"a":{}}}"#, json_text(&text)).into());
    let object = proptest::option::of(object);
    let sides = [proptest::option::of(overdraft()), proptest::option::of(overdraft())];
    let problem = proptest::option::of(Just(Reason::CardNumber));
    let note = proptest::option::of(odd_text().prop_map(Text::from));
    (amount(), currency, [text(), text()], note, object, problem, any::<bool>(), sides).prop_map(
        |(amount, currency, [debit, credit], description, metadata, problem, later, sides)| Pay {
            amount,
            currency,
            debit_account: debit,
            credit_account: credit,
            description,
            metadata,
            metadata_problem: problem,
            capture: if later { Capture::Later } else { Capture::Now },
            open: OpenAccounts { debit: sides[0], credit: sides[1] },
        },
    )
}

fn operation() -> impl Strategy<Value = Operation> {
    let part = || proptest::option::of(amount());
    prop_oneof![
        part().prop_map(Operation::Refund),
        part().prop_map(Operation::Capture),
        Just(Operation::Void),
    ]
}

fn id() -> impl Strategy<Value = EventId> {
    let seq = prop_oneof![0..12_u64, any::<u64>()];
    let ledger = prop_oneof![Just(LEDGER), any::<u32>()];
    (any::<i64>(), ledger, seq).prop_map(|(at, ledger, seq)| EventId { at, ledger, seq })
}

fn command() -> impl Strategy<Value = Command> {
    let identity = || (text(), text()).prop_map(|(namespace, key)| Identity { namespace, key });
    let currency = Currency::parse("USD").unwrap();
    prop_oneof![
        4 => (identity(), pay()).prop_map(|(identity, pay)| Command::Pay(identity, pay)),
        2 => (identity(), id(), operation())
            .prop_map(|(identity, id, operation)| Command::Operate(identity, id, operation)),
        1 => (text(), overdraft()).prop_map(move |(id, overdraft)| {
            Command::OpenAccount(AccountRequest { id, currency, overdraft })
        }),
        1 => text().prop_map(Command::CloseAccount),
    ]
}

fn event() -> impl Strategy<Value = Event> {
    let kind = (1..=9_u8).prop_map(|number| Kind::from_number(number).unwrap());
    let decline = (0..=3_u8).prop_map(Decline::from_number);
    let side = || {
        let side = (any::<u64>(), text(), any::<u64>());
        proptest::option::of(side.prop_map(|(no, id, prev)| Side { no, id, prev }))
    };
    let reference = (any::<u64>(), any::<i64>()).prop_map(|(seq, at)| Reference { seq, at });
    let extra = proptest::option::of(odd_text().prop_map(Text::from));
    let named = (text(), proptest::option::of(text()), extra);
    let meant = (decline, proptest::option::of(reference));
    (any::<u64>(), any::<i64>(), kind, named, [side(), side()], amount(), meant).prop_map(
        |(seq, at, kind, (namespace, key, extra), [debit, credit], amount, meant)| Event {
            seq,
            at,
            kind,
            format: 1,
            namespace,
            key,
            debit,
            credit,
            amount,
            currency: Currency::parse("USD").unwrap(),
            decline: meant.0,
            reference: meant.1,
            extra,
        },
    )
}
