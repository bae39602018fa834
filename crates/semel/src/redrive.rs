//! Dead letters on their way back, or out: what the command line and the HTTP door both do.
//!
//! A letter is decoded again with the mapping that its source was decoded with last, or with one
//! that is given, and decided like everything else, identity first: it can never apply twice.
//! Letters are taken in the order in which they came, in steps; a letter that fails again stays.
//! Deliberately absent: letters whose card numbers were masked. What is kept of them is not what
//! came, so they cannot be redriven, only discarded.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use semel_core::Text;
use semel_core::dead_letter::{self, Redrive, Redriven};
use semel_core::exactly_once::door;
use semel_core::failure::{Failure, Stop};
use semel_core::ledger::Snapshot;
use semel_core::ledger::door::TRIES;
use semel_core::mapping::Mapping;
use semel_core::problem::Code;
use semel_core::reason::Reason;
use semel_store::rows::{LetterFilter, LetterRow};

use crate::doors::backoff;
use crate::import::decoder::Decoder;
use crate::wiring::{Reader, Store};

/// How many letters are one step.
const STEP: usize = 500;

/// What a redrive did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Letters that were taken up.
    pub redriven: u64,
    /// Payments now.
    pub accepted: u64,
    /// Payments that were recorded before.
    pub duplicates: u64,
    /// Failed again, by their new reason.
    pub refused: BTreeMap<Reason, u64>,
    /// Left alone, because their card numbers were masked.
    pub masked: u64,
    /// Settled by somebody else in the meantime.
    pub gone: u64,
}

/// What a redrive or a discard would be about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// How many letters.
    pub letters: u64,
    /// By reason, the most frequent first.
    pub reasons: Vec<(Reason, u64)>,
}

/// What a redrive or a discard of the letters that `filter` means, at most `cap` of them, would be
/// about. Blocks.
///
/// # Errors
/// What the store says.
pub fn plan(
    reader: &Reader,
    ledger: u32,
    filter: &LetterFilter,
    cap: Option<u64>,
) -> Result<Plan, Failure> {
    let reasons = reader.letter_reasons(ledger, filter, cap)?;
    Ok(Plan { letters: reasons.iter().map(|(_, count)| count).sum(), reasons })
}

/// Redrive the letters that `filter` means, at most `cap` of them, with `mapping` instead of their
/// sources' own where one is given.
///
/// # Errors
/// What the store says. Steps that were committed before stay.
pub async fn redrive(
    store: &Store,
    ledger: u32,
    filter: &LetterFilter,
    cap: Option<u64>,
    mapping: Option<Mapping>,
) -> Result<Summary, Failure> {
    let mut decoders = Decoders { given: mapping, own: BTreeMap::new() };
    let mut letters = Letters::of(store, ledger, filter, cap);
    let mut summary = Summary::default();
    while let Some(rows) = letters.next().await? {
        let (masked, rows): (Vec<_>, Vec<_>) = rows.into_iter().partition(|row| row.masked);
        summary.masked += masked.len() as u64;
        let redrives = decoders.decode(rows)?;
        if redrives.is_empty() {
            continue;
        }
        let results = step(store, ledger, &redrives).await?;
        results.into_iter().for_each(|result| summary.take(result));
    }
    Ok(summary)
}

/// Discard the letters that `filter` means, at most `cap` of them; how many there were.
///
/// # Errors
/// As [`redrive`].
pub async fn discard(
    store: &Store,
    ledger: u32,
    filter: &LetterFilter,
    cap: Option<u64>,
) -> Result<u64, Failure> {
    let mut letters = Letters::of(store, ledger, filter, cap);
    let mut discarded = 0;
    while let Some(rows) = letters.next().await? {
        let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
        let keys = || dead_letter::discard_keys(&ids);
        let there =
            door::pass(&store.door(ledger), keys, dead_letter::discard, TRIES, backoff).await?;
        discarded += there.len() as u64;
    }
    Ok(discarded)
}

async fn step(store: &Store, ledger: u32, redrives: &[Redrive]) -> Result<Vec<Redriven>, Failure> {
    let keys = || dead_letter::keys(redrives);
    let decide = |snapshot: &Snapshot| dead_letter::redrive(redrives, snapshot);
    Ok(door::pass(&store.door(ledger), keys, decide, TRIES, backoff).await?)
}

impl Summary {
    fn take(&mut self, result: Redriven) {
        self.redriven += 1;
        match result {
            Redriven::Accepted => self.accepted += 1,
            Redriven::Duplicate => self.duplicates += 1,
            Redriven::Refused(rejection) => *self.refused.entry(rejection.reason).or_default() += 1,
            Redriven::Gone => self.gone += 1,
        }
    }
}

/// The letters that a filter means, in steps.
struct Letters<'s> {
    store: &'s Store,
    ledger: u32,
    filter: LetterFilter,
    after: i64,
    left: Option<u64>,
}

impl<'s> Letters<'s> {
    fn of(store: &'s Store, ledger: u32, filter: &LetterFilter, cap: Option<u64>) -> Letters<'s> {
        Letters { store, ledger, filter: filter.clone(), after: 0, left: cap }
    }

    /// The next letters; `None` when there are no more, or enough.
    async fn next(&mut self) -> Result<Option<Vec<LetterRow>>, Failure> {
        let left = self.left.map_or(STEP, |left| usize::try_from(left).unwrap_or(STEP));
        let limit = left.min(STEP);
        if limit == 0 {
            return Ok(None);
        }
        let (ledger, filter, after) = (self.ledger, self.filter.clone(), self.after);
        let page = read(self.store, move |reader| reader.letters(ledger, &filter, after, limit));
        let rows = page.await?.rows;
        let Some(last) = rows.last() else { return Ok(None) };
        self.after = last.id;
        self.left = self.left.map(|left| left.saturating_sub(rows.len() as u64));
        Ok(Some(rows))
    }
}

/// How letters are decoded: by ingest, for their keys' namespace, and by their source's mapping.
///
/// Two sources of one ingest may differ in their units, so an ingest alone says nothing.
struct Decoders {
    given: Option<Mapping>,
    own: BTreeMap<(Text, Text), Decoder>,
}

impl Decoders {
    fn decode(&mut self, rows: Vec<LetterRow>) -> Result<Vec<Redrive>, Stop> {
        let mut redrives = Vec::with_capacity(rows.len());
        for row in rows {
            let own = (row.ingest.clone(), row.mapping.clone());
            let decoder = match self.own.entry(own) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(new) => {
                    let decoder = decoder(self.given.as_ref(), new.key())?;
                    new.insert(decoder)
                }
            };
            redrives.push(Redrive { letter: row.id, content: decoder.letter(&row) });
        }
        Ok(redrives)
    }
}

fn decoder(given: Option<&Mapping>, (ingest, toml): &(Text, Text)) -> Result<Decoder, Stop> {
    let mapping = match given {
        Some(mapping) => mapping.clone(),
        None => toml::from_str(toml).map_err(|error| unreadable(ingest, &error))?,
    };
    Ok(Decoder { namespace: ingest.clone(), mapping })
}

/// Only Semel writes mappings into a store, and only such as it could read.
fn unreadable(ingest: &str, error: &toml::de::Error) -> Stop {
    let detail = format!("a mapping of ingest `{ingest}` cannot be read: {}", error.message());
    Stop::new(Code::RowUnreadable, detail)
}

/// Read the store on a thread that may block.
async fn read<T: Send + 'static>(
    store: &Store,
    read: impl FnOnce(&Reader) -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    let reader = store.reader().clone();
    let ended = |_| Failure::Retryable("the read was cut off".into());
    tokio::task::spawn_blocking(move || read(&reader)).await.map_err(ended)?
}
