//! The store's own limit: the rows of steps, written by the plainest loop there is.
//!
//! No look-up, no decision, no hash: one session with the store's settings and the store's
//! statements, each step one round trip from `BEGIN` to `COMMIT`. What is sent is encoded before
//! any clock runs. `semel bench` measures the real path against it in the same run.

use super::address::Address;
use super::classify::classify;
use super::commit::{Grouped, Writes, send};
use super::migrate;
use super::row::ledger_value;
use super::session::Sessions;
use super::settings;
use super::values::Values;
use crate::effects::end_of_log;
use crate::places::{next_slot, slot_of};
use bytes::BytesMut;
use deadpool_postgres::ClientWrapper;
use semel_core::account::Account;
use semel_core::event::Event;
use semel_core::failure::{Failure, Stop};
use semel_core::ledger::{Effect, Position};
use semel_core::problem::Code;
use std::collections::HashSet;
use std::error::Error;
use tokio::join;
use tokio_postgres::Statement;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};

/// A session that writes one ledger without thinking. For measurements only.
pub struct Bare {
    client: ClientWrapper,
    ledger: u32,
    /// Where the ledger stands once everything that is prepared is written.
    at: Position,
    slots: HashSet<i64>,
}

/// A step that is ready to be sent.
pub struct Rows(Vec<(Statement, Values<'static>)>);

impl Bare {
    /// A new ledger numbered `ledger` in the database at `url`, whose schema is made as needed.
    ///
    /// # Errors
    /// As [`super::Postgres::open`].
    pub async fn open(url: &str, ledger: u32) -> Result<Bare, Failure> {
        const INSERT: &str = "INSERT INTO ledger (no, id, next_seq, tail, accounts_seq, timeline)
            VALUES ($1, 'bare-' || $1::integer, 1, $2, 0, $3)";
        let sessions = Sessions::new(&Address::parse(url)?)?;
        let mut client = sessions.own().await?;
        migrate::migrate(&mut client).await?;
        let (at, history) = (Position::start("main"), settings::assert(&client).await?);
        let no = ledger_value(ledger);
        let made = client.execute(INSERT, &[&no, &&at.tail.0[..], &&*history]).await;
        made.map_err(|error| classify(&error))?;
        Ok(Bare { client, ledger, at, slots: HashSet::new() })
    }

    /// The step behind those that were prepared before, ready to be written.
    ///
    /// # Errors
    /// As every write.
    pub async fn prepare(&mut self, effects: &[Effect]) -> Result<Rows, Failure> {
        let after = end_of_log(self.at, effects)?;
        let (mut events, mut updated) = (Vec::new(), Vec::<Account>::new());
        for effect in effects {
            match effect {
                Effect::Append(event) => events.push((&**event, self.slot(event))),
                Effect::Update(account) => updated.push(account.clone()),
                _ => {}
            }
        }
        let grouped = Grouped::of(effects, events);
        let mut writes = Writes { client: &self.client, all: Vec::new() };
        writes.effects(self.ledger, &grouped).await?;
        writes.accounts(self.ledger, &updated).await?;
        writes.ledger(self.ledger, self.at, after, after.next_seq - 1).await?;
        let rows: Result<Vec<_>, Failure> = writes.all.into_iter().map(encoded).collect();
        self.at = after;
        Ok(Rows(rows?))
    }

    /// Write one step, in the order in which steps were prepared.
    ///
    /// # Errors
    /// As every write.
    pub async fn write(&self, rows: &Rows) -> Result<(), Failure> {
        let begin = async { self.client.batch_execute("BEGIN").await };
        // Sent in this order.
        let (begun, sent) = join!(begin, send(&self.client, &rows.0));
        begun.map_err(|error| classify(&error))?;
        sent
    }

    /// The first free slot of an event's key; what is free is known here without asking.
    fn slot(&mut self, event: &Event) -> Option<i64> {
        let mut slot = slot_of(self.ledger, event)?.slot;
        while !self.slots.insert(slot) {
            slot = next_slot(slot);
        }
        Some(slot)
    }
}

/// A statement with values that need no more work.
fn encoded(
    (statement, values): (Statement, Values<'_>),
) -> Result<(Statement, Values<'static>), Failure> {
    let mut all: Values<'static> = Vec::with_capacity(values.len());
    for (value, of) in values.iter().zip(statement.params()) {
        let mut bytes = BytesMut::new();
        let written = value.to_sql_checked(of, &mut bytes);
        let null = written.map_err(|error| Stop::new(Code::StoreDefect, error.to_string()))?;
        all.push(Box::new(Encoded { bytes, is_null: matches!(null, IsNull::Yes) }));
    }
    Ok((statement, all))
}

/// A value as it is sent.
#[derive(Debug)]
struct Encoded {
    bytes: BytesMut,
    is_null: bool,
}

impl ToSql for Encoded {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        out.extend_from_slice(&self.bytes);
        Ok(if self.is_null { IsNull::Yes } else { IsNull::No })
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}
