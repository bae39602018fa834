//! Sessions with the server: made with the settings that the promises need, lent one at a time.
//!
//! What a session is lent for may break off half-way, so it goes back to the pool only when whoever
//! had it says that nothing is open in it; otherwise it is closed.

use super::address::Address;
use super::classify::{at_start, classify, classify_pool};
use super::settings;
use deadpool::managed::{Manager, Metrics, Object, Pool, RecycleError, RecycleResult, Timeouts};
use deadpool::{Runtime, managed};
use deadpool_postgres::{ClientWrapper, Manager as Connector};
use semel_core::Text;
use semel_core::failure::{Failure, Stop};
use semel_core::leg::DEADLINE;
use semel_core::problem::Code;
use std::future::Future;
use std::ops::Deref;
use std::time::Duration;
use tokio::time::timeout;

/// Sessions open at once, of one process. Those that wait take the next free one.
const OPEN_MAX: usize = 24;
/// How long a free session is waited for, and how long the making of a new one may take.
const FREE_WAIT: Duration = Duration::from_secs(5);

/// A session with the server.
pub(super) struct Session {
    client: ClientWrapper,
    /// The history that the server writes: its system identifier and its timeline.
    pub(super) history: Text,
}

impl Deref for Session {
    type Target = ClientWrapper;

    fn deref(&self) -> &ClientWrapper {
        &self.client
    }
}

/// All sessions of a store. Cheap to clone.
#[derive(Clone)]
pub(super) struct Sessions(Pool<Maker>);

impl Sessions {
    pub(super) fn new(address: &Address) -> Result<Sessions, Stop> {
        let pool = Pool::builder(Maker { connector: address.manager()? })
            .max_size(OPEN_MAX)
            .runtime(Runtime::Tokio1)
            .build();
        let built = pool.map_err(|error| Stop::new(Code::Internal, error.to_string()));
        Ok(Sessions(built?))
    }

    /// An idle session, or a new one.
    pub(super) async fn lend(&self) -> Result<Lent, Failure> {
        // Whoever takes a connection and then says nothing must not hold up a ledger's turn.
        let wait =
            Timeouts { wait: Some(FREE_WAIT), create: Some(FREE_WAIT), ..Timeouts::default() };
        let object = self.0.timeout_get(&wait).await.map_err(classify_pool)?;
        Ok(Lent(Some(object)))
    }

    /// A new session, whatever the idle ones have become.
    pub(super) async fn fresh(&self) -> Result<Session, Failure> {
        within("a new session", self.0.manager().create()).await
    }

    /// The first session of a process, which is refused for what cannot heal while it starts.
    pub(super) async fn first(&self) -> Result<ClientWrapper, Failure> {
        self.own().await.map_err(at_start)
    }

    /// A session of one's own, with no bound on how long a statement may take.
    pub(super) async fn own(&self) -> Result<ClientWrapper, Failure> {
        within("a new session", async {
            let client = self.0.manager().connect().await?;
            settings::assert(&client).await?;
            Ok(client)
        })
        .await
    }
}

/// How long an answer is waited for: longer than the server lets anything last that is asked in a
/// session of the pool, shorter than a leg's deadline.
pub(super) const ANSWER_MAX: Duration =
    DEADLINE.checked_mul(4).expect("seconds").checked_div(5).expect("five");

/// What is asked, if it is answered in time. Not for a commit: of that, silence says nothing.
pub(super) async fn within<T>(
    what: &str,
    asked: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    let silent = |_| Failure::Retryable(format!("the database gave no answer to {what}"));
    timeout(ANSWER_MAX, asked).await.map_err(silent)?
}

/// A session in somebody's hands. Dropping it closes it.
pub(super) struct Lent(Option<Object<Maker>>);

impl Lent {
    /// Nothing is open in it: let the next one have it.
    pub(super) fn give_back(mut self) {
        drop(self.0.take());
    }
}

impl Deref for Lent {
    type Target = Session;

    fn deref(&self) -> &Session {
        self.0.as_ref().expect("it is given back by value")
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let Some(object) = self.0.take() {
            drop(Object::take(object));
        }
    }
}

/// Makes sessions.
struct Maker {
    connector: Connector,
}

impl Maker {
    async fn connect(&self) -> Result<ClientWrapper, Failure> {
        Manager::create(&self.connector).await.map_err(|error| classify(&error))
    }
}

impl managed::Manager for Maker {
    type Type = Session;
    type Error = Failure;

    async fn create(&self) -> Result<Session, Failure> {
        let client = self.connect().await?;
        let history = settings::assert(&client).await?;
        settings::bound(&client).await?;
        Ok(Session { client, history })
    }

    async fn recycle(&self, session: &mut Session, _: &Metrics) -> RecycleResult<Failure> {
        match session.client.is_closed() {
            true => Err(RecycleError::message("the connection is closed")),
            false => Ok(()),
        }
    }
}
