//! Accounts, made again from their events, and compared with the store's byte for byte.

use crate::Text;
use crate::account::Account;
use crate::money::Currency;
use crate::problem::Code;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

/// Accounts by number. The log opens them in the order of their numbers, so the list is sorted by
/// itself, and numbers stand apart so that a search stays within few lines of the cache.
#[derive(Default)]
pub(super) struct Accounts {
    numbers: Vec<u64>,
    accounts: Vec<Account>,
}

/// Where to tell a misfit.
pub(super) trait Tell: FnMut(Code, &dyn Fn() -> String) {}
impl<F: FnMut(Code, &dyn Fn() -> String)> Tell for F {}

impl Accounts {
    pub(super) fn len(&self) -> usize {
        self.accounts.len()
    }

    pub(super) fn open(&mut self, account: Account) {
        let place = self.numbers.partition_point(|no| *no < account.no);
        self.numbers.insert(place, account.no);
        self.accounts.insert(place, account);
    }

    /// Where the account numbered `no` stands.
    pub(super) fn place(&self, no: u64) -> Option<usize> {
        self.numbers.binary_search(&no).ok()
    }

    pub(super) fn at(&mut self, place: usize) -> &mut Account {
        &mut self.accounts[place]
    }

    /// Two accounts, if they are two.
    pub(super) fn pair(&mut self, debit: usize, credit: usize) -> Option<[&mut Account; 2]> {
        self.accounts.get_disjoint_mut([debit, credit]).ok()
    }

    /// Compare with what the store keeps.
    pub(super) fn compare(self, kept: impl IntoIterator<Item = Account>, mut tell: impl Tell) {
        let mut seen = vec![false; self.len()];
        let mut sums = BTreeMap::<Currency, Sums>::new();
        for account in kept {
            sums.entry(account.currency).or_default().add(&account);
            let (no, id) = (account.no, &account.id);
            let Some(place) = self.place(no) else {
                tell(Code::AccountDiffers, &|| {
                    format!("account {id} ({no}): no event of the log opened it")
                });
                continue;
            };
            if core::mem::replace(&mut seen[place], true) {
                tell(Code::AccountDiffers, &|| format!("account {id} ({no}): it is kept twice"));
            }
            for (field, kept, replayed) in differences(&account, &self.accounts[place]) {
                tell(Code::AccountDiffers, &|| {
                    format!("account {id} ({no}): {field} is {kept}, its events make it {replayed}")
                });
            }
        }
        for (account, _) in self.accounts.iter().zip(&seen).filter(|(_, seen)| !**seen) {
            let Account { no, id, .. } = account;
            tell(Code::AccountDiffers, &|| format!("account {id} ({no}): the store has it not"));
        }
        sums.iter().for_each(|(currency, sums)| sums.check(*currency, &mut tell));
        self.named_once(tell);
    }

    fn named_once(self, mut tell: impl Tell) {
        let mut names: Vec<(Text, u64)> =
            self.accounts.into_iter().map(|account| (account.id, account.no)).collect();
        names.sort();
        for pair in names.windows(2).filter(|pair| pair[0].0 == pair[1].0) {
            let [(id, first), (_, second)] = pair else { continue };
            tell(Code::KeyTwice, &|| format!("account {id}: events {first} and {second} open it"));
        }
    }
}

/// The fields that differ, with both values.
fn differences(kept: &Account, replayed: &Account) -> Vec<(&'static str, String, String)> {
    if kept == replayed {
        return Vec::new();
    }
    let fields = |account: &Account| {
        let totals = account.totals;
        [
            ("id", account.id.as_ref().into()),
            ("currency", account.currency.code().into()),
            ("overdraft", crate::render::overdraft(account.overdraft)),
            ("closed", format!("{}", account.closed)),
            ("debits", format!("{}", totals.debits)),
            ("credits", format!("{}", totals.credits)),
            ("pending debits", format!("{}", totals.pending_debits)),
            ("pending credits", format!("{}", totals.pending_credits)),
            ("last event", format!("{}", account.last_seq)),
        ]
    };
    let pairs = fields(kept).into_iter().zip(fields(replayed));
    let differing = pairs.filter(|((_, kept), (_, replayed))| kept != replayed);
    differing.map(|((field, kept), (_, replayed))| (field, kept, replayed)).collect()
}

/// Sums over all accounts of a currency.
#[derive(Default)]
struct Sums {
    debits: i128,
    credits: i128,
    pending_debits: i128,
    pending_credits: i128,
}

impl Sums {
    fn add(&mut self, account: &Account) {
        let totals = account.totals;
        self.debits += i128::from(totals.debits);
        self.credits += i128::from(totals.credits);
        self.pending_debits += i128::from(totals.pending_debits);
        self.pending_credits += i128::from(totals.pending_credits);
    }

    /// Double entry: what left one account of a currency came to another.
    fn check(&self, currency: Currency, tell: &mut impl Tell) {
        let sides = [
            ("posted", self.debits, self.credits),
            ("pending", self.pending_debits, self.pending_credits),
        ];
        for (what, debits, credits) in sides.into_iter().filter(|(_, d, c)| d != c) {
            tell(Code::Unbalanced, &|| {
                format!("{currency}: all {what} debits are {debits}, all {what} credits {credits}")
            });
        }
    }
}
