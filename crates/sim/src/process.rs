//! A simulated process: doors and legs of the product's own code, each a task, and what the binary
//! does around them: queues, another try, closed doors after a rewind. It may die or be stopped at
//! any moment.

use crate::broker::client::Client;
use crate::coverage::Watched;
use crate::defects::Tampering;
use crate::feeds::file::FileSource;
use crate::setup::{Feed, PUBLISHED};
use crate::site::Site;
use crate::store::{Backend, Rest, Store};
use crate::tampered::Tampered;
use crate::world::{Process, World};
use semel_core::Text;
use semel_core::exactly_once::{Cursor, Failure};
use semel_core::failure::Stop;
use semel_core::ingest::{Ingest, topic};
use semel_core::ledger::door::{self, Request};
use semel_core::ledger::{Command, Outcome};
use semel_core::leg::{self, COMPETE, Pace};
use semel_core::publish::{self, compare::compare};
use semel_core::retry::Schedule;
use semel_store::rows::Binding;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// How long it takes until a process finds time, at most.
const REST: Duration = Duration::from_secs(6);

/// Somebody who waits at a door.
pub struct Waiting {
    pub commands: Vec<Command>,
    pub answer: oneshot::Sender<Result<Vec<Outcome>, Failure>>,
}

impl Request for Waiting {
    fn commands(&self) -> &[Command] {
        &self.commands
    }

    fn answer(self, told: Result<Vec<Outcome>, Failure>) {
        // Whoever does not listen any more asks again.
        let _ = self.answer.send(told);
    }
}

/// The world's time, as legs are told it.
#[derive(Clone)]
pub struct WorldPace {
    pub world: World,
}

impl Pace for WorldPace {
    fn now(&self) -> Duration {
        Duration::from_micros(self.world.now())
    }

    async fn sleep(&self, time: Duration) {
        self.world.sleep(time).await;
    }

    async fn idle(&self, at_most: Duration) {
        self.world.sleep(self.world.some_time(at_most)).await;
    }

    fn backoff(&self, failed: u32, _: &Failure) -> Duration {
        Schedule::STORE.wait(failed, self.world.jitter())
    }
}

/// A process's own view of the site.
struct Running<B: Backend> {
    site: Site<B>,
    process: Process,
    store: B::Store,
    pace: WorldPace,
}

impl<B: Backend> Clone for Running<B> {
    fn clone(&self) -> Running<B> {
        let Running { site, process, store, pace } = self;
        let (site, store, pace) = (site.clone(), store.clone(), pace.clone());
        Running { site, process: *process, store, pace }
    }
}

/// Start a process with all that it does.
pub fn start<B: Backend>(site: &Site<B>, process: Process) {
    let (store, pace) = (site.backend.open(), WorldPace { world: site.world.clone() });
    let running = Running { site: site.clone(), process, store, pace };
    let setup = site.setup.clone();
    for ledger in 1..=setup.ledgers.len() as u32 {
        let (queue, waiting) = mpsc::unbounded_channel();
        site.doors.open(process, ledger, queue);
        running.spawn(move |own| async move { own.door(ledger, waiting).await });
        running.spawn(move |own| async move { own.publish(ledger).await });
    }
    for feed in setup.topics.iter().cloned() {
        running.spawn(move |own| async move { own.take(feed).await });
    }
    for (place, feed) in setup.files.iter().enumerate() {
        let feed = feed.clone();
        running.spawn(move |own| async move { own.import(place, feed).await });
    }
    running.spawn(|own| async move { own.guard().await });
    running.spawn(|own| async move { own.rest().await });
}

impl<B: Backend> Running<B> {
    fn spawn<F>(&self, task: impl FnOnce(Running<B>) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.site.world.spawn(self.process, task(self.clone()));
    }

    async fn door(&self, ledger: u32, mut queue: mpsc::UnboundedReceiver<Waiting>) {
        let target = self.site.defect.target(self.store.door(ledger));
        let target = Watched::new(target, "door", &self.site.seen);
        let wait = |failed, failure: &Failure| self.pace.sleep(self.pace.backoff(failed, failure));
        while let Some(first) = queue.recv().await {
            let waiting = door::gather(first, || queue.try_recv().ok());
            let result = door::step(&target, &waiting, wait).await;
            let last = result.as_ref().err().map(|given_up| given_up.last.clone());
            door::answer(waiting, result);
            if let Some(Failure::Permanent(stop)) = last {
                // The process stops loudly; somebody looks after it and starts it again.
                self.site.stopped("process", &stop);
                return self.site.die(self.process);
            }
        }
    }

    async fn publish(&self, ledger: u32) {
        let site = &self.site;
        let publication = site.setup.publication(ledger);
        let topic = Client::new(&site.broker, PUBLISHED, &site.net);
        let log = site.defect.log(self.store.log(ledger), &publication, &site.broker);
        let targets = |source: Text, first: Cursor| self.leg(ledger, "", source, first);
        let name = format!("publish of ledger-{}", ledger - 1);
        loop {
            let parts = (&topic, &log, &self.pace);
            let failure = publish::publish(&publication, parts, &site.tally, targets).await;
            if !self.goes_on(&name, failure).await {
                return;
            }
        }
    }

    async fn take(&self, feed: Feed) {
        let site = &self.site;
        let intake = feed.intake(1 + site.world.below(100) as usize);
        let topic = Client::new(&site.broker, &feed.name, &site.net);
        let targets =
            |source: Text, start: Cursor| self.leg(feed.ledger, &feed.name, source, start);
        loop {
            let failure = topic::take(&intake, (&topic, &self.pace), targets).await;
            if !self.goes_on(&feed.name, failure).await {
                return;
            }
        }
    }

    async fn import(&self, place: usize, feed: Feed) {
        let source = Text::from(format!("file:{}", feed.name));
        let logic = Ingest { source: source.clone() };
        let step = 1 + self.site.world.below([3, 200][self.site.world.below(2) as usize]) as usize;
        let mut file = FileSource::new(self.site.feeds.lines(place), feed.intake(step));
        // Files come whenever somebody brings them.
        self.pace.sleep(self.site.world.some_time(self.site.setup.faulty / 2)).await;
        loop {
            let bind = || self.leg(feed.ledger, &feed.name, source.clone(), Cursor::START);
            let failure = leg::compete(&mut file, bind, &logic, step, &self.pace).await;
            if !self.goes_on(&feed.name, failure).await {
                return;
            }
        }
    }

    /// Bind a leg and give its target.
    async fn leg(
        &self,
        ledger: u32,
        ingest: &str,
        source: Text,
        start: Cursor,
    ) -> Result<Watched<Tampered<<B::Store as Store>::Target, Tampering>>, Failure> {
        let (file, mapping) = (source.clone(), "".into());
        let binding = Binding { source, ingest: ingest.into(), file, mapping, start };
        let target = self.site.defect.target(self.store.leg(ledger, binding).await?);
        Ok(Watched::new(target, "pump", &self.site.seen))
    }

    /// Wait as the failure of a leg asks for; whether the leg is begun again.
    async fn goes_on(&self, what: &str, failure: Failure) -> bool {
        self.site.world.tell(&format!("process {}", self.process), || format!("{what}: {failure}"));
        match failure {
            Failure::Permanent(stop) if is_of_process(&stop) => {
                self.site.stopped("process", &stop);
                self.site.die(self.process);
                false
            }
            Failure::Permanent(stop) => {
                self.site.stopped(what, &stop);
                false
            }
            Failure::Fenced => {
                self.pace.sleep(COMPETE).await;
                true
            }
            Failure::Retryable(_) | Failure::Unknown(_) => {
                self.pace.sleep(self.pace.backoff(7, &failure)).await;
                true
            }
        }
    }

    /// Hold a store that came back older than it was against the wire before anything is written.
    async fn guard(&self) {
        loop {
            self.pace.sleep(Duration::from_secs(1)).await;
            if !self.store.is_rewound().await.unwrap_or(false) {
                continue;
            }
            match self.compare().await {
                Ok(()) => {}
                Err(Failure::Permanent(stop)) => return self.site.stopped("process", &stop),
                Err(failure) => self.pace.sleep(self.pace.backoff(0, &failure)).await,
            }
        }
    }

    /// Write accounts when there is time.
    async fn rest(&self) {
        loop {
            self.pace.idle(REST).await;
            for ledger in 1..=self.site.setup.ledgers.len() as u32 {
                if let Err(Failure::Permanent(stop)) = self.store.write_accounts(ledger).await {
                    self.site.stopped("process", &stop);
                    return self.site.die(self.process);
                }
            }
        }
    }

    async fn compare(&self) -> Result<(), Failure> {
        let topic = Client::new(&self.site.broker, PUBLISHED, &self.site.net);
        for ledger in 1..=self.site.setup.ledgers.len() as u32 {
            let publication = self.site.setup.publication(ledger);
            let log = self.store.log(ledger);
            let log = self.site.defect.log(log, &publication, &self.site.broker);
            compare(&publication, &topic, &log).await?;
        }
        self.store.adopt().await
    }
}

/// Whether a stop is the store's, which no other leg of this process can go on with either.
fn is_of_process(stop: &Stop) -> bool {
    stop.code.name().starts_with("store_")
}
