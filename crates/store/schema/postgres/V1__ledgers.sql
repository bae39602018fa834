-- A ledger is one row: its lock, the end of its log, and the chain's hash there.
CREATE TABLE ledger (
    no       integer NOT NULL PRIMARY KEY CHECK (no BETWEEN 1 AND 4194303),
    id       text    COLLATE "C" NOT NULL CONSTRAINT ledger_id UNIQUE,
    next_seq bigint  NOT NULL CHECK (next_seq >= 1),
    tail     bytea   NOT NULL CHECK (length(tail) = 32),
    -- Every account's row has come so far at least; by its last_seq perhaps further.
    accounts_seq bigint NOT NULL CHECK (accounts_seq >= 0),
    -- The server's history that the log was last compared with: system identifier, timeline.
    timeline text    NOT NULL
) WITH (fillfactor = 10);

-- The log. `pos` is ledger << 40 | seq, so that a ledger's rows are appended at one place. Accounts
-- are named by the seq of the event that opened them. `slot` is ledger << 41 | a hash of
-- (namespace, key) or, where another key has that, the next free one: eight bytes that no two keys
-- share. Numbers come first and by their size, so that no byte is lost between them.
CREATE TABLE event (
    pos         bigint   NOT NULL PRIMARY KEY,
    at          bigint   NOT NULL,                  -- microseconds since 1970-01-01T00:00:00Z
    slot        bigint,
    debit       bigint,
    credit      bigint,
    amount      bigint   NOT NULL CHECK (amount >= 0),
    debit_prev  bigint   NOT NULL,                  -- the debit account's event before this one
    credit_prev bigint   NOT NULL,
    ref         bigint,                             -- seq of the payment that it refers to
    kind        smallint NOT NULL,
    format      smallint NOT NULL,
    code        smallint NOT NULL,                  -- why it was declined; 0: it was not
    currency    text     COLLATE "C" NOT NULL,
    namespace   text     COLLATE "C" NOT NULL,
    key         text     COLLATE "C",
    extra       text     COLLATE "C",
    CONSTRAINT event_named CHECK ((slot IS NULL) = (key IS NULL))
);

-- What says that no key is recorded twice. Keys that are most likely new are not looked up in
-- large steps; where one was not new, this refuses the step, and the next one looks.
CREATE UNIQUE INDEX event_slot ON event (slot) WHERE slot IS NOT NULL;

-- By the place of the payment that is referred to.
CREATE INDEX event_ref ON event (((pos >> 40 << 40) + ref)) WHERE ref IS NOT NULL;

-- The log's running totals: a checkpoint, byte for byte what a replay makes of it. What changes
-- comes last, so that an update's record holds little; half of each page is left for new versions.
CREATE TABLE account (
    pos             bigint   NOT NULL PRIMARY KEY,  -- ledger << 40 | seq of its opening
    overdraft       bigint   NOT NULL CHECK (overdraft >= -2),  -- -1 none, -2 unlimited, or a limit
    ledger          integer  NOT NULL,
    currency        text     COLLATE "C" NOT NULL,
    id              text     COLLATE "C" NOT NULL,
    closed          boolean  NOT NULL,
    pending_debits  bigint   NOT NULL CHECK (pending_debits >= 0),
    pending_credits bigint   NOT NULL CHECK (pending_credits >= 0),
    debits          bigint   NOT NULL CHECK (debits >= 0),
    credits         bigint   NOT NULL CHECK (credits >= 0),
    last_seq        bigint   NOT NULL,
    CONSTRAINT account_id UNIQUE (ledger, id)
) WITH (fillfactor = 50);

-- The chain's hash at every 1,024th event.
CREATE TABLE anchor (
    pos  bigint NOT NULL PRIMARY KEY,
    hash bytea  NOT NULL CHECK (length(hash) = 32)
);

-- How far a ledger has come in a source, who may go on, and what became of the items.
CREATE TABLE leg (
    source       text    COLLATE "C" NOT NULL PRIMARY KEY,
    ledger       integer NOT NULL,
    ingest       text    COLLATE "C" NOT NULL,
    file         text    COLLATE "C" NOT NULL,
    mapping      text    COLLATE "C" NOT NULL,      -- TOML: how dead letters are decoded again
    next         bigint  CONSTRAINT leg_next NOT NULL,
    tail         bytea   NOT NULL CHECK (length(tail) = 32),
    hint         bigint  NOT NULL,
    claim        bytea CHECK (length(claim) = 16),  -- a random name
    owner        bytea CHECK (length(owner) = 16),  -- the process that holds the claim
    until        bigint  NOT NULL,                  -- microseconds since 1970: then free to claim
    read         bigint  NOT NULL DEFAULT 0,
    accepted     bigint  NOT NULL DEFAULT 0,
    succeeded    bigint  NOT NULL DEFAULT 0,
    declined     bigint  NOT NULL DEFAULT 0,
    duplicates   bigint  NOT NULL DEFAULT 0,
    conflicts    bigint  NOT NULL DEFAULT 0,
    dead_letters bigint  NOT NULL DEFAULT 0,
    discarded    bigint  NOT NULL DEFAULT 0,        -- of the dead letters: those that are not kept
    CONSTRAINT leg_counts CHECK (read = accepted + duplicates + dead_letters)
) WITH (fillfactor = 50);

CREATE INDEX leg_ingest ON leg (ledger, ingest);

CREATE TABLE dead_letter (
    id              bigint   GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    source          text     COLLATE "C" NOT NULL,
    line            bigint   NOT NULL,
    reason          text     COLLATE "C" NOT NULL,
    detail          text     COLLATE "C" NOT NULL,
    key             bytea,
    value           bytea,
    headers         text     COLLATE "C" NOT NULL,  -- JSON: [[name, [byte, …]], …]
    masked          boolean  NOT NULL,
    first_failed_at bigint   NOT NULL,
    last_failed_at  bigint   NOT NULL,
    attempts        bigint   NOT NULL,
    digest          bytea    NOT NULL               -- of what never changes of it: SHA-256
);

CREATE INDEX dead_letter_source ON dead_letter (source, id);

-- For people and for BI. Amounts are minor units.
CREATE VIEW payments AS
SELECT l.id AS ledger, e.pos & 1099511627775 AS seq, e.at, e.namespace AS ingest,
       e.key AS idempotency_key,
       CASE e.kind WHEN 3 THEN 'succeeded' WHEN 4 THEN 'declined'
            ELSE coalesce((SELECT CASE r.kind WHEN 8 THEN 'captured' ELSE 'voided' END FROM event r
                           WHERE (r.pos >> 40 << 40) + r.ref = e.pos AND r.kind IN (8, 9)),
                          'pending') END AS state,
       e.amount, e.currency, d.id AS debit_account, c.id AS credit_account,
       coalesce((SELECT sum(r.amount) FROM event r
                 WHERE (r.pos >> 40 << 40) + r.ref = e.pos AND r.kind = 5), 0) AS refunded,
       -- The character NUL is none in SQL; a description with one stays as JSON.
       CASE strpos(e.extra, '\u0000') WHEN 0 THEN e.extra::json ->> 'description'
            ELSE (e.extra::json -> 'description')::text END AS description,
       e.extra::json -> 'metadata' AS metadata
FROM event e
JOIN ledger l ON l.no = e.pos >> 40
JOIN account d ON d.pos = (e.pos >> 40 << 40) + e.debit
JOIN account c ON c.pos = (e.pos >> 40 << 40) + e.credit
WHERE e.kind IN (3, 4, 7);

CREATE VIEW entries AS
SELECT l.id AS ledger, e.pos & 1099511627775 AS seq, e.at, d.id AS account, 'debit' AS side,
       e.amount, e.currency
FROM event e JOIN ledger l ON l.no = e.pos >> 40
JOIN account d ON d.pos = (e.pos >> 40 << 40) + e.debit
WHERE e.kind IN (3, 5, 8)
UNION ALL
SELECT l.id, e.pos & 1099511627775, e.at, c.id, 'credit', e.amount, e.currency
FROM event e JOIN ledger l ON l.no = e.pos >> 40
JOIN account c ON c.pos = (e.pos >> 40 << 40) + e.credit
WHERE e.kind IN (3, 5, 8);

-- Rows of accounts may lag behind the log; what they lack is added here.
CREATE VIEW balances AS
WITH late AS (
    SELECT e.pos >> 40 << 40 AS start, e.pos & 1099511627775 AS seq, e.debit, e.credit,
           CASE WHEN e.kind IN (3, 5, 8) THEN e.amount ELSE 0 END AS posted,
           CASE e.kind WHEN 7 THEN e.amount WHEN 8 THEN -p.amount WHEN 9 THEN -p.amount
                ELSE 0 END AS pending
    FROM ledger l
    JOIN event e ON e.pos > (l.no::bigint << 40) + l.accounts_seq
                AND e.pos < (l.no::bigint << 40) + l.next_seq
    LEFT JOIN event p ON p.pos = (e.pos >> 40 << 40) + e.ref
    WHERE e.kind IN (3, 5, 7, 8, 9)
), lacks AS (
    SELECT start + debit AS pos, seq, posted AS debits, 0 AS credits, pending AS pending_debits,
           0 AS pending_credits
    FROM late
    UNION ALL
    SELECT start + credit, seq, 0, posted, 0, pending FROM late
), missing AS (
    SELECT a.pos, sum(lacks.debits) AS debits, sum(lacks.credits) AS credits,
           sum(lacks.pending_debits) AS pending_debits,
           sum(lacks.pending_credits) AS pending_credits
    FROM lacks JOIN account a ON a.pos = lacks.pos AND a.last_seq < lacks.seq
    GROUP BY a.pos
), exact AS (
    SELECT a.ledger, a.id, a.currency,
           (a.debits + coalesce(m.debits, 0))::bigint AS debits,
           (a.credits + coalesce(m.credits, 0))::bigint AS credits,
           (a.pending_debits + coalesce(m.pending_debits, 0))::bigint AS pending_debits,
           (a.pending_credits + coalesce(m.pending_credits, 0))::bigint AS pending_credits
    FROM account a LEFT JOIN missing m ON m.pos = a.pos
)
SELECT l.id AS ledger, x.id AS account, x.currency, x.credits - x.debits AS balance,
       x.debits, x.credits, x.pending_debits, x.pending_credits
FROM exact x JOIN ledger l ON l.no = x.ledger;
