//! Appending rows to the log: one statement for many events.
//!
//! A column in which all rows are alike, as most are in kind, currency and moment, is sent as one
//! value in large steps, any other as an array. A small step has arrays alone: each shape of the
//! statement is prepared and kept by every session.

use super::row::place;
use super::values::Values;
use semel_core::event::{Event, Side};
use semel_core::failure::Failure;
use tokio_postgres::types::ToSql;

/// Events of a step in which it is worth looking what they share.
const MANY: usize = 64;

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
    insert.alike("at", "bigint", |(event, _)| event.at);
    insert.column("slot", "bigint", |(_, slot)| *slot);
    insert.column("debit", "bigint", move |(event, _)| no(&event.debit));
    insert.column("credit", "bigint", move |(event, _)| no(&event.credit));
    insert.column("amount", "bigint", |(event, _)| event.amount);
    insert.column("debit_prev", "bigint", move |(event, _)| prev(&event.debit));
    insert.column("credit_prev", "bigint", move |(event, _)| prev(&event.credit));
    insert.alike("ref", "bigint", |(event, _)| event.reference.map(|to| to.seq as i64));
    insert.alike("kind", "smallint", |(event, _)| i16::from(event.kind.number()));
    insert.alike("format", "smallint", |(event, _)| i16::from(event.format));
    insert.alike("code", "smallint", |(event, _)| {
        event.decline.map_or(0, |decline| i16::from(decline.number()))
    });
    insert.alike("currency", "text", |(event, _)| event.currency.code());
    insert.alike("namespace", "text", |(event, _)| &*event.namespace);
    insert.column("key", "text", |(event, _)| event.key.as_deref());
    insert.alike("extra", "text", |(event, _)| event.extra.as_deref());
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
    /// A column in which rows differ.
    fn column<V>(&mut self, name: &str, of: &str, value: impl Fn(&'a Slotted<'a>) -> V)
    where
        V: ToSql + Sync + Send + 'a,
    {
        let values: Vec<V> = self.events.iter().map(value).collect();
        self.add(name, &|number| format!("unnest(${number}::{of}[])"), Box::new(values));
    }

    /// A column in which rows are mostly alike.
    fn alike<V>(&mut self, name: &str, of: &str, value: impl Fn(&'a Slotted<'a>) -> V)
    where
        V: ToSql + PartialEq + Sync + Send + 'a,
    {
        let mut each = self.events.iter().map(&value);
        let first = each.next().filter(|_| self.events.len() >= MANY);
        match first.filter(|first| each.all(|other| other == *first)) {
            Some(shared) => self.add(name, &|number| format!("${number}::{of}"), Box::new(shared)),
            None => self.column(name, of, value),
        }
    }

    fn add(
        &mut self,
        name: &str,
        select: &dyn Fn(usize) -> String,
        values: Box<dyn ToSql + Sync + Send + 'a>,
    ) {
        self.names += &format!(", {name}");
        self.select += &format!(", {}", select(self.values.len() + 1));
        self.values.push(values);
    }
}
