//! A site: everything that processes, clients and fate share in a run.

use crate::broker::Broker;
use crate::clients::Calls;
use crate::coverage::Seen;
use crate::defects::Planted;
use crate::evidence;
use crate::faults::Faults;
use crate::feeds::Feeds;
use crate::net::Net;
use crate::process::{self, Waiting};
use crate::reader::Reader;
use crate::setup::Setup;
use crate::store::Backend;
use crate::world::{OUTSIDE, Process, World};
use semel_core::failure::Stop;
use semel_core::publish::confirm::Tally;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::mpsc::UnboundedSender;

/// How long somebody takes to start a process again, at most.
const RESTART: Duration = Duration::from_secs(4);

/// A site. Cheap to clone.
pub struct Site<B: Backend> {
    pub world: World,
    pub faults: Faults,
    pub net: Net,
    pub broker: Broker,
    pub backend: Arc<B>,
    pub setup: Arc<Setup>,
    pub doors: Doors,
    pub feeds: Feeds,
    pub calls: Calls,
    pub reader: Reader,
    pub tally: Arc<Tally>,
    pub seen: Seen,
    pub defect: Planted,
    stops: Arc<Mutex<Vec<(String, Stop)>>>,
    processes: Arc<Mutex<Vec<Process>>>,
}

impl<B: Backend> Clone for Site<B> {
    fn clone(&self) -> Site<B> {
        Site {
            world: self.world.clone(),
            faults: self.faults.clone(),
            net: self.net.clone(),
            broker: self.broker.clone(),
            backend: self.backend.clone(),
            setup: self.setup.clone(),
            doors: self.doors.clone(),
            feeds: self.feeds.clone(),
            calls: self.calls.clone(),
            reader: self.reader.clone(),
            tally: self.tally.clone(),
            seen: self.seen.clone(),
            defect: self.defect,
            stops: self.stops.clone(),
            processes: self.processes.clone(),
        }
    }
}

impl<B: Backend> Site<B> {
    /// A site where nothing runs yet.
    pub fn new(net: &Net, broker: Broker, backend: B, setup: Setup, defect: Planted) -> Site<B> {
        Site {
            world: net.world.clone(),
            faults: net.faults.clone(),
            net: net.clone(),
            broker,
            backend: Arc::new(backend),
            feeds: Feeds::new(&setup),
            reader: Reader::new(),
            setup: Arc::new(setup),
            doors: Doors::default(),
            calls: Calls::default(),
            tally: Arc::default(),
            seen: Seen::default(),
            defect,
            stops: Arc::default(),
            processes: Arc::default(),
        }
    }

    /// Start another process.
    pub fn start(&self) {
        let process = {
            let mut processes = self.processes.lock().expect("nobody panics while holding it");
            let last = processes.last().copied().unwrap_or(OUTSIDE);
            processes.push(last + 1);
            last + 1
        };
        self.world.tell(&format!("process {process}"), || "starts".into());
        process::start(self, process);
    }

    /// A process that runs, if any does.
    pub fn some_process(&self) -> Option<Process> {
        let running = self.doors.processes();
        let choice = self.world.below(running.len().max(1) as u64) as usize;
        running.get(choice).copied()
    }

    /// All processes that run but one.
    pub fn all_but_one(&self) -> Vec<Process> {
        let mut running = self.doors.processes();
        if !running.is_empty() {
            running.remove(self.world.below(running.len() as u64) as usize);
        }
        running
    }

    /// A process ends where it stands, and somebody starts another one.
    pub fn die(&self, process: Process) {
        self.world.tell(&format!("process {process}"), || "dies".into());
        self.doors.close(process);
        self.backend.crash();
        self.world.kill(process);
        let site = self.clone();
        self.world.spawn(OUTSIDE, async move {
            site.world.sleep(site.world.some_time(RESTART)).await;
            site.start();
        });
    }

    /// Something stopped by name.
    pub fn stopped(&self, what: &str, stop: &Stop) {
        self.world.tell(what, || format!("stops: {stop}"));
        let mut stops = self.stops.lock().expect("nobody panics while holding it");
        stops.push((what.into(), stop.clone()));
    }

    /// Whether something of that name stopped.
    pub fn has_stopped(&self, what: &str) -> bool {
        let stops = self.stops.lock().expect("nobody panics while holding it");
        stops.iter().any(|(stopped, _)| stopped == what)
    }

    /// All named stops.
    pub fn stops(&self) -> Vec<evidence::Stop> {
        let stops = self.stops.lock().expect("nobody panics while holding it");
        let told = |(what, stop): &(String, Stop)| evidence::Stop {
            what: what.clone(),
            name: stop.code.name().into(),
            detail: stop.detail.clone(),
            is_allowed: crate::fate::explains(&self.faults, stop.code),
        };
        stops.iter().map(told).collect()
    }
}

/// A door's queue.
type Queue = UnboundedSender<Waiting>;

/// The doors that are open, by process and ledger.
#[derive(Clone, Default)]
pub struct Doors(Arc<Mutex<BTreeMap<(Process, u32), Queue>>>);

impl Doors {
    /// A process opens a ledger's door.
    pub fn open(&self, process: Process, ledger: u32, queue: Queue) {
        let mut doors = self.0.lock().expect("nobody panics while holding it");
        doors.insert((process, ledger), queue);
    }

    fn close(&self, process: Process) {
        let mut doors = self.0.lock().expect("nobody panics while holding it");
        doors.retain(|(of, _), _| *of != process);
    }

    fn processes(&self) -> Vec<Process> {
        let doors = self.0.lock().expect("nobody panics while holding it");
        doors.keys().filter(|(_, ledger)| *ledger == 1).map(|(process, _)| *process).collect()
    }

    /// A ledger's door at some process.
    pub fn some_door(&self, world: &World, ledger: u32) -> Option<Queue> {
        let doors = self.0.lock().expect("nobody panics while holding it");
        let open: Vec<&Queue> =
            doors.iter().filter(|((_, of), _)| *of == ledger).map(|(_, queue)| queue).collect();
        let choice = world.below(open.len().max(1) as u64) as usize;
        open.get(choice).map(|queue| (*queue).clone())
    }
}
