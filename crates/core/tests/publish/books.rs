//! The ledger of the tables ([`Store`]) with what publishing reads of it, legs that have cursors
//! and claims, and a door.

use crate::store::{Store, anchored};
use crate::time::Clock;
use semel_core::Text;
use semel_core::event::Event;
use semel_core::exactly_once::{Claim, Cursor, Failure, Step, Target};
use semel_core::ledger::{Effect, Keys, Snapshot};
use semel_core::leg::{DEADLINE, Pace};
use semel_core::publish::Log;
use semel_core::wire::Link;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

/// A ledger, shared by its owners.
#[derive(Clone)]
pub struct Books {
    state: Arc<Mutex<State>>,
    clock: Clock,
}

#[derive(Clone, Default)]
pub struct State {
    pub store: Store,
    pub legs: BTreeMap<Text, Leg>,
    claims: u64,
    /// How many rows of the log were read.
    pub rows_read: usize,
}

/// A leg's row.
#[derive(Clone, Copy)]
pub struct Leg {
    pub cursor: Cursor,
    claim: u64,
    owner: u32,
    until: Duration,
}

impl Books {
    pub fn new(clock: &Clock) -> Books {
        Books { state: Arc::default(), clock: clock.clone() }
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Bind the leg of `source`, at `first` if it is new; the target for `owner`.
    pub fn leg(&self, source: &str, first: Cursor, owner: u32) -> Handle {
        let leg = Leg { cursor: first, claim: 0, owner, until: Duration::ZERO };
        self.state().legs.entry(source.into()).or_insert(leg);
        Handle { books: self.clone(), source: Some(source.into()), owner }
    }

    pub fn door(&self) -> Handle {
        Handle { books: self.clone(), source: None, owner: 0 }
    }

    /// Give the leg of `source` to `owner`, as if the deadline had passed.
    pub fn give(&self, source: &str, owner: u32) {
        let (mut state, until) = (self.state(), self.clock.now() + DEADLINE);
        state.claims += 1;
        let claim = state.claims;
        let leg = state.legs.get_mut(source).expect("only what is bound is given away");
        (leg.claim, leg.owner, leg.until) = (claim, owner, until);
    }

    /// Where the leg of `source` stands; at the start when there is none.
    pub fn at(&self, source: &str) -> Cursor {
        self.state().legs.get(source).map_or(Cursor::START, |leg| leg.cursor)
    }

    /// Alter the row of the event `seq`, and nothing else.
    pub fn tamper(&self, seq: usize, alter: impl FnOnce(&mut Event)) {
        alter(Arc::make_mut(&mut self.state().store.log[seq - 1]));
    }
}

impl Log for Books {
    async fn events(&self, after: u64, limit: usize) -> Result<Vec<Event>, Failure> {
        let mut state = self.state();
        let later = state.store.log.iter().skip(after as usize).take(limit);
        let events: Vec<Event> = later.map(|event| Event::clone(event)).collect();
        state.rows_read += events.len();
        Ok(events)
    }

    async fn anchor(&self, at_most: u64) -> Result<Link, Failure> {
        let state = self.state();
        assert!(anchored(&state.store), "every anchor is there");
        let last = state.store.anchors.range(..=at_most).next_back();
        Ok(last.map_or(beginning(), |(&seq, &hash)| Link { seq, hash }))
    }

    async fn head(&self) -> Result<Link, Failure> {
        let position = self.state().store.snapshot(Keys::default()).position;
        Ok(Link { seq: position.next_seq - 1, hash: position.tail })
    }

    async fn cursor(&self, source: &str) -> Result<Option<Cursor>, Failure> {
        Ok(self.state().legs.get(source).map(|leg| leg.cursor))
    }
}

/// Where the log begins.
pub fn beginning() -> Link {
    Link { seq: 0, hash: semel_core::ledger::Position::start("main").tail }
}

/// One owner's handle for a leg or, without a source, a door.
pub struct Handle {
    books: Books,
    source: Option<Text>,
    owner: u32,
}

/// The right to commit.
pub struct Right {
    books: Books,
    source: Option<Text>,
    cursor: Cursor,
    name: u64,
}

/// An open step.
pub struct Open {
    right: Right,
    snapshot: Snapshot,
}

impl Target for Handle {
    type Claim = Right;

    async fn claim(&self) -> Result<Right, Failure> {
        let (books, source) = (self.books.clone(), self.source.clone());
        let Some(name) = &source else {
            return Ok(Right { books, source, cursor: Cursor::START, name: 0 });
        };
        let now = self.books.clock.now();
        let mut state = self.books.state();
        let State { legs, claims, .. } = &mut *state;
        let Some(leg) = legs.get_mut(name) else { return Err(Failure::Fenced) };
        if leg.owner != self.owner && now < leg.until {
            return Err(Failure::Fenced);
        }
        *claims += 1;
        (leg.claim, leg.owner, leg.until) = (*claims, self.owner, now + DEADLINE);
        Ok(Right { books, cursor: leg.cursor, name: leg.claim, source })
    }
}

impl Right {
    /// The claim's name, and the cursor compared before it is set.
    fn check(&self) -> Result<(), Failure> {
        let Some(source) = &self.source else { return Ok(()) };
        let Some(leg) = self.books.state().legs.get(source).copied() else {
            return Err(Failure::Fenced);
        };
        match leg.claim == self.name && leg.cursor == self.cursor {
            true => Ok(()),
            false => Err(Failure::Fenced),
        }
    }
}

impl Claim for Right {
    type Keys = Keys;
    type Step = Open;

    fn cursor(&self) -> &Cursor {
        &self.cursor
    }

    async fn begin(self, keys: Keys) -> Result<Open, Failure> {
        self.check()?;
        let snapshot = self.books.state().store.snapshot(keys);
        Ok(Open { right: self, snapshot })
    }
}

impl Step for Open {
    type Claim = Right;
    type Snapshot = Snapshot;
    type Effect = Effect;

    fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    async fn commit(self, effects: Vec<Effect>, to: Cursor) -> Result<Right, Failure> {
        let mut right = self.right;
        right.check()?;
        let until = right.books.clock.now() + DEADLINE;
        let mut state = right.books.state();
        state.store.take(effects);
        if let Some(source) = &right.source {
            let leg = state.legs.get_mut(source).expect("it was checked");
            (leg.cursor, leg.until) = (to, until);
            right.cursor = to;
        }
        drop(state);
        Ok(right)
    }
}
