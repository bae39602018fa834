//! What a check found: a code and a sentence each, and how much was lost or doubled.
//!
//! One cause may show in a million records, so a code is told so many times in full and counted
//! from there on. Deliberately absent: a judgement which finding matters more.

use serde::Serialize;
use std::collections::BTreeMap;

/// How many findings of one code are told in full.
const TOLD: u64 = 20;

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What kind it is.
    pub code: String,
    /// Where, and what stands there.
    pub detail: String,
}

/// All that is wrong.
#[derive(Clone, Debug, Default)]
pub struct Findings {
    told: Vec<Finding>,
    counts: BTreeMap<&'static str, u64>,
    /// How many events or acknowledged payments cannot be found where they have to be.
    pub lost: u64,
    /// How many of them are there more than once.
    pub doubled: u64,
}

impl Findings {
    /// Tell one; `detail` is not asked for when there were many of its code.
    pub fn tell(&mut self, code: &'static str, detail: impl FnOnce() -> String) {
        let count = self.counts.entry(code).or_default();
        *count += 1;
        if *count <= TOLD {
            self.told.push(Finding { code: code.into(), detail: detail() });
        }
    }

    /// Tell one, of something that is lost.
    pub fn lost(&mut self, code: &'static str, detail: impl FnOnce() -> String) {
        self.lost += 1;
        self.tell(code, detail);
    }

    /// Tell one, of something that is there twice.
    pub fn doubled(&mut self, code: &'static str, detail: impl FnOnce() -> String) {
        self.doubled += 1;
        self.tell(code, detail);
    }

    /// Take in others.
    pub fn extend(&mut self, others: Findings) {
        for (code, count) in others.counts {
            *self.counts.entry(code).or_default() += count;
        }
        self.told.extend(others.told);
        self.lost += others.lost;
        self.doubled += others.doubled;
    }

    /// The codes, each once.
    pub fn codes(&self) -> Vec<&'static str> {
        self.counts.keys().copied().collect()
    }

    /// All of them; behind those of a code with too many stands how many more there were.
    pub fn into_list(self) -> Vec<Finding> {
        let mut list = self.told;
        for (code, count) in self.counts {
            let told = list.iter().filter(|finding| finding.code == code).count() as u64;
            if told < count {
                let detail = format!("and {} more", count - told);
                list.push(Finding { code: code.into(), detail });
            }
        }
        list
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_of_a_code_are_counted() {
        let mut findings = Findings::default();
        for number in 1..=25 {
            findings.lost("missing", || format!("number {number}"));
        }
        findings.doubled("twice", || "once more".into());
        assert_eq!((findings.lost, findings.doubled), (25, 1));
        let list = findings.into_list();
        assert_eq!(list.len(), 22);
        assert_eq!(list[19].detail, "number 20");
        assert_eq!((&*list[21].code, &*list[21].detail), ("missing", "and 5 more"));
    }
}
