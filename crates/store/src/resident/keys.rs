//! Which keys are looked up: recent ones, and all of them for a while after one was refused.

use rustc_hash::FxHashSet;

/// Slots of recent keys, in two generations: the elder is forgotten when the younger is full.
#[derive(Default)]
pub(super) struct Recent {
    pub(super) young: FxHashSet<i64>,
    old: FxHashSet<i64>,
}

impl Recent {
    pub(super) fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }

    pub(super) fn contains(&self, slot: i64) -> bool {
        self.young.contains(&slot) || self.old.contains(&slot)
    }

    pub(super) fn extend(&mut self, slots: impl IntoIterator<Item = i64>, generation: usize) {
        self.young.extend(slots);
        if self.young.len() >= generation {
            self.old = std::mem::take(&mut self.young);
        }
    }
}

/// How many steps to come look all their keys up.
#[derive(Clone, Copy)]
pub(super) struct Caution {
    steps: u32,
    next: u32,
    /// Steps since then that were not refused.
    calm: u32,
}

impl Caution {
    /// What happened before is not known.
    pub(super) fn new(looks: (u32, u32)) -> Caution {
        Caution { steps: looks.0, next: looks.0, calm: 0 }
    }

    pub(super) fn looks(&self) -> bool {
        self.steps > 0
    }

    pub(super) fn refused(&mut self, most: u32) {
        self.steps = self.next;
        self.next = (self.next * 2).min(most);
        self.calm = 0;
    }

    pub(super) fn passed(&mut self, least: u32) {
        if self.steps > 0 {
            self.steps -= 1;
            return;
        }
        self.calm += 1;
        if self.calm >= self.next {
            self.next = (self.next / 2).max(least);
            self.calm = 0;
        }
    }
}
