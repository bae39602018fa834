//! A chain's head as people keep it: `LEDGER:SEQ:HASH`. Keeps P7.
//!
//! What one command prints, `semel verify --chain` takes. Deliberately absent: keeping it, because
//! whatever lies beside the store is altered together with it.

use semel_core::Text;
use semel_core::chain::Hash;
use semel_core::ledger::Position;
use std::fmt;
use std::str::FromStr;

/// The hash that a ledger's chain has after the event numbered `seq`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The ledger's name.
    pub ledger: Text,
    /// The event; 0 before the first.
    pub seq: u64,
    /// The chain's hash after it.
    pub hash: Hash,
}

impl Head {
    /// Where the log of the ledger named `ledger` ends.
    pub fn of(ledger: &Text, position: &Position) -> Head {
        // A row altered by hand may say 0, and is told as a gap.
        let seq = position.next_seq.saturating_sub(1);
        Head { ledger: ledger.clone(), seq, hash: position.tail }
    }
}

impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Head { ledger, seq, hash } = self;
        write!(f, "{ledger}:{seq}:{}", hash.hex())
    }
}

impl FromStr for Head {
    type Err = String;

    fn from_str(text: &str) -> Result<Head, String> {
        let parsed = || {
            // A ledger's name may have colons, the rest has none.
            let (rest, hash) = text.rsplit_once(':')?;
            let (ledger, seq) = rest.rsplit_once(':')?;
            let named = !ledger.is_empty();
            let (seq, hash) = (seq.parse().ok()?, Hash::from_hex(hash)?);
            named.then(|| Head { ledger: ledger.into(), seq, hash })
        };
        let form = "write it as `semel ledger list` does: LEDGER:SEQ:HASH, \
                    HASH being 64 hexadecimal digits";
        parsed().ok_or_else(|| form.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::Head;
    use semel_core::chain::Hash;

    #[test]
    fn what_is_printed_is_taken_back() {
        for ledger in ["main", "a:7:b", ":"] {
            let head = Head { ledger: ledger.into(), seq: 7, hash: Hash::of(b"x") };
            assert_eq!(head.to_string().parse(), Ok(head));
        }
    }

    #[test]
    fn anything_else_is_refused_with_the_form() {
        let hash = Hash::of(b"x").hex();
        let texts = [
            String::new(),
            hash.clone(),
            format!("7:{hash}"),
            format!(":7:{hash}"),
            format!("main::{hash}"),
            format!("main:-1:{hash}"),
            format!("main:1,024:{hash}"),
            format!("main:7:{}", &hash[1..]),
            format!("main:7:{hash}0"),
            format!("main:7:g{}", &hash[1..]),
            format!("main:7:é{}", &hash[2..]),
            format!("main:7:{hash}:"),
        ];
        for text in texts {
            let refused = text.parse::<Head>().unwrap_err();
            assert!(refused.contains("LEDGER:SEQ:HASH"), "{text}: {refused}");
        }
    }
}
