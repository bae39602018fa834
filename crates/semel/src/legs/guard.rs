//! After another database server has taken over: is all that was published still in the store?
//!
//! Until that is known nothing is written, since a new event would take the place of one that
//! others have read. The store holds its steps back by itself; here it is found out.

use crate::config::Publish;
use crate::doors;
use crate::wiring::{Cluster, Store, StoreLog};
use semel_core::failure::{Failure, Stop};
use semel_core::publish::compare::compare;
use std::time::Duration;
use tokio::sync::watch;

/// How often the store is asked whether it is another one.
const LOOK: Duration = Duration::from_secs(1);

/// Look after `store`; what the topic knows and the store does not is told to `alarm`.
pub async fn guard(
    store: Store,
    cluster: Cluster,
    settings: Publish,
    alarm: watch::Sender<Option<Stop>>,
) {
    loop {
        match look(&store, &cluster, &settings).await {
            Ok(()) => {}
            Err(Failure::Permanent(stop)) => return doors::raise(&alarm, &stop),
            Err(failure) => {
                tracing::warn!(%failure, "whether the store still holds what was published");
            }
        }
        tokio::time::sleep(LOOK).await;
    }
}

async fn look(store: &Store, cluster: &Cluster, settings: &Publish) -> Result<(), Failure> {
    if !store.is_rewound().await? {
        return Ok(());
    }
    tracing::warn!(
        topic = settings.topic,
        "the database is another one than before; nothing is written until what was published \
         is held against it"
    );
    let topic = cluster.topic(&settings.topic, None)?;
    for ledger in store.reader().ledgers()? {
        let publication = settings.publication(&ledger);
        compare(&publication, &topic, &StoreLog::new(store.reader(), ledger.no)).await?;
    }
    store.adopt().await
}
