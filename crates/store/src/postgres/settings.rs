//! The settings that durability, liveness and plans rest on: asserted or set when a session begins.
//!
//! Keeps P2's assumption of a primary that keeps its acknowledged commits, and bounds how long a
//! client that stops in the middle of a step can hold a ledger's row.
//! Deliberately absent: settings that only make a server slow. Those are for people to look at.

use super::classify::classify;
use deadpool_postgres::ClientWrapper;
use semel_core::Text;
use semel_core::failure::{Failure, Stop};
use semel_core::problem::Code;
use tokio_postgres::Row;

/// The oldest server that can bound the time of a step (`transaction_timeout`).
const VERSION_LEAST: i32 = 170_000;

const ASK: &str = "SELECT current_setting('server_version_num')::integer, pg_is_in_recovery(),
    current_setting('synchronous_commit'), current_setting('fsync'),
    current_setting('server_encoding'), current_setting('transaction_read_only'),
    (SELECT system_identifier::text FROM pg_control_system()),
    CASE WHEN pg_is_in_recovery() THEN ''
         ELSE left(pg_walfile_name(pg_current_wal_insert_lsn()), 8) END";

/// For every session.
///
/// Plans are pinned: each statement of a step is a nested loop over index scans at any size of its
/// tables, so what is planned once, perhaps on an empty table, stays right for ever.
///
/// What a commit waits for is pinned as it was accepted: a server may be told otherwise later.
const EVERY: &str = "
    SELECT set_config('synchronous_commit', current_setting('synchronous_commit'), false);
    SET statement_timeout = 0;
    SET transaction_timeout = 0;
    SET default_transaction_isolation = 'read committed';
    SET plan_cache_mode = 'force_generic_plan';
    SET enable_seqscan = off;
    SET enable_bitmapscan = off;
    SET enable_hashjoin = off;
    SET enable_mergejoin = off;
    SET tcp_keepalives_idle = 5;
    SET tcp_keepalives_interval = 1;
    SET tcp_keepalives_count = 5;
    SET tcp_user_timeout = 10000;
    SET client_connection_check_interval = 1000;";

/// For sessions that take locks: all of it below a leg's deadline. A client that was stopped
/// between two statements of a step is cut off after two seconds, one that was stopped elsewhere
/// after five. Who waits for the lock gives up after three, so that two are left for the step.
const BOUND: &str = "
    SET idle_in_transaction_session_timeout = 2000;
    SET transaction_timeout = 5000;
    SET lock_timeout = 3000;";

/// What [`BOUND`] sets, as the server tells it.
const BOUNDS: [(&str, &str); 3] = [
    ("idle_in_transaction_session_timeout", "2s"),
    ("transaction_timeout", "5s"),
    ("lock_timeout", "3s"),
];

/// Refuse a server that cannot keep the promises; the history that it writes.
///
/// # Errors
/// `StoreSettings`, `StoreReadOnly`, with the setting and the remedy.
pub(super) async fn assert(client: &ClientWrapper) -> Result<Text, Failure> {
    let told = client.query_one(ASK, &[]).await.map_err(|error| classify(&error))?;
    let history = suitable(&told)?;
    client.batch_execute(EVERY).await.map_err(|error| classify(&error))?;
    Ok(history)
}

/// Bound how long a step may last, and look whether the server took that in: something between
/// that shares sessions among clients would not keep it.
///
/// # Errors
/// `StoreSettings`.
pub(super) async fn bound(client: &ClientWrapper) -> Result<(), Failure> {
    client.batch_execute(BOUND).await.map_err(|error| classify(&error))?;
    for (name, wanted) in BOUNDS {
        let ask = format!("SHOW {name}");
        let row = client.query_one(&ask, &[]).await.map_err(|error| classify(&error))?;
        let set: &str = row.get(0);
        if set != wanted {
            return Err(unsuitable(format!("{name} is {set} after it was set to {wanted}")).into());
        }
    }
    Ok(())
}

fn suitable(told: &Row) -> Result<Text, Stop> {
    let version: i32 = told.get(0);
    if version < VERSION_LEAST {
        let (is, least) = (version / 10_000, VERSION_LEAST / 10_000);
        return Err(unsuitable(format!("it is PostgreSQL {is}; Semel needs {least} or newer")));
    }
    if told.get(1) || told.get::<_, &str>(5) == "on" {
        let detail = "the server is a replica or takes no writes; name the primary";
        return Err(Stop::new(Code::StoreReadOnly, detail));
    }
    let commit: &str = told.get(2);
    if !["on", "remote_apply"].contains(&commit) {
        return Err(unsuitable(format!(
            "synchronous_commit is {commit}, so commits that were acknowledged can be lost; \
             set it to on for this server, database and user"
        )));
    }
    if told.get::<_, &str>(3) != "on" {
        return Err(unsuitable("fsync is off: a crash loses what was acknowledged".into()));
    }
    let encoding: &str = told.get(4);
    if encoding != "UTF8" {
        let remedy = "make the database with ENCODING 'UTF8'";
        return Err(unsuitable(format!("its encoding is {encoding}; {remedy}")));
    }
    let (system, timeline): (&str, &str) = (told.get(6), told.get(7));
    Ok(format!("{system}/{timeline}").into())
}

fn unsuitable(detail: String) -> Stop {
    Stop::new(Code::StoreSettings, detail)
}
