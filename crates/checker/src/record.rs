//! A record as the broker gave it, and what its headers say of its place, by the contract's words.
//!
//! Deliberately absent: what the value says. A strict reader needs the headers only.

use bytes::Bytes;
use std::fmt;

/// A record as a partition holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The number of its partition.
    pub partition: u32,
    /// Where it stands in the partition.
    pub offset: u64,
    /// Its key; `None` where it has none.
    pub key: Option<Bytes>,
    /// Its value; `None` for a tombstone.
    pub value: Option<Bytes>,
    /// Its headers, in their order; a value of `None` is Kafka's null.
    pub headers: Vec<(String, Option<Bytes>)>,
}

/// A chain hash.
pub type Hash = [u8; 32];

/// A message as others name it: the seq of its event and the ledger's chain hash after it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Link {
    /// The number of the event in its ledger.
    pub seq: u64,
    /// The ledger's chain hash after it.
    pub hash: Hash,
}

impl Link {
    /// What the first message of a partition names as the one before it.
    pub const NONE: Link = Link { seq: 0, hash: [0; 32] };
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}…)", self.seq, &hex(&self.hash)[..8])
    }
}

/// What a record of ours says of its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// The ledger's id.
    pub ledger: String,
    /// The message itself.
    pub this: Link,
    /// The message before it in this partition and ledger.
    pub prev: Link,
}

impl Record {
    /// What stands in the one header of that name: `None` when there is no such header, several of
    /// them, a null, or bytes that are no UTF-8.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut named = self.headers.iter().filter(|(other, _)| other == name);
        let (_, value) = named.next()?;
        let text = std::str::from_utf8(value.as_ref()?).ok()?;
        named.next().is_none().then_some(text)
    }

    /// What the headers say of its place; `None` when it is not one of ours, or says it wrongly.
    pub fn stamp(&self) -> Option<Stamp> {
        let ledger = self.header("semel-ledger")?.to_owned();
        let link = |seq, hash| {
            Some(Link { seq: decimal(self.header(seq)?)?, hash: unhex(self.header(hash)?)? })
        };
        let this = link("semel-seq", "semel-hash")?;
        let prev = link("semel-prev", "semel-prev-hash")?;
        (prev.seq < this.seq).then_some(Stamp { ledger, this, prev })
    }
}

/// A decimal number without a sign and without leading zeros.
fn decimal(text: &str) -> Option<u64> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let leads_with_zero = text.len() > 1 && text.starts_with('0');
    if digits && !leads_with_zero { text.parse().ok() } else { None }
}

fn unhex(text: &str) -> Option<Hash> {
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
    let digits = text.bytes().map(digit).collect::<Option<Vec<u8>>>()?;
    let bytes: Vec<u8> = digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect();
    if digits.len() == 64 { bytes.try_into().ok() } else { None }
}

/// A hash in hexadecimal digits, as the headers have it.
pub fn hex(hash: &Hash) -> String {
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ZEROS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

    fn record(headers: &[(&str, &str)]) -> Record {
        let header = |(name, value): &(&str, &str)| {
            (name.to_string(), Some(Bytes::copy_from_slice(value.as_bytes())))
        };
        let headers = headers.iter().map(header).collect();
        Record { partition: 0, offset: 0, key: None, value: None, headers }
    }

    #[test]
    fn a_place_is_read_from_headers_that_say_it_once_and_plainly() {
        let good = [
            ("semel-ledger", "main"),
            ("semel-seq", "7"),
            ("semel-hash", ZEROS),
            ("semel-prev", "0"),
            ("semel-prev-hash", ZEROS),
        ];
        let stamp = record(&good).stamp().expect("it is one of ours");
        assert_eq!((&*stamp.ledger, stamp.this.seq, stamp.prev), ("main", 7, Link::NONE));
        for (why, name, value) in [
            ("a sign", "semel-seq", "+7"),
            ("a leading zero", "semel-seq", "07"),
            ("no number", "semel-seq", ""),
            ("beyond 64 bits", "semel-seq", "99999999999999999999"),
            ("the same place", "semel-prev", "7"),
            ("too short", "semel-hash", "00"),
            ("no digits", "semel-prev-hash", &ZEROS.replace("00", "0g")),
        ] {
            let altered = good.map(|(other, old)| (other, if other == name { value } else { old }));
            assert_eq!(record(&altered).stamp(), None, "{why}");
        }
        let twice = [&good[..], &good[1..2]].concat();
        assert_eq!(record(&twice).stamp(), None, "a header twice");
        assert_eq!(record(&good[1..]).stamp(), None, "no ledger");
    }

    #[test]
    fn hexadecimal_digits_are_read_as_they_are_written() {
        let hash: Hash = std::array::from_fn(|index| 37_u8.wrapping_mul(index as u8));
        assert_eq!(unhex(&hex(&hash)), Some(hash));
        assert_eq!(unhex(&hex(&hash)[1..]), None);
    }
}
