//! A time that moves by itself when somebody sleeps, and the executor that moves it.

use semel_core::failure::Failure;
use semel_core::leg::Pace;
use semel_core::retry::Schedule;
use std::collections::BTreeMap;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// The time, shared by everybody in a test.
#[derive(Clone, Default)]
pub struct Clock(Arc<Mutex<Times>>);

#[derive(Default)]
struct Times {
    now: Duration,
    /// When each sleeper wakes, by its number.
    sleepers: BTreeMap<u64, Duration>,
    numbers: u64,
}

impl Clock {
    /// Run `future` for as long as there is `more` to wait for; what it ended with, if it did.
    /// `more` is asked at each moment, when everybody sleeps.
    pub fn run<F: Future>(&self, future: F, mut more: impl FnMut() -> bool) -> Option<F::Output> {
        let mut future = pin!(future);
        let mut context = Context::from_waker(Waker::noop());
        loop {
            if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
                return Some(output);
            }
            if !more() {
                return None;
            }
            self.move_on();
        }
    }

    /// Let time pass in which nobody does anything.
    pub fn pass(&self, time: Duration) {
        self.0.lock().unwrap().now += time;
    }

    fn move_on(&self) {
        let mut times = self.0.lock().unwrap();
        let first = times.sleepers.values().min().copied();
        times.now = times.now.max(first.expect("whoever waits is waiting for a moment"));
    }
}

impl Pace for Clock {
    fn now(&self) -> Duration {
        self.0.lock().unwrap().now
    }

    async fn sleep(&self, time: Duration) {
        let number = {
            let mut times = self.0.lock().unwrap();
            times.numbers += 1;
            let (number, until) = (times.numbers, times.now + time);
            times.sleepers.insert(number, until);
            number
        };
        Sleep { clock: self, number }.await;
    }

    async fn idle(&self, at_most: Duration) {
        self.sleep(at_most).await;
    }

    fn backoff(&self, failed: u32, _: &Failure) -> Duration {
        Schedule::STORE.wait(failed, u32::MAX)
    }
}

struct Sleep<'a> {
    clock: &'a Clock,
    number: u64,
}

impl Future for Sleep<'_> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        let times = self.clock.0.lock().unwrap();
        match times.sleepers[&self.number] <= times.now {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    }
}

impl Drop for Sleep<'_> {
    fn drop(&mut self) {
        self.clock.0.lock().unwrap().sleepers.remove(&self.number);
    }
}
