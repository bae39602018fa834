//! A step's first half: lock, check the claim, look up what the keys name, in one round trip.
//!
//! The ledger's row comes first. What is asked behind it runs as later statements, which at READ
//! COMMITTED see everything that the former holder of the lock committed: so the loser of a race
//! for a key sees the winner.

use super::Shared;
use super::catch_up;
use super::classify::classify;
use super::columns::{Columns, damaged};
use super::memory::Turn;
use super::rewind::{self, Change};
use super::row::{self, Params, ledger_value, one};
use super::session::{Lent, within};
use crate::places::{first_slot, next_slot};
use crate::resident::Stand;
use crate::rows::Read;
use deadpool_postgres::ClientWrapper;
use semel_core::Text;
use semel_core::account::Account;
use semel_core::event::Event;
use semel_core::exactly_once::Cursor;
use semel_core::failure::{Failure, Stop};
use semel_core::ledger::{Keys, Letter, Position, Snapshot};
use semel_core::payment::Identity;
use semel_core::problem::Code;
use std::collections::HashMap;
use std::sync::Arc;
use tokio::join;
use tokio_postgres::Statement;

/// A claim on a source: its random name, and where the ledger stands in the source.
#[derive(Clone)]
pub(super) struct LegClaim {
    pub(super) source: Text,
    pub(super) name: [u8; 16],
    pub(super) cursor: Cursor,
}

/// What an open step holds: its session, the turn in this process, and which slots are free.
pub(super) struct Opened {
    pub(super) session: Lent,
    pub(super) known: Turn,
    /// Up to which seq all rows of accounts have come.
    pub(super) accounts_seq: u64,
    /// For each identity that no event carries, where its key may be put: its first free slot.
    pub(super) free: Vec<Option<i64>>,
    /// Whether all keys were looked up.
    pub(super) looked: bool,
    /// The server's history is another one than before; the step says so in the ledger's row.
    pub(super) change: Option<Change>,
}

/// The server's clock, in microseconds since 1970.
pub(super) const NOW: &str = "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint";

/// Take a source over, unless another owner's claim still holds. One that would hold for longer
/// than any can was made before the clock was set back, and does not. Waits for an open step.
pub(super) async fn claim(
    shared: &Shared,
    source: Text,
    owner: [u8; 16],
) -> Result<LegClaim, Failure> {
    let ask = format!(
        "UPDATE leg SET claim = uuid_send(gen_random_uuid()), owner = $2, until = {NOW} + $3
         WHERE source = $1 AND (until <= {NOW} OR until > {NOW} + $3 OR owner = $2)
         RETURNING claim, next, tail, hint"
    );
    let session = shared.sessions.lend().await?;
    let lasts = shared.leg_deadline();
    let (named, owner) = (&*source, &owner[..]);
    let values: &Params<'_> = &[&named, &owner, &lasts];
    let claimed = one(&session, &ask, values, |row| Ok((row.name(0)?, row.cursor(1)?)));
    let claimed = within("a claim", claimed).await?;
    session.give_back();
    let (name, cursor) = claimed.ok_or(Failure::Fenced)?;
    Ok(LegClaim { source, name, cursor })
}

/// Open a step: its SQL transaction and everything that the keys name.
pub(super) async fn begin(
    shared: &Shared,
    ledger: u32,
    leg: Option<&LegClaim>,
    keys: Keys,
) -> Result<(Opened, Snapshot), Failure> {
    let known = shared.known.ledger(ledger).turn().await;
    let session = shared.sessions.lend().await?;
    catch_up::read_ahead(&session, ledger, &known, shared.head(ledger)).await?;
    let adopts = shared.adopts;
    within("the opening of a step", open(session, known, ledger, leg, (keys, adopts))).await
}

/// The statements of the first trip. All are known before the first is sent, so that they are sent,
/// and run, in the order in which they are written: the lock before everything else.
struct First {
    lock: Statement,
    check: Statement,
    keys: Statement,
    accounts: Statement,
    letters: Statement,
}

impl First {
    async fn prepare(client: &ClientWrapper) -> Result<First, Failure> {
        let lock = format!(
            "SELECT next_seq, tail, timeline, {NOW}, accounts_seq FROM ledger
             WHERE no = $1 FOR NO KEY UPDATE"
        );
        let keys = format!("{} WHERE e.slot = ANY($1)", row::EVENT);
        let accounts =
            format!("SELECT {} FROM account WHERE ledger = $1 AND id = ANY($2)", row::ACCOUNT);
        Ok(First {
            lock: prepared(client, &lock).await?,
            check: prepared(
                client,
                "SELECT next, tail FROM leg WHERE source = $1 AND claim = $2 FOR NO KEY UPDATE",
            )
            .await?,
            keys: prepared(client, &keys).await?,
            accounts: prepared(client, &accounts).await?,
            letters: prepared(
                client,
                "SELECT d.id, d.source, d.reason FROM dead_letter d
                 JOIN leg ON leg.source = d.source WHERE d.id = ANY($1) AND leg.ledger = $2",
            )
            .await?,
        })
    }
}

async fn open(
    session: Lent,
    known: Turn,
    ledger: u32,
    leg: Option<&LegClaim>,
    (keys, adopts): (Keys, bool),
) -> Result<(Opened, Snapshot), Failure> {
    let client: &ClientWrapper = &session;
    let first = First::prepare(client).await?;
    let slots = keys.identities.iter().map(|(_, hash)| first_slot(ledger, *hash));
    let slots: Vec<i64> = slots.collect();
    let suspects = known.read().suspects(&slots);
    let asked = known.write().missing(&keys.accounts);
    // Sent in this order.
    let (begun, locked, checked, found, met, letters) = join!(
        async { client.batch_execute("BEGIN").await.map_err(|error| classify(&error)) },
        lock(client, &first.lock, ledger),
        check_claim(client, &first.check, leg),
        occupants(client, &first.keys, &suspects),
        accounts(client, &first.accounts, ledger, &asked),
        find_letters(client, &first.letters, ledger, &keys.letters),
    );
    begun?;
    let Locked { position, now, history, accounts_seq } = locked?;
    checked?;
    let (mut found, mut met, letters) = (found?, met?, letters?);
    let mut looked = suspects.len() == slots.len();
    let stand = Stand { position, accounts_seq, history: session.history.clone() };
    let is_here = known.read().is_at(&stand);
    if !is_here {
        // Somebody else wrote: what was asked was not enough.
        catch_up::catch_up(client, ledger, &known, stand).await?;
        found = occupants(client, &first.keys, &slots).await?;
        let missing = known.write().missing(&keys.accounts);
        met = accounts(client, &first.accounts, ledger, &missing).await?;
        looked = true;
    }
    let change = (history != session.history).then(|| {
        let is = session.history.clone();
        Change { was: history, is }
    });
    if let Some(change) = &change {
        if !adopts {
            return Err(change.waits(ledger));
        }
        rewind::adopt(client, ledger, &change.is).await?;
    }
    known.write().meet(met);
    let (recorded, free) = resolve(client, &first.keys, ledger, &keys, found).await?;
    let snapshot = Snapshot {
        ledger,
        position,
        now,
        recorded,
        payments: row::paid(client, ledger, &keys.payments, &known).await?,
        accounts: known.read().accounts(&keys.accounts),
        letters,
        keys,
    };
    Ok((Opened { session, known, accounts_seq, free, looked, change }, snapshot))
}

/// What the ledger's row says, once it is locked.
struct Locked {
    position: Position,
    now: i64,
    history: Text,
    accounts_seq: u64,
}

async fn lock(client: &ClientWrapper, ask: &Statement, ledger: u32) -> Result<Locked, Failure> {
    let no = ledger_value(ledger);
    let locked = sent(client, ask, &[&no], |row| {
        let position = row::position(row, 0)?;
        let (history, now) = (row.owned(2)?, row.number(3)?);
        Ok(Locked { position, now, history, accounts_seq: row.natural(4)? })
    })
    .await?;
    let gone = || Stop::new(Code::NotFound, format!("there is no ledger numbered {ledger}"));
    Ok(locked.into_iter().next().ok_or_else(gone)?)
}

/// Whether the leg still has the claim and stands where it was told.
async fn check_claim(
    client: &ClientWrapper,
    ask: &Statement,
    leg: Option<&LegClaim>,
) -> Result<(), Failure> {
    let Some(leg) = leg else { return Ok(()) };
    let found = sent(client, ask, &[&&*leg.source, &&leg.name[..]], |row| {
        Ok((row.natural(0)?, row.hash(1)?))
    })
    .await?;
    match found.first() {
        Some(found) if *found == (leg.cursor.next, leg.cursor.tail) => Ok(()),
        _ => Err(Failure::Fenced),
    }
}

/// The events that have these slots.
async fn occupants(
    client: &ClientWrapper,
    ask: &Statement,
    slots: &[i64],
) -> Result<Vec<(i64, Event)>, Failure> {
    if slots.is_empty() {
        return Ok(Vec::new());
    }
    sent(client, ask, &[&slots], |row| Ok((row.number(18)?, row::event(row)?))).await
}

async fn accounts(
    client: &ClientWrapper,
    ask: &Statement,
    ledger: u32,
    ids: &[&str],
) -> Result<Vec<Account>, Failure> {
    // Values are judged later; no row has an id that no text here can be.
    let ids: Vec<&str> = ids.iter().filter(|id| !id.contains('\0')).copied().collect();
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let no = ledger_value(ledger);
    sent(client, ask, &[&no, &ids], row::account).await
}

async fn find_letters(
    client: &ClientWrapper,
    ask: &Statement,
    ledger: u32,
    ids: &[i64],
) -> Result<Vec<Option<Letter>>, Failure> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let no = ledger_value(ledger);
    let found = sent(client, ask, &[&ids, &no], |row| {
        Ok((row.number(0)?, Letter { source: row.owned(1)?, reason: row.reason(2)? }))
    })
    .await?;
    let found: HashMap<i64, Letter> = found.into_iter().collect();
    Ok(ids.iter().map(|id| found.get(id).cloned()).collect())
}

/// For each identity, the event that carries it, and a free slot for each that none carries.
///
/// Most are told by their first slot: it was looked up, or its key is new for all that is known.
/// Where another key has that slot, the next one is asked for.
async fn resolve(
    client: &ClientWrapper,
    ask: &Statement,
    ledger: u32,
    keys: &Keys,
    found: Vec<(i64, Event)>,
) -> Result<(Vec<Option<Arc<Event>>>, Vec<Option<i64>>), Failure> {
    let mut recorded = vec![None; keys.identities.len()];
    let mut free = vec![None; keys.identities.len()];
    let mut occupied: HashMap<i64, Arc<Event>> =
        found.into_iter().map(|(slot, event)| (slot, Arc::new(event))).collect();
    let all = keys.identities.iter().enumerate();
    let mut open: Vec<(usize, i64)> =
        all.map(|(at, (_, hash))| (at, first_slot(ledger, *hash))).collect();
    while !open.is_empty() {
        let mut next = Vec::new();
        for (at, slot) in open {
            let (identity, _) = &keys.identities[at];
            match occupied.get(&slot) {
                Some(event) if carries(event, identity) => recorded[at] = Some(event.clone()),
                Some(_) => next.push((at, next_slot(slot))),
                None => free[at] = Some(slot),
            }
        }
        let slots: Vec<i64> = next.iter().map(|(_, slot)| *slot).collect();
        let found = occupants(client, ask, &slots).await?;
        occupied.extend(found.into_iter().map(|(slot, event)| (slot, Arc::new(event))));
        open = next;
    }
    Ok((recorded, free))
}

/// Whether `event` has the key that `identity` names.
pub(super) fn carries(event: &Event, identity: &Identity) -> bool {
    event.key.as_ref() == Some(&identity.key) && event.namespace == identity.namespace
}

/// The event that carries `identity`, as it is committed.
pub(super) async fn recorded(
    client: &ClientWrapper,
    ledger: u32,
    identity: &Identity,
) -> Result<Option<Event>, Failure> {
    let ask = format!("{} WHERE e.slot = ANY($1)", row::EVENT);
    let ask = prepared(client, &ask).await?;
    let mut slot = first_slot(ledger, Identity::hash(&identity.namespace, &identity.key));
    while let Some((_, event)) = occupants(client, &ask, &[slot]).await?.pop() {
        if carries(&event, identity) {
            return Ok(Some(event));
        }
        slot = next_slot(slot);
    }
    Ok(None)
}

/// Whether no event has `slot`.
pub(super) async fn is_free(client: &ClientWrapper, slot: i64) -> Result<bool, Failure> {
    const ASK: &str = "SELECT pos FROM event WHERE slot = $1";
    Ok(row::rows(client, ASK, &[&slot]).await?.is_empty())
}

/// Whether no event has any of `slots`.
pub(super) async fn are_free(client: &ClientWrapper, slots: Vec<i64>) -> Result<bool, Failure> {
    const ASK: &str = "SELECT pos FROM event WHERE slot = ANY($1) LIMIT 1";
    Ok(slots.is_empty() || row::rows(client, ASK, &[&slots]).await?.is_empty())
}

async fn sent<T>(
    client: &ClientWrapper,
    ask: &Statement,
    params: &Params<'_>,
    mut read: impl FnMut(Columns<'_>) -> Read<T>,
) -> Result<Vec<T>, Failure> {
    let rows = client.query(ask, params).await.map_err(|error| classify(&error))?;
    let read: Read<Vec<T>> = rows.iter().map(|row| read(Columns(row))).collect();
    read.map_err(damaged)
}

pub(super) async fn prepared(client: &ClientWrapper, ask: &str) -> Result<Statement, Failure> {
    client.prepare_cached(ask).await.map_err(|error| classify(&error))
}
