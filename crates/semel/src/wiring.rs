//! The one file that names concrete backends.

/// The store that this binary runs on.
pub type Store = semel_store::sqlite::Sqlite;
/// Reads beside a writer, be it in this process or in another.
pub type Reader = semel_store::sqlite::Reader;
/// The store's own limit, for measurements.
pub type Bare = semel_store::sqlite::Bare;
/// A snapshot of everything that a store keeps.
pub type Audit = semel_store::sqlite::Audit;
/// The sources in it.
pub type Sources = semel_store::sqlite::Sources;
