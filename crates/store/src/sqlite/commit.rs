//! A step's second half: write the effects, move the cursor, commit. All of it, or nothing.

use super::classify::{classify, classify_commit};
use super::memory::Memory;
use super::row::{self, pos};
use super::step::LegClaim;
use super::writer::Writer;
use crate::effects::{end_of_log, headers_json};
use crate::places::overdraft_number;
use rusqlite::{Connection, params};
use semel_core::account::Account;
use semel_core::dead_letter::DeadLetter;
use semel_core::event::Event;
use semel_core::exactly_once::Cursor;
use semel_core::failure::{Failure, Stop};
use semel_core::ingest::Counts;
use semel_core::ledger::{Effect, Position};
use semel_core::problem::Code;
use tokio::sync::oneshot;

/// What ends a step.
pub(super) struct Commit {
    pub(super) effects: Vec<Effect>,
    pub(super) to: Cursor,
    pub(super) answer: oneshot::Sender<Result<(), Failure>>,
}

impl Writer {
    /// Write `effects` and the cursor's move, and commit. On failure the caller rolls back and
    /// forgets `memory`.
    pub(super) fn commit(
        &mut self,
        ledger: u32,
        leg: Option<&LegClaim>,
        memory: &mut Memory,
        effects: Vec<Effect>,
        to: Cursor,
    ) -> Result<(), Failure> {
        // As the snapshot told it: whatever was decided was decided from there.
        let before =
            memory.position().ok_or_else(|| Stop::new(Code::StoreDefect, "no snapshot"))?;
        let after = end_of_log(before, &effects)?;
        write(&self.conn, ledger, &effects).map_err(|error| classify(&error))?;
        if let Some(leg) = leg {
            self.move_cursor(leg, to)?;
        }
        memory.remember(&self.conn, ledger, effects, after)?;
        if after != before {
            move_ledger(&self.conn, ledger, before, after, memory.keys.indexed_seq())?;
        }
        self.conn.execute_batch("COMMIT").map_err(|error| {
            // The disk failed: nothing more may be written on top of what it may have kept.
            if let Failure::Permanent(stop) = classify(&error) {
                self.stop(stop);
            }
            classify_commit(&error)
        })
    }

    fn move_cursor(&self, leg: &LegClaim, to: Cursor) -> Result<(), Failure> {
        const MOVE: &str = "UPDATE leg SET next = ?3, tail = ?4, hint = ?5, until = ?6
            WHERE source = ?1 AND claim = ?2 AND next = ?7 AND tail = ?8";
        let Cursor { next, tail, .. } = leg.cursor;
        let (_, until) = self.now_and_deadline();
        let moved = self.conn.prepare_cached(MOVE).and_then(|mut move_to| {
            let (source, name) = (&leg.source, leg.name);
            let (to_next, to_hint) = (row::sql(to.next)?, row::sql(to.hint)?);
            let from = row::sql(next)?;
            let row = params![source, name, to_next, to.tail.0, to_hint, until, from, tail.0];
            move_to.execute(row)
        });
        match moved.map_err(|error| classify(&error))? {
            1 => Ok(()),
            _ => Err(Failure::Fenced),
        }
    }
}

/// The last write of a step: nobody moved the ledger since its row was locked.
fn move_ledger(
    conn: &Connection,
    ledger: u32,
    from: Position,
    to: Position,
    indexed_seq: u64,
) -> Result<(), Failure> {
    const MOVE: &str = "UPDATE ledger SET next_seq = ?2, tail = ?3, indexed_seq = ?4
        WHERE no = ?1 AND next_seq = ?5 AND tail = ?6";
    let moved = conn.prepare_cached(MOVE).and_then(|mut move_to| {
        let (next, indexed) = (row::sql(to.next_seq)?, row::sql(indexed_seq)?);
        let before = row::sql(from.next_seq)?;
        move_to.execute(params![ledger, next, to.tail.0, indexed, before, from.tail.0])
    });
    match moved.map_err(|error| classify(&error))? {
        1 => Ok(()),
        _ => Err(Stop::new(Code::StoreDefect, "the ledger moved under its lock").into()),
    }
}

pub(super) fn write(conn: &Connection, ledger: u32, effects: &[Effect]) -> rusqlite::Result<()> {
    append(conn, ledger, effects)?;
    for effect in effects {
        match effect {
            // Appended above; moved last.
            Effect::Append(_) | Effect::Update(_) | Effect::Move(_) => {}
            Effect::Anchor { seq, hash } => {
                let mut insert =
                    conn.prepare_cached("INSERT INTO anchor (pos, hash) VALUES (?1, ?2)")?;
                insert.execute(params![pos(ledger, *seq)?, hash.0])?;
            }
            Effect::Open(account) => open_account(conn, ledger, account)?,
            Effect::Bury(letter) => bury(conn, letter)?,
            Effect::Refuse { letter, reason, detail, at } => {
                let mut update = conn.prepare_cached(
                    "UPDATE dead_letter SET reason = ?2, detail = ?3, last_failed_at = ?4,
                        attempts = attempts + 1 WHERE id = ?1",
                )?;
                one(update.execute(params![letter, reason.as_str(), detail, at])?)?;
            }
            Effect::Settle(letter) => {
                let mut delete = conn.prepare_cached("DELETE FROM dead_letter WHERE id = ?1")?;
                one(delete.execute([letter])?)?;
            }
            Effect::Count(source, counts) => count(conn, source, counts)?,
        }
    }
    update_accounts(conn, ledger, effects)
}

/// What a statement changed must be one row: the one that the snapshot saw under the same lock.
fn one(changed: usize) -> rusqlite::Result<()> {
    match changed {
        1 => Ok(()),
        changed => Err(rusqlite::Error::StatementChangedRows(changed)),
    }
}

fn append(conn: &Connection, ledger: u32, effects: &[Effect]) -> rusqlite::Result<()> {
    const INSERT: &str = "INSERT INTO event (pos, at, kind, format, namespace, key, debit, credit,
            amount, currency, code, ref, debit_prev, credit_prev, extra)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)";
    let mut insert = conn.prepare_cached(INSERT)?;
    for effect in effects {
        let Effect::Append(event) = effect else { continue };
        let Event { at, format, namespace, key, amount, currency, extra, .. } = &**event;
        let (debit, credit) = (event.debit.as_ref(), event.credit.as_ref());
        insert.execute(params![
            pos(ledger, event.seq)?,
            at,
            event.kind.number(),
            format,
            namespace,
            key,
            debit.map(|side| side.no as i64),
            credit.map(|side| side.no as i64),
            amount,
            currency.code(),
            event.decline.map_or(0, |decline| decline.number()),
            event.reference.map(|reference| reference.seq as i64),
            debit.map_or(0, |side| side.prev as i64),
            credit.map_or(0, |side| side.prev as i64),
            extra,
        ])?;
    }
    Ok(())
}

fn open_account(conn: &Connection, ledger: u32, account: &Account) -> rusqlite::Result<()> {
    const INSERT: &str =
        "INSERT INTO account (pos, ledger, id, currency, overdraft, closed, debits,
            credits, pending_debits, pending_credits, last_seq)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";
    let totals = &account.totals;
    conn.prepare_cached(INSERT)?.execute(params![
        pos(ledger, account.no)?,
        ledger,
        account.id,
        account.currency.code(),
        overdraft_number(account.overdraft),
        account.closed,
        totals.debits,
        totals.credits,
        totals.pending_debits,
        totals.pending_credits,
        row::sql(account.last_seq)?,
    ])?;
    Ok(())
}

fn update_accounts(conn: &Connection, ledger: u32, effects: &[Effect]) -> rusqlite::Result<()> {
    const UPDATE: &str = "UPDATE account SET closed = ?2, debits = ?3, credits = ?4,
            pending_debits = ?5, pending_credits = ?6, last_seq = ?7 WHERE pos = ?1";
    let updated = effects.iter().filter_map(|effect| match effect {
        Effect::Update(account) => Some(account),
        _ => None,
    });
    // In the order of the table, so that each page is visited once.
    let mut accounts: Vec<&Account> = updated.collect();
    accounts.sort_unstable_by_key(|account| account.no);
    let mut update = conn.prepare_cached(UPDATE)?;
    for account in accounts {
        let totals = &account.totals;
        one(update.execute(params![
            pos(ledger, account.no)?,
            account.closed,
            totals.debits,
            totals.credits,
            totals.pending_debits,
            totals.pending_credits,
            row::sql(account.last_seq)?,
        ])?)?;
    }
    Ok(())
}

fn bury(conn: &Connection, letter: &DeadLetter) -> rusqlite::Result<()> {
    const INSERT: &str =
        "INSERT INTO dead_letter (source, line, reason, detail, key, value, headers,
            masked, first_failed_at, last_failed_at, attempts, digest)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?9, 1, ?10)";
    conn.prepare_cached(INSERT)?.execute(params![
        letter.source,
        row::sql(letter.line)?,
        letter.reason.as_str(),
        letter.detail,
        letter.raw.key,
        letter.raw.value,
        headers_json(&letter.raw.headers),
        letter.masked,
        letter.at,
        letter.digest().0,
    ])?;
    Ok(())
}

fn count(conn: &Connection, source: &str, counts: &Counts) -> rusqlite::Result<()> {
    const ADD: &str = "UPDATE leg SET read = read + ?2, accepted = accepted + ?3,
            succeeded = succeeded + ?4, declined = declined + ?5, duplicates = duplicates + ?6,
            conflicts = conflicts + ?7, dead_letters = dead_letters + ?8,
            discarded = discarded + ?9
        WHERE source = ?1";
    let [read, accepted, succeeded, declined, duplicates, conflicts, dead_letters] =
        counts.named().map(|(_, count)| count);
    one(conn.prepare_cached(ADD)?.execute(params![
        source,
        read,
        accepted,
        succeeded,
        declined,
        duplicates,
        conflicts,
        dead_letters,
        counts.discarded,
    ])?)
}
