//! Who writes topics and files.

use super::Feeds;
use super::messages::{Line, Messages};
use crate::broker::Broker;
use crate::evidence::{Content, Item};
use crate::faults::{Fault, Faults};
use crate::setup::{Feed, Setup};
use crate::world::{OUTSIDE, World};
use semel_core::ingest::topic::Intake;
use std::sync::Arc;
use std::time::Duration;

/// Records of a Kafka transaction at most.
const TOGETHER: u64 = 6;
/// How long a Kafka transaction stays open at most, when it is late.
const OPEN: Duration = Duration::from_secs(5);

/// A producer of somebody else's, on a topic.
pub struct Writer {
    pub world: World,
    pub faults: Faults,
    pub broker: Broker,
    pub feeds: Feeds,
    pub setup: Arc<Setup>,
}

impl Writer {
    /// Write all files, and let producers write all topics.
    pub fn begin(self) {
        let setup = self.setup.clone();
        for (place, feed) in setup.files.iter().enumerate() {
            self.write_file(place, feed);
        }
        let writer = Arc::new(self);
        for feed in &setup.topics {
            writer.feeds.lock().busy += 1;
            let (own, feed) = (writer.clone(), feed.clone());
            writer.world.spawn(OUTSIDE, async move {
                own.write_topic(&feed).await;
                own.feeds.lock().busy -= 1;
            });
        }
    }

    fn write_file(&self, place: usize, feed: &Feed) {
        let mut messages = Messages::new(&feed.name);
        let mut lines = Vec::new();
        for number in 0..feed.wishes {
            let line = messages.next(&self.world, &self.faults);
            // A file has no tombstones.
            let line = match line.value {
                Some(_) => line,
                None => Line { value: Some(Vec::new()), content: Content::Bad("empty".into()) },
            };
            self.feeds.note(self.item(feed, format!("file:{}", feed.name), number, &line));
            lines.push(line);
        }
        *self.feeds.files[place].lock().expect("nobody panics while holding it") = Arc::new(lines);
    }

    async fn write_topic(&self, feed: &Feed) {
        let mut messages = Messages::new(&feed.name);
        let mut left = feed.wishes;
        let pause = self.setup.faulty / (feed.wishes / 3 + 1) as u32;
        while left > 0 {
            self.world.sleep(self.world.some_time(pause * 2)).await;
            let count = (1 + self.world.below(TOGETHER)).min(left);
            left -= count;
            let lines: Vec<Line> =
                (0..count).map(|_| messages.next(&self.world, &self.faults)).collect();
            match self.world.one_in(2) {
                true => self.write_together(feed, lines).await,
                false => lines.iter().for_each(|line| drop(self.append(feed, line, None))),
            }
        }
    }

    /// Write within a Kafka transaction, which may be aborted; then the same comes again.
    async fn write_together(&self, feed: &Feed, lines: Vec<Line>) {
        let number = self.broker.begin();
        let mut places = Vec::new();
        for line in &lines {
            places.push(self.append(feed, line, Some(number)));
            self.world.sleep(self.world.some_time(Duration::from_millis(50))).await;
        }
        if self.faults.strikes(Fault::TopicLate) {
            self.world.sleep(self.world.some_time(OPEN)).await;
        }
        let is_aborted = self.faults.strikes(Fault::TopicAborted);
        self.broker.end(&feed.name, number, !is_aborted);
        if is_aborted {
            places.iter().for_each(|(source, place)| self.feeds.abort(source, *place));
            lines.iter().for_each(|line| drop(self.append(feed, line, None)));
        }
    }

    fn append(&self, feed: &Feed, line: &Line, together: Option<u64>) -> (String, u64) {
        let partition = self.world.below(u64::from(feed.partitions)) as u32;
        let place =
            self.broker.append(&feed.name, partition, line.raw(self.feeds.number()), together);
        let source = Intake::source(&self.broker.about(&feed.name).id, partition).to_string();
        self.feeds.note(self.item(feed, source.clone(), place, line));
        (source, place)
    }

    fn item(&self, feed: &Feed, source: String, place: u64, line: &Line) -> Item {
        Item {
            ledger: self.setup.ledgers[feed.ledger as usize - 1].clone(),
            ingest: feed.name.clone(),
            source,
            place,
            content: line.content.clone(),
        }
    }
}
