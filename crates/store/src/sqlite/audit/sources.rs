//! Sources and their dead letters.

use super::{Audit, Columns};
use crate::rows::Sources;
use crate::sources::{Gathered, LEGS, LETTERS};
use semel_core::failure::Failure;

impl Audit {
    /// All sources and what is kept of their dead letters.
    ///
    /// # Errors
    /// As every read.
    pub fn sources(&self) -> Result<Sources, Failure> {
        let mut gathered = Gathered::default();
        self.each(LETTERS, [], |row| gathered.letter(Columns(row)))?;
        self.each(LEGS, [], |row| gathered.leg(Columns(row)))?;
        Ok(gathered.finish())
    }
}
