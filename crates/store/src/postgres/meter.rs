//! What a server counts by itself of what is written to it. For measurements.
//!
//! Rows are counted for the tables of the session's own schema, WAL for the whole server: nobody
//! else should be writing. A session tells its rows when it ends or has been idle for a while, so
//! whoever wants them exactly ends the sessions that wrote and waits ([`Meter::settled`]).

use super::address::Address;
use super::classify::classify;
use super::session::Sessions;
use deadpool_postgres::ClientWrapper;
use semel_core::failure::Failure;
use std::time::Duration;
use tokio_postgres::Row;

/// How often it is looked whether the sessions that wrote have told of it.
const LOOK: Duration = Duration::from_millis(20);
/// Looks before what was told has to do: longer than an idle session keeps its counts.
const LOOKS: u32 = 750;

/// A session that only looks.
pub struct Meter {
    client: ClientWrapper,
    pid: i32,
}

/// Counters of a schema; only their differences mean something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Rows inserted and new versions of rows.
    pub rows: u64,
    /// Entries of indexes that those made; payments have none in the index of references.
    pub index_entries: u64,
    /// Of the rows, those of the log.
    pub events: u64,
    /// The size of the tables with their indexes.
    pub bytes: u64,
}

impl Meter {
    /// Of the schema that sessions with `url` see.
    ///
    /// # Errors
    /// As [`super::Postgres::open`].
    pub async fn open(url: &str) -> Result<Meter, Failure> {
        let client = Sessions::new(&Address::parse(url)?)?.own().await?;
        let pid = one(&client, "SELECT pg_backend_pid()").await?.get(0);
        Ok(Meter { client, pid })
    }

    /// The server's process that serves this session.
    pub fn pid(&self) -> i32 {
        self.pid
    }

    /// Let the server begin with nothing left to write, if this user may ask for it.
    pub async fn checkpoint(&self) {
        // Who may not is measured all the same.
        let _refused = self.client.batch_execute("CHECKPOINT").await;
    }

    /// How much WAL the server has written since it was made, in bytes.
    ///
    /// # Errors
    /// As every read, here and below.
    pub async fn wal(&self) -> Result<u64, Failure> {
        const ASK: &str = "SELECT (pg_current_wal_insert_lsn() - '0/0')::bigint";
        Ok(count(&one(&self.client, ASK).await?, 0))
    }

    /// Sessions with this database that wait for a lock at this moment.
    ///
    /// # Errors
    /// As every read.
    pub async fn waiting(&self) -> Result<u64, Failure> {
        const ASK: &str = "SELECT count(*) FROM pg_stat_get_activity(NULL)
            WHERE wait_event_type = 'Lock'
              AND datid = (SELECT oid FROM pg_database WHERE datname = current_database())";
        Ok(count(&one(&self.client, ASK).await?, 0))
    }

    /// The counters, once those who appended so many `events` have told of them all.
    ///
    /// # Errors
    /// As every read.
    pub async fn settled(&self, events: u64) -> Result<Counters, Failure> {
        let mut counters = self.counters().await?;
        for _ in 0..LOOKS {
            if counters.events >= events {
                break;
            }
            tokio::time::sleep(LOOK).await;
            counters = self.counters().await?;
        }
        Ok(counters)
    }

    async fn counters(&self) -> Result<Counters, Failure> {
        const ASK: &str = "SELECT coalesce(sum(n_tup_ins + n_tup_upd), 0)::bigint,
            coalesce(sum((n_tup_ins + n_tup_upd - n_tup_hot_upd)
                * (SELECT count(*) FROM pg_index
                   WHERE indrelid = relid AND (indpred IS NULL OR indisunique))), 0)::bigint,
            coalesce(sum(n_tup_ins) FILTER (WHERE relname = 'event'), 0)::bigint,
            coalesce(sum(pg_total_relation_size(relid)), 0)::bigint
            FROM pg_stat_user_tables WHERE schemaname = current_schema()";
        let row = one(&self.client, ASK).await?;
        let [rows, index_entries, events, bytes] = [0, 1, 2, 3].map(|at| count(&row, at));
        Ok(Counters { rows, index_entries, events, bytes })
    }
}

async fn one(client: &ClientWrapper, ask: &str) -> Result<Row, Failure> {
    let asked = async { client.query_one(&client.prepare_cached(ask).await?, &[]).await };
    asked.await.map_err(|error: tokio_postgres::Error| classify(&error))
}

/// A count; none is negative.
fn count(row: &Row, at: usize) -> u64 {
    u64::try_from(row.get::<_, i64>(at)).unwrap_or(0)
}
