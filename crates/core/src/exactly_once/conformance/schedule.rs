//! Who moves when: futures polled by hand in an order that a seed decides.
//!
//! No executor is assumed. Every helper hands the caller's waker on to all that it polls, in every
//! round, so it works under a busy loop, under a runtime of many threads, and with targets that
//! wait for a writer thread or a server. Deliberately absent: clocks, threads, spawning.

use super::Verdict;
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::future::{Future, poll_fn};
use core::pin::{Pin, pin};
use core::task::Poll;

/// An owner or a caller that goes on until it is done.
pub(super) type Task<'a> = Pin<Box<dyn Future<Output = Verdict> + Send + 'a>>;

/// Run `tasks` side by side, each round in another order. The first violation wins.
pub(super) async fn interleave(rng: &mut Rng, mut tasks: Vec<Task<'_>>) -> Verdict {
    let mut verdict = Ok(());
    poll_fn(|cx| {
        rng.shuffle(&mut tasks);
        tasks.retain_mut(|task| match task.as_mut().poll(cx) {
            Poll::Ready(Err(broken)) => {
                verdict = Err(broken);
                false
            }
            Poll::Ready(Ok(())) => false,
            Poll::Pending => true,
        });
        if tasks.is_empty() || verdict.is_err() { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    verdict
}

/// Run both to their ends, side by side; `a` moves first in each round.
pub(super) async fn both<A: Future, B: Future>(a: A, b: B) -> (A::Output, B::Output) {
    let (mut a, mut b) = (pin!(a), pin!(b));
    let (mut from_a, mut from_b) = (None, None);
    poll_fn(move |cx| {
        if from_a.is_none() {
            from_a = ready(a.as_mut().poll(cx));
        }
        if from_b.is_none() {
            from_b = ready(b.as_mut().poll(cx));
        }
        match (from_a.take(), from_b.take()) {
            (Some(a), Some(b)) => Poll::Ready((a, b)),
            unfinished => {
                (from_a, from_b) = unfinished;
                Poll::Pending
            }
        }
    })
    .await
}

/// Let the others move `rounds` times, then run `future`.
pub(super) async fn delayed<F: Future>(rounds: u32, future: F) -> F::Output {
    for _ in 0..rounds {
        yield_now().await;
    }
    future.await
}

/// Poll `future` at most `times` times. `None`: it is still pending, and may be polled on.
pub(super) async fn polled<F: Future>(mut future: Pin<&mut F>, times: u32) -> Option<F::Output> {
    let mut left = times;
    poll_fn(|cx| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        if let Poll::Ready(output) = future.as_mut().poll(cx) {
            return Poll::Ready(Some(output));
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await
}

/// Let everybody else move once.
pub(super) async fn yield_now() {
    let mut yielded = false;
    poll_fn(|cx| {
        if yielded {
            return Poll::Ready(());
        }
        yielded = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

fn ready<T>(poll: Poll<T>) -> Option<T> {
    match poll {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}

/// SplitMix64: small, seeded by any number, the same on every machine.
#[derive(Clone, Debug)]
pub struct Rng(u64);

impl Rng {
    /// The numbers that follow from `seed`.
    pub fn new(seed: u64) -> Rng {
        Rng(seed)
    }

    /// A number below `bound`, which is not 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    /// A generator of its own for somebody else.
    pub fn fork(&mut self) -> Rng {
        Rng(self.next())
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn shuffle<T>(&mut self, list: &mut [T]) {
        for last in (1..list.len()).rev() {
            let other = self.below(last as u64 + 1) as usize;
            list.swap(last, other);
        }
    }
}
