//! What the commands of a step name, and what can be said of each without looking anything up.
//!
//! Made before the lock is taken, so that little is left to do under it.

use super::{AccountRequest, Command};
use crate::Text;
use crate::id::EventId;
use crate::payment::{FieldProblem, Identity};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

/// What a step has to look up.
#[derive(Clone, Debug, Default)]
pub struct Keys {
    /// Distinct identities, each with its hash.
    pub identities: Vec<(Identity, i64)>,
    /// Distinct accounts.
    pub accounts: Vec<Text>,
    /// Distinct payments.
    pub payments: Vec<EventId>,
    /// Dead letters that are to be settled.
    pub letters: Vec<i64>,
    pub(super) places: Vec<Places>,
}

/// Where a command finds what it named, as indices into the lists of the keys, and what could be
/// said of it without looking anything up.
#[derive(Clone, Debug, Default)]
pub(super) struct Places {
    pub(super) identity: usize,
    pub(super) debit: usize,
    pub(super) credit: usize,
    pub(super) payment: usize,
    pub(super) problems: Vec<FieldProblem>,
    pub(super) extra: Option<Text>,
}

impl Keys {
    /// The keys of `commands`.
    pub fn of<'a>(commands: impl IntoIterator<Item = &'a Command>) -> Keys {
        let mut keys = Keys::default();
        let mut lists = Lists::default();
        for command in commands {
            let places = lists.places(command);
            keys.places.push(places);
        }
        let identities = lists.identities.list.into_iter();
        keys.identities = identities.map(|(hash, identity)| (identity.clone(), hash)).collect();
        keys.accounts = lists.accounts.list.into_iter().map(|(_, id)| id.clone()).collect();
        keys.payments = lists.payments.list;
        keys
    }
}

/// The distinct things that the commands of a step name.
#[derive(Default)]
struct Lists<'a> {
    // By their hashes first: numbers are quicker to compare than texts.
    identities: Distinct<(i64, &'a Identity)>,
    accounts: Distinct<(u64, &'a Text)>,
    payments: Distinct<EventId>,
}

impl<'a> Lists<'a> {
    fn places(&mut self, command: &'a Command) -> Places {
        let mut places = Places::default();
        if let Some(identity) = command.identity() {
            let hash = Identity::hash(&identity.namespace, &identity.key);
            places.identity = self.identities.place((hash, identity));
        }
        match command {
            Command::Pay(_, pay) => {
                places.debit = self.accounts.place(quick(&pay.debit_account));
                places.credit = self.accounts.place(quick(&pay.credit_account));
                places.problems = pay.problems();
                places.extra = pay.extra();
            }
            Command::Operate(_, payment, operation) => {
                places.payment = self.payments.place(*payment);
                places.problems = operation.problems();
                places.extra = operation.extra();
            }
            Command::OpenAccount(AccountRequest { id, .. }) | Command::CloseAccount(id) => {
                places.debit = self.accounts.place(quick(id));
            }
        }
        places
    }
}

/// An id behind a number that tells most ids apart (FNV-1a).
fn quick(id: &Text) -> (u64, &Text) {
    let mixed = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    (id.bytes().fold(0xcbf2_9ce4_8422_2325, mixed), id)
}

/// A list without repeats, and where in it each item stands.
struct Distinct<T> {
    index: BTreeMap<T, usize>,
    list: Vec<T>,
}

impl<T> Default for Distinct<T> {
    fn default() -> Self {
        Distinct { index: BTreeMap::new(), list: Vec::new() }
    }
}

impl<T: Ord + Copy> Distinct<T> {
    fn place(&mut self, item: T) -> usize {
        *self.index.entry(item).or_insert_with(|| {
            self.list.push(item);
            self.list.len() - 1
        })
    }
}
