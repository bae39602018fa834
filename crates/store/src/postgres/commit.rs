//! A step's second half: write the effects, move the cursor and the ledger, commit, in one round
//! trip. All of it, or nothing.
//!
//! The statements are sent together, so `COMMIT` runs before anybody looks at their answers. What
//! must hold is therefore said in the statements: a cursor that is not where it was becomes NULL,
//! which its column refuses; a row that should have been there and is not divides by zero. The
//! server then rolls the step back.

use super::Shared;
use super::classify::classify_commit;
use super::insert::{Slotted, insert};
use super::row::{ledger_value, number, place};
use super::session::{ANSWER_MAX, within};
use super::step::{LegClaim, NOW, Opened, are_free, begin, carries, is_free, prepared};
use super::values::{self, Refused, Values};
use crate::effects::end_of_log;
use crate::places::next_slot;
use deadpool_postgres::ClientWrapper;
use futures_util::future::join_all;
use rustc_hash::{FxBuildHasher, FxHashSet};
use semel_core::account::Account;
use semel_core::chain::Hash;
use semel_core::dead_letter::DeadLetter;
use semel_core::exactly_once::Cursor;
use semel_core::failure::{Failure, Stop};
use semel_core::ingest::Counts;
use semel_core::ledger::{Effect, Keys, Position};
use semel_core::payment::Identity;
use semel_core::problem::Code;
use tokio::join;
use tokio::time::timeout;
use tokio_postgres::Statement;
use tokio_postgres::types::ToSql;

/// Events of one statement at least, and statements of events at most.
const EVENTS: usize = 1_024;
const CHUNKS: usize = 8;
/// Accounts that a step may write whatever it appends.
const ACCOUNTS_LEAST: usize = 256;
/// Accounts that a step writes that does nothing else.
const REST: usize = 2_000;

/// What ends a step.
pub(super) struct Ending<'a> {
    pub(super) leg: Option<&'a LegClaim>,
    /// What the step was opened for.
    pub(super) keys: Keys,
    pub(super) effects: Vec<Effect>,
    pub(super) to: Cursor,
}

/// Write the effects and the cursor's move, and commit.
pub(super) async fn commit(
    shared: &Shared,
    ledger: u32,
    opened: Opened,
    Ending { leg, keys, effects, to }: Ending<'_>,
) -> Result<(), Failure> {
    let Opened { session, known, accounts_seq, mut free, looked, change } = opened;
    let before =
        known.read().position().ok_or_else(|| Stop::new(Code::StoreDefect, "no snapshot"))?;
    let after = end_of_log(before, &effects)?;
    let asked = with_slots(&session, &effects, &keys.identities, &mut free);
    let events = within("the slots of a step", asked).await?;
    // What is left is of commands that append nothing, so that the unique index does not see their
    // keys. One of them may be known; then what it is told is wrong.
    let left: Vec<i64> = free.into_iter().flatten().collect();
    if !looked && !within("the slots of a step", are_free(&session, left)).await? {
        known.write().was_refused();
        return Err(Failure::Retryable("a key that was refused has to be looked up".into()));
    }
    let slots: Vec<i64> = events.iter().filter_map(|(_, slot)| *slot).collect();
    let due = known.read().due(&effects, after.next_seq, ACCOUNTS_LEAST + 2 * events.len());
    let grouped = Grouped::of(&effects, events);
    let mut writes = Writes { client: &session, all: Vec::new() };
    writes.effects(ledger, &grouped).await?;
    if let Some(leg) = leg {
        writes.cursor(leg, to, shared.leg_deadline()).await?;
    }
    if after != before {
        writes.accounts(ledger, &due.accounts).await?;
        writes.ledger(ledger, before, after, due.seq(after).max(accounts_seq)).await?;
    }
    match writes.send().await {
        Err(Failure::Permanent(stop)) if stop.code == Code::IdentityBroken && !looked => {
            known.write().was_refused();
            return Err(Failure::Retryable(format!("a key has to be looked up: {}", stop.detail)));
        }
        sent => sent?,
    }
    drop(grouped);
    session.give_back();
    change.iter().for_each(|change| change.tell(ledger));
    if after != before {
        known.write().arrive(effects, slots.into_iter(), &due, after);
    }
    shared.committed(ledger, after.next_seq - 1);
    Ok(())
}

/// Write the accounts of a ledger whose rows lag behind the log, in steps of their own, for as long
/// as its log stands still before the seq `next`.
pub(super) async fn write_accounts(shared: &Shared, ledger: u32, next: u64) -> Result<(), Failure> {
    loop {
        let (opened, snapshot) = begin(shared, ledger, None, Keys::default()).await?;
        let Opened { session, known, accounts_seq, change, .. } = opened;
        let (due, at) = (known.read().rest(REST), snapshot.position);
        if due.accounts.is_empty() || at.next_seq != next {
            // Nothing happened in it, and its session is closed.
            return Ok(());
        }
        let mut writes = Writes { client: &session, all: Vec::new() };
        writes.accounts(ledger, &due.accounts).await?;
        writes.ledger(ledger, at, at, due.seq(at).max(accounts_seq)).await?;
        writes.send().await?;
        session.give_back();
        change.iter().for_each(|change| change.tell(ledger));
        known.write().arrive(Vec::new(), std::iter::empty(), &due, at);
        if known.read().is_written() {
            return Ok(());
        }
    }
}

/// The events that are appended, each with the slot of its key, which is taken out of `free`.
///
/// A slot was found free for each key. Two new keys of one step may have found the same; then the
/// later one goes on to the next that is free.
async fn with_slots<'a>(
    client: &ClientWrapper,
    effects: &'a [Effect],
    identities: &[(Identity, i64)],
    free: &mut [Option<i64>],
) -> Result<Vec<Slotted<'a>>, Failure> {
    let mut taken = FxHashSet::with_capacity_and_hasher(effects.len(), FxBuildHasher);
    let mut events = Vec::with_capacity(effects.len());
    // Events come in the order in which their keys were named, or nearly so.
    let mut next = 0;
    for effect in effects {
        let Effect::Append(event) = effect else { continue };
        if event.key.is_none() {
            events.push((&**event, None));
            continue;
        }
        let mut all = (next..free.len()).chain(0..next);
        let found = all.find(|at| free[*at].is_some() && carries(event, &identities[*at].0));
        let mut slot = found.and_then(|at| free[at].take()).ok_or_else(|| {
            Stop::new(Code::IdentityBroken, format!("event {} repeats its key", event.seq))
        })?;
        next = found.map_or(next, |at| at + 1);
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
pub(super) struct Grouped<'a> {
    events: Vec<Slotted<'a>>,
    anchors: Vec<(u64, &'a Hash)>,
    opened: Vec<&'a Account>,
    buried: Vec<&'a DeadLetter>,
    refused: Vec<Refused<'a>>,
    settled: Vec<i64>,
    counts: Vec<(&'a str, Counts)>,
}

impl<'a> Grouped<'a> {
    pub(super) fn of(effects: &'a [Effect], events: Vec<Slotted<'a>>) -> Grouped<'a> {
        let mut all = Grouped { events, ..Grouped::default() };
        for effect in effects {
            match effect {
                // Appended with their slots; written when they are due; moved last.
                Effect::Append(_) | Effect::Update(_) | Effect::Move(_) => {}
                Effect::Anchor { seq, hash } => all.anchors.push((*seq, hash)),
                Effect::Open(account) => all.opened.push(account),
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
pub(super) struct Writes<'a> {
    pub(super) client: &'a ClientWrapper,
    pub(super) all: Vec<(Statement, Values<'a>)>,
}

impl<'a> Writes<'a> {
    pub(super) async fn effects(
        &mut self,
        ledger: u32,
        grouped: &'a Grouped<'_>,
    ) -> Result<(), Failure> {
        const ANCHOR: &str =
            "INSERT INTO anchor (pos, hash) SELECT unnest($1::bigint[]), unnest($2::bytea[])";
        let Grouped { events, anchors, opened, .. } = grouped;
        let Grouped { buried, refused, settled, counts, .. } = grouped;
        // In several statements, so that the server works on one while the next is encoded.
        for some in events.chunks(EVENTS.max(events.len().div_ceil(CHUNKS))) {
            let (statement, values) = insert(ledger, some)?;
            self.add(&statement, values).await?;
        }
        if !anchors.is_empty() {
            self.add(ANCHOR, values::anchors(ledger, anchors)?).await?;
        }
        if !opened.is_empty() {
            self.add(values::INSERT_ACCOUNTS, values::accounts(ledger, opened)?).await?;
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

    /// Accounts in the order of the table, so that each page is visited once.
    pub(super) async fn accounts(
        &mut self,
        ledger: u32,
        due: &'a [Account],
    ) -> Result<(), Failure> {
        match due.is_empty() {
            true => Ok(()),
            false => self.add(values::UPDATE_ACCOUNTS, values::account_totals(ledger, due)?).await,
        }
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
    pub(super) async fn ledger(
        &mut self,
        ledger: u32,
        from: Position,
        to: Position,
        accounts_seq: u64,
    ) -> Result<(), Failure> {
        const MOVE: &str = "WITH done AS (
                UPDATE ledger SET next_seq = $2, tail = $3, accounts_seq = $6
                WHERE no = $1 AND next_seq = $4 AND tail = $5
                    AND ($2 = $4 OR EXISTS (SELECT FROM event WHERE pos = $7)) RETURNING 1)
            SELECT 1 / count(*) FROM done";
        let values: Values<'a> = vec![
            Box::new(ledger_value(ledger)),
            Box::new(number(to.next_seq)?),
            Box::new(to.tail.0.to_vec()),
            Box::new(number(from.next_seq)?),
            Box::new(from.tail.0.to_vec()),
            Box::new(number(accounts_seq)?),
            // The last row has to be there: what was not sent must not be passed.
            Box::new(place(ledger, to.next_seq - 1)?),
        ];
        self.add(MOVE, values).await
    }

    async fn add(&mut self, statement: &str, values: Values<'a>) -> Result<(), Failure> {
        let asked = prepared(self.client, statement);
        let statement = within("a statement of a step", asked).await?;
        self.all.push((statement, values));
        Ok(())
    }

    /// Send all of them and `COMMIT`, in their order, and wait for all answers.
    async fn send(self) -> Result<(), Failure> {
        let unknown = |_| Failure::Unknown("the database gave no answer to a commit".into());
        timeout(ANSWER_MAX, send(self.client, &self.all)).await.map_err(unknown)?
    }
}

/// Send `all` and `COMMIT`.
pub(super) async fn send(
    client: &ClientWrapper,
    all: &[(Statement, Values<'_>)],
) -> Result<(), Failure> {
    fn borrowed<'v>(values: &'v Values<'_>) -> Vec<&'v (dyn ToSql + Sync)> {
        values.iter().map(|value| &**value as &(dyn ToSql + Sync)).collect()
    }
    let values: Vec<_> = all.iter().map(|(_, values)| borrowed(values)).collect();
    let asked = all.iter().zip(&values);
    let sent = asked.map(|((statement, _), values)| client.query(statement, values));
    // Polled, so sent, from the first to the last: there are fewer than the thirty up to which
    // the library promises that.
    let (answers, committed) = join!(join_all(sent), client.batch_execute("COMMIT"));
    for answer in answers {
        answer.map_err(|error| classify_commit(&error))?;
    }
    committed.map_err(|error| classify_commit(&error))
}
