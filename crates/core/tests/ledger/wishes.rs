//! Random wishes: few accounts, few keys and amounts at every edge, so that they meet.

use crate::store::{LEDGER, Store};
use proptest::collection;
use proptest::prelude::*;
use semel_core::Text;
use semel_core::account::Overdraft;
use semel_core::id::EventId;
use semel_core::ledger::{AccountRequest, Command, Outcome};
use semel_core::mapping::OpenAccounts;
use semel_core::money::Currency;
use semel_core::payment::{Capture, Identity, Operation, Pay};

/// A command before it is known which ids the payments will get.
#[derive(Clone, Debug)]
pub enum Wish {
    Pay { key: u8, fields: Fields, open: OpenAccounts },
    Operate { key: u8, payment: u8, operation: Operation },
    Open { account: u8, currency: Currency, overdraft: Overdraft },
    Close { account: u8 },
}

/// What makes two payments the same request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fields {
    pub amount: i64,
    pub currency: Option<Currency>,
    pub debit: u8,
    pub credit: u8,
    pub note: u8,
    pub later: bool,
}

/// Wishes, and for each whether it begins a new step.
pub fn wishes() -> impl Strategy<Value = (Vec<Wish>, Vec<bool>)> {
    let again = prop_oneof![4 => Just(None), 1 => any::<usize>().prop_map(Some)];
    (collection::vec((wish(), again, any::<bool>()), 1..60), any::<bool>()).prop_map(
        |(drawn, full)| {
            let mut wishes = if full { filler() } else { Vec::new() };
            let mut cuts = vec![false; wishes.len()];
            for (wish, again, cut) in drawn {
                let earlier =
                    again.filter(|_| !wishes.is_empty()).map(|n| &wishes[n % wishes.len()]);
                wishes.push(earlier.cloned().unwrap_or_else(|| aimed(wish, &wishes)));
                cuts.push(cut);
            }
            (wishes, cuts)
        },
    )
}

/// An operation on one of the latest payments that were wished, most of the time.
fn aimed(wish: Wish, earlier: &[Wish]) -> Wish {
    match wish {
        Wish::Operate { key, payment, operation } => {
            let pays = earlier.iter().rev().filter_map(|wish| match wish {
                Wish::Pay { key, .. } => Some(*key),
                _ => None,
            });
            let payment = pays.take(20).nth(payment.into()).unwrap_or(payment);
            Wish::Operate { key, payment, operation }
        }
        other => other,
    }
}

/// Brings the totals of two accounts near their 64 bits.
fn filler() -> Vec<Wish> {
    let fields = Fields {
        amount: 100_000_000_000_000_000,
        currency: Currency::parse("USD"),
        debit: 0,
        credit: 1,
        note: 0,
        later: false,
    };
    let open = OpenAccounts { debit: Some(Overdraft::Unlimited), credit: Some(Overdraft::None) };
    (100..192).map(|key| Wish::Pay { key, fields, open }).collect()
}

fn wish() -> impl Strategy<Value = Wish> {
    let pay =
        (0..40_u8, fields(), [option(), option()]).prop_map(|(key, fields, [debit, credit])| {
            Wish::Pay { key, fields, open: OpenAccounts { debit, credit } }
        });
    let operate = (20..60_u8, 0..24_u8, operation())
        .prop_map(|(key, payment, operation)| Wish::Operate { key, payment, operation });
    let open = (account(), currency(), overdraft())
        .prop_map(|(account, currency, overdraft)| Wish::Open { account, currency, overdraft });
    let close = account().prop_map(|account| Wish::Close { account });
    prop_oneof![20 => pay, 12 => operate, 3 => open, 1 => close]
}

fn fields() -> impl Strategy<Value = Fields> {
    let currency = prop_oneof![15 => currency().prop_map(Some), 1 => Just(None)];
    (amount(), currency, account(), account(), 0..2_u8, any::<bool>()).prop_map(
        |(amount, currency, debit, credit, note, later)| Fields {
            amount,
            currency,
            debit,
            credit,
            note,
            later,
        },
    )
}

fn operation() -> impl Strategy<Value = Operation> {
    let part = || prop_oneof![Just(None), amount().prop_map(Some)];
    prop_oneof![
        part().prop_map(Operation::Refund),
        part().prop_map(Operation::Capture),
        Just(Operation::Void),
    ]
}

fn amount() -> impl Strategy<Value = i64> {
    prop_oneof![
        16 => 1..100_i64,
        4 => prop::sample::select(vec![1, 23_372_036_854_775_807, 100_000_000_000_000_000]),
        1 => prop::sample::select(vec![0, -5, i64::MIN, i64::MAX, 100_000_000_000_000_001]),
    ]
}

fn account() -> impl Strategy<Value = u8> {
    0..5_u8
}

fn currency() -> impl Strategy<Value = Currency> {
    let parse = |code| Currency::parse(code).unwrap();
    prop_oneof![9 => Just(parse("USD")), 1 => Just(parse("EUR"))]
}

fn overdraft() -> impl Strategy<Value = Overdraft> {
    prop_oneof![
        Just(Overdraft::None),
        Just(Overdraft::Unlimited),
        (0..200_i64).prop_map(Overdraft::Limit),
    ]
}

fn option() -> impl Strategy<Value = Option<Overdraft>> {
    prop_oneof![1 => Just(None), 3 => overdraft().prop_map(Some)]
}

/// An account's name.
pub fn name(account: u8) -> Text {
    ["a", "b", "c", "d", "e"][usize::from(account)].into()
}

/// A key.
pub fn identity(key: u8) -> Identity {
    Identity { namespace: "".into(), key: format!("key-{key}").into() }
}

impl Wish {
    /// The command, with the ids that `store` has given out.
    pub fn command(&self, store: &Store) -> Command {
        match *self {
            Wish::Pay { key, fields, open } => Command::Pay(identity(key), fields.pay(open)),
            Wish::Operate { key, payment, operation } => {
                let event = store.recorded(&identity(payment));
                let nobody = EventId { at: 0, ledger: LEDGER, seq: u64::MAX };
                let id = event.map_or(nobody, |event| event.id(LEDGER));
                Command::Operate(identity(key), id, operation)
            }
            Wish::Open { account, currency, overdraft } => {
                Command::OpenAccount(AccountRequest { id: name(account), currency, overdraft })
            }
            Wish::Close { account } => Command::CloseAccount(name(account)),
        }
    }

    /// Whether it names an id that `other` may give out.
    fn waits_for(&self, other: &Wish) -> bool {
        let (Wish::Operate { payment, .. }, Wish::Pay { key, .. } | Wish::Operate { key, .. }) =
            (self, other)
        else {
            return false;
        };
        payment == key
    }
}

impl Fields {
    fn pay(&self, open: OpenAccounts) -> Pay {
        Pay {
            amount: self.amount,
            currency: self.currency,
            debit_account: name(self.debit),
            credit_account: name(self.credit),
            description: (self.note > 0).then(|| "a note".into()),
            metadata: None,
            metadata_problem: None,
            capture: if self.later { Capture::Later } else { Capture::Now },
            open,
        }
    }
}

/// Fulfil `wishes` in steps that begin at the `cuts`, and wherever an id has to be known first.
pub fn run(wishes: &[Wish], cuts: &[bool]) -> (Store, Vec<(Command, Outcome)>) {
    let (mut store, mut told) = (Store::default(), Vec::new());
    let mut step: Vec<&Wish> = Vec::new();
    let mut fulfil = |step: &mut Vec<&Wish>| {
        let commands: Vec<Command> = step.drain(..).map(|wish| wish.command(&store)).collect();
        let outcomes = store.step(&commands);
        told.extend(commands.into_iter().zip(outcomes));
    };
    for (wish, cut) in wishes.iter().zip(cuts) {
        if *cut || step.iter().any(|earlier| wish.waits_for(earlier)) {
            fulfil(&mut step);
        }
        step.push(wish);
    }
    fulfil(&mut step);
    (store, told)
}
