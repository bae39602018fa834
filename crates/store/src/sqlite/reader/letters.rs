//! What readers tell of ingests and their dead letters.

use super::{Reader, count};
use crate::rows::{IngestRow, LetterFilter, LetterPage, LetterRow};
use crate::sqlite::row;
use rusqlite::{Result as SqlResult, Row, ToSql, params_from_iter};
use semel_core::dead_letter::Raw;
use semel_core::failure::Failure;
use semel_core::ingest::Counts;
use semel_core::reason::Reason;

impl Reader {
    /// The ingest named `name`, all its sources together.
    ///
    /// # Errors
    /// As every read.
    pub fn ingest(&self, ledger: u32, name: &str) -> Result<Option<IngestRow>, Failure> {
        let ingests = self.ingests(ledger)?;
        Ok(ingests.into_iter().find(|ingest| &*ingest.name == name))
    }

    /// All ingests of a ledger, by name.
    ///
    /// # Errors
    /// As every read.
    pub fn ingests(&self, ledger: u32) -> Result<Vec<IngestRow>, Failure> {
        const ASK: &str = "SELECT ingest, sum(read), sum(accepted), sum(succeeded), sum(declined),
                sum(duplicates), sum(conflicts), sum(dead_letters), sum(discarded)
            FROM leg WHERE ledger = ?1 GROUP BY ingest ORDER BY ingest";
        self.ask(|conn| conn.prepare_cached(ASK)?.query_map([ledger], ingest)?.collect())
    }

    /// Dead letters above the number `after`, in order: at most `limit`, and fewer where they are
    /// long.
    ///
    /// # Errors
    /// As every read.
    pub fn letters(
        &self,
        ledger: u32,
        filter: &LetterFilter,
        after: i64,
        limit: usize,
    ) -> Result<LetterPage, Failure> {
        const ASK: &str = "SELECT d.id, leg.ingest, leg.file, d.line, d.reason, d.detail, d.key,
                d.value, d.headers, d.masked, d.first_failed_at, d.last_failed_at, d.attempts,
                leg.mapping, leg.source
            FROM dead_letter d JOIN leg ON leg.source = d.source";
        let (narrow, mut values) = narrowed(ledger, filter);
        values.push(Box::new(after));
        values.push(Box::new(count(limit.saturating_add(1))));
        let ask = format!("{ASK} WHERE {narrow} AND d.id > ? ORDER BY d.id LIMIT ?");
        self.ask(|conn| {
            let mut ask = conn.prepare(&ask)?;
            LetterPage::of(ask.query_map(params_from_iter(&values), letter)?, limit)
        })
    }

    /// One dead letter.
    ///
    /// # Errors
    /// As every read.
    pub fn letter(&self, ledger: u32, id: i64) -> Result<Option<LetterRow>, Failure> {
        let filter = LetterFilter { ids: Some(vec![id]), ..LetterFilter::default() };
        Ok(self.letters(ledger, &filter, i64::MIN, 1)?.rows.pop())
    }

    /// How many dead letters there are, of the oldest `cap`, by reason, the most frequent first.
    ///
    /// # Errors
    /// As every read.
    pub fn letter_reasons(
        &self,
        ledger: u32,
        filter: &LetterFilter,
        cap: Option<u64>,
    ) -> Result<Vec<(Reason, u64)>, Failure> {
        let (narrow, mut values) = narrowed(ledger, filter);
        values.push(Box::new(cap.map_or(i64::MAX, |cap| i64::try_from(cap).unwrap_or(i64::MAX))));
        let ask = format!(
            "SELECT reason, count(*) FROM (
                SELECT d.reason FROM dead_letter d JOIN leg ON leg.source = d.source
                WHERE {narrow} ORDER BY d.id LIMIT ?
             ) GROUP BY reason ORDER BY count(*) DESC, reason"
        );
        self.ask(|conn| {
            let reasons = |row: &Row<'_>| Ok((row::reason(row, 0)?, row::seq(row, 1)?));
            conn.prepare(&ask)?.query_map(params_from_iter(&values), reasons)?.collect()
        })
    }
}

fn ingest(row: &Row<'_>) -> SqlResult<IngestRow> {
    let counts = Counts {
        read: row.get(1)?,
        accepted: row.get(2)?,
        succeeded: row.get(3)?,
        declined: row.get(4)?,
        duplicates: row.get(5)?,
        conflicts: row.get(6)?,
        dead_letters: row.get(7)?,
        discarded: row.get(8)?,
    };
    Ok(IngestRow { name: row.get(0)?, counts })
}

fn letter(row: &Row<'_>) -> SqlResult<LetterRow> {
    let raw = Raw { key: row.get(6)?, value: row.get(7)?, headers: row::headers(row, 8)? };
    Ok(LetterRow {
        id: row.get(0)?,
        ingest: row.get(1)?,
        file: row.get(2)?,
        line: row::seq(row, 3)?,
        reason: row::reason(row, 4)?,
        detail: row.get(5)?,
        raw,
        masked: row.get(9)?,
        first_failed_at: row.get(10)?,
        last_failed_at: row.get(11)?,
        attempts: row.get(12)?,
        mapping: row.get(13)?,
        source: row.get(14)?,
    })
}

/// The condition that a filter stands for, and its values.
fn narrowed(ledger: u32, filter: &LetterFilter) -> (String, Vec<Box<dyn ToSql>>) {
    let mut narrow = String::from("leg.ledger = ?");
    let mut values: Vec<Box<dyn ToSql>> = vec![Box::new(ledger)];
    if let Some(ingest) = &filter.ingest {
        narrow += " AND leg.ingest = ?";
        values.push(Box::new(ingest.clone()));
    }
    if let Some(reason) = &filter.reason {
        narrow += " AND d.reason = ?";
        values.push(Box::new(reason.as_str()));
    }
    if let Some(ids) = &filter.ids {
        // Numbers only: there is nothing to escape.
        let list: Vec<String> = ids.iter().map(i64::to_string).collect();
        narrow += &format!(" AND d.id IN ({})", list.join(", "));
    }
    (narrow, values)
}
