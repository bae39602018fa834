//! What a record's headers say of its place, and the reader's rule, by the contract's words.
//!
//! Shared by who follows the topic during a run and by the auditor. Deliberately absent: the
//! core's own rule, and a judgement on records that are not ours, or say it wrongly. They are
//! nobody's, and whoever misses an event because of one tells that.

/// A message as others name it: the seq of its event and the ledger's chain after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    pub seq: u64,
    pub hash: [u8; 32],
}

/// What the first message of a partition names as the one before it.
pub const NONE: Link = Link { seq: 0, hash: [0; 32] };

/// What a reader does with a record of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It follows the last one.
    Take,
    /// It was taken before.
    Skip,
    /// Something before it is not there yet.
    Hole,
    /// It belongs to another history.
    Fork,
}

/// What a record says of its own place.
pub struct Stamp<'a> {
    pub ledger: &'a str,
    pub this: Link,
    pub prev: Link,
}

impl<'a> Stamp<'a> {
    /// `None` when it is not one of ours.
    pub fn read(headers: &'a [(String, Vec<u8>)]) -> Option<Stamp<'a>> {
        let mut texts: [Option<&str>; 5] = [None; 5];
        for (name, text) in headers {
            let Some(at) = NAMES.iter().position(|known| known == name) else { continue };
            // A header that stands there twice says nothing.
            if texts[at].replace(std::str::from_utf8(text).ok()?).is_some() {
                return None;
            }
        }
        let [ledger, seq, hash, prev, prev_hash] = texts;
        let this = Link { seq: decimal(seq?)?, hash: digits(hash?)? };
        let prev = Link { seq: decimal(prev?)?, hash: digits(prev_hash?)? };
        (prev.seq < this.seq).then_some(Stamp { ledger: ledger?, this, prev })
    }

    /// What whoever took `last` last does with it.
    pub fn verdict(&self, last: Link) -> Verdict {
        match (self.this.seq <= last.seq, last.seq < self.prev.seq) {
            (true, _) => Verdict::Skip,
            (false, true) => Verdict::Hole,
            (false, false) if self.prev == last => Verdict::Take,
            (false, false) => Verdict::Fork,
        }
    }
}

const NAMES: [&str; 5] =
    ["semel-ledger", "semel-seq", "semel-hash", "semel-prev", "semel-prev-hash"];

/// A decimal number without a sign or leading zeros.
fn decimal(text: &str) -> Option<u64> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit());
    let plain = plain && (text == "0" || !text.starts_with('0'));
    text.parse().ok().filter(|_| plain)
}

/// 32 bytes from 64 hexadecimal digits.
fn digits(text: &str) -> Option<[u8; 32]> {
    let text: &[u8; 64] = text.as_bytes().try_into().ok()?;
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
    let mut hash = [0; 32];
    for (byte, pair) in hash.iter_mut().zip(text.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(hash)
}
