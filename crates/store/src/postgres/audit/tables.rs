//! What the server says of the tables, besides their rows.

use super::{Audit, NONE, each};
use crate::postgres::reader::block;
use semel_core::failure::Failure;

/// The store's tables.
const OURS: &str = "ARRAY['ledger'::regclass, 'event', 'account', 'anchor', 'leg', 'dead_letter']";

/// The indexes that look-ups and promises rest on; `true`: it holds every value once.
const INDEXES: &str = "(VALUES ('ledger_pkey', true), ('ledger_id', true), ('event_pkey', true),
    ('event_slot', true), ('event_ref', false), ('account_pkey', true), ('account_id', true),
    ('anchor_pkey', true), ('leg_pkey', true), ('leg_ingest', false), ('dead_letter_pkey', true),
    ('dead_letter_source', false)) AS wanted (name, is_unique)";

/// The constraints with names of their own.
const CONSTRAINTS: &str = "(VALUES ('event_named'), ('leg_counts')) AS wanted (name)";

impl Audit {
    /// What is wrong with the tables as the server describes them, in words: an index or constraint
    /// that is missing or was never made sure of, and whatever acts or hides between a statement
    /// and a row: triggers, rules, policies.
    ///
    /// PostgreSQL has no check of its own that looks into tables and indexes without an extension.
    /// Rows of the log and accounts are compared one by one elsewhere; what an index of one of the
    /// smaller tables lacks stays unseen.
    ///
    /// # Errors
    /// As every read.
    pub fn small_tables(&self) -> Result<Vec<String>, Failure> {
        let mut wrong = Vec::new();
        for ask in asks() {
            block(
                &self.runtime,
                each(&self.client, &ask, NONE, |row| {
                    wrong.extend(row.text(0).map(str::to_owned));
                }),
            )?;
        }
        Ok(wrong)
    }
}

/// Each yields a text for each thing that is wrong.
fn asks() -> [String; 5] {
    let indexes = format!(
        "SELECT format('the index %s %s', wanted.name, CASE
            WHEN i.indexrelid IS NULL THEN 'is missing'
            WHEN wanted.is_unique AND NOT i.indisunique THEN 'lets values repeat'
            ELSE 'is not valid' END)
         FROM {INDEXES} LEFT JOIN (pg_class c JOIN pg_index i ON i.indexrelid = c.oid
            AND i.indrelid = ANY({OURS})) ON c.relname = wanted.name
         WHERE i.indexrelid IS NULL OR NOT (i.indisvalid AND i.indisready AND i.indislive)
            OR wanted.is_unique AND NOT i.indisunique"
    );
    let constraints = format!(
        "SELECT format('the constraint %s is missing', wanted.name) FROM {CONSTRAINTS}
         WHERE NOT EXISTS (SELECT FROM pg_constraint c
            WHERE c.conname = wanted.name AND c.conrelid = ANY({OURS}))
         UNION ALL
         SELECT format('%s: the constraint %s was never checked', conrelid::regclass, conname)
         FROM pg_constraint WHERE conrelid = ANY({OURS}) AND NOT convalidated"
    );
    let triggers = format!(
        "SELECT format('%s: the trigger %s is none of ours', tgrelid::regclass, tgname)
         FROM pg_trigger WHERE tgrelid = ANY({OURS}) AND NOT tgisinternal"
    );
    let rules = format!(
        "SELECT format('%s: the rule %s is none of ours', ev_class::regclass, rulename)
         FROM pg_rewrite WHERE ev_class = ANY({OURS})"
    );
    let policies = format!(
        "SELECT format('%s: policies decide who sees which rows', oid::regclass)
         FROM pg_class WHERE oid = ANY({OURS}) AND relrowsecurity"
    );
    [indexes, constraints, triggers, rules, policies]
}
