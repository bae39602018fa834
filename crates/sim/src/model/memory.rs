//! What the processes of a run have in mind of the model's ledgers: the product's own memory, and
//! for each ledger the turn to write it. It is lost with the process.

use crate::world::World;
use semel_store::resident::{Bounds, Form, Resident, Stand};
use std::sync::{Arc, Mutex, MutexGuard};
use tokio::sync::{Mutex as Lock, OwnedMutexGuard};

/// What a process makes of its memory. A planted defect is another implementation of it.
pub trait Trust: Send + Sync {
    /// Whether what is known belongs to where the ledger stands.
    fn is_here(&self, known: &Resident, stand: &Stand) -> bool {
        known.is_at(stand)
    }

    /// Up to which seq a step says that all rows have come, which it wrote up to `seq` and left the
    /// log at `end`.
    fn says(&self, seq: u64, _end: u64) -> u64 {
        seq
    }

    /// Whether keys of commands that append nothing are looked up before the step is committed.
    fn looks_refused_up(&self) -> bool {
        true
    }
}

/// As the product does.
pub struct Used;

impl Trust for Used {}

/// How the processes of a run keep ledgers in mind.
#[derive(Clone, Debug)]
pub struct Minds {
    /// Without one, each process has its own.
    form: Option<Form>,
    pub bounds: Bounds,
    /// Whether accounts are written in idle moments.
    pub rests: bool,
}

impl Minds {
    /// What the seed of `world` draws; small, so that everything passes its bounds.
    pub fn draw(world: &World) -> Minds {
        let form = [Some(Form::Plain), Some(Form::Resident), Some(Form::Resident), None];
        let form = form[world.below(4) as usize];
        let lag = [0, world.below(20), world.below(100), 100_000][world.below(4) as usize];
        let bounds = Bounds {
            lag,
            few_keys: world.below(4) as usize,
            accounts_max: 1 + world.below(60) as usize,
            recent: 1 + world.below(40) as usize,
            looks: (1 + world.below(4) as u32, 4 + world.below(8) as u32),
            far: 10,
        };
        Minds { form, bounds, rests: world.one_in(2) }
    }
}

/// A process's memory. Cheap to clone.
#[derive(Clone)]
pub struct Memory(Arc<Vec<Arc<Mind>>>);

struct Mind {
    turn: Arc<Lock<()>>,
    resident: Mutex<Resident>,
}

/// The turn to write a ledger, and the right to change what is known of it.
pub struct Turn {
    mind: Arc<Mind>,
    _turn: OwnedMutexGuard<()>,
}

impl Memory {
    /// Of a process that begins, of so many ledgers.
    pub fn new(world: &World, minds: &Minds, ledgers: usize) -> Memory {
        let chance = || [Form::Plain, Form::Resident][world.below(2) as usize];
        let form = minds.form.unwrap_or_else(chance);
        let resident = || Mutex::new(Resident::within(form, minds.bounds));
        let mind = |_| Arc::new(Mind { turn: Arc::default(), resident: resident() });
        Memory(Arc::new((0..ledgers).map(mind).collect()))
    }

    /// The next turn, once it has come: the steps of a process queue up here.
    pub async fn turn(&self, ledger: u32) -> Turn {
        let mind = self.0[ledger as usize - 1].clone();
        let turn = mind.turn.clone().lock_owned().await;
        Turn { mind, _turn: turn }
    }

    /// Whether a ledger has accounts to be written, and nobody is writing to it.
    pub fn is_idle(&self, ledger: u32) -> bool {
        let mind = &self.0[ledger as usize - 1];
        let resident = mind.resident.lock().expect("nobody panics while holding it");
        mind.turn.try_lock().is_ok() && resident.position().is_some() && !resident.is_written()
    }
}

impl Turn {
    /// What is known.
    pub fn known(&self) -> MutexGuard<'_, Resident> {
        self.mind.resident.lock().expect("nobody panics while holding it")
    }
}
