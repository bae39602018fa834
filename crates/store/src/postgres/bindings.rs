//! What is written besides steps: ledgers by name, sources bound to them.
//!
//! What a caller asks for wrongly here is refused, and the store goes on: a source of another
//! ingest, one ledger too many.

use super::Shared;
use super::columns::Columns;
use super::row::{self, LEDGER_BY_ID, number, one};
use super::session::within;
use crate::rows::{Binding, Ledger};
use semel_core::exactly_once::Cursor;
use semel_core::failure::{Failure, Stop};
use semel_core::id::LEDGER_MAX;
use semel_core::ledger::Position;
use semel_core::problem::Code;

/// The ledger named `id`, made if there is none.
pub(super) async fn ledger(shared: &Shared, id: &str) -> Result<Ledger, Failure> {
    // Two processes may choose one number for two ledgers; then the later one chooses again.
    const INSERT: &str = "INSERT INTO ledger (no, id, next_seq, tail, accounts_seq, timeline)
        SELECT coalesce(max(no), 0) + 1, $1, 1, $2, 0, $3 FROM ledger
        HAVING coalesce(max(no), 0) < $4
        ON CONFLICT DO NOTHING";
    const LAST: &str = "SELECT coalesce(max(no), 0) FROM ledger";
    let session = shared.sessions.lend().await?;
    let start = Position::start(id).tail.0;
    let last = row::ledger_value(LEDGER_MAX);
    let ledger = loop {
        if let Some(ledger) = one(&session, LEDGER_BY_ID, &[&id], row::ledger).await? {
            break ledger;
        }
        let values: &row::Params<'_> = &[&id, &&start[..], &&*session.history, &last];
        row::rows(&session, INSERT, values).await?;
        let made = one(&session, LAST, &[], |row: Columns<'_>| row::ledger_no(row, 0)).await?;
        let known = one(&session, LEDGER_BY_ID, &[&id], row::ledger).await?;
        if made >= Some(LEDGER_MAX) && known.is_none() {
            let detail = format!("a store has no more than {LEDGER_MAX} ledgers");
            return Err(Stop::new(Code::Configuration, detail).into());
        }
    };
    session.give_back();
    shared.reached(ledger.no, ledger.position.next_seq - 1);
    Ok(ledger)
}

/// Bind a source to a ledger and an ingest; a name for the owner of its claims.
pub(super) async fn bind(
    shared: &Shared,
    ledger: u32,
    binding: &Binding,
) -> Result<[u8; 16], Failure> {
    const BIND: &str = "INSERT INTO leg
            (source, ledger, ingest, file, mapping, next, tail, hint, until)
        SELECT $1, no, $3, $4, $5, $6, $7, $8, 0 FROM ledger WHERE no = $2
        ON CONFLICT (source) DO UPDATE SET mapping = excluded.mapping, file = excluded.file
            WHERE leg.ledger = excluded.ledger AND leg.ingest = excluded.ingest
        RETURNING uuid_send(gen_random_uuid())";
    const OWNER: &str = "SELECT leg.ingest, ledger.id FROM leg
        JOIN ledger ON ledger.no = leg.ledger WHERE source = $1";
    let Binding { source, ingest, file, mapping, start } = binding;
    let Cursor { next, tail, hint } = *start;
    let (next, hint, no) = (number(next)?, number(hint)?, i32::try_from(ledger).ok());
    let values: &row::Params<'_> =
        &[&&**source, &no, &&**ingest, &&**file, &&**mapping, &next, &&tail.0[..], &hint];
    let session = shared.sessions.lend().await?;
    let bound = one(&session, BIND, values, |row| row.name(0)).await?;
    let owner = match bound {
        Some(_) => None,
        None => {
            let names = |row: Columns<'_>| Ok((row.owned(0)?, row.owned(1)?));
            one(&session, OWNER, &[&&**source], names).await?
        }
    };
    session.give_back();
    match (bound, owner) {
        (Some(name), _) => Ok(name),
        (None, Some((ingest, ledger))) => {
            let detail = format!("{source} belongs to the ingest {ingest} of the ledger {ledger}");
            Err(Stop::new(Code::SourceBound, detail).into())
        }
        (None, None) => {
            let detail = format!("there is no ledger numbered {ledger}");
            Err(Stop::new(Code::NotFound, detail).into())
        }
    }
}

/// Give up all claims of this process, so that nobody has to wait until they run out. What cannot
/// be given up runs out.
pub(super) async fn release(shared: &Shared) {
    const RELEASE: &str = "UPDATE leg SET until = 0
        FROM (SELECT unnest($1::text[]) AS source, unnest($2::bytea[]) AS owner) AS own
        WHERE leg.source = own.source AND leg.owner = own.owner";
    let owners =
        std::mem::take(&mut *shared.owners.lock().expect("nobody panics while holding it"));
    if owners.is_empty() {
        return;
    }
    let (sources, owners): (Vec<&str>, Vec<&[u8]>) =
        owners.iter().map(|(source, owner)| (&**source, &owner[..])).unzip();
    let released = async {
        let session = shared.sessions.lend().await?;
        row::rows(&session, RELEASE, &[&sources, &owners]).await?;
        session.give_back();
        Ok::<_, Failure>(())
    };
    if let Err(failure) = within("the release of claims", released).await {
        tracing::warn!(%failure, "claims were not given up and run out by themselves");
    }
}
