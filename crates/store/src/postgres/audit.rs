//! Everything that a store keeps, read for the auditor as it was at one moment.
//!
//! A snapshot that lasted as long as the log is read would keep the server from clearing away old
//! versions meanwhile. So what changes is read at once, in one short snapshot: ledgers, accounts,
//! sources. The log only grows; below the end that it had at that moment it is read later, in
//! pages, and so is what stands beside each of its rows: anchors, keys' slots, references.
//!
//! A value that Semel cannot have written is told with its place and is no failure, because the
//! auditor is there to find it. What stops a read is a server that cannot be read.
//! Deliberately absent: any judgement about rows that can be read.

mod log;
mod sources;
mod strays;
mod tables;

use super::catch_up::exact;
use super::classify::classify;
use super::columns::Columns;
use super::reader::{Reader, block, end, snapshot};
use super::row::{self, all};
use crate::decode;
use crate::places::{first_pos, last_pos, places_of, pos, seq_of, slots_of};
use crate::rows::{LedgerRow, Read, Sources};
use deadpool_postgres::ClientWrapper;
use futures_util::TryStreamExt;
use semel_core::account::Account;
use semel_core::chain::Hash;
use semel_core::failure::Failure;
use semel_core::problem::Code;
use semel_core::verify::Slot;
use std::collections::BTreeMap;
use std::pin::pin;
use tokio::runtime::Handle;
use tokio_postgres::types::ToSql;

/// Rows that are asked for at once.
const PAGE: i64 = 20_000;

/// No parameters.
const NONE: &[i64] = &[];

/// A store as it was when this was made.
pub struct Audit {
    client: ClientWrapper,
    runtime: Handle,
    ledgers: Vec<Read<LedgerRow>>,
    /// By the number in each ledger's row, readable or not: the place of the last row of its log.
    ends: BTreeMap<i64, Option<i64>>,
    accounts: BTreeMap<i64, Vec<Read<Account>>>,
    sources: Sources,
}

impl Reader {
    /// Remember where everything stands. A live server is not held up, neither now nor while the
    /// rest is read.
    ///
    /// # Errors
    /// As [`Reader::open`].
    pub fn audit(&self) -> Result<Audit, Failure> {
        block(self.runtime(), async {
            let mut audit = Audit {
                client: self.own().await?,
                runtime: self.runtime().clone(),
                ledgers: Vec::new(),
                ends: BTreeMap::new(),
                accounts: BTreeMap::new(),
                sources: Sources::default(),
            };
            snapshot(&audit.client).await?;
            audit.read_ledgers().await?;
            audit.read_accounts().await?;
            audit.sources = sources::read(&audit.client).await?;
            end(&audit.client).await?;
            Ok(audit)
        })
    }
}

impl Audit {
    async fn read_ledgers(&mut self) -> Result<(), Failure> {
        // The sixth column is where the log really ends: rows behind the end that the ledger's row
        // names were there before the next step wrote any.
        const ASK: &str = "SELECT no, id, next_seq, tail, greatest(next_seq, 1) - 1 AS indexed_seq,
                (SELECT max(pos) FROM event
                 WHERE pos BETWEEN no::bigint << 40 AND (no::bigint + 1 << 40) - 1)
            FROM ledger ORDER BY no";
        let (ledgers, ends) = (&mut self.ledgers, &mut self.ends);
        each(&self.client, ASK, NONE, |row| {
            if let Ok(no) = row.number(0) {
                let last = row.optional_number(5).ok().flatten();
                let named = row.natural(4).ok().and_then(|seq| pos(u32::try_from(no).ok()?, seq));
                ends.insert(no, last.max(named));
            }
            ledgers.push(decode::ledger(row));
        })
        .await
    }

    async fn read_accounts(&mut self) -> Result<(), Failure> {
        let ask = format!("{} ORDER BY pos", decode::ACCOUNT);
        each(&self.client, &ask, NONE, |row| {
            let ledger = row.number(0).map_or(0, |place| place >> 40);
            self.accounts.entry(ledger).or_default().push(decode::account(row));
        })
        .await?;
        self.catch_up().await
    }

    /// Rows of accounts may lag behind the log: take in what they lack.
    async fn catch_up(&mut self) -> Result<(), Failure> {
        const ASK: &str = "SELECT no, accounts_seq, next_seq FROM ledger
            WHERE accounts_seq + 1 < next_seq";
        let lagging = all(&self.client, ASK, &[], |row| {
            Ok((row::ledger_no(row, 0)?, row.natural(1)?, row.natural(2)?))
        });
        for (ledger, accounts_seq, next_seq) in lagging.await? {
            let kept = self.accounts.remove(&i64::from(ledger)).unwrap_or_default();
            let (readable, odd): (Vec<_>, Vec<_>) = kept.into_iter().partition(Result::is_ok);
            let rows: Vec<Account> = readable.into_iter().flatten().collect();
            let seqs = accounts_seq + 1..next_seq;
            // Those that do not fit their events are compared as they are; so are all of them where
            // an event cannot be read.
            let exact = match exact(&self.client, ledger, rows.clone(), seqs).await {
                Ok((exact, _)) => exact,
                Err(Failure::Permanent(stop)) if stop.code == Code::StoreCorrupt => rows,
                Err(failure) => return Err(failure),
            };
            let all = exact.into_iter().map(Ok).chain(odd);
            self.accounts.insert(i64::from(ledger), all.collect());
        }
        Ok(())
    }

    /// All ledgers, by number.
    ///
    /// # Errors
    /// A `Failure` of the store, as of every read here.
    pub fn ledgers(&self) -> Result<Vec<Read<LedgerRow>>, Failure> {
        Ok(self.ledgers.clone())
    }

    /// The accounts of a ledger, by number.
    ///
    /// # Errors
    /// As every read.
    pub fn accounts(&self, ledger: u32, each: impl FnMut(Read<Account>)) -> Result<(), Failure> {
        let accounts = self.accounts.get(&i64::from(ledger)).into_iter().flatten();
        accounts.cloned().for_each(each);
        Ok(())
    }

    /// All sources and what is kept of their dead letters.
    ///
    /// # Errors
    /// As every read.
    pub fn sources(&self) -> Result<Sources, Failure> {
        Ok(self.sources.clone())
    }

    /// The anchors of a ledger: seq and hash, in order.
    ///
    /// # Errors
    /// As every read.
    pub fn anchors(&self, ledger: u32) -> Result<Vec<Read<(u64, Hash)>>, Failure> {
        const ASK: &str = "SELECT pos, hash FROM anchor WHERE pos > $1 AND pos <= $2
            ORDER BY pos LIMIT $3";
        let mut anchors = Vec::new();
        self.pages(ASK, first_pos(ledger) - 1, self.end(ledger), |row| {
            anchors.push(decode::anchor(row));
            row.number(0).ok()
        })?;
        Ok(anchors)
    }

    /// The index of a ledger's keys, by slot.
    ///
    /// # Errors
    /// As every read.
    pub fn index(&self, ledger: u32, mut each: impl FnMut(Read<Slot>)) -> Result<(), Failure> {
        const ASK: &str = "SELECT slot, pos & 1099511627775 AS seq, pos FROM event
            WHERE slot > $1 AND slot <= $2 ORDER BY slot LIMIT $3";
        let [first, last] = slots_of(ledger);
        self.pages(ASK, first - 1, last, |row| {
            self.told(ledger, row, 2, || decode::slot(row)).into_iter().for_each(&mut each);
            row.number(0).ok()
        })
    }

    /// The index of a ledger's references: the seq of each event that refers to a payment, and the
    /// payment's.
    ///
    /// # Errors
    /// As every read.
    pub fn references(
        &self,
        ledger: u32,
        mut each: impl FnMut(Read<(u64, u64)>),
    ) -> Result<(), Failure> {
        // A payment may have been referred to more often than a page is long.
        const ASK: &str = "SELECT pos, ref, (pos >> 40 << 40) + ref FROM event
            WHERE ref IS NOT NULL AND (pos >> 40 << 40) + ref > $1
                AND (pos >> 40 << 40) + ref <= $2
            ORDER BY (pos >> 40 << 40) + ref FETCH FIRST $3 ROWS WITH TIES";
        let [first, last] = places_of(ledger);
        self.pages(ASK, first - 1, last, |row| {
            self.told(ledger, row, 0, || decode::reference(row)).into_iter().for_each(&mut each);
            row.number(2).ok()
        })
    }

    /// What an entry of an index says of the log as it was; `None` for an event that came later.
    /// In the column `place` stands the place of the event.
    fn told<T>(
        &self,
        ledger: u32,
        row: Columns<'_>,
        place: usize,
        read: impl FnOnce() -> Read<T>,
    ) -> Option<Read<T>> {
        match row.number(place) {
            Ok(place) if place > self.end(ledger) && place <= last_pos(ledger) => None,
            Ok(place) if place < first_pos(ledger) || place > last_pos(ledger) => {
                let (other, seq) = (place >> 40, seq_of(place));
                Some(Err(format!("event {seq} of ledger {other} stands in another's index")))
            }
            Ok(_) => Some(read()),
            Err(why) => Some(Err(why)),
        }
    }

    /// The place of the last row of a ledger's log; before all of them if there is none.
    fn end(&self, ledger: u32) -> i64 {
        self.ends.get(&i64::from(ledger)).copied().flatten().unwrap_or(first_pos(ledger) - 1)
    }

    /// What `ask` finds above its first parameter and up to its second, by pages; `take` tells the
    /// first parameter of what comes behind a row.
    fn pages(
        &self,
        ask: &str,
        mut after: i64,
        last: i64,
        mut take: impl FnMut(Columns<'_>) -> Option<i64>,
    ) -> Result<(), Failure> {
        loop {
            let (mut met, mut next) = (0, Some(after));
            block(
                &self.runtime,
                each(&self.client, ask, &[after, last, PAGE], |row| {
                    met += 1;
                    next = take(row).filter(|place| *place >= after);
                }),
            )?;
            match next {
                Some(next) if met >= PAGE && next > after => after = next,
                _ => return Ok(()),
            }
        }
    }
}

/// Hand every row that `ask` finds to `each`, as it comes.
async fn each(
    client: &ClientWrapper,
    ask: &str,
    bounds: &[impl ToSql + Sync],
    mut each: impl FnMut(Columns<'_>),
) -> Result<(), Failure> {
    let sql = |error: tokio_postgres::Error| classify(&error);
    let statement = client.prepare_cached(ask).await.map_err(sql)?;
    let mut rows = pin!(client.query_raw(&statement, bounds).await.map_err(sql)?);
    while let Some(row) = rows.try_next().await.map_err(sql)? {
        each(Columns(&row));
    }
    Ok(())
}
