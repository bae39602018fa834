//! A file as a source: its lines, and a tail over all that was read of it.

use super::messages::Line;
use semel_core::chain::Hash;
use semel_core::exactly_once::{Batch, Cursor, Failure, Source};
use semel_core::ingest::Item;
use semel_core::ingest::topic::Intake;
use semel_core::mapping::{Record, decode};
use std::sync::Arc;

/// A file.
pub struct FileSource {
    lines: Arc<Vec<Line>>,
    intake: Intake,
}

impl FileSource {
    /// The lines of a file, taken as `intake` says.
    pub fn new(lines: Arc<Vec<Line>>, intake: Intake) -> FileSource {
        FileSource { lines, intake }
    }

    fn item(&self, line: u64, raw: &Line) -> Item {
        let raw = raw.raw(line);
        let value = raw.value.as_deref();
        let record = Record { value, key: None, headers: &[], position: "" };
        let Intake { name, mapping, .. } = &self.intake;
        let decoded = decode(mapping, &record);
        let content = decoded.map(|decoded| decoded.command(name, mapping.open_accounts));
        Item { line, raw, content }
    }
}

impl Source for FileSource {
    type Item = Item;

    async fn read(&mut self, from: &Cursor, limit: usize) -> Result<Option<Batch<Item>>, Failure> {
        let lines = self.lines.iter().zip(0..).skip(from.next as usize).take(limit);
        let mut to = *from;
        let mut items = Vec::new();
        for (raw, line) in lines {
            items.push(self.item(line, raw));
            let value = raw.value.as_deref().unwrap_or_default();
            to = Cursor {
                next: line + 1,
                tail: to.tail.link(Hash::of(value).hex().as_bytes()),
                hint: line,
            };
        }
        Ok((!items.is_empty()).then_some(Batch { items, to }))
    }
}
