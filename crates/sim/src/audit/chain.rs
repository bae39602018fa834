//! The log's order and its chain, recomputed from the rows with an encoder of our own.
//!
//! Promises P5 and P7: seqs are dense, and the chain's end and its anchors are those of the rows.

use super::report::Report;
use crate::evidence::{Ledger, Row, Side};
use sha2::{Digest, Sha256};

/// An anchor is kept at every seq that is a multiple of this.
const ANCHOR_EVERY: u64 = 1024;

/// The chain after each event, once the log's order, its end and its anchors have been checked.
pub(super) fn check(ledger: &Ledger, report: &mut Report) -> Vec<[u8; 32]> {
    dense(ledger, report);
    let chain = recompute(ledger);
    let start = || Sha256::digest(ledger.name.as_bytes()).into();
    let tail: [u8; 32] = chain.last().copied().unwrap_or_else(start);
    if tail != ledger.tail {
        report.tell("chain_broken", || {
            let (name, kept, made) = (&ledger.name, hex(&ledger.tail), hex(&tail));
            format!("{name}: the kept tail is {kept}, the rows make it {made}")
        });
    }
    anchors(ledger, &chain, report);
    chain
}

fn dense(ledger: &Ledger, report: &mut Report) {
    let mut next = 1;
    for row in &ledger.events {
        if row.seq != next {
            let (name, seq) = (&ledger.name, row.seq);
            report.tell("log_gap", || format!("{name}: event {seq} in the place of {next}"));
        }
        next = row.seq.saturating_add(1);
    }
    if ledger.next_seq != next {
        let (name, kept) = (&ledger.name, ledger.next_seq);
        report.tell("log_gap", || format!("{name}: next_seq is {kept}, the log goes on at {next}"));
    }
}

fn anchors(ledger: &Ledger, chain: &[[u8; 32]], report: &mut Report) {
    let mut expected = 0;
    for (row, hash) in ledger.events.iter().zip(chain) {
        if row.seq == 0 || !row.seq.is_multiple_of(ANCHOR_EVERY) {
            continue;
        }
        expected += 1;
        let kept = ledger.anchors.get(&row.seq);
        if kept != Some(hash) {
            report.tell("anchor_differs", || {
                let (name, seq, kept) = (&ledger.name, row.seq, kept.map(|kept| hex(kept)));
                format!("{name}: the anchor at {seq} is {kept:?}, the chain {}", hex(hash))
            });
        }
    }
    if expected != ledger.anchors.len() {
        let (name, kept) = (&ledger.name, ledger.anchors.len());
        report.tell("anchor_differs", || format!("{name}: {kept} anchors, not {expected}"));
    }
}

/// The chain after each event, from the rows alone.
pub(super) fn recompute(ledger: &Ledger) -> Vec<[u8; 32]> {
    let mut tail: [u8; 32] = Sha256::digest(ledger.name.as_bytes()).into();
    let mut bytes = Vec::with_capacity(256);
    let link = |row: &Row| {
        bytes.clear();
        bytes.extend(tail);
        encode(row, ledger.no, &mut bytes);
        tail = Sha256::digest(&bytes).into();
        tail
    };
    ledger.events.iter().map(link).collect()
}

/// The canonical bytes of a row: integers big-endian, what may be absent behind a 0 or a 1.
fn encode(row: &Row, ledger: u32, out: &mut Vec<u8>) {
    out.extend([row.format, row.kind]);
    out.extend(ledger.to_be_bytes());
    out.extend(row.seq.to_be_bytes());
    out.extend(row.at.to_be_bytes());
    text(Some(&row.namespace), out);
    text(row.key.as_deref(), out);
    side(row.debit.as_ref(), out);
    side(row.credit.as_ref(), out);
    out.extend(row.amount.to_be_bytes());
    out.extend(row.currency.as_bytes());
    out.push(row.decline);
    out.extend(row.reference.map_or(0, |(seq, _)| seq).to_be_bytes());
    text(row.extra.as_deref(), out);
}

fn text(text: Option<&str>, out: &mut Vec<u8>) {
    let Some(text) = text else { return out.push(0) };
    out.push(1);
    out.extend((text.len() as u32).to_be_bytes());
    out.extend(text.as_bytes());
}

fn side(side: Option<&Side>, out: &mut Vec<u8>) {
    let Some(side) = side else { return out.push(0) };
    out.push(1);
    out.extend(side.no.to_be_bytes());
    out.extend(side.prev.to_be_bytes());
}

/// Lower-case hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
