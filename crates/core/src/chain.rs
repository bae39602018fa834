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
        let digits = text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let mut hash = digits.then_some(Hash::ZERO)?;
        for (index, byte) in hash.0.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[2 * index..2 * index + 2], 16).ok()?;
        }
        Some(hash)
    }

    /// Lower-case hexadecimal, 64 characters.
    pub fn hex(&self) -> String {
        use fmt::Write;
        let mut text = String::with_capacity(64);
        for byte in self.0 {
            write!(text, "{byte:02x}").expect("writing to a string cannot fail");
        }
        text
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.hex())
    }
}
