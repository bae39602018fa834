//! Clients: they ask at doors, repeat what they are not told, and remember every answer.
//!
//! Deliberately absent: HTTP's bytes. What a client sees of a request is its key, its fields and
//! the answer's body.

pub mod wishes;

use crate::evidence::{Answer, Ask, Call, Told};
use crate::faults::Fault;
use crate::net::Net;
use crate::process::Waiting;
use crate::site::Site;
use crate::store::Backend;
use crate::world::OUTSIDE;
use futures_util::future::{Either, select};
use semel_core::account::Overdraft;
use semel_core::exactly_once::Failure;
use semel_core::id::EventId;
use semel_core::ledger::{AccountRequest, Command, Outcome, Refusal};
use semel_core::money::Currency;
use semel_core::payment::{Capture, Identity, Operation, Pay};
use semel_core::render;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use tokio::sync::oneshot;
use wishes::Wishes;

/// How long a client waits for an answer.
const PATIENCE: Duration = Duration::from_secs(6);
/// How long it waits before it asks again, at most.
const AGAIN: Duration = Duration::from_secs(2);

/// All calls. Cheap to clone.
#[derive(Clone, Default)]
pub struct Calls(Arc<Mutex<Book>>);

#[derive(Default)]
struct Book {
    calls: Vec<Call>,
    /// Clients that have more to ask.
    busy: u64,
}

impl Calls {
    fn lock(&self) -> MutexGuard<'_, Book> {
        self.0.lock().expect("nobody panics while holding it")
    }

    fn add(&self, ledger: &str, key: Option<String>, ask: Ask) -> usize {
        let mut book = self.lock();
        book.calls.push(Call { ledger: ledger.into(), key, ask, told: Vec::new() });
        book.calls.len() - 1
    }

    /// Whether every client has been told everything.
    pub fn are_settled(&self) -> bool {
        self.lock().busy == 0
    }

    /// All of them.
    pub fn all(&self) -> Vec<Call> {
        self.lock().calls.clone()
    }
}

/// Let clients begin.
pub fn begin<B: Backend>(site: &Site<B>) {
    let wishes = Arc::new(Mutex::new(Wishes::new(&site.setup)));
    site.calls.lock().busy = site.setup.clients;
    for number in 0..site.setup.clients {
        let client = Client { site: site.clone(), wishes: wishes.clone(), number };
        site.world.spawn(OUTSIDE, async move {
            client.live().await;
            client.site.calls.lock().busy -= 1;
        });
    }
}

struct Client<B: Backend> {
    site: Site<B>,
    wishes: Arc<Mutex<Wishes>>,
    number: u64,
}

impl<B: Backend> Client<B> {
    async fn live(&self) {
        let setup = &self.site.setup;
        let pause = setup.faulty * setup.clients as u32 / (setup.wishes + 1) as u32;
        let mut before = Vec::new();
        while let Some((ledger, key, ask)) = self.wish() {
            self.site.world.sleep(self.site.world.some_time(pause * 2)).await;
            let call = self.site.calls.add(&setup.ledgers[ledger as usize - 1], key, ask);
            if self.site.faults.strikes(Fault::ClientStorm) {
                (0..9).for_each(|_| self.ask_beside(ledger, call));
            }
            self.settle(ledger, call).await;
            before.push((ledger, call));
            if self.site.faults.strikes(Fault::ClientRepeat) {
                // This one, or one that is long over.
                let back = [1, 1 + self.site.world.below(before.len() as u64) as usize];
                let (ledger, call) = before[before.len() - back[self.site.world.below(2) as usize]];
                self.settle(ledger, call).await;
            }
        }
    }

    fn wish(&self) -> Option<(u32, Option<String>, Ask)> {
        let mut wishes = self.wishes.lock().expect("nobody panics while holding it");
        wishes.next(&self.site.world, &self.site.faults, self.number)
    }

    /// Ask until there is an answer that settles it.
    async fn settle(&self, ledger: u32, call: usize) {
        loop {
            let told = ask(&self.site, ledger, call).await;
            if let Told::Done { body, .. } = &told {
                let mut wishes = self.wishes.lock().expect("nobody panics while holding it");
                wishes.learn(ledger, &self.site.calls.lock().calls[call], body);
            }
            if matches!(told, Told::Done { .. } | Told::Refused(_)) {
                return;
            }
            self.site.world.sleep(self.site.world.some_time(AGAIN)).await;
        }
    }

    /// Ask once more at the same time, whatever the answer.
    fn ask_beside(&self, ledger: u32, call: usize) {
        let site = self.site.clone();
        self.site.world.spawn(OUTSIDE, async move { drop(ask(&site, ledger, call).await) });
    }
}

/// Send a call to some process, once; what is told.
async fn ask<B: Backend>(site: &Site<B>, ledger: u32, call: usize) -> Told {
    let asked_at = site.world.now();
    let told = send(site, ledger, call).await;
    let mut book = site.calls.lock();
    book.calls[call].told.push(Answer { asked_at, told: told.clone() });
    drop(book);
    site.world.tell("client", || {
        let Call { key, ask, .. } = &site.calls.lock().calls[call];
        let key = key.as_deref().unwrap_or("-");
        match &told {
            Told::Done { replayed, .. } => format!("{key} {ask:?}: done, replayed {replayed}"),
            told => format!("{key} {ask:?}: {told:?}"),
        }
    });
    told
}

async fn send<B: Backend>(site: &Site<B>, ledger: u32, call: usize) -> Told {
    let Net { world, faults, .. } = &site.net;
    site.net.travel().await;
    let Some(door) = site.doors.some_door(world, ledger) else { return Told::Unknown };
    if faults.strikes(Fault::HttpRequestLost) {
        world.sleep(PATIENCE).await;
        return Told::Unknown;
    }
    let Some(command) = command(&site.calls.lock().calls[call]) else {
        return Told::Refused("not_found".into());
    };
    let (answer, answered) = oneshot::channel();
    if door.send(Waiting { commands: vec![command], answer }).is_err() {
        return Told::Unknown;
    }
    let answer = match select(answered, pin!(world.sleep(PATIENCE))).await {
        Either::Left((Ok(answer), _)) => answer,
        Either::Left((Err(_), _)) | Either::Right(_) => return Told::Unknown,
    };
    site.net.travel().await;
    if faults.strikes(Fault::HttpAnswerLost) {
        return Told::Unknown;
    }
    match answer {
        Ok(outcomes) => outcomes.into_iter().next().map_or(Told::Unknown, |it| tell(it, ledger)),
        Err(Failure::Unknown(_)) => Told::Unknown,
        Err(_) => Told::Failed,
    }
}

fn tell(outcome: Outcome, ledger: u32) -> Told {
    match outcome {
        Outcome::Recorded { event, replayed } => {
            Told::Done { body: render::answer(&event, ledger), replayed }
        }
        Outcome::Account { account, replayed } => {
            Told::Done { body: render::account(&account), replayed }
        }
        Outcome::Refused(refusal) => Told::Refused(
            match refusal {
                Refusal::Conflict(_) => "conflict",
                Refusal::Invalid(problems) => problems.first().map_or("invalid", |it| it.reason),
                Refusal::UnknownPayment | Refusal::UnknownAccount => "not_found",
                Refusal::ExceedsPayment | Refusal::WrongState(_) => "exceeds_payment",
                Refusal::AccountDiffers => "account_differs",
            }
            .into(),
        ),
    }
}

/// What a call says to the ledger; `None` when it names no payment at all.
fn command(call: &Call) -> Option<Command> {
    let identity =
        || Identity { namespace: "".into(), key: call.key.as_deref().unwrap_or_default().into() };
    let payment = |id: &str| EventId::parse("pay", id);
    Some(match &call.ask {
        Ask::Pay { amount, currency, debit, credit, hold } => {
            let pay = Pay {
                amount: *amount,
                currency: Currency::parse(currency),
                debit_account: debit.as_str().into(),
                credit_account: credit.as_str().into(),
                description: None,
                metadata: None,
                metadata_problem: None,
                capture: if *hold { Capture::Later } else { Capture::Now },
                open: Default::default(),
            };
            Command::Pay(identity(), pay)
        }
        Ask::Refund { payment: id, amount } => {
            Command::Operate(identity(), payment(id)?, Operation::Refund(*amount))
        }
        Ask::Capture { payment: id, amount } => {
            Command::Operate(identity(), payment(id)?, Operation::Capture(*amount))
        }
        Ask::Void { payment: id } => Command::Operate(identity(), payment(id)?, Operation::Void),
        Ask::Open { id, currency, overdraft } => Command::OpenAccount(AccountRequest {
            id: id.as_str().into(),
            currency: Currency::parse(currency)?,
            overdraft: match overdraft {
                -1 => Overdraft::None,
                -2 => Overdraft::Unlimited,
                limit => Overdraft::Limit(*limit),
            },
        }),
        Ask::Close { id } => Command::CloseAccount(id.as_str().into()),
    })
}
