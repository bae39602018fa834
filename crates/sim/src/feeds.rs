//! What other people write: topics, by producers of all manners, and files. All of it is noted for
//! the auditor as it is written.

pub mod file;
mod messages;
pub mod writers;

use crate::evidence::{Content, Item};
use crate::setup::Setup;
use messages::Line;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

/// The notes. Cheap to clone.
#[derive(Clone)]
pub struct Feeds {
    notes: Arc<Mutex<Notes>>,
    files: Arc<Vec<Mutex<Arc<Vec<Line>>>>>,
}

struct Notes {
    /// By source and place.
    items: BTreeMap<(String, u64), Item>,
    /// Writers that have more to write.
    busy: u64,
    /// Records that were written.
    written: u64,
    /// Places below which a source was read before its records were lost: what comes there now is
    /// never to be taken.
    frozen: BTreeMap<String, u64>,
}

impl Notes {
    fn is_frozen(&self, source: &str, place: u64) -> bool {
        self.frozen.get(source).is_some_and(|below| place < *below)
    }
}

impl Feeds {
    /// Nothing is written yet.
    pub fn new(setup: &Setup) -> Feeds {
        let notes = Notes { items: BTreeMap::new(), busy: 0, written: 0, frozen: BTreeMap::new() };
        let files = setup.files.iter().map(|_| Mutex::default()).collect();
        Feeds { notes: Arc::new(Mutex::new(notes)), files: Arc::new(files) }
    }

    fn lock(&self) -> MutexGuard<'_, Notes> {
        self.notes.lock().expect("nobody panics while holding it")
    }

    /// A number for a record.
    fn number(&self) -> u64 {
        let mut notes = self.lock();
        notes.written += 1;
        notes.written
    }

    /// Note an item; what was noted at its place is forgotten.
    fn note(&self, item: Item) {
        let mut notes = self.lock();
        if !notes.is_frozen(&item.source, item.place) {
            notes.items.insert((item.source.clone(), item.place), item);
        }
    }

    /// An item was never there after all.
    fn abort(&self, source: &str, place: u64) {
        let mut notes = self.lock();
        if notes.is_frozen(source, place) {
            return;
        }
        if let Some(item) = notes.items.get_mut(&(source.to_owned(), place)) {
            item.content = Content::Aborted;
        }
    }

    /// All items of a source from a place on are gone.
    pub fn forget(&self, source: &str, from: u64) {
        self.lock().items.retain(|(of, place), _| of != source || *place < from);
    }

    /// What was read of a source below a place stays noted, whatever comes there now.
    pub fn freeze(&self, source: &str, below: u64) {
        self.lock().frozen.insert(source.into(), below);
    }

    /// Whether all writers have written all.
    pub fn are_written(&self) -> bool {
        self.lock().busy == 0
    }

    /// All items, by source and place.
    pub fn items(&self) -> Vec<Item> {
        self.lock().items.values().cloned().collect()
    }

    /// A file's lines.
    pub fn lines(&self, file: usize) -> Arc<Vec<Line>> {
        self.files[file].lock().expect("nobody panics while holding it").clone()
    }
}
