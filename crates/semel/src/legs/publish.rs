//! Events out: the sending half and each partition's confirming half are tasks of their own.

use super::board::Leg;
use super::bound::Bound;
use super::crew::Crew;
use super::pace::LegPace;
use crate::config::Publish;
use crate::wiring::{Store, StoreLog, StoreTarget, WireTopic};
use semel_core::Text;
use semel_core::exactly_once::Cursor;
use semel_core::failure::Failure;
use semel_core::leg::changed;
use semel_core::publish::{Opened, Publication, confirm, open, send};
use semel_store::rows::{Binding, Ledger};
use std::sync::Arc;

/// A ledger, as this process publishes it.
pub struct Publishing {
    bound: Bound,
    topic: WireTopic,
    leg: Arc<Leg>,
    publication: Publication,
    log: StoreLog,
    pace: LegPace,
}

impl Publishing {
    /// The events of `ledger` to `topic`, as `settings` say.
    pub fn new(
        store: &Store,
        ledger: &Ledger,
        topic: WireTopic,
        settings: &Publish,
        leg: Arc<Leg>,
    ) -> Publishing {
        let (source, ingest, file, mapping): (Text, Text, Text, Text) =
            ("".into(), "".into(), settings.topic.as_str().into(), "".into());
        let binding = Binding { source, ingest, file, mapping, start: Cursor::START };
        Publishing {
            bound: Bound::new(store, ledger.no, binding),
            topic,
            leg,
            publication: settings.publication(ledger),
            log: StoreLog::new(store.reader(), ledger.no),
            pace: LegPace::of(store),
        }
    }

    /// Publish for as long as this process may and the topic stays the same; why that ended.
    pub async fn publish(self: &Arc<Publishing>) -> Failure {
        let targets = |source: Text, start: Cursor| self.bound.target(source, start);
        let opened = open(&self.publication, (&self.topic, &self.log), targets).await;
        let opened: Arc<Opened<StoreTarget>> = match opened {
            Ok(opened) => Arc::new(opened),
            Err(failure) => return failure,
        };
        let mut crew = Crew::default();
        for partition in opened.partitions() {
            let (own, opened) = (self.clone(), opened.clone());
            crew.add(async move {
                let by = (&own.topic, &own.log, &own.pace);
                confirm(&own.publication, by, (own.leg.tally(), &opened), partition).await
            });
        }
        let (own, all) = (self.clone(), opened.clone());
        crew.add(async move {
            let by = (&own.topic, &own.log, &own.pace);
            send(&own.publication, by, (own.leg.tally(), &all)).await
        });
        let own = self.clone();
        crew.add(async move { changed(&own.topic, &opened.about, &own.pace).await });
        crew.first().await
    }

    /// The time that it goes by.
    pub fn pace(&self) -> &LegPace {
        &self.pace
    }
}
