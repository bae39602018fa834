//! Beside a live server: one snapshot, whatever is written meanwhile; and what `--ledger` narrows.

use super::file::{File, fill, full, pay, run};
use indicatif::ProgressBar;
use semel::verify::{audit, shown};
use semel::wiring::{Reader, Store};
use semel_core::failure::Failure;
use semel_core::problem::Code;
use serde_json::json;
use std::sync::atomic::{AtomicBool, Ordering};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_snapshot_fits_while_payments_go_on() {
    let file = File::new();
    let store = Store::embedded(&file.path).unwrap();
    fill(&store).await;
    let ledger = store.ledger("main").await.unwrap();
    let done = AtomicBool::new(false);
    let paying = async {
        let mut number = 0;
        while !done.load(Ordering::Relaxed) {
            let key = format!("meanwhile-{number}");
            run(&store, ledger.no, &[pay(&key, ["bank", "alice"], 1)]).await;
            number += 1;
        }
        number
    };
    let path = file.path.clone();
    let auditing = async {
        let audited = tokio::task::spawn_blocking(move || {
            let reader = Reader::embedded(&path).unwrap();
            let audit = || audit(&reader, None, &[], &ProgressBar::hidden()).unwrap();
            (0..10).map(|_| audit()).collect::<Vec<_>>()
        });
        let reports = audited.await.unwrap();
        done.store(true, Ordering::Relaxed);
        reports
    };
    let (paid, reports) = tokio::join!(paying, auditing);
    assert!(paid > 0);
    for report in &reports {
        assert!(report.ok(), "{:?}", report.findings);
    }
    assert!(reports[0].events < reports[9].events, "payments went on meanwhile");
}

#[tokio::test]
async fn a_server_that_was_killed_leaves_a_store_that_fits() {
    let file = File::new();
    let store = Store::embedded(&file.path).unwrap();
    fill(&store).await;
    // Nothing is tidied up: every key is still in the writer's memory only.
    drop(store);
    let report = file.audit();
    assert!(report.ok(), "{:?}", report.findings);
    assert_eq!(report.events, 1_119);
}

#[tokio::test]
async fn one_ledger_is_verified_alone() {
    let file = full().await.altered("UPDATE account SET debits = debits + 1 WHERE id = 'alice'");
    let reader = Reader::embedded(&file.path).unwrap();
    let only = |ledger| audit(&reader, Some(ledger), &[], &ProgressBar::hidden());
    let other = only("other").unwrap();
    assert_eq!((other.ok(), other.ledgers, other.events), (true, 1, 3));
    let main = only("main").unwrap();
    assert_eq!((main.ok(), main.ledgers, main.events), (false, 1, 1_116));
    let Err(Failure::Permanent(stop)) = only("nowhere") else { panic!("there is no such ledger") };
    assert_eq!(stop.code, Code::Configuration);
}

#[tokio::test]
async fn a_report_is_one_json_document() {
    let file = full().await.altered("UPDATE account SET closed = 0 WHERE id = 'brief'");
    let finding = json!({
        "code": "SEMEL-0203", "name": "account_differs",
        "detail": "ledger main: account brief (1113): closed is false, its events make it true",
    });
    let expected = json!({
        "ok": false, "ledgers": 2, "events": 1_119, "payments": 1_108, "accounts": 6,
        "heads": [], "findings": [finding],
    });
    assert_eq!(shown(&file.audit()), expected);
}
