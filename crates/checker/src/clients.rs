//! What clients were told, against the wire and the database: each acknowledged payment is there
//! once, with what its answer said.
//!
//! An answer that never came is no failure: such a request may have happened, once, at any later
//! time. A refused one never used up its key.
//! Deliberately absent: the histories' times.

use crate::database::{Event, Ledger};
use crate::findings::Findings;
use crate::kind::Kind;
use crate::message::Message;
use crate::wire::OnWire;
use serde::Deserialize;
use std::collections::{HashMap, HashSet};

/// What became of a request, as its client saw it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Answer {
    /// The ledger's id.
    pub ledger: String,
    /// The namespace of the key: empty for HTTP.
    #[serde(default)]
    pub namespace: String,
    /// The idempotency key.
    pub key: String,
    /// The status of HTTP; `None` where no answer came.
    #[serde(default)]
    pub status: Option<u16>,
    /// The id of what was recorded, where it was acknowledged.
    #[serde(default)]
    pub id: Option<String>,
    /// The state that the answer named.
    #[serde(default)]
    pub state: Option<String>,
    /// Minor units.
    #[serde(default)]
    pub amount: Option<i64>,
}

impl Answer {
    /// Read JSON Lines, one answer a line; blank lines are none.
    ///
    /// # Errors
    /// A line is no answer; says which one, and why.
    pub fn read(lines: &str) -> Result<Vec<Answer>, String> {
        let lines = lines.lines().zip(1..).filter(|(line, _)| !line.trim().is_empty());
        let answer = |(line, number)| {
            serde_json::from_str(line).map_err(|error| format!("line {number}: {error}"))
        };
        lines.map(answer).collect()
    }

    fn is_acknowledged(&self) -> bool {
        self.status.is_some_and(|status| (200..300).contains(&status))
    }

    /// Refused for good: nothing of it may be anywhere.
    fn is_refused(&self) -> bool {
        self.status.is_some_and(|status| (400..500).contains(&status))
    }

    fn identity(&self) -> Identity<'_> {
        (&self.ledger, &self.namespace, &self.key)
    }
}

/// A ledger's id, a namespace, a key.
type Identity<'a> = (&'a str, &'a str, &'a str);

/// Check every answer, of the ledgers that were followed or that the database holds.
pub fn check(
    answers: &[Answer],
    wire: &[OnWire],
    held: Option<&[Ledger]>,
    findings: &mut Findings,
) {
    let messages = told(wire);
    let rows = held.map(recorded);
    // A key with an answer of another kind may be there because of that.
    let others = answers.iter().filter(|answer| !answer.is_refused());
    let others: HashSet<Identity<'_>> = others.map(Answer::identity).collect();
    let mut ids: HashMap<Identity<'_>, &str> = HashMap::new();
    for answer in answers {
        let identity = answer.identity();
        let message = messages.get(&identity);
        let row = rows.as_ref().and_then(|rows| rows.get(&identity));
        if answer.is_refused()
            && !others.contains(&identity)
            && (message.is_some() || row.is_some())
        {
            findings.tell("refused_applied", || {
                format!("{identity:?} was answered {:?}, and is there", answer.status)
            });
        }
        if !answer.is_acknowledged() {
            continue;
        }
        let id = answer.id.as_deref().unwrap_or_default();
        if let Some(first) = ids.insert(identity, id).filter(|first| *first != id) {
            findings.doubled("two_answers", || format!("{identity:?}: {first}, then {id}"));
        }
        if rows.is_some() {
            match row {
                Some((ledger, event)) => altered(answer, &of_row(ledger, event), findings),
                None => findings.lost("acknowledged_not_recorded", || format!("{answer:?}")),
            }
        }
        match message {
            Some(message) => altered(answer, &of_message(message), findings),
            None => {
                let row = rows.as_ref().map(|_| row.map(|(_, event)| event.seq));
                untold(answer, (wire, row), findings);
            }
        }
    }
}

/// What the wire or a row says of an acknowledged payment.
struct Said<'a> {
    place: &'static str,
    id: String,
    state: &'a str,
    amount: i64,
}

fn of_row<'a>(ledger: &Ledger, event: &Event) -> Said<'a> {
    let kind = Kind::of_number(event.kind);
    let (prefix, state) = kind.map_or(("", ""), |kind| (kind.prefix, kind.state));
    Said { place: "row", id: ledger.named(event, prefix), state, amount: event.amount }
}

fn of_message(message: &Message) -> Said<'_> {
    let body = &message.body;
    let state = body.state.as_deref().unwrap_or_default();
    Said { place: "message", id: body.id.clone(), state, amount: body.amount.unwrap_or_default() }
}

fn altered(answer: &Answer, said: &Said<'_>, findings: &mut Findings) {
    let Said { place, id, state, amount } = said;
    let told = (answer.id.as_deref(), answer.state.as_deref(), answer.amount);
    if told != (Some(id), Some(state), Some(*amount)) {
        findings.tell("acknowledged_altered", || {
            format!("{answer:?}, but its {place} says {id} {state} {amount}")
        });
    }
}

/// An acknowledged payment that is not on the wire. `row`: what the database, if it was asked, says
/// of it; then it was counted there already.
fn untold(answer: &Answer, (wire, row): (&[OnWire], Option<Option<u64>>), findings: &mut Findings) {
    let on_wire = wire.iter().find(|on_wire| on_wire.ledger == answer.ledger);
    let seq = row.flatten().unwrap_or(1);
    if on_wire.is_some_and(|on_wire| on_wire.may_be_deleted(seq)) {
        return;
    }
    let detail = || format!("{answer:?}");
    match row {
        Some(_) => findings.tell("acknowledged_not_told", detail),
        None => findings.lost("acknowledged_not_told", detail),
    }
}

fn told(wire: &[OnWire]) -> HashMap<Identity<'_>, &Message> {
    let of = |on_wire| {
        let OnWire { ledger, messages, .. }: &OnWire = on_wire;
        messages.iter().filter_map(|message| {
            let (namespace, key) = message.identity()?;
            Some(((&**ledger, namespace, key), message))
        })
    };
    wire.iter().flat_map(of).collect()
}

fn recorded(held: &[Ledger]) -> HashMap<Identity<'_>, (&Ledger, &Event)> {
    let of = |ledger| {
        let Ledger { id, events, .. }: &Ledger = ledger;
        events.iter().filter_map(move |event| {
            Some(((&**id, &*event.namespace, event.key.as_deref()?), (ledger, event)))
        })
    };
    held.iter().flat_map(of).collect()
}
