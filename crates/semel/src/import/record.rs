//! What all formats of a file have in common: records of bounded length, at a line, with raw bytes.
//!
//! A record longer than [`RECORD_MAX`] is a dead letter `too_long`, so a file without line ends
//! cannot eat the memory. The first [`KEPT`] of its bytes are kept, to recognise it by; it cannot
//! be redriven, since what is kept is not what came.

use super::input::Input;
use semel_core::dead_letter::Raw;
use semel_core::ingest::Item;
use semel_core::mapping::Rejection;
use semel_core::reason::Reason;
use std::io;

/// The longest record, in bytes.
pub const RECORD_MAX: usize = 1024 * 1024;
/// How much is kept of a longer one, in bytes.
pub const KEPT: usize = 4 * 1024;
/// The header of a dead letter that holds a CSV file's header row.
pub const COLUMNS: &str = "semel-columns";
/// The header of a dead letter that holds how many bytes there were, where not all are kept.
pub const TRUNCATED: &str = "semel-truncated";

/// Records that follow each other in a file.
pub trait Records: Send {
    /// The next record of `input`; `None` at the end.
    fn next(&mut self, input: &mut Input) -> io::Result<Option<Item>>;
}

/// The dead letter of a record that began on `line` and has `length` bytes, the first of which
/// are `value`.
pub fn cut(
    line: u64,
    value: &[u8],
    length: u64,
    mut headers: Vec<(String, Vec<u8>)>,
    why: Rejection,
) -> Item {
    headers.push((TRUNCATED.into(), length.to_string().into_bytes()));
    let raw = Raw { key: None, value: Some(kept(value).to_vec()), headers };
    Item { line, raw, content: Err(why) }
}

/// The first bytes, ending before any digits that a card number could have been cut in.
fn kept(value: &[u8]) -> &[u8] {
    let mut kept = &value[..value.len().min(KEPT)];
    while let [rest @ .., b'0'..=b'9' | b' ' | b'-'] = kept {
        kept = rest;
    }
    kept
}

/// Why a long record is a dead letter.
pub fn too_long() -> Rejection {
    let detail = format!("value: a record has at most {RECORD_MAX} bytes");
    Rejection { reason: Reason::TooLong, detail }
}

/// A record that cannot be decoded, and why.
pub fn undecodable(why: impl std::fmt::Display) -> Rejection {
    Rejection { reason: Reason::Undecodable, detail: format!("value: {why}") }
}

/// Whether a line holds nothing that anybody could have meant.
pub fn is_blank(line: &[u8]) -> bool {
    line.iter().all(u8::is_ascii_whitespace)
}

/// A line without its end.
pub fn without_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// Take the byte order mark off the first line of a file.
pub fn strip_mark(line: &mut Vec<u8>, position: u64) {
    if position == 0 && line.starts_with(b"\xef\xbb\xbf") {
        line.drain(..3);
    }
}
