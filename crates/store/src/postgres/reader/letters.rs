//! What readers tell of ingests and their dead letters.

use super::super::row::ledger_value;
use super::{Reader, count};
use crate::postgres::columns::Columns;
use crate::postgres::row::{all, number};
use crate::rows::{IngestRow, LetterFilter, LetterPage, LetterRow, PAGE_BYTES, Read};
use semel_core::dead_letter::Raw;
use semel_core::failure::Failure;
use semel_core::ingest::Counts;
use semel_core::reason::Reason;
use std::convert::Infallible;
use tokio_postgres::types::ToSql;

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
        // A sum of numbers has a type of its own, which nothing here reads.
        const ASK: &str = "SELECT ingest, sum(read)::bigint, sum(accepted)::bigint,
                sum(succeeded)::bigint, sum(declined)::bigint, sum(duplicates)::bigint,
                sum(conflicts)::bigint, sum(dead_letters)::bigint, sum(discarded)::bigint
            FROM leg WHERE ledger = $1 GROUP BY ingest ORDER BY ingest";
        self.ask(async |client| all(client, ASK, &[&ledger_value(ledger)], ingest).await)
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
        let most = count(limit.saturating_add(1));
        let (found, mut values) = found(ledger, filter, after, most);
        values.push(Box::new(number(PAGE_BYTES)?));
        let full = values.len();
        // The server cuts the page too, and says whether there is more behind each: what is long
        // and not shown is not sent.
        let ask = format!(
            "SELECT id, ingest, file, line, reason, detail, key, value, headers, masked,
                first_failed_at, last_failed_at, attempts, mapping, source, next IS NOT NULL
             FROM (SELECT *, lead(id) OVER (ORDER BY id) AS next,
                    sum(coalesce(length(key), 0) + coalesce(length(value), 0)) OVER (ORDER BY id
                        ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before
                FROM ({found}) found) page
             WHERE coalesce(before, 0) < ${full} ORDER BY id"
        );
        let read = |row: Columns<'_>| Ok((letter(row)?, row.flag(15)?));
        let read = self.ask(async |client| all(client, &ask, &params(&values), read).await)?;
        let more: Vec<bool> = read.iter().map(|(_, more)| *more).collect();
        let rows = read.into_iter().map(|(letter, _)| Ok(letter));
        let Ok(page) = LetterPage::of::<Infallible>(rows, limit);
        let last = page.rows.len().checked_sub(1).and_then(|last| more.get(last));
        Ok(LetterPage { more: page.more || last.copied().unwrap_or(false), ..page })
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
        let cap = cap.map_or(i64::MAX, |cap| i64::try_from(cap).unwrap_or(i64::MAX));
        let (found, values) = found(ledger, filter, i64::MIN, cap);
        let ask = format!(
            "SELECT reason, count(*) FROM ({found}) oldest
             GROUP BY reason ORDER BY count(*) DESC, reason"
        );
        let reasons = |row: Columns<'_>| Ok((row.reason(0)?, row.natural(1)?));
        self.ask(async |client| all(client, &ask, &params(&values), reasons).await)
    }
}

/// The parameters of a statement, in order.
type Values = Vec<Box<dyn ToSql + Sync>>;

fn params(values: &Values) -> Vec<&(dyn ToSql + Sync)> {
    values.iter().map(|value| &**value).collect()
}

fn ingest(row: Columns<'_>) -> Read<IngestRow> {
    let counts = Counts {
        read: row.number(1)?,
        accepted: row.number(2)?,
        succeeded: row.number(3)?,
        declined: row.number(4)?,
        duplicates: row.number(5)?,
        conflicts: row.number(6)?,
        dead_letters: row.number(7)?,
        discarded: row.number(8)?,
    };
    Ok(IngestRow { name: row.owned(0)?, counts })
}

fn letter(row: Columns<'_>) -> Read<LetterRow> {
    let bytes =
        |column| -> Read<Option<Vec<u8>>> { Ok(row.optional_bytes(column)?.map(<[u8]>::to_vec)) };
    let headers = serde_json::from_str(row.text(8)?).map_err(|_| row.odd(8))?;
    let raw = Raw { key: bytes(6)?, value: bytes(7)?, headers };
    Ok(LetterRow {
        id: row.number(0)?,
        ingest: row.owned(1)?,
        file: row.owned(2)?,
        line: row.natural(3)?,
        reason: row.reason(4)?,
        detail: row.text(5)?.to_owned(),
        raw,
        masked: row.flag(9)?,
        first_failed_at: row.number(10)?,
        last_failed_at: row.number(11)?,
        attempts: row.number(12)?,
        mapping: row.owned(13)?,
        source: row.owned(14)?,
    })
}

/// The dead letters of a ledger above the number `after` that a filter lets through, the oldest
/// `most` of them, with what their sources say.
///
/// The oldest of each source are taken from the index in their order, then the oldest of those: as
/// quick for the ledger with the fewest as for the one with the most. An equal source would let the
/// server walk all letters of all ledgers by their numbers instead.
fn found(ledger: u32, filter: &LetterFilter, after: i64, most: i64) -> (String, Values) {
    let (mut legs, mut letters) = (String::new(), String::new());
    let mut values: Values = vec![Box::new(ledger_value(ledger)), Box::new(after), Box::new(most)];
    // No text here has the character NUL.
    if filter.ingest.as_ref().is_some_and(|ingest| ingest.contains('\0')) {
        legs += " AND false";
    } else if let Some(ingest) = &filter.ingest {
        values.push(Box::new(ingest.clone()));
        legs += &format!(" AND leg.ingest = ${}", values.len());
    }
    if let Some(reason) = &filter.reason {
        values.push(Box::new(reason.as_str()));
        letters += &format!(" AND reason = ${}", values.len());
    }
    if let Some(ids) = &filter.ids {
        values.push(Box::new(ids.clone()));
        letters += &format!(" AND id = ANY(${})", values.len());
    }
    let found = format!(
        "SELECT oldest.*, leg.ingest, leg.file, leg.mapping FROM leg, LATERAL (
            SELECT * FROM dead_letter
            WHERE (source, id) > (leg.source, $2) AND source <= leg.source{letters}
            ORDER BY source, id LIMIT $3) oldest
         WHERE leg.ledger = $1{legs} ORDER BY oldest.id LIMIT $3"
    );
    (found, values)
}
