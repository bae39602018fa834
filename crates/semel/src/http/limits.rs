//! How much the door takes before it refuses, and how long it waits.

use std::time::Duration;

/// The bounds of a server. None of them is a matter of correctness; all of them keep one client
/// from holding up the others.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Request line and headers, in bytes.
    pub header_bytes: usize,
    /// From the begin of a connection, or the end of the request before, to the end of the headers.
    pub header_time: Duration,
    /// A body, in bytes.
    pub body_bytes: usize,
    /// The body of a batch, in bytes.
    pub batch_bytes: usize,
    /// All bodies that are being read or decided, in bytes. More are told to come back.
    pub held_bytes: usize,
    /// From the end of the headers to the end of the body.
    pub body_time: Duration,
    /// How long an answer waits for a client that takes nothing of it, before its connection ends.
    pub write_time: Duration,
    /// Reads of the store at once. More wait their turn.
    pub reads: usize,
    /// Open connections. More wait in the listener's queue.
    pub connections: usize,
    /// Commands that wait at a ledger's door or are being decided. More are told to come back.
    pub backlog: usize,
    /// How long a stream of events is silent before it shows that it lives.
    pub keep_alive: Duration,
    /// How long a server that shuts down waits for requests that it took.
    pub drain_time: Duration,
    /// How long a server that cannot go on still answers, so that whoever asks learns why.
    pub stop_time: Duration,
}

impl Limits {
    /// The contract's, and what suits one machine where it is silent.
    pub const STANDARD: Limits = Limits {
        header_bytes: 32 * 1024,
        header_time: Duration::from_secs(10),
        body_bytes: 64 * 1024,
        batch_bytes: 4 * 1024 * 1024,
        held_bytes: 256 * 1024 * 1024,
        body_time: Duration::from_secs(30),
        write_time: Duration::from_secs(30),
        reads: 16,
        connections: 8_192,
        backlog: 10_000,
        keep_alive: Duration::from_secs(15),
        drain_time: Duration::from_secs(15),
        stop_time: Duration::from_secs(2),
    };
}
