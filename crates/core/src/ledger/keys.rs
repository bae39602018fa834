//! What the commands of a step name, and what can be said of each without looking anything up.
//!
//! Made before the lock is taken, so that little is left to do under it.

use super::{AccountRequest, Command};
use crate::Text;
use crate::id::EventId;
use crate::payment::{FieldProblem, Identity};
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
        let mut named = Named::default();
        let mut places: Vec<Places> =
            commands.into_iter().map(|command| named.places(command)).collect();
        let (identities, identity_at) = distinct(&named.identities);
        let (accounts, account_at) = distinct(&named.accounts);
        let (payments, payment_at) = distinct(&named.payments);
        let turn = |place: &mut usize, at: &[usize]| *place = at.get(*place).map_or(0, |at| *at);
        for places in &mut places {
            turn(&mut places.identity, &identity_at);
            turn(&mut places.debit, &account_at);
            turn(&mut places.credit, &account_at);
            turn(&mut places.payment, &payment_at);
        }
        let identities = identities.into_iter();
        Keys {
            identities: identities.map(|(hash, identity)| (identity.clone(), hash)).collect(),
            accounts: accounts.into_iter().map(|(_, id)| id.clone()).collect(),
            payments,
            letters: Vec::new(),
            places,
        }
    }
}

/// The things that the commands of a step name, in their order, with repeats.
#[derive(Default)]
struct Named<'a> {
    // By their hashes first: numbers are quicker to compare than texts.
    identities: Vec<(i64, &'a Identity)>,
    accounts: Vec<(u64, &'a Text)>,
    payments: Vec<EventId>,
}

impl<'a> Named<'a> {
    fn places(&mut self, command: &'a Command) -> Places {
        let mut places = Places::default();
        if let Some(identity) = command.identity() {
            let hash = Identity::hash(&identity.namespace, &identity.key);
            places.identity = place(&mut self.identities, (hash, identity));
        }
        match command {
            Command::Pay(_, pay) => {
                places.debit = place(&mut self.accounts, quick(&pay.debit_account));
                places.credit = place(&mut self.accounts, quick(&pay.credit_account));
                places.problems = pay.problems();
                places.extra = pay.extra();
            }
            Command::Operate(_, payment, operation) => {
                places.payment = place(&mut self.payments, *payment);
                places.problems = operation.problems();
                places.extra = operation.extra();
            }
            Command::OpenAccount(AccountRequest { id, .. }) | Command::CloseAccount(id) => {
                places.debit = place(&mut self.accounts, quick(id));
            }
        }
        places
    }
}

/// Where `item` is put: at the end.
fn place<T>(list: &mut Vec<T>, item: T) -> usize {
    list.push(item);
    list.len() - 1
}

/// An id behind a number that tells most ids apart (FNV-1a).
fn quick(id: &Text) -> (u64, &Text) {
    let mixed = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    (id.bytes().fold(0xcbf2_9ce4_8422_2325, mixed), id)
}

/// The items of `named` without repeats, in the order in which they come first, and where among
/// them each of `named` stands. By sorting: as quick as hashing, whatever the items are.
fn distinct<T: Ord + Copy>(named: &[T]) -> (Vec<T>, Vec<usize>) {
    let mut sorted: Vec<usize> = (0..named.len()).collect();
    sorted.sort_unstable_by_key(|at| (named[*at], *at));
    let mut first: Vec<usize> = (0..named.len()).collect();
    for pair in sorted.windows(2) {
        if named[pair[0]] == named[pair[1]] {
            first[pair[1]] = first[pair[0]];
        }
    }
    let mut list = Vec::with_capacity(named.len());
    // A repeat stands behind what it repeats, so that has its place in the list already.
    for at in 0..named.len() {
        first[at] = if first[at] == at { place(&mut list, named[at]) } else { first[first[at]] };
    }
    (list, first)
}
