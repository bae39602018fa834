//! What a user has to be allowed to do, asked when a process starts: else it would learn it from
//! the first payment.

use super::columns::Columns;
use super::row::all;
use deadpool_postgres::ClientWrapper;
use semel_core::failure::{Failure, Stop};
use semel_core::problem::Code;

/// Tables, and what is done to them.
const NEEDED: &str = "(VALUES ('event', 'SELECT, INSERT'), ('anchor', 'SELECT, INSERT'),
    ('account', 'SELECT, INSERT, UPDATE'), ('ledger', 'SELECT, INSERT, UPDATE'),
    ('leg', 'SELECT, INSERT, UPDATE'), ('dead_letter', 'SELECT, INSERT, UPDATE, DELETE'))
    AS needed (on_table, rights)";

/// Refuse a user who may not write.
///
/// # Errors
/// `StoreRefused`, with what has to be granted.
pub(super) async fn assert(client: &ClientWrapper) -> Result<(), Failure> {
    let lacking = lacking(client).await?;
    match lacking.is_empty() {
        true => Ok(()),
        false => Err(Stop::new(Code::StoreRefused, lacking.join("; ")).into()),
    }
}

/// What this user may not do and has to be allowed, as the statements that allow it.
pub(super) async fn lacking(client: &ClientWrapper) -> Result<Vec<String>, Failure> {
    let ask = format!(
        "SELECT format('GRANT %s ON %s TO %I', string_agg(one, ', '), on_table, current_user)
         FROM {NEEDED}, unnest(string_to_array(rights, ', ')) AS one
         WHERE NOT has_table_privilege(on_table, one) GROUP BY on_table ORDER BY on_table"
    );
    all(client, &ask, &[], |row: Columns<'_>| row.text(0).map(str::to_owned)).await
}
