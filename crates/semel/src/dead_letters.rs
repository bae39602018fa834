//! `semel dead-letters`: list, show, redrive and discard what could not become a payment.
//!
//! Lists read beside a live server. Redriving and discarding write, so while a server has the store
//! they are asked of it over HTTP. Both say what they would do until they are told `--yes`.

use crate::cli::{DeadLetters, Global, Which};
use crate::config::{self, Config};
use crate::exit::{Exit, misused};
use crate::http::dead_letters as letters;
use crate::import;
use crate::output::{grouped, note, say, table};
use crate::place;
use crate::redrive::{self, Plan, Summary};
use crate::wiring::{Reader, Store};
use semel_core::failure::Failure;
use semel_core::mapping::Mapping;
use semel_core::render;
use semel_store::rows::{LetterFilter, LetterRow, Origin};
use std::path::Path;

/// Run `semel dead-letters`.
///
/// # Errors
/// `Configuration` for a letter or ledger that is not there; every stop of a store.
pub async fn run(global: &Global, args: &DeadLetters) -> Result<Exit, Failure> {
    let config = Config::load(global, None)?;
    match args {
        DeadLetters::List { which, limit } => list(global, &config, which, *limit).await,
        DeadLetters::Show { id, ledger } => show(global, &config, *id, ledger).await,
        DeadLetters::Redrive { which, ids, cap, mapping, yes } => {
            let mapping = mapping.as_deref().map(|path| given(path, which)).transpose()?;
            let filter = filter(which, ids);
            match yes {
                false => plan(global, &config, which, &filter, *cap, "redriven").await,
                true => redrive(global, &config, which, &filter, *cap, mapping).await,
            }
        }
        DeadLetters::Discard { which, ids, cap, yes } => {
            let filter = filter(which, ids);
            match yes {
                false => plan(global, &config, which, &filter, *cap, "discarded").await,
                true => discard(global, &config, which, &filter, *cap).await,
            }
        }
    }
}

async fn list(
    global: &Global,
    config: &Config,
    which: &Which,
    limit: usize,
) -> Result<Exit, Failure> {
    let (reader, ledger) = reader(config, &which.ledger).await?;
    let (filter, mut rows, mut more) = (filter(which, &[]), Vec::<LetterRow>::new(), true);
    while more && rows.len() < limit {
        let after = rows.last().map_or(0, |row| row.id);
        let mut page = reader.letters(ledger, &filter, after, limit - rows.len())?;
        rows.append(&mut page.rows);
        more = page.more;
    }
    if global.json {
        let data = rows.iter().map(letters::rendered).collect::<Vec<_>>().join(",");
        say(&format!(r#"{{"data":[{data}]}}"#))?;
        return Ok(Exit::Done);
    }
    let header = ["id", "ingest", "place", "reason", "detail", "attempts", "last failed"];
    let mut table = table(&header, &[2, 5]);
    for row in &rows {
        table.add_row([
            letters::name(row.id),
            row.ingest.to_string(),
            place(row),
            row.reason.to_string(),
            row.detail.clone(),
            row.attempts.to_string(),
            render::time(row.last_failed_at),
        ]);
    }
    say(&table.to_string())?;
    if more {
        note(&format!("There are more than {limit}; --limit shows them."));
    }
    Ok(Exit::Done)
}

async fn show(global: &Global, config: &Config, id: i64, ledger: &str) -> Result<Exit, Failure> {
    let (reader, no) = reader(config, ledger).await?;
    let missing = || misused(format!("ledger `{ledger}` has no dead letter {}", letters::name(id)));
    let row = reader.letter(no, id)?.ok_or_else(missing)?;
    if global.json {
        say(&letters::rendered(&row))?;
        return Ok(Exit::Done);
    }
    say(&shown(&row))?;
    Ok(Exit::Done)
}

/// Where it stood: a line, or a partition and an offset.
fn place(row: &LetterRow) -> String {
    match row.origin() {
        Origin::Line(line) => line.to_string(),
        Origin::Record { partition, offset, .. } => format!("{partition}/{offset}"),
    }
}

/// A dead letter for people: its bytes as text, escaped where they are none.
fn shown(row: &LetterRow) -> String {
    let text = |bytes: &[u8]| bytes.escape_ascii().to_string().replace("\\\"", "\"");
    let mut lines = vec![
        ("id", letters::name(row.id)),
        ("ingest", row.ingest.to_string()),
        ("from", row.file.to_string()),
        ("place", place(row)),
        ("reason", row.reason.to_string()),
        ("detail", row.detail.clone()),
        ("attempts", row.attempts.to_string()),
        ("first failed", render::time(row.first_failed_at)),
        ("last failed", render::time(row.last_failed_at)),
        ("masked", if row.masked { "yes; it can only be discarded" } else { "no" }.to_owned()),
    ];
    let headers = row.raw.headers.iter();
    lines.extend(headers.map(|(name, value)| (name.as_str(), text(value))));
    lines.extend(row.raw.key.as_deref().map(|key| ("key", text(key))));
    lines.extend(row.raw.value.as_deref().map(|value| ("value", text(value))));
    let lines = lines.iter().map(|(name, value)| format!("{name:14}{value}"));
    lines.collect::<Vec<_>>().join("\n")
}

/// Say what would be redriven or discarded, by reason.
async fn plan(
    global: &Global,
    config: &Config,
    which: &Which,
    filter: &LetterFilter,
    cap: Option<u64>,
    done: &str,
) -> Result<Exit, Failure> {
    let (reader, ledger) = reader(config, &which.ledger).await?;
    let plan = redrive::plan(&reader, ledger, filter, cap)?;
    if global.json {
        say(&letters::meant(plan))?;
        return Ok(Exit::Done);
    }
    let Plan { letters, reasons } = plan;
    let mut table = table(&["reason", "dead letters"], &[1]);
    for (reason, count) in &reasons {
        table.add_row([reason.to_string(), grouped(count)]);
    }
    say(&table.to_string())?;
    let oldest = if cap == Some(letters) { "the oldest " } else { "" };
    note(&format!("{oldest}{} would be {done}; --yes does it", grouped(letters)));
    Ok(Exit::Done)
}

async fn redrive(
    global: &Global,
    config: &Config,
    which: &Which,
    filter: &LetterFilter,
    cap: Option<u64>,
    mapping: Option<Mapping>,
) -> Result<Exit, Failure> {
    let (store, ledger) = writer(config, &which.ledger).await?;
    let redriven = redrive::redrive(&store, ledger, filter, cap, mapping).await;
    store.close().await;
    let summary = redriven?;
    if global.json {
        say(&letters::redriven(summary))?;
        return Ok(Exit::Done);
    }
    let Summary { redriven, accepted, duplicates, refused, masked, .. } = summary;
    let mut table = table(&["dead letters", "count"], &[1]);
    table.add_row(["redriven".to_owned(), grouped(redriven)]);
    table.add_row(["now payments".to_owned(), grouped(accepted)]);
    table.add_row(["payments before".to_owned(), grouped(duplicates)]);
    for (reason, count) in &refused {
        table.add_row([format!("refused: {reason}"), grouped(count)]);
    }
    table.add_row(["left, as masked".to_owned(), grouped(masked)]);
    say(&table.to_string())?;
    Ok(Exit::Done)
}

async fn discard(
    global: &Global,
    config: &Config,
    which: &Which,
    filter: &LetterFilter,
    cap: Option<u64>,
) -> Result<Exit, Failure> {
    let (store, ledger) = writer(config, &which.ledger).await?;
    let discarded = redrive::discard(&store, ledger, filter, cap).await;
    store.close().await;
    let discarded = discarded?;
    match global.json {
        true => say(&letters::discarded(discarded))?,
        false => say(&format!("{} dead letters discarded", grouped(discarded)))?,
    }
    Ok(Exit::Done)
}

fn filter(which: &Which, ids: &[i64]) -> LetterFilter {
    let ids = (!ids.is_empty()).then(|| ids.to_vec());
    LetterFilter { ids, ingest: which.ingest.clone(), reason: which.reason }
}

/// The mapping that the file at `path` has for the ingest that is meant.
fn given(path: &Path, which: &Which) -> Result<Mapping, Failure> {
    let ingest = import::settings::ingest_in(path, which.ingest.as_deref())?;
    ingest.mapping.for_file().map_err(|detail| misused(format!("mapping: {detail}")))?;
    Ok(ingest.mapping)
}

async fn reader(config: &Config, ledger: &str) -> Result<(Reader, u32), Failure> {
    let reader = Reader::open(place::existing(config)?).await?;
    let no = number(&reader, ledger)?;
    Ok((reader, no))
}

async fn writer(config: &Config, ledger: &str) -> Result<(Store, u32), Failure> {
    let store = Store::open(place::existing(config)?).await?;
    let no = number(store.reader(), ledger)?;
    Ok((store, no))
}

/// The number of the ledger named `name`, which must be there.
fn number(reader: &Reader, name: &str) -> Result<u32, Failure> {
    config::name("ledger", name).map_err(misused)?;
    let missing = || misused(format!("there is no ledger `{name}`; `semel ledger list` tells all"));
    Ok(reader.ledger(name)?.ok_or_else(missing)?.no)
}
