//! Ids that are derived, not stored: `pay_` and a UUID v7 made of time, ledger and seq.
//!
//! An id says which row it means and when that row was written. A look-up compares the time, so an
//! id from before a store rewind finds nothing rather than a stranger. Layout as in RFC 9562 5.7:
//! 48 bits of milliseconds, 12 bits for the microseconds within, 22 bits ledger, 40 bits seq.

use crate::event::Kind;
use alloc::format;
use alloc::string::String;
use uuid::{Builder, Uuid};

/// The greatest ledger number that fits an id.
pub const LEDGER_MAX: u32 = (1 << 22) - 1;
/// The greatest seq that fits an id.
pub const SEQ_MAX: u64 = (1 << SEQ_BITS) - 1;

const SEQ_BITS: u32 = 40;

/// The name of an event: which row, and when it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct EventId {
    /// When it was written, in microseconds since 1970-01-01T00:00:00Z.
    pub at: i64,
    /// The ledger's number in its store.
    pub ledger: u32,
    /// The event's number in its ledger.
    pub seq: u64,
}

impl EventId {
    /// With the prefix of the thing that an event of `kind` records: `pay_…`, `ref_…`, `cap_…`,
    /// `void_…` or `acc_…`.
    pub fn named(&self, kind: Kind) -> String {
        self.prefixed(match kind {
            Kind::PaymentSucceeded | Kind::PaymentDeclined | Kind::PaymentPending => "pay",
            Kind::PaymentRefunded | Kind::RefundDeclined => "ref",
            Kind::PaymentCaptured => "cap",
            Kind::PaymentVoided => "void",
            Kind::AccountOpened | Kind::AccountClosed => "acc",
        })
    }

    /// The id of the event itself: `evt_…`.
    pub fn event(&self) -> String {
        self.prefixed("evt")
    }

    /// Read an id with `prefix` (`pay`, `ref`, `evt`); `None` when `text` is no such id.
    pub fn parse(prefix: &str, text: &str) -> Option<EventId> {
        let rest = text.strip_prefix(prefix)?.strip_prefix('_')?;
        let uuid = Uuid::try_parse(rest).ok().filter(|uuid| uuid.get_version_num() == 7)?;
        let bits = uuid.as_u128();
        let (millis, micros) = ((bits >> 80) as i64, (bits >> 64 & 0xfff) as i64);
        let low = bits as u64 & (u64::MAX >> 2);
        let id = EventId {
            at: millis.checked_mul(1_000)?.checked_add(micros)?,
            ledger: (low >> SEQ_BITS) as u32,
            seq: low & SEQ_MAX,
        };
        (id.prefixed(prefix) == text).then_some(id)
    }

    fn prefixed(&self, prefix: &str) -> String {
        let millis = self.at.max(0) as u64 / 1_000;
        let micros = (self.at.max(0) % 1_000) as u16;
        let mut bytes = [0; 16];
        bytes[..6].copy_from_slice(&millis.to_be_bytes()[2..]);
        bytes[6..8].copy_from_slice(&micros.to_be_bytes());
        let low = u64::from(self.ledger) << SEQ_BITS | self.seq;
        bytes[8..].copy_from_slice(&low.to_be_bytes());
        let uuid = Builder::from_bytes(bytes)
            .with_version(uuid::Version::SortRand)
            .with_variant(uuid::Variant::RFC4122)
            .into_uuid();
        format!("{prefix}_{}", uuid.hyphenated())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_say_what_they_were_made_of() {
        let id = EventId { at: 1_795_262_400_123_456, ledger: 3, seq: 70_000_000_001 };
        let text = id.named(Kind::PaymentSucceeded);
        assert_eq!(text, "pay_01a1fdfa-467b-71c8-8000-03104c533c01");
        assert_eq!(EventId::parse("pay", &text), Some(id));
        assert_eq!(EventId::parse("ref", &text), None);
        let last = EventId { at: 0, ledger: LEDGER_MAX, seq: SEQ_MAX };
        assert_eq!(EventId::parse("evt", &last.event()), Some(last));
    }

    #[test]
    fn what_is_no_id_is_nothing() {
        for text in [
            "",
            "pay_",
            "pay_x",
            "pay-019dfe43-847b-71c8-8000-03104c533c01",
            "pay_019dfe43-847b-41c8-8000-03104c533c01",
            "pay_019DFE43-847B-71C8-8000-03104C533C01",
            "pay_019dfe43847b71c8800003104c533c01",
            "pay_019dfe43-847b-7fff-8000-03104c533c01",
        ] {
            assert_eq!(EventId::parse("pay", text), None, "{text}");
        }
    }
}
