//! SQLite.

/// The one writer of a store.
#[derive(Clone)]
pub struct Sqlite;
/// Reads beside it.
#[derive(Clone)]
pub struct Reader;
