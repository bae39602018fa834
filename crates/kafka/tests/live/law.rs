//! Law 5 on a real broker: what was read at a position stays there.

use crate::{Broker, numbered, put};
use semel_core::chain::Hash;
use semel_core::exactly_once::conformance::reads_stably;
use semel_core::exactly_once::{Batch, Cursor, Failure, Source};
use semel_core::failure::Stop;
use semel_core::problem::Code;
use semel_core::wire::{Place, Read, Record, Topic as _, read_on};
use semel_kafka::KafkaTopic;

/// A partition without holes, read on as ingest does it.
struct Partition(KafkaTopic);

impl Source for Partition {
    type Item = Record;

    async fn read(
        &mut self,
        from: &Cursor,
        limit: usize,
    ) -> Result<Option<Batch<Record>>, Failure> {
        let seen = (from.tail != Hash::ZERO).then(|| (from.next - 1, from.tail));
        let place = Place { next: from.next, seen };
        let about = self.0.about().await?;
        match read_on((&self.0, &*about.id, 0), &place, limit).await? {
            Read::On(fetched) => Ok(fetched.records.last().map(Record::digest).map(|tail| {
                let to = Cursor { next: fetched.next, tail, hint: 0 };
                Batch { items: fetched.records, to }
            })),
            other => Err(Stop::new(Code::SourceChanged, format!("{other:?}")).into()),
        }
    }
}

#[tokio::test]
async fn a_partition_is_read_stably() {
    let Some(broker) = Broker::shared() else { return };
    let (name, topic) = broker.topic(1).await;
    put(&broker.foreign(&[]), &name, &numbered(0..9));
    assert_eq!(reads_stably(|| Partition(topic.clone())).await, Ok(()));
    let anew = || Partition(broker.cluster.topic(&name, None).unwrap());
    assert_eq!(reads_stably(anew).await, Ok(()));
}
