//! Sources, as this process enters them into a ledger: under one name for as long as it runs.
//!
//! A target of a source claims under a name of its own. Whoever begins a leg anew under another
//! would wait until its own former claim has run out.

use crate::wiring::{Store, StoreTarget};
use semel_core::Text;
use semel_core::exactly_once::Cursor;
use semel_core::failure::Failure;
use semel_store::rows::Binding;
use std::collections::BTreeMap;
use std::sync::Mutex;

/// The sources of a leg.
pub struct Bound {
    store: Store,
    ledger: u32,
    /// What all of them have in common.
    binding: Binding,
    known: Mutex<BTreeMap<Text, StoreTarget>>,
}

impl Bound {
    /// None yet of those that enter the ledger numbered `ledger` as `binding` says.
    pub fn new(store: &Store, ledger: u32, binding: Binding) -> Bound {
        Bound { store: store.clone(), ledger, binding, known: Mutex::default() }
    }

    /// Where `source` enters; from `start` on, if it is new. It is bound each time: a store that
    /// was rewound may have forgotten it.
    ///
    /// # Errors
    /// As the store's.
    pub async fn target(&self, source: Text, start: Cursor) -> Result<StoreTarget, Failure> {
        let binding = Binding { source: source.clone(), start, ..self.binding.clone() };
        let known = self.known().get(&source).cloned();
        if let Some(known) = known {
            self.store.bind(self.ledger, binding).await?;
            return Ok(known);
        }
        let target = self.store.leg(self.ledger, binding).await?;
        self.known().insert(source, target.clone());
        Ok(target)
    }

    /// The store.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The ingest that they belong to.
    pub fn ingest(&self) -> &str {
        &self.binding.ingest
    }

    /// Where they come from, as people know it.
    pub fn file(&self) -> &str {
        &self.binding.file
    }

    fn known(&self) -> std::sync::MutexGuard<'_, BTreeMap<Text, StoreTarget>> {
        self.known.lock().expect("nobody panics while holding it")
    }
}
