//! Sources and their dead letters.

use super::Audit;
use super::decode::Columns;
use crate::rows::Read;
use semel_core::Text;
use semel_core::dead_letter::{Raw, digest};
use semel_core::failure::Failure;
use semel_core::ingest::Counts;
use semel_core::reason::Reason;
use semel_core::verify::Leg;
use std::collections::BTreeMap;

/// All sources of a store.
pub struct Sources {
    /// Each with the number of its ledger.
    pub legs: Vec<(i64, Leg)>,
    /// What cannot be read of them or of their dead letters, in words.
    pub odd: Vec<String>,
}

/// The length of a claim's random name and of its owner's.
const NAME_BYTES: usize = 16;

/// Dead letters of a source, and the conflicts among them.
type Letters = BTreeMap<String, (i64, i64)>;

impl Audit {
    /// All sources and what is kept of their dead letters.
    ///
    /// # Errors
    /// As every read.
    pub fn sources(&self) -> Result<Sources, Failure> {
        const LEGS: &str = "SELECT source, ledger, ingest, read, accepted, succeeded, declined,
                duplicates, conflicts, dead_letters, file, mapping, next, tail, hint, claim, owner,
                until, discarded
            FROM leg ORDER BY source";
        const LETTERS: &str = "SELECT id, source, reason, line, headers, masked, attempts, detail,
                key, value, first_failed_at, last_failed_at, digest
            FROM dead_letter ORDER BY id";
        let mut odd = Vec::new();
        let mut letters = Letters::new();
        self.each(LETTERS, [], |row| {
            let id = row.get_ref(0).and_then(|id| Ok(id.as_i64()?)).unwrap_or_default();
            if let Err(why) = letter(Columns(row), &mut letters) {
                odd.push(format!("dead letter {id}: {why}"));
            }
        })?;
        let mut legs = Vec::new();
        self.each(LEGS, [], |row| match leg(Columns(row), &mut letters) {
            Ok(leg) => legs.push(leg),
            Err(why) => odd.push(why),
        })?;
        let homeless = letters.iter().map(|(source, (letters, _))| {
            format!("{letters} dead letters of {source}: there is no such source")
        });
        odd.extend(homeless);
        Ok(Sources { legs, odd })
    }
}

fn letter(row: Columns<'_>, letters: &mut Letters) -> Read<()> {
    let source = row.text(1)?;
    if !letters.contains_key(source) {
        letters.insert(source.to_owned(), (0, 0));
    }
    let (all, conflicts) = letters.get_mut(source).expect("it was put there");
    *all += 1;
    let reason = Reason::parse(row.text(2)?).ok_or_else(|| row.odd(2))?;
    *conflicts += i64::from(reason == Reason::Conflict);
    let line = row.natural(3)?;
    let headers = serde_json::from_str(row.text(4)?).map_err(|_| row.odd(4))?;
    let masked = match row.number(5)? {
        0 => false,
        1 => true,
        _ => return Err(row.odd(5)),
    };
    if row.number(6)? < 1 {
        return Err(row.odd(6));
    }
    row.text(7)?;
    let [key, value] = [8, 9].map(|column| row.optional_bytes(column));
    let raw = Raw { key: key?.map(<[u8]>::to_vec), value: value?.map(<[u8]>::to_vec), headers };
    row.number(11)?;
    if digest(source, line, &raw, masked, row.number(10)?) != row.hash(12)? {
        return Err("it is not what was put aside".into());
    }
    Ok(())
}

fn leg(row: Columns<'_>, letters: &mut Letters) -> Read<(i64, Leg)> {
    let source: Text = row.text(0)?.into();
    let (all, conflicts) = letters.remove(&*source).unwrap_or_default();
    let read = || {
        let counts = Counts {
            read: row.number(3)?,
            accepted: row.number(4)?,
            succeeded: row.number(5)?,
            declined: row.number(6)?,
            duplicates: row.number(7)?,
            conflicts: row.number(8)?,
            dead_letters: row.number(9)?,
            discarded: row.number(18)?,
        };
        row.text(10)?;
        row.text(11)?;
        row.natural(12)?;
        row.hash(13)?;
        row.natural(14)?;
        for name in [15, 16] {
            if row.optional_bytes(name)?.is_some_and(|name| name.len() != NAME_BYTES) {
                return Err(row.odd(name));
            }
        }
        row.number(17)?;
        let ingest = row.text(2)?.into();
        let source = source.clone();
        Ok((row.number(1)?, Leg { source, ingest, counts, letters: all, conflicts }))
    };
    read().map_err(|why: String| format!("source {source}: {why}"))
}
