//! The network between a process and a server: a request takes its time, and request or answer may
//! be lost.
//!
//! What a server does it does by itself: a caller that dies in the meantime changes nothing.

use crate::faults::{Fault, Faults};
use crate::world::{OUTSIDE, World};
use futures_util::future::{Either, select};
use std::future::Future;
use std::pin::pin;
use std::time::Duration;
use tokio::sync::oneshot;

/// How long a request or an answer is on its way, mostly.
const NEAR: Duration = Duration::from_micros(800);
/// Now and then it takes up to so long.
const FAR: Duration = Duration::from_millis(150);
/// One in so many takes long.
const FAR_ONE_IN: u64 = 50;

/// How long a server keeps what it holds for somebody who is silent.
pub const SERVER_TIMEOUT: Duration = Duration::from_secs(2);

/// A network. Cheap to clone.
#[derive(Clone)]
pub struct Net {
    pub world: World,
    pub faults: Faults,
}

/// There is no answer; what became of the request is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoAnswer;

impl Net {
    /// Have `work` done by a server; `lost` are the faults that lose the request and the answer.
    pub async fn call<R: Send + 'static>(
        &self,
        lost: [Fault; 2],
        patience: Duration,
        work: impl Future<Output = R> + Send + 'static,
    ) -> Result<R, NoAnswer> {
        let (answer, answered) = oneshot::channel();
        let net = self.clone();
        let [request_lost, answer_lost] = lost.map(|fault| self.faults.strikes(fault));
        if request_lost {
            self.world.sleep(patience).await;
            return Err(NoAnswer);
        }
        self.world.spawn(OUTSIDE, async move {
            net.travel().await;
            let done = work.await;
            net.travel().await;
            if answer_lost {
                // What was held for the caller is held until the server's own timeout.
                net.world.sleep(SERVER_TIMEOUT).await;
            } else {
                // Whoever asked may be gone: what was done is done, what was held is let go.
                let _ = answer.send(done);
            }
        });
        if answer_lost {
            self.world.sleep(patience).await;
            return Err(NoAnswer);
        }
        match select(answered, pin!(self.world.sleep(patience))).await {
            Either::Left((Ok(done), _)) => Ok(done),
            Either::Left((Err(_), _)) | Either::Right(_) => Err(NoAnswer),
        }
    }

    /// The time on the way.
    pub async fn travel(&self) {
        let longest = if self.world.one_in(FAR_ONE_IN) { FAR } else { NEAR };
        self.world.sleep(self.world.some_time(longest)).await;
    }
}
