//! Sources and their dead letters, read for the auditor and checked one against the other.

use crate::decode::{Values, hash, natural, number, text};
use crate::rows::{Read, Sources};
use semel_core::Text;
use semel_core::dead_letter::{Raw, digest};
use semel_core::ingest::Counts;
use semel_core::reason::Reason;
use semel_core::verify::Leg;
use std::collections::BTreeMap;

/// The columns of [`Gathered::letter`].
pub(crate) const LETTERS: &str = "SELECT id, source, reason, line, headers, masked, attempts,
        detail, key, value, first_failed_at, last_failed_at, digest
    FROM dead_letter ORDER BY id";

/// The columns of [`Gathered::leg`].
pub(crate) const LEGS: &str = "SELECT source, ledger, ingest, read, accepted, succeeded, declined,
        duplicates, conflicts, dead_letters, file, mapping, next, tail, hint, claim, owner, until,
        discarded
    FROM leg ORDER BY source";

/// The length of a claim's random name and of its owner's.
const NAME_BYTES: usize = 16;

/// What was read so far: all dead letters, and behind them all sources.
#[derive(Default)]
pub(crate) struct Gathered {
    /// By source: how many, and how many of them are conflicts.
    letters: BTreeMap<String, (i64, i64)>,
    sources: Sources,
}

impl Gathered {
    /// Take a dead letter, from the columns of [`LETTERS`]: it is counted and not kept.
    pub(crate) fn letter<'a>(&mut self, row: impl Values<'a>) {
        if let Err(why) = self.counted(row) {
            let id = number(row, 0).unwrap_or_default();
            self.sources.odd.push(format!("dead letter {id}: {why}"));
        }
    }

    fn counted<'a>(&mut self, row: impl Values<'a>) -> Read<()> {
        let source = text(row, 1)?;
        if !self.letters.contains_key(source) {
            self.letters.insert(source.to_owned(), (0, 0));
        }
        let (all, conflicts) = self.letters.get_mut(source).expect("it was put there");
        *all += 1;
        let reason = Reason::parse(text(row, 2)?).ok_or_else(|| row.odd(2))?;
        *conflicts += i64::from(reason == Reason::Conflict);
        let line = natural(row, 3)?;
        let headers = serde_json::from_str(text(row, 4)?).map_err(|_| row.odd(4))?;
        let masked = row.flag(5)?;
        if number(row, 6)? < 1 {
            return Err(row.odd(6));
        }
        text(row, 7)?;
        let [key, value] = [8, 9].map(|column| row.optional_bytes(column));
        let raw = Raw { key: key?.map(<[u8]>::to_vec), value: value?.map(<[u8]>::to_vec), headers };
        number(row, 11)?;
        if digest(source, line, &raw, masked, number(row, 10)?) != hash(row, 12)? {
            return Err("it is not what was put aside".into());
        }
        Ok(())
    }

    /// Take a source, from the columns of [`LEGS`].
    pub(crate) fn leg<'a>(&mut self, row: impl Values<'a>) {
        match leg(row, &mut self.letters) {
            Ok(leg) => self.sources.legs.push(leg),
            Err(why) => self.sources.odd.push(why),
        }
    }

    /// All are taken.
    pub(crate) fn finish(mut self) -> Sources {
        let homeless = self.letters.iter().map(|(source, (letters, _))| {
            format!("{letters} dead letters of {source}: there is no such source")
        });
        self.sources.odd.extend(homeless);
        self.sources
    }
}

fn leg<'a>(row: impl Values<'a>, letters: &mut BTreeMap<String, (i64, i64)>) -> Read<(i64, Leg)> {
    let source: Text = text(row, 0)?.into();
    let (all, conflicts) = letters.remove(&*source).unwrap_or_default();
    let read = || {
        let counts = Counts {
            read: number(row, 3)?,
            accepted: number(row, 4)?,
            succeeded: number(row, 5)?,
            declined: number(row, 6)?,
            duplicates: number(row, 7)?,
            conflicts: number(row, 8)?,
            dead_letters: number(row, 9)?,
            discarded: number(row, 18)?,
        };
        text(row, 10)?;
        text(row, 11)?;
        natural(row, 12)?;
        hash(row, 13)?;
        natural(row, 14)?;
        for name in [15, 16] {
            if row.optional_bytes(name)?.is_some_and(|name| name.len() != NAME_BYTES) {
                return Err(row.odd(name));
            }
        }
        number(row, 17)?;
        let ingest = text(row, 2)?.into();
        let source = source.clone();
        Ok((number(row, 1)?, Leg { source, ingest, counts, letters: all, conflicts }))
    };
    read().map_err(|why: String| format!("source {source}: {why}"))
}
