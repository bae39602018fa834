//! JSON Lines: a record a line.

use super::decoder::Decoder;
use super::input::{Input, Line};
use super::record::{RECORD_MAX, Records, cut, is_blank, strip_mark, too_long, without_end};
use semel_core::dead_letter::Raw;
use semel_core::ingest::Item;
use std::io;

/// The records of a JSON Lines file.
pub struct Lines {
    decoder: Decoder,
    line: Vec<u8>,
}

impl Lines {
    /// Records that `decoder` decodes.
    pub fn new(decoder: Decoder) -> Lines {
        Lines { decoder, line: Vec::new() }
    }
}

impl Records for Lines {
    fn next(&mut self, input: &mut Input) -> io::Result<Option<Item>> {
        loop {
            let (line, position) = (input.line_number(), input.next());
            self.line.clear();
            let Some(read) = input.line(&mut self.line, RECORD_MAX)? else { return Ok(None) };
            if read == Line::Part {
                input.pass_line()?;
                let length = input.next() - position;
                return Ok(Some(cut(line, &self.line, length, Vec::new(), too_long())));
            }
            strip_mark(&mut self.line, position);
            let value = without_end(&self.line);
            if is_blank(value) {
                continue;
            }
            let content = self.decoder.json(value);
            let raw = Raw { key: None, value: Some(value.to_vec()), headers: Vec::new() };
            return Ok(Some(Item { line, raw, content }));
        }
    }
}
