//! What a stage that ran in other processes left in its store: every key once, in how many steps,
//! in how many bytes.

use super::{Measured, meter};
use crate::wiring::{Reader, Store};
use semel_core::failure::Failure;
use std::collections::HashMap;
use std::path::Path;

/// How many events are read at once.
const PAGE: usize = 100_000;

/// What was counted.
#[derive(Debug, PartialEq, Eq)]
pub struct Audit {
    lost: u64,
    doubled: u64,
    steps: u64,
    bytes: u64,
}

impl Audit {
    /// Count the store in `data`, which nobody writes any more, against the `keys` that were sent.
    ///
    /// # Errors
    /// Any failure of the store.
    pub async fn of(data: &Path, keys: impl Iterator<Item = String>) -> Result<Audit, Failure> {
        let path = data.join("semel.db");
        // Whoever was killed left a write-ahead log; closing moves it into the file, as it must
        // come there some day.
        Store::open(&path)?.close().await;
        let bytes = meter::bytes_on_disk(data);
        let (found, steps) = events(&Reader::open(&path)?)?;
        let lost = keys.filter(|key| !found.contains_key(key)).count() as u64;
        let doubled = found.values().map(|count| count - 1).sum();
        Ok(Audit { lost, doubled, steps, bytes })
    }

    /// `measured`, with what was counted.
    pub fn told(&self, measured: Measured) -> Measured {
        measured.disk(self.bytes, self.steps).audited(self.lost, self.doubled)
    }
}

/// How many events every key has, and how many steps wrote them.
fn events(reader: &Reader) -> Result<(HashMap<String, u64>, u64), Failure> {
    let (mut found, mut steps) = (HashMap::new(), 0);
    for ledger in reader.ledgers()? {
        let (mut seen, mut step) = (0, None);
        loop {
            let events = reader.events(ledger.no, seen, PAGE)?;
            let Some(last) = events.last() else { break };
            seen = last.seq;
            for event in events {
                let Some(key) = event.key else { continue };
                *found.entry(key.to_string()).or_default() += 1;
                // All events of a step have its time, and no other step has.
                steps += u64::from(step.replace(event.at) != Some(event.at));
            }
        }
    }
    Ok((found, steps))
}

#[cfg(test)]
mod tests {
    use super::super::work::Work;
    use super::*;
    use crate::doors::Door;
    use crate::meters::DoorMeters;
    use tokio::sync::watch;

    #[tokio::test]
    async fn what_is_missing_is_lost_and_every_batch_is_a_step() {
        let dir = tempfile::TempDir::new().unwrap();
        let store = Store::open(&dir.path().join("semel.db")).unwrap();
        let ledger = store.ledger("main").await.unwrap().no;
        let (alarm, _) = watch::channel(None);
        let (door, task) = Door::open(store.door(ledger), 100_000, DoorMeters::unheard(), alarm);
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
        let audit = Audit::of(dir.path(), keys.into_iter()).await.unwrap();
        let bytes = std::fs::metadata(dir.path().join("semel.db")).unwrap().len();
        assert!(audit.bytes >= bytes);
        assert_eq!(audit, Audit { lost: 1, doubled: 0, steps: 3, ..audit });
    }
}
