//! What a stage that ran in other processes left in its store: every key once, in how many steps,
//! in how many bytes, and how long its twin takes for the same.

use super::twin::Twin;
use super::{Measured, meter};
use crate::http::access::MAIN;
use crate::rig::broken;
use crate::wiring::{Reader, Store};
use semel_core::failure::Failure;
use std::path::Path;

/// `measured`, with what the store in `data`, which nobody writes any more, tells of the `keys`
/// that were sent in `namespace`.
///
/// # Errors
/// Any failure of the store.
pub async fn of(
    measured: Measured,
    data: &Path,
    namespace: &str,
    keys: impl Iterator<Item = String>,
) -> Result<(Measured, Twin), Failure> {
    let path = data.join("semel.db");
    // Whoever was killed left a write-ahead log; closing moves it into the file, as it must come
    // there some day.
    Store::embedded(&path)?.close().await;
    let bytes = meter::bytes_on_disk(data);
    let reader = Reader::embedded(&path)?;
    let ledger = reader.ledger(MAIN)?.ok_or_else(|| broken("there is no ledger"))?;
    let mut twin = Twin::of(reader, ledger.no)?;
    twin.follow()?;
    Ok((measured.disk(bytes, twin.steps()).beside(&twin, namespace, keys), twin))
}

#[cfg(test)]
mod tests {
    use super::super::work::Work;
    use super::*;
    use crate::doors::Door;
    use crate::meters::Meters;
    use std::time::Duration;
    use tokio::sync::watch;

    #[tokio::test]
    async fn what_is_missing_is_lost_and_every_batch_is_a_step() {
        let dir = tempfile::TempDir::new().unwrap();
        let store = Store::embedded(&dir.path().join("semel.db")).unwrap();
        let ledger = store.ledger("main").await.unwrap().no;
        let (alarm, _) = watch::channel(None);
        let (door, task) =
            Door::open(store.door(ledger), 100_000, Meters::new().door("main"), alarm);
        let task = tokio::spawn(task);
        let mut work = Work::new();
        let pass = async |commands| drop(door.pass(commands).await.ok().unwrap());
        pass(work.accounts()).await;
        for _ in 0..3 {
            pass((0..10).map(|_| work.command()).collect()).await;
        }
        drop(door);
        task.await.unwrap();
        store.close().await;

        let mut work = Work::new();
        let keys: Vec<_> = (0..31).map(|_| work.payment().key).collect();
        let measured = Measured::new("batch", 30, Duration::from_secs(1));
        let (measured, twin) = of(measured, dir.path(), "", keys.into_iter()).await.unwrap();
        let bytes = std::fs::metadata(dir.path().join("semel.db")).unwrap().len();
        assert!(measured.bytes_per_payment >= bytes as f64 / 30.0);
        assert_eq!((measured.lost, measured.doubled, twin.steps()), (1, 0, 3));
        assert!(measured.limit_per_second > 30.0 && measured.ratio < 1.0);
    }
}
