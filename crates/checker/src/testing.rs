//! Records and rows as the tests of this crate make them.

use crate::record::{Link, Record, hex};
use bytes::Bytes;

/// The link of that seq; below zero it is one of another history.
pub fn link(seq: i64) -> Link {
    match seq.unsigned_abs() {
        0 => Link::NONE,
        number => Link { seq: number, hash: [number as u8 ^ if seq < 0 { 0x80 } else { 0 }; 32] },
    }
}

/// A record of ours without key and value.
pub fn record(ledger: &str, partition: u32, offset: u64, prev: Link, this: Link) -> Record {
    let headers = [
        ("semel-ledger", ledger.to_owned()),
        ("semel-seq", this.seq.to_string()),
        ("semel-hash", hex(&this.hash)),
        ("semel-prev", prev.seq.to_string()),
        ("semel-prev-hash", hex(&prev.hash)),
    ];
    let headers = headers.into_iter().map(|(name, text)| (name.into(), Some(Bytes::from(text))));
    Record { partition, offset, key: None, value: None, headers: headers.collect() }
}
