//! The memory of keys against a plain map, with so few slots that keys meet, wrap around, and fill
//! most of their ledger's.

use super::*;
use crate::places::SLOT_BITS;
use crate::sqlite::open;
use std::collections::BTreeMap;
use std::path::Path;

/// Most of the 512 slots.
const KEYS_MAX: usize = 440;
const ROUNDS: usize = 320;

/// Numbers that look random and are the same in every run.
struct Rng(u64);

impl Rng {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963);
        (self.0 >> 33) as usize % end
    }
}

/// A ledger's row, its memory, and what a plain map knows of its keys.
struct Ledger {
    no: u32,
    keys: KeyMemory,
    next_seq: u64,
    model: BTreeMap<String, u64>,
}

fn identity(key: &str) -> (Identity, i64) {
    (Identity { namespace: "".into(), key: key.into() }, Identity::hash("", key))
}

impl Ledger {
    fn new(conn: &Connection, no: u32) -> Ledger {
        let id = no.to_string();
        conn.execute("INSERT INTO ledger VALUES (?1, ?2, 1, zeroblob(32), 0)", (no, id)).unwrap();
        let keys = KeyMemory::load(conn, no).unwrap();
        Ledger { no, keys, next_seq: 1, model: BTreeMap::new() }
    }

    fn position(&self) -> Position {
        Position { next_seq: self.next_seq, ..Position::start("main") }
    }

    /// Look up some old keys and some new ones, append events for the new ones, and commit; or roll
    /// back, as a step does that met a failure.
    fn step(&mut self, conn: &Connection, rng: &mut Rng, commits: bool) {
        let known: Vec<&String> = self.model.keys().collect();
        let mut asked = BTreeMap::new();
        for _ in 0..rng.below(9) {
            let fresh = known.is_empty() || rng.below(3) > 0;
            let key = match fresh && self.model.len() < KEYS_MAX {
                true => format!("key {}", rng.below(1_000_000)),
                false => {
                    known.get(rng.below(known.len().max(1))).map_or("a".into(), |k| (*k).clone())
                }
            };
            asked.insert(identity(&key), self.model.get(&key).copied());
        }
        conn.execute_batch("BEGIN IMMEDIATE").unwrap();
        let identities: Vec<(Identity, i64)> = asked.keys().cloned().collect();
        let found = self.keys.look_up(conn, self.no, &identities).unwrap();
        let new_keys = found.iter().filter(|event| event.is_none()).count();
        self.keys.write_some(conn, new_keys).unwrap();
        if rng.below(10) == 0 {
            conn.execute_batch("ROLLBACK").unwrap();
            return self.keys.rolled_back();
        }
        let found: Vec<Option<u64>> = found.iter().map(|e| e.as_ref().map(|e| e.seq)).collect();
        assert_eq!(found, asked.values().copied().collect::<Vec<_>>());
        let mut model = self.model.clone();
        let mut next_seq = self.next_seq;
        // Not in the order in which they were looked up.
        for ((identity, _), _) in asked.iter().rev().filter(|(_, known)| known.is_none()) {
            let event = append(conn, self.no, next_seq, &identity.key);
            self.keys.insert(conn, self.no, &event).unwrap();
            model.insert(identity.key.to_string(), next_seq);
            next_seq += 1;
        }
        let position = Position { next_seq, ..Position::start("main") };
        let row = (self.no, next_seq as i64, self.keys.indexed_seq() as i64);
        conn.execute("UPDATE ledger SET next_seq = ?2, indexed_seq = ?3 WHERE no = ?1", row)
            .unwrap();
        if commits {
            conn.execute_batch("COMMIT").unwrap();
            self.keys.committed(position, 1 + rng.below(40));
            (self.model, self.next_seq) = (model, next_seq);
        } else {
            conn.execute_batch("ROLLBACK").unwrap();
            self.reload(conn);
        }
    }

    /// As a new process does.
    fn reload(&mut self, conn: &Connection) {
        self.keys = KeyMemory::load(conn, self.no).unwrap();
    }

    /// As a process does that has time to tidy up.
    fn close(&mut self, conn: &Connection) {
        let indexed = self.keys.write_all(conn, self.position()).unwrap();
        assert_eq!(indexed, self.next_seq - 1);
        let row = (self.no, indexed as i64);
        conn.execute("UPDATE ledger SET indexed_seq = ?2 WHERE no = ?1", row).unwrap();
        let mut all = conn.prepare("SELECT seq FROM key_index WHERE slot >> 9 = ?1 ORDER BY seq");
        let all: Vec<u64> = all
            .as_mut()
            .unwrap()
            .query_map([self.no], |found| row::seq(found, 0))
            .unwrap()
            .map(Result::unwrap)
            .collect();
        let mut expected: Vec<u64> = self.model.values().copied().collect();
        expected.sort_unstable();
        assert_eq!(all, expected, "every key once, and nothing else");
        self.reload(conn);
        assert!(self.keys.young.is_empty() && self.keys.aging.is_empty());
    }

    fn finds_everything(&mut self, conn: &Connection) {
        for (key, seq) in &self.model {
            let found = self.keys.look_up(conn, self.no, &[identity(key)]).unwrap().remove(0);
            assert_eq!(found.map(|event| event.seq), Some(*seq), "{key}");
        }
        for number in 0..20 {
            let stranger = identity(&format!("stranger {number}"));
            let found = self.keys.look_up(conn, self.no, &[stranger]).unwrap();
            assert_eq!(found, [None]);
        }
        let remembered = self.keys.young.len() + self.keys.aging.len();
        assert!(remembered <= self.model.len(), "a key is remembered twice");
    }
}

/// An event with a key, as a row and as itself.
fn append(conn: &Connection, ledger: u32, seq: u64, key: &str) -> Event {
    conn.execute(
        "INSERT INTO event (pos, at, kind, format, namespace, key, amount, currency, code,
            debit_prev, credit_prev) VALUES (?1, 0, 3, 1, '', ?2, 1, 'USD', 0, 0, 0)",
        (pos(ledger, seq).unwrap(), key),
    )
    .unwrap();
    row::event(conn, ledger, seq).unwrap().unwrap()
}

fn run(path: &Path, seed: u64) {
    let mut rng = Rng(seed);
    let conn = open::writer(path).unwrap();
    conn.pragma_update(None, "synchronous", "off").unwrap();
    // Neighbours, with the same keys now and then: what wraps around must not leave its ledger.
    let mut ledgers = [Ledger::new(&conn, 1), Ledger::new(&conn, 2)];
    for _ in 0..ROUNDS {
        let ledger = &mut ledgers[rng.below(2)];
        match rng.below(20) {
            0 => ledger.reload(&conn),
            1 => ledger.close(&conn),
            2 => ledger.step(&conn, &mut rng, false),
            3 => ledger.finds_everything(&conn),
            _ => ledger.step(&conn, &mut rng, true),
        }
    }
    for ledger in &mut ledgers {
        ledger.finds_everything(&conn);
        ledger.close(&conn);
        ledger.finds_everything(&conn);
        assert!(ledger.model.len() > 200, "so few keys hardly meet: {}", ledger.model.len());
    }
}

#[test]
fn no_key_is_lost_or_found_twice_however_they_meet() {
    for seed in 0..5 {
        let dir = tempfile::tempdir().unwrap();
        println!("seed {seed}");
        run(&dir.path().join("semel.db"), seed);
    }
}

#[test]
fn slots_are_walked_around_within_their_ledger() {
    const LAST: i64 = (1 << SLOT_BITS) - 1;
    for ledger in [1, 2, semel_core::id::LEDGER_MAX] {
        let first = i64::from(ledger) << SLOT_BITS;
        assert_eq!(first_slot(ledger, 0), first);
        assert_eq!(first_slot(ledger, i64::MAX), first + LAST);
        assert_eq!(next_slot(first), first + 1);
        assert_eq!(next_slot(first + LAST), first);
    }
}

#[test]
fn a_key_that_is_remembered_already_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let conn = open::writer(&dir.path().join("semel.db")).unwrap();
    let mut ledger = Ledger::new(&conn, 1);
    ledger.keys.look_up(&conn, 1, &[identity("once")]).unwrap();
    let event = append(&conn, 1, 1, "once");
    ledger.keys.insert(&conn, 1, &event).unwrap();
    let Err(Failure::Permanent(stop)) = ledger.keys.insert(&conn, 1, &event) else {
        panic!("it was remembered twice")
    };
    assert_eq!(stop.code, Code::IdentityBroken);
}

#[test]
fn a_key_that_stands_in_two_events_gets_no_second_slot() {
    let dir = tempfile::tempdir().unwrap();
    let conn = open::writer(&dir.path().join("semel.db")).unwrap();
    for (ledger, indexed) in [(1, false), (2, true)] {
        Ledger::new(&conn, ledger);
        append(&conn, ledger, 1, "twice");
        if indexed {
            let mut keys = KeyMemory::load(&conn, ledger).unwrap();
            let position = Position { next_seq: 2, ..Position::start("main") };
            assert_eq!(keys.write_all(&conn, position), Ok(1));
            let row = "UPDATE ledger SET next_seq = 2, indexed_seq = 1 WHERE no = ?1";
            conn.execute(row, [ledger]).unwrap();
        }
        append(&conn, ledger, 2, "another");
        assert!(KeyMemory::load(&conn, ledger).is_ok());
        append(&conn, ledger, 3, "twice");
        let Err(Failure::Permanent(stop)) = KeyMemory::load(&conn, ledger) else {
            panic!("both were remembered, indexed: {indexed}")
        };
        assert_eq!(stop.code, Code::IdentityBroken);
        assert_eq!(stop.detail, "event 3 repeats the key of event 1");
    }
}
