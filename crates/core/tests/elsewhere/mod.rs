//! Verbs that run on other threads: what a writer thread or a server is to its caller.
//!
//! The caller really waits, and is woken from another thread. A verb whose caller stops waiting
//! runs on to its end, so a commit may land after it was given up: the law says that the next claim
//! waits for it or fences it.

use semel_core::exactly_once::{Claim, Cursor, Failure, Step, Target};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

/// Run `future` to its end; sleep until it wakes us, so that a wake-up that is lost hangs.
pub fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// What the other thread leaves, and whom it wakes.
struct Answer<O> {
    slot: Arc<Mutex<(Option<O>, Option<Waker>)>>,
}

impl<O> Future for Answer<O> {
    type Output = O;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<O> {
        let mut slot = self.slot.lock().unwrap();
        match slot.0.take() {
            Some(output) => Poll::Ready(output),
            None => {
                slot.1 = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}

fn elsewhere<O: Send + 'static>(verb: impl Future<Output = O> + Send + 'static) -> Answer<O> {
    let slot = Arc::new(Mutex::new((None, None::<Waker>)));
    let ours = slot.clone();
    thread::spawn(move || {
        let output = block_on(verb);
        let mut slot = slot.lock().unwrap();
        slot.0 = Some(output);
        if let Some(waker) = slot.1.take() {
            waker.wake();
        }
    });
    Answer { slot: ours }
}

/// A target whose verbs run on other threads.
pub struct Elsewhere<T>(Arc<T>);

pub struct ElsewhereClaim<C>(C);

pub struct ElsewhereStep<S>(S);

impl<T> Elsewhere<T> {
    pub fn new(inner: T) -> Elsewhere<T> {
        Elsewhere(Arc::new(inner))
    }
}

impl<T: Target + Send + 'static> Target for Elsewhere<T>
where
    T::Claim: Claim<Keys: 'static, Step: Step<Effect: 'static> + 'static> + 'static,
{
    type Claim = ElsewhereClaim<T::Claim>;

    async fn claim(&self) -> Result<Self::Claim, Failure> {
        let inner = self.0.clone();
        elsewhere(async move { inner.claim().await }).await.map(ElsewhereClaim)
    }
}

impl<C> Claim for ElsewhereClaim<C>
where
    C: Claim<Keys: 'static, Step: Step<Effect: 'static> + 'static> + 'static,
{
    type Keys = C::Keys;
    type Step = ElsewhereStep<C::Step>;

    fn cursor(&self) -> &Cursor {
        self.0.cursor()
    }

    async fn begin(self, keys: C::Keys) -> Result<Self::Step, Failure> {
        elsewhere(self.0.begin(keys)).await.map(ElsewhereStep)
    }
}

impl<S> Step for ElsewhereStep<S>
where
    S: Step<Claim: Send + 'static, Effect: 'static> + 'static,
{
    type Claim = ElsewhereClaim<S::Claim>;
    type Snapshot = S::Snapshot;
    type Effect = S::Effect;

    fn snapshot(&self) -> &S::Snapshot {
        self.0.snapshot()
    }

    async fn commit(self, effects: Vec<S::Effect>, to: Cursor) -> Result<Self::Claim, Failure> {
        elsewhere(self.0.commit(effects, to)).await.map(ElsewhereClaim)
    }
}
