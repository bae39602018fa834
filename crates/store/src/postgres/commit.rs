//! A step's second half: write the effects, move the cursor and the ledger, commit, in one round
//! trip. All of it, or nothing.
//!
//! The statements are sent together, so `COMMIT` runs before anybody looks at their answers. What
//! must hold is therefore said in the statements: a cursor that is not where it was becomes NULL,
//! which its column refuses; a row that should have been there and is not divides by zero. The
//! server then rolls the step back.

use super::Shared;
use super::classify::classify_commit;
use super::row::number;
use super::step::{LegClaim, NOW, Opened, is_free, prepared};
use super::values::{self, Refused, Values};
use crate::effects::end_of_log;
use crate::places::next_slot;
use deadpool_postgres::ClientWrapper;
use futures_util::future::join_all;
use semel_core::account::Account;
use semel_core::chain::Hash;
use semel_core::dead_letter::DeadLetter;
use semel_core::event::Event;
use semel_core::exactly_once::Cursor;
use semel_core::failure::{Failure, Stop};
use semel_core::ingest::Counts;
use semel_core::ledger::{Effect, Position};
use semel_core::payment::Identity;
use semel_core::problem::Code;
use std::collections::{HashMap, HashSet};
use tokio::join;
use tokio::time::timeout;
use tokio_postgres::Statement;
use tokio_postgres::types::ToSql;

/// Write `effects` and the cursor's move, and commit.
pub(super) async fn commit(
    shared: &Shared,
    ledger: u32,
    leg: Option<&LegClaim>,
    opened: Opened,
    effects: Vec<Effect>,
    to: Cursor,
) -> Result<(), Failure> {
    let Opened { session, mut memory, free } = opened;
    // Nothing is known of the ledger until the server has answered.
    let before = memory.depart();
    let before = before.ok_or_else(|| Stop::new(Code::StoreDefect, "no snapshot"))?;
    let after = end_of_log(before, &effects)?;
    let grouped = Grouped::of(&effects, with_slots(&session, &effects, free).await?);
    let mut writes = Writes { client: &session, all: Vec::new() };
    writes.effects(ledger, &grouped).await?;
    if let Some(leg) = leg {
        writes.cursor(leg, to, shared.leg_deadline()).await?;
    }
    if after != before {
        writes.ledger(ledger, before, after).await?;
    }
    let unknown = |_| Failure::Unknown("the database gave no answer to a commit".into());
    timeout(shared.trip_max(), writes.send()).await.map_err(unknown)??;
    drop(grouped);
    session.give_back();
    memory.remember(effects, after);
    shared.committed(ledger, after.next_seq - 1);
    Ok(())
}

/// The events that are appended, each with the slot of its key.
///
/// A slot was found free for each key. Two new keys of one step may have found the same; then the
/// later one goes on to the next that is free.
async fn with_slots<'a>(
    client: &ClientWrapper,
    effects: &'a [Effect],
    mut free: HashMap<Identity, i64>,
) -> Result<Vec<(&'a Event, Option<i64>)>, Failure> {
    let mut taken = HashSet::with_capacity(effects.len());
    let mut events = Vec::with_capacity(effects.len());
    for effect in effects {
        let Effect::Append(event) = effect else { continue };
        let Some(key) = &event.key else {
            events.push((&**event, None));
            continue;
        };
        let identity = Identity { namespace: event.namespace.clone(), key: key.clone() };
        let mut slot = free.remove(&identity).ok_or_else(|| {
            Stop::new(Code::IdentityBroken, format!("event {} repeats its key", event.seq))
        })?;
        while !taken.insert(slot) {
            slot = next_slot(slot);
            while !is_free(client, slot).await? {
                slot = next_slot(slot);
            }
        }
        events.push((&**event, Some(slot)));
    }
    Ok(events)
}

/// Effects by what writes them.
#[derive(Default)]
struct Grouped<'a> {
    events: Vec<(&'a Event, Option<i64>)>,
    anchors: Vec<(u64, &'a Hash)>,
    opened: Vec<&'a Account>,
    updated: Vec<&'a Account>,
    buried: Vec<&'a DeadLetter>,
    refused: Vec<Refused<'a>>,
    settled: Vec<i64>,
    counts: Vec<(&'a str, Counts)>,
}

impl<'a> Grouped<'a> {
    fn of(effects: &'a [Effect], events: Vec<(&'a Event, Option<i64>)>) -> Grouped<'a> {
        let mut all = Grouped { events, ..Grouped::default() };
        for effect in effects {
            match effect {
                // Appended with their slots; moved last.
                Effect::Append(_) | Effect::Move(_) => {}
                Effect::Anchor { seq, hash } => all.anchors.push((*seq, hash)),
                Effect::Open(account) => all.opened.push(account),
                Effect::Update(account) => all.updated.push(account),
                Effect::Bury(letter) => all.buried.push(letter),
                Effect::Refuse { letter, reason, detail, at } => all.refused.push(Refused {
                    letter: *letter,
                    reason: reason.as_str(),
                    detail,
                    at: *at,
                }),
                Effect::Settle(letter) => all.settled.push(*letter),
                Effect::Count(source, counts) => all.count(source, counts),
            }
        }
        // In the order of the table, so that each page is visited once.
        all.updated.sort_unstable_by_key(|account| account.no);
        all
    }

    fn count(&mut self, source: &'a str, counts: &Counts) {
        match self.counts.iter_mut().find(|(known, _)| *known == source) {
            Some((_, sum)) => sum.add(counts),
            None => self.counts.push((source, *counts)),
        }
    }
}

/// Statements with their values, to be sent together.
struct Writes<'a> {
    client: &'a ClientWrapper,
    all: Vec<(Statement, Values<'a>)>,
}

impl<'a> Writes<'a> {
    async fn effects(&mut self, ledger: u32, grouped: &'a Grouped<'_>) -> Result<(), Failure> {
        const ANCHOR: &str =
            "INSERT INTO anchor (pos, hash) SELECT unnest($1::bigint[]), unnest($2::bytea[])";
        let Grouped { events, anchors, opened, updated, .. } = grouped;
        let Grouped { buried, refused, settled, counts, .. } = grouped;
        if !events.is_empty() {
            self.add(values::INSERT_EVENTS, values::events(ledger, events)?).await?;
        }
        if !anchors.is_empty() {
            self.add(ANCHOR, values::anchors(ledger, anchors)?).await?;
        }
        if !opened.is_empty() {
            self.add(values::INSERT_ACCOUNTS, values::accounts(ledger, opened)?).await?;
        }
        if !updated.is_empty() {
            self.add(values::UPDATE_ACCOUNTS, values::account_totals(ledger, updated)?).await?;
        }
        if !buried.is_empty() {
            self.add(values::INSERT_LETTERS, values::letters(buried)?).await?;
        }
        if !refused.is_empty() {
            self.add(values::UPDATE_LETTERS, values::refused(refused)).await?;
        }
        if !settled.is_empty() {
            self.add(values::DELETE_LETTERS, vec![Box::new(settled)]).await?;
        }
        if !counts.is_empty() {
            self.add(values::ADD_COUNTS, values::counts(counts)).await?;
        }
        Ok(())
    }

    /// Move the cursor, if it still stands where the claim was told, and renew the claim.
    async fn cursor(&mut self, leg: &LegClaim, to: Cursor, lasts: i64) -> Result<(), Failure> {
        let ask = format!(
            "UPDATE leg SET tail = $3, hint = $4, until = {NOW} + $5,
                next = CASE WHEN claim = $6 AND next = $7 AND tail = $8 THEN $2::bigint END
             WHERE source = $1"
        );
        let from = leg.cursor;
        let values: Values<'a> = vec![
            Box::new(leg.source.to_string()),
            Box::new(number(to.next)?),
            Box::new(to.tail.0.to_vec()),
            Box::new(number(to.hint)?),
            Box::new(lasts),
            Box::new(leg.name.to_vec()),
            Box::new(number(from.next)?),
            Box::new(from.tail.0.to_vec()),
        ];
        self.add(&ask, values).await
    }

    /// The last write of a step: nobody moved the ledger since its row was locked.
    async fn ledger(&mut self, ledger: u32, from: Position, to: Position) -> Result<(), Failure> {
        const MOVE: &str = "WITH done AS (
                UPDATE ledger SET next_seq = $2, tail = $3
                WHERE no = $1 AND next_seq = $4 AND tail = $5 RETURNING 1)
            SELECT 1 / count(*) FROM done";
        let values: Values<'a> = vec![
            Box::new(i32::try_from(ledger).unwrap_or(i32::MAX)),
            Box::new(number(to.next_seq)?),
            Box::new(to.tail.0.to_vec()),
            Box::new(number(from.next_seq)?),
            Box::new(from.tail.0.to_vec()),
        ];
        self.add(MOVE, values).await
    }

    async fn add(&mut self, statement: &str, values: Values<'a>) -> Result<(), Failure> {
        self.all.push((prepared(self.client, statement).await?, values));
        Ok(())
    }

    /// Send all of them and `COMMIT`, in their order, and wait for all answers.
    async fn send(self) -> Result<(), Failure> {
        fn borrowed<'v>(values: &'v Values<'_>) -> Vec<&'v (dyn ToSql + Sync)> {
            values.iter().map(|value| &**value as &(dyn ToSql + Sync)).collect()
        }
        let values: Vec<_> = self.all.iter().map(|(_, values)| borrowed(values)).collect();
        let asked = self.all.iter().zip(&values);
        let sent = asked.map(|((statement, _), values)| self.client.query(statement, values));
        // Polled, so sent, from the first to the last: there are fewer than the thirty up to which
        // the library promises that.
        let (answers, committed) = join!(join_all(sent), self.client.batch_execute("COMMIT"));
        for answer in answers {
            answer.map_err(|error| classify_commit(&error))?;
        }
        committed.map_err(|error| classify_commit(&error))
    }
}
