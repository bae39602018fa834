//! The connections of readers: so many at once, and the others wait.
//!
//! Each has a cache and files of its own, so a crowd of requests must not open one each.

use crate::sqlite::open;
use rusqlite::Connection;
use semel_core::failure::Stop;
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, MutexGuard};

/// Connections open at once.
const OPEN_MAX: usize = 16;
/// Connections kept open while nobody uses them.
const IDLE_MAX: usize = 8;

/// Connections to one file.
pub(super) struct Pool {
    path: PathBuf,
    state: Mutex<State>,
    freed: Condvar,
}

struct State {
    idle: Vec<Connection>,
    lent: usize,
}

impl Pool {
    /// With one connection, so that a file that cannot be read is refused now.
    pub(super) fn open(path: &Path) -> Result<Pool, Stop> {
        let state = Mutex::new(State { idle: vec![open::reader(path)?], lent: 0 });
        Ok(Pool { path: path.to_owned(), state, freed: Condvar::new() })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// A connection that is not counted, for somebody who keeps it.
    pub(super) fn connect(&self) -> Result<Connection, Stop> {
        open::reader(&self.path)
    }

    /// An idle connection, or a new one; waits while too many are lent.
    pub(super) fn lend(&self) -> Result<Lent<'_>, Stop> {
        let crowded = |state: &mut State| state.lent >= OPEN_MAX;
        let state = self.freed.wait_while(self.state(), crowded);
        let mut state = state.expect("nobody panics while holding it");
        state.lent += 1;
        let idle = state.idle.pop();
        drop(state);
        // From here on its drop frees the place, even when no connection can be made.
        let mut lent = Lent { pool: self, conn: idle };
        if lent.conn.is_none() {
            lent.conn = Some(self.connect()?);
        }
        Ok(lent)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nobody panics while holding it")
    }
}

/// A connection in somebody's hands. Dropping it closes it; its place is free then.
pub(super) struct Lent<'p> {
    pool: &'p Pool,
    conn: Option<Connection>,
}

impl Lent<'_> {
    pub(super) fn conn(&self) -> &Connection {
        self.conn.as_ref().expect("it is given back by value")
    }

    /// Let the next one have it, unless enough are idle.
    pub(super) fn give_back(mut self) {
        let mut state = self.pool.state();
        if state.idle.len() < IDLE_MAX {
            state.idle.extend(self.conn.take());
        }
    }
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        // Closed before another is opened in its place.
        drop(self.conn.take());
        self.pool.state().lent -= 1;
        self.pool.freed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;
    use std::thread;
    use std::time::Duration;

    #[test]
    fn so_many_are_open_and_the_next_waits() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("semel.db");
        drop(open::writer(&path).unwrap());
        let pool = Pool::open(&path).unwrap();
        let mut lent: Vec<_> = (0..OPEN_MAX).map(|_| pool.lend().unwrap()).collect();
        let (tell, told) = mpsc::channel();
        thread::scope(|scope| {
            let pool = &pool;
            scope.spawn(move || {
                pool.lend().unwrap().give_back();
                tell.send(()).unwrap();
            });
            assert!(told.recv_timeout(Duration::from_millis(50)).is_err(), "it did not wait");
            // Dropped, as after a failed read.
            drop(lent.pop());
            told.recv_timeout(Duration::from_secs(9)).expect("its place is free");
        });
        lent.into_iter().for_each(Lent::give_back);
        let state = pool.state();
        assert_eq!((state.idle.len(), state.lent), (IDLE_MAX, 0));
    }

    #[test]
    fn a_connection_that_cannot_be_made_takes_no_place() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("semel.db");
        drop(open::writer(&path).unwrap());
        let pool = Pool::open(&path).unwrap();
        pool.state().idle.clear();
        std::fs::remove_file(&path).unwrap();
        for _ in 0..=OPEN_MAX {
            assert!(pool.lend().is_err());
        }
        assert_eq!(pool.state().lent, 0);
    }
}
