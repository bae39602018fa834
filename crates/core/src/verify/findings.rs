//! Findings: what does not fit, by code, each with the place where it was seen.
//!
//! A broken log may hold millions of misfits; the first hundred of a code are kept and the rest
//! counted, so that the auditor survives what it looks at.

use crate::problem::Code;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// How many findings of one code are kept.
const KEPT: usize = 100;

/// Something that does not fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What kind of misfit: one of the `02xx` codes.
    pub code: Code,
    /// Where it is and what was seen there, for people.
    pub detail: String,
}

/// Findings by code, in the order in which they were made.
#[derive(Debug, Default)]
pub struct Findings {
    codes: BTreeMap<Code, Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    details: Vec<String>,
    /// How many more there were.
    more: u64,
}

impl Findings {
    /// Keep one, or count it if there are enough of its kind.
    pub fn add(&mut self, code: Code, detail: impl FnOnce() -> String) {
        let kept = self.codes.entry(code).or_default();
        match kept.details.len() < KEPT {
            true => kept.details.push(detail()),
            false => kept.more += 1,
        }
    }

    /// Take in those of another part.
    pub fn extend(&mut self, other: Findings) {
        for (code, Kept { details, more }) in other.codes {
            for detail in details {
                self.add(code, || detail);
            }
            if more > 0 {
                self.codes.entry(code).or_default().more += more;
            }
        }
    }

    /// Whether everything fits.
    pub fn is_empty(&self) -> bool {
        self.codes.is_empty()
    }

    /// All of them; where a code has too many, the last one says how many more there were.
    pub fn list(self) -> Vec<Finding> {
        let mut list = Vec::new();
        for (code, Kept { details, more }) in self.codes {
            list.extend(details.into_iter().map(|detail| Finding { code, detail }));
            if more > 0 {
                list.push(Finding { code, detail: format!("and {more} more like these") });
            }
        }
        list
    }
}
