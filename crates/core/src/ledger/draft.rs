//! The draft that a batch is decided in: the snapshot's accounts and payments, in memory, as the
//! commands before left them.
//!
//! Whatever is written here was decided; nothing here refuses.

use super::{Command, Effect, Outcome, Paid, Places, Position, Refusal, Snapshot};
use crate::account::Account;
use crate::chain::ANCHOR_EVERY;
use crate::event::{Event, FORMAT, Kind, Side};
use crate::money::Currency;
use crate::movement::Movement;
use crate::payment::{Identity, Payment};
use alloc::borrow::Cow;
use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;

/// An account in the draft, and whether the step has changed it.
#[derive(Clone)]
struct Page {
    account: Account,
    changed: bool,
}

/// A payment in the draft, and the pages of its accounts.
pub(super) struct Filed {
    pub(super) payment: Payment,
    pub(super) debit: usize,
    pub(super) credit: usize,
}

pub(super) struct Draft<'a> {
    snapshot: &'a Snapshot,
    recorded: Vec<Option<Arc<Event>>>,
    pages: Vec<Option<Page>>,
    payments: Vec<Option<Filed>>,
    position: Position,
    effects: Vec<Effect>,
    encoding: Vec<u8>,
}

impl<'a> Draft<'a> {
    pub(super) fn open(snapshot: &'a Snapshot) -> Draft<'a> {
        let page = |account: &Account| Page { account: account.clone(), changed: false };
        let mut draft = Draft {
            snapshot,
            recorded: snapshot.recorded.clone(),
            pages: snapshot.accounts.iter().map(|account| account.as_ref().map(page)).collect(),
            payments: Vec::with_capacity(snapshot.payments.len()),
            position: snapshot.position,
            // An event for each command, and at the end its accounts and the log's end.
            effects: Vec::with_capacity(snapshot.keys.places.len() + snapshot.accounts.len() + 1),
            encoding: Vec::new(),
        };
        draft.file_payments();
        draft
    }

    /// An account that both a payment and a command name has one page. An id of another ledger, or
    /// from before the store was rewound, means no payment here, though a row has its seq.
    fn file_payments(&mut self) {
        if self.snapshot.payments.is_empty() {
            return;
        }
        let mut index: BTreeMap<u64, usize> = self
            .pages
            .iter()
            .enumerate()
            .filter_map(|(at, page)| page.as_ref().map(|page| (page.account.no, at)))
            .collect();
        let named = self.snapshot.keys.payments.iter().zip(&self.snapshot.payments);
        for (id, paid) in named {
            let meant = |paid: &&Paid| paid.payment.event.id(self.snapshot.ledger) == *id;
            let filed = paid.as_ref().filter(meant).map(|Paid { payment, debit, credit }| {
                let [debit, credit] = [debit, credit].map(|account| {
                    *index.entry(account.no).or_insert_with(|| {
                        self.pages.push(Some(Page { account: account.clone(), changed: false }));
                        self.pages.len() - 1
                    })
                });
                Filed { payment: payment.clone(), debit, credit }
            });
            self.payments.push(filed);
        }
    }

    pub(super) fn decide(
        &mut self,
        command: &Command,
        places: &Places,
    ) -> Result<Outcome, Refusal> {
        match command {
            Command::Pay(identity, pay) => self.pay(identity, pay, places),
            Command::Operate(identity, payment, operation) => {
                self.operate(identity, payment, operation, places)
            }
            Command::OpenAccount(request) => self.open_account(request, places),
            Command::CloseAccount(_) => self.close_account(places),
        }
    }

    /// The effects of all that was written, in the order in which a store may write them.
    pub(super) fn close(mut self) -> Vec<Effect> {
        let before = self.snapshot.position;
        for page in self.pages.into_iter().flatten().filter(|page| page.changed) {
            let opened = page.account.no >= before.next_seq;
            let effect = if opened { Effect::Open } else { Effect::Update };
            self.effects.push(effect(page.account));
        }
        if self.position != before {
            self.effects.push(Effect::Move(self.position));
        }
        self.effects
    }

    pub(super) fn recorded(&self, places: &Places) -> Option<&Arc<Event>> {
        self.recorded[places.identity].as_ref()
    }

    pub(super) fn account(&self, page: usize) -> Option<&Account> {
        self.pages[page].as_ref().map(|page| &page.account)
    }

    /// The account on `page`, or else the one that its first use opens.
    pub(super) fn found_or(
        &self,
        page: usize,
        new: impl FnOnce() -> Option<Account>,
    ) -> Option<Cow<'_, Account>> {
        self.account(page).map(Cow::Borrowed).or_else(|| new().map(Cow::Owned))
    }

    pub(super) fn payment(&self, places: &Places) -> Option<&Filed> {
        self.payments[places.payment].as_ref()
    }

    /// The next event, of which nothing is said yet but what it is and who asked for it.
    pub(super) fn blank(
        &self,
        kind: Kind,
        currency: Currency,
        identity: Option<&Identity>,
    ) -> Event {
        Event {
            seq: self.position.next_seq,
            at: self.snapshot.now,
            kind,
            format: FORMAT,
            namespace: identity.map_or_else(|| "".into(), |identity| identity.namespace.clone()),
            key: identity.map(|identity| identity.key.clone()),
            debit: None,
            credit: None,
            amount: 0,
            currency,
            decline: None,
            reference: None,
            extra: None,
        }
    }

    /// The ledger's number in its store.
    pub(super) fn ledger(&self) -> u32 {
        self.snapshot.ledger
    }

    /// The seq that the next event gets.
    pub(super) fn next_seq(&self) -> u64 {
        self.position.next_seq
    }

    /// Put a new account on its page and its opening on the log.
    pub(super) fn write_opening(&mut self, page: usize, account: Account) {
        let mut event = self.blank(Kind::AccountOpened, account.currency, None);
        assert_eq!(account.no, event.seq, "an account has the number of its opening");
        event.debit = Some(Side { no: account.no, id: account.id.clone(), prev: 0 });
        event.extra = Some(account.properties());
        self.append(event);
        self.pages[page] = Some(Page { account, changed: true });
    }

    /// Close the account on `page` and put that on the log.
    pub(super) fn write_closing(&mut self, page: usize) {
        let account = self.account(page).expect("only an open account is closed");
        let mut event = self.blank(Kind::AccountClosed, account.currency, None);
        event.debit = Some(Side::of(account, Kind::AccountClosed));
        let seq = self.append(event).seq;
        let page = self.pages[page].as_mut().expect("it was there a moment ago");
        page.account.closed = true;
        page.account.last_seq = seq;
        page.changed = true;
    }

    /// Put `event` on the log and move what it moves between the two pages; `held` is the amount of
    /// the hold that it ends.
    pub(super) fn write_movement(
        &mut self,
        mut event: Event,
        places: &Places,
        (debit, credit): (usize, usize),
        held: i64,
    ) -> Arc<Event> {
        let [debit, credit] = self.pages.get_disjoint_mut([debit, credit]).expect("two accounts");
        let [debit, credit] = [debit, credit].map(|page| page.as_mut().expect("accounts exist"));
        event.debit = Some(Side::of(&debit.account, event.kind));
        event.credit = Some(Side::of(&credit.account, event.kind));
        if let Some(movement) = Movement::of(event.kind, event.amount, held) {
            let before = (debit.account.totals, credit.account.totals);
            movement.apply(&mut debit.account, &mut credit.account).expect("limits were checked");
            let debited = debit.account.totals.debits - before.0.debits;
            let credited = credit.account.totals.credits - before.1.credits;
            assert_eq!(debited, credited, "a movement balances");
            for page in [&debit, &credit] {
                assert_eq!(page.account.currency, event.currency, "in one currency");
            }
        }
        if event.kind.is_linked() {
            for page in [debit, credit] {
                page.account.last_seq = event.seq;
                page.changed = true;
            }
        }
        let event = self.append(event);
        self.recorded[places.identity] = Some(event.clone());
        event
    }

    /// Let the payment take in a later event.
    pub(super) fn follow(&mut self, places: &Places, event: &Event) {
        let filed = self.payments[places.payment].as_mut().expect("the payment exists");
        assert!(filed.payment.follow(event.kind, event.amount), "the transition was checked");
    }

    fn append(&mut self, event: Event) -> Arc<Event> {
        self.encoding.clear();
        event.encode(self.snapshot.ledger, &mut self.encoding);
        let (seq, hash) = (event.seq, self.position.tail.link(&self.encoding));
        self.position = Position { next_seq: seq + 1, tail: hash };
        let event = Arc::new(event);
        self.effects.push(Effect::Append(event.clone()));
        if seq.is_multiple_of(ANCHOR_EVERY) {
            self.effects.push(Effect::Anchor { seq, hash });
        }
        event
    }
}
