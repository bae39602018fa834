//! One pass over a store: each ledger's log, and then what is kept beside it.
//!
//! One thread reads rows, another replays them, and both see one snapshot. Of a log only a few
//! batches are in memory at a time.

use super::Head;
use crate::exit::misused;
use crate::wiring::{Audit, Reader, Sources};
use indicatif::ProgressBar;
use semel_core::failure::Failure;
use semel_core::problem::Code;
use semel_core::verify::{Finding, Findings, Keys, Leg, References, Replay, compare_counts};
use semel_store::places::slot_of;
use semel_store::rows::{LedgerRow, LogRow, Read};
use std::sync::mpsc;
use std::thread;

/// Rows that are handed from thread to thread at once.
const BATCH: usize = 1_024;
/// Batches that may wait.
const BATCHES_AHEAD: usize = 8;
/// Spans of the log that are looked at key by key where the index differs.
const SPANS_EXPLAINED: usize = 4;

/// What the auditor saw, over all ledgers.
#[derive(Debug, Default)]
pub struct Report {
    /// Ledgers replayed.
    pub ledgers: u64,
    /// Rows of their logs.
    pub events: u64,
    /// Events that recorded a payment, declined ones included.
    pub payments: u64,
    /// Accounts that the logs opened.
    pub accounts: u64,
    /// Where the logs end; none when something does not fit, because such a log proves nothing.
    pub heads: Vec<Head>,
    /// What does not fit; by code, and for each code in the order in which it was found.
    pub findings: Vec<Finding>,
}

impl Report {
    /// Whether everything fits.
    pub fn ok(&self) -> bool {
        self.findings.is_empty()
    }
}

/// Verify the ledger named `only`, or all of the store, and hold the logs to the heads that were
/// `published`; `bar` counts events.
///
/// # Errors
/// `Configuration` when there is no such ledger, or a head of one that is left out; otherwise what
/// stops a reader: a file that cannot be read at all.
pub fn audit(
    reader: &Reader,
    only: Option<&str>,
    published: &[Head],
    bar: &ProgressBar,
) -> Result<Report, Failure> {
    let mut audit = reader.audit()?;
    let mut findings = Findings::default();
    let ledgers = readable(audit.ledgers()?, &mut findings);
    let sources = audit.sources()?;
    if only.is_none() {
        gone(published, &ledgers, &mut findings);
        homeless(&audit, &ledgers, &sources, &mut findings)?;
    }
    let chosen = choose(&ledgers, only, published)?;
    bar.set_length(chosen.iter().map(|ledger| ledger.position.next_seq.saturating_sub(1)).sum());
    let mut report = Report::default();
    for ledger in &chosen {
        let own = sources.legs.iter().filter(|(no, _)| *no == i64::from(ledger.no));
        let legs: Vec<Leg> = own.map(|(_, leg)| leg.clone()).collect();
        let replayed = one(&mut audit, ledger, &legs, published, bar, &mut findings)?;
        report.ledgers += 1;
        report.events += replayed.events;
        report.payments += replayed.payments;
        report.accounts += replayed.accounts;
    }
    report.findings = findings.list();
    if report.ok() {
        let head = |ledger: &&LedgerRow| Head::of(&ledger.id, &ledger.position);
        report.heads = chosen.iter().map(head).collect();
    }
    Ok(report)
}

/// The ledgers that are meant.
fn choose<'a>(
    ledgers: &'a [LedgerRow],
    only: Option<&str>,
    published: &[Head],
) -> Result<Vec<&'a LedgerRow>, Failure> {
    let Some(only) = only else { return Ok(ledgers.iter().collect()) };
    // It would be passed over in silence, and whoever gave it would believe that it fits.
    if let Some(head) = published.iter().find(|head| *head.ledger != *only) {
        let detail = format!("--chain {head} is of another ledger than --ledger {only}");
        return Err(misused(detail).into());
    }
    let chosen: Vec<_> = ledgers.iter().filter(|ledger| *ledger.id == *only).collect();
    match chosen.is_empty() {
        true => Err(misused(format!("there is no ledger named {only}")).into()),
        false => Ok(chosen),
    }
}

/// Tell what was published of ledgers that are not there.
fn gone(published: &[Head], ledgers: &[LedgerRow], findings: &mut Findings) {
    let there = |head: &&Head| ledgers.iter().any(|ledger| ledger.id == head.ledger);
    for Head { ledger, seq, .. } in published.iter().filter(|head| !there(head)) {
        findings.add(Code::LogGap, || {
            format!("a hash was published for event {seq} of ledger {ledger}, which is not there")
        });
    }
}

/// Tell rows that belong to no ledger, and what no ledger's replay looks at.
fn homeless(
    audit: &Audit,
    ledgers: &[LedgerRow],
    Sources { legs, odd }: &Sources,
    findings: &mut Findings,
) -> Result<(), Failure> {
    let numbers: Vec<u32> = ledgers.iter().map(|ledger| ledger.no).collect();
    let there = |no: i64| u32::try_from(no).is_ok_and(|no| numbers.contains(&no));
    for (no, Leg { source, .. }) in legs.iter().filter(|(no, _)| !there(*no)) {
        findings.add(Code::RowUnreadable, || {
            format!("source {source}: there is no ledger numbered {no}")
        });
    }
    let odd = odd.iter().cloned();
    for what in odd.chain(audit.strays(&numbers)?).chain(audit.small_tables()?) {
        findings.add(Code::RowUnreadable, || what);
    }
    Ok(())
}

/// One ledger.
fn one(
    audit: &mut Audit,
    ledger: &LedgerRow,
    legs: &[Leg],
    published: &[Head],
    bar: &ProgressBar,
    findings: &mut Findings,
) -> Result<semel_core::verify::Report, Failure> {
    let anchors = readable(audit.anchors(ledger.no)?, findings);
    let published = published.iter().filter(|head| head.ledger == ledger.id);
    let mut replay = Replay::new(ledger.no, ledger.id.clone(), anchors)
        .hold_to(published.map(|head| (head.seq, head.hash)));
    let mut keys = Keys::new(ledger.id.clone());
    let mut references = References::default();
    replay_log(audit, ledger, bar, |row| match &row.event {
        Ok(event) => {
            replay.feed(event, row.payment.as_deref());
            references.logged(event);
            if let Some(slot) = slot_of(ledger.no, event) {
                keys.logged(slot, ledger.indexed_seq < event.seq);
            }
        }
        Err(why) => replay.unreadable(row.seq, why),
    })?;
    compare_index(audit, ledger, keys, findings)?;
    audit.references(ledger.no, |reference| match reference {
        Ok((seq, to)) => references.indexed(seq, to),
        Err(why) => findings.add(Code::RowUnreadable, || why),
    })?;
    references.finish(&ledger.id, findings);
    let mut accounts = Vec::new();
    audit.accounts(ledger.no, |account| accounts.push(account))?;
    let accounts = readable(accounts, findings);
    let mut report = replay.finish(accounts, ledger.position);
    findings.extend(std::mem::take(&mut report.findings));
    compare_counts(&ledger.id, legs, &report.taken, findings);
    Ok(report)
}

/// Read the log on a thread of its own, and `take` its rows here.
fn replay_log(
    audit: &mut Audit,
    ledger: &LedgerRow,
    bar: &ProgressBar,
    mut take: impl FnMut(&LogRow),
) -> Result<(), Failure> {
    let (full, batches) = mpsc::sync_channel::<Vec<LogRow>>(BATCHES_AHEAD);
    // Batches go back to be emptied where they were filled: memory is freed by who allocated it.
    let (done, empty) = mpsc::channel::<Vec<LogRow>>();
    thread::scope(|scope| {
        let reading = scope.spawn(move || {
            let mut batch = Vec::with_capacity(BATCH);
            let read = audit.log(ledger.no, |row| {
                batch.push(row);
                if batch.len() == BATCH {
                    let mut next = empty.try_recv().unwrap_or_default();
                    next.clear();
                    // Nobody takes them any more only if the other thread panicked.
                    let _ = full.send(std::mem::replace(&mut batch, next));
                }
            });
            let _ = full.send(batch);
            read
        });
        for batch in batches {
            batch.iter().for_each(&mut take);
            bar.inc(batch.len() as u64);
            let _ = done.send(batch);
        }
        reading.join().expect("reading does not panic")
    })
}

fn compare_index(
    audit: &Audit,
    ledger: &LedgerRow,
    mut keys: Keys,
    findings: &mut Findings,
) -> Result<(), Failure> {
    let look_up = |seq| audit.named(ledger.no, seq);
    keys.turn();
    audit.index(ledger.no, |slot| match slot {
        Ok(slot) => keys.indexed(slot, look_up, findings),
        Err(why) => findings.add(Code::RowUnreadable, || why),
    })?;
    let spans = keys.finish(look_up, findings);
    for span in spans.iter().take(SPANS_EXPLAINED) {
        let (logged, indexed) = audit.span(ledger.no, span.clone())?;
        keys.explain(span, &logged, &indexed, findings);
    }
    spans.iter().skip(SPANS_EXPLAINED).for_each(|span| keys.tell_span(span, findings));
    Ok(())
}

/// What could be read; the rest is told.
fn readable<T>(rows: Vec<Read<T>>, findings: &mut Findings) -> Vec<T> {
    let mut readable = Vec::with_capacity(rows.len());
    for row in rows {
        match row {
            Ok(row) => readable.push(row),
            Err(why) => findings.add(Code::RowUnreadable, || why),
        }
    }
    readable
}
