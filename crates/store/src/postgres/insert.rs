//! Appending rows to the log: one statement for many events.
//!
//! A column in which all rows are alike is sent as one value, any other as an array. Most steps are
//! of one kind, one currency and one moment, so that saves the server a fifth of its work.

use super::row::place;
use super::values::Values;
use semel_core::event::{Event, Side};
use semel_core::failure::Failure;
use tokio_postgres::types::ToSql;

/// Events, each with its key's slot.
pub(super) type Slotted<'a> = (&'a Event, Option<i64>);

/// The statement that appends `events`, which follow each other in the log, and its values.
pub(super) fn insert<'a>(
    ledger: u32,
    events: &'a [Slotted<'a>],
) -> Result<(String, Values<'a>), Failure> {
    let [Some(first), Some(last)] = [events.first(), events.last()] else {
        return Ok((String::new(), Vec::new()));
    };
    let no = |side: &Option<Side>| side.as_ref().map(|side| side.no as i64);
    let prev = |side: &Option<Side>| side.as_ref().map_or(0, |side| side.prev as i64);
    let mut insert = Insert {
        names: "pos".to_owned(),
        select: "generate_series($1::bigint, $2::bigint)".to_owned(),
        values: vec![Box::new(place(ledger, first.0.seq)?), Box::new(place(ledger, last.0.seq)?)],
        events,
    };
    insert.column("at", "bigint", |(event, _)| event.at);
    insert.column("slot", "bigint", |(_, slot)| *slot);
    insert.column("debit", "bigint", move |(event, _)| no(&event.debit));
    insert.column("credit", "bigint", move |(event, _)| no(&event.credit));
    insert.column("amount", "bigint", |(event, _)| event.amount);
    insert.column("debit_prev", "bigint", move |(event, _)| prev(&event.debit));
    insert.column("credit_prev", "bigint", move |(event, _)| prev(&event.credit));
    insert.column("ref", "bigint", |(event, _)| event.reference.map(|to| to.seq as i64));
    insert.column("kind", "smallint", |(event, _)| i16::from(event.kind.number()));
    insert.column("format", "smallint", |(event, _)| i16::from(event.format));
    insert.column("code", "smallint", |(event, _)| {
        event.decline.map_or(0, |decline| i16::from(decline.number()))
    });
    insert.column("currency", "text", |(event, _)| event.currency.code());
    insert.column("namespace", "text", |(event, _)| &*event.namespace);
    insert.column("key", "text", |(event, _)| event.key.as_deref());
    insert.column("extra", "text", |(event, _)| event.extra.as_deref());
    let Insert { names, select, values, .. } = insert;
    Ok((format!("INSERT INTO event ({names}) SELECT {select}"), values))
}

/// A statement on its way.
struct Insert<'a> {
    names: String,
    select: String,
    values: Values<'a>,
    events: &'a [Slotted<'a>],
}

impl<'a> Insert<'a> {
    fn column<V>(&mut self, name: &str, of: &str, value: impl Fn(&'a Slotted<'a>) -> V)
    where
        V: ToSql + PartialEq + Sync + Send + 'a,
    {
        let number = self.values.len() + 1;
        let mut values = Vec::with_capacity(self.events.len());
        values.extend(self.events.iter().map(value));
        let alike = values.windows(2).all(|pair| pair[0] == pair[1]);
        self.names += &format!(", {name}");
        match values.pop() {
            Some(value) if alike => {
                self.select += &format!(", ${number}::{of}");
                self.values.push(Box::new(value));
            }
            last => {
                values.extend(last);
                self.select += &format!(", unnest(${number}::{of}[])");
                self.values.push(Box::new(values));
            }
        }
    }
}
