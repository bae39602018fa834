//! A file's bytes in their order: cut into physical lines, counted and hashed on the way.
//!
//! The running hash is the cursor's `tail`: whoever goes on at a cursor hashes everything before it
//! first, so a file that was changed there is refused instead of half believed (law 5).
//! Deliberately absent: what a line means.

use semel_core::chain::Hash;
use semel_core::exactly_once::Cursor;
use semel_core::failure::Stop;
use semel_core::problem::Code;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

const BUFFER: usize = 256 * 1024;

/// In a cursor's hint, beside the number of lines: [`Input::ends_inside_quotes`].
const INSIDE_QUOTES: u64 = 1 << 62;

/// A file, from some cursor on.
pub struct Input {
    reader: BufReader<File>,
    before: Sha256,
    next: u64,
    newlines: u64,
    /// The file ends inside a cell's quotes: what is appended goes on with that cell.
    inside_quotes: bool,
    /// The end was seen. What is appended from then on may go on with the last line or with the
    /// last record, and is left to a later run, which looks at that first.
    ended: bool,
}

/// How a physical line was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line {
    /// Whole, its end included.
    Whole,
    /// Whole; the file ends without a line's end.
    Last,
    /// The beginning of a line, or more of it; what follows is still there.
    Part,
}

impl Input {
    /// The file at `path` from `from` on.
    ///
    /// # Errors
    /// `SourceUnreadable`; `SourceChanged` when what lies before `from` is not what was read then.
    pub fn open(path: &Path, from: &Cursor) -> Result<Input, Stop> {
        let file = File::open(path).map_err(|error| unreadable(path, &error))?;
        let reader = BufReader::with_capacity(BUFFER, file);
        let (newlines, inside_quotes) = (from.hint & !INSIDE_QUOTES, from.hint >= INSIDE_QUOTES);
        let (before, next, ended) = (Sha256::new(), 0, false);
        let mut input = Input { reader, before, next, newlines, inside_quotes, ended };
        let changed = |why: &str| {
            let place = path.display();
            Stop::new(Code::SourceChanged, format!("{place}: {why}, up to byte {}", from.next))
        };
        let last = input.pass(from.next).map_err(|error| unreadable(path, &error))?;
        if input.next < from.next {
            return Err(changed("is shorter than what was already read"));
        }
        if input.cursor() != *from {
            return Err(changed("has other content than what was already read"));
        }
        let rest = input.reader.fill_buf().map_err(|error| unreadable(path, &error))?;
        let is_open = last.is_some_and(|last| last != b'\n');
        if inside_quotes && !rest.is_empty() {
            return Err(changed("goes on inside the quotes that its last record did not close"));
        }
        if is_open && !begins_with_line_end(rest) {
            return Err(changed("goes on with the last line, which was already read as it was"));
        }
        input.ended = is_open && matches!(rest, [] | [b'\r']);
        Ok(input)
    }

    /// Append the next physical line to `line`; of one longer than `room` bytes a part that is
    /// longer than `room`. `None` at the end, and ever after.
    ///
    /// # Errors
    /// Whatever reading the file says.
    pub fn line(&mut self, line: &mut Vec<u8>, room: usize) -> io::Result<Option<Line>> {
        if self.ended {
            return Ok(None);
        }
        let start = line.len();
        let limit = u64::try_from(room).unwrap_or(u64::MAX).saturating_add(1);
        (&mut self.reader).take(limit).read_until(b'\n', line)?;
        let taken = &line[start..];
        if taken.is_empty() {
            self.ended = true;
            return Ok(None);
        }
        self.before.update(taken);
        self.next += taken.len() as u64;
        if taken.ends_with(b"\n") {
            self.newlines += 1;
            return Ok(Some(Line::Whole));
        }
        if taken.len() <= room {
            self.ended = true;
            return Ok(Some(Line::Last));
        }
        Ok(Some(Line::Part))
    }

    /// The cursor behind what has been read.
    pub fn cursor(&self) -> Cursor {
        if self.next == 0 {
            return Cursor::START;
        }
        let tail = Hash(self.before.clone().finalize().into());
        let quotes = if self.inside_quotes { INSIDE_QUOTES } else { 0 };
        Cursor { next: self.next, tail, hint: self.newlines | quotes }
    }

    /// The record that was read last does not end where the file does.
    pub fn ends_inside_quotes(&mut self) {
        self.inside_quotes = true;
    }

    /// Where the next line begins, in bytes.
    pub fn next(&self) -> u64 {
        self.next
    }

    /// The number of the next line, counted from 1.
    pub fn line_number(&self) -> u64 {
        self.newlines + 1
    }

    /// Hash the next `bytes` bytes, or what there is; the last one.
    fn pass(&mut self, bytes: u64) -> io::Result<Option<u8>> {
        let mut last = None;
        while self.next < bytes {
            let buffer = self.reader.fill_buf()?;
            let left = usize::try_from(bytes - self.next).unwrap_or(usize::MAX);
            let taken = buffer.len().min(left);
            let Some(&byte) = buffer[..taken].last() else { break };
            last = Some(byte);
            self.take(taken);
        }
        Ok(last)
    }

    /// Pass over the rest of a line of which a part was read.
    ///
    /// # Errors
    /// Whatever reading the file says.
    pub fn pass_line(&mut self) -> io::Result<()> {
        while !self.ended {
            let buffer = self.reader.fill_buf()?;
            if buffer.is_empty() {
                self.ended = true;
                break;
            }
            let end = buffer.iter().position(|byte| *byte == b'\n');
            let taken = end.map_or(buffer.len(), |end| end + 1);
            self.take(taken);
            if end.is_some() {
                self.newlines += 1;
                break;
            }
        }
        Ok(())
    }

    /// Hash and count `bytes` bytes that stand in the buffer.
    fn take(&mut self, bytes: usize) {
        self.before.update(&self.reader.buffer()[..bytes]);
        self.reader.consume(bytes);
        self.next += bytes as u64;
    }
}

/// A stop that names the file and what reading it said.
pub fn unreadable(path: &Path, error: &io::Error) -> Stop {
    Stop::new(Code::SourceUnreadable, format!("{}: {error}", path.display()))
}

/// Whether a line that ended with the file has not grown since.
fn begins_with_line_end(rest: &[u8]) -> bool {
    matches!(rest, [] | [b'\n', ..] | [b'\r'] | [b'\r', b'\n', ..])
}
