-- A ledger is one row: its lock, the end of its log, and the chain's hash there.
CREATE TABLE ledger (
    no          INTEGER PRIMARY KEY CHECK (no BETWEEN 1 AND 4194303),
    id          TEXT    NOT NULL CONSTRAINT ledger_id UNIQUE,
    next_seq    INTEGER NOT NULL CHECK (next_seq >= 1),
    tail        BLOB    NOT NULL CHECK (length(tail) = 32),
    -- Keys of events up to this seq stand in key_index; those behind it in the writer's memory.
    indexed_seq INTEGER NOT NULL CHECK (indexed_seq < next_seq)
) STRICT;

-- The log. `pos` is ledger << 40 | seq, so that a ledger's rows are appended at one place and a
-- row is found without an index. Accounts are named by the seq of the event that opened them.
CREATE TABLE event (
    pos         INTEGER PRIMARY KEY,
    at          INTEGER NOT NULL,               -- microseconds since 1970-01-01T00:00:00Z
    kind        INTEGER NOT NULL,
    format      INTEGER NOT NULL,
    namespace   TEXT    NOT NULL,
    key         TEXT,
    debit       INTEGER,
    credit      INTEGER,
    amount      INTEGER NOT NULL CHECK (amount >= 0),
    currency    TEXT    NOT NULL,
    code        INTEGER NOT NULL,               -- why it was declined; 0: it was not
    ref         INTEGER,                        -- seq of the payment that it refers to
    debit_prev  INTEGER NOT NULL,               -- the debit account's event before this one
    credit_prev INTEGER NOT NULL,
    extra       TEXT,
    ledger      INTEGER GENERATED ALWAYS AS (pos >> 40) VIRTUAL,
    seq         INTEGER GENERATED ALWAYS AS (pos & 1099511627775) VIRTUAL
) STRICT;

CREATE INDEX event_ref ON event (ledger, ref) WHERE ref IS NOT NULL;

-- The log's running totals: a checkpoint, byte for byte what a replay makes of it.
CREATE TABLE account (
    pos             INTEGER PRIMARY KEY,        -- ledger << 40 | seq of the event that opened it
    ledger          INTEGER NOT NULL,
    id              TEXT    NOT NULL,
    currency        TEXT    NOT NULL,
    overdraft       INTEGER NOT NULL CHECK (overdraft >= -2),   -- -1 none, -2 unlimited, or a limit
    closed          INTEGER NOT NULL CHECK (closed IN (0, 1)),
    debits          INTEGER NOT NULL CHECK (debits >= 0),
    credits         INTEGER NOT NULL CHECK (credits >= 0),
    pending_debits  INTEGER NOT NULL CHECK (pending_debits >= 0),
    pending_credits INTEGER NOT NULL CHECK (pending_credits >= 0),
    last_seq        INTEGER NOT NULL,
    CONSTRAINT account_id UNIQUE (ledger, id)
) STRICT;

-- Where a key stands in the log: a checkpoint too, written in the order of the slots so that it
-- stays cheap as it grows. A slot is ledger << 41 | a hash of (namespace, key) or, where that was
-- taken, the next free one. The row decides; this only finds it.
CREATE TABLE key_index (
    slot INTEGER PRIMARY KEY,
    seq  INTEGER NOT NULL
) STRICT;

-- The chain's hash at every 1,024th event.
CREATE TABLE anchor (
    pos  INTEGER PRIMARY KEY,
    hash BLOB NOT NULL CHECK (length(hash) = 32)
) STRICT;

-- How far a ledger has come in a source, who may go on, and what became of the items.
CREATE TABLE leg (
    source       TEXT    PRIMARY KEY,
    ledger       INTEGER NOT NULL,
    ingest       TEXT    NOT NULL,
    file         TEXT    NOT NULL,
    mapping      TEXT    NOT NULL,              -- TOML: how its dead letters are decoded again
    next         INTEGER NOT NULL,
    tail         BLOB    NOT NULL CHECK (length(tail) = 32),
    hint         INTEGER NOT NULL,
    claim        BLOB,                          -- a random name
    owner        BLOB,                          -- the process that holds the claim
    until        INTEGER NOT NULL,              -- microseconds since 1970: then anybody may claim
    read         INTEGER NOT NULL DEFAULT 0,
    accepted     INTEGER NOT NULL DEFAULT 0,
    succeeded    INTEGER NOT NULL DEFAULT 0,
    declined     INTEGER NOT NULL DEFAULT 0,
    duplicates   INTEGER NOT NULL DEFAULT 0,
    conflicts    INTEGER NOT NULL DEFAULT 0,
    dead_letters INTEGER NOT NULL DEFAULT 0,
    discarded    INTEGER NOT NULL DEFAULT 0,    -- of the dead letters: those that are not kept
    CONSTRAINT leg_counts CHECK (read = accepted + duplicates + dead_letters)
) STRICT, WITHOUT ROWID;

CREATE INDEX leg_ingest ON leg (ledger, ingest);

CREATE TABLE dead_letter (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    source          TEXT    NOT NULL,
    line            INTEGER NOT NULL,
    reason          TEXT    NOT NULL,
    detail          TEXT    NOT NULL,
    key             BLOB,
    value           BLOB,
    headers         TEXT    NOT NULL,           -- JSON: [[name, [byte, …]], …]
    masked          INTEGER NOT NULL CHECK (masked IN (0, 1)),
    first_failed_at INTEGER NOT NULL,
    last_failed_at  INTEGER NOT NULL,
    attempts        INTEGER NOT NULL,
    digest          BLOB    NOT NULL            -- of what never changes of it: SHA-256
) STRICT;

CREATE INDEX dead_letter_source ON dead_letter (source, id);

-- For people and for BI. Amounts are minor units.
CREATE VIEW payments AS
SELECT l.id AS ledger, e.seq, e.at, e.namespace AS ingest, e.key AS idempotency_key,
       CASE e.kind WHEN 3 THEN 'succeeded' WHEN 4 THEN 'declined'
            ELSE coalesce((SELECT CASE r.kind WHEN 8 THEN 'captured' ELSE 'voided' END FROM event r
                           WHERE r.ledger = e.ledger AND r.ref = e.seq AND r.kind IN (8, 9)),
                          'pending') END AS state,
       e.amount, e.currency, d.id AS debit_account, c.id AS credit_account,
       coalesce((SELECT sum(r.amount) FROM event r
                 WHERE r.ledger = e.ledger AND r.ref = e.seq AND r.kind = 5), 0) AS refunded,
       e.extra ->> 'description' AS description, e.extra -> 'metadata' AS metadata
FROM event e
JOIN ledger l ON l.no = e.ledger
JOIN account d ON d.pos = (e.ledger << 40) + e.debit
JOIN account c ON c.pos = (e.ledger << 40) + e.credit
WHERE e.kind IN (3, 4, 7);

CREATE VIEW entries AS
SELECT l.id AS ledger, e.seq, e.at, d.id AS account, 'debit' AS side, e.amount, e.currency
FROM event e JOIN ledger l ON l.no = e.ledger
JOIN account d ON d.pos = (e.ledger << 40) + e.debit
WHERE e.kind IN (3, 5, 8)
UNION ALL
SELECT l.id, e.seq, e.at, c.id, 'credit', e.amount, e.currency
FROM event e JOIN ledger l ON l.no = e.ledger
JOIN account c ON c.pos = (e.ledger << 40) + e.credit
WHERE e.kind IN (3, 5, 8);

CREATE VIEW balances AS
SELECT l.id AS ledger, a.id AS account, a.currency, a.credits - a.debits AS balance,
       a.debits, a.credits, a.pending_debits, a.pending_credits
FROM account a JOIN ledger l ON l.no = a.ledger;
