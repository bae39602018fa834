//! A step on the model as the product takes one on a server, with what its process has in mind:
//! lock and look up, catch up where others wrote, decide, write what is due.
//!
//! Deliberately absent: slots that two keys share. The store's own tests have them.

use super::memory::Turn;
use super::state::{State, Written};
use super::target::{COMMIT, ModelClaim, ModelStore, PATIENCE, STATEMENT, lost};
use super::{Ask, Found, LegClaim, Model, Recorded, Session};
use crate::faults::Fault;
use semel_core::account::Account;
use semel_core::chain::Hash;
use semel_core::exactly_once::{Cursor, Failure, Step};
use semel_core::id::EventId;
use semel_core::ledger::{Effect, Keys, Paid, Position, Snapshot};
use semel_core::payment::{Identity, Payment};
use semel_core::problem::Code;
use semel_store::places::{first_slot, slot_of};
use semel_store::resident::{CatchUp, Late, Next, Stand};
use std::sync::Arc;

/// Events that are read at once.
const PAGE: usize = 10;
/// Accounts that a step may write whatever it appends, and one that does nothing else.
const ACCOUNTS_LEAST: usize = 256;
const REST: usize = 10;

/// An open step.
pub struct ModelStep {
    opened: Opened,
    snapshot: Snapshot,
    accounts_seq: u64,
    looked: bool,
}

/// What it holds.
struct Opened {
    store: ModelStore,
    turn: Turn,
    session: Arc<Session>,
}

/// Open a step.
pub(super) async fn begin(
    store: &ModelStore,
    ledger: u32,
    leg: Option<LegClaim>,
    keys: Keys,
) -> Result<ModelStep, Failure> {
    let turn = store.memory.turn(ledger).await;
    let slots = keys.identities.iter().map(|(_, hash)| first_slot(ledger, *hash));
    let slots: Vec<i64> = slots.collect();
    let suspects = turn.known().suspects(&slots);
    let named = keys.identities.iter().zip(&slots);
    let named = named.filter(|(_, slot)| suspects.contains(slot));
    let identities = named.map(|((identity, _), _)| identity.clone()).collect();
    let (accounts, letters) = (missing(&turn, &keys), keys.letters.clone());
    let ask = Ask { ledger, leg, identities, accounts, letters };
    let model = store.model.clone();
    let asked = async move { model.begin(ask).await };
    let answered = store.model.net.call(STATEMENT, PATIENCE, asked).await;
    let (mut found, session) = answered.map_err(lost)??;
    let opened = Opened { store: store.clone(), turn, session: Arc::new(session) };
    let mut looked = suspects.len() == slots.len();
    let is_here = store.model.trust.is_here(&opened.turn.known(), &found.stand);
    if !is_here {
        opened.catch_up(&found.stand).await?;
        (found.recorded, found.accounts) = opened.look_up(&keys).await?;
        looked = true;
    }
    opened.turn.known().meet(found.accounts);
    let Found { stand, now, recorded, letters, .. } = found;
    let Stand { position, accounts_seq, .. } = stand;
    let snapshot = Snapshot {
        ledger,
        position,
        now,
        recorded: keys.identities.iter().map(|(own, _)| recorded.get(own).cloned()).collect(),
        payments: opened.payments(&keys.payments).await?,
        accounts: opened.turn.known().accounts(&keys.accounts),
        letters,
        keys,
    };
    Ok(ModelStep { opened, snapshot, accounts_seq, looked })
}

fn missing(turn: &Turn, keys: &Keys) -> Vec<semel_core::Text> {
    turn.known().missing(&keys.accounts).into_iter().map(Into::into).collect()
}

impl Opened {
    async fn read<R: Send + 'static>(
        &self,
        work: impl FnOnce(&Model, &State) -> R + Send + 'static,
    ) -> Result<R, Failure> {
        let session = self.session.clone();
        self.store.ask(move |model| model.read(&session, work)).await
    }

    /// Bring what is known to where the ledger stands.
    async fn catch_up(&self, stand: &Stand) -> Result<(), Failure> {
        let faults = &self.store.model.net.faults;
        let ledger = self.session.ledger;
        let mut way = {
            let known = self.turn.known();
            if known.position().is_some() {
                faults.happened(Fault::MemoryBehind);
            }
            CatchUp::new(&known, ledger, stand.clone())
        };
        loop {
            let next = way.next(&mut self.turn.known());
            match next.inspect_err(|_| faults.happened(Fault::MemoryRewound))? {
                Next::Here => return Ok(()),
                Next::Events(from) => {
                    let (late, met) = self.page(from).await?;
                    way.take(&mut self.turn.known(), &late, met);
                }
                Next::Prove(seq) => {
                    faults.happened(Fault::MemoryFarBehind);
                    let tail = self.tail_at(seq).await?;
                    way.prove(tail);
                }
                Next::Begin(next_seq) => {
                    if self.turn.known().has_gone_back(stand) {
                        faults.happened(Fault::RowsRewound);
                    }
                    if next_seq < stand.position.next_seq {
                        faults.happened(Fault::AccountsBehind);
                    }
                    let tail = self.tail_at(next_seq).await?;
                    way.begin(&mut self.turn.known(), Position { next_seq, tail });
                }
            }
        }
    }

    /// Some events from the seq `from` on, and the accounts of them that are not known.
    async fn page(&self, from: u64) -> Result<(Vec<Late>, Vec<Account>), Failure> {
        let ledger = self.session.ledger;
        let page = move |_: &Model, state: &State| {
            let rows = state.ledger(ledger);
            let events = rows.events.iter().skip(from as usize - 1).take(PAGE);
            events.map(|event| rows.late(ledger, event)).collect::<Vec<_>>()
        };
        let late = self.read(page).await?;
        let unmet = self.turn.known().unmet(&late);
        let met = self.rows(unmet).await?;
        Ok((late, met))
    }

    async fn tail_at(&self, seq: u64) -> Result<Hash, Failure> {
        let ledger = self.session.ledger;
        self.read(move |_, state| state.ledger(ledger).tail_at(ledger, seq)).await
    }

    /// Rows of accounts by their numbers.
    async fn rows(&self, numbers: Vec<u64>) -> Result<Vec<Account>, Failure> {
        if numbers.is_empty() {
            return Ok(Vec::new());
        }
        let ledger = self.session.ledger;
        let rows = move |_: &Model, state: &State| {
            let rows = &state.ledger(ledger).accounts;
            numbers.iter().filter_map(|no| rows.get(no)).cloned().collect()
        };
        self.read(rows).await
    }

    /// All keys, and the accounts that are still missing.
    async fn look_up(&self, keys: &Keys) -> Result<(Recorded, Vec<Account>), Failure> {
        let ledger = self.session.ledger;
        let identities: Vec<Identity> =
            keys.identities.iter().map(|(own, _)| own.clone()).collect();
        let missing = missing(&self.turn, keys);
        self.read(move |model, state| {
            let rows = state.ledger(ledger);
            let accounts = missing.iter().filter_map(|id| rows.account(id)).cloned().collect();
            (model.recorded(state, ledger, &identities), accounts)
        })
        .await
    }

    async fn payments(&self, ids: &[EventId]) -> Result<Vec<Option<Paid>>, Failure> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let (ledger, ids) = (self.session.ledger, ids.to_vec());
        let payments = move |_: &Model, state: &State| {
            ids.iter().map(|id| state.ledger(ledger).payment(id)).collect::<Vec<_>>()
        };
        let payments = self.read(payments).await?;
        let events = payments.iter().flatten().map(|payment| &payment.event);
        let sides = events.flat_map(|event| event.debit.iter().chain(&event.credit));
        let unmet = sides.map(|side| side.no).collect::<Vec<_>>();
        let unmet = {
            let known = self.turn.known();
            unmet.into_iter().filter(|no| known.account(*no).is_none()).collect()
        };
        let met = self.rows(unmet).await?;
        let mut known = self.turn.known();
        known.meet(met);
        let paid = |payment: Payment| {
            let account =
                |side: &Option<semel_core::event::Side>| known.account(side.as_ref()?.no).cloned();
            let (debit, credit) = (account(&payment.event.debit)?, account(&payment.event.credit)?);
            Some(Paid { payment, debit, credit })
        };
        Ok(payments.into_iter().map(|payment| payment.and_then(paid)).collect())
    }

    /// Whether a command that appends nothing has a key that is known, though it was taken for new.
    async fn is_repeated(&self, snapshot: &Snapshot, effects: &[Effect]) -> Result<bool, Failure> {
        if !self.store.model.trust.looks_refused_up() {
            return Ok(false);
        }
        let appends = |own: &Identity| {
            effects.iter().any(|effect| match effect {
                Effect::Append(event) => {
                    event.key.as_ref() == Some(&own.key) && event.namespace == own.namespace
                }
                _ => false,
            })
        };
        let named = snapshot.keys.identities.iter().zip(&snapshot.recorded);
        let new = named.filter(|(_, recorded)| recorded.is_none()).map(|((own, _), _)| own);
        let left: Vec<Identity> = new.filter(|own| !appends(own)).cloned().collect();
        if left.is_empty() {
            return Ok(false);
        }
        let ledger = snapshot.ledger;
        self.read(move |model, state| !model.recorded(state, ledger, &left).is_empty()).await
    }

    /// A key was taken for new that is known; nothing has happened.
    fn refuse(&self) -> Failure {
        self.store.model.net.faults.happened(Fault::KeyRefused);
        self.turn.known().was_refused();
        Failure::Retryable("a key has to be looked up".into())
    }

    /// Send a commit and wait for its answer.
    async fn commit(
        &self,
        effects: Vec<Effect>,
        written: Option<Written>,
        to: Cursor,
    ) -> Result<(), Failure> {
        let (model, session) = (self.store.model.clone(), self.session.clone());
        let work = async move {
            let done = model.commit(&session, effects, written, to);
            // The lock is let go with the commit, not with its answer.
            session.end();
            done
        };
        let answered = self.store.model.net.call(COMMIT, PATIENCE, work).await;
        answered.map_err(|_| Failure::Unknown("the commit's answer was lost".into()))?
    }
}

impl Step for ModelStep {
    type Claim = ModelClaim;
    type Snapshot = Snapshot;
    type Effect = Effect;

    fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    async fn commit(self, effects: Vec<Effect>, to: Cursor) -> Result<ModelClaim, Failure> {
        let ModelStep { opened, snapshot, accounts_seq, looked } = self;
        let Opened { store, turn, session } = &opened;
        let before = snapshot.position;
        let moved = |effect: &Effect| match effect {
            Effect::Move(position) => Some(*position),
            _ => None,
        };
        let after = effects.iter().rev().find_map(moved).unwrap_or(before);
        let slot = |effect: &Effect| match effect {
            Effect::Append(event) => slot_of(snapshot.ledger, event).map(|slot| slot.slot),
            _ => None,
        };
        let slots: Vec<i64> = effects.iter().filter_map(slot).collect();
        let appended = after.next_seq.saturating_sub(before.next_seq) as usize;
        let due = turn.known().due(&effects, after.next_seq, ACCOUNTS_LEAST + 2 * appended);
        let written = (after != before).then(|| {
            let seq = due.seq(after).max(accounts_seq);
            let seq = store.model.trust.says(seq, after.next_seq - 1);
            Written { accounts: due.accounts.clone(), seq }
        });
        if !looked && opened.is_repeated(&snapshot, &effects).await? {
            return Err(opened.refuse());
        }
        match opened.commit(effects.clone(), written, to).await {
            Err(Failure::Permanent(stop)) if stop.code == Code::IdentityBroken && !looked => {
                return Err(opened.refuse());
            }
            done => done?,
        }
        if after != before {
            turn.known().arrive(effects, slots.into_iter(), &due, after);
        }
        let leg = session.leg.clone().map(|leg| LegClaim { cursor: to, ..leg });
        Ok(ModelClaim { store: store.clone(), ledger: snapshot.ledger, leg })
    }
}

/// Write the accounts of a ledger whose rows lag behind the log, in steps of their own.
pub(super) async fn write_accounts(store: &ModelStore, ledger: u32) -> Result<(), Failure> {
    while store.model.minds.rests && store.memory.is_idle(ledger) {
        let step = begin(store, ledger, None, Keys::default()).await?;
        let ModelStep { opened, snapshot, accounts_seq, .. } = step;
        let (due, at) = (opened.turn.known().rest(REST), snapshot.position);
        if due.accounts.is_empty() {
            return Ok(());
        }
        let seq = store.model.trust.says(due.seq(at).max(accounts_seq), at.next_seq - 1);
        let written = Written { accounts: due.accounts.clone(), seq };
        opened.commit(Vec::new(), Some(written), Cursor::START).await?;
        opened.turn.known().arrive(Vec::new(), std::iter::empty(), &due, at);
    }
    Ok(())
}
