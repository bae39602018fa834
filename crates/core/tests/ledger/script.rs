//! The language of the tables: one command a line, the expected outcome behind the bar.
//!
//! ```text
//!   open    ACCOUNT CURRENCY none|unlimited|LIMIT
//!   close   ACCOUNT
//!   pay     KEY AMOUNT CURRENCY DEBIT CREDIT [later] [open=DEBIT/CREDIT] [note=…] [meta=…]
//!   refund  KEY PAYMENT AMOUNT|all         PAYMENT is the payment's key; `KEY@elsewhere` is an id
//!   capture KEY PAYMENT AMOUNT|all         of another ledger, `KEY@rewound` one that was given out
//!   void    KEY PAYMENT                    at another time, `nobody` one that never was
//!   fill    DEBIT CREDIT                   92 payments of 10^17 USD: more would pass 64 bits
//!   see     ACCOUNT                        posted debits/credits, pending debits/credits
//!   log                                    how many events there are
//! ```
//!
//! Each line is a step of its own; a line that begins with `+` is decided together with the line
//! above it. A key written `NAMESPACE:KEY` is one of an ingest. Every table begins with the accounts
//! of [`ACCOUNTS`].

use crate::store::{LEDGER, Store};
use semel_core::account::{Account, Overdraft};
use semel_core::id::EventId;
use semel_core::ledger::{AccountRequest, Command, Outcome, Refusal};
use semel_core::mapping::OpenAccounts;
use semel_core::money::Currency;
use semel_core::payment::{Capture, FieldProblem, Identity, Operation, Pay};
use std::fmt::Write;

/// What is there before the first line of a table: seven events.
pub const ACCOUNTS: &str = "
  open bank  USD unlimited | new
  open alice USD none      | new
  open shop  USD none      | new
  open euro  EUR unlimited | new
  open cafe  EUR none      | new
  open gone  USD unlimited | new
  close gone               | new
";

/// Run a table on a new store and compare every outcome with the expected one.
#[track_caller]
pub fn check(table: &str) -> Store {
    let mut store = Store::default();
    compare(&mut store, ACCOUNTS);
    compare(&mut store, table);
    store
}

/// Run a table on `store`.
#[track_caller]
pub fn compare(store: &mut Store, table: &str) {
    let lines = || table.lines().filter(|line| !line.trim().is_empty());
    let commands: Vec<&str> = lines().map(|line| line.split('|').next().unwrap()).collect();
    let mut outcomes = Vec::new();
    for step in commands.chunk_by(|_, line| line.starts_with('+')) {
        let step: Vec<&str> = step.iter().map(|line| line.trim_start_matches('+')).collect();
        outcomes.extend(run(store, &step));
    }
    let mut actual = String::new();
    for (command, outcome) in commands.iter().zip(outcomes) {
        writeln!(actual, "{command}| {outcome}").unwrap();
    }
    let expected: String = lines().map(|line| format!("{}\n", line.trim_end())).collect();
    assert!(actual == expected, "\nexpected:\n{expected}\nbut it was:\n{actual}");
}

fn run(store: &mut Store, lines: &[&str]) -> Vec<String> {
    let words: Vec<&str> = lines[0].split_whitespace().collect();
    match words[..] {
        ["see", id] => vec![store.accounts.get(id).map_or("nothing".into(), seen)],
        ["log"] => vec![store.log.len().to_string()],
        ["fill", debit, credit] => {
            let payment = |n| format!("pay fill-{n} 100000000000000000 USD {debit} {credit}");
            let commands: Vec<_> = (0..92).map(|n| command(store, &payment(n))).collect();
            let mut said: Vec<_> = store.step(&commands).iter().map(say).collect();
            said.dedup();
            said
        }
        _ => {
            let commands: Vec<_> = lines.iter().map(|line| command(store, line)).collect();
            store.step(&commands).iter().map(say).collect()
        }
    }
}

/// The command that a line says.
pub fn command(store: &Store, line: &str) -> Command {
    let words: Vec<&str> = line.split_whitespace().collect();
    match words[..] {
        ["open", id, currency, limit] => Command::OpenAccount(AccountRequest {
            id: id.into(),
            currency: Currency::parse(currency).expect("a table opens in real currencies"),
            overdraft: overdraft(limit),
        }),
        ["close", id] => Command::CloseAccount(id.into()),
        ["pay", key, ref fields @ ..] => Command::Pay(identity(key), pay(fields)),
        ["refund", key, payment, amount] => {
            Command::Operate(identity(key), id(store, payment), Operation::Refund(part(amount)))
        }
        ["capture", key, payment, amount] => {
            Command::Operate(identity(key), id(store, payment), Operation::Capture(part(amount)))
        }
        ["void", key, payment] => {
            Command::Operate(identity(key), id(store, payment), Operation::Void)
        }
        _ => panic!("no command: {line}"),
    }
}

fn pay(fields: &[&str]) -> Pay {
    let [amount, currency, debit, credit, options @ ..] = fields else {
        panic!("too few fields: {fields:?}")
    };
    let mut pay = Pay {
        amount: amount.parse().expect("an amount is a number"),
        currency: Currency::parse(currency),
        debit_account: (*debit).into(),
        credit_account: (*credit).into(),
        description: None,
        metadata: None,
        metadata_problem: None,
        capture: Capture::Now,
        open: OpenAccounts::default(),
    };
    for option in options {
        match option.split_once('=') {
            None if *option == "later" => pay.capture = Capture::Later,
            Some(("note", note)) => pay.description = Some(note.into()),
            Some(("meta", "CARD")) => {
                pay.metadata_problem = Some(semel_core::reason::Reason::CardNumber);
            }
            Some(("meta", object)) => pay.metadata = Some(object.into()),
            Some(("open", sides)) => {
                let (debit, credit) = sides.split_once('/').expect("two sides");
                let side = |word: &str| (word != "-").then(|| overdraft(word));
                pay.open = OpenAccounts { debit: side(debit), credit: side(credit) };
            }
            _ => panic!("no option: {option}"),
        }
    }
    pay
}

fn overdraft(word: &str) -> Overdraft {
    match word {
        "none" => Overdraft::None,
        "unlimited" => Overdraft::Unlimited,
        limit => Overdraft::Limit(limit.parse().expect("a limit is a number")),
    }
}

fn identity(word: &str) -> Identity {
    let (namespace, key) = word.split_once(':').unwrap_or(("", word));
    Identity { namespace: namespace.into(), key: key.into() }
}

fn part(word: &str) -> Option<i64> {
    (word != "all").then(|| word.parse().expect("an amount is a number"))
}

fn id(store: &Store, word: &str) -> EventId {
    let (key, twist) = word.split_once('@').unwrap_or((word, ""));
    if key == "nobody" {
        return EventId { at: 1, ledger: LEDGER, seq: 1_000 };
    }
    let event = store.recorded(&identity(key)).unwrap_or_else(|| panic!("no payment {key}"));
    let id = event.id(LEDGER);
    match twist {
        "" => id,
        "elsewhere" => EventId { ledger: LEDGER + 1, ..id },
        "rewound" => EventId { at: id.at - 1, ..id },
        _ => panic!("no such twist: {twist}"),
    }
}

/// An outcome in a few words.
pub fn say(outcome: &Outcome) -> String {
    let told = |replayed| if replayed { "replay " } else { "" };
    match outcome {
        Outcome::Recorded { event, replayed } => {
            let kind = event.kind.as_str().trim_start_matches("payment.");
            let amount = match event.reference {
                Some(_) => format!(" {}", event.amount),
                None => String::new(),
            };
            let code = event.decline.map(|code| format!(" {}", code.as_str())).unwrap_or_default();
            format!("{}{kind}{amount}{code}", told(*replayed))
        }
        Outcome::Account { replayed: false, .. } => "new".into(),
        Outcome::Account { replayed: true, .. } => "same".into(),
        Outcome::Refused(refusal) => match refusal {
            Refusal::Conflict(fields) => format!("conflict{}", pointers(fields, false)),
            Refusal::Invalid(fields) => format!("invalid{}", pointers(fields, true)),
            Refusal::UnknownPayment => "unknown payment".into(),
            Refusal::ExceedsPayment => "exceeds payment".into(),
            Refusal::WrongState(state) => format!("wrong state {}", state.as_str()),
            Refusal::UnknownAccount => "unknown account".into(),
            Refusal::AccountDiffers => "account differs".into(),
        },
    }
}

fn pointers(fields: &[FieldProblem], reasons: bool) -> String {
    let word = |field: &FieldProblem| match reasons {
        true => format!(" {} {}", field.pointer, field.reason),
        false => {
            assert_eq!(field.reason, "differs");
            format!(" {}", field.pointer)
        }
    };
    fields.iter().map(word).collect()
}

fn seen(account: &Account) -> String {
    let totals = &account.totals;
    let closed = if account.closed { " closed" } else { "" };
    format!(
        "{}/{} {}/{}{closed}",
        totals.debits, totals.credits, totals.pending_debits, totals.pending_credits
    )
}
