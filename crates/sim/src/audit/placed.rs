//! Items and dead letters by their places, for [`super::items`].

use super::index::Indexes;
use crate::evidence::{Committed, Content, Evidence, Item, Leg, Letter};
use std::collections::{BTreeMap, HashMap};

/// The one dead letter of a place, and how many there are.
pub(super) type Letters<'a> = HashMap<(&'a str, u64), (&'a Letter, u32)>;

/// How an item stands at the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// It was there to be taken, below the leg's cursor.
    Taken,
    /// It stands at or behind the cursor, or no leg has its source.
    Untaken,
    /// It was never there.
    Aborted,
}

/// A source of items.
pub(super) struct Source<'a> {
    pub(super) ledger: &'a str,
    pub(super) ingest: &'a str,
    pub(super) taken: i64,
}

/// All of it.
pub(super) struct Placed<'a> {
    pub(super) letters: Letters<'a>,
    pub(super) standing: HashMap<(&'a str, u64), Standing>,
    pub(super) sources: BTreeMap<&'a str, Source<'a>>,
    evidence: &'a Evidence,
}

impl<'a> Placed<'a> {
    pub(super) fn of(evidence: &'a Evidence) -> Placed<'a> {
        let mut letters = Letters::new();
        for letter in &evidence.letters {
            letters.entry((&*letter.source, letter.place)).or_insert((letter, 0)).1 += 1;
        }
        let next: HashMap<_, _> =
            evidence.legs.iter().map(|leg| (&*leg.source, leg.next)).collect();
        let (standing, sources) = (HashMap::new(), BTreeMap::new());
        let mut placed = Placed { letters, standing, sources, evidence };
        for item in &evidence.items {
            let standing = match (&item.content, next.get(&*item.source)) {
                (Content::Aborted, _) => Standing::Aborted,
                (_, Some(next)) if item.place < *next => Standing::Taken,
                _ => Standing::Untaken,
            };
            placed.standing.insert((&*item.source, item.place), standing);
            let new = || Source { ledger: &item.ledger, ingest: &item.ingest, taken: 0 };
            let source = placed.sources.entry(&*item.source).or_insert_with(new);
            source.taken += i64::from(standing == Standing::Taken);
        }
        placed
    }

    pub(super) fn standing(&self, source: &str, place: u64) -> Option<Standing> {
        self.standing.get(&(source, place)).copied()
    }

    /// The seq of the ledger's next event when the item was taken, where the store tells. What was
    /// rewound was taken again later, so the last step over a place is the one that counts.
    pub(super) fn taken_at(&self, item: &Item) -> Option<u64> {
        self.evidence.commits.iter().rev().find_map(|committed| match committed {
            Committed::Step { first_seq, moved: Some(moved), .. }
                if moved.source == item.source
                    && (moved.from.0..moved.to.0).contains(&item.place) =>
            {
                Some(*first_seq)
            }
            _ => None,
        })
    }

    /// The dead letter of an item that was taken.
    pub(super) fn letter(&self, item: &Item) -> Option<&'a Letter> {
        self.letters.get(&(&*item.source, item.place)).map(|(letter, _)| *letter)
    }
}

/// The name of the ledger that a leg belongs to.
pub(super) fn ledger_of<'a>(leg: &Leg, indexes: &Indexes<'a>) -> Option<&'a str> {
    let own = indexes.list.iter().find(|index| index.ledger.no == leg.ledger);
    own.map(|index| index.name())
}
