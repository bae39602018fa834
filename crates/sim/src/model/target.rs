//! The way to the model store: the law's types and the log, over a network that loses requests and
//! answers.

use super::memory::Memory;
use super::step::{self, ModelStep};
use super::{LegClaim, Model};
use crate::faults::Fault;
use crate::store::{Rest, Store};
use semel_core::Text;
use semel_core::event::Event;
use semel_core::exactly_once::{Claim, Cursor, Failure, Target};
use semel_core::ledger::{Keys, Position};
use semel_core::publish::Log;
use semel_core::wire::Link;
use semel_store::rows::Binding;
use std::time::Duration;

/// How long a client waits for the server before it takes the connection for lost.
pub(super) const PATIENCE: Duration = Duration::from_secs(4);
pub(super) const STATEMENT: [Fault; 2] = [Fault::StoreRequestLost, Fault::StoreAnswerLost];
pub(super) const COMMIT: [Fault; 2] = [Fault::CommitRequestLost, Fault::CommitAnswerLost];

/// A process's handle.
#[derive(Clone)]
pub struct ModelStore {
    pub(super) model: Model,
    pub(super) memory: Memory,
    owner: u64,
}

impl ModelStore {
    pub fn new(model: Model) -> ModelStore {
        let memory = Memory::new(&model.net.world, &model.minds, model.locks.len());
        ModelStore { owner: model.owner(), memory, model }
    }

    pub(super) async fn ask<R: Send + 'static>(
        &self,
        work: impl FnOnce(&Model) -> Result<R, Failure> + Send + 'static,
    ) -> Result<R, Failure> {
        let model = self.model.clone();
        self.model.net.call(STATEMENT, PATIENCE, async move { work(&model) }).await.map_err(lost)?
    }
}

pub(super) fn lost(_: crate::net::NoAnswer) -> Failure {
    Failure::Retryable("the connection was lost".into())
}

impl Rest for ModelStore {
    async fn write_accounts(&self, ledger: u32) -> Result<(), Failure> {
        step::write_accounts(self, ledger).await
    }
}

impl Store for ModelStore {
    type Target = ModelTarget;
    type Log = ModelLog;

    fn door(&self, ledger: u32) -> ModelTarget {
        ModelTarget { store: self.clone(), ledger, source: None }
    }

    async fn leg(&self, ledger: u32, binding: Binding) -> Result<ModelTarget, Failure> {
        let source = binding.source.clone();
        self.ask(move |model| model.bind(ledger, binding)).await?;
        Ok(ModelTarget { store: self.clone(), ledger, source: Some(source) })
    }

    fn log(&self, ledger: u32) -> ModelLog {
        ModelLog { store: self.clone(), ledger }
    }

    async fn is_rewound(&self) -> Result<bool, Failure> {
        self.ask(|model| Ok(model.server().check_timeline().is_err())).await
    }

    async fn adopt(&self) -> Result<(), Failure> {
        self.ask(|model| {
            model.adopt();
            Ok(())
        })
        .await
    }
}

/// A leg or a door.
#[derive(Clone)]
pub struct ModelTarget {
    store: ModelStore,
    ledger: u32,
    source: Option<Text>,
}

/// A claim.
pub struct ModelClaim {
    pub(super) store: ModelStore,
    pub(super) ledger: u32,
    pub(super) leg: Option<LegClaim>,
}

impl Target for ModelTarget {
    type Claim = ModelClaim;

    async fn claim(&self) -> Result<ModelClaim, Failure> {
        let ModelTarget { store, ledger, source } = self.clone();
        let leg = match source {
            None => None,
            Some(source) => {
                let owner = store.owner;
                Some(store.ask(move |model| model.claim(&source, owner)).await?)
            }
        };
        Ok(ModelClaim { store, ledger, leg })
    }
}

impl Claim for ModelClaim {
    type Keys = Keys;
    type Step = ModelStep;

    fn cursor(&self) -> &Cursor {
        self.leg.as_ref().map_or(&Cursor::START, |leg| &leg.cursor)
    }

    async fn begin(self, keys: Keys) -> Result<ModelStep, Failure> {
        let ModelClaim { store, ledger, leg } = self;
        step::begin(&store, ledger, leg, keys).await
    }
}

/// A ledger's log.
#[derive(Clone)]
pub struct ModelLog {
    store: ModelStore,
    ledger: u32,
}

impl Log for ModelLog {
    async fn events(&self, after: u64, limit: usize) -> Result<Vec<Event>, Failure> {
        let place = self.ledger as usize - 1;
        let work = move |model: &Model| {
            let server = model.server();
            let events = server.state.ledgers[place].events.iter().skip(after as usize);
            Ok(events.take(limit).map(|event| Event::clone(event)).collect())
        };
        self.store.ask(work).await
    }

    async fn anchor(&self, at_most: u64) -> Result<Link, Failure> {
        let place = self.ledger as usize - 1;
        let work = move |model: &Model| {
            let server = model.server();
            let ledger = &server.state.ledgers[place];
            let kept = ledger.anchors.range(..=at_most).next_back();
            let start = || Link { seq: 0, hash: Position::start(&ledger.id).tail };
            Ok(kept.map_or_else(start, |(seq, hash)| Link { seq: *seq, hash: *hash }))
        };
        self.store.ask(work).await
    }

    async fn head(&self) -> Result<Link, Failure> {
        let place = self.ledger as usize - 1;
        let work = move |model: &Model| {
            let Position { next_seq, tail } = model.server().state.ledgers[place].position;
            Ok(Link { seq: next_seq - 1, hash: tail })
        };
        self.store.ask(work).await
    }

    async fn cursor(&self, source: &str) -> Result<Option<Cursor>, Failure> {
        let source = source.to_owned();
        let work =
            move |model: &Model| Ok(model.server().state.legs.get(&*source).map(|leg| leg.cursor));
        self.store.ask(work).await
    }
}
