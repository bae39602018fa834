//! What a stage is told, and what it is played on: a place for its store, one for the store's twin,
//! and what counts beside it.

use super::Measured;
use super::gauge::Gauge;
use super::meter;
use super::work::Work;
use crate::place::Place;
use crate::rig::broken;
use crate::wiring::{Form, Scratch, WireSettings};
use semel_core::failure::Failure;
use std::path::Path;

/// What every stage is told.
pub struct Setup {
    /// Payments, in all ledgers together.
    pub payments: u64,
    /// Payments of one batch.
    pub batch: usize,
    /// Whether few accounts get most payments.
    pub hot: bool,
    /// How a server's accounts are kept in mind.
    pub form: Form,
    /// The database, if it is one, by its URL.
    pub server: Option<String>,
    /// Where Kafka is, if it is named.
    pub wire: Option<WireSettings>,
}

impl Setup {
    /// Where Kafka is.
    ///
    /// # Errors
    /// Nobody said.
    pub fn wire(&self) -> Result<&WireSettings, Failure> {
        self.wire.as_ref().ok_or_else(|| broken("a stage on Kafka without Kafka"))
    }

    /// The payments, from the beginning.
    pub fn work(&self) -> Work {
        Work::new(self.hot)
    }
}

/// What a stage is played on. [`Bed::remove`] throws it away.
pub struct Bed {
    real: Scratch,
    twin: Scratch,
    /// What the server spends.
    pub gauge: Gauge,
}

impl Bed {
    /// Where `setup` says.
    ///
    /// # Errors
    /// No directory, or no schema, can be made.
    pub async fn new(setup: &Setup) -> Result<Bed, Failure> {
        let server = setup.server.as_deref();
        let (real, twin) = (Scratch::new(server).await?, Scratch::new(server).await?);
        let gauge = Gauge::new(real.meter().await?).await;
        Ok(Bed { real, twin, gauge })
    }

    /// Where the store is that is measured.
    pub fn place(&self) -> Place {
        self.real.place()
    }

    /// Where its twin is.
    pub fn twin_place(&self) -> Place {
        self.twin.place()
    }

    /// The size of the store's directory, if it has one.
    pub fn bytes_on_disk(&self) -> u64 {
        let place = self.place();
        place.file().and_then(Path::parent).map_or(0, meter::bytes_on_disk)
    }

    /// `measured`, with what so many `steps` weigh. The store has so many `events` and nobody uses
    /// it any more; its size is so many `bytes`, if no server tells it.
    ///
    /// # Errors
    /// Any failure of the server.
    pub async fn weighed(
        &self,
        measured: Measured,
        bytes: u64,
        steps: u64,
        events: u64,
    ) -> Result<Measured, Failure> {
        Ok(match self.gauge.told(measured.payments, steps, events).await? {
            Some((server, bytes)) => {
                Measured { server: Some(server), ..measured.disk(bytes, steps) }
            }
            None => measured.disk(bytes, steps),
        })
    }

    /// Throw everything away.
    ///
    /// # Errors
    /// Any failure of the server; then it is still there.
    pub async fn remove(self) -> Result<(), Failure> {
        drop(self.gauge);
        let (real, twin) = (self.real.remove().await, self.twin.remove().await);
        real.and(twin)
    }
}
