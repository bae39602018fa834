//! Sources and their dead letters.

use super::{NONE, each};
use crate::rows::Sources;
use crate::sources::{Gathered, LEGS, LETTERS};
use deadpool_postgres::ClientWrapper;
use semel_core::failure::Failure;

/// All sources and what is kept of their dead letters, which are looked at as they come.
pub(super) async fn read(client: &ClientWrapper) -> Result<Sources, Failure> {
    let mut gathered = Gathered::default();
    each(client, LETTERS, NONE, |row| gathered.letter(row)).await?;
    each(client, LEGS, NONE, |row| gathered.leg(row)).await?;
    Ok(gathered.finish())
}
