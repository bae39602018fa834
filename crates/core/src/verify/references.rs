//! The index of references: what finds a payment's refunds, captures and voids.
//!
//! A reference that it lacks is a refund that nobody would count, so it is compared with the log.

use super::Findings;
use super::sum::Sum;
use crate::event::Event;
use crate::problem::Code;
use alloc::format;

/// The references of a ledger's log on their way through the auditor.
#[derive(Default)]
pub struct References {
    sum: Sum,
}

impl References {
    /// Take an event of the log.
    pub fn logged(&mut self, event: &Event) {
        if let Some(reference) = event.reference {
            self.sum.add((event.seq, reference.seq));
        }
    }

    /// Take an entry of the index: the event numbered `seq` refers to the payment numbered `to`.
    pub fn indexed(&mut self, seq: u64, to: u64) {
        self.sum.take_away((seq, to));
    }

    /// Both have ended; tell if they differ. `ledger` is what people call it.
    pub fn finish(self, ledger: &str, findings: &mut Findings) {
        if self.sum != Sum::NOTHING {
            findings.add(Code::LinkBroken, || {
                format!("ledger {ledger}: the index of references does not fit the log")
            });
        }
    }
}
