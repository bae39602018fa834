//! Events that other processes appended are taken in before anything is decided.

use super::columns::{Columns, damaged};
use super::row::{self, accounts_by_no, all, place};
use crate::resident::{Late, Resident};
use crate::rows::Read;
use deadpool_postgres::ClientWrapper;
use semel_core::chain::Hash;
use semel_core::failure::Failure;
use semel_core::ledger::Position;

/// How many events are read at once.
const PAGE: i64 = 10_000;

/// Bring what is `known` of a ledger to `position`, which is locked: from where it stands, or else
/// from `accounts_seq`, up to where all rows of accounts have come.
pub(super) async fn catch_up(
    client: &ClientWrapper,
    ledger: u32,
    known: &mut Resident,
    position: Position,
    accounts_seq: u64,
) -> Result<(), Failure> {
    if known.position().is_some() && follow(client, ledger, known, position, false).await? {
        return Ok(());
    }
    // Where the chain stood then is not kept; nor is it needed, since nothing is compared.
    known.begin_anew(Position { next_seq: accounts_seq + 1, tail: Hash::ZERO });
    match follow(client, ledger, known, position, true).await? {
        true => Ok(()),
        false => Err(damaged(format!("accounts do not fit the events behind {accounts_seq}"))),
    }
}

/// Take in the events up to `position`. Whether they lead there.
async fn follow(
    client: &ClientWrapper,
    ledger: u32,
    known: &mut Resident,
    position: Position,
    anew: bool,
) -> Result<bool, Failure> {
    while let Some(at) = known.position()
        && at.next_seq < position.next_seq
    {
        let events = late(client, ledger, at.next_seq).await?;
        let unmet = known.unmet(&events);
        known.meet(accounts_by_no(client, ledger, &unmet).await?);
        if events.is_empty() || !events.iter().all(|late| known.follow(ledger, late)) {
            return Ok(false);
        }
    }
    Ok(known.stand(position, anew))
}

/// Events from `seq` on.
async fn late(client: &ClientWrapper, ledger: u32, seq: u64) -> Result<Vec<Late>, Failure> {
    const ASK: &str = "SELECT e.pos, e.at, e.kind, e.format, e.namespace, e.key, e.debit,
            e.credit, e.amount, e.currency, e.code, e.ref, e.debit_prev, e.credit_prev, e.extra,
            e.slot, CASE WHEN e.kind IN (8, 9) THEN p.amount ELSE 0 END
        FROM event e LEFT JOIN event p ON p.pos = (e.pos >> 40 << 40) + e.ref
        WHERE e.pos >= $1 AND e.pos < $2 ORDER BY e.pos";
    let last = seq.saturating_add(PAGE.unsigned_abs());
    let bounds = [place(ledger, seq)?, place(ledger, last)?];
    let read = |row: Columns<'_>| -> Read<Late> {
        let event = row::bare_event(row)?;
        Ok(Late { event, slot: row.optional_number(15)?, held: row.number(16)? })
    };
    all(client, ASK, &[&bounds[0], &bounds[1]], read).await
}
