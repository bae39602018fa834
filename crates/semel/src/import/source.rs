//! A file as a source: batches of decoded records, read ahead by a thread of their own.
//!
//! The thread decodes while the pump commits, and is at most [`AHEAD`] batches ahead, so memory is
//! flat whatever the file's length. Law 5 is kept by the cursor's `tail` ([`Input::open`]).
//! Deliberately absent: watching the file. What is appended later is taken by the next run.

use super::csv::{Csv, Header};
use super::decoder::Decoder;
use super::input::{Input, unreadable};
use super::lines::Lines;
use super::record::Records;
use crate::cli::Format;
use indicatif::ProgressBar;
use semel_core::exactly_once::{Batch, Cursor, Failure, Source};
use semel_core::failure::Stop;
use semel_core::ingest::Item;
use semel_core::problem::Code;
use std::path::{Path, PathBuf};
use tokio::sync::mpsc;

/// How many batches wait for the pump.
const AHEAD: usize = 2;
/// A batch ends here, in bytes of the file or of its records with the header row that each of them
/// carries, however few they are.
const BATCH_BYTES: u64 = 4 * 1024 * 1024;

/// What is read, and how.
#[derive(Clone, Debug)]
pub struct Origin {
    /// Where the file is.
    pub path: PathBuf,
    /// How it is written.
    pub format: Format,
    /// What its records mean.
    pub decoder: Decoder,
}

impl Origin {
    /// The header row of a CSV file; `None` of an empty file and of other formats.
    ///
    /// # Errors
    /// `SourceUnreadable`, also where the row is no header.
    pub fn header(&self) -> Result<Option<Header>, Stop> {
        match self.format {
            Format::Jsonl => Ok(None),
            Format::Csv => header(&self.path, &mut Input::open(&self.path, &Cursor::START)?),
        }
    }

    /// The file from `from` on, and what cuts it into records.
    fn open(&self, from: &Cursor) -> Result<(Input, Box<dyn Records>), Stop> {
        let decoder = self.decoder.clone();
        match self.format {
            Format::Jsonl => Ok((Input::open(&self.path, from)?, Box::new(Lines::new(decoder)))),
            Format::Csv => {
                let mut input = Input::open(&self.path, &Cursor::START)?;
                let header = header(&self.path, &mut input)?;
                if from.next > 0 {
                    input = Input::open(&self.path, from)?;
                }
                // A file without a header has no records either.
                let header = header.unwrap_or(Header { bytes: Vec::new(), columns: Vec::new() });
                Ok((input, Box::new(Csv::new(decoder, header))))
            }
        }
    }
}

fn header(path: &Path, input: &mut Input) -> Result<Option<Header>, Stop> {
    let read = Header::read(input).map_err(|error| unreadable(path, &error))?;
    let refused = |why| Stop::new(Code::SourceUnreadable, format!("{}: {why}", path.display()));
    read.transpose().map_err(refused)
}

/// A file, as the pump sees it.
pub struct FileSource {
    origin: Origin,
    ahead: Option<Ahead>,
    progress: ProgressBar,
}

/// What the thread sends: a batch, the end, or why there is neither.
type Sent = Result<Option<Batch<Item>>, Stop>;

/// A thread that reads on from `at`.
struct Ahead {
    at: Cursor,
    batches: mpsc::Receiver<Sent>,
}

impl FileSource {
    /// The file of `origin`; `progress` is told how many of its bytes are committed.
    pub fn new(origin: Origin, progress: ProgressBar) -> FileSource {
        FileSource { origin, ahead: None, progress }
    }

    fn ahead(&self, from: Cursor, limit: usize) -> Result<Ahead, Stop> {
        let (sender, batches) = mpsc::channel(AHEAD);
        let origin = self.origin.clone();
        std::thread::Builder::new()
            .name("read-ahead".into())
            .spawn(move || send(&origin, from, limit, &sender))
            .map_err(|error| unreadable(&self.origin.path, &error))?;
        Ok(Ahead { at: from, batches })
    }
}

impl Source for FileSource {
    type Item = Item;

    async fn read(&mut self, from: &Cursor, limit: usize) -> Result<Option<Batch<Item>>, Failure> {
        self.progress.set_position(from.next);
        let mut ahead = match self.ahead.take() {
            Some(ahead) if ahead.at == *from => ahead,
            // The first read, or a step that was not committed: what was read ahead is of no use.
            _ => self.ahead(*from, limit)?,
        };
        let ended = || Err(Stop::new(Code::SourceUnreadable, "the thread that reads it has died"));
        let batch = ahead.batches.recv().await.unwrap_or_else(ended)?;
        if let Some(batch) = &batch {
            ahead.at = batch.to;
            self.ahead = Some(ahead);
        }
        Ok(batch)
    }
}

/// Send every batch from `from` on, then the end, as long as somebody listens.
fn send(origin: &Origin, from: Cursor, limit: usize, to: &mpsc::Sender<Sent>) {
    let opened = origin.open(&from);
    let (mut input, mut records) = match opened {
        Ok(opened) => opened,
        // Whoever does not listen any more does not need to know.
        Err(stop) => return drop(to.blocking_send(Err(stop))),
    };
    loop {
        let batch = batch(&mut input, records.as_mut(), limit);
        let batch = batch.map_err(|error| unreadable(&origin.path, &error));
        let is_last = !matches!(batch, Ok(Some(_)));
        if to.blocking_send(batch).is_err() || is_last {
            return;
        }
    }
}

fn batch(
    input: &mut Input,
    records: &mut dyn Records,
    limit: usize,
) -> std::io::Result<Option<Batch<Item>>> {
    let start = input.next();
    let mut items = Vec::with_capacity(limit);
    let mut held = 0;
    while items.len() < limit && held.max(input.next() - start) < BATCH_BYTES {
        let Some(item) = records.next(input)? else { break };
        held += item.raw.length();
        items.push(item);
    }
    Ok((!items.is_empty()).then(|| Batch { items, to: input.cursor() }))
}
