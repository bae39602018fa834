//! The one module that names concrete backends: everything else is written against what all of
//! them can do.
//!
//! Each method here only hands its call to the backend, whose own documentation says what it does.

/// Hand calls to the backend.
macro_rules! handed {
    ($($(#[$doc:meta])* fn $name:ident($($arg:ident: $of:ty),*) -> $told:ty;)*) => {$(
        $(#[$doc])*
        ///
        /// # Errors
        /// As there.
        pub fn $name(&self, $($arg: $of),*) -> $told {
            match self {
                Self::Sqlite(backend) => backend.$name($($arg),*),
                Self::Postgres(backend) => backend.$name($($arg),*),
            }
        }
    )*};
}

mod audit;
mod scratch;
mod store;
mod target;
mod wire;

pub use audit::Audit;
pub use scratch::{Bare, Rows, Scratch};
pub use store::{Reader, Store};
pub use target::{StoreClaim, StoreStep, StoreTarget};
pub use wire::{
    Beside, Cluster, Inspected, Made, Right, StoreLog, Wanted, WireSettings, WireTopic,
};

pub use semel_store::postgres::Counters;
pub use semel_store::resident::Form;
pub use semel_store::rows::Sources;

/// What a server counts by itself, for measurements; of a file nobody does.
pub type Meter = semel_store::postgres::Meter;
