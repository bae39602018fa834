//! Events that rows of accounts do not show yet: others appended them, or nobody wrote them there
//! so far.

use super::columns::Columns;
use super::memory::Turn;
use super::row::{self, accounts_by_no, all, ledger_value, number, one, place};
use super::session::{Session, within};
use crate::decode::Decoder;
use crate::resident::{CatchUp, FAR, Late, Next, Stand, chained, raise};
use crate::rows::Read;
use deadpool_postgres::ClientWrapper;
use semel_core::account::Account;
use semel_core::chain::Hash;
use semel_core::failure::Failure;
use semel_core::ledger::Position;
use std::collections::BTreeSet;
use std::ops::Range;

/// How many events are read at once.
const PAGE: u64 = 2_000;

/// The columns of [`late`]; the first fifteen are an event's.
const LATE: &str = "SELECT e.pos, e.at, e.kind, e.format, e.namespace, e.key, e.debit, e.credit,
        e.amount, e.currency, e.code, e.ref, e.debit_prev, e.credit_prev, e.extra, e.slot,
        CASE WHEN e.kind IN (8, 9) THEN p.amount ELSE 0 END
    FROM event e LEFT JOIN event p ON p.pos = (e.pos >> 40 << 40) + e.ref
    WHERE e.pos >= $1 AND e.pos < $2 ";

/// Take in what others wrote, without the lock, until little is left: events never change, and rows
/// say how far they have come. `head` is about where the log ends, if anybody has looked.
///
/// What is taken in by mistake, while a server goes back in time, does not lead to the log's end,
/// which is seen under the lock. What is cut off is gone on with the next time.
pub(super) async fn read_ahead(
    client: &Session,
    ledger: u32,
    known: &Turn,
    head: u64,
) -> Result<(), Failure> {
    let is_near = |next_seq: u64| {
        let known = known.read();
        !known.is_blank() && next_seq <= known.next_seq() + FAR
    };
    if is_near(head) {
        return Ok(());
    }
    // So often that what comes in meanwhile is little, unless it comes faster than it is read.
    for _ in 0..5 {
        let asked = stand(client, ledger);
        let Some(stand) = within("a ledger's end", asked).await? else { break };
        let is_last = is_near(stand.position.next_seq);
        known.write().rows_came_to(stand.accounts_seq);
        let way = CatchUp::ahead(&known.read(), ledger, stand);
        match follow(client, ledger, known, way).await {
            // A suspicion; whoever has the lock will see.
            Err(Failure::Permanent(_)) => break,
            followed => followed?,
        }
        if is_last {
            break;
        }
    }
    Ok(())
}

/// Bring what is `known` of a ledger to where it stands, which is locked.
pub(super) async fn catch_up(
    client: &ClientWrapper,
    ledger: u32,
    known: &Turn,
    stand: Stand,
) -> Result<(), Failure> {
    let way = CatchUp::new(&known.read(), ledger, stand);
    follow(client, ledger, known, way).await
}

async fn follow(
    client: &ClientWrapper,
    ledger: u32,
    known: &Turn,
    mut way: CatchUp,
) -> Result<(), Failure> {
    loop {
        let next = way.next(&mut known.write())?;
        match next {
            Next::Here => return Ok(()),
            Next::Events(from) => {
                let page = page(client, ledger, known, from);
                let (late, met) = within("what others wrote", page).await?;
                way.take(&mut known.write(), &late, met);
            }
            Next::Prove(seq) => {
                let tail = within("an anchor", tail_at(client, ledger, seq)).await?;
                way.prove(tail);
            }
            Next::Begin(next_seq) => {
                let tail = within("an anchor", tail_at(client, ledger, next_seq)).await?;
                way.begin(&mut known.write(), Position { next_seq, tail });
            }
        }
    }
}

/// Where a ledger stands at the moment; `None` when there is no such ledger.
async fn stand(client: &Session, ledger: u32) -> Result<Option<Stand>, Failure> {
    const ASK: &str = "SELECT next_seq, tail, accounts_seq FROM ledger WHERE no = $1";
    one(client, ASK, &[&ledger_value(ledger)], |row| {
        let (position, accounts_seq) = (row::position(row, 0)?, row.natural(2)?);
        Ok(Stand { position, accounts_seq, history: client.history.clone() })
    })
    .await
}

/// The chain's hash before the event numbered `next_seq`: from the last anchor on, as the log has
/// it now.
async fn tail_at(client: &ClientWrapper, ledger: u32, next_seq: u64) -> Result<Hash, Failure> {
    const ANCHOR: &str = "SELECT pos, hash FROM anchor WHERE pos >= $1 AND pos < $2
        ORDER BY pos DESC LIMIT 1";
    const NAME: &str = "SELECT id FROM ledger WHERE no = $1";
    let [start, end] = [place(ledger, 0)?, place(ledger, next_seq)?];
    let read = |row: Columns<'_>| Ok((row.number(0)?, row.hash(1)?));
    let (anchored, tail) = match one(client, ANCHOR, &[&start, &end], read).await? {
        Some(anchor) => anchor,
        None => {
            let no = ledger_value(ledger);
            let name = one(client, NAME, &[&no], |row| row.owned(0)).await?;
            (start, Position::start(&name.unwrap_or_else(|| "".into())).tail)
        }
    };
    let late = between(client, anchored + 1, end).await?;
    Ok(chained(tail, ledger, late.iter().map(|late| &late.event)))
}

/// The events from the seq `from` on, and the rows of accounts that they concern and that are not
/// known.
async fn page(
    client: &ClientWrapper,
    ledger: u32,
    known: &Turn,
    from: u64,
) -> Result<(Vec<Late>, Vec<Account>), Failure> {
    let [first, end] = [place(ledger, from)?, place(ledger, from.saturating_add(PAGE))?];
    let late = between(client, first, end).await?;
    let unmet = known.read().unmet(&late);
    let met = accounts_by_no(client, ledger, &unmet).await?;
    Ok((late, met))
}

/// Bring `accounts`, whose rows were read at the end of `seqs`, up to the events numbered so;
/// the numbers of those that do not fit their events, which are left as they are there.
pub(super) async fn exact(
    client: &ClientWrapper,
    ledger: u32,
    mut accounts: Vec<Account>,
    seqs: Range<u64>,
) -> Result<(Vec<Account>, BTreeSet<u64>), Failure> {
    if accounts.is_empty() || seqs.is_empty() {
        return Ok((accounts, BTreeSet::new()));
    }
    let ask = format!(
        "{LATE} AND (e.debit IN (SELECT unnest($3::bigint[]))
            OR e.credit IN (SELECT unnest($3::bigint[]))) ORDER BY e.pos"
    );
    let [first, end] = [place(ledger, seqs.start)?, place(ledger, seqs.end)?];
    let numbers: Result<Vec<i64>, Failure> =
        accounts.iter().map(|account| number(account.no)).collect();
    let late = all(client, &ask, &[&first, &end, &numbers?], reading()).await?;
    let astray = raise(&mut accounts, &late);
    Ok((accounts, astray))
}

/// The events from the place `first` on and before the place `end`, in order.
pub(super) async fn between(
    client: &ClientWrapper,
    first: i64,
    end: i64,
) -> Result<Vec<Late>, Failure> {
    let ask = format!("{LATE} ORDER BY e.pos");
    all(client, &ask, &[&first, &end], reading()).await
}

fn reading() -> impl FnMut(Columns<'_>) -> Read<Late> {
    let mut decoder = Decoder::default();
    move |row| {
        let event = decoder.event(row)?;
        Ok(Late { event, slot: row.optional_number(15)?, held: row.number(16)? })
    }
}
