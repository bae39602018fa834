//! A model store with the semantics of an SQL server: one lock a ledger, READ COMMITTED, sessions
//! that end, commits whose answers are lost, and a standby that may lack the last of them.
//!
//! Reading order: `state` (rows), here (the server), `memory` (what a process has in mind of it),
//! `step` and `target` (the way to it), `backend` (what the simulation does with it).
//! Deliberately absent: SQL. What a statement would do under the locks that it would take is done
//! by a function under one mutex.

mod backend;
pub mod memory;
pub mod state;
mod step;
pub mod target;

use crate::evidence::Committed;
use crate::faults::Fault;
use crate::net::{Net, SERVER_TIMEOUT};
use crate::world::World;
use futures_util::future::{Either, select};
use memory::{Minds, Trust};
use semel_core::Text;
use semel_core::account::Account;
use semel_core::event::Event;
use semel_core::exactly_once::{Cursor, Failure};
use semel_core::failure::Stop;
use semel_core::ingest::Counts;
use semel_core::ledger::{Effect, Letter};
use semel_core::payment::Identity;
use semel_core::problem::Code;
use semel_store::resident::Stand;
use semel_store::rows::Binding;
use state::{Commit, Ledger, Leg, Move, State, Written};
use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard};
use tokio::sync::{Mutex as Lock, OwnedMutexGuard};

/// How long a claim holds without a commit, in microseconds.
pub const DEADLINE: i64 = semel_core::leg::DEADLINE.as_micros() as i64;

/// What the store checks under its locks: the layers against doing it twice. A planted defect is
/// another implementation of it.
pub trait Rules: Send + Sync {
    /// Whether the claim that a step brings is the newest.
    fn is_newest(&self, newest: u64, mine: u64) -> bool {
        newest == mine
    }

    /// Whether the cursor still stands where the step begins.
    fn is_at(&self, stands: &Cursor, mine: &Cursor) -> bool {
        stands == mine
    }

    /// Whether a step locks its ledger.
    fn locks(&self) -> bool {
        true
    }

    /// Whether the tables have their unique indexes.
    fn constrains(&self) -> bool {
        true
    }

    /// The event that a key names, as it is looked up under the lock.
    fn recorded(&self, found: Option<Arc<Event>>) -> Option<Arc<Event>> {
        found
    }
}

/// The rules as they are.
pub struct Law;

impl Rules for Law {}

/// A server, with its disk. Cheap to clone.
#[derive(Clone)]
pub struct Model {
    net: Net,
    rules: Arc<dyn Rules>,
    trust: Arc<dyn Trust>,
    minds: Minds,
    server: Arc<Mutex<Server>>,
    locks: Arc<Vec<Arc<Lock<()>>>>,
    holders: Arc<Mutex<Vec<Option<Holder>>>>,
}

struct Server {
    state: State,
    /// What was there before the first commit that is kept.
    origin: State,
    /// Kept only where commits may be lost.
    commits: Option<Vec<(usize, Commit)>>,
    told: Vec<Committed>,
    /// Sessions of an older one have ended.
    generation: u64,
    timeline: u64,
    claims: u64,
    owners: u64,
    clock_offset: i64,
    full_until: u64,
    /// A row that was altered: its ledger, its place, and what it was.
    altered: Option<(usize, usize, Arc<Event>)>,
}

/// Who holds a ledger's lock: what lets it go, and since when.
struct Holder {
    hold: Hold,
    since: u64,
}

/// A lock that whoever has it may lose.
type Hold = Arc<Mutex<Option<OwnedMutexGuard<()>>>>;

/// An open step, on the server's side.
struct Session {
    ledger: u32,
    leg: Option<LegClaim>,
    hold: Option<Hold>,
    begun: u64,
    generation: u64,
}

/// What a step asks for in its first trip.
struct Ask {
    ledger: u32,
    leg: Option<LegClaim>,
    identities: Vec<Identity>,
    accounts: Vec<Text>,
    letters: Vec<i64>,
}

/// What it is told.
struct Found {
    stand: Stand,
    now: i64,
    recorded: Recorded,
    /// Rows, which may lag.
    accounts: Vec<Account>,
    letters: Vec<Option<Letter>>,
}

/// Events by their keys.
type Recorded = BTreeMap<Identity, Arc<Event>>;

/// A claim, as its owner knows it.
#[derive(Clone)]
pub struct LegClaim {
    source: Text,
    name: u64,
    cursor: Cursor,
}

impl Session {
    /// The lock is let go.
    fn end(&self) {
        if let Some(hold) = &self.hold {
            hold.lock().expect("nobody panics while holding it").take();
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.end();
    }
}

impl Model {
    /// A store with those ledgers.
    pub fn new(
        net: &Net,
        ledgers: &[String],
        rules: Arc<dyn Rules>,
        trust: Arc<dyn Trust>,
    ) -> Model {
        let state = State {
            ledgers: ledgers.iter().map(|id| Ledger::new(id)).collect(),
            ..State::default()
        };
        let may_rewind = net.faults.planned().rate(Fault::StoreRewind) > 0;
        let server = Server {
            origin: state.clone(),
            commits: may_rewind.then(Vec::new),
            state,
            told: Vec::new(),
            generation: 0,
            timeline: 0,
            claims: 0,
            owners: 0,
            clock_offset: 0,
            full_until: 0,
            altered: None,
        };
        Model {
            net: net.clone(),
            rules,
            trust,
            minds: Minds::draw(&net.world),
            server: Arc::new(Mutex::new(server)),
            locks: Arc::new(ledgers.iter().map(|_| Arc::default()).collect()),
            holders: Arc::new(Mutex::new(ledgers.iter().map(|_| None).collect())),
        }
    }

    fn server(&self) -> MutexGuard<'_, Server> {
        self.server.lock().expect("nobody panics while holding it")
    }

    /// The server's clock, in microseconds since 1970.
    fn clock(&self, server: &Server) -> i64 {
        clock(&self.net.world, server.clock_offset)
    }

    fn take_over(&self, lost: usize) -> usize {
        let mut server = self.server();
        server.generation += 1;
        server.timeline += 1;
        let Some(commits) = &server.commits else {
            // Nothing was lost, so nothing has to be compared.
            let commit = Commit::Adopt { timeline: server.timeline };
            server.state.apply(&commit);
            return 0;
        };
        let lost = lost.min(commits.len());
        let kept = commits.len() - lost;
        let to = commits.get(kept).map_or(server.told.len(), |(told, _)| *told);
        let mut state = server.origin.clone();
        commits[..kept].iter().for_each(|(_, commit)| state.apply(commit));
        server.state = state;
        server.commits.iter_mut().for_each(|commits| commits.truncate(kept));
        server.told.push(Committed::Rewound { to, at: self.net.world.now() });
        lost
    }
}

/// When the world begins, in microseconds since 1970.
const EPOCH: i64 = 1_800_000_000_000_000;

/// A store's clock, in microseconds since 1970.
pub fn clock(world: &World, offset: i64) -> i64 {
    EPOCH + world.now() as i64 + offset
}

/// The answer to a session that has ended.
fn ended() -> Failure {
    Failure::Retryable("the server ended the session".into())
}

impl Server {
    fn commit(&mut self, commit: Commit) {
        let told = self.told.len();
        self.told.extend(self.state.evidence(&commit));
        self.state.apply(&commit);
        self.commits.iter_mut().for_each(|commits| commits.push((told, commit.clone())));
    }

    /// A server that took over writes nothing until it was held against the wire.
    fn check_timeline(&self) -> Result<(), Failure> {
        if self.timeline == self.state.timeline {
            return Ok(());
        }
        Err(Failure::Retryable("the server's timeline has changed".into()))
    }
}

impl Model {
    /// A name for a process.
    fn owner(&self) -> u64 {
        let mut server = self.server();
        server.owners += 1;
        server.owners
    }

    fn bind(&self, ledger: u32, binding: Binding) -> Result<(), Failure> {
        let mut server = self.server();
        server.check_timeline()?;
        let Binding { source, ingest, start, .. } = binding;
        if let Some(leg) = server.state.legs.get(&source) {
            return match leg.ledger == ledger && leg.ingest == ingest {
                true => Ok(()),
                false => Err(Stop::new(Code::SourceBound, source.to_string()).into()),
            };
        }
        let counts = Counts::default();
        let leg = Leg { ledger, ingest, cursor: start, claim: 0, owner: 0, until: 0, counts };
        server.commit(Commit::Bind { source, leg });
        Ok(())
    }

    fn claim(&self, source: &Text, owner: u64) -> Result<LegClaim, Failure> {
        let mut server = self.server();
        server.check_timeline()?;
        let now = self.clock(&server);
        // One that is not bound any more was forgotten with a rewind.
        let leg = server.state.legs.get(source).ok_or(Failure::Fenced)?;
        // A deadline further away than any can be was set before the clock jumped back.
        let holds = now < leg.until && leg.until <= now + DEADLINE;
        if holds && leg.owner != owner {
            return Err(Failure::Fenced);
        }
        let cursor = leg.cursor;
        server.claims += 1;
        let (claim, until) = (server.claims, now + DEADLINE);
        server.commit(Commit::Claim { source: source.clone(), claim, owner, until });
        Ok(LegClaim { source: source.clone(), name: claim, cursor })
    }

    async fn begin(&self, ask: Ask) -> Result<(Found, Session), Failure> {
        let Ask { ledger, leg, identities, accounts, letters } = ask;
        let hold = match self.rules.locks() {
            true => Some(self.lock(ledger).await),
            false => None,
        };
        let (begun, generation) = (self.net.world.now(), self.server().generation);
        let session = Session { ledger, leg, hold, begun, generation };
        let server = self.server();
        server.check_timeline()?;
        if let Some(leg) = &session.leg {
            self.check_claim(&server, leg)?;
        }
        let rows = server.state.ledger(ledger);
        let found = Found {
            stand: Stand {
                position: rows.position,
                accounts_seq: rows.accounts_seq,
                history: server.timeline.to_string().into(),
            },
            now: self.clock(&server),
            recorded: self.recorded(&server.state, ledger, &identities),
            accounts: accounts.iter().filter_map(|id| rows.account(id)).cloned().collect(),
            letters: letters.iter().map(|id| server.state.letter(*id)).collect(),
        };
        Ok((found, session))
    }

    fn recorded(&self, state: &State, ledger: u32, identities: &[Identity]) -> Recorded {
        let rows = state.ledger(ledger);
        let event = |own: &Identity| Some((own.clone(), self.rules.recorded(rows.recorded(own))?));
        identities.iter().filter_map(event).collect()
    }

    /// Read something more in an open step.
    fn read<R>(
        &self,
        session: &Session,
        work: impl FnOnce(&Model, &State) -> R,
    ) -> Result<R, Failure> {
        let server = self.server();
        self.check_open(&server, session)?;
        Ok(work(self, &server.state))
    }

    fn check_open(&self, server: &Server, session: &Session) -> Result<(), Failure> {
        let is_held = |hold: &Hold| hold.lock().expect("nobody panics while holding it").is_some();
        let idle = self.net.world.now() - session.begun;
        let is_open = session.generation == server.generation
            && idle <= SERVER_TIMEOUT.as_micros() as u64 * 2
            && session.hold.as_ref().is_none_or(is_held);
        is_open.then_some(()).ok_or_else(ended)
    }

    /// Wait for a ledger's lock; whoever keeps it in silence for too long loses it.
    async fn lock(&self, ledger: u32) -> Hold {
        let place = ledger as usize - 1;
        let holders = || self.holders.lock().expect("nobody panics while holding it");
        let mut waiting = pin!(self.locks[place].clone().lock_owned());
        let guard = loop {
            match select(waiting.as_mut(), pin!(self.net.world.sleep(SERVER_TIMEOUT))).await {
                Either::Left((guard, _)) => break guard,
                Either::Right(_) => {}
            }
            let late = self.net.world.now().saturating_sub(SERVER_TIMEOUT.as_micros() as u64);
            let holder = holders()[place].take_if(|holder| holder.since <= late);
            if let Some(Holder { hold, .. }) = holder
                && hold.lock().expect("nobody panics while holding it").take().is_some()
            {
                self.net.faults.happened(Fault::StepIdle);
            }
        };
        let hold = Arc::new(Mutex::new(Some(guard)));
        holders()[place] = Some(Holder { hold: hold.clone(), since: self.net.world.now() });
        hold
    }

    /// Layers one and two: the claim's name, and the cursor compared before it is set.
    fn check_claim(&self, server: &Server, leg: &LegClaim) -> Result<(), Failure> {
        let row = server.state.legs.get(&leg.source).ok_or(Failure::Fenced)?;
        let is_newest = row.claim == leg.name;
        if !is_newest {
            self.net.faults.happened(Fault::LegOverlap);
        }
        match self.rules.is_newest(row.claim, leg.name)
            && self.rules.is_at(&row.cursor, &leg.cursor)
        {
            true => Ok(()),
            false => Err(Failure::Fenced),
        }
    }

    fn commit(
        &self,
        session: &Session,
        effects: Vec<Effect>,
        written: Option<Written>,
        to: Cursor,
    ) -> Result<(), Failure> {
        let mut server = self.server();
        self.check_open(&server, session)?;
        if self.net.world.now() < server.full_until {
            self.net.faults.happened(Fault::StoreFull);
            return Err(Stop::new(Code::StoreFull, "the disk is full").into());
        }
        if let Some(leg) = &session.leg {
            self.check_claim(&server, leg)?;
        }
        if self.rules.constrains() {
            server.state.check(session.ledger, &effects)?;
        }
        let until = self.clock(&server) + DEADLINE;
        let moved = session.leg.clone().map(|leg| {
            let LegClaim { source, name: claim, cursor: from } = leg;
            Move { source, claim, from, to, until }
        });
        let effects = Arc::new(effects);
        let (ledger, written) = (session.ledger, written.map(Arc::new));
        server.commit(Commit::Step { ledger, effects, written, moved });
        Ok(())
    }

    /// The server's new timeline is taken on.
    fn adopt(&self) {
        let mut server = self.server();
        let timeline = server.timeline;
        server.commit(Commit::Adopt { timeline });
    }
}
