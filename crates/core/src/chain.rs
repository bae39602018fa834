//! The chain of hashes over a ledger's log: `tail` = SHA-256(tail before ‖ canonical encoding).
//!
//! Whoever holds a published hash can tell whether any row before it was altered, missing or
//! added. SHA-256 as in FIPS 180-4.

use alloc::string::String;
use core::fmt;
use sha2::{Digest, Sha256};

/// A SHA-256 value.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hash(pub [u8; 32]);

/// An anchor is kept at every seq that is a multiple of this.
pub const ANCHOR_EVERY: u64 = 1_024;

impl Hash {
    /// The chain before the first event.
    pub const ZERO: Hash = Hash([0; 32]);

    /// The hash of `bytes`.
    pub fn of(bytes: &[u8]) -> Hash {
        Hash(Sha256::digest(bytes).into())
    }

    /// The chain after `encoding` has been appended to a log whose chain was `self`.
    pub fn link(&self, encoding: &[u8]) -> Hash {
        let mut hasher = Sha256::new();
        hasher.update(self.0);
        hasher.update(encoding);
        Hash(hasher.finalize().into())
    }

    /// The value from its 32 bytes; `None` for another length.
    pub fn from_slice(bytes: &[u8]) -> Option<Hash> {
        bytes.try_into().ok().map(Hash)
    }

    /// The value from 64 hexadecimal digits, as [`Hash::hex`] writes them or in upper case; `None`
    /// for any other text.
    pub fn from_hex(text: &str) -> Option<Hash> {
        let bytes: &[u8; 64] = text.as_bytes().try_into().ok()?;
        let digit = |byte: u8| char::from(byte).to_digit(16);
        let mut hash = Hash::ZERO;
        for (byte, pair) in hash.0.iter_mut().zip(bytes.chunks_exact(2)) {
            *byte = (digit(pair[0])? << 4 | digit(pair[1])?) as u8;
        }
        Some(hash)
    }

    /// Lower-case hexadecimal, 64 characters.
    pub fn hex(&self) -> String {
        const DIGITS: [u8; 16] = *b"0123456789abcdef";
        let digits = self.0.iter().flat_map(|byte| [byte >> 4, byte & 15]);
        let text = digits.map(|digit| DIGITS[usize::from(digit)]).collect();
        String::from_utf8(text).expect("digits are ASCII")
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.hex())
    }
}
