//! The directories that Semel keeps its files in: made when it writes, missed when it reads.

use crate::config::Config;
use semel_core::failure::Stop;
use semel_core::problem::Code;
use std::path::Path;

/// Make the store's directory if it is not there.
///
/// # Errors
/// `DataUnusable`, with what stands in the way.
pub fn prepare(config: &Config) -> Result<(), Stop> {
    let directory = config.directory();
    std::fs::create_dir_all(directory).map_err(|error| {
        let place = directory.display();
        Stop::new(
            Code::DataUnusable,
            format!("{place}: {error}; name another directory with --data, or mend this one"),
        )
    })
}

/// The store's file, which must be there.
///
/// # Errors
/// `DataUnusable` where there is none.
pub fn existing(config: &Config) -> Result<&Path, Stop> {
    if config.store.is_file() {
        return Ok(&config.store);
    }
    let place = config.store.display();
    let detail =
        format!("there is no store at {place}; `semel serve` makes one, --data names another");
    Err(Stop::new(Code::DataUnusable, detail))
}
