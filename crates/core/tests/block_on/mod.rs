//! The smallest executor: one future, polled until it is ready. No waker, no sleep, no thread.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

/// Run `future` to its end.
pub fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
    }
}
