//! The auditor's questions to a store on PostgreSQL, and what does not fit in its answers.

use semel_core::problem::Code::{self, RowUnreadable};
use semel_core::verify::{Findings, Keys, Leg, References, Replay, compare_counts};
use semel_store::places::slot_of;
use semel_store::postgres::Audit;
use semel_store::rows::Read;

/// What does not fit: what the auditor finds in what it is told.
pub fn found(audit: &Audit) -> Vec<(Code, String)> {
    let mut findings = Findings::default();
    let ledgers = readable(audit.ledgers().unwrap(), &mut findings);
    let sources = audit.sources().unwrap();
    let numbers: Vec<u32> = ledgers.iter().map(|ledger| ledger.no).collect();
    let strays = audit.strays(&numbers).unwrap();
    let odd = sources.odd.into_iter().chain(strays).chain(audit.small_tables().unwrap());
    odd.for_each(|why| findings.add(RowUnreadable, || why));
    for ledger in ledgers {
        let anchors = readable(audit.anchors(ledger.no).unwrap(), &mut findings);
        let mut replay = Replay::new(ledger.no, ledger.id.clone(), anchors);
        let (mut keys, mut references) = (Keys::new(ledger.id.clone()), References::default());
        audit
            .log(ledger.no, |row| match &row.event {
                Ok(event) => {
                    replay.feed(event, row.payment.as_deref());
                    references.logged(event);
                    let slot = slot_of(ledger.no, event);
                    slot.into_iter().for_each(|slot| keys.logged(slot, false));
                }
                Err(why) => replay.unreadable(row.seq, why),
            })
            .unwrap();
        compare_keys(audit, ledger.no, keys, &mut findings);
        let take = |reference: Read<(u64, u64)>| match reference {
            Ok((seq, to)) => references.indexed(seq, to),
            Err(why) => findings.add(RowUnreadable, || why),
        };
        audit.references(ledger.no, take).unwrap();
        references.finish(&ledger.id, &mut findings);
        let mut accounts = Vec::new();
        audit.accounts(ledger.no, |account| accounts.push(account)).unwrap();
        let accounts = readable(accounts, &mut findings);
        let mut report = replay.finish(accounts, ledger.position);
        findings.extend(std::mem::take(&mut report.findings));
        let legs = sources.legs.iter().filter(|(no, _)| *no == i64::from(ledger.no));
        let legs: Vec<Leg> = legs.map(|(_, leg)| leg.clone()).collect();
        compare_counts(&ledger.id, &legs, &report.taken, &mut findings);
    }
    findings.list().into_iter().map(|finding| (finding.code, finding.detail)).collect()
}

fn compare_keys(audit: &Audit, ledger: u32, mut keys: Keys, findings: &mut Findings) {
    let look_up = |seq| audit.named(ledger, seq);
    keys.turn();
    let take = |slot| match slot {
        Ok(slot) => keys.indexed(slot, look_up, findings),
        Err(why) => findings.add(RowUnreadable, || why),
    };
    audit.index(ledger, take).unwrap();
    for span in keys.finish(look_up, findings) {
        let (logged, indexed) = audit.span(ledger, span.clone()).unwrap();
        keys.explain(&span, &logged, &indexed, findings);
    }
}

fn readable<T>(rows: Vec<Read<T>>, findings: &mut Findings) -> Vec<T> {
    let mut readable = Vec::new();
    for row in rows {
        match row {
            Ok(row) => readable.push(row),
            Err(why) => findings.add(RowUnreadable, || why),
        }
    }
    readable
}
