//! What a stage that ran in other processes left in its store: every key once, in how many steps,
//! in how many bytes, and how long its twin takes for the same.

use super::Measured;
use super::bed::Bed;
use super::twin::Twin;
use crate::http::access::MAIN;
use crate::rig::broken;
use crate::wiring::{Reader, Store};
use semel_core::failure::Failure;

/// `measured`, with what the store on `bed`, which nobody writes any more, tells of the `keys` that
/// were sent in `namespace`.
///
/// # Errors
/// Any failure of the store.
pub async fn of(
    measured: Measured,
    bed: &Bed,
    namespace: &str,
    keys: impl Iterator<Item = String>,
) -> Result<(Measured, Twin), Failure> {
    let place = bed.place();
    if let Some(path) = place.file() {
        // Whoever was killed left a write-ahead log; closing moves it into the file, as it must
        // come there some day.
        Store::embedded(path)?.close().await;
    }
    let bytes = bed.bytes_on_disk();
    let reader = Reader::open(&place).await?;
    let ledger = reader.ledger(MAIN)?.ok_or_else(|| broken("there is no ledger"))?;
    let mut twin = Twin::of(reader, ledger.no, &bed.twin_place()).await?;
    twin.follow().await?;
    let measured = bed.weighed(measured, bytes, twin.steps(), twin.seen()).await?;
    Ok((measured.beside(&twin, namespace, keys), twin))
}

#[cfg(test)]
mod tests {
    use super::super::bed::Setup;
    use super::*;
    use crate::doors::Door;
    use crate::meters::Meters;
    use crate::wiring::Form;
    use std::time::Duration;
    use tokio::sync::watch;

    #[tokio::test]
    async fn what_is_missing_is_lost_and_every_batch_is_a_step() {
        let setup = Setup {
            payments: 30,
            batch: 10,
            hot: false,
            form: Form::Resident,
            server: None,
            wire: None,
        };
        let bed = Bed::new(&setup).await.unwrap();
        let store = Store::open(&bed.place()).await.unwrap();
        let ledger = store.ledger("main").await.unwrap().no;
        let (alarm, _) = watch::channel(None);
        let (door, task) =
            Door::open(store.door(ledger), 100_000, Meters::new().door("main"), alarm);
        let task = tokio::spawn(task);
        let mut work = setup.work();
        let pass = async |commands| drop(door.pass(commands).await.ok().unwrap());
        pass(work.accounts()).await;
        for _ in 0..3 {
            pass((0..10).map(|_| work.command()).collect()).await;
        }
        drop(door);
        task.await.unwrap();
        store.close().await;

        let mut work = setup.work();
        let keys: Vec<_> = (0..31).map(|_| work.payment().key).collect();
        let measured = Measured::new("batch", 30, Duration::from_secs(1));
        let (measured, twin) = of(measured, &bed, "", keys.into_iter()).await.unwrap();
        let bytes = std::fs::metadata(bed.place().file().unwrap()).unwrap().len();
        assert!(measured.bytes_per_payment >= bytes as f64 / 30.0);
        assert_eq!((measured.lost, measured.doubled, twin.steps()), (1, 0, 3));
        assert!(measured.limit_per_second > 30.0 && measured.ratio < 1.0);
    }
}
