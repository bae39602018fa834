//! The model store as the simulation sees it: its evidence, and what fate does to it.

use super::target::ModelStore;
use super::{Commit, Model};
use crate::copy;
use crate::evidence::{self, Evidence};
use crate::fate::Moment;
use crate::store::Backend;
use semel_core::event::Event;
use semel_core::exactly_once::Cursor;
use std::sync::Arc;
use std::time::Duration;

impl Backend for Model {
    type Store = ModelStore;

    fn open(&self) -> ModelStore {
        ModelStore::new(self.clone())
    }

    fn crash(&self) {}

    fn tell(&self, evidence: &mut Evidence) {
        let mut server = self.server();
        if let Some((ledger, row, was)) = server.altered.take() {
            // Mended, so that the auditor sees what else went wrong.
            server.state.ledgers[ledger].events[row] = was;
        }
        evidence.commits = server.told.clone();
        evidence.lag_max = self.minds.bounds.lag;
        for (no, ledger) in (1..).zip(&server.state.ledgers) {
            let events = ledger.events.iter().map(|event| &**event);
            let accounts = ledger.accounts.values();
            let anchors = ledger.anchors.iter().map(|(seq, hash)| (*seq, hash.0)).collect();
            let rows = copy::ledger(no, &ledger.id, &ledger.position, events, accounts);
            let accounts_seq = ledger.accounts_seq;
            evidence.ledgers.push(evidence::Ledger { accounts_seq, anchors, ..rows });
        }
        for (source, leg) in &server.state.legs {
            evidence.legs.push(copy::leg(source, leg.ledger, &leg.cursor, &leg.counts));
        }
        for letter in server.state.letters.values() {
            evidence.letters.push(copy::letter(&letter.source, letter.line, letter.reason));
        }
    }

    fn cursor(&self, source: &str) -> Option<Cursor> {
        self.server().state.legs.get(source).map(|leg| leg.cursor)
    }

    fn events(&self, ledger: u32) -> Vec<Arc<Event>> {
        self.server().state.ledgers[ledger as usize - 1].events.clone()
    }
}

impl crate::fate::Server for Model {
    fn fail_over(&self, lost: usize) -> Option<usize> {
        Some(self.take_over(lost))
    }

    fn is(&self, moment: Moment) -> bool {
        if moment == Moment::Writing {
            return false;
        }
        let server = self.server();
        let last = server.commits.as_ref().and_then(|commits| commits.last());
        let Some((_, Commit::Step { effects, written, moved, .. })) = last else { return false };
        match (moment, moved) {
            (Moment::AccountsWritten, None) => effects.is_empty() && written.is_some(),
            (Moment::CursorMoved, Some(moved)) => !moved.source.starts_with("publish:"),
            _ => false,
        }
    }

    fn step_clock(&self, by: i64) {
        self.server().clock_offset += by;
    }

    fn fill(&self, time: Duration) {
        self.server().full_until = self.net.world.now() + time.as_micros() as u64;
    }

    /// An account's opening, since no answer is made of it: what is altered is not told by doors.
    fn alter(&self) -> bool {
        let mut server = self.server();
        let chosen = self.net.world.below(server.state.ledgers.len() as u64) as usize;
        let events = &mut server.state.ledgers[chosen].events;
        let rows: Vec<usize> = (0..events.len()).filter(|row| events[*row].key.is_none()).collect();
        if rows.is_empty() {
            return false;
        }
        let row = rows[self.net.world.below(rows.len() as u64) as usize];
        let was = events[row].clone();
        let altered = Event { at: was.at + 1, ..Event::clone(&was) };
        events[row] = Arc::new(altered);
        server.altered = Some((chosen, row, was));
        true
    }
}
