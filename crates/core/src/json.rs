//! Strict JSON, read once and kept exactly.
//!
//! What a ledger needs of a document: number tokens verbatim, so that no amount passes through a
//! float; every member of an object, so that a duplicate name can be refused instead of silently
//! winning; a depth limit and whole surrogate pairs everywhere, also in parts that nobody maps.
//!
//! `serde_json` keeps numbers verbatim only as `RawValue`, and that has to scan a container again
//! for each level it is nested in. Built that way and measured, this module took 1.7 µs for a
//! message of 240 bytes and 2.4 s for 4 MiB of numbers below 127 arrays. The reader in `reader.rs`
//! makes one pass and takes 0.9 µs and 0.1 s. Property tests hold it to `serde_json`: they compare
//! both on documents and on damaged documents.
//!
//! Deliberately absent: numbers as values, building and changing documents, reading from a stream,
//! dialects of JSON.

mod pointer;
mod reader;
#[cfg(test)]
mod tests;

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::{self, Write};

pub use pointer::{Lookup, Pointer, PointerError};

/// How many containers may lie in each other; one more is [`JsonError::TooDeep`].
pub const MAX_DEPTH: usize = 128;

/// A JSON document (RFC 8259) that borrows from its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Json<'a> {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// The number's token, as it was written.
    Number(&'a str),
    /// A string with its escapes resolved; borrowed when it has none.
    Text(Cow<'a, str>),
    /// The elements in order.
    Array(Vec<Json<'a>>),
    /// All members in the order of the text, duplicate names included.
    Object(Vec<(Cow<'a, str>, Json<'a>)>),
}

/// Why bytes are no JSON document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JsonError {
    /// The bytes are not UTF-8.
    NotUtf8,
    /// Not the grammar of RFC 8259; a byte order mark is none of it either.
    Syntax,
    /// A `\u` escape names half of a surrogate pair.
    LoneSurrogate,
    /// More than [`MAX_DEPTH`] containers in each other.
    TooDeep,
    /// A complete document with more than white space behind it.
    TrailingBytes,
}

/// Reads one whole document: every part of it is checked, used or not.
pub fn parse(bytes: &[u8]) -> Result<Json<'_>, JsonError> {
    let text = core::str::from_utf8(bytes).map_err(|_| JsonError::NotUtf8)?;
    reader::read(text)
}

impl Json<'_> {
    /// A name that some object has twice: the first such object in the order of the text, and in it
    /// the first such name in byte order.
    pub fn duplicate_name(&self) -> Option<&str> {
        match self {
            Json::Array(elements) => elements.iter().find_map(Json::duplicate_name),
            Json::Object(members) => {
                let names = sorted(members);
                let twice = names.windows(2).find(|pair| pair[0].0 == pair[1].0);
                match twice {
                    Some(pair) => Some(&pair[0].0),
                    None => members.iter().find_map(|(_, value)| value.duplicate_name()),
                }
            }
            Json::Null | Json::Bool(_) | Json::Number(_) | Json::Text(_) => None,
        }
    }

    /// Appends the document in the one form that equal documents share: members sorted by name
    /// (byte order), no white space, only the escapes that JSON demands, number tokens as they were
    /// written (so `1.0` and `1` differ).
    ///
    /// Members of one name keep their order; refuse them first with [`Json::duplicate_name`].
    pub fn canonical(&self, out: &mut String) {
        match self {
            Json::Null => out.push_str("null"),
            Json::Bool(true) => out.push_str("true"),
            Json::Bool(false) => out.push_str("false"),
            Json::Number(token) => out.push_str(token),
            Json::Text(text) => quote(text, out),
            Json::Array(elements) => {
                separated(out, '[', elements, |element, out| element.canonical(out));
                out.push(']');
            }
            Json::Object(members) => {
                separated(out, '{', sorted(members), |(name, value), out| {
                    quote(name, out);
                    out.push(':');
                    value.canonical(out);
                });
                out.push('}');
            }
        }
    }
}

/// The members by name; of one name, in the order of the text.
fn sorted<'t, 'a>(members: &'t [(Cow<'a, str>, Json<'a>)]) -> Vec<&'t (Cow<'a, str>, Json<'a>)> {
    let mut sorted: Vec<_> = members.iter().collect();
    sorted.sort_by(|left, right| left.0.cmp(&right.0));
    sorted
}

fn separated<T>(
    out: &mut String,
    open: char,
    items: impl IntoIterator<Item = T>,
    write: impl Fn(T, &mut String),
) {
    out.push(open);
    for (index, item) in items.into_iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        write(item, out);
    }
}

/// Appends `text` as a JSON string with the fewest and shortest escapes.
fn quote(text: &str, out: &mut String) {
    out.push('"');
    for char in text.chars() {
        match char {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\0'..='\u{1f}' => {
                write!(out, "\\u{:04x}", u32::from(char)).expect("a String takes all text");
            }
            _ => out.push(char),
        }
    }
    out.push('"');
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            JsonError::NotUtf8 => f.write_str("not UTF-8"),
            JsonError::Syntax => f.write_str("not JSON"),
            JsonError::LoneSurrogate => f.write_str("half of a surrogate pair in a string"),
            JsonError::TooDeep => write!(f, "nested beyond {MAX_DEPTH} levels"),
            JsonError::TrailingBytes => f.write_str("bytes behind the end of the document"),
        }
    }
}

impl core::error::Error for JsonError {}
