//! The world: tasks, time and chance, all decided by one seed.
//!
//! One thread polls one task after another; which one comes next, how long anything takes and what
//! goes wrong is drawn from the seed's random numbers. When nobody can move, time goes on to the
//! next moment at which somebody can. The same seed gives the same history on any machine.
//!
//! Deliberately absent: real time, real waiting, and every map whose order is random.

mod executor;

pub use executor::Executor;

use executor::queue;
use semel_core::exactly_once::conformance::Rng;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// Who a task belongs to: what is killed or stopped together.
pub type Process = u32;

/// What is never killed and never stopped: servers, networks, people.
pub const OUTSIDE: Process = 0;

/// How long a slow task is held up at most.
const SLOW_MICROS: u64 = 200_000;

type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The world. Cheap to clone.
#[derive(Clone)]
pub struct World {
    inner: Arc<Mutex<Inner>>,
}

struct Inner {
    now: u64,
    rng: Rng,
    /// What will happen: when, in which order among equals, and to whom.
    timers: BinaryHeap<Reverse<(u64, u64, Event)>>,
    timer_count: u64,
    ready: Arc<Mutex<Vec<usize>>>,
    spawned: Vec<(Process, Task)>,
    killed: BTreeSet<Process>,
    /// Who is stopped, and until when.
    stopped: BTreeMap<Process, u64>,
    /// One task in so many is held up when its turn comes; 0: none.
    slow_one_in: u64,
    slowed: u64,
    history: Option<String>,
}

enum Event {
    /// A wait is over.
    Over(Arc<Mutex<Option<Waker>>>),
    /// A task that was held up may move.
    Ready(usize),
}

impl PartialEq for Event {
    fn eq(&self, _: &Event) -> bool {
        true
    }
}
impl Eq for Event {}
impl PartialOrd for Event {
    fn partial_cmp(&self, other: &Event) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Event {
    // Moments are told apart by their numbers.
    fn cmp(&self, _: &Event) -> std::cmp::Ordering {
        std::cmp::Ordering::Equal
    }
}

impl World {
    /// A world in which nothing has happened; whether it writes its history down.
    pub fn new(seed: u64, history: bool) -> World {
        let inner = Inner {
            now: 0,
            rng: Rng::new(seed),
            timers: BinaryHeap::new(),
            timer_count: 0,
            ready: Arc::default(),
            spawned: Vec::new(),
            killed: BTreeSet::new(),
            stopped: BTreeMap::new(),
            slow_one_in: 0,
            slowed: 0,
            history: history.then(String::new),
        };
        World { inner: Arc::new(Mutex::new(inner)) }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().expect("nobody panics while holding it")
    }

    /// Microseconds since the world began.
    pub fn now(&self) -> u64 {
        self.lock().now
    }

    /// A number below `bound`, which is not 0.
    pub fn below(&self, bound: u64) -> u64 {
        self.lock().rng.below(bound)
    }

    /// Whether something happens that happens once in `n`; never for 0.
    pub fn one_in(&self, n: u64) -> bool {
        n > 0 && self.below(n) == 0
    }

    /// A time up to `longest`, short ones more often.
    pub fn some_time(&self, longest: Duration) -> Duration {
        let most = longest.as_micros() as u64 + 1;
        let below = self.below(most) + 1;
        Duration::from_micros(self.below(below))
    }

    /// A number for jitter.
    pub fn jitter(&self) -> u32 {
        self.below(1 << 32) as u32
    }

    /// From now on one task in `one_in` is held up when its turn comes.
    pub fn slow_down(&self, one_in: u64) {
        self.lock().slow_one_in = one_in;
    }

    /// How often a task was held up.
    pub fn slowed(&self) -> u64 {
        self.lock().slowed
    }

    /// Begin a task of `process`.
    pub fn spawn(&self, process: Process, task: impl Future<Output = ()> + Send + 'static) {
        self.lock().spawned.push((process, Box::pin(task)));
    }

    /// End all tasks of `process` where they stand.
    pub fn kill(&self, process: Process) {
        self.lock().killed.insert(process);
    }

    /// Stop all tasks of `process` for `time`, as SIGSTOP does.
    pub fn stop(&self, process: Process, time: Duration) {
        let mut inner = self.lock();
        let until = inner.now + time.as_micros() as u64;
        inner.stopped.insert(process, until);
    }

    /// Wait.
    pub fn sleep(&self, time: Duration) -> Sleep {
        Sleep { world: self.clone(), time, until: None }
    }

    /// Whether the history is written down.
    pub fn is_told(&self) -> bool {
        self.lock().history.is_some()
    }

    /// Write a line of the history, if anybody wants it.
    pub fn tell(&self, who: &str, what: impl FnOnce() -> String) {
        if !self.is_told() {
            return;
        }
        let what = what();
        let mut inner = self.lock();
        let now = inner.now;
        let Some(history) = &mut inner.history else { return };
        let (seconds, micros) = (now / 1_000_000, now % 1_000_000);
        history.push_str(&format!("{seconds:>5}.{micros:06}  {who:<16} {what}\n"));
    }

    /// The history so far.
    pub fn history(&self) -> String {
        self.lock().history.clone().unwrap_or_default()
    }

    /// Whether the task has to wait although its turn has come: its process is stopped, or chance
    /// holds it up.
    fn holds_up(&self, process: Process, task: usize) -> bool {
        let mut inner = self.lock();
        let (now, one_in) = (inner.now, inner.slow_one_in);
        let stopped = inner.stopped.get(&process).copied().filter(|until| now < *until);
        let until = match stopped {
            Some(until) => until,
            None if process == OUTSIDE || one_in == 0 || inner.rng.below(one_in) > 0 => {
                return false;
            }
            None => {
                inner.slowed += 1;
                now + inner.rng.below(SLOW_MICROS)
            }
        };
        inner.at(until, Event::Ready(task));
        true
    }

    /// Go on to the next moment at which something happens, unless that comes after `until`.
    fn advance(&self, until: u64) -> bool {
        let mut inner = self.lock();
        let Some(Reverse((at, ..))) = inner.timers.peek() else { return false };
        if *at > until {
            return false;
        }
        let Some(Reverse((at, _, event))) = inner.timers.pop() else { return false };
        inner.now = inner.now.max(at);
        let ready = inner.ready.clone();
        drop(inner);
        match event {
            Event::Ready(task) => queue(&ready, task),
            Event::Over(sleeper) => {
                let waker = sleeper.lock().expect("nobody panics while holding it").take();
                waker.into_iter().for_each(Waker::wake);
            }
        }
        true
    }
}

impl Inner {
    fn at(&mut self, moment: u64, event: Event) {
        self.timer_count += 1;
        // Among what happens at one moment, chance decides.
        let order = self.rng.below(1 << 20) << 40 | self.timer_count;
        self.timers.push(Reverse((moment, order, event)));
    }
}

/// A wait for a moment.
pub struct Sleep {
    world: World,
    time: Duration,
    until: Option<(u64, Arc<Mutex<Option<Waker>>>)>,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let world = self.world.clone();
        let mut inner = world.lock();
        let waker = Some(cx.waker().clone());
        match &self.until {
            Some((until, _)) if *until <= inner.now => return Poll::Ready(()),
            Some((_, sleeper)) => *sleeper.lock().expect("nobody panics while holding it") = waker,
            None => {
                let until = inner.now + self.time.as_micros().max(1) as u64;
                let sleeper = Arc::new(Mutex::new(waker));
                inner.at(until, Event::Over(sleeper.clone()));
                self.until = Some((until, sleeper));
            }
        }
        Poll::Pending
    }
}
