//! Every code that Semel says to the outside, once: problems of requests, named stops, findings.
//!
//! Each has a page in `docs/errors`; the number never changes its meaning and is never reused.

use core::fmt;

macro_rules! codes {
    ($($variant:ident = $number:literal, $name:literal, $title:literal;)*) => {
        /// A stable code, written `SEMEL-0007`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Code {
            $(
                #[doc = $title]
                $variant,
            )*
        }

        impl Code {
            /// All codes, in the order of their numbers.
            pub const ALL: &[Code] = &[$(Code::$variant),*];

            /// `SEMEL-0007`.
            pub const fn as_str(self) -> &'static str {
                match self { $(Code::$variant => $number,)* }
            }

            /// A short name for machines: `invalid_request`.
            pub const fn name(self) -> &'static str {
                match self { $(Code::$variant => $name,)* }
            }

            /// One sentence for people, without a full stop.
            pub const fn title(self) -> &'static str {
                match self { $(Code::$variant => $title,)* }
            }
        }
    };
}

codes! {
    Malformed = "SEMEL-0001", "malformed_request", "The request cannot be read";
    InvalidKey = "SEMEL-0002", "invalid_idempotency_key",
        "The Idempotency-Key header is missing or malformed";
    Unauthorized = "SEMEL-0003", "unauthorized", "No API key, or one that is not known";
    Forbidden = "SEMEL-0004", "forbidden", "The API key lacks the scope";
    NotFound = "SEMEL-0005", "not_found", "There is no such resource";
    MethodNotAllowed = "SEMEL-0006", "method_not_allowed", "The resource does not take this method";
    Invalid = "SEMEL-0007", "invalid_request", "The request is JSON, but not valid";
    KeyReused = "SEMEL-0008", "idempotency_key_reused",
        "The idempotency key was used with another request";
    Timeout = "SEMEL-0009", "request_timeout", "The request did not arrive in time";
    BodyTooLarge = "SEMEL-0010", "body_too_large", "The body is too large";
    HeadersTooLarge = "SEMEL-0011", "headers_too_large", "The headers are too large";
    UnsupportedMediaType = "SEMEL-0012", "unsupported_media_type",
        "The content type must be application/json";
    TooManyRequests = "SEMEL-0013", "too_many_requests", "Too many requests are waiting";
    StoreUnavailable = "SEMEL-0014", "store_unavailable", "The store is away; nothing was stored";
    OutcomeUnknown = "SEMEL-0015", "outcome_unknown", "Whether the request was stored is not known";
    RefundExceedsPayment = "SEMEL-0016", "refund_exceeds_payment",
        "The refund is more than what is left of the payment";
    AccountExists = "SEMEL-0017", "account_exists", "The account exists with other properties";
    Internal = "SEMEL-0018", "internal_error", "Semel failed to answer";

    StoreLocked = "SEMEL-0101", "store_locked", "Another process has the store open for writing";
    StoreNewer = "SEMEL-0102", "store_newer", "The store was written by a newer version of Semel";
    StoreCorrupt = "SEMEL-0103", "store_corrupt",
        "The store's file is damaged or is no Semel store";
    StoreFull = "SEMEL-0104", "store_full", "The disk is full";
    StoreReadOnly = "SEMEL-0105", "store_read_only", "The store cannot be written";
    StoreSettings = "SEMEL-0106", "store_settings",
        "The store does not keep the settings that durability needs";
    StoreIo = "SEMEL-0107", "store_io", "The disk failed";
    IdentityBroken = "SEMEL-0108", "identity_broken", "One idempotency key stands for two events";
    StoreDefect = "SEMEL-0109", "store_defect",
        "The store answered in a way that Semel does not know";
    SourceChanged = "SEMEL-0110", "source_changed", "What was already read of a source has changed";
    SourceBound = "SEMEL-0111", "source_bound", "The source belongs to another ingest or ledger";
    Configuration = "SEMEL-0112", "configuration", "The configuration is not valid";
    ListenRefused = "SEMEL-0113", "listen_refused", "The address cannot be listened on";
    DataUnusable = "SEMEL-0114", "data_unusable", "The data directory cannot be used";
    SourceUnreadable = "SEMEL-0115", "source_unreadable", "The source cannot be read";
    IngestGap = "SEMEL-0116", "ingest_gap",
        "Records of a topic were deleted before they were read";
    TopicCompacted = "SEMEL-0117", "topic_compacted",
        "The topic is compacted: records go missing from it by design";
    WireFork = "SEMEL-0118", "wire_fork", "The wire tells of another history than the store";
    SpreadChanged = "SEMEL-0119", "spread_changed",
        "Events would be spread over the published topic's partitions in another way";
    StoreRefused = "SEMEL-0120", "store_refused", "The database does not let Semel in";
    StoreRewound = "SEMEL-0121", "store_rewound",
        "The database has forgotten what it had acknowledged";
    WireUnavailable = "SEMEL-0122", "wire_unavailable",
        "Kafka is away, or the topic is missing; what has to do with it waits";
    WireRefused = "SEMEL-0123", "wire_refused", "Kafka does not let Semel do what it has to";
    WireSettings = "SEMEL-0124", "wire_settings",
        "Kafka's settings put at risk what Semel promises";

    ChainBroken = "SEMEL-0201", "chain_broken", "The chain of hashes does not fit the log";
    LogGap = "SEMEL-0202", "log_gap", "The log of events has a hole";
    AccountDiffers = "SEMEL-0203", "account_differs",
        "An account is not what its events make of it";
    LimitBroken = "SEMEL-0204", "limit_broken", "A movement went beyond an account's limit";
    LinkBroken = "SEMEL-0205", "link_broken", "A link between events points to the wrong place";
    Unbalanced = "SEMEL-0206", "unbalanced", "Debits and credits of a currency differ";
    KeyTwice = "SEMEL-0207", "key_twice",
        "An idempotency key or an account's id stands for two events";
    RowUnreadable = "SEMEL-0208", "row_unreadable", "A row cannot be what Semel wrote";
    AnchorDiffers = "SEMEL-0209", "anchor_differs", "An anchor does not fit the chain";
    KeyIndexDiffers = "SEMEL-0210", "key_index_differs", "The index of keys does not fit the log";
    DeclineDiffers = "SEMEL-0211", "decline_differs",
        "A decline is not what the accounts' limits say";
    PaymentBroken = "SEMEL-0212", "payment_broken",
        "An event does to a payment what its state does not allow";
    CountsDiffer = "SEMEL-0213", "counts_differ", "The counts of an ingest do not fit the log";
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_rise_and_names_are_unique() {
        for pair in Code::ALL.windows(2) {
            assert!(pair[0].as_str() < pair[1].as_str(), "{} before {}", pair[0], pair[1]);
        }
        for (index, code) in Code::ALL.iter().enumerate() {
            assert!(Code::ALL[..index].iter().all(|other| other.name() != code.name()), "{code}");
        }
    }
}
