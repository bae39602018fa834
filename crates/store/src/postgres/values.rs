//! The values of many rows as a statement takes them: one array a column.
//!
//! `SELECT unnest(…), unnest(…)` walks all arrays in step and keeps nothing in between, which for
//! so many columns is cheaper for the server than `FROM unnest(…, …)`.

use super::row::{ledger_value, number, place};
use crate::effects::headers_json;
use crate::places::overdraft_number;
use semel_core::account::Account;
use semel_core::chain::Hash;
use semel_core::dead_letter::DeadLetter;
use semel_core::failure::Failure;
use semel_core::ingest::Counts;
use std::borrow::Borrow;
use tokio_postgres::types::ToSql;

/// The parameters of a statement, in order.
pub(super) type Values<'a> = Vec<Box<dyn ToSql + Sync + Send + 'a>>;

/// An array of what `value` makes of each of `rows`.
fn column<'a, R, V>(rows: &'a [R], value: impl Fn(&'a R) -> V) -> Box<dyn ToSql + Sync + Send + 'a>
where
    V: ToSql + Sync + Send + 'a,
{
    Box::new(rows.iter().map(value).collect::<Vec<V>>())
}

fn places<'a>(
    ledger: u32,
    seqs: impl Iterator<Item = u64>,
) -> Result<Box<dyn ToSql + Sync + Send + 'a>, Failure> {
    let places: Result<Vec<i64>, Failure> = seqs.map(|seq| place(ledger, seq)).collect();
    Ok(Box::new(places?))
}

/// Write accounts that the log opened.
pub(super) const INSERT_ACCOUNTS: &str = "INSERT INTO account (pos, closed, pending_debits,
        pending_credits, debits, credits, last_seq, overdraft, currency, id, ledger)
    SELECT unnest($1::bigint[]), unnest($2::boolean[]), unnest($3::bigint[]),
        unnest($4::bigint[]), unnest($5::bigint[]), unnest($6::bigint[]), unnest($7::bigint[]),
        unnest($8::bigint[]), unnest($9::text[]), unnest($10::text[]), $11";

/// Write accounts that were there before: as many as there are, or nothing.
pub(super) const UPDATE_ACCOUNTS: &str = "WITH done AS (
        UPDATE account SET closed = new.closed, pending_debits = new.pending_debits,
            pending_credits = new.pending_credits, debits = new.debits, credits = new.credits,
            last_seq = new.last_seq
        FROM (SELECT unnest($1::bigint[]) AS pos, unnest($2::boolean[]) AS closed,
                unnest($3::bigint[]) AS pending_debits, unnest($4::bigint[]) AS pending_credits,
                unnest($5::bigint[]) AS debits, unnest($6::bigint[]) AS credits,
                unnest($7::bigint[]) AS last_seq) AS new
        WHERE account.pos = new.pos RETURNING 1)
    SELECT 1 / (count(*) = cardinality($1))::integer FROM done";

/// The values of [`UPDATE_ACCOUNTS`].
pub(super) fn account_totals<'a>(
    ledger: u32,
    rows: &'a [impl Borrow<Account>],
) -> Result<Values<'a>, Failure> {
    let last_seqs: Result<Vec<i64>, Failure> =
        rows.iter().map(|account| number(account.borrow().last_seq)).collect();
    Ok(vec![
        places(ledger, rows.iter().map(|account| account.borrow().no))?,
        column(rows, |account| account.borrow().closed),
        column(rows, |account| account.borrow().totals.pending_debits),
        column(rows, |account| account.borrow().totals.pending_credits),
        column(rows, |account| account.borrow().totals.debits),
        column(rows, |account| account.borrow().totals.credits),
        Box::new(last_seqs?),
    ])
}

/// The values of [`INSERT_ACCOUNTS`].
pub(super) fn accounts<'a>(ledger: u32, rows: &'a [&'a Account]) -> Result<Values<'a>, Failure> {
    let mut values = account_totals(ledger, rows)?;
    values.push(column(rows, |account| overdraft_number(account.overdraft)));
    values.push(column(rows, |account| account.currency.code()));
    values.push(column(rows, |account| &*account.id));
    values.push(Box::new(ledger_value(ledger)));
    Ok(values)
}

/// The values of anchors: places and hashes.
pub(super) fn anchors<'a>(ledger: u32, rows: &'a [(u64, &'a Hash)]) -> Result<Values<'a>, Failure> {
    let hashes = column(rows, |(_, hash)| &hash.0[..]);
    Ok(vec![places(ledger, rows.iter().map(|(seq, _)| *seq))?, hashes])
}

/// Put items aside.
pub(super) const INSERT_LETTERS: &str = "INSERT INTO dead_letter (source, line, reason, detail,
        key, value, headers, masked, first_failed_at, last_failed_at, attempts, digest)
    SELECT source, line, reason, detail, key, value, headers, masked, at, at, 1, digest
    FROM (SELECT unnest($1::text[]) AS source, unnest($2::bigint[]) AS line,
        unnest($3::text[]) AS reason, unnest($4::text[]) AS detail, unnest($5::bytea[]) AS key,
        unnest($6::bytea[]) AS value, unnest($7::text[]) AS headers,
        unnest($8::boolean[]) AS masked, unnest($9::bigint[]) AS at,
        unnest($10::bytea[]) AS digest) AS new";

/// The values of [`INSERT_LETTERS`].
pub(super) fn letters<'a>(rows: &'a [&'a DeadLetter]) -> Result<Values<'a>, Failure> {
    let lines: Result<Vec<i64>, Failure> = rows.iter().map(|letter| number(letter.line)).collect();
    Ok(vec![
        column(rows, |letter| &*letter.source),
        Box::new(lines?),
        column(rows, |letter| letter.reason.as_str()),
        column(rows, |letter| &*letter.detail),
        column(rows, |letter| letter.raw.key.as_deref()),
        column(rows, |letter| letter.raw.value.as_deref()),
        column(rows, |letter| headers_json(&letter.raw.headers)),
        column(rows, |letter| letter.masked),
        column(rows, |letter| letter.at),
        column(rows, |letter| letter.digest().0.to_vec()),
    ])
}

/// A dead letter that failed again.
pub(super) struct Refused<'a> {
    pub(super) letter: i64,
    pub(super) reason: &'static str,
    pub(super) detail: &'a str,
    pub(super) at: i64,
}

/// Say why dead letters failed this time.
pub(super) const UPDATE_LETTERS: &str = "WITH done AS (
        UPDATE dead_letter SET reason = new.reason, detail = new.detail,
            last_failed_at = new.at, attempts = attempts + 1
        FROM (SELECT unnest($1::bigint[]) AS id, unnest($2::text[]) AS reason,
            unnest($3::text[]) AS detail, unnest($4::bigint[]) AS at) AS new
        WHERE dead_letter.id = new.id RETURNING 1)
    SELECT 1 / (count(*) = cardinality($1))::integer FROM done";

/// The values of [`UPDATE_LETTERS`].
pub(super) fn refused<'a>(rows: &'a [Refused<'a>]) -> Values<'a> {
    vec![
        column(rows, |refused| refused.letter),
        column(rows, |refused| refused.reason),
        column(rows, |refused| refused.detail),
        column(rows, |refused| refused.at),
    ]
}

/// Forget dead letters.
pub(super) const DELETE_LETTERS: &str = "WITH done AS (
        DELETE FROM dead_letter WHERE id = ANY($1::bigint[]) RETURNING 1)
    SELECT 1 / (count(*) = cardinality($1))::integer FROM done";

/// Add to the counts of sources.
pub(super) const ADD_COUNTS: &str = "WITH done AS (
        UPDATE leg SET read = leg.read + more.read, accepted = leg.accepted + more.accepted,
            succeeded = leg.succeeded + more.succeeded, declined = leg.declined + more.declined,
            duplicates = leg.duplicates + more.duplicates,
            conflicts = leg.conflicts + more.conflicts,
            dead_letters = leg.dead_letters + more.dead_letters,
            discarded = leg.discarded + more.discarded
        FROM (SELECT unnest($1::text[]) AS source, unnest($2::bigint[]) AS read,
            unnest($3::bigint[]) AS accepted, unnest($4::bigint[]) AS succeeded,
            unnest($5::bigint[]) AS declined, unnest($6::bigint[]) AS duplicates,
            unnest($7::bigint[]) AS conflicts, unnest($8::bigint[]) AS dead_letters,
            unnest($9::bigint[]) AS discarded) AS more
        WHERE leg.source = more.source RETURNING 1)
    SELECT 1 / (count(*) = cardinality($1))::integer FROM done";

/// The values of [`ADD_COUNTS`]; no source comes twice.
pub(super) fn counts<'a>(rows: &'a [(&'a str, Counts)]) -> Values<'a> {
    let mut values: Values<'a> = vec![column(rows, |(source, _)| *source)];
    for at in 0..7 {
        values.push(column(rows, move |(_, counts)| counts.named()[at].1));
    }
    values.push(column(rows, |(_, counts)| counts.discarded));
    values
}
