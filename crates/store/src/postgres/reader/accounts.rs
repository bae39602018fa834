//! Accounts as they are, though their rows may lag behind the log.
//!
//! What this process has in mind of them was brought up to some event, most often one of the last;
//! the few since are read.

use super::{Reader, count};
use crate::entries::{BadLink, Walk};
use crate::places::pos;
use crate::postgres::catch_up::{between, exact, read_ahead};
use crate::postgres::columns::{Columns, damaged};
use crate::postgres::row::{self, ACCOUNT, EVENT, Params, all, ledger_value, place};
use crate::postgres::session::Session;
use crate::resident::{Excerpt, FAR, Stand};
use crate::rows::Entry;
use semel_core::account::Account;
use semel_core::event::Event;
use semel_core::failure::Failure;
use semel_core::id::SEQ_MAX;
use semel_core::ledger::Position;
use std::collections::HashMap;

/// Events that are fetched at once to find entries, at least and at most.
const WALK: (usize, usize) = (16, 1_000);

/// Rows of accounts, and where their ledger stood when they were read.
struct Moment {
    accounts: Vec<Account>,
    stand: Stand,
}

impl Reader {
    /// The account named `id`.
    ///
    /// # Errors
    /// As every read.
    pub fn account(&self, ledger: u32, id: &str) -> Result<Option<Account>, Failure> {
        self.ask(async |client| self.named(client, ledger, id).await)
    }

    /// Accounts whose ids come after `after`, by id.
    ///
    /// # Errors
    /// As every read.
    pub fn accounts(
        &self,
        ledger: u32,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Account>, Failure> {
        // No text here has the character NUL, which comes before all that an id has.
        let after = after.and_then(|after| after.split('\0').next()).unwrap_or_default();
        let limit = count(limit);
        let all: &Params<'_> = &[&ledger_value(ledger), &after, &limit];
        let which = "id > $2 ORDER BY id LIMIT $3";
        self.ask(async |client| self.exact(client, ledger, which, all, None).await)
    }

    /// An account's entries, newest first, from its last one or from the event `from` on, whose
    /// balance after it is given too; `None` when there is no such account. From an event that is
    /// not the account's there are none.
    ///
    /// # Errors
    /// As every read.
    pub fn entries(
        &self,
        ledger: u32,
        account_id: &str,
        from: Option<(u64, i128)>,
        limit: usize,
    ) -> Result<Option<Vec<Entry>>, Failure> {
        self.ask(async |client| match self.named(client, ledger, account_id).await? {
            Some(account) => entries(client, ledger, &account, from, limit).await.map(Some),
            None => Ok(None),
        })
    }

    async fn named(
        &self,
        client: &Session,
        ledger: u32,
        id: &str,
    ) -> Result<Option<Account>, Failure> {
        let one: &Params<'_> = &[&ledger_value(ledger), &id];
        Ok(self.exact(client, ledger, "id = $2", one, Some(id)).await?.pop())
    }

    /// The accounts that are asked for as they are, one by its `id` or others.
    async fn exact(
        &self,
        client: &Session,
        ledger: u32,
        which: &str,
        params: &Params<'_>,
        id: Option<&str>,
    ) -> Result<Vec<Account>, Failure> {
        let mut excerpt = id.and_then(|id| self.excerpt(ledger, [id]));
        let mut now = moment(client, which, params).await?;
        if FAR < now.lag() && now.is_beyond(excerpt.as_ref()) {
            self.bring_up(client, ledger, now.stand.position.next_seq).await?;
            excerpt = self.excerpt(ledger, now.accounts.iter().map(|account| &*account.id));
            now = moment(client, which, params).await?;
        }
        if now.lag() == 0 {
            return Ok(now.accounts);
        }
        if !now.is_beyond(excerpt.as_ref())
            && let Some(excerpt) = excerpt
        {
            let from = place(ledger, excerpt.next_seq())?;
            let late = between(client, from, place(ledger, now.stand.position.next_seq)?).await?;
            if let Some(exact) = excerpt.exact(ledger, now.accounts.clone(), &late, &now.stand) {
                return Ok(exact);
            }
        }
        let seqs = now.stand.accounts_seq + 1..now.stand.position.next_seq;
        let (accounts, astray) = exact(client, ledger, now.accounts, seqs).await?;
        match astray.first() {
            None => Ok(accounts),
            Some(no) => Err(damaged(format!("account {no} does not fit its events"))),
        }
    }

    /// What the writer of this process has in mind of accounts, if there is one.
    fn excerpt<'a>(&self, ledger: u32, ids: impl IntoIterator<Item = &'a str>) -> Option<Excerpt> {
        self.known.find(ledger)?.read().excerpt(ids)
    }

    /// Take in what others wrote, unless the writer of this process is about to.
    async fn bring_up(&self, client: &Session, ledger: u32, head: u64) -> Result<(), Failure> {
        match self.known.ledger(ledger).try_turn() {
            Some(turn) => read_ahead(client, ledger, &turn, head).await,
            None => Ok(()),
        }
    }
}

impl Moment {
    /// How many events rows may lag behind.
    fn lag(&self) -> u64 {
        self.stand.position.next_seq.saturating_sub(self.stand.accounts_seq + 1)
    }

    /// Whether many events came since an excerpt, or there is none.
    fn is_beyond(&self, excerpt: Option<&Excerpt>) -> bool {
        let next_seq = excerpt.map_or(0, Excerpt::next_seq);
        FAR < self.stand.position.next_seq.saturating_sub(next_seq)
    }
}

/// Rows, and where their ledger stands: one statement, so they are of one moment. A ledger that is
/// not there has none.
async fn moment(client: &Session, which: &str, params: &Params<'_>) -> Result<Moment, Failure> {
    let ask = format!(
        "SELECT a.*, l.next_seq, l.tail, l.accounts_seq FROM ledger l LEFT JOIN LATERAL
            (SELECT {ACCOUNT} FROM account WHERE ledger = $1 AND {which}) a ON true
         WHERE l.no = $1 ORDER BY a.id"
    );
    let (position, history) = (Position::start(""), client.history.clone());
    let stand = Stand { position, accounts_seq: 0, history };
    let mut now = Moment { accounts: Vec::new(), stand };
    let rows = all(client, &ask, params, |row: Columns<'_>| {
        let account = row.optional_natural(0)?.map(|_| row::account(row)).transpose()?;
        Ok((account, row::position(row, 10)?, row.natural(12)?))
    })
    .await?;
    for (account, position, accounts_seq) in rows {
        now.accounts.extend(account);
        (now.stand.position, now.stand.accounts_seq) = (position, accounts_seq);
    }
    Ok(now)
}

async fn entries(
    client: &Session,
    ledger: u32,
    account: &Account,
    from: Option<(u64, i128)>,
    limit: usize,
) -> Result<Vec<Entry>, Failure> {
    let astray = |BadLink(seq)| damaged(format!("a link to event {seq}"));
    let mut walk = Walk::new(account, from, limit);
    let mut fetched = HashMap::new();
    while let Some(seq) = walk.wanted() {
        if !fetched.contains_key(&seq) {
            // Some of them post nothing, such as holds.
            let page = walk.left().saturating_mul(2).clamp(WALK.0, WALK.1);
            fetched = linked(client, ledger, account.no, seq, page).await?;
        }
        walk.take(fetched.remove(&seq)).map_err(astray)?;
    }
    Ok(walk.entries())
}

/// The event numbered `seq` and those that an account's links lead to from there, so many at most.
async fn linked(
    client: &Session,
    ledger: u32,
    account: u64,
    seq: u64,
    limit: usize,
) -> Result<HashMap<u64, Event>, Failure> {
    const PREV: &str = "CASE WHEN debit = $2 THEN debit_prev WHEN credit = $2 THEN credit_prev END";
    let Some(first) = pos(ledger, seq) else { return Ok(HashMap::new()) };
    // A link that does not lead back is followed no further. Each event is looked up by its place,
    // whatever the server knows of its tables: it cannot turn LATERAL and ARRAY round.
    let ask = format!(
        "WITH RECURSIVE walk AS (
            SELECT pos, {PREV} AS prev, 1::bigint AS met FROM event WHERE pos = $1
            UNION ALL
            SELECT next.pos, next.prev, walk.met + 1 FROM walk, LATERAL (
                SELECT pos, {PREV} AS prev FROM event
                WHERE pos = (walk.pos >> 40 << 40) + walk.prev LIMIT 1) next
            WHERE walk.prev BETWEEN 1 AND (walk.pos & {SEQ_MAX}) - 1 AND walk.met < $3)
         {EVENT} WHERE e.pos = ANY(ARRAY(SELECT pos FROM walk))"
    );
    let (account, limit) = (row::number(account)?, count(limit));
    let events = all(client, &ask, &[&first, &account, &limit], row::event).await?;
    Ok(events.into_iter().map(|event| (event.seq, event)).collect())
}
